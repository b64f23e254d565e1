"""Claiming: of which workspaces a worker takes jobs next, and what it remembers of them between two claims. What is fair is
reckoned in `core.fairness`; what a limit allows, the database decides."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from jobtrail.core.fairness import HEAD, Claimant, Granted, Turn, Turns
from jobtrail.core.model import Claimed
from jobtrail.service import attempts
from jobtrail.service.attempts import CLAIMANTS, NOBODY, Taker

BATCH: Final = 200
"""So many jobs are taken at once at most."""
_RESET_SECONDS: Final = 0.5
_REFRESH_SECONDS: Final = 0.1
_SOON_SECONDS: Final = 0.01
"""So often a busy worker learns who has jobs; and when a hint came, so long after the last time."""
_AGAIN_SECONDS: Final = 1.0
"""How long a workspace from which nothing could be taken is left alone, unless a hint or an end of its own comes."""
_RECENT: Final = 32
_LIMITED_AT_ONCE: Final = 8

Once = Callable[[Any], Awaitable[Any]]


@dataclass(slots=True)
class Sight:
    """What a worker knows of one queue: who had ready jobs lately (`ready`) or earlier (`recent`, the latest last), from which
    place on their jobs are looked at, and who is `left` alone until when. `missed`: something came, or ended, for whom it `asks`
    at this moment."""

    turns: Turns
    ready: dict[UUID, Claimant] = field(default_factory=dict)
    recent: OrderedDict[UUID, Claimant] = field(default_factory=OrderedDict)
    marks: dict[UUID, tuple[int, UUID]] = field(default_factory=dict)
    marked_at: float = 0.0
    left: dict[UUID, tuple[float, Claimant]] = field(default_factory=dict)
    refreshed_at: float = 0.0
    after: UUID = NOBODY
    stale: bool = True
    asked: bool = False
    asks: UUID | None = None
    missed: bool = False


@dataclass(frozen=True, slots=True)
class Saving:
    """Of which queue and workspace the next job wants so many free slots."""

    queue: str
    claimant: Claimant
    wanted: int
    asked_at: float


class Claims:
    """What a worker knows of its queues, and the claims that it makes of it. One coroutine claims at a time."""

    def __init__(self, worker_id: UUID, types: Sequence[str], slots: int) -> None:
        self._worker_id, self._types, self._slots = worker_id, tuple(types), slots
        self._sights: dict[str, Sight] = {}
        self._saving: Saving | None = None

    def hear(self, queue: str) -> None:
        """Something may have come into a queue ("": into any)."""
        for name, sight in self._sights.items():
            if queue in ("", name):
                sight.marks.clear()
                sight.stale, sight.asked = True, sight.asked and sight.stale  # hints without end hide nobody
                sight.left.clear()
                sight.missed = True

    def ended(self, *workspaces: UUID) -> bool:
        """Ends were written: answers whether what the limits of their workspaces held back may go on now."""
        held = False
        for sight in self._sights.values():
            sight.missed = sight.missed or sight.asks in workspaces
            for workspace in workspaces if sight.left else ():
                left = sight.left.pop(workspace, None)
                if left is not None:
                    sight.ready[workspace] = left[1]
                    held = True
        return held

    def patience(self, most: float) -> float:
        """In how many seconds, `most` at the most, something that was left alone is worth asking again."""
        times = [until for sight in self._sights.values() for until, _ in sight.left.values()]
        return most if not times else min(most, max(min(times) - time.monotonic(), 0.0))

    def saves(self, free: int) -> bool:
        """Whether free slots are kept for a job that wants more of them than there are: others do not go past it."""
        saving = self._saving
        return saving is not None and free < saving.wanted and time.monotonic() - saving.asked_at < _AGAIN_SECONDS

    async def take(self, once: Once, queue: str, free: int) -> list[Claimed]:
        """Takes jobs of one queue into `free` slots. Raises what `once` raises."""
        sight = self._sights.setdefault(queue, Sight(Turns(credit=float(max(32, 4 * self._slots)))))
        now = time.monotonic()
        if self._saving is not None:
            saving = self._saving
            if saving.queue != queue and now - saving.asked_at < 2 * _AGAIN_SECONDS:
                return []  # it has that time to ask in its turn; then it may have been told to leave that queue alone
            self._saving = None
            if saving.queue == queue:
                return await self._limited(once, queue, sight, saving.claimant, free, free)
        for _, one in [left for left in sight.left.values() if left[0] <= now]:
            del sight.left[one.workspace_id]
            sight.ready[one.workspace_id] = one
        if sight.ready and now - sight.refreshed_at > (_SOON_SECONDS if sight.stale else _REFRESH_SECONDS):
            await self._refresh(once, queue, sight)
        if not sight.ready and not sight.asked and sight.recent:
            sight.asked = True
            if taken := await self._plain(once, queue, sight, [(one, free) for one in sight.recent.values()], free):
                return taken
        if not sight.ready and (sight.stale or now - sight.refreshed_at > _REFRESH_SECONDS):
            await self._refresh(once, queue, sight)
        return await self._fairly(once, queue, sight, free) if sight.ready else []

    async def _refresh(self, once: Once, queue: str, sight: Sight) -> None:
        """Learns who has ready jobs; where there are many, always some more of them."""
        sight.stale = False  # before it asks: a hint meanwhile counts
        found: list[Claimant] = await once(attempts.claimants(queue, sight.after))
        if not found and sight.after != NOBODY:
            found = await once(attempts.claimants(queue))
            sight.after = NOBODY
        sight.after = found[-1].workspace_id if len(found) == CLAIMANTS else NOBODY
        sight.refreshed_at = time.monotonic()
        sight.ready = {one.workspace_id: one for one in found if not one.closed and one.workspace_id not in sight.left}
        for one in found:
            if one.limited:
                sight.recent.pop(one.workspace_id, None)

    async def _fairly(self, once: Once, queue: str, sight: Sight, free: int) -> list[Claimed]:
        """One claim of all those who may be taken from, each by its share; those whose limits count, one by one."""
        there = list(sight.ready.values())
        shares = [(sight.ready[workspace], number) for workspace, number in sight.turns.share(there, min(free, BATCH))]
        plain = [(one, number) for one, number in shares if not one.limited]
        taken: list[Claimed] = []
        if plain:
            taken += await self._plain(once, queue, sight, plain, sum(number for _, number in plain))
        for one, number in [(one, number) for one, number in shares if one.limited][:_LIMITED_AT_ONCE]:
            left = free - sum(job.slots for job in taken)
            if left > 0 and self._saving is None:
                taken += await self._limited(once, queue, sight, one, number, left)
        return taken

    async def _plain(
        self, once: Once, queue: str, sight: Sight, shares: Sequence[tuple[Claimant, int]], limit: int
    ) -> list[Claimed]:
        now = time.monotonic()
        if now - sight.marked_at > _RESET_SECONDS:
            sight.marks.clear()
            sight.marked_at = now
        limit = min(limit, BATCH)
        turns = [
            Turn(one.workspace_id, min(number, limit), sight.marks.get(one.workspace_id, HEAD))
            for one, number in shares
        ]
        taken: list[Claimed] = await once(attempts.claim(self._taker(queue), limit, turns))
        got: dict[UUID, int] = {}
        for job in taken:
            place, mark = (job.rank, job.job_id), sight.marks.get(job.workspace_id)
            fresh = job.workspace_id not in got
            got[job.workspace_id] = got.get(job.workspace_id, 0) + 1
            sight.marks[job.workspace_id] = place if fresh or mark is None else min(mark, place)
        for (one, _), turn in zip(shares, turns, strict=True):
            number = got.get(one.workspace_id, 0)
            if number:
                sight.recent[one.workspace_id] = one
                sight.recent.move_to_end(one.workspace_id)
            if number < turn.number or number == 1:
                sight.marks.pop(one.workspace_id, None)
            if number < turn.number:
                sight.ready.pop(one.workspace_id, None)
                sight.asked = True  # it would answer nothing now
                sight.stale = sight.stale or len(taken) < limit
        while len(sight.recent) > _RECENT:
            sight.recent.popitem(last=False)
        sight.turns.took([one for one, _ in shares], got)
        return taken

    async def _limited(
        self, once: Once, queue: str, sight: Sight, one: Claimant, number: int, free: int
    ) -> list[Claimed]:
        number = min(number, BATCH)
        sight.asks, sight.missed = one.workspace_id, False
        granted: Granted = await once(
            attempts.claim_limited(self._taker(queue), one.workspace_id, number, free, self._slots)
        )
        sight.asks = None
        taken = sum(job.slots for job in granted.jobs)
        if granted.wanted_slots is not None:
            self._saving = Saving(queue, one, granted.wanted_slots, time.monotonic())
        elif len(granted.jobs) < number:
            sight.ready.pop(one.workspace_id, None)
            wait = _AGAIN_SECONDS if granted.again_ms is None else min(granted.again_ms / 1000, _AGAIN_SECONDS)
            sight.left[one.workspace_id] = (time.monotonic() + (0.0 if sight.missed else wait), one)
        sight.turns.took([one], {one.workspace_id: taken or 1})  # also who has got nothing had a turn
        return granted.jobs

    def _taker(self, queue: str) -> Taker:
        stamp = f"{time.time_ns() // 1_000_000:012x}7"
        return Taker(self._worker_id, queue, self._types, stamp, secrets.token_hex(16))
