"""A job over time as rows of bars: waits, attempts, phases, steps and gates, each bar with its place. Pure, no clock.

How a bar is drawn is for whoever draws it; here is what it means.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from jobtrail.core import said, spans
from jobtrail.core.model import Attempt, Event, Gate, Job, Step
from jobtrail.core.spans import Span, What
from jobtrail.core.spent import Spent
from jobtrail.core.status import FINAL, AttemptStatus, GateStatus, Phase, StepStatus, StepType, WaitReason
from jobtrail.core.timerows import MOST_ROWS, Bar, Row, Sort, Texture, band, by_phase, few, went_wrong
from jobtrail.core.timescale import Piece, Scale, Tick, scale_of


@dataclass(frozen=True, slots=True)
class Timeline:
    """The rows of a job and the scale that they share. `hidden`: rows that are left out, for they are too many.

    `grows`: how many units a second the bars without an end grow by, for which there is some room on the right.
    """

    rows: tuple[Row, ...]
    scale: Scale
    ticks: tuple[Tick, ...]
    idle: tuple[Piece, ...]
    hidden: int = 0
    grows: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What of it is asked for. `opened`: the name of the band whose steps are shown one by one."""

    failed_only: bool = False
    is_true: bool = False
    opened: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a timeline is made of, and the time as of which it is drawn."""

    job: Job
    attempts: Sequence[Attempt]
    steps: Sequence[Step]
    events: Sequence[Event]
    now: datetime
    gates: Sequence[Gate] = ()
    spent: Mapping[UUID | None, Spent] = field(default_factory=dict)
    is_past: bool = False


def timeline_of(parts: Parts, shown: Shown = Shown()) -> Timeline:
    """The picture of a job."""
    waits, attempts = spans.waits_of(parts.events), spans.attempts_of(parts.attempts)
    end = _end(parts, [*waits, *attempts])
    start = min([parts.job.created_at, *(span.start for span in (*waits, *attempts))])
    busy = [(span.start, span.end or end) for span in attempts]
    grows = parts.job.status not in FINAL and not parts.is_past
    scale = scale_of(start, end + _room(start, end, busy) if grows else end, busy, is_true=shown.is_true)
    steps = _step_rows(parts, _Draw(scale, end))
    if shown.failed_only:
        steps = [row for row in steps if went_wrong(row)]
    kept, hidden = few(steps, shown.opened)
    above = [*_wait_rows(waits, _Draw(scale, end)), *_attempt_rows(attempts, _Draw(scale, end))]
    rows = (*above, *by_phase(kept, steps))
    last = scale.pieces[-1]
    per_second = (last.right - last.left) / last.seconds if grows else 0.0
    return Timeline(rows, scale, scale.ticks(), scale.idle, hidden, per_second)


def _room(start: datetime, end: datetime, busy: Sequence[tuple[datetime, datetime]]) -> timedelta:
    """How far the picture goes beyond now, so that what runs has where to grow."""
    total = sum((last - first for first, last in busy), timedelta()) or end - start
    return max(timedelta(seconds=1), total / 25)


@dataclass(frozen=True, slots=True)
class _Draw:
    """What a bar needs to know of the picture around it."""

    scale: Scale
    end: datetime

    def bar(self, span: Span, texture: Texture, says: str | None = None) -> Bar:
        x = self.scale.x(span.start)
        width = max(self.scale.x(span.end or self.end) - x, 0.0)  # it may have begun since it was asked what time it is
        seconds = span.seconds(self.end)
        return Bar(
            texture, span.status, span.start, span.end, x, width, seconds, span.name, span.number, says or span.error
        )


def _end(parts: Parts, found: Iterable[Span]) -> datetime:
    """Where the picture ends: with the job, or now."""
    last = max((span.end or parts.now for span in found), default=parts.now)
    if parts.job.status in FINAL and parts.job.completed_at is not None:
        return max(last, parts.job.completed_at)
    return max(last, parts.now)


def _wait_rows(waits: Sequence[Span], draw: _Draw) -> list[Row]:
    if not waits:
        return []
    bars = tuple(draw.bar(wait, _texture_of_wait(wait)) for wait in waits)
    return [Row(id="waits", sort=Sort.WAITS, name="waiting", status=None, bars=bars)]


def _texture_of_wait(wait: Span) -> Texture:
    if wait.reason == spans.IN_QUEUE:
        return Texture.QUEUE
    return Texture.PEOPLE if wait.reason == WaitReason.GATE else Texture.PAUSE


def _attempt_rows(attempts: Sequence[Span], draw: _Draw) -> list[Row]:
    rows = [
        Row(
            id=f"attempt-{span.number}", sort=Sort.ATTEMPT, name=span.name, status=span.status,
            bars=(draw.bar(span, texture_of(span)),), number=span.number, worker_id=span.worker_id, says=span.error,
        )
        for span in attempts
    ]  # fmt: skip
    if len(rows) <= MOST_ROWS // 3:
        return rows
    last = MOST_ROWS // 6
    return [band("attempts", "attempts", rows[:-last], 0), *rows[-last:]]


def texture_of(span: Span) -> Texture:
    """What the run of an attempt or a step is drawn as. One that let its job wait gave its slot back on purpose."""
    if span.end is None:
        return Texture.RUN
    match span.status:
        case StepStatus.COMPLETED:
            return Texture.DONE
        case AttemptStatus.LOST:
            return Texture.LOST
        case AttemptStatus.INTERRUPTED:
            return Texture.PARKED if span.is_suspended else Texture.CUT
        case AttemptStatus.CANCELLED:
            return Texture.CUT
        case StepStatus.SKIPPED:
            return Texture.SKIPPED
        case _:
            return Texture.FAILED


def _step_rows(parts: Parts, draw: _Draw) -> list[Row]:
    runs: dict[UUID | None, list[Span]] = {}
    for found in spans.runs_of(parts.attempts, parts.events).values():
        for run in found:
            runs.setdefault(run.step_id, []).append(run)
    asked = _decisions(parts)
    standing = {gate.step_id: gate.status for gate in parts.gates}
    numbers = [attempt.number for attempt in parts.attempts]
    number_of = {attempt.id: attempt.number for attempt in parts.attempts}
    rows: list[Row] = []
    for step in sorted(parts.steps, key=lambda one: one.ordinal):
        mine = runs.get(step.id) or _last_run(step, number_of)
        bars = [draw.bar(run, texture_of(run)) for run in mine]
        bars += [draw.bar(wait, Texture.PEOPLE, says) for wait, says in asked.get(step.id, ())]
        done_in = number_of.get(step.attempt_id) if step.status == StepStatus.COMPLETED and step.attempt_id else None
        is_gate = step.type == StepType.GATE
        rows.append(
            Row(
                id=f"step-{step.id}",
                sort=Sort.GATE if is_gate else Sort.STEP,
                name=step.name,
                status=_stands(step, mine, standing.get(step.id)),
                bars=tuple(sorted(bars, key=lambda bar: bar.start)),
                depth=1,
                step_id=step.id,
                phase=step.phase,
                remembered=() if done_in is None else tuple(n for n in numbers if n > done_in),
                spent=parts.spent.get(step.id),
                says=step.error_message,
                is_below=step.phase == Phase.CLEANUP,
            )
        )
    return rows


def _stands(step: Step, runs: Sequence[Span], gate: str | None) -> str:
    """How a step stands. Its row calls FAILED also what was cut off with its attempt, which is no failure of its own;
    that of a question to people goes on RUNNING until the job's code comes back to it."""
    last = runs[-1] if runs else None
    if last is None or last.end is None or step.status not in (StepStatus.RUNNING, StepStatus.FAILED):
        return step.status
    if last.is_suspended:
        return gate or StepStatus.PENDING
    return last.status


def _last_run(step: Step, number_of: Mapping[UUID, int]) -> list[Span]:
    """The run that a step's row remembers: the trail may have been dropped, or it was not asked for what the row knows."""
    start = step.started_at or step.completed_at
    if start is None:
        return []
    number = 0 if step.attempt_id is None else number_of.get(step.attempt_id, 0)
    error = step.error_message
    return [Span(What.STEP, step.name, step.status, start, step.completed_at, number, step_id=step.id, error=error)]


def _decisions(parts: Parts) -> dict[UUID, list[tuple[Span, str]]]:
    """How long people were asked at a gate, and who decided what."""
    decided: dict[UUID, list[str]] = {}
    for event in parts.events:
        if event.step_id is not None and event.type in ("gate.approved", "gate.rejected", "gate.expired"):
            word = event.type.partition(".")[2]
            by = f" by {said.person(event.actor_type, event.actor_id)}" if word != "expired" else ""
            decided.setdefault(event.step_id, []).append(f"{word}{by}")
    found: dict[UUID, list[tuple[Span, str]]] = {}
    for gate in parts.gates:
        status = StepStatus.RUNNING if gate.status == GateStatus.WAITING else gate.status
        span = Span(What.WAIT, gate.question, status, gate.asked_at, gate.decided_at, step_id=gate.step_id)
        found.setdefault(gate.step_id, []).append(
            (span, ", ".join(decided.get(gate.step_id, ["waits for a decision"])))
        )
    return found
