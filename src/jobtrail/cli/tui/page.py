"""A job as a page of lines: what failed first, then why, timeline, attempts, steps, data, the end of its log. Pure."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from jobtrail.cli import job_timeline, saying, show, words
from jobtrail.cli.tui import tailing
from jobtrail.cli.tui.cells import progress
from jobtrail.cli.tui.painted import pair
from jobtrail.cli.tui.sight import Sight
from jobtrail.cli.tui.spans import Line, Span, look, safe, status
from jobtrail.core import shown
from jobtrail.core.model import Attempt, Step
from jobtrail.core.status import FINAL, JobStatus, StepStatus

_MOST_STEPS: Final = 200
_MOST_BARS: Final = 200
_MOST_DATA: Final = 60
_NAME: Final = 10


def lines(sight: Sight, width: int) -> list[Line]:
    """The page, for a width."""
    failed = sight.job.status == JobStatus.FAILED
    found = [*_head(sight, width)]
    if failed:
        found += [*_failed_steps(sight.steps), *_tail(sight)]
    found += [*_timeline(sight, width), *_attempts(sight.attempts), *_steps(sight.steps)]
    if not failed:
        found += _tail(sight)
    found += _data("input", sight.job.input)
    if sight.result is not None:
        found += _data("result", sight.result.output)
    return found


def _head(sight: Sight, width: int) -> Iterator[Line]:
    job = sight.job
    yield (status(job.status), ("  ", ""), (safe(job.title or job.type, 200), "strong"))
    yield pair("id", (str(job.id), ""))
    yield pair("type", (safe(job.type), ""), (f"   queue {safe(job.queue)}, priority {job.priority}", "dim"))
    if job.tags:
        yield pair("tags", (safe(", ".join(job.tags), 200), ""))
    yield pair("made", (f"{words.ago(job.created_at)} by {safe(job.created_by or 'somebody', 60)}", ""))
    took = words.length(words.between(job.started_at, job.completed_at)) if job.started_at else ""
    if job.attempt_count:
        parts = [f"attempt {job.attempt_count} of {job.max_attempts}", took, _cost(sight), _files(sight)]
        yield pair("took", ("   ".join(part for part in parts if part), ""))
    if bar := progress(job, 20):
        yield pair("progress", (bar, "run"), (f"  {safe(job.stage, 40)}", "dim"))
    yield from _wrapped("why", sight.why, width, "")
    if job.status == JobStatus.FAILED or job.error_message:
        said = f"{job.error_code}: {job.error_message}" if job.error_message else str(job.error_code or "")
        yield from _wrapped("error", said, width, "bad" if job.status == JobStatus.FAILED else "warn")
    if (gate := sight.asks) is not None:
        yield from _wrapped("question", f"◇ {gate.question}", width, "new")
        yield pair("", ("<a>", "key"), ("pprove  ", ""), ("<x>", "key"), (" reject", ""))


def _cost(sight: Sight) -> str:
    if not sight.spent.calls:
        return ""
    more = f" + {sight.spent.unpriced_calls} unpriced" if sight.spent.unpriced_calls else ""
    return f"cost {shown.money(sight.spent.cost_usd)}{more}"


def _files(sight: Sight) -> str:
    return words.counted(sight.files, "file") if sight.files else ""


def _wrapped(name: str, text: str, width: int, how: str) -> Iterator[Line]:
    for number, part in enumerate(textwrap.wrap(safe(text, 1_000), max(width - _NAME - 2, 20))):
        yield pair("" if number else name, (part, how))


def _section(title: str) -> Iterator[Line]:
    yield ()
    yield ((title, "head"),)


def _timeline(sight: Sight, width: int) -> Iterator[Line]:
    bars = list(job_timeline.spans_of(sight.attempts, sight.events))
    _, *drawn = job_timeline.draw(sight.job, bars, width - 2)
    if drawn:
        yield from _section("timeline")
        looks = ["dim", *(look(bar.status) or "dim" for bar in bars)]
        pairs = list(zip(drawn, looks, strict=False))
        yield from (((raw(line), how),) for line, how in pairs[:_MOST_BARS])
        if len(pairs) > _MOST_BARS:
            yield ((f"… and {len(pairs) - _MOST_BARS} more: jobtrail job timeline", "dim"),)


def _attempts(attempts: Sequence[Attempt]) -> Iterator[Line]:
    if attempts:
        yield from _section("attempts")
    for attempt in attempts:
        took = words.length(words.between(attempt.started_at, attempt.ended_at))
        said = safe(attempt.error_message or attempt.error_code, 300)
        where = saying.worker_of(attempt.worker_id)
        yield ((f"{attempt.number:>3}  ", "dim"), _padded(status(attempt.status), 14),
               (f"{took:>8}  on {where}  ", ""), (said, "dim"))  # fmt: skip


def _steps(steps: Sequence[Step]) -> Iterator[Line]:
    if steps:
        yield from _section("steps")
    for step in steps[:_MOST_STEPS]:
        took = "" if step.duration_ms is None else words.length(step.duration_ms / 1000)
        yield (_padded(status(step.status), 12), (f"{step.phase:<11} ", "dim"), (f"{took:>8}  ", "dim"),
               (safe(step.name, 80), ""), (f"  {safe(step.error_message, 200)}", "dim"))  # fmt: skip
    if len(steps) > _MOST_STEPS:
        yield ((f"… and {len(steps) - _MOST_STEPS} more: jobtrail job get", "dim"),)


def _failed_steps(steps: Sequence[Step]) -> Iterator[Line]:
    failed = [step for step in steps if step.status == StepStatus.FAILED]
    if failed:
        yield from _section("what failed")
    for step in failed[-3:]:
        yield (status(step.status), (f"  {safe(step.name, 80)}", "strong"), (f"  {safe(step.error_message, 300)}", ""))


def _tail(sight: Sight) -> Iterator[Line]:
    if sight.tail:
        title = "log, its last lines" if sight.job.status in FINAL else "log, as it grows"
        yield from _section(f"{title}   <l> all of it")
        yield from (tailing.shown(line) for line in sight.tail)


def _data(title: str, value: object) -> Iterable[Line]:
    if value in (None, {}):
        return
    yield from _section(title)
    text = json.dumps(show.plain(value), ensure_ascii=False, indent=2).splitlines()
    yield from (((raw(line), ""),) for line in text[:_MOST_DATA])
    if len(text) > _MOST_DATA:
        yield ((f"… and {len(text) - _MOST_DATA} lines more: jobtrail job get -o json", "dim"),)


def _padded(span: Span, width: int) -> Span:
    return (f"{span[0]:<{width}} ", span[1])


def raw(text: str, most: int = 2_000) -> str:
    """A line with its spaces, which cannot drive a terminal."""
    return words.harmless(text[:most]).replace("\t", "    ")
