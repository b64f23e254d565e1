"""Routes by which workers in any language come, wait for jobs, and go. What they say of an attempt is told elsewhere."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from starlette.requests import Request

from jobtrail.core import described, graph, jsonguard
from jobtrail.core.errors import Conflict, JobtrailError, NotFound
from jobtrail.core.fence import Fence
from jobtrail.core.model import Claimed, Remembered
from jobtrail.service import attempts, workers
from jobtrail.service.attempts import Taker
from jobtrail.service.workers import Beat, NewWorker, OwnWorker
from jobtrail.store.identity import new_id
from jobtrail.store.query import Steps, ask, atomic
from jobtrail.web.api.job_budgets import admitted
from jobtrail.web.api.job_graph import given
from jobtrail.web.runtime import Call
from jobtrail.web.views import Name, Reason
from jobtrail.worker.pause import until

_ELSEWHERE: Final = "http"
"""The host of all workers that come over HTTP: nobody can look at their processes."""

Names = Annotated[list[Name], msgspec.Meta(min_length=1, max_length=200)]
AttemptIds = Annotated[list[UUID], msgspec.Meta(max_length=10_000)]


class DescribedType(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a worker says of a type: a sentence, and the JSON schema of its input."""

    description: Annotated[str, msgspec.Meta(max_length=described.DESCRIPTION_BYTES)] | None = None
    input_schema: dict[str, Any] | None = None


DescribedTypes = Annotated[dict[Name, DescribedType], msgspec.Meta(max_length=200)]


class NewWorkerBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A worker that starts. It is taken for gone `lease_seconds` after its last sign of life.

    `described`: what its types are, for people; more than 256 KiB together is cut, the largest schemas first.
    """

    name: Name
    types: Names
    queues: Names = msgspec.field(default_factory=lambda: ["default"])
    slots: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1
    version: Annotated[str, msgspec.Meta(max_length=255)] = ""
    lease_seconds: Annotated[float, msgspec.Meta(ge=1, le=300)] = 30.0
    described: DescribedTypes = msgspec.field(default_factory=dict)


class Registered(msgspec.Struct, frozen=True):
    """The worker's id, new at every start, and until when its lease runs if it says nothing more."""

    worker_id: UUID
    lease_seconds: float
    lease_until: datetime


class Running(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An attempt that the worker runs."""

    job_id: UUID
    attempt_id: UUID


class BeatBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`draining`: it takes no more. `attempts`: what it runs; left out, the orders are for all that it should run."""

    draining: bool = False
    attempts: Annotated[list[Running], msgspec.Meta(max_length=1_000)] | None = None


class StopOrder(msgspec.Struct, frozen=True):
    """An attempt that must be stopped and then ended as cancelled, with this reason."""

    attempt_id: UUID
    reason: str


class Beaten(msgspec.Struct, frozen=True):
    """Until when the lease runs; what to cancel; what to stop without a word, for it is no longer the worker's.

    `drains`: it was told to take no more, and gets no more; `stops`: and to end when what it runs has ended. It gets nothing
    of `left_queues` either.
    """

    lease_until: datetime
    cancel: list[StopOrder]
    drop: list[UUID]
    drains: bool
    stops: bool
    left_queues: list[str]


class LeaveBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why it stops."""

    reason: Reason = "stopped"


class ClaimBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to take: of the first queue first. Left out, queues and types are those that the worker was registered with.

    `holding`: all attempts that the worker knows of. What else is open in its name was lost on the way to it, and goes
    back to its queue.
    """

    worker_id: UUID
    queues: Names | None = None
    types: Names | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 1
    wait_seconds: Annotated[float, msgspec.Meta(ge=0, le=30)] = 0.0
    holding: AttemptIds | None = None


class Decided(msgspec.Struct, frozen=True):
    """What one actor decided at a gate."""

    actor: str
    approved: bool
    comment: str | None
    form: Any


class RememberedStep(msgspec.Struct, frozen=True):
    """A step of an earlier attempt: one that is COMPLETED need not run again."""

    key: str
    step_id: UUID
    status: str
    output: msgspec.Raw | None
    gate_status: str | None
    decisions: list[Decided]


class ClaimedJob(msgspec.Struct, frozen=True):
    """A job with the attempt that now speaks for it; the worker keeps to its limits."""

    job_id: UUID
    attempt_id: UUID
    number: int
    type: str
    input: msgspec.Raw
    generation: int
    failure_count: int
    max_attempts: int
    timeout_seconds: float | None
    idle_timeout_seconds: float | None
    steps: list[RememberedStep]


class ClaimedJobs(msgspec.Struct, frozen=True):
    """The jobs that were taken; none when there were none in the time that was given."""

    items: list[ClaimedJob]


async def register_worker(call: Call, body: NewWorkerBody) -> Registered:
    """Make a worker known."""
    client = call.request.client
    worker = NewWorker(
        id=new_id(),
        name=jsonguard.check_name(body.name, "name"),
        host=client.host if client is not None else _ELSEWHERE,
        host_id=_ELSEWHERE,
        process_id=0,
        process_started=0.0,
        lock_key=0,
        lease_seconds=body.lease_seconds,
        slots=body.slots,
        version=jsonguard.clean_text(body.version),
        queues=_names(body.queues, "queues"),
        types=_names(body.types, "types"),
        workspace_id=call.workspace,
        described=_said(body),
    )
    return Registered(worker.id, worker.lease_seconds, await call.write(_registered(worker, call.workspace)))


async def beat_worker(call: Call, worker_id: UUID, body: BeatBody) -> Beaten:
    """Renew the lease of a worker, and hear what it must stop."""
    asked = None
    if body.attempts is not None:
        asked = [Fence(call.workspace, one.job_id, one.attempt_id, worker_id) for one in body.attempts]
    return await call.write(_beaten(call.workspace, worker_id, asked, draining=body.draining))


async def stop_worker(call: Call, worker_id: UUID, body: LeaveBody) -> None:
    """Say that a worker ends: what it still has goes back to its queue at once."""
    own = await call.found(workers.own(call.workspace, worker_id), f"worker {worker_id}")
    await call.write(_stopped(worker_id, jsonguard.clean_text(body.reason)), *own.queues)


async def claim_jobs(call: Call, body: ClaimBody) -> ClaimedJobs:
    """Take jobs, waiting up to `wait_seconds` for the first one."""
    own = await call.found(workers.own(call.workspace, body.worker_id), f"worker {body.worker_id}")
    queues = _names(body.queues or own.queues, "queues")
    types = _names(body.types or own.types, "types")
    hints, deadline = call.runtime.hints, time.monotonic() + body.wait_seconds
    holding = body.holding
    with hints.waiting(queues) as bell:
        async with _hung_up(call.request, bell) as gone:
            while True:
                bell.clear()
                taken = await _taken(call, body, queues, types, holding)
                holding, left = None, deadline - time.monotonic()
                if taken or left <= 0 or gone.is_set() or hints.over:
                    break
                poll = call.runtime.config.poll_seconds * random.uniform(0.8, 1.2)  # noqa: S311  (no secret)
                await until(bell, min(left, poll))
    if taken and gone.is_set():
        await _give_back(call, body.worker_id, taken, queues)
        return ClaimedJobs([])
    return ClaimedJobs([_job(job, steps) for job, steps in taken])


Taken = list[tuple[Claimed, list[Remembered]]]


async def _taken(
    call: Call, body: ClaimBody, queues: Sequence[str], types: Sequence[str], holding: list[UUID] | None
) -> Taken:
    """One look into the queues. It ends even where the request is cut off: what it took then goes back."""
    async with call.runtime.claims:
        looking = asyncio.ensure_future(_looked(call, body, queues, types, holding))
        try:
            return await asyncio.shield(looking)
        except asyncio.CancelledError:
            with suppress(JobtrailError):
                await _give_back(call, body.worker_id, await looking, queues)
            raise


async def _looked(
    call: Call, body: ClaimBody, queues: Sequence[str], types: Sequence[str], holding: list[UUID] | None
) -> Taken:
    """What is ready, without the jobs that a budget lets wait or fail: each reserves by itself, before it is handed out."""
    taken = await call.write(_claimed(call.workspace, body, queues, types, holding))
    return [one for one in taken if not one[0].budgeted or await admitted(call, one[0], body.worker_id)]


async def _give_back(call: Call, worker_id: UUID, taken: Taken, queues: Sequence[str]) -> None:
    fences = [Fence(job.workspace_id, job.job_id, job.attempt_id, worker_id) for job, _ in taken]
    if fences:
        await call.write(attempts.interrupt(fences), *queues)


@asynccontextmanager
async def _hung_up(request: Request, bell: asyncio.Event) -> AsyncIterator[asyncio.Event]:
    """An event that is set, and rings the bell, when the client hangs up."""
    gone = asyncio.Event()

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        gone.set()
        bell.set()

    watching = asyncio.create_task(watch())
    try:
        yield gone
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


@atomic
def _registered(worker: NewWorker, workspace: UUID) -> Steps[datetime]:
    yield from ask(workers.register(worker))
    return (yield from renewed(worker.id, workspace)).lease_until


def renewed(worker_id: UUID, workspace: UUID, *, draining: bool = False) -> Steps[Beat]:
    """Renews a worker's lease; answers until when, and what it is told. Raises NotFound, and Conflict for one that has stopped.

    It takes the worker's row: in one transaction always before any job's.
    """
    beat = yield from ask(workers.heartbeat(worker_id, draining=draining))
    if beat is not None:
        return beat
    own: OwnWorker | None = yield from ask(workers.own(workspace, worker_id))
    if own is None:
        raise NotFound(f"there is no worker {worker_id} in this workspace; register, and use the id that is answered")
    raise Conflict(f"worker {worker_id} has stopped ({own.stop_reason}); stop what it runs, and register anew")


@atomic
def _beaten(workspace: UUID, worker_id: UUID, asked: list[Fence] | None, *, draining: bool) -> Steps[Beaten]:
    beat = yield from renewed(worker_id, workspace, draining=draining)
    fences = asked if asked is not None else (yield from ask(attempts.strays(worker_id, [])))
    orders = (yield from ask(attempts.orders(fences))) if fences else []
    return Beaten(
        beat.lease_until,
        [StopOrder(one.attempt_id, one.reason or "cancelled") for one in orders if one.cancel and one.own],
        [one.attempt_id for one in orders if not one.own],
        beat.drains,
        beat.stops,
        beat.left_queues,
    )


@atomic
def _stopped(worker_id: UUID, reason: str) -> Steps[None]:
    yield from ask(workers.stop([worker_id], reason))
    left = yield from ask(attempts.strays(worker_id, []))
    if left:
        yield from ask(attempts.interrupt(left))


@atomic
def _claimed(
    workspace: UUID, body: ClaimBody, queues: Sequence[str], types: Sequence[str], holding: list[UUID] | None
) -> Steps[Taken]:
    """All in one transaction: a job is taken with all that its worker must know, or it is not taken."""
    beat = yield from renewed(body.worker_id, workspace)
    if holding is not None:
        lost = yield from ask(attempts.strays(body.worker_id, holding))
        if lost:
            yield from ask(attempts.interrupt(lost))
    stamp, nonce = f"{time.time_ns() // 1_000_000:012x}7", secrets.token_hex(16)
    found: list[Claimed] = []
    for queue in () if beat.drains else queues:
        if (room := body.limit - sum(job.slots for job in found)) > 0 and queue not in beat.left_queues:
            taker = Taker(body.worker_id, queue, types, stamp, nonce)
            found += (yield from ask(attempts.claim_limited(taker, workspace, room, room, room))).jobs
    taken: Taken = []
    for one in found:
        job = one
        if graph.may_refer(job.input):
            job = job._replace(input=(yield from given(workspace, job.job_id, job.input).begin()))
        steps = (yield from ask(attempts.remembered(workspace, job.job_id))) if job.remembers else []
        taken.append((job, steps))
    return taken


def _job(job: Claimed, steps: list[Remembered]) -> ClaimedJob:
    return ClaimedJob(
        job.job_id,
        job.attempt_id,
        job.number,
        job.type,
        msgspec.Raw(job.input.encode()),
        job.generation,
        job.failure_count,
        job.max_attempts,
        job.timeout_seconds,
        job.idle_timeout_seconds,
        [_step(step) for step in steps],
    )


def _step(step: Remembered) -> RememberedStep:
    return RememberedStep(
        step.key,
        step.step_id,
        step.status,
        None if step.output is None else msgspec.Raw(step.output.encode()),
        step.gate_status,
        [] if step.decisions is None else msgspec.json.decode(step.decisions, type=list[Decided]),
    )


def _said(body: NewWorkerBody) -> str | None:
    """What it says of the types that it takes. Raises Invalid for a schema that cannot be stored."""
    wanted: dict[str, described.Described] = {}
    for type, said in body.described.items():
        jsonguard.encode(said.input_schema, at=f"described.{type}.input_schema")
        if type in body.types:
            wanted[type] = described.Described(said.description, said.input_schema)
    return described.fitted(wanted).text


def _names(names: Sequence[str], what: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(jsonguard.check_name(name, what) for name in names))
