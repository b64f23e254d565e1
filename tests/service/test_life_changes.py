"""Changing a job: what an actor may change, at which version, and what the database refuses to anybody."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from database import Clock, Connection
from scene import ME, WORKSPACE, Scene, ids

from jobtrail.core.errors import ConcurrentUpdate, Conflict, Denied, IllegalMove, Invalid
from jobtrail.core.status import MOVES, OPEN_ATTEMPT, AttemptStatus, JobStatus
from jobtrail.service import jobs, upkeep
from jobtrail.store.db import translated

LATER = timedelta(hours=1)


def test_a_change_names_the_version_that_it_read(scene: Scene) -> None:
    id = scene.enqueue()
    assert scene.do(jobs.update(scene.workspace, id, jobs.Change(title="a"), ME, version=1)) == 2
    with pytest.raises(ConcurrentUpdate, match=f"job {id} is at version 2, not 1"):
        scene.do(jobs.update(scene.workspace, id, jobs.Change(title="b"), ME, version=1))
    assert scene.do(jobs.update(scene.workspace, id, jobs.Change(tags=("x",)), ME)) == 3
    job = scene.job(id)
    assert (job.title, job.tags, job.version) == ("a", ["x"], 3)


def test_a_higher_priority_is_claimed_sooner_from_then_on(scene: Scene) -> None:
    first, second = scene.enqueue_many(2)
    scene.do(jobs.update(scene.workspace, second, jobs.Change(priority=9), ME))
    assert [one.job_id for _ in range(3) for one in scene.claim()] == [second, first]


def test_a_queued_job_can_be_put_off(scene: Scene, clock: Clock) -> None:
    id = scene.enqueue()
    scene.do(jobs.update(scene.workspace, id, jobs.Change(scheduled_at=clock.now() + LATER), ME))
    assert (scene.job(id).status, scene.job(id).wait_reason, scene.claim()) == ("PENDING", "SCHEDULE", [])
    clock.advance(LATER)
    scene.do(upkeep.stage())
    assert [one.job_id for one in scene.claim()] == [id]


def test_a_waiting_job_can_be_put_off_and_brought_forward(scene: Scene, clock: Clock) -> None:
    id = scene.enqueue(scheduled_at=clock.now() + LATER)
    scene.do(jobs.update(scene.workspace, id, jobs.Change(scheduled_at=clock.now() + 2 * LATER), ME))
    clock.advance(LATER)
    assert scene.do(upkeep.stage()).moved == 0
    scene.do(jobs.update(scene.workspace, id, jobs.Change(scheduled_at=clock.now()), ME))
    assert scene.do(upkeep.stage()).moved == 1


def test_a_job_can_be_given_a_time_to_be_cancelled(scene: Scene, clock: Clock) -> None:
    id = scene.enqueue()
    scene.do(jobs.update(scene.workspace, id, jobs.Change(cancel_at=clock.now() + LATER), ME))
    clock.advance(LATER)
    scene.do(upkeep.stage())
    assert scene.job(id).status == "CANCELLED"


@pytest.mark.parametrize("change", [{"priority": 11}, {"title": "x" * 1025}, {"tags": ("\0",)}])
def test_a_poisoned_change_is_refused(scene: Scene, change: dict[str, object]) -> None:
    id = scene.enqueue()
    with pytest.raises(Invalid):
        scene.do(jobs.update(scene.workspace, id, jobs.Change(**change), ME))  # type: ignore[arg-type]
    assert scene.job(id).version == 1


def test_a_database_agrees_with_the_table_of_moves_on_every_pair_and_event(conn: Connection) -> None:
    legal = {(move.source, move.target, move.event) for move in MOVES}
    pairs = [(source, target) for source in (None, *JobStatus) for target in JobStatus]
    wrong = [
        (source, target, event)
        for event in {move.event for move in MOVES} | {"job.invented"}
        for source, target in pairs
        if conn.execute("select jobtrail.job_may_move(%s, %s, %s)", (source, target, event)).fetchone()
        != ((source, target, event) in legal,)
    ]
    assert wrong == []


BY_HAND: dict[str, str] = {
    "completing what waits": "update jobtrail.jobs set status = 'COMPLETED', event = 'job.completed'",
    "running without a claim": "update jobtrail.jobs set status = 'RUNNING', event = 'job.started'",
    "a move without an event": "update jobtrail.jobs set status = 'CANCELLED'",
    "an event that is not the move": "update jobtrail.jobs set status = 'CANCELLED', event = 'job.failed'",
    "an event that nobody knows": "update jobtrail.jobs set event = 'job.invented'",
    "an attempt out of the blue": "update jobtrail.jobs set event = 'job.updated', attempt_id = gen_random_uuid()",
    "a try that never was": "update jobtrail.jobs set event = 'job.updated', attempt_count = 7",
    "a second life": "insert into jobtrail.jobs (workspace_id, id, type, status) "
    "select workspace_id, gen_random_uuid(), 'x', 'RUNNING' from jobtrail.jobs",
}


@pytest.mark.parametrize("what", BY_HAND)
def test_an_illegal_move_by_hand_is_refused_whoever_makes_it(
    scene: Scene, conn: Connection, owner: Connection, admin: Connection, what: str
) -> None:
    id = scene.enqueue()
    for hand in (conn, owner, admin):
        with pytest.raises(psycopg.DatabaseError) as refused:
            hand.execute(BY_HAND[what].encode())
        assert isinstance(translated(refused.value), IllegalMove | Denied)
    assert scene.job(id).version == 1


SETTLED = ("id = gen_random_uuid()", "workspace_id = gen_random_uuid()", "type = 'other'", "input = '{}'",
           "created_at = now()", "created_by = 'x'", "unique_key = 'x'", "concurrency_key = 'x'",
           "project_id = gen_random_uuid()", "task_id = gen_random_uuid()", "parent_id = gen_random_uuid()",
           "rerun_of = gen_random_uuid()", "backoff_type = 'FIXED'", "backoff_delay_ms = 1", "backoff_max_ms = 1",
           "timeout_seconds = 1", "idle_timeout_seconds = 1", "queue_timeout_seconds = 1")  # fmt: skip


@pytest.mark.parametrize("change", SETTLED)
def test_what_a_job_was_accepted_with_is_settled(scene: Scene, admin: Connection, change: str) -> None:
    id = scene.enqueue()
    with pytest.raises(psycopg.DatabaseError) as refused:
        admin.execute(f"update jobtrail.jobs set event = 'job.updated', {change}".encode())
    assert isinstance(translated(refused.value), Denied)
    assert scene.job(id).version == 1


DERIVED = {"version": "99", "trail_hash": "'x'", "updated_at": "now()", "completed_at": "now()", "queued_at": "now()",
           "started_at": "now()", "aborted_at": "now()", "actual_seconds": "7", "unique_hold": "'x'"}  # fmt: skip


@pytest.mark.parametrize("column", DERIVED)
def test_what_the_database_derives_cannot_be_written_by_hand(scene: Scene, admin: Connection, column: str) -> None:
    id = scene.enqueue()
    text = f"update jobtrail.jobs set event = 'job.updated', title = 'x', {column} = {DERIVED[column]}"
    with pytest.raises(psycopg.DatabaseError) as refused:
        admin.execute(text.encode())
    assert isinstance(translated(refused.value), Denied)
    assert scene.job(id).version == 1


BORN_OLD = {"attempt_count": "1", "failure_count": "1", "loss_count": "1", "attempt_id": "gen_random_uuid()",
            "step_id": "gen_random_uuid()", "progress": "5", "stage": "'x'", "started_at": "now()",
            "completed_at": "now()", "aborted_at": "now()", "actual_seconds": "1", "error_code": "'x'",
            "cancel_requested_at": "now()"}  # fmt: skip


@pytest.mark.parametrize("column", BORN_OLD)
def test_a_new_job_has_no_past(conn: Connection, column: str) -> None:
    columns, value = f"workspace_id, id, type, status, {column}", BORN_OLD[column]
    text = f"insert into jobtrail.jobs ({columns}) values (%s, %s, 'x', 'QUEUED', {value})"
    with pytest.raises(psycopg.DatabaseError) as refused:
        conn.execute(text.encode(), (WORKSPACE, ids.new()))
    assert isinstance(translated(refused.value), Denied | IllegalMove)


@pytest.mark.parametrize("status", [status for status in AttemptStatus if status not in OPEN_ATTEMPT])
def test_an_attempt_is_not_born_ended(scene: Scene, conn: Connection, status: str) -> None:
    with pytest.raises(psycopg.DatabaseError) as refused:
        conn.execute(
            "insert into jobtrail.attempts (workspace_id, job_id, id, worker_id, number, status) "
            "values (%s, %s, gen_random_uuid(), gen_random_uuid(), 1, %s)",
            (WORKSPACE, scene.enqueue(), status),
        )
    assert isinstance(translated(refused.value), IllegalMove)


def test_an_ended_attempt_does_not_come_to_life_again(scene: Scene, conn: Connection) -> None:
    fence = scene.start()
    scene.complete(fence)
    with pytest.raises(psycopg.DatabaseError) as refused:
        conn.execute("update jobtrail.attempts set status = 'RUNNING'")
    assert isinstance(translated(refused.value), IllegalMove)


def test_a_completed_step_does_not_start_again_by_hand(scene: Scene, conn: Connection) -> None:
    scene.finished_step(scene.start(), "fetch")
    with pytest.raises(psycopg.DatabaseError) as refused:
        conn.execute("update jobtrail.steps set status = 'RUNNING'")
    assert isinstance(translated(refused.value), IllegalMove)


def test_a_job_has_one_open_attempt_at_most(scene: Scene, conn: Connection) -> None:
    fence = scene.start()
    with pytest.raises(psycopg.DatabaseError) as refused:
        conn.execute(
            "insert into jobtrail.attempts (workspace_id, job_id, id, worker_id, number) "
            "values (%s, %s, gen_random_uuid(), gen_random_uuid(), 2)",
            (fence.workspace_id, fence.job_id),
        )
    assert isinstance(translated(refused.value), Conflict)


def test_a_stranger_that_changes_a_job_leaves_exactly_one_event(scene: Scene, admin: Connection) -> None:
    wanted = scene.enqueue_many(3)
    admin.execute("set jobtrail.workspace = '*'")
    admin.execute("update jobtrail.jobs set event = 'job.updated', priority = 9")
    for id in wanted:
        assert [(event.seq, event.type) for event in scene.events(id)] == [(1, "job.created"), (2, "job.updated")]
        assert scene.events(id)[1].payload == {"priority": 9}
