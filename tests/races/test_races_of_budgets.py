"""Many reserve of one budget at once, at its very edge, while some die: what is used and held is never above the limit."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from decimal import Decimal
from uuid import UUID

import pytest
from database import Database
from scene import ME, Scene, fence_of

from jobtrail.core.budget_terms import BudgetScope, Limits
from jobtrail.service import attempts, budgets, jobs, reserving, usage
from jobtrail.service.budgets import NewBudget

DEEP = os.environ.get("JOBTRAIL_DEEP") == "1"
HANDS = 8
JOBS = 400 if DEEP else 60
LIMIT = Decimal(1)


@contextmanager
def hand(database: Database) -> Iterator[Scene]:
    """A worker with a connection of its own."""
    with closing(database.connect()) as conn:
        yield Scene(conn)


def set_limit(scene: Scene, root: UUID, usd: Decimal = LIMIT) -> UUID:
    new = NewBudget(scope=BudgetScope.TREE, subject=str(root), limits=Limits(usd=usd))
    return scene.do(budgets.set_(scene.workspace, new, ME)).budget.id


def booked(scene: Scene, root: UUID) -> Decimal:
    """By the ledger itself."""
    row = scene.conn.execute(
        "select coalesce(sum(u.cost_usd), 0) from jobtrail.usage u join jobtrail.jobs j on j.id = u.job_id "
        "where j.root_id = %s or j.id = %s", (root, root),
    ).fetchone()  # fmt: skip
    assert row is not None
    return Decimal(row[0])


def watch(database: Database, ids: list[UUID], over: threading.Event) -> list[Decimal]:
    """What was used and held together, whenever it was above a limit."""
    above: list[Decimal] = []
    with hand(database) as us:
        while not over.is_set():
            found = us.do(budgets.standing(us.workspace, ids))
            together = [(one.used_usd + one.held_usd, one.limit_usd) for one in found]
            above += [amount for amount, limit in together if limit is None or amount > limit]
    return above


def work(database: Database, dice: random.Random) -> None:
    """Claims, reserves, uses up to what it reserved, and ends well, badly, or not at all: as one that was killed."""
    with hand(database) as us:
        while claimed := us.claim():
            fence = fence_of(claimed[0], us.worker)
            wish = Decimal(dice.randint(1, 9)) / 100
            permit = us.do(reserving.reserve(fence, usd=wish))
            if permit.waits is not None:
                us.do(budgets.stir(us.workspace, permit.waits))
                continue
            call = usage.Call(provider="p", model="m", cost_usd=wish * dice.randint(0, 4) / 4)
            assert us.do(reserving.use(fence, 1, call)) is False
            if dice.random() < 0.5 and us.do(reserving.reserve(fence, usd=wish)).waits is not None:
                continue
            if dice.random() < 0.4:
                us.complete(fence)
            elif dice.random() < 0.7:
                us.fail(fence)
            else:
                us.do(attempts.interrupt([fence]))


@pytest.mark.parametrize("seed", range(3 if DEEP else 1))
def test_what_many_reserve_at_once_is_never_above_the_limit(database: Database, scene: Scene, seed: int) -> None:
    root = scene.enqueue(queue="root")
    tree = set_limit(scene, root)
    other = NewBudget(scope=BudgetScope.WORKSPACE, subject="", limits=Limits(usd=Decimal("0.9")))
    wide = scene.do(budgets.set_(scene.workspace, other, ME)).budget.id
    scene.enqueue_many(JOBS, parent_id=root)
    over = threading.Event()
    with ThreadPoolExecutor(HANDS + 1) as pool:
        watching = pool.submit(watch, database, [tree, wide], over)
        try:
            for done in [pool.submit(work, database, random.Random(seed * 100 + n)) for n in range(HANDS)]:
                done.result(timeout=240)
        finally:
            over.set()
        assert watching.result(timeout=60) == []
    assert booked(scene, root) <= Decimal("0.9")
    for one in scene.do(budgets.standing(scene.workspace, [tree, wide])):
        assert one.used_usd == booked(scene, root), "what a budget counts is what the ledger says"


def test_raising_and_ending_at_once_leave_nobody_waiting(database: Database, scene: Scene) -> None:
    root = scene.enqueue(queue="root")
    tree = set_limit(scene, root)
    ids = scene.enqueue_many(JOBS, parent_id=root)
    last = LIMIT + Decimal(JOBS)

    def take() -> None:
        with hand(database) as us:
            while claimed := us.claim():
                fence = fence_of(claimed[0], us.worker)
                if us.do(reserving.reserve(fence, usd=Decimal("0.2"))).waits is None:
                    us.do(reserving.use(fence, 1, usage.Call(provider="p", model="m", cost_usd=Decimal("0.2"))))
                    us.complete(fence)

    def lift() -> None:
        with hand(database) as us:
            for raised in range(1, JOBS, 3):
                set_limit(us, root, LIMIT + Decimal(raised) / 10)
                us.do(budgets.stir(us.workspace, tree))

    with ThreadPoolExecutor(HANDS) as pool:
        for done in [pool.submit(lift), *(pool.submit(take) for _ in range(HANDS - 2))]:
            done.result(timeout=240)
    set_limit(scene, root, last)
    scene.do(budgets.stir(scene.workspace, tree))
    take()
    ended = [scene.do(jobs.get(scene.workspace, id)) for id in ids]
    assert {one.status for one in ended if one is not None} == {"COMPLETED"}
    assert booked(scene, root) == Decimal("0.2") * JOBS


def test_who_begins_to_wait_anew_is_not_forgotten(database: Database, scene: Scene) -> None:
    """What an earlier wait left behind is swept away while the same job begins to wait once more."""
    root = scene.enqueue(queue="root")
    set_limit(scene, root)
    _, waiting = scene.enqueue_many(2, parent_id=root)
    for _ in range(2):
        scene.do(reserving.reserve(fence_of(scene.claim()[0], scene.worker), usd=LIMIT))
    scene.do(jobs.start_now(scene.workspace, waiting, ME))
    again = fence_of(scene.claim()[0], scene.worker)
    with hand(database) as us, ThreadPoolExecutor(1) as pool:
        with us.conn.transaction():
            assert us.do(reserving.reserve(again, usd=LIMIT)).waits is not None
            swept = pool.submit(scene.do, budgets.forget_waits())
            wait_for_one_that_waits(database, swept)
        swept.result(timeout=60)
    set_limit(scene, root, 2 * LIMIT)
    assert scene.job(waiting).status == "QUEUED"


def wait_for_one_that_waits(database: Database, work: Future[None]) -> None:
    """Until it waits for a lock, or has ended without."""
    never = threading.Event()
    with closing(database.as_admin()) as admin:
        while not work.done():
            waits = "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
            if admin.execute(waits).fetchone() is not None:
                return
            never.wait(0.01)
