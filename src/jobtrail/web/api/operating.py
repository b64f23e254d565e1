"""Routes of those who operate: pause a workspace, tell a worker to drain or to leave a queue, mark errors, fork jobs."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from jobtrail.core import jsonguard
from jobtrail.core.access import Workspace
from jobtrail.core.described import RESERVED
from jobtrail.core.errors import Conflict, Invalid
from jobtrail.core.status import ErrorStatus
from jobtrail.service import failures, forks, jobs, workers, workspaces
from jobtrail.service.forks import Point
from jobtrail.service.workers import Told
from jobtrail.store.identity import new_id, new_ids
from jobtrail.store.query import Flow
from jobtrail.store.wake import ORDERS
from jobtrail.web.api.jobs import Id
from jobtrail.web.routing import Reply
from jobtrail.web.runtime import Call
from jobtrail.web.views import Name, Reason

StepName = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class PauseWorkspaceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why all of it is paused."""

    reason: Reason | None = None


class DrainBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why; with `stop` the worker ends when what it runs has ended, else it stays and can be told to go on."""

    reason: Reason | None = None
    stop: bool = False


class MarkBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What there is to say about it: where it is being mended, since when it is."""

    note: Reason | None = None


class ForkBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where to leave the job: `from_step` runs again, and what comes before it does not; `after_step` does not run again.

    A step is named by its key, by its name where only one has it, or as #n by its place. Another `input`, if it is to have
    one. `id`: of the caller's own making; sent again, it makes no second job.
    """

    from_step: StepName | None = None
    after_step: StepName | None = None
    input: Any | UnsetType = UNSET
    id: Id | None = None


class ForkView(msgspec.Struct, frozen=True):
    """The new job, and how many steps it took over."""

    id: UUID
    steps: int


async def pause_workspace(call: Call, body: PauseWorkspaceBody) -> Workspace:
    """Let workers take none of the workspace's jobs; what runs goes on."""
    paused = await call.write(workspaces.pause(call.workspace, call.principal.actor, _text(body.reason)))
    call.runtime.shared.forget(*((call.workspace, key) for key in ("queues", "overview", "glance")))
    return paused


async def resume_workspace(call: Call) -> Workspace:
    """Let workers take the workspace's jobs again."""
    resumed = await call.write(workspaces.resume(call.workspace, call.principal.actor), "")
    call.runtime.shared.forget(*((call.workspace, key) for key in ("queues", "overview", "glance")))
    return resumed


async def drain_worker(call: Call, worker_id: UUID, body: DrainBody) -> Told:
    """Tell a worker to take no more jobs; what it runs goes on. It hears of it with its next heartbeat.

    Workers that serve all workspaces are told so where the database or the machine itself is reached, not by a key.
    """
    work = workers.drain(worker_id, call.principal.actor, _text(body.reason), stop=body.stop)
    return await _tell(call, work)


async def undrain_worker(call: Call, worker_id: UUID) -> Told:
    """Let a worker that was told to drain take jobs again."""
    return await _tell(call, workers.undrain(worker_id, call.principal.actor))


async def pause_queue_of_worker(call: Call, worker_id: UUID, queue: Name) -> Told:
    """Tell one worker to take no more of a queue that it serves; the others go on."""
    name = jsonguard.check_name(queue, "queue")
    return await _tell(call, workers.leave_queue(worker_id, name, call.principal.actor))


async def resume_queue_of_worker(call: Call, worker_id: UUID, queue: Name) -> Told:
    """Let one worker take of a queue again."""
    name = jsonguard.check_name(queue, "queue")
    return await _tell(call, workers.leave_queue(worker_id, name, call.principal.actor, leave=False))


async def mute_error(call: Call, fingerprint: Name, body: MarkBody) -> None:
    """Say that people know of an error: it calls for attention no more, until that is taken back."""
    await _mark(call, fingerprint, ErrorStatus.MUTED, body)


async def resolve_error(call: Call, fingerprint: Name, body: MarkBody) -> None:
    """Say that an error is mended: it calls for attention when it is seen again."""
    await _mark(call, fingerprint, ErrorStatus.RESOLVED, body)


async def reopen_error(call: Call, fingerprint: Name) -> None:
    """Take back that an error is muted or resolved."""
    name = jsonguard.check_name(fingerprint, "fingerprint")
    await call.write(failures.unmark(call.workspace, name, call.principal.actor))
    call.runtime.shared.forget((call.workspace, "overview"))


async def fork_job(call: Call, job_id: UUID, body: ForkBody) -> Reply[ForkView]:
    """Accept a new job that goes on at a step of this one: the completed steps before it are its own and do not run again."""
    point = _point(body)
    job = await call.found(jobs.get(call.workspace, job_id), f"job {job_id}")
    if job.type.startswith(RESERVED):
        raise Conflict(f"job {job_id} is the system's own ({job.type}) and is not forked by hand")
    input = jsonguard.encode(job.input if body.input is UNSET else body.input, at="input")
    wanted = forks.like(job, new_id() if body.id is None else UUID(body.id), input)
    (wanted,) = await call.runtime.checks.marked(call.workspace, [wanted])
    work = forks.fork(call.workspace, wanted, point, call.principal.actor, new_ids)
    done = await call.write(work, job.queue)
    place = f"{call.prefix}/api/v1/jobs/{done.id}"
    return Reply(ForkView(done.id, done.steps), headers={"Location": place})


def _point(body: ForkBody) -> Point:
    if (body.from_step is None) == (body.after_step is None):
        raise Invalid(
            "say where the fork is to leave the job: from_step or after_step",
            fields={"from_step": "one of from_step and after_step"},
        )
    return Point(body.from_step) if body.from_step is not None else Point(body.after_step or "", after=True)


async def _tell(call: Call, work: Flow[Told]) -> Told:
    """Whoever sits at the machine itself, where nobody else is served, may command workers that serve all workspaces."""
    at_home = call.runtime.service.local and call.principal.key_id is None and call.principal.login_id is None
    told = await (call.across(work) if at_home else call.write(work))
    call.runtime.nudger.nudge([ORDERS])
    call.runtime.shared.forget((call.workspace, "crew"))
    return told


async def _mark(call: Call, fingerprint: str, status: ErrorStatus, body: MarkBody) -> None:
    name = jsonguard.check_name(fingerprint, "fingerprint")
    await call.write(failures.mark(call.workspace, name, status, call.principal.actor, _text(body.note)))
    call.runtime.shared.forget((call.workspace, "overview"))


def _text(said: str | None) -> str | None:
    return None if said is None else jsonguard.clean_text(said)
