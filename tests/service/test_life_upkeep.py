"""Upkeep: who does it, what leaves by retention and what must stay, and what a minute in a queue looks like."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from database import Clock, Connection
from scene import ME, Scene, new_job

from jobtrail.core.errors import Denied
from jobtrail.service import assets, attempts, jobs, logs, queues, upkeep, usage, workers

DAY = timedelta(days=1)


def test_one_worker_at_a_time_has_a_duty(scene: Scene, clock: Clock) -> None:
    first, second = uuid4(), uuid4()
    assert scene.do(upkeep.elect("house", first, 10)) == clock.now() + timedelta(seconds=10)
    assert scene.do(upkeep.elect("house", second, 10)) is None
    assert scene.do(upkeep.elect("other", second, 10)) is not None
    clock.advance(seconds=9)
    assert scene.do(upkeep.elect("house", first, 10)) == clock.now() + timedelta(seconds=10)
    clock.advance(seconds=10.001)
    assert scene.do(upkeep.elect("house", second, 10)) is not None
    assert scene.do(upkeep.elect("house", first, 10)) is None


def test_a_worker_that_stops_gives_its_duties_back_at_once(scene: Scene, clock: Clock) -> None:
    first, second = uuid4(), uuid4()
    scene.do(upkeep.elect("house", first, 3_600))
    scene.do(upkeep.resign(second))
    assert scene.do(upkeep.elect("house", second, 10)) is None
    scene.do(upkeep.resign(first))
    assert scene.do(upkeep.elect("house", second, 10)) is not None


def test_days_are_made_ahead_once(scene: Scene, clock: Clock, conn: Connection) -> None:
    clock.advance(DAY * 3)
    assert scene.do(upkeep.make_partitions(7)) == 3 * 3
    assert scene.do(upkeep.make_partitions(7)) == 0
    scene.enqueue()
    assert lies_in(conn) == {f"events_{clock.now():%Y%m%d}"}


def test_a_trail_is_written_also_when_nobody_made_the_day(scene: Scene, clock: Clock, conn: Connection) -> None:
    clock.advance(DAY * 30)
    id = scene.enqueue()
    assert lies_in(conn) == {"events_rest"}
    assert scene.do(upkeep.make_partitions(1)) == 3 * 3 - 1
    assert scene.told(id) == ["job.created"]


def lies_in(conn: Connection) -> set[str]:
    rows = conn.execute(
        "select distinct c.relname from jobtrail.events e join pg_class c on c.oid = e.tableoid"
    ).fetchall()
    return {row[0] for row in rows}


def test_days_that_are_old_enough_are_dropped_and_a_week_stays(scene: Scene, clock: Clock) -> None:
    first = clock.now()
    scene.enqueue()
    clock.advance(DAY * 6)
    assert scene.do(upkeep.drop_partitions("events", clock.now())) == []
    clock.advance(DAY * 2)
    dropped = scene.do(upkeep.drop_partitions("events", clock.now()))
    assert dropped == [f"events_{day:%Y%m%d}" for day in (first - DAY, first)]


@pytest.mark.parametrize("table", ["jobs", "ready", "seals", "events_rest", "x; drop table jobtrail.jobs"])
def test_only_what_is_kept_in_days_is_dropped(scene: Scene, clock: Clock, table: str) -> None:
    with pytest.raises(Denied, match="is not kept in days"):
        scene.do(upkeep.drop_partitions(table, clock.now()))


def test_a_finished_job_leaves_with_all_that_hangs_on_it_but_its_trail(
    scene: Scene, clock: Clock, conn: Connection
) -> None:
    gone, waits = everything(scene), scene.enqueue(queue="other")
    trail = scene.events(gone)
    clock.advance(DAY - timedelta(seconds=1))
    assert scene.do(upkeep.remove_jobs(clock.now())) == 0
    clock.advance(seconds=2)
    kept = scene.start().job_id
    assert scene.do(upkeep.remove_jobs(clock.now())) == 1
    assert scene.do(jobs.get(scene.workspace, gone)) is None
    for table in ("attempts", "steps", "results", "usage", "assets", "timers", "idempotency_keys", "gates"):
        query = f"select count(*) from jobtrail.{table} where job_id = %s"
        assert conn.execute(query.encode(), (gone,)).fetchone() == (0,), table
    assert scene.events(gone) == trail
    stone = conn.execute("select job_id, last_seq, trail_hash from jobtrail.tombstones").fetchall()
    assert stone == [(gone, len(trail), trail[-1].hash)]
    assert {scene.job(id).status for id in (waits, kept)} == {"QUEUED", "RUNNING"}


def everything(scene: Scene) -> UUID:
    """A job that ended and left something in every table."""
    id, _ = scene.do(jobs.enqueue_once(scene.workspace, new_job(priority=9), ME, "k"))
    fence = scene.again(id)
    step = scene.finished_step(fence, "fetch")
    scene.do(usage.book(fence, 1, usage.Call(provider="p", model="m"), step))
    scene.do(assets.keep(fence, assets.NewAsset(id=uuid4(), name="n", byte_size=1, sha256="0" * 64, storage_key="k")))
    scene.do(logs.append([logs.NewChunk(fence, step, 1, 1, ("INFO",), (), "{}")]))
    scene.complete(fence, "{}")
    return id


def test_no_more_jobs_leave_at_once_than_were_asked_for(scene: Scene, clock: Clock) -> None:
    for _ in range(5):
        scene.complete(scene.start())
    clock.advance(DAY * 2)
    assert [scene.do(upkeep.remove_jobs(clock.now(), 2)) for _ in range(4)] == [2, 2, 1, 0]


def test_a_job_that_comes_again_after_it_was_removed_can_be_removed_again(scene: Scene, clock: Clock) -> None:
    wanted = new_job()
    for _ in range(2):
        scene.do(jobs.enqueue(scene.workspace, [wanted], ME))
        scene.complete(scene.again(wanted.id))
        clock.advance(DAY * 2)
        assert scene.do(upkeep.remove_jobs(clock.now())) == 1


def test_a_live_job_stays_though_another_workspace_removes_one_of_the_same_id(
    scene: Scene, clock: Clock, conn: Connection
) -> None:
    other = Scene(conn, uuid4())
    scene.do(queues.open_workspace(other.workspace, "other"))
    wanted = new_job()
    scene.do(jobs.enqueue(scene.workspace, [wanted], ME))
    scene.complete(scene.again(wanted.id))
    clock.advance(seconds=1)
    other.do(jobs.enqueue(other.workspace, [wanted], ME))
    fence = other.again(wanted.id)
    clock.advance(DAY * 2)
    assert scene.do(upkeep.remove_jobs(clock.now())) == 1
    assert (other.job(wanted.id).status, len(other.attempts(wanted.id))) == ("RUNNING", 1)
    assert other.complete(fence) == []


def test_old_keys_are_forgotten(scene: Scene, clock: Clock) -> None:
    first, _ = scene.do(jobs.enqueue_once(scene.workspace, new_job(), ME, "k"))
    clock.advance(DAY * 2)
    scene.do(upkeep.forget_keys(clock.now() - DAY))
    again, new = scene.do(jobs.enqueue_once(scene.workspace, new_job(), ME, "k"))
    assert new and again != first


def test_workers_that_are_gone_are_forgotten_when_they_hold_nothing(scene: Scene, clock: Clock) -> None:
    """They stopped, or were never heard of again."""
    idle, busy, alive, _silent = scene.new_worker(), scene.start().worker_id, scene.new_worker(), scene.new_worker()
    scene.do(workers.stop([idle, busy], "killed"))
    clock.advance(DAY)
    assert scene.do(workers.heartbeat(alive)) is not None
    scene.do(upkeep.forget_workers(clock.now()))
    assert {one.id for one in scene.do(workers.listed())} == {busy, alive}


def test_a_minute_of_a_queue_is_one_row(scene: Scene, clock: Clock, conn: Connection) -> None:
    minute = clock.now().replace(second=0, microsecond=0) + timedelta(minutes=1)
    clock.freeze(minute + timedelta(seconds=1))
    scene.enqueue_many(4)
    clock.advance(seconds=2)
    done, failed = scene.again(first(scene)), scene.again(first(scene))
    scene.complete(done)
    scene.fail(failed)
    clock.freeze(minute + timedelta(minutes=1))
    scene.do(queues.pause(scene.workspace, "idle", ME))
    for _ in range(2):
        scene.do(upkeep.measure_queues(clock.now()))
    rows = conn.execute(
        "select queue, depth, oldest_age_seconds, jobs_in, jobs_out, failures, wait_p50_ms from jobtrail.queue_stats"
    ).fetchall()
    assert rows == [("default", 2, 59.0, 4, 1, 1, 2000.0)]


def test_a_job_that_came_back_to_its_queue_is_not_said_to_have_waited_less_than_nothing(
    scene: Scene, clock: Clock, conn: Connection
) -> None:
    minute = clock.now().replace(second=0, microsecond=0) + timedelta(minutes=1)
    clock.freeze(minute + timedelta(seconds=1))
    fence = scene.start()
    clock.advance(seconds=20)
    scene.do(attempts.interrupt([fence]))
    clock.freeze(minute + timedelta(minutes=1))
    scene.do(upkeep.measure_queues(clock.now()))
    assert conn.execute("select depth, wait_p50_ms, wait_p95_ms from jobtrail.queue_stats").fetchall() == [
        (1, None, None)
    ]


def first(scene: Scene) -> UUID:
    return min(job.id for job in scene.do(jobs.listed(scene.workspace, jobs.Filter())) if job.status == "QUEUED")
