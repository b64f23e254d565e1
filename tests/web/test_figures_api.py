"""Figures over HTTP: errors in groups, the overview, money by day, the installation; who may see them, and names with a stroke."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import pytest
from database import Database
from scene import Scene
from serving import Served, served

from jobtrail.core.scopes import SCOPES_OF, ApiScope, Role
from jobtrail.service import attempts, usage
from jobtrail.service.usage import Call


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[Served]:
    with served(database, tmp_path) as running:
        yield running


def failed(scene: Scene, message: str) -> UUID:
    fence = scene.start()
    scene.do(attempts.fail(attempts.Failed(fence, "boom", message, retry_in=None)))
    return fence.job_id


def test_errors_are_told_in_groups_and_a_group_can_be_tried_again(web: Served, scene: Scene) -> None:
    ids = [failed(scene, f"took {n} s") for n in range(3)]
    failed(scene, "no disk")
    http = web.client()
    told = http.get("/api/v1/errors").json()
    assert [one["jobs"] for one in told["items"]] == [1, 3]
    fingerprint = told["items"][1]["fingerprint"]
    assert http.get(f"/api/v1/errors/{fingerprint}").json()["items"] == [told["items"][1]]
    assert http.get("/api/v1/errors/fp_00000000").status_code == 404
    assert http.get("/api/v1/errors", params={"since": "2100-01-01T00:00:00Z"}).json()["items"] == []
    found = http.get("/api/v1/jobs", params={"q": f"status:FAILED error:{fingerprint}"}).json()
    assert {job["id"] for job in found["items"]} == {str(id) for id in ids}
    body = {"action": "retry", "filter": {"q": f"status:FAILED error:{fingerprint}"}, "dry_run": True}
    assert http.post("/api/v1/bulk", json=body).json()["changing"] == 3


def test_the_overview_is_one_answer(web: Served, scene: Scene) -> None:
    fence = scene.start(title="now")
    scene.do(usage.book(fence, 1, Call(provider="p", model="m")))
    told = web.client().get("/api/v1/overview").json()
    assert told["running"][0]["title"] == "now" and told["running"][0]["cost_usd"] is None
    assert (told["today"]["cost_usd"], told["today"]["unpriced_calls"]) == (None, 1)


def test_money_is_told_by_day_and_model(web: Served, scene: Scene) -> None:
    scene.do(usage.book(scene.start(), 1, Call(provider="p", model="m")))
    (day,) = web.client().get("/api/v1/usage/days").json()["items"]
    assert (day["model"], day["calls"], day["cost_usd"], day["unpriced_calls"]) == ("m", 1, None, 1)
    wrong = web.client().get(
        "/api/v1/usage/days", params={"until": "2000-01-01T00:00:00Z", "since": "2001-01-01T00:00:00Z"}
    )
    assert wrong.status_code == 422


@pytest.mark.parametrize(("role", "status"), [(Role.OPERATOR, 403), (Role.ADMIN, 200), (Role.OWNER, 200)])
def test_only_admins_see_the_installation(web: Served, role: Role, status: int) -> None:
    answer = web.client(web.key(scopes=SCOPES_OF[role])).get("/api/v1/system")
    assert answer.status_code == status
    if status == 200:
        told = answer.json()
        assert {one["about"] for one in told["findings"]} >= {"server", "role", "tables", "upkeep"}
        assert told["system"]["tables"] and told["system"]["upkeep"]["schema_number"] >= 11


def test_of_jobs_that_nobody_takes_only_ones_own_are_told(web: Served, scene: Scene) -> None:
    other = web.workspace("other")
    Scene(scene.conn, other).enqueue(queue="secret")
    scene.enqueue(queue="mine")
    said = web.client().get("/api/v1/system").text
    assert "secret" not in said and "mine" in said


@pytest.mark.parametrize("name", ["a/b", "a/pause", "pause", "/", "a//b", "50% off", "ä b", "a/../b"])
def test_a_queue_may_have_any_name(web: Served, scene: Scene, name: str) -> None:
    http, at = web.client(), f"/api/v1/queues/{quote(name, safe='')}"
    assert http.post(f"{at}/pause", json={"reason": "so"}).status_code == 204
    (queue,) = http.get("/api/v1/queues").json()["items"]
    assert (queue["queue"], queue["paused_reason"]) == (name, "so")
    assert http.get(f"{at}/stats").json() == {"items": []}
    assert http.post(f"{at}/resume").status_code == 204
    assert http.post(f"{at}/resume").status_code == 409


def test_a_stroke_in_a_name_may_stand_there_as_it_is(web: Served) -> None:
    http = web.client(web.key(scopes={ApiScope.QUEUES_PAUSE, ApiScope.QUEUES_READ}))
    assert http.post("/api/v1/queues/a/b/pause", json={}).status_code == 204
    assert [one["queue"] for one in http.get("/api/v1/queues").json()["items"]] == ["a/b"]
    assert http.get("/api/v1/types/a/b").status_code == 403
