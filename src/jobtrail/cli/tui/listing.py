"""Which jobs a list shows: a page that stays as it is, its rows read anew, and what has come since counted. Nothing is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from jobtrail.client import JobsClient
from jobtrail.core.errors import NotFound
from jobtrail.core.filter_language import Search
from jobtrail.core.model import Job
from jobtrail.service.lists import Page

PAGE: Final = 100
_STRAYS: Final = 10
"""So many jobs that no longer fit the filter are read one by one at a look."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a look found. `new`: how many jobs came since, `capped` when there are more; `gone`: jobs that are no more."""

    jobs: dict[UUID, Job]
    new: int
    capped: bool
    gone: frozenset[UUID]


def load(client: JobsClient, search: Search, before: UUID | None = None) -> Page:
    """A page of jobs, the newest first."""
    return client.page(search.filter(datetime.now(UTC)), before=before, limit=PAGE)


def look_again(client: JobsClient, search: Search, shown: Sequence[UUID], seen: Sequence[UUID]) -> Fresh:
    """Reads again what is seen of the jobs that are shown, and counts those that came and are not shown."""
    filter = search.filter(datetime.now(UTC))
    newest = client.page(filter, limit=PAGE).jobs
    there = set(shown)
    oldest = min(shown, default=None)
    new = [job.id for job in newest if job.id not in there and (oldest is None or job.id > oldest)]
    found = {job.id: job for job in newest}
    if any(job_id not in found for job_id in seen):
        after_first = UUID(int=seen[0].int + 1)
        found |= {job.id: job for job in client.page(filter, before=after_first, limit=len(seen) + _STRAYS).jobs}
    gone = set()
    for job_id in [one for one in seen if one not in found][:_STRAYS]:
        try:
            found[job_id] = client.get(job_id)
        except NotFound:
            gone.add(job_id)
    fresh = {job_id: job for job_id, job in found.items() if job_id in there}
    return Fresh(fresh, len(new), len(new) == PAGE, frozenset(gone))
