"""Budgets with real workers: children that run side by side spend no more than their tree has, and what waits goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from database import Database
from worker import budget_jobs
from worker.at_work import Scene, wait_until
from worker.at_work import scene as make_scene

import jobtrail as jt
from jobtrail.core.budget_terms import BudgetScope, Limits, OnExceeded
from jobtrail.runners.python import Isolation
from jobtrail.service.budgets import NewBudget

BOTH = pytest.mark.parametrize("isolation", ["thread", "process"])
DOLLAR = jt.Budget("1.00")


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Iterator[Scene]:
    with make_scene(database, tmp_path) as scene:
        yield scene


def children(scene: Scene, call: Any, root: UUID, n: int, **arguments: Any) -> list[UUID]:
    """Jobs below a root."""
    below = below_of(call, root)
    return scene.app.enqueue_many([below.new(**arguments) for _ in range(n)])


def below_of(call: Any, root: UUID) -> Any:
    return replace(call, options=replace(call.options, parent_id=root))


def spent(scene: Scene, root: UUID) -> Decimal:
    """By the ledger."""
    with scene.database.connect() as conn:
        row = conn.execute(
            "select coalesce(sum(u.cost_usd), 0) from jobtrail.usage u join jobtrail.jobs j on j.id = u.job_id "
            "where coalesce(j.root_id, j.id) = %s", (root,),
        ).fetchone()  # fmt: skip
    assert row is not None
    return Decimal(row[0])


def test_fifty_children_spend_a_dollar_and_the_rest_goes_on_when_people_give_more(scene: Scene) -> None:
    root = scene.app.job("root", queue="nobody", budget=DOLLAR)(budget_jobs.takes_its_time).enqueue()
    child = scene.app.job("child", reserve="0.02")(budget_jobs.spends)
    ids = children(scene, child, root.id, 55, usd="0.02")
    with ExitStack() as workers:
        for _ in range(2):
            workers.enter_context(scene.work(slots=10))
        wait_until(lambda: sum(scene.client.get(id).status == "COMPLETED" for id in ids) == 50, "fifty complete")
        wait_until(lambda: bool(scene.client.gates(waiting=True)), "somebody asks")
        assert spent(scene, root.id) == 1
        (gate,) = scene.client.gates(waiting=True)
        assert "is spent: $1.00 of $1.00" in gate.question
        waiting = [job for id in ids if (job := scene.client.get(id)).status == "PENDING"]
        assert sorted(str(job.wait_reason) for job in waiting) == ["BUDGET"] * 4 + ["GATE"]
        (tree,) = scene.client.budgets.of_job(ids[0])
        assert (tree.used_usd, tree.waiting, tree.share) == (Decimal(1), 4, 1.0)
        scene.client.decide(gate.id, approve=True, form={"limit_usd": 1.5})
        wait_until(lambda: all(scene.client.get(id).status == "COMPLETED" for id in ids), "all complete")
    assert spent(scene, root.id) == Decimal("1.1")
    assert all(scene.client.get(id).failure_count == 0 for id in ids)


@BOTH
def test_code_reserves_before_what_is_dear_and_goes_on_where_it_waited(scene: Scene, isolation: Isolation) -> None:
    job = scene.app.job("asks", isolation=isolation, budget="0.5", reserve="0.1")(budget_jobs.asks_first)
    handle = job.enqueue(usd="0.3")
    with scene.work():
        wait_until(lambda: bool(scene.client.gates(waiting=True)), "it asks")
        assert scene.client.get(handle.id).wait_reason == "GATE"
        (budget,) = scene.client.budgets.of_job(handle.id)
        scene.client.budgets.set(
            NewBudget(scope=BudgetScope.TREE, subject=str(handle.id), limits=Limits(usd=Decimal(1)))
        )
        assert handle.result(timeout=60) == "0.3", "and what it did before it asked is not done again"
    assert spent(scene, handle.id) == Decimal("0.6")
    assert budget.used_usd == Decimal("0.3")


def test_sync_code_reserves_too(scene: Scene) -> None:
    handle = scene.app.job("sync", budget="1")(budget_jobs.spends_in_a_thread).enqueue(usd="0.2")
    with scene.work():
        assert handle.result(timeout=60) == "0.2"


@BOTH
def test_a_budget_that_stops_ends_the_job_and_no_try_is_left(scene: Scene, isolation: Isolation) -> None:
    most = jt.Budget("1", on_exceeded="stop")
    handle = scene.app.job("greedy", isolation=isolation, budget=most, retry=5)(budget_jobs.overspends).enqueue()
    with scene.work():
        job = scene.ends(handle)
    assert (job.status, job.error_code, job.attempt_count) == ("FAILED", "budget_exceeded", 1)
    assert "is spent: $1.20 of $1.00" in str(job.error_message)
    assert spent(scene, handle.id) == Decimal("1.2"), "a call that costs more than was reserved is booked all the same"
    assert [told for told in scene.told(handle) if told.startswith("budget.")] == ["budget.warned", "budget.exceeded"]


def test_time_that_is_used_up_stops_code_that_says_nothing(scene: Scene) -> None:
    most = jt.Budget(wall=0.3, on_exceeded="stop")
    handle = scene.app.job("slow", budget=most)(budget_jobs.takes_its_time).enqueue()
    with scene.work():
        job = scene.ends(handle)
    assert (job.status, job.error_code) == ("FAILED", "budget_exceeded")


def test_when_a_budget_stops_all_who_run_under_it_are_cancelled(scene: Scene) -> None:
    other = scene.app.job("slow", queue="slow")(budget_jobs.takes_its_time).enqueue()
    new = NewBudget(scope=BudgetScope.WORKSPACE, subject="", limits=Limits(usd=Decimal(1)), on_exceeded=OnExceeded.STOP)
    scene.client.budgets.set(new)
    greedy = scene.app.job("greedy", reserve="0.1")(budget_jobs.overspends)
    with scene.work(queues=("default", "slow")):
        scene.until(other, "RUNNING")
        assert scene.ends(greedy.enqueue()).status in ("FAILED", "CANCELLED")
        job = scene.ends(other)
    assert job.status == "CANCELLED" and "is spent" in str(job.cancel_reason)


def test_a_worker_that_is_killed_gives_back_what_its_job_did_not_use(scene: Scene) -> None:
    new = NewBudget(scope=BudgetScope.WORKSPACE, subject="", limits=Limits(usd=Decimal(1)))
    around = scene.client.budgets.set(new)
    handle = scene.app.job("mortal", reserve="0.6")(budget_jobs.spends_and_kills_its_worker).enqueue()
    worker = subprocess.Popen([sys.executable, budget_jobs.__file__, scene.database.app_url, str(scene.folder)])
    assert worker.wait(60) == -signal.SIGKILL
    held = scene.client.budgets.get(around.id)
    assert (held.used_usd, held.held_usd) == (Decimal("0.3"), Decimal("0.3")), "until it is known that it is dead"
    with scene.work():
        assert handle.result(timeout=60) == 2, "it needs 0.6 of the 0.7 that are left, and gets them"
    after = scene.client.budgets.get(around.id)
    assert (after.used_usd, after.held_usd) == (Decimal("0.4"), Decimal(0)), "and what the lost attempt used counts"
