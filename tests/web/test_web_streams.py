"""Streams over HTTP: what is stored arrives, from where one left off, and ends when it must."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx2
import msgspec
from scene import Scene
from serving import Served

from jobtrail.service import logs
from jobtrail.service.logs import NewChunk


@contextmanager
def stream(http: httpx2.Client, path: str, **more: Any) -> Iterator[Iterator[tuple[str, str, Any]]]:
    """The events of a stream as (id, name, data)."""
    with http.stream("GET", path, **more) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events(answer.iter_lines())


def events(lines: Iterator[str]) -> Iterator[tuple[str, str, Any]]:
    said: dict[str, str] = {}
    for line in lines:
        if line == "" and "data" in said:
            yield said.get("id", ""), said.get("event", "message"), json.loads(said["data"])
        if line == "":
            said = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            said[name] = value.removeprefix(" ")


def stored(told: Iterator[tuple[str, str, Any]]) -> tuple[str, str, Any]:
    """The next event that is stored: what has no id may come at any time."""
    return next(event for event in told if event[0])


def test_a_jobs_stream_tells_its_events_in_order_to_its_end(http: httpx2.Client) -> None:
    place = http.post("/api/v1/jobs", json={"type": "a"}).headers["location"]
    with stream(http, f"{place}/stream") as told:
        assert next(told)[:2] == ("1", "job.created")
        http.post(f"{place}/cancel", json={"reason": "enough"})
        rest = list(told)
    assert [(id, name) for id, name, _ in rest if id] == [("2", "job.cancelled")]
    assert rest[-1][1] == "stream.complete"
    with stream(http, f"{place}/stream", headers={"Last-Event-ID": "1"}) as told:
        assert next(told)[:2] == ("2", "job.cancelled")


def test_the_stream_of_a_workspace_tells_what_happens_there_and_nothing_of_another(
    web: Served, http: httpx2.Client
) -> None:
    other = web.client(web.key(workspace=web.workspace("other")))
    with stream(http, "/api/v1/stream?type=a") as told, stream(other, "/api/v1/stream") as theirs:
        first = http.post("/api/v1/jobs", json={"type": "a"}).json()["id"]
        http.post("/api/v1/jobs", json={"type": "b"})
        hers = other.post("/api/v1/jobs", json={"type": "a"}).json()["id"]
        opening = next(event for event in told if event[1] == "stream.open")[2]["cursor"]
        cursor, name, data = stored(told)
        assert (name, data["job_id"]) == ("job.created", first)
        assert stored(theirs)[2]["job_id"] == hers
    with stream(http, f"/api/v1/stream?type=a&after={opening}") as told:
        assert stored(told)[2]["job_id"] == first
    second = http.post("/api/v1/jobs", json={"type": "a"}).json()["id"]
    with stream(http, "/api/v1/stream?type=a", headers={"Last-Event-ID": cursor}) as told:
        assert stored(told)[2]["job_id"] == second


def test_who_may_not_look_at_a_job_gets_no_stream_of_it(web: Served, http: httpx2.Client) -> None:
    place = http.post("/api/v1/jobs", json={"type": "a"}).headers["location"]
    other = web.client(web.key(workspace=web.workspace("other")))
    assert other.get(f"{place}/stream").status_code == 404
    assert web.client("").get("/api/v1/stream").status_code == 401


def test_the_stream_of_a_revoked_key_ends(web: Served, http: httpx2.Client) -> None:
    made = http.post("/api/v1/api-keys", json={"name": "short", "scopes": ["jobs:read"]}).json()
    reader = web.client(made["key"])
    with stream(reader, "/api/v1/stream") as told:
        assert http.post(f"/api/v1/api-keys/{made['api_key']['id']}/revoke").status_code == 204
        assert [name for _, name, _ in told][-1] == "closed"


def test_a_shutdown_ends_streams_and_tells_them(web: Served, http: httpx2.Client) -> None:
    with stream(http, "/api/v1/stream") as told:
        threading.Thread(target=web.server.handle_exit, args=(15, None)).start()
        assert list(told)[-1][1:] == ("closed", {"reason": "shutdown"})


def test_progress_and_log_lines_travel_without_an_id(http: httpx2.Client, scene: Scene) -> None:
    place = http.post("/api/v1/jobs", json={"type": "a"}).headers["location"]
    with stream(http, f"{place}/stream") as told:
        assert next(told)[1] == "job.created"
        fence = scene.again(UUID(place.rpartition("/")[2]))
        line = msgspec.json.encode(
            {"level": "INFO", "source": "USER", "message": "hello", "at": "2026-01-01T00:00:00Z"}
        )
        scene.do(logs.append([NewChunk(fence, None, 1, 1, ("INFO",), (), line.decode())]))
        seen = []
        for id, name, data in told:
            seen.append((bool(id), name))
            if name == "log":
                assert data["message"] == "hello"
                break
    assert (True, "job.started") in seen
    assert (False, "log") in seen
