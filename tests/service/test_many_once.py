"""Requests of many callers are accepted together, each once under its key, and none of them spoils another's."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from database import Connection, Database
from scene import ME, SERVES_ALL, WORKSPACE, Scene, ids, new_job

from jobtrail.core.errors import IdempotencyConflict, Invalid
from jobtrail.service import jobs
from jobtrail.service.accepting import Accepted
from jobtrail.service.jobs import Filter, NewJob
from jobtrail.store.db import run


def job_count(conn: Connection) -> int:
    row = conn.execute("select count(*) from jobtrail.jobs").fetchone()
    assert row is not None
    count: int = row[0]
    return count


def many(scene: Scene, *requests: tuple[NewJob, str | None]) -> list[Accepted | IdempotencyConflict]:
    return scene.do(jobs.enqueue_many_once(WORKSPACE, requests, ME))


def test_each_request_gets_a_job_of_its_own(scene: Scene) -> None:
    requests = [(new_job(), None), (new_job(priority=9), "a"), (new_job(), "b"), (new_job(queue="other"), None)]
    assert many(scene, *requests) == [Accepted(job.id, is_new=True) for job, _ in requests]
    assert scene.job(requests[1][0].id).priority == 9
    assert job_count(scene.conn) == 4
    assert many(scene) == []


def test_a_key_stands_for_one_job_within_a_batch_and_between_batches(scene: Scene) -> None:
    first = new_job()
    assert many(scene, (first, "a"), (new_job(), "a")) == [
        Accepted(first.id, is_new=True),
        Accepted(first.id, is_new=False),
    ]
    later = many(scene, (new_job(), "a"), (new_job(), "a"), (new_job(), "b"))
    assert later[:2] == [Accepted(first.id, is_new=False)] * 2
    assert scene.do(jobs.enqueue_once(WORKSPACE, new_job(), ME, "a")) == (first.id, False)
    assert job_count(scene.conn) == 2


def test_another_request_under_a_used_key_spoils_nobody_elses(scene: Scene) -> None:
    mine = new_job()
    within = many(scene, (mine, "a"), (new_job(input=b"2"), "a"), (new_job(), "b"))
    assert [type(answer) for answer in within] == [Accepted, IdempotencyConflict, Accepted]
    between = many(scene, (new_job(title="other"), "a"), (new_job(), None))
    assert [type(answer) for answer in between] == [IdempotencyConflict, Accepted]
    assert str(mine.id) in str(between[0]) and "'a'" in str(between[0])
    assert job_count(scene.conn) == 3


def test_a_key_stands_for_the_job_that_has_the_unique_key(scene: Scene) -> None:
    holder = scene.enqueue(unique_key="u")
    answers = many(
        scene, (new_job(unique_key="u"), "a"), (new_job(unique_key="u"), None), (new_job(unique_key="v"), "b")
    )
    assert answers[:2] == [Accepted(holder, is_new=False)] * 2
    assert isinstance(answers[2], Accepted) and answers[2].is_new
    assert many(scene, (new_job(unique_key="u"), "a")) == [Accepted(holder, is_new=False)]


def test_what_the_database_refuses_fails_all_and_alone_only_itself(scene: Scene) -> None:
    requests = [(new_job(), "a"), (new_job(task_id=ids.new()), "b"), (new_job(), None), (new_job(), "a")]
    with pytest.raises(Invalid):
        many(scene, *requests)
    assert job_count(scene.conn) == 0
    answers: list[object] = []
    for job, key in requests:
        try:
            answers.append(scene.do(jobs.one_by_one(WORKSPACE, job, key, ME)))
        except Invalid:
            answers.append("refused")
    first, third = requests[0][0].id, requests[2][0].id
    assert answers == [
        Accepted(first, is_new=True),
        "refused",
        Accepted(third, is_new=True),
        Accepted(first, is_new=False),
    ]


def test_one_key_of_64_callers_at_once_is_one_job(database: Database) -> None:
    callers = 64
    together = threading.Barrier(callers)

    def call(n: int) -> Accepted | IdempotencyConflict:
        with closing(database.connect()) as conn:
            together.wait(60)
            mine = [(new_job(), "shared"), (new_job(), f"own {n}")]
            answers = run(conn, jobs.enqueue_many_once(WORKSPACE, mine if n % 2 else mine[::-1], ME), SERVES_ALL)
            return answers[0 if n % 2 else 1]

    with ThreadPoolExecutor(callers) as threads:
        answers = list(threads.map(call, range(callers)))
    assert len({answer.job_id for answer in answers if isinstance(answer, Accepted)}) == 1
    assert sum(answer.is_new for answer in answers if isinstance(answer, Accepted)) == 1
    with closing(database.connect()) as conn:
        assert job_count(conn) == callers + 1


def test_10_000_keys_are_10_000_jobs_however_often_they_come(database: Database) -> None:
    """Batches that overlap, of several callers at once, in any order."""
    keys = [f"key {n}" for n in range(10_000)]

    def call(n: int) -> None:
        with closing(database.connect()) as conn:
            mine = keys[n * 2_000 :] + keys[: n * 2_000]
            for at in range(0, len(mine), 500):
                requests = [
                    (new_job(input=key.encode().hex().encode().join([b'"', b'"'])), key) for key in mine[at : at + 500]
                ]
                answers = run(conn, jobs.enqueue_many_once(WORKSPACE, requests, ME), SERVES_ALL)
                assert all(isinstance(answer, Accepted) for answer in answers)

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(call, range(3)))
    with closing(database.connect()) as conn:
        assert job_count(conn) == len(keys)
        tied = "select count(*) from jobtrail.idempotency_keys k join jobtrail.jobs j on j.id = k.job_id"
        assert conn.execute(tied.encode()).fetchone() == (len(keys),)
        assert len(run(conn, jobs.listed(WORKSPACE, Filter(), limit=20_000), SERVES_ALL)) == len(keys)
