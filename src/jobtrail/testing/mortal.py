"""Workers that die: a desk and a runner whose worker may be killed before or after everything that they write."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from jobtrail.core.approval import Rules
from jobtrail.core.budget import Grant
from jobtrail.core.graph import JobEnd
from jobtrail.core.model import Asset
from jobtrail.core.outcome import Dropped, Outcome, Waits
from jobtrail.core.status import Phase, StepStatus, StepType
from jobtrail.runners.context import Context
from jobtrail.runners.protocol import Begun, Decision, Desk, Earlier, LogLine, Runner, Signal
from jobtrail.service.usage import Call
from jobtrail.service.waits import Wanted
from jobtrail.service.wanted import NewJob
from jobtrail.worker.desk import LocalDesk
from jobtrail.worker.running import LOST


@dataclass(slots=True)
class Death:
    """At which place the worker of one job is to die, and which places were passed."""

    job_id: UUID
    place: str | None
    die: Callable[[], None]
    passed: list[str] = field(default_factory=list)
    dead: bool = False

    def reach(self, place: str) -> None:
        """Passes a place, or dies there."""
        if self.dead:
            raise Dropped
        if place not in self.passed:
            self.passed.append(place)
        if place == self.place:
            self.dead = True
            self.die()
            raise Dropped


class MortalDesk:
    """A desk at which the worker may die before or after everything that is written."""

    def __init__(self, desk: Desk, death: Death) -> None:
        self._desk, self._death = desk, death
        self._keys: dict[UUID, str] = {}
        self._counts: Counter[str] = Counter()

    @property
    def stop_reason(self) -> str | None:
        return self._desk.stop_reason

    async def stopping(self) -> str:
        return await self._desk.stopping()

    async def begin_step(self, key: str, name: str, phase: Phase, type: StepType) -> Begun:
        begun = await self._desk.begin_step(key, name, phase, type)
        self._keys[begun.step_id] = key
        if not begun.done:
            self._reach(f"after step {key!r} began")
        return begun

    async def finish_step(self, step_id: UUID, status: StepStatus, output: str | None, error: str | None) -> None:
        what = f"step {self._keys.get(step_id)!r} finished"
        self._reach(f"before {what}")
        await self._desk.finish_step(step_id, status, output, error)
        self._reach(f"after {what}")

    async def skip_step(self, key: str, name: str, phase: Phase, type: StepType, why: str) -> None:
        await self._desk.skip_step(key, name, phase, type, why)
        self._reach(f"after step {key!r} was skipped")

    def log(self, line: LogLine, step_id: UUID | None = None) -> None:
        self._desk.log(line, step_id)

    def progress(self, percent: float, stage: str | None = None) -> None:
        self._desk.progress(percent, stage)

    async def ask(
        self,
        key: str,
        question: str,
        *,
        phase: Phase,
        approvers: tuple[str, ...],
        needed: int,
        form: str | None,
        expires: timedelta | None,
        rules: Rules = Rules(),
    ) -> Decision:
        try:
            decision = await self._desk.ask(
                key, question, phase=phase, approvers=approvers, needed=needed, form=form, expires=expires, rules=rules
            )
        except Waits:
            self._reach(f"after gate {key!r} was asked")
            raise
        self._reach(f"after gate {key!r} was passed")
        return decision

    async def wait(self, key: str, name: str, phase: Phase, wanted: Wanted) -> str:
        try:
            output = await self._desk.wait(key, name, phase, wanted)
        except Waits:
            self._reach(f"after {key!r} began to wait")
            raise
        self._reach(f"after the wait of {key!r} was over")
        return output

    async def children(
        self, key: str, name: str, phase: Phase, wanted: Sequence[NewJob], *, wakes: bool
    ) -> list[JobEnd]:
        try:
            ends = await self._desk.children(key, name, phase, wanted, wakes=wakes)
        except Waits:
            self._reach(f"after the jobs of {key!r} were started")
            raise
        self._reach(f"after the jobs of {key!r} ended")
        return ends

    async def needed(self) -> dict[UUID, JobEnd]:
        return await self._desk.needed()

    async def keep(
        self,
        name: str,
        source: Path | bytes | AsyncIterator[bytes],
        role: str,
        media_type: str | None,
        step_id: UUID | None,
    ) -> Asset:
        what = self._numbered(f"file {name!r} was kept")
        self._reach(f"before {what}")
        asset = await self._desk.keep(name, source, role, media_type, step_id)
        self._reach(f"after {what}")
        return asset

    async def use(self, call: Call, step_id: UUID | None) -> bool:
        what = self._numbered("usage was booked")
        self._reach(f"before {what}")
        over = await self._desk.use(call, step_id)
        self._reach(f"after {what}")
        return over

    async def reserve(self, usd: Decimal | None, tokens: int | None, *, up_to: bool = False) -> Grant:
        what = self._numbered("money was reserved")
        try:
            grant = await self._desk.reserve(usd, tokens, up_to=up_to)
        except Waits:
            self._reach(f"after {what} it waits")
            raise
        self._reach(f"after {what}")
        return grant

    async def tell(self, event: str, note: Mapping[str, Any], step_id: UUID | None = None) -> None:
        what = self._numbered(f"{event} was told")
        self._reach(f"before {what}")
        await self._desk.tell(event, note, step_id)
        self._reach(f"after {what}")

    async def identify(self, *, process_id: int | None = None, session_id: str | None = None) -> None:
        await self._desk.identify(process_id=process_id, session_id=session_id)
        self._reach(self._numbered("after it said which process and session it is"))

    async def earlier(self) -> Earlier:
        return await self._desk.earlier()

    async def policy(self) -> Mapping[str, Any]:
        return await self._desk.policy()

    async def signalled(self, name: str) -> Signal | None:
        return await self._desk.signalled(name)

    def home(self) -> Path:
        return self._desk.home()

    def metric(self, name: str, value: float, unit: str | None) -> None:
        self._desk.metric(name, value, unit)

    def alive(self) -> None:
        self._desk.alive()

    def workdir(self) -> Path:
        return self._desk.workdir()

    def secret(self, reference: str) -> str:
        return self._desk.secret(reference)

    def end(self) -> None:
        """The code has ended, and that is not written yet."""
        self._reach("before the end was written")

    def _numbered(self, what: str) -> str:
        self._counts[what] += 1
        return what if self._counts[what] == 1 else f"{what} ({self._counts[what]})"

    def _reach(self, place: str) -> None:
        try:
            self._death.reach(place)
        except Dropped:
            if isinstance(self._desk, LocalDesk):
                self._desk.running.reason = LOST  # from now on nothing is written for this attempt
            raise


class MortalRunner:
    """A runner whose worker may die at any place. It does to one job's attempts only."""

    def __init__(self, runner: Runner, death: Death) -> None:
        self.type = runner.type
        self.kills_itself = getattr(runner, "kills_itself", False)
        self._runner, self._death = runner, death
        self.check = getattr(runner, "check", None)  # looks at inputs before there is an attempt to lose

    async def run(self, context: Context) -> Outcome:
        if context.job_id != self._death.job_id:
            return await self._runner.run(context)
        desk = MortalDesk(context.desk, self._death)
        outcome = await self._runner.run(Context(context.assignment, desk))
        desk.end()
        return outcome


def kill_this_process() -> None:
    """As the kernel does it: nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)
