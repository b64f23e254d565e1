"""What the door accepts, what it answers when a job is there already, and in which order accepted jobs are claimed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from database import Clock, Connection, Database
from scene import ME, SERVES_ALL, TYPE, Scene, ids, new_job

from jobtrail.core.errors import Conflict, IdempotencyConflict, Invalid, JobtrailError
from jobtrail.service import jobs, upkeep
from jobtrail.store.db import Scope, run
from jobtrail.store.query import Flow, Steps

SOON = timedelta(seconds=5)


def test_jobs_are_claimed_by_priority_then_in_the_order_of_their_coming(scene: Scene) -> None:
    wanted = [(priority, scene.enqueue(priority=priority)) for priority in (5, 2, 10, 5, 8, 10)]
    in_order = [id for _, id in sorted(wanted, key=lambda one: -one[0])]
    assert [one.job_id for _ in wanted for one in scene.claim(1)] == in_order


def test_a_claim_takes_no_more_than_it_asked_for_and_nothing_twice(scene: Scene) -> None:
    wanted = scene.enqueue_many(7)
    claims = [[one.job_id for one in scene.claim(3)] for _ in range(4)]
    assert [len(one) for one in claims] == [3, 3, 1, 0]
    assert sorted(id for one in claims for id in one) == sorted(wanted)


def test_a_worker_takes_only_types_that_it_knows(scene: Scene) -> None:
    known, foreign = scene.enqueue(), scene.enqueue(type="other")
    assert [one.job_id for one in scene.claim(9)] == [known]
    assert [one.job_id for one in scene.claim(9, types=(TYPE, "other"))] == [foreign]


def test_a_scheduled_job_waits_for_its_time(scene: Scene, clock: Clock) -> None:
    id = scene.enqueue(scheduled_at=clock.now() + SOON)
    assert (scene.job(id).status, scene.job(id).wait_reason, scene.claim()) == ("PENDING", "SCHEDULE", [])
    clock.advance(SOON)
    assert scene.do(upkeep.stage()).queues == ["default"]
    assert [one.job_id for one in scene.claim()] == [id]


def test_a_job_that_is_due_already_is_queued_at_once(scene: Scene, clock: Clock) -> None:
    assert scene.job(scene.enqueue(scheduled_at=clock.now())).status == "QUEUED"


def test_a_waiting_job_can_start_now(scene: Scene, clock: Clock) -> None:
    id = scene.enqueue(scheduled_at=clock.now() + SOON)
    assert scene.do(jobs.start_now(scene.workspace, id, ME)) == 2
    assert [one.job_id for one in scene.claim()] == [id]
    clock.advance(SOON)
    assert scene.do(upkeep.stage()).moved == 0


def test_a_job_that_no_worker_takes_in_time_fails(scene: Scene, clock: Clock) -> None:
    taken, left = scene.enqueue(queue_timeout_seconds=5), scene.enqueue(queue_timeout_seconds=5)
    scene.again(taken)
    clock.advance(SOON)
    assert scene.do(upkeep.stage()).moved == 1
    job = scene.job(left)
    assert (job.status, job.error_code, scene.job(taken).status) == ("FAILED", "queue_timeout", "RUNNING")
    assert "default" in (job.error_message or "")
    assert scene.claim() == []


def test_a_wait_in_the_queue_counts_anew_after_each_coming_back(scene: Scene, clock: Clock) -> None:
    id = scene.enqueue(queue_timeout_seconds=5)
    clock.advance(seconds=4)
    scene.fail(scene.again(id), retry_in=timedelta(seconds=2))
    clock.advance(seconds=2)
    scene.do(upkeep.stage())
    clock.advance(seconds=4)
    assert (scene.do(upkeep.stage()).moved, scene.job(id).status) == (0, "QUEUED")
    clock.advance(seconds=1)
    assert (scene.do(upkeep.stage()).moved, scene.job(id).status) == (1, "FAILED")


@pytest.mark.parametrize("status", ["PENDING", "QUEUED", "RUNNING"])
def test_a_job_is_cancelled_when_its_time_to_be_cancelled_comes(scene: Scene, clock: Clock, status: str) -> None:
    at = clock.now() + SOON
    id = scene.enqueue(cancel_at=at, **({"scheduled_at": at + SOON} if status == "PENDING" else {}))
    if status == "RUNNING":
        scene.again(id)
    clock.advance(SOON)
    assert scene.do(upkeep.stage()).moved == 1
    job = scene.job(id)
    assert (job.status, job.cancel_requested_at) == ("RUNNING" if status == "RUNNING" else "CANCELLED", at)
    clock.advance(SOON)
    assert (scene.claim(), scene.do(upkeep.stage()).moved) == ([], 0)


def test_a_unique_key_holds_until_its_job_ends(scene: Scene) -> None:
    first = scene.enqueue(unique_key="c42")
    done = scene.do(jobs.enqueue(scene.workspace, [other := new_job(unique_key="c42")], ME))
    assert (done.ids, set(done.existed)) == ((first,), {first})
    scene.complete(scene.again(first))
    assert scene.enqueue(unique_key="c42", id=other.id) == other.id


def test_a_job_whose_unique_key_falls_free_in_between_is_accepted_all_the_same(scene: Scene) -> None:
    holder, wanted = scene.start(unique_key="c42"), new_job(unique_key="c42")
    whole, told = jobs.enqueue(scene.workspace, [wanted], ME), []

    def disturbed() -> Steps[jobs.Enqueued]:
        steps, answer = whole.begin(), None
        while True:
            try:
                query = steps.send(answer)
            except StopIteration as end:
                done: jobs.Enqueued = end.value
                return done
            told.append(query.name)
            answer = yield query
            scene.complete(holder)

    assert run(scene.conn, Flow(disturbed), SERVES_ALL).ids == (wanted.id,)
    assert told == ["verbs/enqueue", "reads/enqueued", "verbs/enqueue"]
    assert scene.job(wanted.id).status == "QUEUED"


def test_one_unique_key_twice_in_a_batch_is_one_job(scene: Scene) -> None:
    wanted = [new_job(unique_key="u"), new_job(), new_job(unique_key="u")]
    done = scene.do(jobs.enqueue(scene.workspace, wanted, ME))
    assert done.ids == (wanted[0].id, wanted[1].id, wanted[0].id)
    assert len(scene.claim(9)) == 2


def test_a_failed_job_cannot_be_retried_while_another_holds_its_unique_key(scene: Scene) -> None:
    fence = scene.start(unique_key="c42")
    scene.fail(fence)
    heir = scene.enqueue(unique_key="c42")
    with pytest.raises(Conflict):
        scene.do(jobs.retry(scene.workspace, fence.job_id, ME))
    scene.complete(scene.again(heir))
    scene.do(jobs.retry(scene.workspace, fence.job_id, ME))
    assert scene.enqueue(unique_key="c42") == fence.job_id


def test_the_same_id_twice_is_one_job(scene: Scene) -> None:
    wanted = new_job()
    for _ in range(2):
        assert scene.do(jobs.enqueue(scene.workspace, [wanted], ME)).ids == (wanted.id,)
    assert len(scene.claim(9)) == 1


def test_an_idempotency_key_answers_the_first_job(scene: Scene) -> None:
    def send(**wanted: Any) -> tuple[UUID, bool]:
        return scene.do(jobs.enqueue_once(scene.workspace, new_job(**wanted), ME, "k-1"))

    id, new = send(title="a")
    assert new
    assert send(title="a") == (id, False)
    for other in ({"title": "b"}, {"title": "a", "input": b"{}"}, {"title": "a", "priority": 6}):
        with pytest.raises(IdempotencyConflict, match=str(id)):
            send(**other)
    assert len(scene.claim(9)) == 1


def test_an_idempotency_key_and_a_unique_key_agree(scene: Scene) -> None:
    holder = scene.enqueue(unique_key="u")
    once = jobs.enqueue_once(scene.workspace, new_job(unique_key="u"), ME, "k")
    assert scene.do(once) == (holder, False)
    assert scene.do(jobs.enqueue_once(scene.workspace, new_job(unique_key="u"), ME, "k")) == (holder, False)


def test_jobs_with_different_options_are_accepted_together_in_their_order(scene: Scene) -> None:
    wanted = [new_job(priority=p, queue=q) for p, q in ((5, "a"), (9, "b"), (5, "a"), (9, "b"))]
    assert scene.do(jobs.enqueue(scene.workspace, wanted, ME)).ids == tuple(one.id for one in wanted)


@pytest.fixture
def callers(database: Database, conn: Connection) -> Iterator[Connection]:
    """A connection of somebody else's program: in a transaction of its own, with a table of its own."""
    with closing(database.as_admin()) as admin:
        admin.execute("create table public.orders (id int primary key); grant all on public.orders to jobtrail_app")
    with closing(psycopg.connect(database.app_url)) as callers:
        yield callers


@pytest.mark.parametrize("ends", ["commits", "rolls back"])
def test_a_job_comes_and_goes_with_the_callers_transaction(scene: Scene, callers: Connection, ends: str) -> None:
    callers.execute("insert into public.orders values (1)")
    id = run(callers, jobs.enqueue(scene.workspace, [new_job()], ME), Scope.of(scene.workspace)).ids[0]
    assert scene.claim() == []
    if ends == "commits":
        callers.commit()
        assert [one.job_id for one in scene.claim()] == [id]
    else:
        callers.rollback()
        assert scene.do(jobs.get(scene.workspace, id)) is None


def test_a_refused_job_leaves_the_callers_transaction_alive(scene: Scene, callers: Connection) -> None:
    callers.execute("insert into public.orders values (1)")
    with pytest.raises(Invalid):
        run(callers, jobs.enqueue(scene.workspace, [new_job(priority=11)], ME), Scope.of(scene.workspace))
    assert callers.execute("select count(*) from public.orders").fetchone() == (1,)
    assert callers.execute("select current_setting('jobtrail.workspace', true)").fetchone() in ((None,), ("",))
    callers.commit()


BIG = "x" * 1025
POISON: dict[str, dict[str, Any]] = {
    "input that is no JSON": {"input": b"{"},
    "input with NUL": {"input": b'{"a": "\\u0000"}'},
    "input with a lone surrogate": {"input": b'{"a": "\\ud800"}'},
    "title with NUL": {"title": "a\0b"},
    "title with a lone surrogate": {"title": "a\ud800b"},
    "title too long": {"title": BIG},
    "type empty": {"type": ""},
    "type too long": {"type": "x" * 256},
    "queue empty": {"queue": ""},
    "queue too long": {"queue": "é" * 128},
    "unique key too long": {"unique_key": BIG},
    "tag with NUL": {"tags": ("a\0",)},
    "priority 0": {"priority": 0},
    "priority 11": {"priority": 11},
    "priority out of range": {"priority": 1 << 40},
    "no attempts": {"max_attempts": 0},
    "too many attempts": {"max_attempts": 1 << 70},
    "unknown backoff": {"backoff_type": "SLOWLY"},
    "negative backoff": {"backoff_delay_ms": -1},
    "timeout 0": {"timeout_seconds": 0.0},
    "timeout nan": {"timeout_seconds": float("nan")},
    "timeout endless": {"timeout_seconds": float("inf")},
    "queue timeout endless": {"queue_timeout_seconds": float("inf")},
    "a project of nobody": {"project_id": ids.new()},
    "a task of nobody": {"task_id": ids.new()},
}


@pytest.mark.parametrize("name", POISON)
def test_poison_is_refused_as_invalid(scene: Scene, name: str) -> None:
    with pytest.raises(Invalid):
        scene.do(jobs.enqueue(scene.workspace, [new_job(), new_job(**POISON[name])], ME))
    assert scene.claim(9) == []


@pytest.mark.parametrize("key", ["", "x" * 256, "a\0b", "\ud800"])
def test_a_poisoned_idempotency_key_is_refused_as_invalid(scene: Scene, key: str) -> None:
    with pytest.raises(Invalid):
        scene.do(jobs.enqueue_once(scene.workspace, new_job(), ME, key))


def test_every_error_is_one_of_ours_and_says_what_happened(scene: Scene) -> None:
    with pytest.raises(JobtrailError) as told:
        scene.do(jobs.enqueue(scene.workspace, [new_job(priority=11)], ME))
    assert "priority must be 1 to 10" in told.value.message
