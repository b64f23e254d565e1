"""How the jobs that a Filter wants are found: where to look, between which ids, and when a search ends before its time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from jobtrail.core.aside import Aside
from jobtrail.core.filter import FINGERPRINT, SEARCHED, Filter, pattern
from jobtrail.core.model import Job
from jobtrail.core.status import JobStatus
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, flow

_CROWD: Final = 10_000
"""So many waiting jobs are sorted to find the newest; of more, the newest are found among the newest of all."""
_TYPES: Final = 8
"""So many types are looked up one by one; more are filtered out of all."""
_SKEW_MS: Final = 60_000
"""By how much the clock that made a job's id may differ from the database's."""
_HIGHEST: Final = (1 << 128) - 1
_ABORTED: Final = frozenset({JobStatus.FAILED, JobStatus.CANCELLED})
_WAITING: Final = frozenset({JobStatus.PENDING, JobStatus.VALIDATING})
"""Both have a reason to wait, by which they are found."""
_FOUND: Final = _WAITING | {JobStatus.QUEUED, JobStatus.RUNNING} | _ABORTED
"""Statuses whose jobs are found without looking at others."""
_RANGES: Final = frozenset({"id_prefix", "created_after", "created_before"})


@dataclass(frozen=True, slots=True)
class Page:
    """Some jobs, newest first. `searched_to` is set where the search ended at its bound: of the jobs before this id
    nothing is known yet. `next_before` is the cursor of the next page, None when there is none."""

    jobs: list[Job]
    searched_to: UUID | None
    next_before: UUID | None


class _Look(NamedTuple):
    """One statement: the places to look in, and the type for TYPE."""

    places: Sequence[str]
    type: str | None = None


class _Span(NamedTuple):
    """Between which jobs, both not counted."""

    before: UUID | None
    after: UUID | None


class _Plan(NamedTuple):
    """`exact`: whatever is looked at is wanted, so that a page that is not full is the last."""

    looks: Sequence[_Look]
    exact: bool


@flow
def listed(
    workspace: UUID,
    filter: Filter,
    *,
    before: UUID | None = None,
    after: UUID | None = None,
    limit: int = 50,
    inputs: bool = True,
) -> Steps[list[Job]]:
    """A page of jobs, newest first; `before` is the id of the last job of the page before, and `after` that of a job at
    which the list ends.

    Without `inputs` the input of each is None, which matters where inputs are large.

    What no index knows is looked for among the newest 100 000 jobs before the cursor: `page` tells when that was not all.
    """
    plan = yield from _planned(workspace, filter)
    return (yield from _look(workspace, filter, plan, _Span(before, after), limit=limit, inputs=inputs))


@flow
def newer(workspace: UUID, filter: Filter, *, after: UUID, limit: int = 50) -> Steps[list[Job]]:
    """The jobs that were made next after one, newest first and without their inputs: the page above that one.

    Fewer than `limit`: there are no more, or they are not among the 100 000 that come next.
    """
    plan = yield from _planned(workspace, filter)
    found = yield from _look(workspace, filter, plan, _Span(None, after), limit=limit, inputs=False, upward=True)
    return found[::-1]


@flow
def page(
    workspace: UUID, filter: Filter, *, before: UUID | None = None, limit: int = 50, inputs: bool = True
) -> Steps[Page]:
    """Like `listed`, and tells where to go on and how far it searched."""
    plan = yield from _planned(workspace, filter)
    span = _Span(before, None)
    found = yield from _look(workspace, filter, plan, span, limit=limit, inputs=inputs)
    if len(found) == limit:
        return Page(found, None, found[-1].id)
    reached: UUID | None = None
    for look in () if plan.exact else plan.looks:
        last = yield from ask(Query("reads/reach", _places(workspace, filter, span, look), query.scalar))
        if last is not None:
            reached = last if reached is None else max(reached, last)
    if reached is not None:  # what one of several looks found beyond it comes again with the next page
        found = [job for job in found if job.id >= reached]
    return Page(found, reached, reached)


def asides(workspace: UUID, ids: Sequence[UUID]) -> Query[list[Aside]]:
    """What a list shows beside some jobs that it has."""
    return Query("reads/asides", (workspace, list(ids)), query.many_of(Aside))


def _planned(workspace: UUID, filter: Filter) -> Steps[_Plan]:
    asked, allowed = filter.asks_for - _RANGES, filter.allowed
    if not allowed:
        return _Plan((), exact=True)
    if filter.ids is not None:
        return _Plan((_Look(("IDS",)),), exact=True)
    for field, place in (("task_id", "TASK"), ("parent_id", "PARENT")):
        if field in asked:
            return _Plan((_Look((place,)),), exact=asked == {field})
    crowded = False
    if allowed <= _FOUND and JobStatus.QUEUED in allowed:
        crowded = (yield from ask(Query("reads/crowd", (workspace, _CROWD + 1), query.count))) > _CROWD
    one_by_one = filter.types is not None and len(filter.types) <= _TYPES
    whole = allowed & _ABORTED in (frozenset(), _ABORTED)
    if allowed <= _ABORTED and one_by_one:
        looks = [_Look(("ABORTED_TYPE",), type) for type in dict.fromkeys(filter.types or ())]
        return _Plan(looks, exact=whole and asked <= {"statuses", "exclude_statuses", "types"})
    if allowed <= _FOUND and not crowded:
        whole = whole and allowed & _WAITING in (frozenset(), _WAITING)
        places = [str(status) for status in allowed - _ABORTED - _WAITING] + ["ABORTED"] * bool(allowed & _ABORTED)
        places += [str(JobStatus.PENDING)] * bool(allowed & _WAITING)
        return _Plan((_Look(places),), exact=whole and asked <= {"statuses", "exclude_statuses"})
    if one_by_one:
        return _Plan([_Look(("TYPE",), type) for type in dict.fromkeys(filter.types or ())], exact=asked == {"types"})
    if filter.project_id is not None:
        return _Plan((_Look(("PROJECT",)),), exact=asked == {"project_id"})
    return _Plan((_Look(("ANY",)),), exact=not asked)


def _look(
    workspace: UUID, filter: Filter, plan: _Plan, span: _Span, *, limit: int, inputs: bool, upward: bool = False
) -> Steps[list[Job]]:
    found: list[Job] = []
    for look in plan.looks:
        params = _params(workspace, filter, span, look, limit=limit, inputs=inputs)
        if upward:
            found += yield from ask(Query("reads/jobs_upward", params, query.many_of(Job)))
        else:
            found += yield from ask(Query("reads/jobs", params, query.many_of(Job)))
    if len(plan.looks) > 1:
        found = sorted(found, key=lambda job: job.id, reverse=not upward)[:limit]
    return found


def _places(workspace: UUID, filter: Filter, span: _Span, look: _Look) -> tuple[object, ...]:
    """Where to look, and how far."""
    low, below = _between(filter, span)
    owners = (filter.task_id, filter.project_id, filter.parent_id)
    return (workspace, below, low, list(look.places), SEARCHED, look.type, *owners)


def _params(
    workspace: UUID, filter: Filter, span: _Span, look: _Look, *, limit: int, inputs: bool
) -> tuple[object, ...]:
    f = filter
    return (
        *_places(workspace, filter, span, look),
        f.created_after,
        f.created_before,
        _array(f.types),
        _array(f.exclude_types),
        None if f.statuses is None and f.exclude_statuses is None else sorted(map(str, f.allowed)),
        _array(f.queues),
        _array(f.exclude_queues),
        _array(f.tags),
        _array(f.all_tags),
        _array(f.exclude_tags),
        None if f.priority is None else list(f.priority),
        _array(f.wait_reason),
        _array(f.exclude_wait_reason),
        _array(f.stage),
        _array(f.exclude_stage),
        _array(f.error),
        _patterns(f.error),
        _array(f.exclude_error),
        _patterns(f.exclude_error),
        _patterns(f.text),
        _patterns(f.exclude_text),
        None if not f.input else list(f.input[0]),
        _groups((f.input or ())[1:]),
        _array(f.exclude_input),
        f.min_attempts,
        f.max_attempts,
        f.min_seconds,
        f.max_seconds,
        None if f.id_suffix is None else f"%{f.id_suffix}",
        limit,
        inputs,
        *map(_fingerprints, (f.error, f.exclude_error)),
        None if f.ids is None else list(f.ids),
    )


def _between(filter: Filter, span: _Span) -> tuple[UUID, UUID]:
    """From which id on, and below which. Ids begin with the milliseconds of their making."""
    low, below = 0, _HIGHEST
    if filter.id_prefix is not None:
        low = int(filter.id_prefix.ljust(32, "0"), 16)
        below = int(filter.id_prefix.ljust(32, "f"), 16) + 1
    if filter.created_after is not None:
        low = max(low, _first_of(filter.created_after, -_SKEW_MS))
    if filter.created_before is not None:
        below = min(below, _first_of(filter.created_before, _SKEW_MS))
    if span.before is not None:
        below = min(below, span.before.int)
    if span.after is not None:
        low = max(low, span.after.int + 1)
    return UUID(int=min(low, _HIGHEST)), UUID(int=max(min(below, _HIGHEST), 0))


def _first_of(time: datetime, shift_ms: int) -> int:
    return max(int(time.timestamp() * 1_000) + shift_ms, 0) << 80


def _array(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else [str(value) for value in values]


def _patterns(pieces: Sequence[str] | None) -> list[str] | None:
    return None if pieces is None else [pattern(piece) for piece in pieces]


def _fingerprints(errors: Sequence[str] | None) -> list[str] | None:
    return [one for one in errors or () if FINGERPRINT.fullmatch(one)] or None


def _groups(groups: Sequence[Sequence[str]]) -> str | None:
    """JSON texts as one JSON text."""
    return "[" + ",".join("[" + ",".join(pieces) + "]" for pieces in groups) + "]" if groups else None
