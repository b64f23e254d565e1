"""The route that kills a worker process, for `jobtrail dev` and `jobtrail demo`: elsewhere there is nothing at it."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import msgspec

from jobtrail.core.errors import Conflict, NotFound
from jobtrail.service import workers
from jobtrail.web.killing import killable
from jobtrail.web.runtime import Call

_MOST = 1_000


class Killed(msgspec.Struct, frozen=True):
    """The worker whose process was killed, and when, by the clock of this machine."""

    worker_id: UUID
    name: str
    process_id: int
    killed_at: datetime


async def kill_worker(call: Call, worker_id: UUID) -> Killed:
    """Kill the process of a worker (SIGKILL) to see what becomes of its jobs: in development alone.

    Only where `jobtrail dev` or `jobtrail demo` serves, and only workers that it started itself; elsewhere it is not there.
    """
    killer = call.runtime.service.killer
    if killer is None:
        raise NotFound("no worker can be killed from here; `jobtrail dev` and `jobtrail demo` can kill their own")
    known = await call.read(workers.listed(_MOST))
    worker = next((one for one in known if one.id == worker_id), None)
    if worker is None:
        raise NotFound(f"there is no worker {worker_id} in this workspace")
    if worker_id not in killable(killer, known) or not killer.kill(worker.process_id):
        raise Conflict(f"worker {worker.name} was not started by this terminal, or has ended; GET /api/v1/workers")
    return Killed(worker.id, worker.name, worker.process_id, datetime.now(UTC))
