"""What overviews show: jobs by status, how queues stand and stood, metrics, and what was used, summed by a key."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from database import Connection, Database
from scene import WORKSPACE, Scene, ids

from jobtrail.core.fence import Fence
from jobtrail.core.model import UsageTotal
from jobtrail.core.spent import Spent
from jobtrail.service import jobs, metrics, projects, queues, tasks, usage
from jobtrail.service.usage import Call, Measured
from jobtrail.store.db import Scope, run

OTHER = UUID("00000000-0000-7000-8000-0000000000bb")
DAY = timedelta(days=1)


def counted(scene: Scene, cap: int = jobs.CAP) -> dict[str, tuple[int, bool]]:
    return {one.status: (one.jobs, one.capped) for one in scene.do(jobs.counts(scene.workspace, cap))}


def one_of_each(scene: Scene) -> None:
    scene.fail(scene.start())
    scene.complete(scene.start())
    scene.fail(scene.start(), retry_in=DAY)
    scene.start(queue="other")
    scene.enqueue()
    scene.enqueue(scheduled_at=datetime.now(UTC) + DAY)


def test_jobs_are_counted_by_status(scene: Scene) -> None:
    one_of_each(scene)
    assert counted(scene) == {
        "PENDING": (2, False), "VALIDATING": (0, False), "QUEUED": (1, False), "RUNNING": (1, False),
        "COMPLETED": (1, False), "FAILED": (1, False), "CANCELLED": (0, False),
    }  # fmt: skip


def test_a_count_ends_at_its_cap_and_says_so(scene: Scene) -> None:
    scene.enqueue_many(5)
    assert counted(scene, cap=4)["QUEUED"] == (4, True)
    assert counted(scene, cap=6)["QUEUED"] == (5, False)
    for _ in range(3):
        scene.fail(scene.start(queue="other"))
    assert counted(scene, cap=3)["FAILED"] == (3, True)
    assert counted(scene, cap=3)["COMPLETED"] == (0, True), "it was looked for among the newest six only"


def test_a_queue_is_known_once_it_had_a_job_or_was_paused(scene: Scene) -> None:
    assert scene.do(queues.get(WORKSPACE, "default")) is None
    scene.enqueue_many(3)
    depth = scene.do(queues.get(WORKSPACE, "default"))
    assert depth is not None and (depth.queue, depth.depth, depth.paused_at) == ("default", 3, None)
    assert depth == scene.do(queues.depths(WORKSPACE))[0]
    capped = scene.do(queues.get(WORKSPACE, "default", cap=2))
    assert capped is not None and capped.depth == 2


def test_how_a_queue_stood_is_told_minute_by_minute(scene: Scene, admin: Connection) -> None:
    start = datetime(2026, 5, 4, 12, tzinfo=UTC)
    for minute in range(5):
        admin.execute(
            "insert into jobtrail.queue_stats (workspace_id, queue, at, depth, oldest_age_seconds, jobs_in, jobs_out, failures) "
            "values (%s, 'io', %s, %s, 1.5, 7, 6, 1)",
            (WORKSPACE, start + timedelta(minutes=minute), minute),
        )
    found = scene.do(queues.stats(WORKSPACE, "io", start + timedelta(minutes=1), start + timedelta(minutes=4)))
    assert [one.depth for one in found] == [1, 2, 3]
    assert (found[0].oldest_age_seconds, found[0].jobs_in, found[0].wait_p50_ms) == (1.5, 7, None)
    assert scene.do(queues.stats(WORKSPACE, "other", start, start + DAY)) == []
    assert len(scene.do(queues.stats(WORKSPACE, "io", start, start + DAY, limit=2))) == 2


def test_metrics_are_listed_by_name_and_time(scene: Scene) -> None:
    fence = scene.start()
    for value in (1.0, 2.0):
        scene.do(usage.measure(scene.worker, [
            Measured(workspace_id=WORKSPACE, type="job", name="frames", value=value, unit="1/s", job_id=fence.job_id),
            Measured(workspace_id=WORKSPACE, type="worker", name="load", value=value),
        ]))  # fmt: skip
    now = datetime.now(UTC)
    found = scene.do(metrics.listed(WORKSPACE, "job", "frames", since=now - DAY, until=now + DAY))
    assert [(one.value, one.unit, one.job_id) for one in found] == [
        (2.0, "1/s", fence.job_id),
        (1.0, "1/s", fence.job_id),
    ]
    assert scene.do(metrics.listed(WORKSPACE, "job", "frames", since=now - 2 * DAY, until=now - DAY)) == []
    assert (
        scene.do(metrics.listed(WORKSPACE, "job", "frames", since=now - DAY, until=now + DAY, job_id=ids.new())) == []
    )
    assert len(scene.do(metrics.listed(WORKSPACE, "worker", "load", since=now - DAY, until=now + DAY, limit=1))) == 1
    assert scene.do(metrics.names(WORKSPACE)) == [("job", "frames"), ("worker", "load")]
    assert scene.do(metrics.names(WORKSPACE, limit=1)) == [("job", "frames")]
    assert scene.do(metrics.names(OTHER)) == []


@pytest.fixture
def spent(scene: Scene) -> dict[str, Fence]:
    """Three calls: two of a job with a task and a project, one of another without a price."""
    folder = scene.do(projects.create(WORKSPACE, ids.new(), "folder")).id
    task = scene.do(tasks.create(WORKSPACE, tasks.NewTask(id=ids.new(), title="t"))).id
    rich = scene.start(queue="dear", type="render", project_id=folder, task_id=task)
    poor = scene.start()
    calls = (
        (rich, Call(provider="p", model="big", input_tokens=10, output_tokens=1, cost_usd=Decimal("0.5"))),
        (rich, Call(provider="p", model="small", input_tokens=20, cached_tokens=5, cost_usd=Decimal("0.25"))),
        (poor, Call(provider="q", model="small", output_tokens=7, reasoning_tokens=2)),
    )
    for number, (fence, call) in enumerate(calls):
        scene.do(usage.book(fence, number, call))
    return {"rich": rich, "poor": poor}


def test_usage_is_summed_by_what_was_asked(scene: Scene, spent: dict[str, Fence]) -> None:
    job = scene.job(spent["rich"].job_id)
    now = datetime.now(UTC)

    def summed(by: usage.UsageKey) -> list[tuple[str, int, Decimal | None]]:
        return [
            (one.key, one.calls, one.cost_usd) for one in scene.do(usage.totals(WORKSPACE, now - DAY, now + DAY, by))
        ]

    dear, unknown = (2, Decimal("0.75")), (1, None)
    assert scene.do(usage.totals(WORKSPACE, now - DAY, now + DAY)) == [
        UsageTotal("big", 1, 10, 1, 0, 0, Decimal("0.5"), 0),
        UsageTotal("small", 2, 20, 7, 5, 2, Decimal("0.25"), 1),
    ]
    assert summed("provider") == [("p", *dear), ("q", *unknown)]
    assert summed("type") == [("render", *dear), ("demo", *unknown)]
    assert summed("queue") == [("dear", *dear), ("default", *unknown)]
    assert summed("job") == [(str(job.id), *dear), (str(spent["poor"].job_id), *unknown)]
    assert scene.do(usage.total(WORKSPACE, now - DAY, now + DAY)) == Spent(3, 30, 8, 5, 2, Decimal("0.75"), 1)
    assert scene.do(usage.total(WORKSPACE, now - 2 * DAY, now - DAY)) == Spent()
    assert summed("task") == [(str(job.task_id), *dear), ("", *unknown)]
    assert summed("project") == [(str(job.project_id), *dear), ("", *unknown)]
    assert sum(calls for _, calls, _ in summed("day")) == 3
    assert scene.do(usage.totals(WORKSPACE, now - 2 * DAY, now - DAY, "type")) == []
    assert len(scene.do(usage.totals(WORKSPACE, now - DAY, now + DAY, "type", limit=1))) == 1


def test_an_overview_shows_nothing_of_another_workspace(
    database: Database, scene: Scene, spent: dict[str, Fence]
) -> None:
    scene.do(queues.open_workspace(OTHER, "other"))
    one_of_each(scene)
    now = datetime.now(UTC)
    theirs = Scope(str(OTHER), standing=True)
    with closing(database.connect(str(OTHER))) as conn:
        for workspace in (OTHER, WORKSPACE):
            assert {one.jobs for one in run(conn, jobs.counts(workspace), theirs)} == {0}
            assert run(conn, usage.totals(workspace, now - DAY, now + DAY), theirs) == []
            assert run(conn, usage.totals(workspace, now - DAY, now + DAY, "type"), theirs) == []
            assert run(conn, queues.get(workspace, "default"), theirs) is None
            assert run(conn, metrics.names(workspace), theirs) == []
