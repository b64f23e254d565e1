"""Limits over HTTP, from the command line and on the page of a queue: one thing, set here and seen there."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from scene import Scene
from serving import Served
from web.remote import Remote, enqueue

from jobtrail.client import Client
from jobtrail.client.connecting import connect
from jobtrail.client.remote import RemoteClient
from jobtrail.core.errors import Invalid, NotFound
from jobtrail.core.limits import LimitScope, Rate
from jobtrail.core.scopes import ApiScope


@pytest.fixture
def remote(http: httpx2.Client) -> Remote:
    return Remote(http)


def test_a_queue_is_limited_used_and_freed(http: httpx2.Client, remote: Remote) -> None:
    done = http.put("/api/v1/queues/default/limits", json={"max_slots": 2, "reason": "the API is slow"})
    assert (done.status_code, done.json()["max_slots"], done.json()["reason"]) == (200, 2, "the API is slow")
    for n in range(4):
        enqueue(http, input={"n": n})
    assert len(remote.claim(limit=10)) == 2
    (one,) = http.get("/api/v1/limits").json()["items"]
    assert (one["scope"], one["name"], one["used_slots"], one["starts_left"]) == ("QUEUE", "default", 2, None)
    assert remote.claim(limit=10) == []
    assert http.delete(f"/api/v1/limits/{one['id']}").status_code == 204
    assert len(remote.claim(limit=10)) == 2
    assert http.delete("/api/v1/queues/default/limits").status_code == 404


def test_keys_and_slots_of_jobs_come_over_http(http: httpx2.Client, remote: Remote) -> None:
    for _ in range(3):
        enqueue(http, concurrency_key="a", concurrency_limit=2)
    heavy = enqueue(http, slots=3)
    assert len(remote.claim(limit=2)) == 2
    assert http.get("/api/v1/limits/keys").json()["items"] == [{"key": "a", "running": 2, "limit": 2, "waiting": 1}]
    assert http.get("/api/v1/limits/keys", params={"queue": "other"}).json()["items"] == []
    assert [job["job_id"] for job in remote.claim(limit=3)] == [str(heavy)], "who asks for three slots gets the job"
    assert http.get(f"/api/v1/jobs/{heavy}").json()["job"]["slots"] == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"scope": "QUEUE", "name": "a"},
        {"scope": "QUEUE", "max_slots": 1},
        {"scope": "WORKSPACE", "name": "a", "max_slots": 1},
        {"scope": "KEY", "name": "*", "rate_count": 1, "rate_seconds": 1},
        {"scope": "TYPE", "name": "a", "rate_count": 1},
        {"scope": "TYPE", "name": "a", "burst": 1, "max_slots": 1},
        {"scope": "TYPE", "name": "a", "max_slots": -1},
        {"scope": "TYPE", "name": "a\0", "max_slots": 1},
    ],
)
def test_what_is_no_limit_is_refused(http: httpx2.Client, wrong: dict[str, Any]) -> None:
    assert http.put("/api/v1/limits", json=wrong).status_code == 422


def test_only_who_may_pause_queues_may_limit_them(web: Served) -> None:
    may = {
        scope: web.client(web.key(scopes=[scope]))
        .put("/api/v1/limits", json={"scope": "WORKSPACE", "max_slots": 9})
        .status_code
        for scope in (ApiScope.QUEUES_PAUSE, ApiScope.QUEUES_READ, ApiScope.JOBS_ENQUEUE)
    }
    assert may == {ApiScope.QUEUES_PAUSE: 200, ApiScope.QUEUES_READ: 403, ApiScope.JOBS_ENQUEUE: 403}


def test_clients_say_the_same_here_and_there(web: Served, scene: Scene) -> None:
    there = connect(web.url, web.key())
    assert isinstance(there, RemoteClient)
    made = there.limits.set(LimitScope.TYPE, "demo", max_slots=3, rate=Rate(5, 1.5, burst=2), reason="why")
    with Client(web.database.app_url) as here:
        assert here.limits.list() == there.limits.list()
        assert (made.rate_kind, here.limits.list()[0].starts_left, here.limits.keys("q")) == ("TOKEN_BUCKET", 2, [])
        with pytest.raises(Invalid):
            there.limits.set(LimitScope.QUEUE, "q")
        there.limits.remove(made.id)
        with pytest.raises(NotFound):
            here.limits.remove(made.id)
    there.close()


def test_the_page_of_a_queue_shows_its_limits_and_keys(web: Served, http: httpx2.Client, remote: Remote) -> None:
    http.put(
        "/api/v1/queues/default/limits",
        json={"max_slots": 7, "rate_count": 60, "rate_seconds": 60, "reason": "<b>slow"},
    )
    enqueue(http, concurrency_key="customer <7>")
    enqueue(http, concurrency_key="customer <7>")
    assert len(remote.claim(limit=5)) == 1
    page = httpx2.get(f"{web.url}/w/default/queues/default", headers=dict(http.headers)).text
    for shown in ("1/7", "60/m", "&lt;b&gt;slow", "customer &lt;7&gt;", "59 left now"):
        assert shown in page, shown
