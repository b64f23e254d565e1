"""The route by which a worker in any language lets its job start others and wait for them."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.errors import StaleAttempt
from jobtrail.core.fence import Fence
from jobtrail.core.graph import JobEnd
from jobtrail.core.status import JobStatus, Phase
from jobtrail.service import children, trail
from jobtrail.service.attempts import Held
from jobtrail.service.children import Started
from jobtrail.store.identity import new_id
from jobtrail.store.query import Steps, ask
from jobtrail.web import reading
from jobtrail.web.api.attempts import Whose, held
from jobtrail.web.api.job_graph import bound
from jobtrail.web.api.jobs import MOST_AT_ONCE, NewJobBody, new_job
from jobtrail.web.routing import Reply
from jobtrail.web.runtime import Call
from jobtrail.web.views import Name


class ChildrenBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Jobs to start as children, all or none. Under the same `key` they are started once, whatever becomes of the attempt.

    `on_failure`: `raise` lets the job go on as soon as one of them fails, `keep` when all have ended.
    """

    key: Name
    jobs: Annotated[list[msgspec.Raw], msgspec.Meta(min_length=1, max_length=MOST_AT_ONCE)]
    name: Name | None = None
    phase: Phase = Phase.EXECUTION
    on_failure: Literal["raise", "keep"] = "raise"


class ChildrenShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The same, as it is described."""

    key: Name
    jobs: Annotated[list[NewJobBody], msgspec.Meta(min_length=1, max_length=MOST_AT_ONCE)]
    name: Name | None = None
    phase: Phase = Phase.EXECUTION
    on_failure: Literal["raise", "keep"] = "raise"


class ChildEnd(msgspec.Struct, frozen=True):
    """How one of them stands or ended."""

    job_id: UUID
    type: str
    status: JobStatus
    result: Any
    error_code: str | None
    error_message: str | None


class ChildrenAnswer(msgspec.Struct, frozen=True):
    """`over` false: the attempt is over and the job waits; the attempt that comes later asks here again, under this key."""

    over: bool
    items: list[ChildEnd]


async def start_children(call: Call, attempt_id: UUID, query: Whose, body: ChildrenBody) -> Reply[ChildrenAnswer]:
    """Start jobs and wait for them without a slot, or learn how they ended."""
    key = jsonguard.check_name(body.key, "key")
    types = call.runtime.service.types
    bodies = [reading.item_value(raw, NewJobBody, f"jobs[{at}]") for at, raw in enumerate(body.jobs)]
    made = bound([new_job(one, types, f"jobs[{at}].") for at, one in enumerate(bodies)], [one.after for one in bodies])
    wanted = await call.runtime.checks.marked(call.workspace, made)

    def work(fence: Fence, now: Held) -> Steps[Started]:
        if now.cancel:
            raise StaleAttempt(f"job {fence.job_id} is to be cancelled: end attempt {fence.attempt_id}")
        start = children.start(
            fence, new_id(), key, body.name or key, wanted, generation=now.generation, phase=body.phase,
            wakes=body.on_failure == "raise",
        )  # fmt: skip
        started = yield from start.begin()
        if started.over:
            yield from ask(children.remember(fence, started))
        else:
            yield from children.suspend(fence, trail.note_of(children.told(started))).begin()
        return started

    started = await held(call, attempt_id, query, work)
    call.runtime.nudger.nudge(started.queues)
    answer = ChildrenAnswer(started.over, [_end(one) for one in started.ends])
    return Reply(answer, status=200 if started.over else 202)


def _end(end: JobEnd) -> ChildEnd:
    result = None if end.output is None else msgspec.Raw(end.output.encode())
    return ChildEnd(end.job_id, end.type, end.status, result, end.error_code, end.error_message)
