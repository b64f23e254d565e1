"""What the pure model says of flow control: whose turn it is, under which limits, what is paused, what a fork and a redrive do."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from datetime import datetime, timedelta
from uuid import UUID

from service.pure_nouns import ENDED, WAITING_BEFORE_WORK, Holder, Part, Question, Refused, Work

BULK = "jobtrail.bulk"


class Flowing:
    """The part of the world that decides what may run. It speaks of the jobs that the rest of the world keeps."""

    now: datetime
    works: dict[UUID, Work]
    holders: dict[UUID, Holder]

    def __init__(self) -> None:
        self.paused: set[str] = set()
        self.all_paused = False
        self.draining: dict[UUID, bool] = {}
        self.left: dict[UUID, set[str]] = {}
        self.limits: dict[tuple[str, str], int] = {}
        self.rates: dict[tuple[str, str], tuple[int, float]] = {}
        self.starts: dict[tuple[str, str], list[tuple[datetime, int]]] = {}
        self.unsettled: set[UUID] = set()

    def _happen(self, work: Work, event: str, becomes: str | None = None, *, gives_key: bool = False) -> int:
        raise NotImplementedError

    def _start(self, work: Work) -> None:
        raise NotImplementedError

    def retry(self, job: UUID) -> int:
        """A new generation."""
        raise NotImplementedError

    # accepting: keys, and what is waited for

    def accept(self, work: Work, on_conflict: str = "EXISTING") -> UUID:
        """The job that stands for the one that is wanted: itself, unless another keeps its unique key."""
        if work.id in self.works:
            return work.id
        while (holder := self.holder_of(work.unique_key)) is not None:
            if holder.unique_until is not None and holder.unique_until <= self.now:
                self._happen(holder, "job.updated")
            elif not self._gives(holder, on_conflict):
                if on_conflict == "REFUSE":
                    raise Refused("Conflict")
                return holder.id
        self.works[work.id] = work
        waits = work.scheduled_at is not None and work.scheduled_at > self.now
        work.wait_reason = (
            "DEPENDENCY" if work.needs else "SCHEDULE" if waits else "VALIDATION" if work.checked else None
        )
        self._happen(work, "job.created", "PENDING" if work.wait_reason else "QUEUED")
        if work.needs:
            for need in work.needs:
                work.needs[need] = self.works[need].status if self.works[need].status in ENDED else None
            self.unsettled |= {need for need, met in work.needs.items() if met is None}
            self._release(work)
        return work.id

    def holder_of(self, key: str | None) -> Work | None:
        """The job that has a unique key."""
        return next((w for w in self.works.values() if key is not None and w.holds == key), None)

    def key_is_taken(self, work: Work) -> bool:
        """Whether a job that is tried again would want the key that another one has."""
        holder = self.holder_of(work.unique_key)
        in_time = work.unique_until is None or self.now < work.unique_until
        return holder is not None and holder is not work and in_time

    def _gives(self, holder: Work, on_conflict: str) -> bool:
        """A holder that waits makes room for who replaces it, one that runs for who supersedes it."""
        if on_conflict not in ("REPLACE", "SUPERSEDE"):
            return False
        if holder.status in WAITING_BEFORE_WORK:
            self._cancel_for(holder, "superseded", gives_key=True)
        elif holder.status == "RUNNING" and on_conflict == "SUPERSEDE":
            self._ask_to_stop(holder, "superseded", gives_key=True)
        else:
            return False
        return True

    def _cancel_for(self, work: Work, reason: str, *, gives_key: bool = False) -> None:
        work.cancel_requested_at, work.cancel_reason = self.now, reason
        work.wait_reason = work.scheduled_at = None
        for one in work.questions.values():
            one.status = "EXPIRED" if one.status == "WAITING" else one.status
        self._happen(work, "job.cancelled", "CANCELLED", gives_key=gives_key)

    def _ask_to_stop(self, work: Work, reason: str, *, gives_key: bool = False) -> None:
        work.cancel_requested_at, work.cancel_reason = work.cancel_requested_at or self.now, reason
        work.wait_reason = work.scheduled_at = None
        self._happen(work, "job.cancel_requested", gives_key=gives_key)

    # what comes of an end

    def note_end(self, work: Work, event: str) -> None:
        """An end, or the order to stop, is looked at later, where somebody waits for it or goes with it."""
        if work.status in ENDED and any(w.needs.get(work.id, "") is None for w in self.works.values()):
            self.unsettled.add(work.id)
        if (work.status in ("FAILED", "CANCELLED") or event == "job.cancel_requested") and self._kin(work.id):
            self.unsettled.add(work.id)

    def settle(self) -> None:
        """Who waited goes on or ends, too; children go with their parents. Until nothing more comes of it."""
        while self.unsettled:
            taken, self.unsettled = sorted(self.unsettled), set()
            ended = [self.works[id] for id in taken if self.works[id].status in ENDED]
            stopped = [
                id for id in taken
                if self.works[id].status in ("FAILED", "CANCELLED") or self.works[id].cancel_requested_at is not None
            ]  # fmt: skip
            waiting = sorted(
                {w.id for w in self.works.values() for one in ended if w.needs.get(one.id, "") is None}
            )  # fmt: skip
            for one in ended:
                for id in waiting:
                    if self.works[id].needs.get(one.id, "") is None:
                        self.works[id].needs[one.id] = one.status
            for id in waiting:
                self._release(self.works[id])
            for kin in [kin for id in stopped for kin in self._kin(id)]:
                if kin.status == "RUNNING":
                    self._ask_to_stop(kin, "its parent was stopped")
                else:
                    self._cancel_for(kin, "its parent was stopped")

    def _kin(self, parent: UUID) -> list[Work]:
        """The children that go with a parent, and have not ended or been told to stop."""
        return [
            w for w in self.works.values()
            if w.parent == parent and w.goes_with_parent and w.status not in ENDED and w.cancel_requested_at is None
        ]  # fmt: skip

    def _release(self, work: Work) -> None:
        """It goes on if what it waits for has come, and ends as its policy says if that cannot come any more."""
        if work.status != "PENDING" or work.wait_reason != "DEPENDENCY":
            return
        met = list(work.needs.values())
        bad, good, open = any(m in ("FAILED", "CANCELLED") for m in met), "COMPLETED" in met, None in met
        if work.any_need:
            goes = good or (bad and work.on_dependency == "RUN")
            stops = not goes and not open and bad
        else:
            stops = bad and work.on_dependency != "RUN"
            goes = not stops and not open
        if stops and work.on_dependency == "CANCEL":
            at, work.scheduled_at = work.scheduled_at, None
            self._cancel_for(work, "what it needs did not complete")
            work.scheduled_at = at
        elif stops:
            work.error_code, work.wait_reason = "dependency_failed", None
            self._happen(work, "job.failed", "FAILED")
        elif goes and work.scheduled_at is not None and work.scheduled_at > self.now:
            work.wait_reason = "SCHEDULE"
            self._happen(work, "job.updated", "PENDING")
        elif goes:
            self._start(work)

    # whose turn it is

    def grants(self, queue: str, types: Iterable[str], wanted: int) -> list[Work]:
        """What a worker with room enough would get: in order, and no limit is ever passed."""
        if queue in self.paused or self.all_paused:
            return []
        allowed = set(types)
        ready = [w for w in self.works.values() if w.status == "QUEUED" and w.queue == queue and w.type in allowed]
        running = [w for w in self.works.values() if w.open is not None]
        most, left = self._slots(queue, running)
        starts = min(self._starts(("WORKSPACE", "")), self._starts(("QUEUE", queue)))
        of_types = {type: self._starts(("TYPE", type)) for type in allowed}
        keys: dict[str, int] = {}
        for work in running:
            if work.key is not None:
                keys[work.key] = keys.get(work.key, 0) + 1
        granted: list[Work] = []
        for work in sorted(ready, key=lambda w: w.rank):
            if left <= 0 or len(granted) == min(wanted, starts):
                break
            if sum(one.type == work.type for one in granted) >= of_types[work.type]:
                continue
            of_type = self._left_of_type(work.type, [*running, *granted])
            if work.type not in allowed:
                continue
            if of_type is not None and work.slots > of_type:
                if work.slots <= self.limits["TYPE", work.type]:  # it is its type's turn to save up
                    allowed.discard(work.type)
                continue
            if work.key is not None:
                limit = self.limits.get(("KEY", work.key), self.limits.get(("KEY", "*"), work.key_limit))
                if keys.get(work.key, 0) >= limit:
                    continue
                keys[work.key] = keys.get(work.key, 0) + 1
            if work.slots > left:
                if work.slots <= most:
                    break  # what comes after it waits, too: else it would wait for ever
                continue
            granted.append(work)
            left -= work.slots
        return granted

    def began(self, queue: str, granted: list[Work]) -> None:
        """The rates that hold remember what started."""
        for scope, name in self.rates:
            number = sum(name in ((w.type,) if scope == "TYPE" else (queue, "")) for w in granted)
            if number:
                self.starts.setdefault((scope, name), []).append((self.now, number))

    def _starts(self, limit: tuple[str, str]) -> int:
        """How many starts a rate leaves."""
        if limit not in self.rates:
            return 1 << 31
        count, seconds = self.rates[limit]
        since = self.now - timedelta(seconds=seconds)
        return max(0, count - sum(n for at, n in self.starts.get(limit, ()) if at > since))

    def _slots(self, queue: str, running: list[Work]) -> tuple[int, int]:
        """How many slots the limits of the queue and of the workspace leave at most, and now."""
        most = left = 1 << 31
        for scope, name, of in (("WORKSPACE", "", running), ("QUEUE", queue, [w for w in running if w.queue == queue])):
            limit = self.limits.get((scope, name))
            if limit is not None:
                most = min(most, limit)
                left = min(left, limit - sum(w.slots for w in of))
        return most, left

    def _left_of_type(self, type: str, running: list[Work]) -> int | None:
        limit = self.limits.get(("TYPE", type))
        return None if limit is None else limit - sum(w.slots for w in running if w.type == type)

    # forks and redrives

    def fork(self, job: UUID, new: Work, place: int, *, after: bool, ids: list[UUID]) -> list[Part]:
        """A job like another one that has its finished steps before a place behind it; which steps of the other these are."""
        source = self.works.get(job)
        if source is None:
            raise Refused("NotFound")
        there = [part for part in source.parts.values() if part.ordinal == place]
        if not there:
            raise Refused("NotFound")
        if after and there[0].status != "COMPLETED":
            raise Refused("Conflict")
        taken = [p for p in source.parts.values() if p.ordinal < place + after and p.status == "COMPLETED"]
        self.works[new.id] = new
        self._happen(new, "job.created", "QUEUED")
        for part, id in zip(taken, ids, strict=False):
            mine = new.parts[part.key] = copy(part)
            mine.id, mine.attempt, mine.tokens = id, None, 0
        if taken:
            self._happen(new, "job.updated")
        return taken

    def asked_at(self, job: UUID, parts: list[Part]) -> dict[UUID, Question]:
        """The questions that were answered at steps of a job, by the step."""
        steps = {part.id for part in parts}
        return {q.step: q for q in self.works[job].questions.values() if q.step in steps and q.status != "WAITING"}

    def redrive(self, operation: UUID) -> tuple[set[UUID], dict[UUID, str]]:
        """All that failed before an operation is tried again, the newest first; and why the others are left as they are."""
        done: set[UUID] = set()
        skipped: dict[UUID, str] = {}
        older = [w for w in self.works.values() if w.id < operation and w.type != BULK]
        was = {w.id: w.status for w in older}
        taken = {w.holds for w in self.works.values()}
        seen: set[str] = set()
        for work in sorted(older, key=lambda w: w.id, reverse=True):
            if was[work.id] != "FAILED":
                skipped[work.id] = f"it is {was[work.id]}"
            elif work.unique_key is not None and (
                work.unique_key in seen or (work.unique_key in taken and work.holds is None)
            ):
                skipped[work.id] = "a live job has its unique key"
            else:
                self.retry(work.id)
                done.add(work.id)
            if was[work.id] == "FAILED" and work.unique_key is not None:
                seen.add(work.unique_key)
        return done, skipped
