"""Budgets on the real database: what is reserved, what waits, what is asked, and that nothing is given twice."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from database import Clock
from scene import ME, Scene, fence_of, ids, new_job
from service.people import person

from jobtrail.core.budget import BudgetStanding
from jobtrail.core.budget_terms import Budget, BudgetPeriod, BudgetScope, Limits, OnExceeded
from jobtrail.core.errors import Denied, NotFound
from jobtrail.core.fence import Fence
from jobtrail.core.model import Actor
from jobtrail.core.scopes import Role
from jobtrail.core.status import ActorType, JobStatus, WaitReason
from jobtrail.service import administration, attempts, budgets, gates, jobs, reserving, usage, workers
from jobtrail.service.budgets import NewBudget
from jobtrail.service.reserving import Permit


def set_budget(
    scene: Scene, scope: BudgetScope = BudgetScope.WORKSPACE, subject: object = "", usd: str = "1", **more: object
) -> BudgetStanding:
    limits = Limits(usd=Decimal(usd), **{key: more.pop(key) for key in ("tokens", "seconds") if key in more})  # type: ignore[arg-type]
    new = NewBudget(scope=scope, subject=str(subject), limits=limits, **more)  # type: ignore[arg-type]
    return scene.do(budgets.set_(scene.workspace, new, ME)).budget


def spend(scene: Scene, fence: Fence, usd: str | None, number: int = 1, tokens: int = 0) -> bool | None:
    call = usage.Call(provider="p", model="m", output_tokens=tokens, cost_usd=None if usd is None else Decimal(usd))
    return scene.do(reserving.use(fence, number, call))


def now(scene: Scene, id: UUID) -> BudgetStanding:
    [found] = scene.do(budgets.standing(scene.workspace, [id]))
    return found


def begin(scene: Scene, usd: str | None = None, **wanted: object) -> tuple[Fence, Permit]:
    fence = scene.start(**wanted)  # type: ignore[arg-type]
    return fence, scene.do(reserving.reserve(fence, usd=None if usd is None else Decimal(usd)))


def test_fifty_children_spend_no_more_than_the_dollar_of_their_tree_and_the_next_one_asks(scene: Scene) -> None:
    root = scene.enqueue(queue="root")
    tree = set_budget(scene, BudgetScope.TREE, root)
    running = [begin(scene, "0.02", parent_id=root) for _ in range(50)]
    assert all(permit.grant.usd == Decimal("0.02") for _, permit in running)
    late, waits = begin(scene, "0.02", parent_id=root)
    assert waits.waits == tree.id, "all is reserved, nothing is spent: it waits, and nobody is asked"
    assert scene.job(late.job_id).wait_reason == WaitReason.BUDGET
    for fence, _ in running:
        assert spend(scene, fence, "0.02") is False
        scene.complete(fence)
    assert scene.do(budgets.stir(scene.workspace, tree.id)) == ["default"]
    again = scene.again(late.job_id)
    asked = scene.do(reserving.reserve(again, usd=Decimal("0.02"))).waits
    assert asked is not None and scene.job(late.job_id).wait_reason == WaitReason.GATE
    spent = now(scene, tree.id)
    assert (spent.used_usd, spent.held_usd, spent.gate_id) == (Decimal(1), Decimal(0), asked)
    scene.do(gates.decide(scene.workspace, asked, ME, approve=True, form='{"limit_usd": 2}'))
    permit = scene.do(reserving.reserve(scene.again(late.job_id), usd=Decimal("0.02")))
    assert permit.grant.usd == Decimal("0.02")
    assert now(scene, tree.id).limit_usd == 2


def test_a_declared_reserve_of_the_job_is_what_its_attempt_holds(scene: Scene) -> None:
    spent = set_budget(scene)
    _, permit = begin(scene, reserve_usd=Decimal("0.3"))
    assert permit.grant.usd == Decimal("0.3")
    assert now(scene, spent.id).held_usd == Decimal("0.3")


def test_who_does_not_say_what_it_needs_holds_a_tenth_and_then_what_is_left(scene: Scene) -> None:
    spent = set_budget(scene)
    holds = [begin(scene)[1].grant.usd for _ in range(10)]
    assert holds == [Decimal("0.1")] * 10
    assert begin(scene)[1].waits == spent.id


def test_what_is_used_beyond_the_hold_is_held_as_well_while_there_is_some(scene: Scene) -> None:
    spent = set_budget(scene)
    fence, _ = begin(scene, "0.1")
    assert spend(scene, fence, "0.25") is False
    standing = now(scene, spent.id)
    assert (standing.used_usd, standing.held_usd) == (Decimal("0.25"), Decimal("0.1"))


def test_who_used_more_than_it_held_and_finds_nothing_left_is_told(scene: Scene) -> None:
    spent = set_budget(scene)
    fence, _ = begin(scene, "0.1")
    other, _ = begin(scene, "0.9")
    assert spend(scene, other, "0.9") is False, "it is within what it held, and is left alone"
    assert spend(scene, fence, "0.15") is True
    asked = scene.do(reserving.reserve(fence)).waits
    assert asked == now(scene, spent.id).gate_id
    assert scene.job(fence.job_id).wait_reason == WaitReason.GATE


def test_an_attempt_that_is_lost_gives_back_what_it_did_not_use(scene: Scene, clock: Clock) -> None:
    spent = set_budget(scene)
    fence, _ = begin(scene, "1")
    spend(scene, fence, "0.2")
    late, permit = begin(scene, "0.5")
    assert permit.waits == spent.id
    clock.advance(seconds=600)
    assert scene.do(workers.rescue())
    assert now(scene, spent.id).held_usd == 0
    assert scene.do(budgets.stir(scene.workspace, spent.id)) == ["default"]
    assert scene.job(late.job_id).status == JobStatus.QUEUED
    assert now(scene, spent.id).used_usd == Decimal("0.2"), "what the lost attempt used counts"


def test_waiting_for_a_budget_uses_no_try_and_holds_no_slot(scene: Scene) -> None:
    set_budget(scene)
    begin(scene, "1")
    late, _ = begin(scene, "0.5")
    job = scene.job(late.job_id)
    assert (job.status, job.failure_count) == (JobStatus.PENDING, 0)
    assert [one.status for one in scene.do(attempts.listed(scene.workspace, late.job_id))] == ["INTERRUPTED"]


def test_raising_the_budget_answers_the_question_and_lets_all_go_on(scene: Scene) -> None:
    spent = set_budget(scene)
    first, _ = begin(scene, "1")
    spend(scene, first, "1")
    asker, _ = begin(scene, "0.1")
    later = [begin(scene, "0.1")[0] for _ in range(3)]
    gate = now(scene, spent.id).gate_id
    assert gate is not None and scene.job(asker.job_id).wait_reason == WaitReason.GATE
    assert all(scene.job(one.job_id).wait_reason == WaitReason.BUDGET for one in later)
    assert now(scene, spent.id).waiting == 3
    set_budget(scene, usd="2")
    decided = scene.do(gates.get(scene.workspace, gate))
    assert decided is not None and decided.status == "APPROVED"
    assert all(scene.job(one.job_id).status == JobStatus.QUEUED for one in (asker, *later))
    standing = now(scene, spent.id)
    assert (standing.limit_usd, standing.gate_id, standing.waiting) == (Decimal(2), None, 0)


def test_an_approval_without_a_number_gives_half_as_much_again(scene: Scene) -> None:
    spent = set_budget(scene)
    first, _ = begin(scene, "1")
    spend(scene, first, "1")
    asker, permit = begin(scene, "0.1")
    assert permit.waits is not None
    scene.do(gates.decide(scene.workspace, permit.waits, ME, approve=True, as_owner=True))
    assert scene.do(reserving.reserve(scene.again(asker.job_id), usd=Decimal("0.1"))).waits is None
    assert now(scene, spent.id).limit_usd == Decimal("1.5")


def test_who_may_set_no_budget_may_not_raise_one_by_an_answer_but_that_of_a_job(scene: Scene) -> None:
    for name, role in (("ann", Role.OPERATOR), ("bob", Role.ADMIN)):
        person(scene, name, role)
    ann, bob = (Actor(ActorType.USER, f"{name}@example.org") for name in ("ann", "bob"))
    spent = set_budget(scene)
    spend(scene, begin(scene, "1")[0], "1")
    asked = begin(scene, "0.1")[1].waits
    assert asked is not None
    with pytest.raises(Denied, match="role:ADMIN"):
        scene.do(gates.decide(scene.workspace, asked, ann, approve=True, form='{"limit_usd": 1000}'))
    scene.do(gates.decide(scene.workspace, asked, bob, approve=True, form='{"limit_usd": 3}'))
    scene.do(budgets.stir(scene.workspace, spent.id))
    assert now(scene, spent.id).limit_usd == 3
    job = scene.enqueue(queue="own")
    own = set_budget(scene, BudgetScope.TREE, job)
    fence = scene.again(job)
    spend(scene, fence, "1")
    asked = scene.do(reserving.reserve(fence, usd=Decimal("0.1"))).waits
    assert asked is not None
    scene.do(gates.decide(scene.workspace, asked, ann, approve=True, form='{"limit_usd": 2}'))
    scene.do(budgets.stir(scene.workspace, own.id))
    scene.do(reserving.reserve(scene.again(job), usd=Decimal("0.1")))
    assert now(scene, own.id).limit_usd == 2


def test_a_no_fails_who_asked_and_who_waits_until_the_budget_is_raised(scene: Scene) -> None:
    spent = set_budget(scene)
    first, _ = begin(scene, "1")
    spend(scene, first, "1")
    asker, permit = begin(scene, "0.1")
    later, _ = begin(scene, "0.1")
    assert permit.waits is not None
    scene.do(gates.decide(scene.workspace, permit.waits, ME, approve=False, as_owner=True))
    again = scene.again(asker.job_id)
    refused = scene.do(reserving.reserve(again, usd=Decimal("0.1"))).refused
    assert refused is not None and "people did not raise it" in refused
    scene.do(budgets.stir(scene.workspace, spent.id))
    assert "did not raise" in str(scene.do(reserving.reserve(scene.again(later.job_id))).refused)
    set_budget(scene, usd="2")
    assert begin(scene, "0.1")[1].grant.usd == Decimal("0.1")


def test_a_question_that_is_cancelled_is_asked_by_the_next_one_that_waits(scene: Scene) -> None:
    spent = set_budget(scene)
    first, _ = begin(scene, "1")
    spend(scene, first, "1")
    asker, _ = begin(scene, "0.1")
    later, _ = begin(scene, "0.1")
    scene.do(jobs.cancel(scene.workspace, asker.job_id, ME))
    scene.do(budgets.stir(scene.workspace, spent.id))
    assert scene.job(later.job_id).status == JobStatus.QUEUED
    scene.do(reserving.reserve(scene.again(later.job_id), usd=Decimal("0.1")))
    assert scene.job(later.job_id).wait_reason == WaitReason.GATE


def test_a_budget_that_stops_fails_who_comes_and_cancels_who_runs(scene: Scene) -> None:
    spent = set_budget(scene, on_exceeded=OnExceeded.STOP)
    runs, _ = begin(scene, "0.5")
    other, _ = begin(scene, "0.5")
    spend(scene, other, "1.2")
    assert "is spent: $1.20 of $1.00" in str(begin(scene, "0.1")[1].refused)
    assert scene.do(budgets.stirring()) == [(scene.workspace, spent.id)]
    assert scene.do(budgets.stop_running(scene.workspace, spent.id)) == 2
    job = scene.job(runs.job_id)
    assert job.cancel_requested_at is not None and "is spent" in str(job.cancel_reason)
    assert scene.do(budgets.stop_running(scene.workspace, spent.id)) == 0


def test_people_are_told_once_that_it_is_nearly_spent_and_once_that_it_is(scene: Scene) -> None:
    set_budget(scene)
    fence, _ = begin(scene, "1")
    for number, usd in enumerate(("0.7", "0.1", "0.1", "0.1"), 1):
        spend(scene, fence, usd, number)
    told = [event.type for event in scene.events(fence.job_id) if event.type.startswith("budget.")]
    assert told == ["budget.warned", "budget.exceeded"]


def test_a_month_that_turns_gives_all_of_it_again(scene: Scene, clock: Clock) -> None:
    spent = set_budget(scene, period=BudgetPeriod.MONTH)
    fence, _ = begin(scene, "1")
    spend(scene, fence, "1")
    scene.complete(fence)
    asker, permit = begin(scene, "0.1")
    later, _ = begin(scene, "0.1")
    gate = scene.do(gates.get(scene.workspace, permit.waits)) if permit.waits else None
    assert gate is not None and gate.expires_at == now(scene, spent.id).period_ends_at
    at = scene.job(later.job_id).scheduled_at
    assert at is not None and gate.expires_at is not None and abs(at - gate.expires_at) < timedelta(milliseconds=2)
    clock.advance(seconds=32 * 86_400)
    turned = now(scene, spent.id)
    assert (turned.used_usd, turned.warned_at) == (Decimal(0), None)
    scene.do(budgets.stir(scene.workspace, spent.id))
    assert scene.job(later.job_id).status == JobStatus.QUEUED
    scene.do(gates.expire())
    assert scene.job(asker.job_id).status == JobStatus.QUEUED
    for one in scene.claim(2):
        assert scene.do(reserving.reserve(fence_of(one, scene.worker), usd=Decimal("0.1"))).grant.usd == Decimal("0.1")


def test_a_call_of_unknown_price_counts_as_what_was_reserved_for_it(scene: Scene) -> None:
    spent = set_budget(scene)
    fence, _ = begin(scene, "0.4")
    spend(scene, fence, None, tokens=10)
    scene.complete(fence)
    other, _ = begin(scene, "0.1")
    scene.complete(other)
    begin(scene, "0.1")
    standing = now(scene, spent.id)
    assert (standing.used_usd, standing.held_usd, standing.unpriced_calls) == (Decimal(0), Decimal("0.5"), 1)


def test_tokens_are_held_as_money_is(scene: Scene) -> None:
    spent = set_budget(scene, usd="100", tokens=1000)
    fence = scene.start()
    assert scene.do(reserving.reserve(fence, tokens=900)).grant.tokens == 900
    late = scene.start()
    assert scene.do(reserving.reserve(late, tokens=200)).waits == spent.id
    spend(scene, fence, "0", tokens=300)
    scene.complete(fence)
    scene.do(budgets.stir(scene.workspace, spent.id))
    assert scene.do(reserving.reserve(scene.again(late.job_id), tokens=200)).grant.tokens == 200


def test_time_that_attempts_took_is_counted_and_stops(scene: Scene, clock: Clock) -> None:
    spent = set_budget(scene, usd="100", seconds=100.0, on_exceeded=OnExceeded.STOP)
    fence, permit = begin(scene)
    assert permit.grant.seconds == 100
    clock.advance(seconds=60)
    scene.complete(fence)
    other, permit = begin(scene)
    assert permit.grant.seconds == 40
    assert now(scene, spent.id).used_seconds == pytest.approx(60)
    clock.advance(seconds=41)
    refused = scene.do(reserving.reserve(other)).refused
    assert refused is not None and "1m41s of 1m40s" in refused


def test_each_attempt_of_a_job_may_have_its_own_budget(scene: Scene) -> None:
    id = scene.enqueue()
    set_budget(scene, BudgetScope.ATTEMPT, id, usd="0.5")
    first = scene.again(id)
    assert scene.do(reserving.reserve(first, usd=Decimal("0.5"))).grant.usd == Decimal("0.5")
    spend(scene, first, "0.5")
    scene.fail(first, retry_in=None)
    scene.do(jobs.retry(scene.workspace, id, ME))
    assert scene.do(reserving.reserve(scene.again(id), usd=Decimal("0.5"))).grant.usd == Decimal("0.5")


def test_a_new_budget_counts_what_was_used_before_and_holds_who_runs(scene: Scene) -> None:
    done, running = scene.start(), scene.start()
    spend(scene, done, "0.3")
    spend(scene, running, "0.2")
    scene.complete(done)
    spent = set_budget(scene)
    standing = now(scene, spent.id)
    assert (standing.used_usd, standing.running) == (Decimal("0.5"), 1)
    spend(scene, running, "0.1", 2)
    assert now(scene, spent.id).used_usd == Decimal("0.6")


def test_a_budget_that_is_cleared_lets_all_go_on(scene: Scene) -> None:
    spent = set_budget(scene)
    first, _ = begin(scene, "1")
    spend(scene, first, "1")
    asker, _ = begin(scene, "0.1")
    later, _ = begin(scene, "0.1")
    scene.do(budgets.clear(scene.workspace, spent.id, ME))
    assert all(scene.job(one.job_id).status == JobStatus.QUEUED for one in (asker, later))
    with pytest.raises(NotFound):
        scene.do(budgets.get(scene.workspace, spent.id))


def test_what_a_budget_is_for_must_be_there(scene: Scene) -> None:
    for scope in (BudgetScope.TREE, BudgetScope.TASK, BudgetScope.PROJECT):
        with pytest.raises(NotFound, match="there is no"):
            set_budget(scene, scope, ids.new())


def test_a_job_that_is_to_be_cancelled_does_not_wait_instead(scene: Scene) -> None:
    set_budget(scene)
    begin(scene, "1")
    fence = scene.start()
    scene.do(jobs.cancel(scene.workspace, fence.job_id, ME))
    assert scene.do(reserving.reserve(fence, usd=Decimal("0.5"))).waits is None
    assert scene.job(fence.job_id).status == JobStatus.RUNNING


def test_who_sets_and_clears_a_budget_is_recorded(scene: Scene) -> None:
    spent = set_budget(scene, usd="3")
    scene.do(budgets.clear(scene.workspace, spent.id, ME))
    cleared, made = scene.do(administration.listed(scene.workspace))[:2]
    assert (made.type, made.actor_id, made.payload["usd"]) == ("budget.set", "me", "3")
    assert (cleared.type, cleared.subject_id) == ("budget.cleared", str(spent.id))


def test_a_look_at_the_time_takes_no_money_and_needs_none(scene: Scene, clock: Clock) -> None:
    spent = set_budget(scene, seconds=100.0)
    fence, _ = begin(scene, "0.6")
    begin(scene, "0.4")
    spend(scene, fence, "0.6")
    clock.advance(seconds=20)
    permit = scene.do(reserving.reserve(fence, look=True))
    assert (permit.waits, permit.refused, permit.grant.seconds) == (None, None, 30)
    assert now(scene, spent.id).held_usd == Decimal("0.4")
    clock.advance(seconds=31)
    assert scene.do(reserving.reserve(fence, look=True)).waits is not None, "two attempts took 51 s each"


def test_a_budget_that_a_job_was_accepted_with_comes_with_its_rerun(scene: Scene) -> None:
    first = scene.enqueue(budget=Budget("2.50", warn_at=0.5, on_exceeded="stop"), reserve_usd=Decimal("0.5"))
    again = jobs.again(scene.job(first), ids.new(), b"{}")
    second = scene.do(jobs.enqueue(scene.workspace, [again], ME)).ids[0]
    (budget,) = scene.do(budgets.of_job(scene.workspace, second))
    assert (budget.subject, budget.limit_usd, budget.on_exceeded) == (str(second), Decimal("2.5"), "STOP")
    assert scene.job(second).reserve_usd == Decimal("0.5")


def test_a_repeated_enqueue_makes_no_second_budget(scene: Scene) -> None:
    new = new_job(budget=Budget("1"))
    for _ in range(2):
        scene.do(jobs.enqueue(scene.workspace, [new], ME))
    held = scene.enqueue(budget=Budget("1"), unique_key="k")
    assert scene.enqueue(budget=Budget("9"), unique_key="k") == held
    found = [one.limit_usd for id in (new.id, held) for one in scene.do(budgets.of_job(scene.workspace, id))]
    assert found == [Decimal(1), Decimal(1)]
