"""Forking a job at one of its steps: a new job like it, which has the steps before that point behind it already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import msgspec

from jobtrail.core.errors import Conflict, Invalid, NotFound
from jobtrail.core.model import Actor, Job
from jobtrail.core.status import StepStatus
from jobtrail.service import jobs
from jobtrail.service.accepting import NewJob
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, atomic, flow

NewIds = Callable[[int], Sequence[UUID]]
MOST_STEPS: Final = 10_000
"""So many steps may a fork take over."""
_AT_ONCE: Final = 500
"""So many are named by one event."""


@dataclass(frozen=True, slots=True)
class Point:
    """Where a fork leaves its job: before a step or, with `after`, behind it. The step is named by its key or its id, by its
    name where only one has it, or as #n by its place."""

    step: str
    after: bool = False


@dataclass(frozen=True, slots=True)
class Forked:
    """The new job, and how many steps it took over: those need not run again."""

    id: UUID
    steps: int


@dataclass(frozen=True, slots=True)
class Forkable:
    """A step of the job, without what it returned. `asked`: people decided in it."""

    id: UUID
    ordinal: int
    key: str
    name: str
    status: str
    asked: bool


def like(job: Job, id: UUID, input: bytes) -> NewJob:
    """A new job like `job`, as a fork of it: its own id and input (JSON that passed the door)."""
    wanted = jobs.again(job, id, input)
    return wanted._replace(options=replace(wanted.options, rerun_of=None, fork_of=job.id))


@flow
def taken_over(workspace: UUID, job_id: UUID, point: Point) -> Steps[list[Forkable]]:
    """The steps that a fork at this point would take over: those before it that completed, in their order.

    Raises NotFound when there is no such job or step, Invalid when several steps have the name, Conflict when the step
    behind which it is to leave did not complete, or when too many would be taken over.
    """
    found = yield from ask(Query("reads/forkable", (workspace, job_id, MOST_STEPS * 2), query.many_of(Forkable)))
    if not found and (yield from ask(jobs.get(workspace, job_id))) is None:
        raise NotFound(f"there is no job {job_id} in this workspace")
    step = _named(found, point.step, job_id)
    if point.after and step.status != StepStatus.COMPLETED:
        raise Conflict(f"step {step.name!r} of job {job_id} is {step.status}; only what completed can be taken over")
    before = [one for one in found if one.ordinal < step.ordinal + point.after and one.status == StepStatus.COMPLETED]
    if len(before) > MOST_STEPS:
        raise Conflict(f"{len(before)} steps lie before it, and at most {MOST_STEPS} can be taken over; rerun the job")
    return before


@atomic
def fork(workspace: UUID, wanted: NewJob, point: Point, actor: Actor, new_ids: NewIds) -> Steps[Forked]:
    """Accepts a job (`like` makes it) that goes on at a point of the job that it is a fork of.

    The steps before it that completed are its own from the start, with what they returned and what people decided at their
    gates; its trail names them. Its other steps run as if for the first time. Raises what `taken_over` raises, and Conflict
    when people decided for one input and the fork has another: nobody approved that.
    """
    source = wanted.options.fork_of
    if source is None:
        raise Invalid("this job is a fork of none", fields={"fork_of": "missing"})
    before = yield from taken_over(workspace, source, point).begin()
    if (yield from ask(jobs.get(workspace, wanted.id))) is not None:  # sent again: what it was to take over, it has
        return Forked(wanted.id, len(before))
    yield from _same_if_asked(workspace, source, wanted, before)
    yield from jobs.enqueue(workspace, [wanted], actor).begin()
    ids = new_ids(len(before))
    for at in range(0, len(before), _AT_ONCE):
        some = slice(at, at + _AT_ONCE)
        params = (workspace, source, wanted.id, [one.id for one in before[some]], list(ids[some]), actor.type, actor.id)
        yield from ask(Query("verbs/take_over_steps", params, query.nothing))
    return Forked(wanted.id, len(before))


def _same_if_asked(workspace: UUID, source: UUID, wanted: NewJob, before: Sequence[Forkable]) -> Steps[None]:
    asked = next((one for one in before if one.asked), None)
    job = None if asked is None else (yield from ask(jobs.get(workspace, source)))
    if asked is not None and job is not None and msgspec.json.decode(wanted.input) != job.input:
        raise Conflict(
            f"people decided at step {asked.name!r} for the input of job {source}; with another input, fork before that "
            "step, so that they are asked again"
        )


def _named(found: Sequence[Forkable], said: str, job_id: UUID) -> Forkable:
    fits = [one for one in found if said in (one.key, str(one.id))]
    fits = fits or [one for one in found if one.name == said]
    if not fits and said.startswith("#"):
        fits = [one for one in found if str(one.ordinal) == said[1:]]
    if len(fits) > 1:
        keys = ", ".join(f"#{one.ordinal}" for one in fits[:10])
        raise Invalid(
            f"{len(fits)} steps of job {job_id} have the name {said!r}; say which: {keys}",
            fields={"step": f"one of {keys}"},
        )
    if not fits:
        there = ", ".join(repr(one.name) for one in found[:10]) or "none"
        raise NotFound(f"job {job_id} has no step {said!r}; there are: {there}")
    return fits[0]
