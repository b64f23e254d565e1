"""For how long a job holds its unique key, and what comes of a new job whose key another one holds."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from database import Clock, Connection, Database
from scene import ME, SERVES_ALL, WORKSPACE, Scene, ids, new_job

from jobtrail.core import unique
from jobtrail.core.errors import Conflict, IdempotencyConflict, Invalid
from jobtrail.service import attempts, audit, jobs, upkeep
from jobtrail.store.db import Scope, run

KEY = "c42"


def wanted(**options: Any) -> jobs.NewJob:
    return new_job(**{"unique_key": KEY, **options})


def accept(scene: Scene, *new: jobs.NewJob) -> tuple[UUID, ...]:
    return scene.do(jobs.enqueue(scene.workspace, new, ME)).ids


def holders(conn: Connection, key: str = KEY) -> list[UUID]:
    return [row[0] for row in conn.execute("select id from jobtrail.jobs where unique_hold = %s", (key,)).fetchall()]


def end(scene: Scene, id: UUID, how: str) -> None:
    if how == "CANCELLED":
        scene.do(jobs.cancel(scene.workspace, id, ME))
        return
    fence = scene.again(id)
    if how == "COMPLETED":
        scene.complete(fence)
    elif how == "FAILED":
        scene.fail(fence)


@pytest.mark.parametrize(
    ("scope", "how", "holds"),
    [
        ("WAITING", "RUNNING", False),
        ("LIVE", "RUNNING", True),
        ("LIVE", "COMPLETED", False),
        ("COMPLETED", "COMPLETED", True),
        ("COMPLETED", "FAILED", False),
        ("COMPLETED", "CANCELLED", False),
        ("ANY", "FAILED", True),
        ("ANY", "CANCELLED", True),
        ("ANY", "COMPLETED", True),
    ],
)
def test_a_job_holds_its_key_as_far_as_its_scope_reaches(scene: Scene, scope: str, how: str, holds: bool) -> None:
    (first,) = accept(scene, wanted(unique_scope=scope))
    end(scene, first, how)
    (second,) = accept(scene, wanted(unique_scope=scope))
    assert (second == first) is holds


def test_a_key_is_free_at_the_very_time_at_which_its_window_ends(scene: Scene, clock: Clock) -> None:
    (first,) = accept(scene, wanted(unique_scope="ANY", unique_window_seconds=60))
    scene.complete(scene.again(first))
    clock.advance(seconds=59.999)
    assert accept(scene, wanted()) == (first,)
    clock.advance(seconds=0.001)
    (second,) = accept(scene, wanted())
    assert second != first
    assert holders(scene.conn) == [second]
    assert scene.told(first)[-1] == "job.updated"


def test_a_window_that_ends_while_the_job_waits_lets_another_in_beside_it(scene: Scene, clock: Clock) -> None:
    (first,) = accept(scene, wanted(unique_window_seconds=60))
    clock.advance(seconds=60)
    (second,) = accept(scene, wanted())
    assert {one.job_id for one in scene.claim(9)} == {first, second}


@pytest.mark.parametrize("status", ["PENDING", "QUEUED", "RUNNING", "COMPLETED"])
def test_the_row_tells_when_a_window_has_ended_though_nobody_asks(scene: Scene, clock: Clock, status: str) -> None:
    later = {"scheduled_at": clock.now() + timedelta(days=1)} if status == "PENDING" else {}
    (id,) = accept(scene, wanted(unique_scope="ANY", unique_window_seconds=60, **later))
    if status in ("RUNNING", "COMPLETED"):
        fence = scene.again(id)
        if status == "COMPLETED":
            scene.complete(fence)
    before = scene.job(id)
    clock.advance(seconds=60)
    staged = scene.do(upkeep.stage())
    assert (staged.moved, staged.queues, holders(scene.conn)) == (1, [], [])
    after = scene.job(id)
    assert (after.status, after.wait_reason, after.scheduled_at, after.version) == (
        status,
        before.wait_reason,
        before.scheduled_at,
        before.version + 1,
    )
    assert scene.do(upkeep.stage()).moved == 0


def test_a_start_and_the_end_of_a_window_at_the_same_time_both_happen(scene: Scene, clock: Clock) -> None:
    at = clock.now() + timedelta(seconds=60)
    (id,) = accept(scene, wanted(unique_window_seconds=60, scheduled_at=at))
    clock.advance(seconds=60)
    assert scene.do(upkeep.stage()).moved == 1
    assert (scene.job(id).status, holders(scene.conn)) == ("QUEUED", [])


def test_a_retry_within_its_window_takes_the_key_again(scene: Scene, clock: Clock) -> None:
    (id,) = accept(scene, wanted(unique_window_seconds=60))
    scene.fail(scene.again(id))
    assert holders(scene.conn) == []
    scene.do(jobs.retry(scene.workspace, id, ME))
    assert holders(scene.conn) == [id]
    clock.advance(seconds=60)
    scene.do(upkeep.stage())
    assert holders(scene.conn) == []


def test_a_refused_job_is_told_who_holds_its_key_and_nothing_else_is_accepted(scene: Scene) -> None:
    (first,) = accept(scene, wanted())
    other = new_job()
    with pytest.raises(Conflict, match=str(first)):
        accept(scene, other, wanted(on_conflict="REFUSE"))
    assert scene.do(jobs.get(scene.workspace, other.id)) is None
    scene.complete(scene.again(first))
    again = wanted(on_conflict="REFUSE")
    assert accept(scene, again) == (again.id,)
    assert accept(scene, again) == (again.id,)  # sent again, it is itself


@pytest.mark.parametrize("waits", ["QUEUED", "SCHEDULE", "RETRY"])
def test_what_waits_is_replaced(scene: Scene, clock: Clock, waits: str) -> None:
    later = {"scheduled_at": clock.now() + timedelta(days=1)} if waits == "SCHEDULE" else {}
    (first,) = accept(scene, wanted(**later))
    if waits == "RETRY":
        scene.fail(scene.again(first), retry_in=timedelta(minutes=1))
    second = wanted(on_conflict="REPLACE", input=b'{"n": 2}')
    assert accept(scene, second) == (second.id,)
    old = scene.job(first)
    assert (old.status, old.cancel_reason) == ("CANCELLED", f"superseded by job {second.id}")
    assert scene.events(first)[-1].payload["superseded_by"] == str(second.id)
    assert [one.job_id for one in scene.claim(9)] == [second.id]
    clock.advance(days=2)
    assert scene.do(upkeep.stage()).moved == 0


def test_what_runs_stands_when_it_would_be_replaced(scene: Scene) -> None:
    running = scene.start(unique_key=KEY)
    assert accept(scene, wanted(on_conflict="REPLACE")) == (running.job_id,)
    assert scene.job(running.job_id).cancel_requested_at is None


@pytest.mark.parametrize("how", ["QUEUED", "RUNNING"])
def test_what_is_superseded_gives_its_key_to_the_new_one_at_once(scene: Scene, how: str) -> None:
    (first,) = accept(scene, wanted(unique_scope="ANY"))
    fence = scene.again(first) if how == "RUNNING" else None
    second = wanted(on_conflict="SUPERSEDE")
    assert accept(scene, second) == (second.id,)
    assert holders(scene.conn) == [second.id]
    assert scene.job(first).status == ("RUNNING" if fence else "CANCELLED")
    if fence is not None:
        assert scene.job(first).cancel_requested_at is not None
        scene.do(attempts.end_cancelled(fence, "stopped"))
        assert (scene.job(first).status, holders(scene.conn)) == ("CANCELLED", [second.id])


def test_a_superseded_job_and_its_heir_share_one_concurrency_key_so_they_never_run_at_once(scene: Scene) -> None:
    old = scene.start(unique_key=KEY, concurrency_key=KEY)
    (new,) = accept(scene, wanted(on_conflict="SUPERSEDE", concurrency_key=KEY))
    assert scene.claim(9) == []
    scene.do(attempts.end_cancelled(old, "stopped"))
    assert [one.job_id for one in scene.claim(9)] == [new]


def test_a_job_that_ended_stands_whoever_wants_to_take_its_key(scene: Scene) -> None:
    (first,) = accept(scene, wanted(unique_scope="ANY"))
    scene.complete(scene.again(first))
    for policy in ("REPLACE", "SUPERSEDE", "RESCHEDULE", "EXISTING"):
        assert accept(scene, wanted(on_conflict=policy)) == (first,)


def test_a_runner_that_speaks_of_being_superseded_keeps_its_key(scene: Scene) -> None:
    fence = scene.start(unique_key=KEY)
    scene.do(attempts.progress(fence, 10, note='{"superseded_by": "x"}'))
    assert holders(scene.conn) == [fence.job_id]


def test_a_debounced_job_starts_when_no_other_came_for_so_long(scene: Scene, clock: Clock) -> None:
    began = clock.now()
    last = began
    for seconds in (0, 5, 5):
        last = clock.advance(seconds=seconds)
        newest = wanted(on_conflict="DEBOUNCE", debounce_seconds=10, input=b"{}")
        assert accept(scene, newest) == (newest.id,)
    assert (scene.job(newest.id).status, scene.job(newest.id).scheduled_at) == ("PENDING", last + timedelta(seconds=10))
    clock.advance(seconds=9)
    scene.do(upkeep.stage())
    assert scene.claim(9) == []
    clock.advance(seconds=1)
    scene.do(upkeep.stage())
    assert [one.job_id for one in scene.claim(9)] == [newest.id]


def test_a_debounced_job_starts_at_the_latest_so_long_after_the_first_of_its_chain(scene: Scene, clock: Clock) -> None:
    began = clock.now()
    for seconds in (0, 8, 8, 8):
        clock.advance(seconds=seconds)
        (id,) = accept(scene, wanted(on_conflict="DEBOUNCE", debounce_seconds=10, debounce_max_seconds=25))
        assert scene.job(id).scheduled_at == min(clock.now() + timedelta(seconds=10), began + timedelta(seconds=25))
    clock.advance(seconds=1)
    scene.do(upkeep.stage())
    assert [one.job_id for one in scene.claim(9)] == [id]
    assert accept(scene, wanted(on_conflict="DEBOUNCE", debounce_seconds=10)) == (id,)  # it runs


def test_a_rescheduled_job_stays_and_only_its_time_and_priority_move(scene: Scene, clock: Clock) -> None:
    (first,) = accept(scene, wanted(scheduled_at=clock.now() + timedelta(hours=1)))
    at = clock.now() + timedelta(hours=2)
    assert accept(scene, wanted(on_conflict="RESCHEDULE", scheduled_at=at, priority=8)) == (first,)
    assert (scene.job(first).scheduled_at, scene.job(first).priority) == (at, 8)
    assert accept(scene, wanted(on_conflict="RESCHEDULE")) == (first,)
    scene.do(upkeep.stage())
    assert scene.job(first).status == "QUEUED"
    assert accept(scene, wanted(on_conflict="RESCHEDULE", scheduled_at=at)) == (first,)
    assert scene.job(first).status == "PENDING"


def test_one_key_many_times_in_a_batch_leaves_the_last_of_them(scene: Scene) -> None:
    new = [wanted(on_conflict="REPLACE") for _ in range(4)]
    assert accept(scene, *new) == tuple(job.id for job in new)
    assert [scene.job(job.id).status for job in new] == ["CANCELLED"] * 3 + ["QUEUED"]
    assert holders(scene.conn) == [new[-1].id]


def test_keys_that_are_taken_and_keys_that_are_not_go_together(scene: Scene) -> None:
    running = scene.start(unique_key="b")
    (old,) = accept(scene, wanted(unique_key="a"))
    new = [wanted(unique_key=key, on_conflict="REPLACE") for key in ("c", "b", "a")] + [new_job(on_conflict="REPLACE")]
    assert accept(scene, *new) == (new[0].id, running.job_id, new[2].id, new[3].id)
    assert scene.job(old).status == "CANCELLED"


def test_more_keys_than_are_held_one_by_one_are_replaced_together(scene: Scene) -> None:
    old = accept(scene, *(wanted(unique_key=str(n)) for n in range(300)))
    new = accept(scene, *(wanted(unique_key=str(n), on_conflict="REPLACE") for n in range(300)))
    assert not {*old} & {*new}
    assert {one.job_id for one in scene.claim(400)} == {*new}


def test_a_request_sent_again_under_its_idempotency_key_replaces_nothing(scene: Scene) -> None:
    accept(scene, wanted())

    def send(key: str, policy: str = "REPLACE") -> tuple[UUID, bool]:
        return scene.do(jobs.enqueue_once(WORKSPACE, wanted(on_conflict=policy), ME, key))

    mine, is_new = send("k")
    assert is_new
    assert send("k") == (mine, False)
    with pytest.raises(IdempotencyConflict):
        send("k", "SUPERSEDE")
    assert holders(scene.conn) == [mine]


def test_what_many_callers_sent_together_is_replaced_in_their_order(scene: Scene) -> None:
    requests = [(wanted(on_conflict="REPLACE"), key) for key in ("a", None, "b")]
    answers = scene.do(jobs.enqueue_many_once(WORKSPACE, requests, ME))
    assert list(answers) == [jobs.Accepted(job.id, is_new=True) for job, _ in requests]
    assert holders(scene.conn) == [requests[-1][0].id]


def test_a_replaced_job_comes_back_when_the_callers_transaction_rolls_back(scene: Scene, database: Database) -> None:
    (first,) = accept(scene, wanted())
    with closing(psycopg.connect(database.app_url)) as callers:
        run(callers, jobs.enqueue(WORKSPACE, [wanted(on_conflict="REPLACE")], ME), Scope.of(WORKSPACE))
        callers.rollback()
    assert (scene.job(first).status, holders(scene.conn)) == ("QUEUED", [first])


def test_the_trail_of_all_that_changed_hands_gives_the_rows_back(scene: Scene, clock: Clock) -> None:
    made = [*accept(scene, wanted(unique_scope="ANY", unique_window_seconds=60))]
    made += accept(scene, wanted(on_conflict="REPLACE", unique_scope="ANY", unique_window_seconds=60))
    scene.again(made[-1])
    made += accept(scene, wanted(on_conflict="SUPERSEDE", unique_scope="COMPLETED", unique_window_seconds=60))
    clock.advance(seconds=60)
    made += accept(scene, wanted())
    assert len({*made}) == 4
    for id in made:
        assert scene.do(audit.verify_job(scene.workspace, id)).findings == ()


@pytest.mark.parametrize("policy", ["EXISTING", "REPLACE", "SUPERSEDE", "DEBOUNCE"])
def test_of_many_callers_of_one_key_exactly_one_job_holds_it(database: Database, conn: Connection, policy: str) -> None:
    start = threading.Barrier(16)

    def call(_: int) -> list[UUID]:
        with closing(database.connect()) as mine:
            start.wait()
            got = [
                run(mine, jobs.enqueue(WORKSPACE, [wanted(on_conflict=policy, debounce_seconds=5)], ME), SERVES_ALL)
                for _ in range(4)
            ]
            return [done.ids[0] for done in got]

    with ThreadPoolExecutor(16) as pool:
        accepted = [id for one in pool.map(call, range(16)) for id in one]
    (holder,) = holders(conn)
    live = conn.execute("select id from jobtrail.jobs where status in ('QUEUED', 'PENDING')").fetchall()
    assert live == [(holder,)]
    assert holder in accepted
    made = conn.execute("select count(*) from jobtrail.jobs").fetchone()
    assert made == (1 if policy == "EXISTING" else 64,)


def test_callers_that_take_the_same_keys_in_any_order_never_wait_in_a_ring(
    database: Database, conn: Connection
) -> None:
    """Deadlocks would be tried again and so be hidden: the server's own count tells."""
    start = threading.Barrier(8)

    def call(number: int) -> None:
        turn = slice(None, None, -1 if number % 2 else 1)
        with closing(database.connect()) as mine:
            start.wait()
            for _ in range(6):
                policies = ("REPLACE", "SUPERSEDE", "EXISTING")
                new = [wanted(unique_key=str(n), on_conflict=policies[(n + number) % 3]) for n in range(12)][turn]
                run(mine, jobs.enqueue(WORKSPACE, new, ME), SERVES_ALL)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(8)))
    assert conn.execute("select count(distinct unique_hold), count(*) from jobtrail.jobs where unique_hold is not null"
        ).fetchone() == (12, 12)  # fmt: skip


def test_a_key_follows_from_the_type_and_the_input_in_any_order() -> None:
    key = unique.key_of("sync", b'{"a": 1, "b": [1, 2]}')
    assert key == unique.key_of("sync", b'{"b":[1,2],"a":1}')
    assert key != unique.key_of("sync", b'{"a": 1, "b": [2, 1]}')
    assert key != unique.key_of("other", b'{"a": 1, "b": [1, 2]}')
    assert unique.key_of("sync", b'{"a": 1, "b": 2}', ("a",)) == unique.key_of("sync", b'{"a": 1}', ("a",))
    assert len(unique.key_of("x" * 255, b"{}").encode()) <= 255
    with pytest.raises(Invalid):
        unique.key_of("sync", b"[1]", ("a",))


@pytest.mark.parametrize(
    "said",
    [
        {"throttle": "1h", "scope": "LIVE"},
        {"debounce": "1h", "on_conflict": "REFUSE"},
        {"max_wait": "1h"},
        {"on_conflict": "DEBOUNCE"},
        {"scope": "FOREVER"},
        {"on_conflict": "WIN"},
        {"window": "0s"},
        {"window": "4000d"},
    ],
)
def test_terms_of_a_key_that_do_not_go_together_are_refused(said: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        unique.terms_of(**said)


def test_a_deadline_counts_from_the_acceptance_unless_a_time_is_named(scene: Scene, clock: Clock) -> None:
    (id,) = accept(scene, new_job(expires_seconds=7_200))
    assert scene.job(id).cancel_at == clock.now() + timedelta(hours=2)
    at = clock.now() + timedelta(minutes=1)
    (named,) = accept(scene, new_job(expires_seconds=7_200, cancel_at=at))
    assert scene.job(named).cancel_at == at
    clock.advance(hours=2)
    scene.do(upkeep.stage())
    assert scene.job(id).status == "CANCELLED"


def test_an_id_that_is_there_stands_for_itself_whatever_its_key(scene: Scene) -> None:
    first = wanted()
    accept(scene, first)
    for policy in ("EXISTING", "REPLACE", "SUPERSEDE", "DEBOUNCE", "RESCHEDULE", "REFUSE"):
        assert accept(scene, wanted(id=first.id, on_conflict=policy, debounce_seconds=5)) == (first.id,)
    assert scene.job(first.id).status == "QUEUED"
    assert ids.new() != first.id


def test_a_window_of_a_job_that_was_cancelled_ends_at_its_time(scene: Scene, clock: Clock) -> None:
    (id,) = accept(scene, wanted(unique_scope="ANY", unique_window_seconds=60))
    scene.do(jobs.cancel(scene.workspace, id, ME))
    assert holders(scene.conn) == [id]
    clock.advance(seconds=60)
    assert (scene.do(upkeep.stage()).moved, holders(scene.conn)) == (1, [])
