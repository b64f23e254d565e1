"""Verbs on renders that nexrender's own workers run: jobs that are known by uids of their clients' making, and the leases of
workers that say nothing between two states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from jobtrail.core.fence import Fence
from jobtrail.store import query
from jobtrail.store.query import Query

TYPE: Final = "nexrender.render"
"""The type of these jobs. No runner has it, so that only nexrender's workers take them; `nexrender` hands a render to a
nexrender server instead."""
QUEUE: Final = "nexrender"
"""Where they wait: nobody else's jobs are looked through for them, and one pause stops all render nodes."""
_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Render:
    """A render: its job, what its client calls it, the document, and what was said of it. With an open attempt it
    names the worker that has it. `request_sha256` None: it was enqueued as any other job."""

    job_id: UUID
    uid: str
    removed: bool
    request_sha256: bytes | None
    status: str
    stage: str | None
    progress: float
    input: Any
    said: Any
    created_by: str | None
    error_code: str | None
    error_message: str | None
    cancel_reason: str | None
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    attempt_id: UUID | None
    worker_id: UUID | None
    worker_name: str | None
    worker_host: str | None

    def fence(self, workspace: UUID) -> Fence | None:
        """What its worker's statements name; None while nobody runs it."""
        if self.attempt_id is None or self.worker_id is None:
            return None
        return Fence(workspace, self.job_id, self.attempt_id, self.worker_id)


def get(workspace: UUID, uid: str) -> Query[Render | None]:
    """One render by its uid, or the id of its job, also one that was removed."""
    return Query("reads/render", (workspace, uid, _id(uid), TYPE), query.one_of(Render))


def of_job(workspace: UUID, job_id: UUID) -> Query[Render | None]:
    """The render that a job is, also one that was removed."""
    return Query("reads/render", (workspace, None, job_id, TYPE), query.one_of(Render))


def listed(workspace: UUID, limit: int) -> Query[list[Render]]:
    """The newest renders that were not removed, oldest first; at most 4 MiB of documents."""
    return Query("reads/renders", (workspace, TYPE, limit, _BYTES), query.many_of(Render))


def hold(workspace: UUID, job_id: UUID) -> Query[str | None]:
    """Takes the job of a render for this transaction; answers its status."""
    return Query("verbs/hold_job", (workspace, job_id), query.scalar)


def take_uid(workspace: UUID, job_id: UUID, uid: str, request_sha256: bytes) -> Query[UUID | None]:
    """Ties a uid to a job that is to be enqueued in the same transaction; None: another job has it, or has it as its id."""
    return Query("verbs/take_uid", (workspace, job_id, uid, request_sha256, _id(uid), TYPE), query.scalar)


def say(workspace: UUID, job_id: UUID, said: str, *, removed: bool = False) -> Query[UUID | None]:
    """Keeps what was said of a render whose job is held (an object, as JSON); `removed` hides it from now on."""
    return Query("verbs/say_render", (workspace, job_id, said, removed), query.scalar)


@dataclass(frozen=True, slots=True)
class Picked:
    """A job that left the queue. `attempt_id` None: it was not ready any more; ask for another one."""

    job_id: UUID
    attempt_id: UUID | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which render: this one, or any that has one of these tags and one of these types (None: whatever it has)."""

    job_id: UUID | None = None
    tags: Sequence[str] | None = None
    types: Sequence[str] | None = None


def pick(workspace: UUID, worker_id: UUID, wanted: Wanted, stamp: str, nonce: str) -> Query[Picked | None]:
    """Takes one render, the most urgent and then the oldest; `stamp` and `nonce` are as in a claim."""
    tags = None if wanted.tags is None else list(wanted.tags)
    types = None if wanted.types is None else list(wanted.types)
    params = (worker_id, QUEUE, TYPE, stamp, nonce, wanted.job_id, tags, types, workspace)
    return Query("verbs/pick_render", params, query.one_of(Picked))


def lend(worker_id: UUID, seconds: float) -> Query[UUID | None]:
    """Renews a worker's lease, for so many seconds from now; None: it was declared gone."""
    return Query("verbs/lend", (worker_id, seconds), query.scalar)


def known_worker(workspace: UUID, host_id: str, name: str) -> Query[UUID | None]:
    """The worker that came under this name before, if it is not gone."""
    return Query("reads/known_worker", (workspace, host_id, name), query.scalar)


def _id(uid: str) -> UUID | None:
    try:
        return UUID(uid) if len(uid) == 36 else None
    except ValueError:
        return None
