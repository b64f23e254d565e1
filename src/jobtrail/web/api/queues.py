"""Routes of queues and workers: how they stand, pause, resume."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.model import QueueDepth, Worker
from jobtrail.service import queues, workers
from jobtrail.web.killing import killable
from jobtrail.web.runtime import Call
from jobtrail.web.views import Limit, Name, Reason


class QueueList(msgspec.Struct, frozen=True):
    """The queues of the workspace. `depth` is counted up to 10 001: more is more than 10 000."""

    items: list[QueueDepth]


class WorkerList(msgspec.Struct, frozen=True):
    """Workers, those alive first. `killable`: those of them that can be killed from here, in development."""

    items: list[Worker]
    killable: list[UUID]


class PauseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why it is paused."""

    reason: Reason | None = None


class WorkersQuery(msgspec.Struct, frozen=True):
    """How many workers."""

    limit: Limit = 100


async def list_queues(call: Call) -> QueueList:
    """How the queues stand."""
    return QueueList(await call.read(queues.depths(call.workspace)))


async def pause_queue(call: Call, queue: Name, body: PauseBody) -> None:
    """Let workers take no more of a queue; what runs goes on."""
    name = jsonguard.check_name(queue, "queue")
    reason = None if body.reason is None else jsonguard.clean_text(body.reason)
    await call.write(queues.pause(call.workspace, name, call.principal.actor, reason))
    _show_anew(call)


async def resume_queue(call: Call, queue: Name) -> None:
    """Let workers take of a queue again."""
    name = jsonguard.check_name(queue, "queue")
    await call.write(queues.resume(call.workspace, name, call.principal.actor), name)
    _show_anew(call)


async def list_workers(call: Call, query: WorkersQuery) -> WorkerList:
    """The workers that serve this workspace.

    Of those that serve all it is not told where they run, unless the terminal that serves has started them itself.
    """
    found = await call.read(workers.listed(query.limit))
    near = killable(call.runtime.service.killer, found)
    told = [one if one.workspace_id or one.id in near else replace(one, host="", process_id=0) for one in found]
    return WorkerList(told, sorted(near))


def _show_anew(call: Call) -> None:
    """Pages that are open here show at once what whoever looks at them has just done."""
    call.runtime.shared.forget(*((call.workspace, key) for key in ("queues", "overview", "glance")))
