"""What the demo proves at its end, read from the trail and the ledger alone: what was killed, kept and repeated, what that
saved, and that the trail is whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from jobtrail.cli import words
from jobtrail.cli.follow import View
from jobtrail.core import shown
from jobtrail.core.audit import Report
from jobtrail.core.ids import short
from jobtrail.core.model import Asset, Event, Usage, Worker
from jobtrail.core.status import AttemptStatus, JobStatus, StepStatus

_AT_ONCE_SECONDS: Final = 0.02
"""So often it is looked whether a worker has died: what took less is not known better."""


@dataclass(frozen=True, slots=True)
class Death:
    """A worker process that was killed, and when, as a Unix time."""

    pid: int
    at: float


@dataclass(frozen=True, slots=True)
class Loss:
    """An attempt that ended with its process: in which step, and after how many seconds another worker went on."""

    attempt_id: UUID
    pid: int
    step: str | None
    resumed_seconds: float | None


@dataclass(frozen=True, slots=True)
class Ending:
    """All that is known at the end."""

    view: View
    trail: Sequence[Event]
    usage: Sequence[Usage]
    files: Sequence[Asset]
    deaths: Sequence[Death]
    workers: Sequence[Worker]
    report: Report
    seconds: float

    @property
    def good(self) -> bool:
        """Whether the demo kept its promise."""
        return self.view.job.status == JobStatus.COMPLETED and not self.repeated and self.report.ok

    @property
    def repeated(self) -> list[str]:
        """Steps that were begun again although they had finished: there must be none."""
        finished: set[UUID | None] = set()
        found = []
        for event in self.trail:
            if event.type in ("step.completed", "gate.passed"):
                finished.add(event.step_id)
            elif event.type in ("step.started", "gate.started") and event.step_id in finished:
                found.append(_name(event))
        return found

    @property
    def begun_again(self) -> list[str]:
        """Steps that were cut off, and therefore begun anew."""
        begun: set[UUID | None] = set()
        found = []
        for event in self.trail:
            if event.type == "step.started":
                if event.step_id in begun:
                    found.append(_name(event))
                begun.add(event.step_id)
        return found

    @property
    def losses(self) -> list[Loss]:
        """The attempts that were lost."""
        pids = {worker.id: worker.process_id for worker in self.workers}
        died = {death.pid: death.at for death in self.deaths}
        found = []
        for attempt, after in zip(self.view.attempts, [*self.view.attempts[1:], None], strict=True):
            pid = pids.get(attempt.worker_id)
            if attempt.status != AttemptStatus.LOST or pid is None:
                continue
            resumed = after.started_at.timestamp() - died[pid] if after is not None and pid in died else None
            resumed = None if resumed is None else max(resumed, 0.0)
            found.append(Loss(attempt.id, pid, _cut_off(self.trail, attempt.id), resumed))
        return found

    @property
    def saved_usd(self) -> Decimal:
        """What had been booked, when the last worker was lost, for steps that had finished: it was not paid again."""
        return _sum(one for one in self.usage if one.step_id in self._kept)

    @property
    def wasted_usd(self) -> Decimal:
        """What lost attempts had booked for steps that they did not finish."""
        lost = {loss.attempt_id for loss in self.losses}
        return _sum(one for one in self.usage if one.attempt_id in lost and one.step_id not in self._finished_by(one))

    @property
    def _kept(self) -> set[UUID | None]:
        """The steps that had finished when the last worker was lost."""
        last = max((event.seq for event in self.trail if event.type == "job.lost"), default=0)
        return {event.step_id for event in self.trail if event.type == "step.completed" and event.seq < last}

    def _finished_by(self, call: Usage) -> set[UUID | None]:
        mine = (event for event in self.trail if event.attempt_id == call.attempt_id)
        return {event.step_id for event in mine if event.type == "step.completed"}


def lines_of(ending: Ending) -> Iterator[str]:
    """The end of the story."""
    view, report, losses = ending.view, ending.report, ending.losses
    done = sum(step.status == StepStatus.COMPLETED for step in view.steps)
    for loss in losses:
        where = f' in the middle of "{loss.step}"' if loss.step else ""
        again = ""
        if loss.resumed_seconds is not None:
            later = (
                f"{words.length(loss.resumed_seconds)} later" if loss.resumed_seconds >= _AT_ONCE_SECONDS else "at once"
            )
            again = f"; another worker went on {later}"
        yield f"▚ Killed     worker pid {loss.pid}{where}{again}"
    if ending.repeated:
        yield f"✗ Repeated   {', '.join(ending.repeated)} ran again although finished: please report it"
    else:
        yield f"✓ Kept       {words.counted(done, 'finished step')}; none of them ran twice"
    for name in ending.begun_again:
        yield f'  Begun anew "{name}": it had not finished when its worker died'
    if losses:
        saved, wasted = shown.money(ending.saved_usd), shown.money(ending.wasted_usd)
        yield f"✓ Money      {saved} of finished work was not paid again, {wasted} was wasted (demo prices: nobody pays)"
    if report.ok:
        yield f"✓ Trail      whole: {words.counted(report.events, 'event')}, hash chain and rows verified"
    else:
        yield f"✗ Trail      {report.findings[0].message}"
    took = words.length(view.job.actual_seconds)
    parts = [f"the job took {took}", words.counted(len(ending.files), "file"), _lost(len(losses))]
    yield f"{words.glyph(view.job.status)} {view.job.status:<10} {' · '.join(part for part in parts if part)}"
    yield ""
    job = short(view.job.id)
    yield f"Look at it:     jobtrail job timeline {job}     jobtrail file list {job}     jobtrail job events {job}"
    yield "Make your own:  jobtrail init hello && cd hello && jobtrail dev"


def plain_of(ending: Ending) -> dict[str, object]:
    """The same for programs."""
    return {
        "job": ending.view.job,
        "good": ending.good,
        "losses": ending.losses,
        "repeated": ending.repeated,
        "begun_again": ending.begun_again,
        "files": len(ending.files),
        "saved_usd": ending.saved_usd,
        "wasted_usd": ending.wasted_usd,
        "audit": ending.report,
        "seconds": round(ending.seconds, 3),
    }


def _cut_off(trail: Sequence[Event], lost: UUID) -> str | None:
    """The step in the middle of which an attempt was lost."""
    mine = [event for event in trail if event.attempt_id == lost]
    begun = next((event for event in reversed(mine) if event.type == "step.started"), None)
    ended = {event.step_id for event in mine if event.type == "step.completed"}
    return _name(begun) if begun is not None and begun.step_id not in ended else None


def _sum(calls: Iterable[Usage]) -> Decimal:
    return sum((one.cost_usd or Decimal() for one in calls), Decimal())


def _lost(count: int) -> str:
    return f"{words.counted(count, 'worker')} lost" if count else "no worker was killed: next time, press ⚡"


def _name(event: Event) -> str:
    return str(event.payload.get("step")) if isinstance(event.payload, dict) else ""
