"""`jobtrail job list`: a page of jobs, newest first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from jobtrail.cli import place, refs, repeat, show, words
from jobtrail.cli.flags import NO_FLAGS, Flags
from jobtrail.cli.show import Column
from jobtrail.cli.telling import Usage, notice
from jobtrail.core.filter import SEARCHED, Filter, both
from jobtrail.core.filter_language import parse
from jobtrail.core.ids import short
from jobtrail.core.model import Job
from jobtrail.core.status import JobStatus
from jobtrail.service.lists import Page

_MOST = 1_000
Several = Parameter(negative=())


def jobs(
    *search: str,
    status: Annotated[tuple[str, ...], Parameter(alias="-s", negative=())] = (),
    type: Annotated[tuple[str, ...], Parameter(alias="-t", negative=())] = (),
    queue: Annotated[tuple[str, ...], Parameter(alias="-q", negative=())] = (),
    tag: Annotated[tuple[str, ...], Several] = (),
    limit: Annotated[int, Parameter(alias="-n")] = 50,
    before: str | None = None,
    watch: Annotated[bool, Parameter(alias="-w", negative=())] = False,
    flags: Flags = NO_FLAGS,
) -> int:
    """Jobs, newest first.

    Parameters
    ----------
    search
        Conditions such as 'status:failed type:render -tag:nightly attempts>2 age<1d "timed out"'; a space means and, a
        comma or, a leading minus not.
    status
        Only of these statuses: QUEUED, RUNNING, FAILED … Commas or several options mean or.
    type
        Only of these types.
    queue
        Only of these queues.
    tag
        Only with one of these tags.
    limit
        At most so many, 50 if not said otherwise.
    before
        Those before this job: the next page.
    watch
        Show the list again whenever it changes.
    """
    if not 1 <= limit <= _MOST:
        raise Usage(f"--limit must be 1 to {_MOST}, not {limit}")
    said = Filter(
        statuses=_statuses(status), types=_each(type) or None, queues=_each(queue) or None, tags=_each(tag) or None
    )
    terms = parse(" ".join(search))
    with place.client(flags) as client:
        cursor = refs.job_id(client, before) if before else None

        def read() -> Page:
            filter = both(terms.filter(datetime.now(UTC)), said)
            return client.page(filter, before=cursor, limit=limit)

        if watch:
            return repeat.show_changes(lambda: read().jobs, lambda found: show_jobs(found, flags), flags)
        found = read()
        show_jobs(found.jobs, flags)
        if flags.output != "json":
            _tell_of_more(found)
    return 0


def _tell_of_more(found: Page) -> None:
    if found.searched_to is not None:
        notice(f"{SEARCHED:,} jobs were looked through; to look further back: --before {found.searched_to}")
    elif found.next_before is not None:
        notice(f"there may be more: --before {short(found.next_before)}")


def show_jobs(found: list[Job], flags: Flags) -> None:
    """Jobs as a table, or as data."""
    columns: list[Column[Job]] = [
        show.id_column(lambda job: job.id),
        Column("TYPE", lambda job: job.type),
        show.status_column(lambda job: job.status),
        Column("WAITS FOR", lambda job: job.wait_reason, rank=3),
        Column("%", lambda job: f"{job.progress:.0f}", lambda job: f"{job.progress:.0f}" if job.progress else "", right=True,
               rank=4),
        Column("QUEUE", lambda job: job.queue, rank=2),
        Column("TRIES", lambda job: job.attempt_count, right=True, rank=5),
        show.time_column("MADE", lambda job: job.created_at),
        Column("TIME", lambda job: job.actual_seconds, lambda job: words.length(job.actual_seconds), right=True, rank=6),
        Column("TITLE OR ERROR", _said, lambda job: words.one_line(_said(job), 40), rank=1),
    ]  # fmt: skip
    show.rows(found, columns, flags, empty="no jobs; hand one in: jobtrail enqueue TYPE name=value")


def _said(job: Job) -> str:
    wrong = job.error_message if job.status == JobStatus.FAILED else job.cancel_reason
    return wrong or job.title or ""


def _each(given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.strip() for text in given for part in text.split(",") if part.strip())


def _statuses(given: tuple[str, ...]) -> tuple[JobStatus, ...] | None:
    wanted = [word.upper() for word in _each(given)]
    strange = [word for word in wanted if word not in set(JobStatus)]
    if strange:
        raise Usage(f"{strange[0]} is no status of a job; there are {', '.join(JobStatus)}")
    return tuple(JobStatus(word) for word in wanted) or None
