"""The part of the machine in which attempts reserve and spend tokens of a budget: never more than there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from scene import ME
from service.machine_of_checks import which
from service.machine_of_waits import Waiting
from service.pure_nouns import Work

from jobtrail.core.budget_terms import BudgetPeriod, BudgetScope, Limits, OnExceeded
from jobtrail.core.errors import StaleAttempt
from jobtrail.core.status import WaitReason
from jobtrail.service import budgets, reserving, usage
from jobtrail.service.budgets import NewBudget

TOLD = ("budget.warned", "budget.exceeded")
HELD = b"""
select coalesce(sum(greatest(h.tokens - coalesce((select sum(u.input_tokens + u.output_tokens) from jobtrail.usage u
  where u.workspace_id = h.workspace_id and u.job_id = h.job_id and u.attempt_id = h.attempt_id), 0), 0)), 0)
from jobtrail.budget_holds h join jobtrail.attempts a on a.workspace_id = h.workspace_id and a.job_id = h.job_id
  and a.id = h.attempt_id and a.ended_at is null"""
USED = b"select coalesce(sum(input_tokens + output_tokens), 0) from jobtrail.usage"


class Spending(Waiting):
    """What it needs of the machine, and its rules."""

    complete: Callable[[int, int], None]

    def __init__(self) -> None:
        super().__init__()
        self.budget: UUID | None = None
        self.most = 0

    @rule(tokens=st.sampled_from([20, 60, 200]))
    def set_budget(self, tokens: int) -> None:
        wanted = NewBudget(scope=BudgetScope.WORKSPACE, subject="", limits=Limits(tokens=tokens), warn_at=1.0,
                           period=BudgetPeriod.TOTAL, on_exceeded=OnExceeded.STOP)  # fmt: skip
        self.budget = self.scene.do(budgets.set_(self.scene.workspace, wanted, ME)).budget.id
        self.most = tokens
        self.resumed()

    @precondition(lambda self: self.fences)
    @rule(fence=which, tokens=st.sampled_from([5, 10, 15, 60]))
    def reserve(self, fence: int, tokens: int) -> None:
        """What is granted was there: nothing that is used, and nothing that another open attempt holds."""
        if self.budget is None:
            self.set_budget(60)
        f = self.pick(fence)
        work = self.world.held(f.job_id, f.attempt_id)
        try:
            permit = self.scene.do(reserving.reserve(f, tokens=tokens))
        except StaleAttempt:
            assert work is None
            return
        assert work is not None
        self.hear_of(work)
        if permit.waits is not None:
            assert not work.cancel_requested_at, "what is to stop must not wait instead"
            self.world.suspend(f.job_id, f.attempt_id, "job.waiting", WaitReason.BUDGET, None)
            self.stage.seen["waits for a budget"] += 1
        elif permit.refused is None and not work.cancel_requested_at:
            assert self.number(USED) + self.number(HELD) <= self.most, "more was granted than there is"
            self.stage.seen["reserved"] += 1

    @precondition(lambda self: self.fences)
    @rule(by=which)
    def two_want_all_of_it(self, by: int) -> None:
        """The second one waits, and goes on when the first has given back what it did not use."""
        self.claim_all(by)
        self.set_budget(200)
        for fence in (0, 1):
            self.reserve(fence, 60)
            self.reserve(fence, 200)
        self.complete(0, 2)
        self.stir()

    @precondition(lambda self: self.budget is not None and self.fences)
    @rule(fence=which, number=st.integers(3, 4), tokens=st.sampled_from([3, 9]))
    def use(self, fence: int, number: int, tokens: int) -> None:
        f = self.pick(fence)
        work = self.world.held(f.job_id, f.attempt_id)
        call = usage.Call(provider="p", model="m", output_tokens=tokens)
        over = self.scene.do(reserving.use(f, number, call))
        assert (over is None) == (work is None)
        if work is not None:
            self.world.book(f.job_id, f.attempt_id, number, None, tokens)
            self.hear_of(work)

    @precondition(lambda self: self.budget is not None)
    @rule()
    def stir(self) -> None:
        assert self.budget is not None
        self.scene.do(budgets.stir(self.scene.workspace, self.budget))
        self.resumed()

    def hear_of(self, work: Work) -> None:
        """That a budget is nearly spent, or is, the trail of the job that met it tells; nothing else was told."""
        for event, _ in self.trail_of(work.id)[work.version :]:
            if event in TOLD:
                self.world._happen(work, event)

    def resumed(self) -> None:
        """Who waited for it may go on; who did not wait for it stays as it is."""
        for work in self.world.works.values():
            if (work.status, work.wait_reason) == ("PENDING", "BUDGET") and len(self.trail_of(work.id)) > work.version:
                work.wait_reason = work.scheduled_at = None
                self.world._happen(work, "job.resumed", "QUEUED")
                self.stage.seen["resumed by a budget"] += 1

    def trail_of(self, id: UUID) -> list[Any]:
        rows = "select type, status::text from jobtrail.events where job_id = %s order by seq"
        return list(self.stage.admin.execute(rows, (id,)).fetchall())

    def number(self, query: bytes) -> int:
        row = self.stage.admin.execute(query).fetchone()
        assert row is not None
        return int(row[0])
