"""The fence and what an attempt used: what every write of a worker carries. Named tuples, for they are made for every job."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID


class Fence(NamedTuple):
    """What every write of a worker names: the attempt must be open, or nothing is written."""

    workspace_id: UUID
    job_id: UUID
    attempt_id: UUID
    worker_id: UUID

    @property
    def named(self) -> tuple[UUID, UUID, UUID]:
        """Workspace, job and attempt: the first parameters of every fenced statement."""
        return self.workspace_id, self.job_id, self.attempt_id


class Used(NamedTuple):
    """What an attempt used: CPU seconds, peak memory and bytes written, of all its processes. None: not measured."""

    cpu_seconds: float | None = None
    memory_bytes: int | None = None
    disk_bytes: int | None = None
    exit_code: int | None = None
