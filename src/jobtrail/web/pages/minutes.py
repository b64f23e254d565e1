"""Charts of queues over time: what went in and out, what waits, how long it waited."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from jobtrail.core.model import QueueMinute
from jobtrail.core.shown import length, number
from jobtrail.web.pages.charts import Bucket, Chart, Series
from jobtrail.web.pages.searching import search
from jobtrail.web.pages.spans import Span

Url = Callable[..., str]
Values = tuple[float | None, ...]

_ENDS: Final = (Series("completed", "c-ok"), Series("failed", "c-bad"))
_MOVES: Final = (Series("in", "c-soft"), Series("out", "c-accent"))
_DEPTH: Final = (Series("waiting", "c-wait"),)
_WAITS: Final = (Series("half of the jobs", "c-soft"), Series("95 of 100", "c-accent"))


def throughput(found: Sequence[QueueMinute], span: Span, url: Url, queue: str | None = None) -> Chart:
    """How many jobs completed and failed."""
    return _chart("throughput", "Throughput", _ENDS, found, span, lambda one: (one.jobs_out, one.failures), number,
                  url, queue)  # fmt: skip


def moves(found: Sequence[QueueMinute], span: Span, url: Url, queue: str) -> Chart:
    """How many jobs came in and how many ended."""
    return _chart("moves", "In and out", _MOVES, found, span, lambda one: (one.jobs_in, one.jobs_out + one.failures),
                  number, url, queue, stacked=False)  # fmt: skip


def depth(found: Sequence[QueueMinute], span: Span, url: Url, queue: str) -> Chart:
    """How many jobs waited."""
    return _chart("depth", "Waiting jobs", _DEPTH, found, span, lambda one: (one.depth,), number, url, queue)


def waits(found: Sequence[QueueMinute], span: Span, url: Url, queue: str | None = None) -> Chart:
    """How long jobs waited before they started."""
    return _chart("waits", "Wait before the start", _WAITS, found, span, _waited, length, url, queue, stacked=False)


def _waited(one: QueueMinute) -> Values:
    return tuple(None if ms is None else ms / 1_000 for ms in (one.wait_p50_ms, one.wait_p95_ms))


def _chart(key: str, title: str, series: tuple[Series, ...], found: Sequence[QueueMinute], span: Span,
           values: Callable[[QueueMinute], Values], shown: Callable[[float], str], url: Url, queue: str | None,
           *, stacked: bool = True) -> Chart:  # fmt: skip
    """`found` leaves out parts in which nothing happened; their counts are zero, their waits unknown."""
    by_time = {one.at: one for one in found}
    nothing: Values = tuple(None if values is _waited else 0.0 for _ in series)
    buckets = tuple(
        Bucket(
            at, span.label(at), values(by_time[at]) if at in by_time else nothing, _jobs(url, at, span.seconds, queue)
        )
        for at in span.parts
    )
    first, last = span.label(span.since), f"{span.label(span.until)} UTC"
    return Chart(key, title, series, buckets, shown, stacked, first, last)


def _jobs(url: Url, at: datetime, seconds: int, queue: str | None) -> str:
    """The jobs that were made in a part of the time."""
    until = at + timedelta(seconds=seconds)
    q = None if queue is None else search(("queue", queue))
    return url("/jobs", q=q, t=f"{_stamp(at)}..{_stamp(until)}")


def _stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
