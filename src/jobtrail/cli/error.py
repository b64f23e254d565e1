"""`jobtrail error list`, `show`, `retry`: what failed, in groups that failed alike."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from jobtrail.cli import place, show, words
from jobtrail.cli.exits import OK, PARTLY
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain
from jobtrail.cli.since import time_of
from jobtrail.cli.telling import notice
from jobtrail.client import JobsClient
from jobtrail.core.errors import Conflict, IllegalMove, NotFound
from jobtrail.core.figures import ErrorGroup, ErrorGroups
from jobtrail.core.filter import Filter
from jobtrail.core.status import JobStatus

_PAGE = 500


def errors(*, since: str | None = None, flags: Flags = NO_FLAGS) -> int:
    """What failed, in groups that failed alike, the last seen first.

    Parameters
    ----------
    since
        Only what failed since then: how long ago (12h, 7d), or a time.
    """
    with place.client(flags) as client:
        found = client.errors(None if since is None else time_of(since, "--since"))
    if flags.output == "json":
        show.document(show.plain(found))
        return OK
    show.rows(
        found.items,
        [
            show.Column("ERROR", lambda g: g.fingerprint),
            show.Column("JOBS", lambda g: g.jobs, right=True),
            show.Column("CODE", lambda g: g.error_code),
            show.Column("MESSAGE", lambda g: g.message, lambda g: words.one_line(g.message, 60)),
            show.Column(
                "TYPES", lambda g: ", ".join(g.types), lambda g: words.one_line(", ".join(g.types), 30), rank=3
            ),
            show.time_column("FIRST", lambda g: g.first_at, rank=2),
            show.time_column("LAST", lambda g: g.last_at, rank=1),
            show.Column("", _mark, lambda g: _mark(g).upper(), rank=4),
        ],
        flags,
        empty="nothing failed",
    )
    _tell_how_far(found)
    return OK


def show_error(fingerprint: Annotated[str, Plain], /, *, flags: Flags = NO_FLAGS) -> int:
    """One error: its message, its types, its newest jobs.

    Parameters
    ----------
    fingerprint
        As `jobtrail error list` shows it.
    """
    with place.client(flags) as client:
        found = client.error(fingerprint)
    group = found.items[0]
    show.thing(show.plain(group), lambda: _lines(group), flags)
    _tell_how_far(found)
    notice(f"try them again: jobtrail error retry {fingerprint}")
    return OK


def retry(fingerprint: Annotated[str, Plain], /, *, flags: Flags = NO_FLAGS) -> int:
    """Try all jobs of an error again; finished steps are kept. Exits with 9 when some could not be.

    Parameters
    ----------
    fingerprint
        As `jobtrail error list` shows it.
    """
    with place.client(flags) as client:
        client.error(fingerprint)
        before = datetime.now(UTC)  # what fails alike meanwhile is not tried again and again
        done, skipped = 0, 0
        for job_id in _jobs(client, Filter(statuses=(JobStatus.FAILED,), error=(fingerprint,), created_before=before)):
            try:
                client.retry(job_id)
                done += 1
            except (Conflict, IllegalMove, NotFound) as changed:
                notice(f"skipped {job_id}: {changed.message}")
                skipped += 1
    if flags.output in ("json", "jsonl"):
        show.line({"error": fingerprint, "retried": done, "skipped": skipped})
    notice(f"{words.counted(done, 'job')} of {fingerprint} {'is' if done == 1 else 'are'} tried again")
    return PARTLY if skipped else OK


def _jobs(client: JobsClient, filter: Filter) -> Iterable[UUID]:
    before: UUID | None = None
    while True:
        page = client.page(filter, before=before, limit=_PAGE)
        yield from [job.id for job in page.jobs]
        before = page.next_before
        if before is None:
            return


def _lines(group: ErrorGroup) -> Iterable[tuple[str, object]]:
    yield "error", group.fingerprint
    yield "code", group.error_code
    yield "message", group.message
    yield "jobs", f"{group.jobs} ({', '.join(f'{type} {jobs}' for type, jobs in group.types.items())})"
    yield "first", words.absolute(group.first_at)
    yield "last", words.absolute(group.last_at)
    yield "", _mark(group)
    yield "note", f"{group.note} ({group.marked_by}, {words.absolute(group.marked_at)})" if group.note else ""
    yield "newest", "\n".join(map(str, group.job_ids))


def _mark(group: ErrorGroup) -> str:
    """What is special about it."""
    if group.state != "OPEN":
        return "back" if group.state == "BACK" else group.state.lower()
    return "infrastructure" if group.infrastructure else "new" if group.is_new else ""


def _tell_how_far(found: ErrorGroups) -> None:
    if found.made_since is not None:
        made = words.absolute(found.made_since)
        notice(f"these are the newest {found.looked_at} failed jobs; those made before {made} were not looked at")
    if found.groups > len(found.items) > 1:
        notice(f"{found.groups - len(found.items)} more errors were seen longer ago")
