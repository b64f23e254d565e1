"""Runs one step: its command, as often as it may be tried, and what is to be kept of it. Knows no order of steps."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import msgspec

from jobtrail.core import duration, jsonguard
from jobtrail.core.errors import Invalid, JobtrailError
from jobtrail.core.fence import Used
from jobtrail.core.outcome import Dropped
from jobtrail.core.status import LogLevel, LogSource, StepStatus, StepType
from jobtrail.core.template import Values, render
from jobtrail.process.supervise import Ended, Meter, Source, Spec, run
from jobtrail.runners.pipeline.environment import Secrets, environment
from jobtrail.runners.pipeline.files import Found, find
from jobtrail.runners.pipeline.folder import Folder
from jobtrail.runners.pipeline.halt import Halt
from jobtrail.runners.pipeline.plan import Planned, wrong_glob
from jobtrail.runners.pipeline.printed import Printed
from jobtrail.runners.pipeline.verdict import Failure, judge, told
from jobtrail.runners.protocol import Desk, LogLine

N = TypeVar("N", int, float)

MAX_OUTPUT_BYTES = 64 << 20  # of one try; the rest is read and dropped, so that a flood ends in the log, not in memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What all commands of a worker share."""

    path: str
    worker: str = ""
    meter: Meter = field(default_factory=Meter)
    cgroups: Path | None = None
    grace: timedelta = timedelta(seconds=10)
    memory_limit_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A step with everything filled in. Files that it keeps must lie inside of `fence`."""

    argv: list[str]
    cwd: Path
    env: Mapping[str, str]
    patterns: list[str]
    fence: Path
    role: str = "output"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEnd:
    """How a step ended. `remembered`: in an earlier attempt."""

    status: StepStatus
    exit_code: int | None = None
    duration_ms: int | None = None
    output: object = None
    failure: Failure | None = None
    used: Used = field(default_factory=Used)
    remembered: bool = False

    def as_json(self) -> str:
        """What is remembered of it."""
        facts = {"exit_code": self.exit_code, "duration_ms": self.duration_ms, "output": self.output}
        return jsonguard.clean_value({key: value for key, value in facts.items() if value is not None})[0].decode()


def prepare(step: Planned, values: Values, *, folder: Folder, path: str, secrets: Secrets) -> Command:
    """Fill in. Raises JobtrailError with what cannot be: a value that is not there, a secret, a folder outside."""
    patterns = [render(each, values) for each in step.artifacts]
    for pattern in patterns:
        if wrong := wrong_glob(pattern):
            raise Invalid(f"the pattern {pattern!r} {wrong}")
    cwd = folder.inside(None if step.cwd is None else render(step.cwd, values))
    return Command(
        argv=[render(word, values) for word in step.argv],
        cwd=cwd,
        env=environment(step.env, values, folder, path, secrets),
        patterns=patterns,
        fence=folder.fence(cwd),
    )


def remembered(output: str | None) -> StepEnd:
    """What an earlier attempt remembered. Only `as_json` wrote it, so nothing else is expected, or harmful."""
    facts = msgspec.json.decode(output) if output else {}
    facts = facts if isinstance(facts, dict) else {}
    return StepEnd(
        status=StepStatus.COMPLETED,
        exit_code=facts.get("exit_code"),
        duration_ms=facts.get("duration_ms"),
        output=facts.get("output"),
        remembered=True,
    )


def _unheard(_step_id: UUID, _line: LogLine) -> None:
    return None


class Bench:
    """Where the steps of one attempt are run, one by one or several at once. `heard` gets each printed line too."""

    def __init__(self, desk: Desk, host: Host, halt: Halt, heard: Callable[[UUID, LogLine], None] = _unheard) -> None:
        self.secrets = Secrets(desk.secret)
        self._desk = desk
        self._host = host
        self._halt = halt
        self._heard = heard

    async def run(self, step: Planned, command: Command, step_id: UUID, marker: str, stop: asyncio.Event) -> StepEnd:
        """Run it to its end; never raises for what the command does. `marker` tells its processes from all others."""
        begun = time.monotonic()
        end = StepEnd(status=StepStatus.COMPLETED)
        if command.argv:
            end = await self._tried(step, command, step_id, marker, stop)
        if command.patterns and not (end.failure is not None and end.failure.stopped):
            failure = await self._keep(step, command, step_id)
            end = replace(end, failure=end.failure or failure)
        if end.failure is not None:
            hidden = replace(end.failure, message=self.secrets.hide(end.failure.message))
            end = replace(end, failure=hidden, status=StepStatus.FAILED)
        return replace(end, duration_ms=round((time.monotonic() - begun) * 1_000))

    def note(self, text: str, step: Planned, step_id: UUID | None, level: LogLevel = LogLevel.INFO) -> None:
        """Say something about a step in the log, in our own words."""
        line = LogLine(self.secrets.hide(text), level, LogSource.SYSTEM, component=step.name)
        self._desk.log(line, step_id)

    def _log(self, step_id: UUID, line: LogLine) -> None:
        self._desk.log(line, step_id)
        self._heard(step_id, line)

    async def _tried(self, step: Planned, command: Command, step_id: UUID, marker: str, stop: asyncio.Event) -> StepEnd:
        used = Used()
        for tries in count(1):
            self.note(f"$ {as_typed(command.argv)}", step, step_id)
            printed = Printed(step.name, self.secrets.values, partial(self._log, step_id))
            ended = await self._once(step, command, printed, marker, stop)
            used = plus(used, _used(ended))
            failure = judge(step, ended, printed.tail, tries)
            if ended.dropped_bytes:
                self.note(f"{ended.dropped_bytes} bytes of output were dropped", step, step_id, LogLevel.WARN)
            if failure is None or failure.stopped or failure.code == "not_found" or tries >= step.tries:
                break
            wait = f"in {duration.show(step.pause)}" if step.pause else "at once"
            text = f"{failure.message.splitlines()[0]}; try {tries + 1} of {step.tries} {wait}"
            self.note(text, step, step_id, LogLevel.WARN)
            await _stopped_within(stop, step.pause)
        output = self._answer(step, printed, step_id) if failure is None else None
        return StepEnd(
            status=StepStatus.COMPLETED, exit_code=ended.exit_code, output=output, failure=failure, used=used
        )

    async def _once(self, step: Planned, command: Command, printed: Printed, marker: str, stop: asyncio.Event) -> Ended:
        def take(source: Source, data: bytes) -> None:
            try:
                self._desk.alive()
                printed.take(source, data)
            except Dropped as dropped:
                self._halt.drop(dropped)

        spec = Spec(
            argv=command.argv,
            env=command.env,
            marker=marker,
            worker=self._host.worker,
            cwd=command.cwd,
            stdin=step.stdin,
            wall=step.timeout,
            idle=step.idle_timeout,
            grace=self._host.grace,
            output_limit_bytes=MAX_OUTPUT_BYTES,
            memory_limit_bytes=self._host.memory_limit_bytes,
        )
        ended = await run(spec, on_output=take, cancelled=stop, meter=self._host.meter, cgroups=self._host.cgroups)
        self._halt.check()
        printed.end()
        return ended

    def _answer(self, step: Planned, printed: Printed, step_id: UUID) -> object:
        """What the step answers to later ones: its last line, if it was asked for. Unreadable is no reason to fail."""
        if step.output is None:
            return None
        line = printed.last_line
        if line is None or step.output == "stdout_line":
            return line
        try:
            return jsonguard.decode(line, at="the last line")
        except JobtrailError as error:
            text = f"the output is not remembered: {error.message}"
            self.note(text, step, step_id, LogLevel.WARN)
            return None

    async def _keep(self, step: Planned, command: Command, step_id: UUID) -> Failure | None:
        """Keep the files that the step names, also of one that failed: reports are wanted most then."""
        try:
            found: Found = await asyncio.to_thread(find, command.patterns, command.cwd, command.fence)
            for complaint in found.complaints:
                self.note(complaint, step, step_id, LogLevel.WARN)
            for name, path in found.files.items():
                await self._desk.keep(self.secrets.hide(name), path, command.role, None, step_id)
        except (JobtrailError, OSError) as error:
            what = error.message if isinstance(error, JobtrailError) else str(error)
            return Failure(code="not_kept", message=f"step {step.name!r} could not keep its files: {what}")
        if step.type is StepType.ARTIFACT and not found.files:
            sentence = f"step {step.name!r} found nothing to keep"
            return Failure(code="no_artifact", message=told(sentence, found.complaints))
        return None


def plus(one: Used, other: Used) -> Used:
    """Both together; of memory the larger peak, of exit codes the later."""
    return Used(
        cpu_seconds=_sum(one.cpu_seconds, other.cpu_seconds),
        memory_bytes=max(one.memory_bytes or 0, other.memory_bytes or 0) or None,
        disk_bytes=_sum(one.disk_bytes, other.disk_bytes),
        exit_code=one.exit_code if other.exit_code is None else other.exit_code,
    )


def _sum(one: N | None, other: N | None) -> N | None:
    return one if other is None else other if one is None else one + other


def _used(ended: Ended) -> Used:
    used = ended.usage
    return Used(used.cpu_seconds, used.memory_bytes, used.disk_bytes, ended.exit_code)


def as_typed(argv: list[str]) -> str:
    """The command as a person would type it."""
    return argv[2] if argv[:2] == ["/bin/sh", "-c"] and len(argv) == 3 else shlex.join(argv)


async def _stopped_within(stop: asyncio.Event, pause: timedelta) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(pause.total_seconds()):
            await stop.wait()
