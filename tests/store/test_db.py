"""Verbs on a connection of the caller's own: they commit and roll back with the caller's data."""

from __future__ import annotations

import contextlib

import psycopg
import pytest
from database import Database
from scene import ME, WORKSPACE, Scene

from jobtrail.client import Client
from jobtrail.core.errors import Conflict, NotFound
from jobtrail.service import jobs
from jobtrail.service.jobs import NewJob, Options
from jobtrail.store.db import Scope, arun, run
from jobtrail.store.identity import new_id


def a_job() -> NewJob:
    return NewJob(id=new_id(), input=b"{}", options=Options(type="t"))


def is_there(scene: Scene, job: NewJob) -> bool:
    return run(scene.conn, jobs.get(WORKSPACE, job.id), Scope("*", standing=True)) is not None


def test_the_first_statement_of_a_transaction_rolls_back_with_it(database: Database, scene: Scene) -> None:
    job = a_job()
    with contextlib.suppress(ZeroDivisionError), psycopg.connect(database.app_url) as conn:
        run(conn, jobs.enqueue(WORKSPACE, [job], ME), Scope.of(WORKSPACE))
        raise ZeroDivisionError
    assert not is_there(scene, job)


def test_it_commits_when_the_caller_commits(database: Database, scene: Scene) -> None:
    job = a_job()
    with psycopg.connect(database.app_url) as conn:
        run(conn, jobs.enqueue(WORKSPACE, [job], ME), Scope.of(WORKSPACE))
        assert not is_there(scene, job)
    assert is_there(scene, job)


async def test_the_same_on_an_async_connection(database: Database, scene: Scene) -> None:
    job, other = a_job(), a_job()
    async with await psycopg.AsyncConnection.connect(database.app_url) as conn:
        await arun(conn, jobs.enqueue(WORKSPACE, [job], ME), Scope.of(WORKSPACE))
        assert not is_there(scene, job)
    with contextlib.suppress(ZeroDivisionError):
        async with await psycopg.AsyncConnection.connect(database.app_url) as conn:
            await arun(conn, jobs.enqueue(WORKSPACE, [other], ME), Scope.of(WORKSPACE))
            raise ZeroDivisionError
    assert (is_there(scene, job), is_there(scene, other)) == (True, False)


def test_a_verb_that_fails_leaves_the_callers_transaction_usable(database: Database, scene: Scene) -> None:
    job = a_job()
    with psycopg.connect(database.app_url) as conn:
        run(conn, jobs.enqueue(WORKSPACE, [job], ME), Scope.of(WORKSPACE))
        with pytest.raises(NotFound):
            run(conn, jobs.cancel(WORKSPACE, new_id(), ME), Scope.of(WORKSPACE))
        run(conn, jobs.cancel(WORKSPACE, job.id, ME), Scope.of(WORKSPACE))
        with pytest.raises(Conflict):
            run(conn, jobs.cancel(WORKSPACE, job.id, ME), Scope.of(WORKSPACE))
    assert scene.job(job.id).status == "CANCELLED"


def test_a_client_joins_an_open_transaction(database: Database, scene: Scene) -> None:
    job = a_job()
    with Client(database.app_url) as client, psycopg.connect(database.app_url) as conn:
        client.enqueue_all([job], conn=conn)
        conn.rollback()
    assert not is_there(scene, job)
