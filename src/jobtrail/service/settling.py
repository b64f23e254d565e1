"""What becomes of ends: those who waited go on or end too, children go with their parents. One page is one transaction.

Nobody waits for a lock here. A job that somebody else holds is left for later, and so is the end that concerns it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

from jobtrail.core.status import FINAL, JobStatus
from jobtrail.store import arrays, query
from jobtrail.store.query import Query, Steps, ask, atomic

PAGE: Final = 500
_CHILDREN: Final = 1_000
_STOPS: Final = frozenset({JobStatus.FAILED, JobStatus.CANCELLED})

Place: TypeAlias = tuple[UUID, UUID]
"""A workspace, and a job in it."""


@dataclass(frozen=True, slots=True)
class Settled:
    """How many ends were looked at, how many of them are left for later, how many children went with their parents, which
    queues have new work, and whether some worker is to stop what it runs."""

    taken: int
    left: int
    cancelled: int = 0
    queues: frozenset[str] = frozenset()
    orders: bool = False

    @property
    def moved(self) -> bool:
        """Whether anything became of it, so that looking once more at once makes sense."""
        return self.left < self.taken or self.cancelled > 0


def waits() -> Query[bool]:
    """Whether there is anything to settle."""
    return Query("reads/settlements_wait", (), query.scalar)


@atomic
def page(limit: int = PAGE) -> Steps[Settled]:
    """Settles some ends."""
    taken = yield from ask(Query("verbs/take_settlements", (limit,), _places))
    if not taken:
        return Settled(0, 0)
    held = yield from ask(Query("verbs/hold_settled", _arrays(taken), query.rows))
    known = {(row[0], row[1]): JobStatus(row[2]) for row in held}
    left = set(taken) - set(known)
    ended = {place: status for place, status in known.items() if status in FINAL}
    queues: set[str] = set()
    if ended:
        waiting = yield from ask(Query("verbs/hold_dependents", _arrays(list(ended)), _places))
        left |= set((yield from ask(_meet(ended, waiting))))
        if waiting:
            queues |= yield from ask(release(waiting))
    stopped = [(row[0], row[1]) for row in held if row[2] in _STOPS or row[3]]
    cancelled, orders = 0, False
    if stopped:
        row = (yield from ask(Query("verbs/cancel_children", (*_arrays(stopped), _CHILDREN), query.rows)))[0]
        cancelled, orders = row
        left |= set((yield from ask(Query("reads/parents_left", _arrays(stopped), _places))))
    if left:
        yield from ask(Query("verbs/leave_settlements", _arrays(list(left)), query.nothing))
    return Settled(len(taken), len(left), cancelled, frozenset(queues), orders)


def release(jobs: Sequence[Place]) -> Query[set[str]]:
    """Lets jobs that are held go on or end, where what they wait for has come or cannot come; answers the queues."""
    return Query("verbs/release", _arrays(jobs), lambda rows: {row[0] for row in rows})


def _meet(ended: dict[Place, JobStatus], waiting: Sequence[Place]) -> Query[list[Place]]:
    statuses = arrays.texts(list(ended.values()))
    params = (*_arrays(ended), statuses, *_arrays(waiting))
    return Query("verbs/meet", params, _places)


def _arrays(places: Iterable[Place]) -> tuple[str | None, str | None]:
    each = list(places)
    return arrays.uuids([workspace for workspace, _ in each]), arrays.uuids([job for _, job in each])


def _places(rows: list[query.Row]) -> list[Place]:
    return [(row[0], row[1]) for row in rows]
