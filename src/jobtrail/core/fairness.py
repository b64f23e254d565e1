"""Whose turn it is: shares of a worker's slots between the workspaces that have jobs in one queue. Pure arithmetic; what is
there to share, and who took what, is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heapreplace
from typing import Final, NamedTuple
from uuid import UUID

from jobtrail.core.model import Claimed

HEAD: Final = (-(1 << 62), UUID(int=0))
"""The place before the first job of a queue: a rank, and the id of a job."""
_REMEMBERED: Final = 10_000
"""Of so many workspaces it is kept how they stand, before those are forgotten whom it would help no more."""


class Turn(NamedTuple):
    """How many jobs of a workspace are to be taken, from a place in the queue on."""

    workspace_id: UUID
    number: int
    place: tuple[int, UUID] = HEAD


class Claimant(NamedTuple):
    """A workspace that has ready jobs in a queue. `limited`: its jobs are to be taken as its limits allow; `closed`: it is
    paused, or the queue is."""

    workspace_id: UUID
    weight: int
    limited: bool
    closed: bool


class Granted(NamedTuple):
    """What a claim under limits took. `again_ms`: asking again is worth it then (None: when something ended);
    `wanted_slots`: the next job waits for so many free slots of the worker that asked."""

    jobs: list[Claimed]
    again_ms: int | None
    wanted_slots: int | None


@dataclass(slots=True)
class Turns:
    """Weighted turns by virtual time: who takes a slot is set back by 1/weight, and the one who is furthest back is next.

    Who comes back after a pause starts where the others stand, less `credit` slots: a few jobs beside a huge backlog are
    taken at once, and nobody saves up turns by staying away.
    """

    credit: float = 8.0
    now: float = 0.0
    passes: dict[UUID, float] = field(default_factory=dict)

    def share(self, claimants: Sequence[Claimant], slots: int) -> list[tuple[UUID, int]]:
        """How many of `slots` each gets, if all have enough jobs; who is next comes first."""
        if len(claimants) == 1:
            return [(claimants[0].workspace_id, slots)]
        heap = [(self._pass(one), n, 1 / one.weight) for n, one in enumerate(claimants)]
        order = [n for _, n, _ in sorted(heap)]
        heapify(heap)
        got = [0] * len(claimants)
        for _ in range(slots):
            at, n, stride = heap[0]
            got[n] += 1
            heapreplace(heap, (at + stride, n, stride))
        return [(claimants[n].workspace_id, got[n]) for n in order if got[n]]

    def took(self, claimants: Iterable[Claimant], slots: Mapping[UUID, int]) -> None:
        """Tells how many slots each has taken; who took none stays where it was."""
        takers = [one for one in claimants if slots.get(one.workspace_id)]
        for one in takers:
            self.passes[one.workspace_id] = self._pass(one) + slots[one.workspace_id] / one.weight
        if takers:
            self.now = max(self.now, min(self.passes[one.workspace_id] for one in takers))
        if len(self.passes) > _REMEMBERED:
            self.passes = {workspace: at for workspace, at in self.passes.items() if at > self.now - self.credit}

    def _pass(self, one: Claimant) -> float:
        return max(self.passes.get(one.workspace_id, -float("inf")), self.now - self.credit / one.weight)
