"""Jobs that end together in one more, which runs when all of them have ended, however they did: its page is the batch's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from jobtrail.service.wanted import NewJob


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that was accepted: the job that closes it, and the others."""

    id: UUID
    jobs: tuple[UUID, ...]


def closing(last: NewJob, jobs: Sequence[UUID]) -> NewJob:
    """The job that closes a batch: it waits for all, and runs also when some did not complete."""
    options = replace(last.options, depends_mode="ALL", on_dependency="RUN")
    return last._replace(options=options, after=tuple(dict.fromkeys((*last.after, *jobs))))
