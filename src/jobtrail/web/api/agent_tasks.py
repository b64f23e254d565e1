"""Routes that turn a task into jobs: start it, follow a job up, lay its jobs side by side."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.spent import ComparedJob
from jobtrail.service import agent_tasks, tasks
from jobtrail.service.agent_tasks import MOST_COMPARED, MOST_VARIANTS, FollowUp, Start, Started
from jobtrail.store.identity import new_id, new_ids
from jobtrail.web import cursors
from jobtrail.web.api.jobs import Accepted, AcceptedJobs, Once
from jobtrail.web.routing import Page, Reply
from jobtrail.web.runtime import Call
from jobtrail.web.views import Cursor, Limit, Name, Priority


class StartBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How to start a task; what is left out is as its config and the type have it."""

    input: Annotated[dict[str, Any], msgspec.Meta(description="Wins over what the task says.")] = {}
    variants: Annotated[
        list[dict[str, Any]],
        msgspec.Meta(max_length=MOST_VARIANTS, description="Each makes a job of its own, whose input it wins over."),
    ] = []
    type: Name | None = None
    queue: Name | None = None
    priority: Priority | None = None


class FollowUpBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to say next on the session of a job of the task; of the newest that has one, where none is named."""

    prompt: Annotated[str, msgspec.Meta(min_length=1, max_length=100_000)]
    job_id: UUID | None = None
    fork: Annotated[bool, msgspec.Meta(description="Go on with a copy of the session.")] = False


class CompareQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How many jobs to lay side by side; no more than 50 on a page."""

    limit: Limit = 20
    cursor: Cursor | None = None


async def start_task(call: Call, task_id: UUID, headers: Once, body: StartBody) -> Reply[AcceptedJobs]:
    """Start a task: accept a job of it, or one for each variant, and set it to IN_PROGRESS.

    The job's type and input come from the task's `config` (`type`, by default `claude`, and `input`) and its prompt.
    """
    wanted = Start(
        input=body.input, variants=tuple(body.variants), type=body.type, queue=body.queue, priority=body.priority
    )
    types = call.runtime.service.types
    work = agent_tasks.start(
        call.workspace, task_id, wanted, new_ids(wanted.jobs), call.principal.actor, types=types, key=_key(headers)
    )
    return _told(call, await call.write(work))


async def follow_up_task(call: Call, task_id: UUID, headers: Once, body: FollowUpBody) -> Reply[AcceptedJobs]:
    """Go on with the session of a job of the task: accept a job like it that says the prompt."""
    wanted = FollowUp(prompt=body.prompt, job_id=body.job_id, fork=body.fork)
    work = agent_tasks.follow_up(call.workspace, task_id, wanted, new_id(), call.principal.actor, key=_key(headers))
    return _told(call, await call.write(work))


async def compare_task(call: Call, task_id: UUID, query: CompareQuery) -> Page[ComparedJob]:
    """The jobs of a task side by side, newest first: how they ended, what they cost and changed, and what differs.

    `differs` holds what is not the same in the inputs of the jobs on this page.
    """
    await call.found(tasks.get(call.workspace, task_id), f"task {task_id}")
    before = cursors.place(query.cursor, "compared", UUID)
    limit = min(query.limit, MOST_COMPARED)
    found = await call.read(agent_tasks.compare(call.workspace, task_id, before=before, limit=limit))
    more = len(found) == limit
    return Page(found, cursors.cursor("compared", found[-1].id) if more else None)


def _key(headers: Once) -> str | None:
    key = headers.idempotency_key
    return None if key is None else jsonguard.check_name(key, "Idempotency-Key")


def _told(call: Call, started: Started) -> Reply[AcceptedJobs]:
    call.runtime.nudger.nudge([started.queue])
    items = [Accepted(id, id in started.existed) for id in started.ids]
    return Reply(AcceptedJobs(items), status=201 if len(started.existed) < len(items) else 200)
