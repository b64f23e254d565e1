"""Verbs that turn a task into jobs: start it, follow a job up on its session, lay its jobs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.errors import Conflict, IdempotencyConflict, Invalid, NotFound
from jobtrail.core.model import Actor, Task
from jobtrail.core.spent import ComparedJob
from jobtrail.core.status import FINAL, JobStatus, TaskStatus
from jobtrail.service import jobs, tasks, validations
from jobtrail.service.jobs import Accepted, NewJob, Options
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, atomic, flow

MOST_VARIANTS: Final = 20
MOST_COMPARED: Final = 50
_SYSTEM: Final = "jobtrail."
_TITLE_BYTES: Final = 1_024
_HIGHEST: Final = UUID(int=(1 << 128) - 1)
_OVER: Final = (TaskStatus.DONE, TaskStatus.CANCELLED)
_SESSION: Final = frozenset({"resume", "fork", "session_id"})
"""What an input says of the session that it goes on with."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a task's config says of its jobs; it may hold other things, too. Seconds as named."""

    type: str = "claude"
    input: dict[str, Any] = {}
    queue: str | None = None
    priority: Annotated[int, msgspec.Meta(ge=1, le=10)] | None = None
    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=100)] | None = None
    timeout_seconds: Annotated[float, msgspec.Meta(gt=0, le=2_592_000)] | None = None
    idle_timeout_seconds: Annotated[float, msgspec.Meta(gt=0, le=2_592_000)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How to start a task. `input` wins over what the task says; each of `variants` wins over that, and makes a job."""

    input: Mapping[str, Any] = field(default_factory=dict)
    variants: tuple[Mapping[str, Any], ...] = ()
    type: str | None = None
    queue: str | None = None
    priority: int | None = None

    @property
    def jobs(self) -> int:
        """How many jobs it makes."""
        return max(1, len(self.variants))


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """What to say next on the session of `job_id`, None: of the newest job that has one. `fork`: on a copy of it."""

    prompt: str
    job_id: UUID | None = None
    fork: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """The jobs that stand for the request, those of them that were there before, and the queue they are in."""

    ids: tuple[UUID, ...]
    existed: frozenset[UUID]
    queue: str


@atomic
def start(
    workspace: UUID,
    task_id: UUID,
    wanted: Start,
    ids: Sequence[UUID],
    actor: Actor,
    *,
    types: Mapping[str, Options] | None = None,
    key: str | None = None,
) -> Steps[Started]:
    """Enqueues a job of the task, or one a variant under the `ids`, and takes a task that waits to IN_PROGRESS.

    `types` are the defaults of known types; under an idempotency `key` the same request answers the same jobs.
    Raises NotFound, Invalid, Conflict when the task is over, or IdempotencyConflict.
    """
    if len(wanted.variants) > MOST_VARIANTS:
        raise Invalid(
            f"at most {MOST_VARIANTS} variants are started at once, not {len(wanted.variants)}",
            fields={"variants": f"at most {MOST_VARIANTS}"},
        )
    task = yield from _open(workspace, task_id)
    new = yield from _checked(_jobs(task, wanted, ids, types or {}))
    keys = [key if at == 0 or key is None else f"{key} variant {at + 1}" for at in range(len(new))]
    requests = list(zip(new, keys, strict=True))
    answers = yield from jobs.enqueue_many_once(workspace, requests, actor).begin()
    done = [_accepted(answer) for answer in answers]
    existed = frozenset(one.job_id for one in done if not one.is_new)
    if existed and len(existed) < len(done):
        raise IdempotencyConflict(f"idempotency key {key!r} was used with another number of variants")
    yield from _begin(workspace, task_id, (TaskStatus.BACKLOG, TaskStatus.READY))
    return Started(tuple(one.job_id for one in done), existed, new[0].options.queue)


@atomic
def follow_up(
    workspace: UUID, task_id: UUID, wanted: FollowUp, id: UUID, actor: Actor, *, key: str | None = None
) -> Steps[Started]:
    """Enqueues a job like an earlier one of the task that goes on with its session and says the prompt.

    Raises NotFound, Invalid, Conflict when the task is over or the session missing or in use, IdempotencyConflict.
    """
    if not wanted.prompt.strip():
        raise Invalid("prompt: there is nothing to say", fields={"prompt": "it is empty"})
    yield from _open(workspace, task_id)
    found = yield from ask(Query("reads/task_session", (workspace, task_id, wanted.job_id, key), query.one))
    before = None if found is None else (yield from ask(jobs.get(workspace, found[0])))
    if found is None or before is None:
        if wanted.job_id is not None:
            raise NotFound(f"there is no job {wanted.job_id} of task {task_id}")
        raise Conflict(f"task {task_id} has no job with a session to go on with; start it first")
    if found[2] is None:
        raise Conflict(f"job {before.id} has no session to go on with")
    user = yield from ask(Query("reads/session_user", (workspace, task_id, found[2], key), query.one))
    if user is None and JobStatus(before.status) not in FINAL:
        user = before.id, before.status
    if user is not None:
        raise Conflict(f"job {user[0]} is {user[1]} and uses its session still; wait for its end, or cancel it")
    said = before.input if isinstance(before.input, dict) else {}
    input = {name: value for name, value in said.items() if name not in _SESSION}
    input |= {"prompt": wanted.prompt, "resume": found[2]} | ({"fork": True} if wanted.fork else {})
    (new,) = yield from _checked([jobs.again(before, id, jsonguard.encode(input, at="input"))])
    answers = yield from jobs.enqueue_many_once(workspace, [(new, key)], actor).begin()
    done = _accepted(answers[0])
    yield from _begin(workspace, task_id, (TaskStatus.BACKLOG, TaskStatus.READY, TaskStatus.REVIEW))
    return Started((done.job_id,), frozenset() if done.is_new else frozenset({done.job_id}), new.options.queue)


def compare(workspace: UUID, task_id: UUID, *, before: UUID | None = None, limit: int = 20) -> Query[list[ComparedJob]]:
    """The jobs of a task side by side, newest first, at most MOST_COMPARED; none when there is no such task."""
    params = (workspace, task_id, before or _HIGHEST, min(limit, MOST_COMPARED))
    return Query("reads/compared_jobs", params, query.many_of(ComparedJob))


@flow
def compared(workspace: UUID, task_id: UUID, *, limit: int = 20) -> Steps[list[ComparedJob]]:
    """Like `compare`. Raises NotFound when there is no such task."""
    if (yield from ask(tasks.get(workspace, task_id))) is None:
        raise _missing(task_id)
    return (yield from ask(compare(workspace, task_id, limit=limit)))


def _open(workspace: UUID, task_id: UUID) -> Steps[Task]:
    """The task, held for this transaction. Raises NotFound, or Conflict when it is over."""
    yield from ask(Query("verbs/hold_task", (workspace, task_id), query.nothing))
    task = yield from ask(tasks.get(workspace, task_id))
    if task is None:
        raise _missing(task_id)
    if task.status in _OVER:
        raise Conflict(f"task {task_id} is {task.status}; set it to READY before it is started again")
    return task


def _checked(new: list[NewJob]) -> Steps[list[NewJob]]:
    """The jobs, marked where live workers check the inputs of their type before they take a slot."""
    options = new[0].options
    known = yield from ask(validations.checked_types())
    marked = replace(options, checked=known.get((options.type, options.queue), options.checked))
    return [job._replace(options=marked) for job in new]


def _begin(workspace: UUID, task_id: UUID, statuses: Sequence[TaskStatus]) -> Steps[None]:
    yield from ask(Query("verbs/begin_task", (workspace, task_id, [str(one) for one in statuses]), query.nothing))


def type_of(task: Task) -> str:
    """Of which type a task's jobs are, unless another one is asked for. Raises Invalid when its config cannot be read."""
    return _plan(task).type


def inputs(task: Task, wanted: Start) -> list[dict[str, Any]]:
    """The inputs of the jobs that a start makes, one a variant. Raises Invalid when the task's config cannot be read."""
    said = {"prompt": task.prompt} if task.prompt else {}
    return [{**_plan(task).input, **said, **wanted.input, **variant} for variant in wanted.variants or ({},)]


def _jobs(task: Task, wanted: Start, ids: Sequence[UUID], types: Mapping[str, Options]) -> list[NewJob]:
    options = _options(task, _plan(task), wanted, types)
    return [
        NewJob(
            id=id,
            input=jsonguard.encode(input, at="input"),
            options=options,
            title=_title(task.title, variant),
        )
        for id, input, variant in zip(ids, inputs(task, wanted), wanted.variants or ({},), strict=True)
    ]


def _plan(task: Task) -> Plan:
    try:
        return msgspec.convert(task.config, Plan)
    except msgspec.ValidationError as wrong:
        raise Invalid(f"the config of task {task.id} does not say how to run it: {wrong}") from wrong


def _options(task: Task, plan: Plan, wanted: Start, types: Mapping[str, Options]) -> Options:
    type = jsonguard.check_name(wanted.type or plan.type, "type")
    if type.startswith(_SYSTEM):
        raise Invalid(f"type: types that begin with {_SYSTEM} are the system's own", fields={"type": "reserved"})
    default = types.get(type) or Options(type=type)
    priority = wanted.priority or plan.priority or task.priority
    if not 1 <= priority <= 10:
        raise Invalid(f"priority must be 1 to 10, not {priority}", fields={"priority": "1 to 10"})
    return replace(
        default,
        queue=jsonguard.check_name(wanted.queue or plan.queue or default.queue, "queue"),
        priority=priority,
        max_attempts=plan.max_attempts or default.max_attempts,
        timeout_seconds=plan.timeout_seconds or default.timeout_seconds,
        idle_timeout_seconds=plan.idle_timeout_seconds or default.idle_timeout_seconds,
        tags=tuple(dict.fromkeys((*default.tags, *task.tags))),
        project_id=task.project_id,
        task_id=task.id,
    )


def _title(title: str, variant: Mapping[str, Any]) -> str:
    """The task's title with what this variant has, cut to what a title may be."""
    told = ", ".join(f"{name}={value}" for name, value in variant.items())
    whole = f"{title} ({told})" if told else title
    return whole.encode("utf-8", "replace")[:_TITLE_BYTES].decode("utf-8", "ignore")


def _accepted(answer: Accepted | IdempotencyConflict) -> Accepted:
    if isinstance(answer, IdempotencyConflict):
        raise answer
    return answer


def _missing(task_id: UUID) -> NotFound:
    return NotFound(f"there is no task {task_id} in this workspace")
