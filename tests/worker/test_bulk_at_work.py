"""Bulk operations from end to end: a worker does them page by page, and what it did before a crash is not done again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from database import Database
from worker.at_work import Scene, wait_until
from worker.at_work import scene as make_scene

from jobtrail.core.bulk import TYPE, Action, BulkPage, Order
from jobtrail.core.filter import Filter
from jobtrail.core.model import Job
from jobtrail.core.status import FINAL, JobStatus
from jobtrail.runners import registry
from jobtrail.runners.protocol import Assignment
from jobtrail.service import bulk
from jobtrail.service.jobs import NewJob, Options
from jobtrail.store.identity import new_id
from jobtrail.worker import hand


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Iterator[Scene]:
    with make_scene(database, tmp_path) as scene:
        for runner in registry.load((TYPE,)).values():
            scene.app.add(runner)

        yield scene


def enqueued(scene: Scene, n: int, **options: Any) -> list[UUID]:
    """Jobs of a type that nobody here works on, so that only the operation moves them."""
    options = {"type": "elsewhere", "queue": "elsewhere", **options}
    wanted = [NewJob(new_id(), b"{}", Options(**options)) for _ in range(n)]
    return list(scene.client.enqueue_all(wanted).ids)


def order(scene: Scene, wanted: Order) -> UUID:
    return scene.client.run(bulk.enqueue(scene.client.workspace, new_id(), wanted, scene.client.actor))


def ended(scene: Scene, operation: UUID) -> tuple[Job, Any]:
    wait_until(lambda: scene.client.get(operation).status in FINAL, "the operation ends")
    result = scene.client.result(operation)
    return scene.client.get(operation), result and result.output


def test_an_operation_is_a_job_that_tells_what_it_did(scene: Scene) -> None:
    wanted, over = enqueued(scene, 1_203), enqueued(scene, 2)
    for id in over:
        scene.client.cancel(id)
    operation = order(scene, Order(action=Action.CANCEL, filter=Filter(types=("elsewhere",)), reason="too dear"))
    with scene.work():
        job, account = ended(scene, operation)
    assert (job.status, job.progress) == ("COMPLETED", 100.0)
    assert job.stage == "1\u202f203 done, 2 skipped, of 1\u202f205"
    assert account == {
        "done": 1_203,
        "skipped": 2,
        "why": {"it is CANCELLED": 2},
        "skipped_jobs": [{"job_id": str(id), "why": "it is CANCELLED"} for id in reversed(over)],
    }
    assert [step.key for step in scene.client.steps(operation)] == ["count", "page", "page#2", "page#3"]
    assert {scene.client.get(id).cancel_reason for id in (wanted[0], wanted[600], wanted[-1])} == {"too dear"}
    assert scene.client.list_jobs(Filter(statuses=(JobStatus.QUEUED,))) == []


def test_an_operation_that_lost_its_worker_goes_on_after_the_last_page(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueued(scene, 6)
    operation = order(scene, Order(action=Action.RERUN, filter=Filter(types=("elsewhere",))))
    monkeypatch.setattr("jobtrail.core.bulk.PAGE", 2)
    seen: list[UUID | None] = []
    page = hand.LocalHand.page

    async def breaks(self: hand.LocalHand, assignment: Assignment, before: UUID | None) -> BulkPage:
        seen.append(before)
        done = await page(self, assignment, before)
        if len(seen) == 2:
            raise ConnectionError("after the page was done")
        return done

    monkeypatch.setattr(hand.LocalHand, "page", breaks)
    with scene.work():
        wait_until(lambda: scene.client.get(operation).failure_count == 1, "it breaks")
        scene.client.start_now(operation)
        job, account = ended(scene, operation)
    assert (job.status, job.attempt_count, account["done"]) == ("COMPLETED", 2, 6)
    assert len(seen) == len(set(seen)) + 1, "the page that broke is done again, and no other"
    assert len(scene.client.list_jobs(Filter(types=("elsewhere",)))) == 12


def test_an_operation_can_be_stopped(scene: Scene) -> None:
    enqueued(scene, 3)
    operation = order(scene, Order(action=Action.CANCEL, filter=Filter(types=("elsewhere",))))
    scene.client.cancel(operation)
    with scene.work():
        job, _ = ended(scene, operation)
    assert job.status == "CANCELLED"
    assert len(scene.client.list_jobs(Filter(statuses=(JobStatus.QUEUED,)))) == 3


def test_an_order_that_cannot_be_read_fails_at_once(scene: Scene) -> None:
    wanted = NewJob(new_id(), b'{"action": "cancel", "filter": {"tag": ["x"]}}', Options(type=TYPE, max_attempts=1))
    (operation,) = scene.client.enqueue_all([wanted]).ids
    with scene.work():
        job, _ = ended(scene, operation)
    assert job.status == "FAILED"
    assert "'tag'" in (job.error_message or "")
