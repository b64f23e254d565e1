"""Routes of jobs: enqueue, list, look, change, cancel, retry, rerun."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from jobtrail import tracing
from jobtrail.client import rerun_of
from jobtrail.core import jsonguard, why
from jobtrail.core.budget_terms import money
from jobtrail.core.errors import Conflict, Invalid, NotFound
from jobtrail.core.model import Job
from jobtrail.core.status import JobStatus, UniqueScope, WaitReason, allowed_actions
from jobtrail.core.terms import key_of
from jobtrail.core.unique import OnConflict, fields_of
from jobtrail.service import attempts, jobs, steps, trail, usage
from jobtrail.service.jobs import Change, NewJob, Options
from jobtrail.store.identity import new_id
from jobtrail.store.query import Steps, ask, flow
from jobtrail.store.wake import ORDERS
from jobtrail.web import reading
from jobtrail.web.api.job_budgets import JobBudgetBody, Tokens, Usd
from jobtrail.web.api.job_graph import After, bound
from jobtrail.web.routing import Reply
from jobtrail.web.runtime import Call
from jobtrail.web.versions import Match, etag, version_of
from jobtrail.web.views import (
    JobDetail,
    Name,
    Priority,
    Reason,
    Tags,
    Time,
    checked_tags,
    event_view,
)

_LATEST_EVENTS = 50
RESERVED = "jobtrail."
MOST_AT_ONCE = 10_000
Id = Annotated[
    str,
    msgspec.Meta(
        pattern="^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
        description="A UUIDv7 of the caller's own making: sent again, it makes no second job.",
    ),
]

Year = Annotated[float, msgspec.Meta(gt=0, le=31_536_000)]
FieldNames = Annotated[list[Name], msgspec.Meta(min_length=1, max_length=50)]


class NewJobBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A job to accept. What is left out is as its type has it, or a default."""

    type: Name
    id: Id | None = None
    input: Any = msgspec.field(default_factory=dict)
    queue: Name | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=1_024)] | None = None
    tags: Tags | UnsetType = UNSET
    unique_key: Name | None = None
    unique_by: Literal["input"] | FieldNames | UnsetType = UNSET
    unique_scope: UniqueScope | UnsetType = UNSET
    unique_window_seconds: Year | None = None
    on_conflict: Literal["EXISTING", "REFUSE", "REPLACE", "SUPERSEDE", "DEBOUNCE", "RESCHEDULE"] | UnsetType = UNSET
    debounce_seconds: Year | None = None
    debounce_max_seconds: Year | None = None
    concurrency_key: Name | None = None
    concurrency_limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | UnsetType = UNSET
    slots: Annotated[int, msgspec.Meta(ge=1, le=1_000)] | UnsetType = UNSET
    scheduled_at: Time | None = None
    cancel_at: Time | None = None
    expires_seconds: Year | None = None
    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=100)] | UnsetType = UNSET
    backoff_type: Literal["FIXED", "LINEAR", "EXPONENTIAL"] | UnsetType = UNSET
    backoff_delay_ms: Annotated[int, msgspec.Meta(ge=0, le=86_400_000)] | UnsetType = UNSET
    backoff_max_ms: Annotated[int, msgspec.Meta(ge=0, le=604_800_000)] | UnsetType = UNSET
    timeout_seconds: Annotated[float, msgspec.Meta(gt=0, le=2_592_000)] | None = None
    idle_timeout_seconds: Annotated[float, msgspec.Meta(gt=0, le=2_592_000)] | None = None
    queue_timeout_seconds: Annotated[float, msgspec.Meta(gt=0, le=2_592_000)] | None = None
    project_id: UUID | None = None
    task_id: UUID | None = None
    parent_id: UUID | None = None
    rerun_of: UUID | None = None
    estimated_seconds: Annotated[float, msgspec.Meta(ge=0, le=2_592_000)] | None = None
    after: After = msgspec.field(default_factory=list)
    depends_mode: Literal["ALL", "ANY"] | UnsetType = UNSET
    on_dependency: Literal["FAIL", "CANCEL", "RUN"] | UnsetType = UNSET
    on_parent: Literal["CANCEL", "KEEP"] | UnsetType = UNSET
    budget: JobBudgetBody | None = None
    reserve_usd: Usd | None = None
    reserve_tokens: Tokens | None = None


class NewJobs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Jobs to accept together: all or none."""

    jobs: Annotated[list[NewJobBody], msgspec.Meta(min_length=1, max_length=MOST_AT_ONCE)]


class RawJobs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same, each job still as text."""

    jobs: Annotated[list[msgspec.Raw], msgspec.Meta(min_length=1, max_length=MOST_AT_ONCE)]


class Accepted(msgspec.Struct, frozen=True):
    """A job that is never lost from now on. `existed`: the key was used before, for this very job."""

    id: UUID
    existed: bool


class AcceptedJobs(msgspec.Struct, frozen=True):
    """Which job stands for each one of the batch, in its order."""

    items: list[Accepted]


class Once(msgspec.Struct, frozen=True):
    """A key that makes the request safe to send again: the same key answers the same job."""

    idempotency_key: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | None = None


async def enqueue_job(call: Call, headers: Once, body: NewJobBody) -> Reply[Accepted]:
    """Accept a job. When this answers, it is never lost."""
    wanted = bound([new_job(body, call.runtime.service.types)], [body.after])
    (job,) = await call.runtime.checks.marked(call.workspace, wanted)
    key = headers.idempotency_key
    if key is not None:
        jsonguard.check_name(key, "Idempotency-Key")
    if job.after:  # what is wrong with it concerns this request alone
        accepted = await call.write(jobs.one_by_one(call.workspace, job, key, call.principal.actor))
        job_id, is_new = accepted.job_id, accepted.is_new
    else:
        job_id, is_new = await call.runtime.batcher.enqueue(call.workspace, call.principal.actor, job, key)
    call.runtime.nudger.nudge(_hints([job]))
    return Reply(
        Accepted(job_id, not is_new),
        status=201 if is_new else 200,
        headers={"Location": f"{call.prefix}/api/v1/jobs/{job_id}"},
    )


async def enqueue_jobs(call: Call, body: RawJobs) -> Reply[AcceptedJobs]:
    """Accept up to 10 000 jobs together: all or none."""
    types = call.runtime.service.types
    bodies = [reading.item_value(raw, NewJobBody, f"jobs[{at}]") for at, raw in enumerate(body.jobs)]
    made = [new_job(one, types, f"jobs[{at}].") for at, one in enumerate(bodies)]
    wanted = await call.runtime.checks.marked(call.workspace, bound(made, [one.after for one in bodies]))
    done = await call.write(jobs.enqueue(call.workspace, wanted, call.principal.actor), *_hints(wanted))
    return Reply(AcceptedJobs([Accepted(job_id, job_id in done.existed) for job_id in done.ids]))


async def get_job(call: Call, job_id: UUID) -> Reply[JobDetail]:
    """One job with its steps, attempts, latest events and result."""
    detail = await call.read(_detail(call.workspace, job_id))
    return Reply(detail, headers={"ETag": etag(detail.job.version)})


@flow
def _detail(workspace: UUID, job_id: UUID) -> Steps[JobDetail]:
    """All that is shown of a job, in one transaction. Raises NotFound."""
    job = yield from ask(jobs.get(workspace, job_id))
    facts = yield from ask(jobs.facts(workspace, job_id))
    if job is None or facts is None:
        raise NotFound(f"there is no job {job_id} in this workspace")
    after = max(0, job.version - _LATEST_EVENTS)
    events = yield from ask(trail.events(workspace, job_id, after=after, limit=_LATEST_EVENTS))
    waits = None if job.wait_reason is None else WaitReason(job.wait_reason)
    return JobDetail(
        job=job,
        why=why.sentence(facts),
        allowed_actions=list(allowed_actions(JobStatus(job.status), waits)),
        steps=(yield from ask(steps.listed(workspace, job_id))),
        attempts=(yield from ask(attempts.listed(workspace, job_id))),
        events=[event_view(event) for event in events],
        result=(yield from ask(jobs.result(workspace, job_id))),
        usage=(yield from ask(usage.of(workspace, "job", job_id))),
    )


class ChangeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """New values; what is left out stays."""

    priority: Priority | None = None
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=1_024)] | None = None
    tags: Tags | None = None
    cancel_at: Time | None = None
    scheduled_at: Time | None = None


async def change_job(call: Call, job_id: UUID, headers: Match, body: ChangeBody) -> Reply[Job]:
    """Change a job; with If-Match only while it is as it was read."""
    change = Change(
        priority=body.priority,
        title=body.title,
        tags=None if body.tags is None else checked_tags(body.tags),
        cancel_at=body.cancel_at,
        scheduled_at=body.scheduled_at,
    )
    version = version_of(headers.if_match)
    await call.write(jobs.update(call.workspace, job_id, change, call.principal.actor, version=version), ORDERS)
    return await _now(call, job_id)


class CancelBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why it is cancelled."""

    reason: Reason | None = None


async def cancel_job(call: Call, job_id: UUID, body: CancelBody) -> Reply[Job]:
    """Cancel a job: what waits at once, what runs as soon as its worker has stopped it."""
    await call.write(jobs.cancel(call.workspace, job_id, call.principal.actor, body.reason), ORDERS)
    return await _now(call, job_id)


async def retry_job(call: Call, job_id: UUID) -> Reply[Job]:
    """Try a FAILED or CANCELLED job again; finished steps are kept."""
    await call.write(jobs.retry(call.workspace, job_id, call.principal.actor))
    return await _now(call, job_id, nudge=True)


async def start_job_now(call: Call, job_id: UUID) -> Reply[Job]:
    """Start a job now that waits for its time."""
    await call.write(jobs.start_now(call.workspace, job_id, call.principal.actor))
    return await _now(call, job_id, nudge=True)


class RerunBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another input, if it is to have one."""

    input: Any | UnsetType = UNSET


async def rerun_job(call: Call, job_id: UUID, body: RerunBody) -> Reply[Accepted]:
    """Accept a new job like this one, with the same input or another."""
    job = await call.found(jobs.get(call.workspace, job_id), f"job {job_id}")
    if job.type.startswith(RESERVED):
        raise Conflict(f"job {job_id} is the system's own ({job.type}) and is not rerun by hand")
    again = rerun_of(job, job.input if body.input is UNSET else body.input)
    (new,) = await call.runtime.checks.marked(call.workspace, [again])
    done = await call.write(jobs.enqueue(call.workspace, [new], call.principal.actor), *_hints([new]))
    return Reply(Accepted(done.ids[0], bool(done.existed)), status=201)


def new_job(body: NewJobBody, types: Mapping[str, Options], at: str = "") -> NewJob:
    """A job as the verbs take it: the type's defaults with what the request says. Raises Invalid."""
    if body.type.startswith(RESERVED):
        raise Invalid(
            f"{at}type: types that begin with {RESERVED} are the system's own; bulk operations have a route",
            fields={f"{at}type": "reserved"},
        )
    default = types.get(body.type) or Options(type=jsonguard.check_name(body.type, f"{at}type"))
    said = {
        name: value
        for name in body.__struct_fields__
        if name in _OPTIONS and (value := getattr(body, name)) is not UNSET and value is not None
    }
    for name in ("queue", "concurrency_key"):
        if name in said:
            jsonguard.check_name(said[name], f"{at}{name}")
    if "tags" in said:
        said["tags"] = checked_tags(said["tags"], at)
    if "unique_by" in said:
        said["unique_by"] = fields_of(said["unique_by"])
    if body.budget is not None:
        said["budget"] = body.budget.budget(f"{at}budget.")
    if body.reserve_usd is not None:
        said["reserve_usd"] = money(body.reserve_usd, f"{at}reserve_usd")
    options = default if not said else _debounced(_with(default, said), said, at)
    if options.concurrency_key is not None and "concurrency_key" not in said:
        given = body.input if isinstance(body.input, dict) else {}
        options = replace(options, concurrency_key=key_of(options.concurrency_key, given))
    unique = None if body.unique_key is None else jsonguard.check_name(body.unique_key, f"{at}unique_key")
    raw = jsonguard.encode(body.input, at=f"{at}input")
    id = new_id() if body.id is None else UUID(body.id)
    return NewJob(id=id, input=raw, options=options, title=body.title, unique_key=unique, traceparent=tracing.current())


def _debounced(options: Options, said: Mapping[str, Any], at: str) -> Options:
    """Options with what a debounce means where nothing else is said: the key is free when the job starts. Raises Invalid."""
    if options.on_conflict != OnConflict.DEBOUNCE:
        return options
    if options.debounce_seconds is None:
        raise Invalid("DEBOUNCE needs debounce_seconds", fields={f"{at}debounce_seconds": "missing"})
    new = said.get("on_conflict") == OnConflict.DEBOUNCE and "unique_scope" not in said
    return replace(options, unique_scope=UniqueScope.WAITING.value) if new else options


async def _now(call: Call, job_id: UUID, *, nudge: bool = False) -> Reply[Job]:
    job = await call.read(jobs.get(call.workspace, job_id))
    if job is None:
        raise NotFound(f"there is no job {job_id} in this workspace")
    if nudge:
        call.runtime.nudger.nudge([job.queue])
    return Reply(job, headers={"ETag": etag(job.version)})


_OPTIONS = frozenset(Options.__dataclass_fields__)


def _with(default: Options, said: Mapping[str, Any]) -> Options:
    return Options(**{name: getattr(default, name) for name in _OPTIONS} | dict(said))


def _hints(wanted: list[NewJob]) -> set[str]:
    return {job.options.queue if job.options.scheduled_at is None else ORDERS for job in wanted}
