"""One invocation of the program: started, heard line by line, watched, ended for sure, judged, and booked once."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from jobtrail.core import jsonguard
from jobtrail.core.fence import Used
from jobtrail.core.outcome import Dropped
from jobtrail.core.status import LogLevel, LogSource, Phase, StepStatus, StepType
from jobtrail.process.supervise import Ended, Source, Spec, run
from jobtrail.runners.claude.facts import (
    ApiRetry,
    Fact,
    Init,
    Limited,
    NotJson,
    Result,
    Said,
    Spent,
    ToolCalled,
    ToolEnded,
)
from jobtrail.runners.claude.ledger import Seen, calls_of, cost_of
from jobtrail.runners.claude.progress import Progress
from jobtrail.runners.claude.stream import Line, Splitter, read
from jobtrail.runners.claude.told import COMPONENT, lines_of
from jobtrail.runners.claude.tools import ToolSteps
from jobtrail.runners.claude.verdict import UNAUTHORIZED, Evidence, Kind, Stop, Verdict, judge
from jobtrail.runners.pipeline.environment import Secrets
from jobtrail.runners.pipeline.halt import Halt
from jobtrail.runners.pipeline.printed import Printed
from jobtrail.runners.pipeline.step import Host
from jobtrail.runners.protocol import Desk, LogLine
from jobtrail.service.usage import Call

INTERRUPT = timedelta(seconds=3)  # after SIGINT the program ends its tools and tells the cost; SIGTERM does neither
TOOL_SECONDS = 600.0  # the most that the program lets a tool work
PEOPLE_SECONDS = 10.0  # for a turn to end by itself, once a call waits for people
IN_A_THREAD_BYTES = 256 << 10  # longer lines are read beside the event loop
MAX_LOGGED_BYTES = 256 << 20  # of one invocation; what comes after is heard, but not kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to run, and within which limits. `tokens` and `seconds` are what is left of the budget."""

    argv: list[str]
    env: Mapping[str, str]
    cwd: Path
    prompt: str
    session: str
    name: str  # of its step
    key: str
    marker: str
    wants_structured: bool
    idle: timedelta
    grace: timedelta
    max_turns: int | None = None
    tokens: int | None = None
    seconds: float | None = None
    people: asyncio.Event | None = None  # set when a call waits for people


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnd:
    """What came of it."""

    verdict: Verdict
    session: str
    result: Result | None
    calls: list[Call]
    turns: int
    model: str | None
    used: Used


@dataclass(slots=True)
class _Heard:
    """What was said so far, as far as it counts in the end."""

    session: str | None = None
    model: str | None = None
    said: bool = False
    last: Said | None = None
    limited: Limited | None = None
    retry: ApiRetry | None = None
    unauthorized: int = 0
    result: Result | None = None
    seen: Seen = field(default_factory=Seen)
    logged: int = 0


class Turn:
    """One invocation. `tools` is the attempt's."""

    def __init__(self, desk: Desk, host: Host, halt: Halt, secrets: Secrets, tools: ToolSteps, order: Order) -> None:
        self._desk, self._host, self._halt, self._secrets, self._tools = desk, host, halt, secrets, tools
        self._order = order
        self._stdout = Splitter()
        self._stderr = Printed(COMPONENT, secrets.values, self._from_stderr)
        self._heard = _Heard()
        self._progress = Progress(order.max_turns)
        self._cancelled = asyncio.Event()
        self._why: Stop | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._busy = 0  # with bytes that came
        self._heard_at = time.monotonic()
        self._pid: int | None = None
        self._step: UUID | None = None

    async def to_the_end(self) -> TurnEnd:
        """Run it. Raises Dropped when the attempt was lost; what the program does is told in the verdict."""
        order = self._order
        begun = await self._desk.begin_step(order.key, order.name, Phase.EXECUTION, StepType.AI_ACTION)
        self._step = begun.step_id
        spec = Spec(
            argv=order.argv,
            env=order.env,
            marker=order.marker,
            worker=self._host.worker,
            cwd=order.cwd,
            stdin=order.prompt.encode("utf-8", "replace"),
            grace=self._host.grace,
            interrupt=INTERRUPT,
            hasty=True,  # it does not wait until a long result is read
            memory_limit_bytes=self._host.memory_limit_bytes,
        )
        try:
            async with self._watching():
                ended = await run(
                    spec,
                    on_output=self._take,
                    cancelled=self._cancelled,
                    on_start=self._started,
                    meter=self._host.meter,
                    cgroups=self._host.cgroups,
                )
            self._halt.check()
            for line in self._stdout.flush():
                await self._line(line)
            self._stderr.end()
        except Exception:  # what cannot be filed ends the turn, but not unpaid
            self._halt.check()
            await self._book()
            raise
        self._halt.check()
        return await self._end(ended)

    def _started(self, pid: int) -> None:
        self._pid = pid

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        """Whoever may stop it is listened to."""
        tasks = [
            asyncio.create_task(self._until(self._halt.stop, Stop.JOB)),
            asyncio.create_task(self._until_idle(self._order.idle.total_seconds())),
        ]
        if self._order.people is not None:
            tasks.append(asyncio.create_task(self._until(self._order.people, Stop.PEOPLE, PEOPLE_SECONDS)))
        if self._order.seconds is not None:
            self._after(self._order.seconds, Stop.BUDGET)
        try:
            yield
        finally:
            for timer in self._timers:
                timer.cancel()
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _until(self, event: asyncio.Event, why: Stop, grace: float = 0.0) -> None:
        await event.wait()
        await asyncio.sleep(grace)
        self._stop(why)

    async def _until_idle(self, limit: float) -> None:
        """Silence, but not while a tool works: that has a limit of its own, and the program says nothing meanwhile."""
        while True:
            room = TOOL_SECONDS if self._tools.busy else 0.0
            quiet = 0.0 if self._busy else time.monotonic() - self._heard_at
            if quiet >= limit + room:
                self._stop(Stop.IDLE)
                return
            await asyncio.sleep(min(limit + room - quiet, limit))

    def _after(self, seconds: float, why: Stop) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(seconds, self._stop, why))

    def _stop(self, why: Stop) -> None:
        if self._why is None:
            self._why = why
            self._cancelled.set()

    async def _take(self, source: Source, data: bytes) -> None:
        """The next bytes; the pipe waits until they are filed."""
        self._busy += 1
        try:
            self._desk.alive()
            if source is Source.STDERR:
                self._stderr.take(source, data)
                return
            for line in self._stdout.feed(data):
                await self._line(line)
        except Dropped as dropped:
            self._halt.drop(dropped)
        finally:
            self._busy -= 1
            self._heard_at = time.monotonic()

    async def _line(self, line: Line) -> None:
        if len(line.raw) > IN_A_THREAD_BYTES:
            facts, logged = await asyncio.to_thread(_digested, line, self._secrets.hide)
        else:
            facts, logged = _digested(line, self._secrets.hide)
        for fact in facts:
            if isinstance(fact, ToolCalled):
                await self._tools.called(fact)
        self._heard.logged += len(line.raw)
        if self._heard.logged <= MAX_LOGGED_BYTES:
            for each in logged:
                self._desk.log(each, self._tools.step_of(each.correlation_id) or self._step)
        for fact in facts:
            await self._see(fact)

    async def _see(self, fact: Fact) -> None:
        heard = self._heard
        heard.said = heard.said or not isinstance(fact, NotJson)
        self._progress.see(fact)
        match fact:
            case Init():
                heard.session, heard.model = fact.session_id or self._order.session, fact.model
                await self._desk.identify(process_id=self._pid, session_id=fact.session_id)
            case Said():
                heard.last = fact
                heard.unauthorized = heard.unauthorized if fact.error else 0
            case Limited():
                heard.limited = fact
            case ApiRetry():
                heard.retry = fact
                heard.unauthorized = heard.unauthorized + 1 if fact.unauthorized else 0
                if heard.unauthorized >= UNAUTHORIZED:
                    self._stop(Stop.AUTH)
            case Spent():
                self._spent(fact)
            case ToolEnded():
                await self._tools.ended(fact)
            case Result():
                heard.result = fact
                self._after(self._order.grace.total_seconds(), Stop.HUNG)
            case _:
                pass
        if (percent := self._progress.percent) is not None and isinstance(fact, ToolCalled | ToolEnded | Spent):
            self._desk.progress(percent, self._progress.stage)

    def _spent(self, fact: Spent) -> None:
        self._heard.seen.see(fact)
        if self._order.tokens is not None and self._heard.seen.tokens >= self._order.tokens:
            self._stop(Stop.BUDGET)

    def _from_stderr(self, line: LogLine) -> None:
        self._desk.log(line, self._step)

    async def _end(self, ended: Ended) -> TurnEnd:
        """Judge it, book what it used, and close its steps."""
        heard, order = self._heard, self._order
        evidence = Evidence(
            ended=ended,
            stop=self._why,
            result=heard.result,
            said=heard.said,
            tail=tuple(self._stderr.tail),
            limited=heard.limited,
            retry=heard.retry,
            unauthorized=heard.unauthorized,
            last=heard.last,
            wants_structured=order.wants_structured,
            people=order.people is not None and order.people.is_set(),
        )
        verdict = judge(evidence, datetime.now(UTC), random.random())  # noqa: S311  (jitter, no secret)
        calls = await self._book()  # before all else that may fail
        await self._tools.close()
        await self._file(verdict, cost_of(calls))
        return TurnEnd(
            verdict=verdict,
            session=heard.session or order.session,
            result=heard.result,
            calls=calls,
            turns=heard.result.turns if heard.result is not None else self._progress.turns,
            model=heard.model,
            used=Used(ended.usage.cpu_seconds, ended.usage.memory_bytes, ended.usage.disk_bytes, ended.exit_code),
        )

    async def _book(self) -> list[Call]:
        retry, last = self._heard.retry, self._heard.last  # an answer that was cut off has no status, and is paid for
        refused = (retry is not None and retry.status is not None) or (last is not None and last.error is not None)
        calls = calls_of(self._heard.result, self._heard.seen, None if refused else self._heard.model)
        for call in calls:
            await self._desk.use(call, self._step)
        return calls

    async def _file(self, verdict: Verdict, cost: object) -> None:
        """The end of its step, and what people should know beside the outcome."""
        result = self._heard.result
        if self._heard.logged > MAX_LOGGED_BYTES:
            self._note(f"only the first {MAX_LOGGED_BYTES >> 20} MiB of what it printed are kept", LogLevel.WARN)
        for note in verdict.notes:
            self._note(note, LogLevel.WARN)
        if verdict.kind is not Kind.DONE:
            level = LogLevel.ERROR if verdict.kind is Kind.FAIL else LogLevel.WARN
            self._note(f"{verdict.code}: {verdict.message}", level)
        if self._step is None:
            return
        facts = {
            "session_id": self._heard.session or self._order.session,
            "turns": result.turns if result is not None else self._progress.turns,
            "cost_usd": None if cost is None else f"{cost:f}",
            "ended": verdict.code,
        }
        output = jsonguard.clean_value(facts)[0].decode()
        well = verdict.kind in (Kind.DONE, Kind.PEOPLE)
        status = StepStatus.COMPLETED if well else StepStatus.FAILED
        message = None if well else self._secrets.hide(verdict.message or verdict.code)
        await self._desk.finish_step(self._step, status, output, message)

    def _note(self, text: str, level: LogLevel) -> None:
        self._desk.log(LogLine(self._secrets.hide(text), level, LogSource.SYSTEM, COMPONENT), self._step)


def _hidden(fact: Fact, hide: Callable[[str], str]) -> Fact:
    """What outcomes are made of, without secrets: it is cut later, which would leave half of one."""
    match fact:
        case Result():
            text = None if fact.text is None else hide(fact.text)
            return replace(fact, text=text, errors=tuple(hide(each) for each in fact.errors))
        case Said(error=str()):
            return replace(fact, text=hide(fact.text))
        case _:
            return fact


def _digested(line: Line, hide: Callable[[str], str]) -> tuple[list[Fact], list[LogLine]]:
    facts = [_hidden(fact, hide) for fact in read(line.raw)]
    return facts, list(lines_of(line, facts, hide))
