"""Who could be killed under a job, in development alone: the worker that runs it, where this terminal has started it."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from jobtrail.core.model import Worker
from jobtrail.service import workers
from jobtrail.web.killing import killable
from jobtrail.web.runtime import Call

_MOST_WORKERS: Final = 200


async def victim_of(call: Call, worker_id: UUID | None) -> Worker | None:
    """The worker, where it can be killed from here; nobody asks the database where nothing can be."""
    killer = call.runtime.service.killer
    if killer is None or worker_id is None:
        return None
    known = await call.read(workers.listed(_MOST_WORKERS))
    near = killable(killer, known)
    return next((one for one in known if one.id == worker_id and one.id in near), None)
