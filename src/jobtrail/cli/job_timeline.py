"""`jobtrail job timeline`: attempts and steps over time, drawn as text. What ran twice is there twice: the trail tells."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from jobtrail.cli import place, refs, saying, show, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Ref
from jobtrail.core.ids import short
from jobtrail.core.model import Attempt, Event, Job
from jobtrail.core.status import FINAL, AttemptStatus, JobStatus, StepStatus, WaitReason

_WIDTH: Final = 110
_LEAST_BAR: Final = 20
_LONGEST_NAME: Final = 36
_QUIET_SECONDS: Final = 0.05
_WAITS_FOR: Final[dict[str, str]] = {
    WaitReason.RETRY: "to be tried again",
    WaitReason.SCHEDULE: "for its time",
    WaitReason.QUOTA: "for a quota",
    WaitReason.BUDGET: "for a budget",
    WaitReason.SIGNAL: "for a signal",
    WaitReason.VALIDATION: "for the check of its input",
}
_CUT_OFF: Final = {AttemptStatus.LOST: "▚", AttemptStatus.INTERRUPTED: "↷"}


@dataclass(frozen=True, slots=True)
class Span:
    """One bar. `deep` 0: the job waits or an attempt runs; 1: a step of the attempt above."""

    name: str
    status: str
    start: datetime
    end: datetime | None
    deep: int = 0

    @property
    def seconds(self) -> float:
        """How long it took, until now if it goes on."""
        return ((self.end or datetime.now(UTC)) - self.start).total_seconds()


def timeline(job: Ref = "@last", /, *, flags: Flags = NO_FLAGS) -> int:
    """Attempts and steps over time, drawn as text.

    Parameters
    ----------
    job
        An id, four or more digits of its start or end, @last or @failed.
    """
    with place.client(flags) as client:
        found = client.get(refs.job_id(client, job))
        attempts = client.attempts(found.id)
        trail: list[Event] = []
        while page := client.events(found.id, after=trail[-1].seq if trail else 0):
            trail += page
    spans = list(spans_of(attempts, trail))
    if flags.output == "json":
        show.document([_plain(span) for span in spans])
    elif flags.output == "jsonl":
        for span in spans:
            show.line(_plain(span))
    else:
        width = shutil.get_terminal_size((_WIDTH, 40)).columns if show.is_terminal() else _WIDTH
        print("\n".join(draw(found, spans, width)))
    return 0


def spans_of(attempts: Sequence[Attempt], trail: Sequence[Event]) -> Iterable[Span]:
    """The bars in the order of their beginnings; a wait that nobody would notice is left out."""
    found: list[Span] = []
    waits: tuple[str, datetime] | None = None
    for event in trail:
        if event.status in (JobStatus.PENDING, JobStatus.VALIDATING, JobStatus.QUEUED):
            waits = waits or (_wait(event), event.at)
        elif waits is not None:
            found.append(Span(waits[0], "WAITED", waits[1], event.at))
            waits = None
    if waits is not None:
        found.append(Span(waits[0], "WAITS", waits[1], None))
    found = [span for span in found if span.end is None or span.seconds >= _QUIET_SECONDS]
    for attempt in attempts:
        name = f"attempt {attempt.number} on {saying.worker_of(attempt.worker_id)}"
        found.append(Span(name, attempt.status, attempt.started_at, attempt.ended_at))
    found.sort(key=lambda span: span.start)
    steps = {attempt.id: list(_steps(attempt, trail)) for attempt in attempts}
    of_attempt = {(attempt.started_at, attempt.ended_at): attempt.id for attempt in attempts}
    for span in found:
        yield span
        attempt_id = of_attempt.get((span.start, span.end))
        if attempt_id is not None and span.name.startswith("attempt"):
            yield from steps[attempt_id]


def draw(job: Job, spans: Sequence[Span], width: int) -> Iterable[str]:
    """The picture, line by line."""
    yield f"{short(job.id)} {job.type}  {words.glyph(job.status)} {job.status}  {words.length(job.actual_seconds)}".rstrip()
    if not spans:
        return
    start = min(span.start for span in spans)
    end = max(span.end or datetime.now(UTC) for span in spans)
    if job.status in FINAL and job.completed_at is not None:
        end = max(span.end or job.completed_at for span in spans)
    total = max((end - start).total_seconds(), 0.001)
    label = max(len(_label(span)) for span in spans)
    room = max(width - label - 12, _LEAST_BAR)
    yield f"{'':<{label}}  {'':>8}  0{words.length(total):>{room - 1}}"
    for span in spans:
        first = round((span.start - start).total_seconds() / total * room)
        last = round(((span.end or end) - start).total_seconds() / total * room)
        first = min(first, room - 1)
        bar = _bar(span, max(last - first, 1))
        yield f"{_label(span):<{label}}  {words.length(span.seconds):>8}  {' ' * first}{bar}"


def _bar(span: Span, width: int) -> str:
    if span.status in ("WAITED", "WAITS"):
        return "·" * width
    fill = "█" if span.deep == 0 else "▬"
    ending = _CUT_OFF.get(AttemptStatus(span.status), "") if span.status in set(AttemptStatus) else ""
    if span.status in (StepStatus.FAILED, AttemptStatus.TIMED_OUT):
        ending = "✗"
    if span.end is None:
        ending = "→"
    return fill * (width - len(ending)) + ending


def _label(span: Span) -> str:
    name = words.one_line(span.name, _LONGEST_NAME)
    sign = "…" if span.status in ("WAITED", "WAITS") else words.glyph(span.status)
    return f"{'  ' * span.deep}{sign} {name}"


def _steps(attempt: Attempt, trail: Sequence[Event]) -> Iterable[Span]:
    """The steps that ran in an attempt, from its events; one that has no end of its own ended with the attempt."""
    open_steps: dict[UUID | None, tuple[str, datetime]] = {}
    done: list[Span] = []
    for event in trail:
        if event.attempt_id != attempt.id:
            continue
        note = event.payload if isinstance(event.payload, dict) else {}
        match event.type:
            case "step.started" | "gate.started":
                open_steps[event.step_id] = (str(note.get("step", "")), event.at)
            case "step.completed" | "gate.passed" | "step.failed" | "gate.failed" | "step.skipped":
                name, began = open_steps.pop(event.step_id, (str(note.get("step", "")), event.at))
                ends = {
                    "completed": StepStatus.COMPLETED,
                    "passed": StepStatus.COMPLETED,
                    "skipped": StepStatus.SKIPPED,
                }
                status = ends.get(event.type.partition(".")[2], StepStatus.FAILED)
                done.append(Span(name, status, began, event.at, 1))
    for name, began in open_steps.values():
        running = StepStatus.RUNNING if attempt.ended_at is None else attempt.status
        done.append(Span(name, running, began, attempt.ended_at, 1))
    return sorted(done, key=lambda span: span.start)


def _wait(event: Event) -> str:
    if event.status == JobStatus.QUEUED:
        return "in its queue"
    note = event.payload if isinstance(event.payload, dict) else {}
    if event.type == "gate.requested":
        return "for a decision"
    return _WAITS_FOR.get(str(note.get("wait_reason")), "to go on")


def _plain(span: Span) -> object:
    return {
        "name": span.name,
        "status": span.status,
        "start_at": words.absolute(span.start),
        "end_at": words.absolute(span.end) or None,
        "seconds": round(span.seconds, 3),
        "depth": span.deep,
    }
