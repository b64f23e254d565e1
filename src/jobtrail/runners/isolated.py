"""Runs a Python function in a child process that can be measured and killed. The worker's side; `child` is the other.

The child gets the worker's environment without jobtrail's own settings (`JOBTRAIL_…`): it has no way to the database
but this desk. Code that enqueues from a child names its database itself. It gets no connection and no open file of
the worker.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, assert_never

import msgspec

from jobtrail.core.config import PREFIX
from jobtrail.core.errors import Invalid, JobtrailError
from jobtrail.core.fence import Used
from jobtrail.core.outcome import Done, Dropped, Fail, Outcome, Stopped, Wait, Waits
from jobtrail.core.status import LogLevel, LogSource
from jobtrail.process.lines import Line, LineSplitter, Source
from jobtrail.process.supervise import Ended, Reason, Spec, run
from jobtrail.runners import refusals, wire
from jobtrail.runners.context import Context
from jobtrail.runners.instructions import Instructions
from jobtrail.runners.protocol import LogLine
from jobtrail.runners.python import PythonRunner

GRACE: Final = timedelta(seconds=10)
OUTPUT_BYTES: Final = 64 << 20
_TAIL_LINES: Final = 20
_LAST_WORDS_SECONDS: Final = 2.0
_LONGEST_PATH: Final = 100  # of a socket; the kernel's limit is 104 to 108 bytes
_ARGV: Final = ("-P", "-u", "-X", "faulthandler", "-m", "jobtrail.runners.child")


class IsolatedRunner(PythonRunner):
    """One function as a type of job, each attempt in a process of its own."""

    kills_itself = True

    def __init__(
        self,
        type: str,
        function: Callable[..., Any],
        *,
        grace: timedelta = GRACE,
        check: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(type, function, isolation="process", check=check)
        self.grace = grace
        self.worker = ""
        self.cgroups: Path | None = None
        if "<" in function.__qualname__:
            raise Invalid(
                f"{type} is to run in a process of its own, which must import it: {function.__qualname__} is defined "
                "inside another function; move it to the top of its module"
            )

    def serve(self, worker: str, cgroups: Path | None) -> None:
        """Works for this worker from now on: what a child starts carries its mark."""
        self.worker, self.cgroups = worker, cgroups

    async def run(self, context: Context) -> Outcome:
        """Runs the function in a child to its end, and leaves nothing of it behind."""
        with _private_folder() as folder:
            return await _Attempt(self, context, folder).to_the_end()


class _Attempt:
    """A child from its start to its end."""

    def __init__(self, runner: IsolatedRunner, context: Context, folder: Path) -> None:
        self._runner, self._context, self._desk = runner, context, context.desk
        self._socket = folder / "desk"
        self._token = secrets.token_urlsafe(32)
        self._cancelled = asyncio.Event()
        self._connections: set[asyncio.StreamWriter] = set()
        self._writer: asyncio.StreamWriter | None = None  # of the connection that is the child's
        self._heard = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._splitters = {source: LineSplitter(source) for source in Source}
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._steps: list[Any] = []
        self._process: asyncio.Task[Ended] | None = None
        self._unwind: Waits | Dropped | None = None
        self._end: Outcome | None = None
        self._broken: str | None = None

    async def to_the_end(self) -> Outcome:
        """Starts the child and serves it. Raises Waits or Dropped when the desk does."""
        server = await asyncio.start_unix_server(self._serve, self._socket, limit=wire.LINE_BYTES)
        self._later(self._until_told())
        try:
            self._process = asyncio.create_task(self._supervised())
            ended = await self._process
            await self._all_heard()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._unwind is None or (task is not None and task.cancelling()):
                raise  # not ours: the worker wants this to end
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            for connection in self._connections:
                connection.transport.abort()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._unwind is not None:
            raise self._unwind
        return self._judged(ended)

    async def _all_heard(self) -> None:
        """The process has ended; its last words may still be on their way."""
        if self._writer is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), _LAST_WORDS_SECONDS)

    async def _supervised(self) -> Ended:
        spec = Spec(
            argv=[sys.executable, *_ARGV],
            env=environment(os.environ),
            marker=str(self._context.assignment.attempt_id),
            worker=self._runner.worker,
            stdin=msgspec.json.encode(self._instructions()),
            grace=self._runner.grace,
            output_limit_bytes=OUTPUT_BYTES,
        )
        ended = await run(spec, on_output=self._printed, cancelled=self._cancelled, cgroups=self._runner.cgroups)
        for splitter in self._splitters.values():
            self._log(splitter.flush())
        if ended.dropped_bytes:
            said = f"it printed more than {OUTPUT_BYTES} bytes; {ended.dropped_bytes} were not kept"
            self._desk.log(LogLine(said, LogLevel.WARN, LogSource.SYSTEM))
        return ended

    def _instructions(self) -> Instructions:
        function = self._runner.function
        module, file = _module(function.__module__)
        return Instructions(
            socket=str(self._socket),
            token=self._token,
            path=[each or str(Path.cwd()) for each in sys.path],
            module=module,
            file=file,
            qualname=function.__qualname__,
            assignment=self._context.assignment,
        )

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _until_told(self) -> None:
        reason = await self._desk.stopping()
        self._send(wire.Stop(reason=reason))
        self._cancelled.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, which must be the child's: whoever does not know the token is hung up on."""
        self._connections.add(writer)
        try:
            hello = wire.read_child(await reader.readline())
            known = isinstance(hello, wire.Hello) and hmac.compare_digest(hello.token, self._token)
            if not known or self._writer is not None:
                return
            self._writer = writer
            self._send(wire.Welcome())
            while data := await reader.readline():
                self._take(wire.read_child(data))
        except (ValueError, OSError, JobtrailError) as error:  # msgspec's are ValueErrors, and so is a line too long
            if self._writer is writer:
                self._give_up(f"it said what it may not say: {error}")
        finally:
            if self._writer is writer:
                self._heard.set()
            if self._writer is not writer or self._broken is None:  # else it is asked to end before it is hung up on
                self._connections.discard(writer)
                writer.close()

    def _take(self, said: wire.FromChild) -> None:
        match said:
            case wire.Wrote():
                fields = {name: getattr(said, name) for name in said.__struct_fields__ if name != "step_id"}
                self._desk.log(LogLine(**fields), said.step_id)
            case wire.Progressed():
                self._desk.progress(said.percent, said.stage)
            case wire.Measured():
                self._desk.metric(said.name, float("nan") if said.value is None else said.value, said.unit)
            case wire.Alive():
                self._desk.alive()
            case wire.End():
                self._end = wire.outcome(said)
                self._leave_soon()
            case wire.Hello():
                raise ValueError("a second greeting")
            case _:
                self._later(self._answer(said))

    async def _answer(self, asked: wire.Question) -> None:
        if self._unwind is not None:
            return self._unwound(asked.id, self._unwind)
        try:
            self._send(wire.Answer(id=asked.id, value=wire.value_of(await self._done(asked))))
        except (Waits, Dropped) as unwind:
            self._unwind = unwind
            self._unwound(asked.id, unwind)
        except Exception as error:  # noqa: BLE001  the child's code asked, so it is the child's code that is told
            self._send(refusals.refusal(asked.id, error))
        return None

    async def _done(self, asked: wire.Question) -> object:
        desk = self._desk
        match asked:
            case wire.BeginStep():
                begun = await desk.begin_step(asked.key, asked.name, asked.phase, asked.type)
                self._steps.append(begun.step_id)
                return begun
            case wire.FinishStep():
                with suppress(ValueError):
                    self._steps.remove(asked.step_id)
                await desk.finish_step(asked.step_id, asked.status, asked.output, asked.error)
            case wire.SkipStep():
                await desk.skip_step(asked.key, asked.name, asked.phase, asked.type, asked.why)
            case wire.Ask():
                return await desk.ask(
                    asked.key,
                    asked.question,
                    phase=asked.phase,
                    approvers=asked.approvers,
                    needed=asked.needed,
                    form=asked.form,
                    expires=None if asked.expires_seconds is None else timedelta(seconds=asked.expires_seconds),
                    rules=asked.rules,
                )
            case wire.WaitFor():
                return await desk.wait(asked.key, asked.name, asked.phase, asked.wanted)
            case wire.Children():
                return await desk.children(asked.key, asked.name, asked.phase, asked.wanted, wakes=asked.wakes)
            case wire.Keep():
                return await desk.keep(asked.name, Path(asked.path), asked.role, asked.media_type, asked.step_id)
            case wire.Use():
                return await desk.use(asked.call, asked.step_id)
            case wire.Tell():
                await desk.tell(asked.event, asked.note, asked.step_id)
            case wire.Identify():
                await desk.identify(process_id=asked.process_id, session_id=asked.session_id)
            case _:
                return await self._told(asked)
        return None

    async def _told(
        self,
        asked: wire.Reserve
        | wire.Earlier
        | wire.Needed
        | wire.Policy
        | wire.Signalled
        | wire.Home
        | wire.Secret
        | wire.Workdir,
    ) -> object:
        """What a question only wants to know."""
        desk = self._desk
        match asked:
            case wire.Reserve():
                return await desk.reserve(asked.usd, asked.tokens, up_to=asked.up_to)
            case wire.Earlier():
                return await desk.earlier()
            case wire.Needed():
                return list((await desk.needed()).values())
            case wire.Policy():
                return await desk.policy()
            case wire.Signalled():
                return await desk.signalled(asked.name)
            case wire.Home():
                return str(desk.home())
            case wire.Secret():
                return desk.secret(asked.reference)
            case wire.Workdir():
                return str(desk.workdir())
            case _:
                assert_never(asked)

    def _unwound(self, id: int, unwind: Waits | Dropped) -> None:
        """A job that waits lets its code unwind; one that was lost is killed before it does more."""
        if isinstance(unwind, Waits):
            self._send(wire.Unwind(id=id, gate_id=unwind.gate_id))
            self._leave_soon()
        elif self._process is not None:
            self._process.cancel()

    def _leave_soon(self) -> None:
        """The code has ended: what holds its process up is stopped after the grace period."""
        asyncio.get_running_loop().call_later(self._runner.grace.total_seconds(), self._cancelled.set)

    def _give_up(self, why: str) -> None:
        self._broken = self._broken or why
        self._cancelled.set()

    def _send(self, said: wire.FromWorker) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(wire.line(said))

    def _printed(self, source: Source, data: bytes) -> None:
        self._log(self._splitters[source].feed(data))

    def _log(self, lines: list[Line]) -> None:
        step = self._steps[0] if len(self._steps) == 1 else None
        for line in lines:
            if line.source is Source.STDERR:
                self._tail.append(line.shown[:400])
            self._desk.log(LogLine(line.shown, source=LogSource(line.source.value)), step)

    def _judged(self, ended: Ended) -> Outcome:
        """What the code answered; if it could not, what its process died of."""
        code = ended.exit_code if ended.signal is None else -ended.signal
        used = Used(ended.usage.cpu_seconds, ended.usage.memory_bytes, ended.usage.disk_bytes, code)
        answer = self._end
        if self._desk.stop_reason is not None and not isinstance(answer, Done):
            return Stopped(used)
        if isinstance(answer, Done | Fail | Stopped):
            return replace(answer, used=used)
        if isinstance(answer, Wait):
            answer.used = used
        if answer is not None:
            return answer
        if self._broken is not None:
            return Fail("protocol", f"the process of the job was ended, because {self._broken}", used=used)
        return Fail(*self._died(ended), stack="\n".join(self._tail) or None, used=used)

    def _died(self, ended: Ended) -> tuple[str, str]:
        last = f": {self._tail[-1]}" if self._tail else ""
        match ended.reason:
            case Reason.OOM:
                return "oom", f"the process of the job ran {ended.message}"
            case Reason.NOT_STARTED:
                return "not_started", f"the process of the job could not be started: {ended.message}"
            case _ if ended.signal is not None:
                return "signal", f"the process of the job {ended.message}{last}"
            case _:
                how = f"with exit code {ended.exit_code}"
                return "exit_code", f"the process of the job ended {how} before its function returned{last}"


def environment(ours: Any) -> dict[str, str]:
    """What a child gets of the worker's environment: all but jobtrail's own settings, of which some are keys."""
    return {name: value for name, value in ours.items() if not name.startswith(PREFIX)}


@contextmanager
def _private_folder() -> Iterator[Path]:
    """A folder that nobody else may enter, with a path that is short enough for a socket in it."""
    usual = tempfile.gettempdir()
    short = usual if len(usual) + 24 < _LONGEST_PATH else "/tmp"  # noqa: S108  (the folder in it is made for us alone)
    with tempfile.TemporaryDirectory(prefix="jt-", dir=short, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _module(name: str) -> tuple[str, str | None]:
    """How a child imports a module: its name, and its file where the name does not lead there."""
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    file = getattr(module, "__file__", None)
    if name == "__main__" and spec is not None:
        return spec.name, file
    return name, file
