"""What is done to jobs from a screen: one after the other, with an account of what was left out and why. Nothing is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from jobtrail.cli import words
from jobtrail.client import JobsClient
from jobtrail.core.errors import JobtrailError, Unavailable
from jobtrail.core.ids import short
from jobtrail.core.status import JobStatus


@dataclass(frozen=True, slots=True)
class Account:
    """What came of an action: what was said of each job that was acted on, and why the others were skipped."""

    verb: str
    said: tuple[tuple[UUID, str], ...]
    skipped: tuple[tuple[UUID, str], ...]

    def __str__(self) -> str:
        if len(self.said) + len(self.skipped) == 1:
            (job_id, what), *_ = self.said or self.skipped
            return f"job {short(job_id)}: {what}"
        left = f", {len(self.skipped)} skipped" if self.skipped else ""
        return f"{self.verb}: {words.counted(len(self.said), 'job')} done{left}"


def each(client: JobsClient, verb: str, job_ids: Sequence[UUID], act: Callable[[JobsClient, UUID], str]) -> Account:
    """Acts on every job. One that cannot be acted on keeps no other from it, unless nothing answers any more."""
    said: list[tuple[UUID, str]] = []
    skipped: list[tuple[UUID, str]] = []
    away: Unavailable | None = None
    for job_id in job_ids:
        if away is not None:
            skipped.append((job_id, "not tried: the connection was lost"))
            continue
        try:
            said.append((job_id, act(client, job_id)))
        except Unavailable as error:
            away = error
            skipped.append((job_id, error.message))
        except JobtrailError as error:
            skipped.append((job_id, error.message))
    return Account(verb, tuple(said), tuple(skipped))


def retry(client: JobsClient, job_id: UUID) -> str:
    """Tries a job again; finished steps are kept."""
    client.retry(job_id)
    return "it is tried again; finished steps are kept"


def rerun(client: JobsClient, job_id: UUID) -> str:
    """Enqueues a new job like this one."""
    return f"rerun as job {short(client.rerun(job_id))}"


def cancel(reason: str | None) -> Callable[[JobsClient, UUID], str]:
    """Cancels a job, with a reason."""

    def act(client: JobsClient, job_id: UUID) -> str:
        if client.cancel(job_id, reason) == JobStatus.RUNNING:
            return "its worker was asked to stop it"
        return "cancelled"

    return act
