"""The functions of an app are enqueued over HTTP where only a server is named."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from database import Database
from scene import WORKSPACE, Scene
from serving import Served

import jobtrail as jt
from jobtrail.client import Client
from jobtrail.client.remote import RemoteClient
from jobtrail.core.errors import Conflict, IdempotencyConflict, Invalid, Misconfigured, Unauthenticated


@pytest.fixture
def app(web: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[jt.App]:
    """An app in a folder without a database."""
    for name in [name for name in os.environ if name.startswith("JOBTRAIL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JOBTRAIL_SERVER_URL", web.url)
    monkeypatch.setenv("JOBTRAIL_API_KEY", web.key())
    app = jt.App()
    yield app
    app.client.close()


def test_a_function_is_enqueued_waited_for_and_typed(app: jt.App, scene: Scene) -> None:
    @app.job("demo", retry=7, priority="HIGH")
    def report(customer: str, pages: int = 5) -> tuple[str, int]:
        return customer, pages

    handle = report.enqueue(customer="c42")
    assert (handle.existed, handle.job().input) == (False, {"customer": "c42"})
    assert (handle.job().max_attempts, handle.job().priority) == (7, 8)
    with pytest.raises(TimeoutError):
        handle.result()
    scene.complete(scene.again(handle.id), '["c42", 5]')
    assert handle.wait("30s").status == "COMPLETED"
    assert handle.result() == ("c42", 5)
    many = app.enqueue_many([report.new(customer=str(n)) for n in range(3)])
    assert [scene.job(one).input["customer"] for one in many] == ["0", "1", "2"]


def test_a_type_is_made_with_parentheses_or_not_at_all(app: jt.App) -> None:
    def report(customer: str) -> str:
        return customer

    with pytest.raises(Invalid, match=r"write @app\.job\(\) with parentheses"):
        app.job(report)  # type: ignore[arg-type]  # what `@app.job` alone does


def test_keys_hold_over_http_too(app: jt.App) -> None:
    @app.job()
    def echo(n: int) -> int:
        return n

    once = echo.using(idempotency_key="k")
    assert once.enqueue(n=1).id == once.enqueue(n=1).id
    with pytest.raises(IdempotencyConflict):
        once.enqueue(n=2)
    unique = echo.using(unique_key="u")
    first, second = unique.enqueue(n=1), unique.enqueue(n=1)
    assert (first.id, first.existed, second.existed) == (second.id, False, True)


def test_async_code_enqueues_in_any_event_loop(app: jt.App) -> None:
    @app.job()
    async def echo(n: int) -> int:
        return n

    async def twice() -> list[bool]:
        once = echo.using(idempotency_key="k")
        handles = [await once.aenqueue(n=1), await once.aenqueue(n=1), await echo.aenqueue(n=2)]
        assert isinstance(app.aclient, jt.AsyncRemoteClient)
        await app.aclient.aclose()
        return [handle.existed for handle in handles]

    assert asyncio.run(twice()) == [False, True, False]
    assert asyncio.run(twice()) == [True, True, False]


def test_an_idempotency_key_holds_for_async_code_on_the_database(database: Database) -> None:
    app = jt.App(database.app_url)

    @app.job()
    async def echo(n: int) -> int:
        return n

    async def twice() -> list[bool]:
        once = echo.using(idempotency_key="k")
        try:
            return [(await once.aenqueue(n=1)).existed for _ in range(2)]
        finally:
            assert isinstance(app.client, Client)
            await app.client.database.aclose()

    assert asyncio.run(twice()) == [False, True]
    app.client.close()


def test_there_is_no_transaction_over_http(app: jt.App, database: Database) -> None:
    @app.job()
    def echo(n: int) -> int:
        return n

    with database.connect() as conn, pytest.raises(Invalid, match="JOBTRAIL_DATABASE_URL"):
        echo.using(conn=conn).enqueue(n=1)
    with pytest.raises(Invalid, match="workspace"):
        jt.App(workspace=WORKSPACE).client.list_jobs()


def test_a_database_comes_before_a_server(app: jt.App, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBTRAIL_DATABASE_URL", database.app_url)
    with jt.App().client as client:
        assert isinstance(client, Client)
    with jt.App("https://jobs.example.org").client as client:
        assert isinstance(client, RemoteClient)


def test_the_address_says_which_client_it_is(web: Served, database: Database, scene: Scene) -> None:
    job_id = scene.enqueue()
    with jt.connect(web.url, key=web.key()) as remote, jt.connect(database.app_url) as direct:
        assert remote.get(job_id) == direct.get(job_id)
    with jt.connect(web.url) as nobody, pytest.raises(Unauthenticated):
        nobody.get(job_id)
    for wrong in ("http://", "https://jobs.example.org?x=1"):
        with pytest.raises(Invalid):
            jt.connect(wrong)
    with pytest.raises(Invalid):
        jt.connect(database.app_url, key="jt_x")
    with pytest.raises(Invalid):
        jt.connect(web.url, key="jt_\n")


def test_an_address_where_no_jobtrail_is_says_so(web: Served) -> None:
    with RemoteClient(f"{web.url}/elsewhere", web.key(), patience=timedelta(0)) as client:
        with pytest.raises(Misconfigured):
            client.list_jobs()


def test_a_result_of_a_job_that_ended_otherwise_is_a_conflict(app: jt.App) -> None:
    @app.job()
    def echo(n: int) -> int:
        return n

    handle = echo.enqueue(n=1)
    app.client.cancel(handle.id, "no more")
    with pytest.raises(Conflict, match="no more"):
        handle.result()
