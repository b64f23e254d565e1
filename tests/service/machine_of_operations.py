"""The part of the machine that operates: claims under limits, pauses, drains, forks, redrives, in any order and by whoever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from scene import ME, TYPE, fence_of, ids
from service.machine_of_checks import QUEUES, Checking, which
from service.pure_flow import BULK
from service.pure_nouns import Refused, Work

from jobtrail.core.bulk import Action, Order
from jobtrail.core.errors import Conflict, NotFound
from jobtrail.core.fence import Fence
from jobtrail.core.filter import Filter
from jobtrail.core.limits import LimitScope, Rate
from jobtrail.core.status import AttemptStatus, JobStatus, StepStatus
from jobtrail.service import attempts, bulk, forks, limits, queues, workers, workspaces

LIMITED = [
    (LimitScope.QUEUE, "a"),
    (LimitScope.TYPE, TYPE),
    (LimitScope.KEY, "k"),
    (LimitScope.KEY, "*"),
    (LimitScope.WORKSPACE, ""),
]
RATES = [None, None, Rate(1, 2.0), Rate(3, 3600.0)]


class Operating(Checking):
    """What it needs of the machine, and its rules."""

    stage: Any
    fences: list[Fence]
    fail: Callable[[int, timedelta | None, AttemptStatus], None]
    finish: Callable[[int, int, StepStatus], None]

    def job(self, which: int) -> UUID:
        raise NotImplementedError

    @rule(queue=st.sampled_from(QUEUES), limit=st.integers(1, 3), by=which, known=st.booleans())
    def claim(self, queue: str, limit: int, by: int, known: bool) -> None:
        worker = self.worker(by) if known or by < 10 else uuid4()
        expected = self.world.grants(queue, (TYPE,), limit)
        got = self.scene.claim(limit, queue=queue, worker=worker)
        assert {one.job_id for one in got} == {one.id for one in expected}
        self.world.began(queue, expected)
        for one in got:
            self.world.claimed(self.world.works[one.job_id], one.attempt_id, worker)
            self.fences.append(fence_of(one, worker))

    @rule(by=which)
    def claim_all(self, by: int) -> None:
        for queue in QUEUES:
            self.claim(queue, 2, by, True)

    # limits

    @rule(on=st.sampled_from(LIMITED), slots=st.sampled_from([None, 0, 1, 2, 3]), rate=st.sampled_from(RATES))
    def set_limit(self, on: tuple[LimitScope, str], slots: int | None, rate: Rate | None) -> None:
        if slots is None and (rate is None or on[0] is LimitScope.KEY):
            self.clear_limit(on)
            return
        rate = None if on[0] is LimitScope.KEY else rate
        self.scene.do(limits.set_limit(self.scene.workspace, ids.new(), *on, ME, max_slots=slots, rate=rate))
        self.world.limits.pop(on, None)
        self.world.rates.pop(on, None)
        if slots is not None:
            self.world.limits[on] = slots
        if rate is not None:
            self.world.rates[on] = (rate.count, rate.seconds)

    @rule(on=st.sampled_from(LIMITED))
    def clear_limit(self, on: tuple[LimitScope, str]) -> None:
        there = on in self.world.limits or on in self.world.rates
        try:
            self.scene.do(limits.clear(self.scene.workspace, *on, ME))
        except NotFound:
            assert not there
        else:
            assert there
        self.world.limits.pop(on, None)
        self.world.rates.pop(on, None)
        self.world.starts.pop(on, None)

    # pauses

    @rule(queue=st.sampled_from(QUEUES))
    def pause(self, queue: str) -> None:
        self.scene.do(queues.pause(self.scene.workspace, queue, ME))
        self.world.paused.add(queue)

    @precondition(lambda self: self.world.paused)
    @rule(queue=st.sampled_from(QUEUES))
    def resume(self, queue: str) -> None:
        real = queues.resume(self.scene.workspace, queue, ME)
        self.both(real, lambda: self.refused_unless(queue in self.world.paused))
        self.world.paused.discard(queue)

    @rule(on=st.booleans())
    def pause_workspace(self, on: bool) -> None:
        if on:
            assert self.scene.do(workspaces.pause(self.scene.workspace, ME)).paused_at is not None
        else:
            try:
                assert self.scene.do(workspaces.resume(self.scene.workspace, ME)).paused_at is None
            except Conflict:
                assert not self.world.all_paused
            else:
                assert self.world.all_paused
        self.world.all_paused = on

    @precondition(lambda self: self.world.all_paused)
    @rule()
    def resume_workspace(self) -> None:
        self.pause_workspace(False)

    @rule(worker=which, drain=st.booleans(), stop=st.booleans())
    def drain(self, worker: int, drain: bool, stop: bool) -> None:
        """What a worker is told; it changes nothing of the jobs, and the heartbeat says it."""
        id = self.worker(worker)
        stopped, told = self.world.holders[id].stopped, self.world.draining
        real = workers.drain(id, ME, stop=stop) if drain else workers.undrain(id, ME)
        refused = stopped or (not drain and id not in told)
        got = self.both_or_refused(real, refused=refused)
        if got is not None and drain:
            told[id] = stop
            self.stage.seen["drain"] += 1
        elif got is not None:
            told.pop(id)

    @rule(worker=which, queue=st.sampled_from([*QUEUES, "c"]), leave=st.booleans())
    def leave_queue(self, worker: int, queue: str, leave: bool) -> None:
        id = self.worker(worker)
        refused = self.world.holders[id].stopped or queue not in QUEUES
        got = self.both_or_refused(workers.leave_queue(id, queue, ME, leave=leave), refused=refused)
        if got is not None:
            left = self.world.left.setdefault(id, set())
            assert got.changed == (leave != (queue in left))
            left.add(queue) if leave else left.discard(queue)
            self.stage.seen["leave_queue"] += 1

    def both_or_refused(self, real: Any, *, refused: bool) -> Any:
        try:
            got = self.scene.do(real)
        except Conflict:
            assert refused
            return None
        assert not refused
        return got

    @staticmethod
    def refused_unless(allowed: bool) -> None:
        if not allowed:
            raise Refused("Conflict")

    # forks and redrives

    @rule(job=which, place=st.integers(1, 3), after=st.booleans())
    def fork(self, job: int, place: int, after: bool) -> None:
        if self.fences and job < 12:
            self.finish(job, 0, StepStatus.COMPLETED)
        finished = [w.id for w in self.world.works.values() if any(p.status == "COMPLETED" for p in w.parts.values())]
        id = finished[-1 - job % len(finished)] if finished and job < 15 else self.job(job)
        source = self.world.works.get(id)
        if finished and job < 12 and source is not None:  # at a place where there is something to take over
            place = next(p.ordinal for p in source.parts.values() if p.status == "COMPLETED")
            after = True
        made, new = [ids.new() for _ in range(3)], ids.new()
        if source is None or source.type == BULK:
            return
        like = self.scene.job(id)
        wanted = forks.like(like, new, b"{}")
        work = Work(
            id=new, queue=source.queue, type=source.type, unique_key=None, max_attempts=source.max_attempts,
            queue_timeout=source.queue_timeout, created_at=self.world.now, priority=source.priority, title=source.title,
            slots=source.slots, key=source.key, key_limit=source.key_limit, fork_of=id,
        )  # fmt: skip
        real = forks.fork(self.scene.workspace, wanted, forks.Point(f"#{place}", after), ME, lambda n: made[:n])
        taken: list[Any] = []

        def pure() -> forks.Forked:
            taken.extend(self.world.fork(id, work, place, after=after, ids=made))
            return forks.Forked(new, len(taken))

        if self.both(real, pure) == forks.Forked(new, len(taken)) and taken:
            self.takes_over(id, new, taken)
            self.stage.seen["fork"] += 1

    def takes_over(self, id: UUID, new: UUID, taken: list[Any]) -> None:
        """The gates of a fork have ids of their own, and the answers that were given at the others."""
        answered = self.world.asked_at(id, taken)
        mine = {part.key: part.id for part in self.world.works[new].parts.values()}
        for part in taken:
            if part.id in answered:
                said = answered[part.id]
                copied = self.gate_of(mine[part.key])
                self.world.works[new].questions[copied] = type(said)(
                    copied,
                    mine[part.key],
                    said.needed,
                    said.approvers,
                    said.expires_at,
                    said.status,
                    dict(said.decisions),
                )

    def gate_of(self, step: UUID) -> UUID:
        raise NotImplementedError

    @rule(pages=st.integers(1, 2), fails=st.booleans())
    def redrive(self, pages: int, fails: bool) -> None:
        """All that failed goes back to its queue, by an operation that runs at once and that nobody interrupts."""
        if fails and self.fences:
            self.fail(0, None, AttemptStatus.FAILED)
        if self.world.all_paused or "default" in self.world.paused:
            return
        operation = ids.new()
        order = Order(action=Action.REDRIVE, filter=Filter())
        self.scene.do(bulk.enqueue(self.scene.workspace, operation, order, ME))
        work = Work(id=operation, queue="default", type=BULK, unique_key=None, max_attempts=10, queue_timeout=None,
                    created_at=self.world.now, priority=10, title="redrive all that match")  # fmt: skip
        self.world.enqueue([work])
        worker = self.worker(0)
        got = self.scene.claim(1, queue="default", types=(BULK,), worker=worker)
        granted = self.world.grants("default", (BULK,), 1)
        assert [one.job_id for one in got] == [one.id for one in granted]
        self.world.began("default", granted)
        if not got:
            return
        fence = fence_of(got[0], worker)
        self.world.claimed(self.world.works[fence.job_id], fence.attempt_id, worker)
        self.pages(fence, pages)
        assert self.scene.do(attempts.complete([attempts.Completed(fence)])) == []
        self.world.complete([(fence.job_id, fence.attempt_id)])

    def pages(self, fence: Fence, pages: int) -> None:
        done, skipped = self.world.redrive(fence.job_id)
        told: dict[UUID, str] = {}
        count, before = 0, None
        for _ in range(50):
            page = self.scene.do(bulk.page(fence, lambda n: [ids.new() for _ in range(n)], before=before, limit=100))
            told |= {one.job_id: one.why for one in page.skipped}
            count, before = count + page.done, page.next_before
            if before is None:
                break
        assert (count, told) == (len(done), skipped), pages
        self.stage.seen["redrive"] += len(done)
        assert all(self.world.works[id].status == JobStatus.QUEUED for id in done)
