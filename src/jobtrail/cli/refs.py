"""From what people type to the id of a job: whole ids, some digits of their start or end, @last, @failed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from jobtrail.cli import words
from jobtrail.cli.telling import with_fix
from jobtrail.client import JobsClient
from jobtrail.core.errors import Invalid, NotFound
from jobtrail.core.ids import MIN_SHORT, parse_id, short
from jobtrail.core.model import Job
from jobtrail.core.status import JobStatus
from jobtrail.service.jobs import Filter

_DIGITS: Final = re.compile(r"[0-9a-fA-F]+")
_WHOLE: Final = 32


def job_id(client: JobsClient, ref: str) -> UUID:
    """The job that is meant. Raises NotFound, or Invalid when the reference means several or nothing."""
    if ref.startswith("@"):
        return _named(client, ref)
    digits = ref.replace("-", "")
    if len(digits) == _WHOLE:
        return parse_id(ref, "job")
    if not _DIGITS.fullmatch(digits) or len(digits) < MIN_SHORT:
        raise Invalid(
            f"{ref!r} does not name a job; give an id, at least {MIN_SHORT} digits of its start or end, @last or @failed"
        )
    found = client.find(digits.lower())
    if not found:
        raise with_fix(NotFound(f"no job's id starts or ends with {ref}"), "jobtrail job list")
    if len(found) > 1:
        raise _ambiguous(ref, [client.get(one) for one in found])
    return found[0]


def job_ids(client: JobsClient, refs: Iterable[str]) -> list[UUID]:
    """The jobs that are meant, each once. Raises like `job_id`."""
    return list(dict.fromkeys(job_id(client, ref) for ref in refs))


def one_of(ids: Sequence[UUID], ref: str) -> UUID | None:
    """The one of these ids that starts or ends with some digits; None when none or several do."""
    digits = ref.replace("-", "").lower()
    if len(digits) < MIN_SHORT or not _DIGITS.fullmatch(digits):
        return None
    found = [id for id in ids if id.hex.startswith(digits) or id.hex.endswith(digits)]
    return found[0] if len(found) == 1 else None


def _named(client: JobsClient, ref: str) -> UUID:
    wanted = {"@last": Filter(), "@failed": Filter(statuses=(JobStatus.FAILED,))}
    if ref not in wanted:
        raise Invalid(f"{ref} names no job; there are @last and @failed")
    newest = client.list_jobs(wanted[ref], limit=1)
    if not newest:
        raise NotFound("there is no failed job" if ref == "@failed" else "there is no job yet")
    return newest[0].id


def _ambiguous(ref: str, jobs: Sequence[Job]) -> Invalid:
    candidates = {
        str(job.id): f"{short(job.id)} {job.type} {job.status}, made {words.absolute(job.created_at)}" for job in jobs
    }
    return with_fix(Invalid(f"{ref} means several jobs", fields=candidates), "give more digits")
