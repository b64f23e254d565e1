"""The log of a job as a page: where it opens, the windows of lines that its viewer asks for, and the last lines for others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final
from uuid import UUID

import msgspec
from starlette.responses import Response

from jobtrail.core.errors import NotFound
from jobtrail.core.ids import short
from jobtrail.core.loglines import Extent, line_of
from jobtrail.core.logview import Row, row_of
from jobtrail.core.model import Step
from jobtrail.core.status import FINAL, JobStatus, LogLevel, LogSource
from jobtrail.service import headlines, jobs, logs
from jobtrail.service.logs import Wanted
from jobtrail.web import loglook
from jobtrail.web.loglook import Look
from jobtrail.web.pages.job_head import AtQuery, JobHead, job_head
from jobtrail.web.pages.page import page, regions
from jobtrail.web.runtime import Call

WINDOW: Final = 200
_LINES: Final = "lines"
_HOLD_LINES: Final = {"main", "tab", _LINES}
"""The parts of the page in which lines stand; the others are read without them."""
_MOST_STEPS: Final = 300
_LEVELS: Final = tuple(LogLevel)
_ERRORS: Final = (LogLevel.ERROR, LogLevel.FATAL)
_LAST: Final = 2**53

Line = Annotated[int, msgspec.Meta(ge=1, le=_LAST)]


class LogsQuery(AtQuery, frozen=True, kw_only=True):
    """Which lines, and where to open: `line` is a number or two, `q` what is looked for.

    `first`, `before` and `limit` are the viewer's, when it asks for the region `lines`.
    """

    attempt: Annotated[int, msgspec.Meta(ge=1, le=2_147_483_647)] | None = None
    step: UUID | None = None
    level: LogLevel | None = None
    source: list[LogSource] | None = None
    q: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    line: Annotated[str, msgspec.Meta(pattern="^[1-9][0-9]{0,14}(-[1-9][0-9]{0,14})?$")] | None = None
    first: Line | None = None
    before: Line | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = WINDOW

    @property
    def is_filtered(self) -> bool:
        """Whether some lines are left out."""
        return any((self.attempt, self.step, self.level, self.source))


@dataclass(frozen=True, slots=True, kw_only=True)
class LogWindow:
    """Some lines of a log: those that fit of the numbers from `first` to before `end`, of what is `there`.

    `names`: name and phase of the steps, `numbers`: of the attempts. `target`: the line to look at.
    """

    rows: Sequence[Row]
    first: int
    end: int
    there: Extent
    numbers: Mapping[UUID, int]
    names: Mapping[UUID, tuple[str, str]]
    target: int | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """What a look found, and the line in it to look at."""

    look: Look
    target: int | None = None


async def show_job_logs(call: Call, job_id: UUID, query: LogsQuery) -> Response:
    """The log of a job."""
    asked = set(regions(call))
    if asked == {_LINES}:
        if await call.read(jobs.get(call.workspace, job_id)) is None:
            raise NotFound(f"there is no job {job_id} in this workspace")
        numbers, there = await _about(call, job_id, query)
        place = _Place(await _window(call, job_id, _wanted(query, numbers), query, there))
        return await page(call, "job/lines.html", "Log", log=await _drawn(call, job_id, place, there, numbers))
    head = await job_head(call, job_id, query.at)
    log: LogWindow | None = None
    steps: list[Step] = []
    numbers = {attempt.id: attempt.number for attempt in head.attempts}
    if not asked or asked & _HOLD_LINES:
        numbers, there = await _about(call, job_id, query)
        place = await _opening(call, head, query, _wanted(query, numbers), there)
        log = await _drawn(call, job_id, place, there, numbers)
        steps = await call.read(headlines.steps(call.workspace, job_id, _MOST_STEPS))
    return await page(
        call, "job/logs.html", head.name, head=head, tab="Logs", log=log, query=query, steps=steps, numbers=numbers,
        levels=_LEVELS, sources=tuple(LogSource), filters=_filters(query, numbers), cli=_cli(head, query, steps),
        is_open=not head.past and head.job.status not in FINAL,
        follows=head.job.status == JobStatus.RUNNING and not head.past and query.line is None,
    )  # fmt: skip


async def last_lines(
    call: Call, job_id: UUID, count: int, *, attempt_id: UUID | None = None, step_id: UUID | None = None
) -> list[Row]:
    """The last lines of a job, or of an attempt or step of it, drawn: for `parts/loglines.html`."""
    wanted = Wanted(attempt_id=attempt_id, step_id=step_id)
    stored = await call.read(logs.last(call.workspace, job_id, wanted, count))
    return [row_of(line_of(one)) for one in stored]


async def _about(call: Call, job_id: UUID, query: LogsQuery) -> tuple[dict[UUID, int], Extent]:
    """The numbers of the attempts, and which lines there are; as of a time, those until then."""
    numbers = await call.read(logs.attempt_numbers(call.workspace, job_id))
    there = await loglook.extent(call, job_id)
    if query.at is not None:
        last = await call.read(logs.line_at(call.workspace, job_id, query.at))
        there = Extent(there.first_line, there.first_line if last is None else last + 1)
    return numbers, there


def _wanted(query: LogsQuery, numbers: Mapping[UUID, int]) -> Wanted:
    """Which lines fit. Raises NotFound for an attempt that there was not."""
    attempt = next((id for id, number in numbers.items() if number == query.attempt), None)
    if query.attempt is not None and attempt is None:
        raise NotFound(f"this job has no attempt {query.attempt}; it has {len(numbers)}")
    levels = () if query.level is None else _LEVELS[_LEVELS.index(query.level) :]
    return Wanted(attempt_id=attempt, step_id=query.step, levels=levels, sources=tuple(query.source or ()))


async def _window(call: Call, job_id: UUID, wanted: Wanted, query: LogsQuery, there: Extent) -> Look:
    """The window that the viewer asks for: before a line, or from one on."""
    if query.before is not None:
        return await loglook.backward(call, job_id, wanted, end=query.before, limit=query.limit, there=there)
    first = query.first or there.first_line
    return await loglook.forward(call, job_id, wanted, first=first, limit=query.limit, there=there)


async def _opening(call: Call, head: JobHead, query: LogsQuery, wanted: Wanted, there: Extent) -> _Place:
    """Where the log opens: at the line that was asked for, at the first error of what failed, at its end, or at its start."""
    job_id, limit = head.job.id, query.limit
    target = None if query.line is None else int(query.line.partition("-")[0])
    if target is None and (query.first is not None or query.before is not None):
        return _Place(await _window(call, job_id, wanted, query, there))
    if target is None and head.job.status == JobStatus.FAILED and not head.past:
        target = await _first_error(call, head, wanted, there)
    if target is not None and there.first_line <= target < there.next_line:
        before = await loglook.backward(call, job_id, wanted, end=target, limit=limit // 2, there=there)
        after = await loglook.forward(call, job_id, wanted, first=target, limit=limit - len(before.lines), there=there)
        return _Place(Look([*before.lines, *after.lines], before.first, after.end), target)
    if head.job.status == JobStatus.COMPLETED and not head.past:
        return _Place(await loglook.forward(call, job_id, wanted, first=1, limit=limit, there=there))
    return _Place(await loglook.backward(call, job_id, wanted, end=there.next_line, limit=limit, there=there))


async def _first_error(call: Call, head: JobHead, wanted: Wanted, there: Extent) -> int | None:
    """The first error of the step that failed, else of the last attempt; None where there is none that is to be shown."""
    failed = await call.read(headlines.failing_step(call.workspace, head.job.id))
    attempt = wanted.attempt_id or (head.attempt.id if head.attempt is not None else None)
    places = [Wanted(attempt_id=attempt, step_id=failed.id)] if failed is not None else []
    for place in (*places, Wanted(attempt_id=attempt)):
        errors = replace(place, levels=_ERRORS, sources=wanted.sources, step_id=wanted.step_id or place.step_id)
        look = await loglook.forward(call, head.job.id, errors, first=1, limit=1, there=there)
        if look.lines:
            return look.lines[0].number
    return None


async def _drawn(call: Call, job_id: UUID, place: _Place, there: Extent, numbers: Mapping[UUID, int]) -> LogWindow:
    """Lines as the template takes them."""
    look = place.look
    steps = {line.step_id for line in look.lines if line.step_id is not None}
    names = await call.read(logs.step_names(call.workspace, job_id, list(steps))) if steps else {}
    return LogWindow(
        rows=[row_of(line) for line in look.lines], first=look.first, end=look.end, there=there, numbers=numbers,
        names=names, target=place.target,
    )  # fmt: skip


def _filters(query: LogsQuery, numbers: Mapping[UUID, int]) -> dict[str, str]:
    """The same choice in the words of the API."""
    wanted = _wanted(query, numbers)
    said = {
        "attempt_id": str(wanted.attempt_id or ""),
        "step_id": str(wanted.step_id or ""),
        "level": ",".join(wanted.levels),
        "source": ",".join(wanted.sources),
    }
    return {name: value for name, value in said.items() if value}


def _cli(head: JobHead, query: LogsQuery, steps: Sequence[Step]) -> str:
    """The command that shows the same."""
    key = next((step.key for step in steps if step.id == query.step), None)
    said = [f"jobtrail job logs {short(head.job.id)}"]
    said += [f"--attempt {query.attempt}"] if query.attempt else []
    said += [f"--step '{key}'"] if key and key.isprintable() and "'" not in key else []
    said += [f"--level {query.level}"] if query.level else []
    return " ".join(said)
