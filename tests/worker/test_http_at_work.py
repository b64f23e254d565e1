"""Jobs of type `http` from end to end: a worker calls, and the service takes the answer that is called back."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from database import Database
from outgoing.receiver import Receiver, Reply, receiving
from serving import Served, served
from worker.at_work import Scene, wait_until
from worker.at_work import scene as make_scene

from jobtrail.core.model import Job
from jobtrail.outgoing import guard
from jobtrail.runners import registry
from jobtrail.service.jobs import NewJob, Options
from jobtrail.store.identity import new_id

HOME = guard.rules(["127.0.0.1"])
JSON = (("content-type", "application/json"),)


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Iterator[Scene]:
    with make_scene(database, tmp_path) as scene:
        for runner in registry.load(("http",)).values():
            scene.app.add(runner)
        yield scene


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[Served]:
    with served(database, tmp_path / "web") as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def enqueue(scene: Scene, receiver: Receiver, **input: Any) -> UUID:
    options = Options(type="http", backoff_type="FIXED", backoff_delay_ms=1)
    job = NewJob(new_id(), json.dumps({"url": receiver.url, **input}).encode(), options)
    return scene.client.enqueue_all([job]).ids[0]


def until(scene: Scene, id: UUID, *statuses: str) -> Job:
    wait_until(lambda: scene.client.get(id).status in statuses, f"{id} becomes {statuses}")
    return scene.client.get(id)


def output(scene: Scene, id: UUID) -> Any:
    result = scene.client.result(id)
    assert result is not None
    return result.output


def test_a_call_is_tried_again_until_it_is_answered_and_the_answer_is_kept(scene: Scene, receiver: Receiver) -> None:
    receiver.reply = lambda n, _: Reply(503 if n == 1 else 200, JSON, b'{"n": 1}')
    with scene.work(outgoing=HOME):
        id = enqueue(scene, receiver, method="POST", json={"a": 1})
        assert until(scene, id, "COMPLETED", "FAILED").status == "COMPLETED"
    assert [got.headers["idempotency-key"] for got in receiver.got] == [str(id)] * 2
    assert [one.error_code for one in scene.client.attempts(id)] == ["http_status", None]
    assert output(scene, id)["json"] == {"n": 1}


def test_a_long_answer_becomes_a_file(scene: Scene, receiver: Receiver) -> None:
    body = b"x" * (65 << 10)
    receiver.reply = lambda _, __: Reply(200, (("content-type", "text/csv"),), body)
    with scene.work(outgoing=HOME):
        id = enqueue(scene, receiver)
        until(scene, id, "COMPLETED")
    kept = output(scene, id)["asset"]
    (asset,) = scene.client.assets(id)
    assert (str(asset.id), asset.name, asset.byte_size) == (kept["id"], "response.csv", len(body))


def test_nobody_in_our_own_network_is_called_without_leave(scene: Scene, receiver: Receiver) -> None:
    with scene.work():
        job = until(scene, enqueue(scene, receiver), "FAILED")
    assert job.error_code in ("refused_address", "invalid") and receiver.got == []


def address(receiver: Receiver, n: int = 1) -> str:
    return receiver.wait_for(n)[n - 1].headers["jobtrail-callback"]


def test_an_answer_that_is_called_back_ends_the_job(scene: Scene, receiver: Receiver, web: Served) -> None:
    with scene.work(outgoing=HOME, public_url=web.url, slots=1):
        id = enqueue(scene, receiver, method="POST", body="answer to {callback_url}", callback={"timeout": "1h"})
        waits = until(scene, id, "PENDING")
        assert (waits.wait_reason, waits.attempt_count) == ("SIGNAL", 1)
        assert receiver.got[0].body.decode() == f"answer to {address(receiver)}"
        first, second = (httpx2.post(address(receiver), json={"n": n}) for n in (1, 2))
        assert (first.status_code, first.json()) == (200, {"is_new": True})
        assert (second.status_code, second.json()) == (200, {"is_new": False})
        until(scene, id, "COMPLETED")
    assert output(scene, id)["callback"]["body"] == {"n": 1}
    assert [event.type for event in scene.client.events(id)].count("job.resumed") == 1
    assert len(receiver.got) == 1, "it was called again"


def test_an_answer_that_comes_before_the_call_has_ended_is_kept(scene: Scene, receiver: Receiver, web: Served) -> None:
    hold = threading.Event()
    receiver.reply = lambda _, __: Reply(202, JSON, b"{}", hold)
    with scene.work(outgoing=HOME, public_url=web.url):
        id = enqueue(scene, receiver, callback={})
        assert httpx2.post(address(receiver), content="now").json() == {"is_new": True}
        hold.set()
        until(scene, id, "COMPLETED")
    assert output(scene, id)["callback"]["body"] == "now"
    assert len(scene.client.attempts(id)) == 1


def test_nobody_who_calls_back_in_time_fails_the_job(scene: Scene, receiver: Receiver, web: Served) -> None:
    with scene.work(outgoing=HOME, public_url=web.url):
        job = until(scene, enqueue(scene, receiver, callback={"timeout": 1}), "FAILED")
        assert job.error_code == "callback_timeout"
        late = httpx2.post(address(receiver), content="late")
    assert late.status_code == 409


@pytest.mark.parametrize("wrong", [lambda url: url[:-1], lambda url: f"{url[:-3]}AAA", lambda url: f"{url}A"])
def test_another_address_is_nobodys(scene: Scene, receiver: Receiver, web: Served, wrong: Any) -> None:
    with scene.work(outgoing=HOME, public_url=web.url):
        id = enqueue(scene, receiver, callback={})
        until(scene, id, "PENDING")
        assert httpx2.post(wrong(address(receiver)), json=1).status_code == 404
        assert httpx2.post(address(receiver), content=b"x" * ((1 << 20) + 1)).status_code == 413
        assert httpx2.post(address(receiver), content=b"{", headers=dict(JSON)).status_code == 422
    assert scene.client.get(id).wait_reason == "SIGNAL"
