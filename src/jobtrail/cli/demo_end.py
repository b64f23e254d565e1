"""What the demo proves at its end, read from the trail alone: what was killed, kept, repeated, and that the trail is whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from jobtrail.cli import words
from jobtrail.cli.follow import View
from jobtrail.core.audit import Report
from jobtrail.core.ids import short
from jobtrail.core.model import Event, Worker
from jobtrail.core.status import AttemptStatus, JobStatus, StepStatus


@dataclass(frozen=True, slots=True)
class Death:
    """A worker process that was killed, and when, as a Unix time."""

    pid: int
    at: float
    by_us: bool


@dataclass(frozen=True, slots=True)
class Loss:
    """An attempt that ended with its process: in which step, and after how many seconds another one went on."""

    pid: int
    step: str | None
    resumed_seconds: float | None


@dataclass(frozen=True, slots=True)
class Ending:
    """All that is known at the end."""

    view: View
    trail: Sequence[Event]
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
            mine = [event for event in self.trail if event.attempt_id == attempt.id]
            begun = next((event for event in reversed(mine) if event.type == "step.started"), None)
            ended = {event.step_id for event in mine if event.type == "step.completed"}
            step = _name(begun) if begun is not None and begun.step_id not in ended else None
            found.append(Loss(pid, step, None if resumed is None else max(resumed, 0.0)))
        return found


def lines_of(ending: Ending) -> Iterator[str]:
    """The end of the story."""
    view, report = ending.view, ending.report
    done = sum(step.status == StepStatus.COMPLETED for step in view.steps)
    yield ""
    for loss in ending.losses:
        where = f' in the middle of "{loss.step}"' if loss.step else ""
        again = (
            ""
            if loss.resumed_seconds is None
            else f"; another worker went on {words.length(loss.resumed_seconds)} later"
        )
        yield f"▚ Killed     worker pid {loss.pid}{where}{again}"
    if ending.repeated:
        yield f"✗ Repeated   {', '.join(ending.repeated)} ran again although finished: please report it"
    else:
        yield f"✓ Kept       {words.counted(done, 'finished step')}; none of them ran twice"
    for name in ending.begun_again:
        yield f'  Begun anew "{name}": it had not finished when its worker died'
    if report.ok:
        yield f"✓ Trail      whole: {words.counted(report.events, 'event')}, hash chain and rows verified"
    else:
        yield f"✗ Trail      {report.findings[0].message}"
    yield f"✓ Time       {words.length(ending.seconds)} in all, {words.length(view.job.actual_seconds)} for the job"
    job = short(view.job.id)
    yield ""
    yield "Look at it:"
    yield f"  jobtrail job timeline {job}       what ran when, and where it was cut"
    yield f"  jobtrail file list {job}          its pictures; jobtrail file get {job} cover.png"
    yield f"  jobtrail job events {job}         the trail, event by event"
    yield "Make your own:"
    yield "  jobtrail init && jobtrail run hello name=Ana"


def plain_of(ending: Ending) -> dict[str, object]:
    """The same for programs."""
    return {
        "job": ending.view.job,
        "good": ending.good,
        "losses": ending.losses,
        "repeated": ending.repeated,
        "begun_again": ending.begun_again,
        "audit": ending.report,
        "seconds": round(ending.seconds, 3),
    }


def _name(event: Event) -> str:
    return str(event.payload.get("step")) if isinstance(event.payload, dict) else ""
