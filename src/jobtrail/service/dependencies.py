"""Verbs on what jobs wait for before they begin: note it, look at it, and what a job gets of those that it needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from jobtrail.core import graph
from jobtrail.core.errors import Invalid, NotFound
from jobtrail.core.fence import Fence
from jobtrail.core.graph import MOST_NEEDS, Branch, Dependency, JobEnd, TreeTotal
from jobtrail.core.status import JobStatus, WaitReason
from jobtrail.service import attempts, settling
from jobtrail.store import arrays, query
from jobtrail.store.query import Query, Steps, ask, atomic, flow

Edge: TypeAlias = tuple[UUID, UUID]
"""A job, and one that it needs."""
TREE_CAP = 10_000
"""A tree is counted up to here."""


def bind(workspace: UUID, edges: Sequence[Edge], parents: Mapping[UUID, UUID]) -> Steps[None]:
    """Notes what jobs wait for that this transaction has just accepted; those that wait for nothing more go on at once.

    Raises Invalid for a job that is not there, that waits for itself by way of others, or that waits for its own parent.
    """
    if not edges:
        return
    way = graph.circle(edges)
    if way is not None:
        raise Invalid(f"these jobs wait for each other, so none would ever begin: {graph.shown(way)}")
    _check_counts(edges)
    needs = list(dict.fromkeys(need for _, need in edges))
    for row in (yield from ask(Query("reads/needed", (workspace, arrays.uuids(needs)), query.rows))):
        if not row[1]:
            gone = "was removed by retention, and with it how it ended"
            said = gone if row[2] else "is not there: no job of this workspace has that id"
            raise Invalid(f"job {row[0]}, which another one is to wait for, {said}", fields={"after": str(row[0])})
    params = (workspace, arrays.uuids([job for job, _ in edges]), arrays.uuids([need for _, need in edges]))
    new = yield from ask(Query("verbs/depend", params, lambda rows: [row[0] for row in rows]))
    for parent in dict.fromkeys(parents[job] for job in new if job in parents):
        yield from no_way_round(workspace, parent, [need for job, need in edges if parents.get(job) == parent])
    if new:
        yield from ask(settling.release([(workspace, job) for job in new]))


def no_way_round(workspace: UUID, waiting: UUID, needs: Sequence[UUID]) -> Steps[None]:
    """Raises Invalid when a job is needed that waits for `waiting` or for a job above it, by itself or by way of others."""
    way = yield from ask(Query("reads/way_round", (workspace, waiting, arrays.uuids(needs)), query.scalar))
    if way is not None:
        raise Invalid(
            f"job {way[-1]} waits for its children, so a child of it that waits for it would never begin: {graph.shown(way)}",
            fields={"after": str(way[0])},
        )


def ends(workspace: UUID, ids: Sequence[UUID]) -> Query[list[JobEnd]]:
    """How some jobs stand or ended, with their results, in no order."""
    return Query("reads/job_ends", (workspace, arrays.uuids(ids)), _ends)


@flow
def of(workspace: UUID, job_id: UUID) -> Steps[dict[UUID, JobEnd]]:
    """How those stand that a job needed before it began."""
    needs = yield from ask(Query("reads/needs", (workspace, job_id), lambda rows: [row[0] for row in rows]))
    if not needs:
        return {}
    return {end.job_id: end for end in (yield from ask(ends(workspace, needs)))}


@dataclass(frozen=True, slots=True)
class Terms:
    """On how many others a job depends, and how."""

    needs: int
    mode: str
    policy: str


def terms(workspace: UUID, job_id: UUID) -> Query[Terms]:
    """How a job depends on others."""
    return Query("reads/terms", (workspace, job_id), lambda rows: Terms(*rows[0]) if rows else Terms(0, "ALL", "FAIL"))


@atomic
def wait_again(fence: Fence, needs: Sequence[UUID], note: str) -> Steps[None]:
    """Lets a job that was retried wait once more for those of its needs that were retried too. Raises StaleAttempt."""
    params = (fence.workspace_id, fence.job_id, arrays.uuids(needs))
    yield from attempts.suspend(fence, "job.waiting", WaitReason.DEPENDENCY, None, note).begin()
    yield from ask(Query("verbs/need_again", params, query.nothing))


def listed(workspace: UUID, job_id: UUID, limit: int = 500) -> Query[list[Dependency]]:
    """What a job waits for or waited for, and who waits for it; those that still wait first."""
    return Query("reads/dependencies", (workspace, job_id, limit), query.many_of(Dependency))


def tree(workspace: UUID, job_id: UUID, limit: int = 500) -> Query[list[Branch]]:
    """A job and the jobs below it, level by level, with what each cost by itself."""
    return Query("reads/tree", (workspace, job_id, limit), query.many_of(Branch))


def total(workspace: UUID, job_id: UUID, cap: int = TREE_CAP) -> Query[TreeTotal | None]:
    """A job with all below it: counts and costs."""
    return Query("reads/tree_total", (workspace, job_id, cap), query.one_of(TreeTotal))


@flow
def whole(workspace: UUID, job_id: UUID, limit: int = 500) -> Steps[tuple[list[Branch], TreeTotal]]:
    """A tree and its sums. Raises NotFound."""
    branches = yield from ask(tree(workspace, job_id, limit))
    sums = yield from ask(total(workspace, job_id))
    if not branches or sums is None:
        raise NotFound(f"there is no job {job_id} in this workspace")
    return branches, sums


def _check_counts(edges: Sequence[Edge]) -> None:
    counts: dict[UUID, int] = {}
    for job, _ in edges:
        counts[job] = counts.get(job, 0) + 1
    most = max(counts, key=counts.__getitem__)
    if counts[most] > MOST_NEEDS:
        raise Invalid(
            f"job {most} is to wait for {counts[most]} jobs; a job may wait for {MOST_NEEDS}: let some wait in between",
            fields={"after": "too many"},
        )


def _ends(rows: list[query.Row]) -> list[JobEnd]:
    return [JobEnd(row[0], row[1], JobStatus(row[2]), *row[3:]) for row in rows]
