"""Routes of what a job has to do with others: what it waits for, who waits for it, and the tree below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import msgspec

from jobtrail.core import graph, jsonguard
from jobtrail.core.errors import Invalid
from jobtrail.core.graph import REFERENCE, Branch, Dependency, TreeTotal
from jobtrail.service import dependencies, jobs
from jobtrail.service.jobs import NewJob
from jobtrail.store.query import Steps, flow
from jobtrail.web.runtime import Call

MOST_AFTER = 10_000
After: TypeAlias = Annotated[
    list[UUID | int],
    msgspec.Meta(
        max_length=MOST_AFTER,
        description="Jobs that it waits for: their ids; in a batch also their places in it, counted from 0.",
    ),
]


class DependencyList(msgspec.Struct, frozen=True):
    """What a job waits for or waited for (`job_id` is its own), and who waits for it (`needs_id` is)."""

    items: list[Dependency]


class TreeQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the tree."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000, description="How many jobs at most, beside the first.")] = 200


class Tree(msgspec.Struct, frozen=True):
    """A job and those below it, level by level, each with its own cost; `total` has all of them together.

    `more`: there are jobs below that are not among the items.
    """

    items: list[Branch]
    total: TreeTotal
    more: bool


async def list_dependencies(call: Call, job_id: UUID) -> DependencyList:
    """The jobs that a job waits for, and those that wait for it; up to 500 each, those that still wait first."""
    await call.found(jobs.get(call.workspace, job_id), f"job {job_id}")
    return DependencyList(await call.read(dependencies.listed(call.workspace, job_id)))


async def get_tree(call: Call, job_id: UUID, query: TreeQuery) -> Tree:
    """A job with the jobs that it started, those that they started, and so on: how they stand, and what they cost."""
    items, total = await call.read(dependencies.whole(call.workspace, job_id, query.limit))
    return Tree(items, total, more=total.jobs > len(items))


@flow
def given(workspace: UUID, job_id: UUID, input: str) -> Steps[str]:
    """A job's input with the results of others in the place of its references; as it is where one has no such part."""
    ends = yield from dependencies.of(workspace, job_id).begin()
    try:
        return graph.filled(input, ends)
    except Invalid:
        return input


def bound(wanted: Sequence[NewJob], afters: Sequence[Sequence[UUID | int]]) -> list[NewJob]:
    """Jobs with what each waits for: what it says, and those to whose results its input refers. In a batch a place stands
    for a job. Raises Invalid."""
    ids = [job.id for job in wanted]
    return [_bound(job, after, ids, f"jobs[{at}]." if len(ids) > 1 else "") for at, (job, after) in
            enumerate(zip(wanted, afters, strict=True))]  # fmt: skip


def _bound(job: NewJob, after: Sequence[UUID | int], ids: Sequence[UUID], at: str) -> NewJob:
    needs = [_id_of(one, ids, f"{at}after") for one in after]
    text = job.input.decode()
    if graph.may_refer(text):
        value = _placed(msgspec.json.decode(text), ids, f"{at}input")
        needs += graph.references(value)
        job = job._replace(input=jsonguard.encode(value, at=f"{at}input"))
    if not needs:
        return job
    return job._replace(after=tuple(dict.fromkeys(needs)))


def _placed(value: Any, ids: Sequence[UUID], at: str) -> Any:
    """The input, with ids in references that named places of the batch."""
    if isinstance(value, dict):
        said = value.get(REFERENCE)
        if type(said) is int:
            return {**value, REFERENCE: str(_id_of(said, ids, at))}
        return {key: _placed(each, ids, at) for key, each in value.items()}
    return [_placed(each, ids, at) for each in value] if isinstance(value, list) else value


def _id_of(one: UUID | int, ids: Sequence[UUID], at: str) -> UUID:
    if isinstance(one, UUID):
        return one
    if not 0 <= one < len(ids):
        said = f"{one} is no place in this batch; it has {len(ids)} jobs, the first is 0"
        raise Invalid(f"{at}: {said}", fields={at: said})
    return ids[one]
