"""Runs one command to its end: starts it, passes on its output, watches its clocks, and stops the whole tree for sure.

Knows processes only: no database, no job, no retry. How the command ended is told in `Ended`, never raised.

The ladder of stopping: SIGTERM to the process group (SIGINT before it, if wanted), the grace period, SIGKILL to the
group, then everything that the attempt ever started, wherever it went, until a look finds nothing. Once per worker,
before the first command, call `become_subreaper` and start a `Warden`; give all commands one `Meter`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from jobtrail.process.census import become_subreaper
from jobtrail.process.cgroup import Cgroup, oom_counter, oom_kills_in
from jobtrail.process.ended import Ended, Reason, in_words, inferred_oom
from jobtrail.process.ladder import Ladder
from jobtrail.process.launch import Child, NotStarted, launch
from jobtrail.process.lines import Source
from jobtrail.process.meter import Meter
from jobtrail.process.pipes import Input, OnOutput, Output
from jobtrail.process.sweep import sweep, sweep_orphans
from jobtrail.process.tree import Tree, Used

__all__ = ["Ended", "Meter", "Reason", "Source", "Spec", "Used", "become_subreaper", "run", "sweep", "sweep_orphans"]

DRAIN_SECONDS = 1.0  # how long output is awaited after the command ended, if a process that it left holds the pipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A command and its limits. `env` is all of its environment, but for the marks of its attempt and worker.

    `marker` is the attempt's id. `wall` limits the whole time, `idle` the time without output. Output beyond
    `output_limit_bytes` is read and dropped. `memory_limit_bytes` holds for the whole tree together. `interrupt`: it is
    stopped by SIGINT first, and has so long until SIGTERM: for programs that tidy up after the one, and not the other.
    `hasty`: it ends without waiting until its last words are read, and so gets a pipe for stdout that holds many.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    marker: str
    worker: str = ""
    cwd: Path | None = None
    stdin: bytes | None = None
    wall: timedelta | None = None
    idle: timedelta | None = None
    grace: timedelta = timedelta(seconds=10)
    interrupt: timedelta | None = None
    hasty: bool = False
    output_limit_bytes: int | None = None
    memory_limit_bytes: int | None = None

    def __post_init__(self) -> None:
        if not self.marker:
            raise ValueError("a command needs the id of its attempt as its marker: without it nobody could sweep it")


def _nobody(_pid: int) -> None:
    return None


async def run(
    spec: Spec,
    *,
    on_output: OnOutput,
    cancelled: asyncio.Event,
    on_start: Callable[[int], None] = _nobody,
    meter: Meter | None = None,
    cgroups: Path | None = None,
) -> Ended:
    """Run the command to its end and leave nothing of it behind.

    `on_output` may answer an awaitable: the pipe then waits for it. What it raises is raised here, after the tree was
    killed, as is the cancellation of this coroutine itself. `cgroups` is what `cgroup.delegated()` answered.
    """
    if cancelled.is_set():
        return Ended(reason=Reason.CANCELLED, message="cancelled before it was started")
    try:
        child = launch(
            spec.argv,
            cwd=spec.cwd,
            env=spec.env,
            with_input=spec.stdin is not None,
            attempt=spec.marker,
            worker=spec.worker,
            memory_limit=spec.memory_limit_bytes,
            hasty=spec.hasty,
        )
    except NotStarted as error:
        return Ended(reason=Reason.NOT_STARTED, message=error.message)
    running = _Running(spec, child, on_output, meter or Meter(), cgroups)
    try:
        on_start(child.pid)
        return await running.to_the_end(cancelled)
    finally:
        running.release()


class _Running:
    """A command from its start to the moment when nothing of it is left."""

    def __init__(self, spec: Spec, child: Child, on_output: OnOutput, meter: Meter, cgroups: Path | None) -> None:
        self._begun = time.monotonic()
        self._spec = spec
        self._child = child
        self._meter = meter
        self._error: Exception | None = None
        self._over = ""
        self._verdict: asyncio.Future[Reason] = asyncio.get_running_loop().create_future()
        self._tree = Tree(child.pid, spec.marker, spec.worker)
        self._cgroup = _cgroup(cgroups, spec, child.pid)
        interrupt = None if spec.interrupt is None else spec.interrupt.total_seconds()
        self._ladder = Ladder(self._tree, self._cgroup, meter.view, spec.grace.total_seconds(), interrupt)
        self._output = Output(child.outputs, on_output, spec.output_limit_bytes, self._failed)
        self._input = Input(child.input, spec.stdin or b"") if child.input is not None else None
        self._oom_counter = oom_counter()
        self._ooms_before = oom_kills_in(self._oom_counter)

    async def to_the_end(self, cancelled: asyncio.Event) -> Ended:
        """Wait for the first of all reasons to end, act on it, and leave nothing behind."""
        with self._meter.watching(self._tree, self._spec.memory_limit_bytes, self._over_limit):
            reason = await self._first(cancelled)
            self._tree.sample(self._meter.view())
            if reason is Reason.EXITED:
                await self._output.ended(DRAIN_SECONDS)
            elif reason is not Reason.OOM:
                await self._ladder.stop_group()
            survivors = await self._ladder.clear(politely=reason is not Reason.OOM)
            await self._output.finish()
        if self._error is not None:
            raise self._error
        return self._ended(reason, survivors)

    def release(self) -> None:
        """Give back what is held; after an error or a cancellation of the coroutine that is first of all the tree."""
        if self._child.popen.returncode is None:
            self._ladder.abandon()
            self._wait_for_child()
        self._output.close()
        if self._input is not None:
            self._input.close()
        os.close(self._child.ended)
        if self._cgroup is not None:
            self._cgroup.remove()

    def _decide(self, reason: Reason) -> None:
        if not self._verdict.done():
            self._verdict.set_result(reason)

    def _failed(self, error: Exception) -> None:
        self._error = self._error or error
        if not self._verdict.done():
            self._verdict.set_exception(error)

    def _over_limit(self, held: int) -> None:
        limit = self._spec.memory_limit_bytes
        self._over = f"out of memory: killed because it held {held} bytes, more than its limit of {limit}"
        self._decide(Reason.OOM)

    async def _first(self, cancelled: asyncio.Event) -> Reason:
        loop = asyncio.get_running_loop()
        with ExitStack() as stack:
            loop.add_reader(self._child.ended, self._decide, Reason.EXITED)
            stack.callback(loop.remove_reader, self._child.ended)
            stack.callback(loop.create_task(self._until_cancelled(cancelled)).cancel)
            if self._spec.wall is not None:
                timer = loop.call_later(self._spec.wall.total_seconds(), self._decide, Reason.TIMED_OUT)
                stack.callback(timer.cancel)
            if self._spec.idle is not None:
                stack.callback(loop.create_task(self._until_idle(self._spec.idle.total_seconds())).cancel)
            return await self._verdict

    async def _until_cancelled(self, cancelled: asyncio.Event) -> None:
        await cancelled.wait()
        self._decide(Reason.CANCELLED)

    async def _until_idle(self, limit: float) -> None:
        while (quiet := 0.0 if self._output.waits_for_us else time.monotonic() - self._output.last_at) < limit:
            await asyncio.sleep(limit - quiet)
        self._decide(Reason.IDLE)

    def _wait_for_child(self) -> int | None:
        """Its exit code, or minus the signal that it died of; None if not even SIGKILL has ended it yet."""
        status = self._tree.wait_for(self._child.pid)
        if status is None:
            return None
        code = self._child.popen.returncode = os.waitstatus_to_exitcode(status)
        return code

    def _ended(self, reason: Reason, survivors: int) -> Ended:
        code = self._wait_for_child()
        if self._could_not_execute(code):
            message = self._output.first_error_bytes.decode("utf-8", "replace").strip()
            return Ended(reason=Reason.NOT_STARTED, message=message)
        limit = self._spec.wall if reason is Reason.TIMED_OUT else self._spec.idle
        message = self._over if reason is Reason.OOM else in_words(reason, code, limit)
        if reason is Reason.EXITED and (memory := self._inferred_oom(code)):
            reason, message = Reason.OOM, memory
        if survivors:
            message += (
                f"; {survivors} processes of attempt {self._spec.marker} could not be killed: see to them by hand"
            )
        return Ended(
            reason=reason,
            exit_code=code if code is not None and code >= 0 else None,
            signal=-code if code is not None and code < 0 else None,
            usage=self._tree.used,
            survivors=survivors,
            duration=timedelta(seconds=time.monotonic() - self._begun),
            message=message,
            dropped_bytes=self._output.dropped_bytes,
        )

    def _could_not_execute(self, code: int | None) -> bool:
        """Whether what was to become the command could not: for a script, say, whose interpreter is missing."""
        said = self._output.first_error_bytes.startswith((b"setpriv: failed to execute", b"prlimit: failed to execute"))
        return self._child.wrapped and code in (126, 127) and said

    def _inferred_oom(self, code: int | None) -> str:
        return inferred_oom(
            code,
            cgroup_kills=self._cgroup.oom_kills() if self._cgroup is not None else 0,
            kernel_kills=oom_kills_in(self._oom_counter) - self._ooms_before,
            killed_by_us=self._ladder.killed,
            peak=self._tree.used.memory_bytes,
            limit=self._spec.memory_limit_bytes,
        )


def _cgroup(folder: Path | None, spec: Spec, pid: int) -> Cgroup | None:
    """A cgroup of its own, if there is a folder for them; without it everything works from outside, as elsewhere."""
    if folder is None:
        return None
    with suppress(OSError):  # no room for one more, or the right to make them was taken away
        cgroup = Cgroup(folder, spec.marker, spec.memory_limit_bytes)
        cgroup.add(pid)
        return cgroup
    return None
