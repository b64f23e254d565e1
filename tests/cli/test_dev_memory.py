"""`jobtrail dev` runs for days: what it remembers of jobs does not grow with them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from jobtrail.cli.dev import Jobs
from jobtrail.client import Client
from jobtrail.core.status import JobStatus


class _Newest:
    """A client that knows of the newest jobs alone."""

    def __init__(self) -> None:
        self.jobs: list[Any] = []

    def list_jobs(self, *, limit: int) -> list[Any]:
        return self.jobs[:limit]


def test_of_jobs_that_are_not_listed_any_more_nothing_is_remembered() -> None:
    client = _Newest()
    jobs = Jobs(cast("Client", client), None)
    for number in range(1_000):
        client.jobs.insert(0, SimpleNamespace(id=UUID(int=number), type="a", status=JobStatus.QUEUED))
        jobs.tell()
    assert len(jobs._seen) <= 30
