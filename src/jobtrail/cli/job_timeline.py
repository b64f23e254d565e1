"""`jobtrail job timeline`: attempts and steps over time, drawn as text. What ran twice is there twice: the trail tells."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from jobtrail.cli import place, refs, saying, show, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Ref
from jobtrail.core import spans
from jobtrail.core.ids import short
from jobtrail.core.model import Attempt, Event, Job
from jobtrail.core.spans import WAITED, WAITS, What
from jobtrail.core.status import FINAL, AttemptStatus, StepStatus

_WIDTH: Final = 110
_LEAST_BAR: Final = 20
_LONGEST_NAME: Final = 36
_QUIET_SECONDS: Final = 0.05
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
    bars = list(spans_of(attempts, trail))
    if flags.output == "json":
        show.document([_plain(span) for span in bars])
    elif flags.output == "jsonl":
        for span in bars:
            show.line(_plain(span))
    else:
        width = shutil.get_terminal_size((_WIDTH, 40)).columns if show.is_terminal() else _WIDTH
        print("\n".join(draw(found, bars, width)))
    return 0


def spans_of(attempts: Sequence[Attempt], trail: Sequence[Event]) -> Iterable[Span]:
    """The bars in the order of their beginnings; a wait that nobody would notice is left out."""
    now = datetime.now(UTC)
    waits = [
        wait
        for wait in spans.together(spans.waits_of(trail))
        if wait.end is None or wait.seconds(now) >= _QUIET_SECONDS
    ]
    runs = spans.runs_of(attempts, trail)
    for span in sorted([*waits, *spans.attempts_of(attempts)], key=lambda one: one.start):
        if span.what is What.WAIT or span.attempt_id is None:
            yield Span(span.name, span.status, span.start, span.end)
            continue
        yield Span(f"{span.name} on {saying.worker_of(span.worker_id)}", span.status, span.start, span.end)
        for run in runs[span.attempt_id]:
            yield Span(run.name, run.status, run.start, run.end, 1)


def draw(job: Job, bars: Sequence[Span], width: int) -> Iterable[str]:
    """The picture, line by line."""
    yield f"{short(job.id)} {job.type}  {words.glyph(job.status)} {job.status}  {words.length(job.actual_seconds)}".rstrip()
    if not bars:
        return
    start = min(span.start for span in bars)
    end = max(span.end or datetime.now(UTC) for span in bars)
    if job.status in FINAL and job.completed_at is not None:
        end = max(span.end or job.completed_at for span in bars)
    total = max((end - start).total_seconds(), 0.001)
    label = max(len(_label(span)) for span in bars)
    room = max(width - label - 12, _LEAST_BAR)
    yield f"{'':<{label}}  {'':>8}  0{words.length(total):>{room - 1}}"
    for span in bars:
        first = round((span.start - start).total_seconds() / total * room)
        last = round(((span.end or end) - start).total_seconds() / total * room)
        first = min(first, room - 1)
        bar = _bar(span, max(last - first, 1))
        yield f"{_label(span):<{label}}  {words.length(span.seconds):>8}  {' ' * first}{bar}"


def _bar(span: Span, width: int) -> str:
    if span.status in (WAITED, WAITS):
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
    sign = "…" if span.status in (WAITED, WAITS) else words.glyph(span.status)
    return f"{'  ' * span.deep}{sign} {name}"


def _plain(span: Span) -> object:
    return {
        "name": span.name,
        "status": span.status,
        "start_at": words.absolute(span.start),
        "end_at": words.absolute(span.end) or None,
        "seconds": round(span.seconds, 3),
        "depth": span.deep,
    }
