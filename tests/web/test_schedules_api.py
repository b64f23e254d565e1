"""Schedules over HTTP: versions, what is refused and how, strange times, and who may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from serving import Served

from jobtrail.core.scopes import ApiScope
from jobtrail.web.cursors import cursor as cursor_of

NEW: dict[str, Any] = {"name": "nightly", "type": "command", "expression": "30 2 * * *", "zone": "Europe/Berlin"}


def made(http: httpx2.Client, **more: Any) -> dict[str, Any]:
    answer = http.post("/api/v1/schedules", json={**NEW, **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_schedule_is_made_and_changed_while_it_is_as_it_was_read(http: httpx2.Client) -> None:
    answer = http.post("/api/v1/schedules", json=NEW)
    one = answer.json()
    assert answer.headers["location"].endswith(one["id"]) and answer.headers["etag"] == '"1"'
    assert (one["words"], one["zone"], one["ticks"]) == ("Every day at 02:30", "Europe/Berlin", [])
    at = f"/api/v1/schedules/{one['id']}"
    changed = http.patch(at, json={"expression": "@hourly"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    stale = http.patch(at, json={"title": "x"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412, stale.text
    bare = http.patch(at, json={"title": None})
    assert (bare.status_code, bare.json()["title"], bare.json()["expression"]) == (200, None, "@hourly")
    refused = http.patch(at, json={"type": None})
    assert refused.status_code in (400, 422), refused.text


def test_names_are_had_once_and_what_is_gone_is_gone(http: httpx2.Client) -> None:
    one = made(http)
    assert http.post("/api/v1/schedules", json=NEW).status_code == 409
    other = made(http, name="other")
    assert http.patch(f"/api/v1/schedules/{other['id']}", json={"name": "nightly"}).status_code == 409
    assert http.delete(f"/api/v1/schedules/{one['id']}").status_code == 204
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/run"),
        ("POST", "/resume"),
        ("GET", "/ticks"),
        ("GET", "/next"),
    ):
        assert http.request(method, f"/api/v1/schedules/{one['id']}{path}").status_code == 404


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"expression": "61 * * * *"}, "expression"),
        ({"expression": "0 0 30 2 *"}, "expression"),
        ({"expression": "at 0001-01-01T00:00"}, "expression"),
        ({"expression": "at 9999-12-31T23:59-14:00"}, "expression"),
        ({"expression": "every 0s"}, "expression"),
        ({"expression": "* * * * * * *"}, "expression"),
        ({"expression": "a\x00b"}, "expression"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"zone": "\x00"}, "zone"),
        ({"starts_at": "9999-12-31T23:59:59Z"}, "starts_at"),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, "starts_at"),
        ({"ends_at": "2000-01-01T00:00:00Z"}, "ends_at"),
        ({"name": "a\x00"}, "name"),
        ({"type": "nobody.knows"}, "type"),
        ({"overlap": "MAYBE"}, "overlap"),
        ({"jitter_seconds": 1e9}, "jitter_seconds"),
        ({"options": {"priority": 11}}, "options.priority"),
        ({"options": {"queue": "a\x00"}}, "queue"),
        ({"options": {"scheduled_at": "2027-01-01T00:00:00Z"}}, "options"),
        ({"options": {"task_id": "00000000-0000-7000-8000-000000000009"}}, "options.task_id"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(http: httpx2.Client, more: dict[str, Any], field: str) -> None:
    answer = http.post("/api/v1/schedules", json={**NEW, **more})
    assert answer.status_code in (400, 422), answer.text
    problem = answer.json()
    assert any(field in one["path"] for one in problem.get("errors", [])), answer.text


@pytest.mark.parametrize("after", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1800-01-01T00:00:00Z"])
def test_times_beyond_all_times_are_refused(http: httpx2.Client, after: str) -> None:
    said = {"expression": "* * * * *", "zone": "America/New_York", "after": after}
    assert http.get("/api/v1/schedules/preview", params=said).status_code == 422
    one = made(http)
    body = {"since": after, "until": after}
    assert http.post(f"/api/v1/schedules/{one['id']}/backfill", json=body).status_code == 422


def test_a_preview_needs_no_schedule(http: httpx2.Client) -> None:
    said = {"expression": "30 2 * * *", "zone": "Europe/Berlin", "count": "2", "after": "2027-03-27T12:00:00Z"}
    items = http.get("/api/v1/schedules/preview", params=said).json()["items"]
    assert [one["local"] for one in items] == ["2027-03-28T03:00:00+02:00", "2027-03-29T02:30:00+02:00"]
    assert "does not exist" in items[0]["note"] and items[1]["note"] is None


def test_pages_of_ticks_follow_each_other(http: httpx2.Client) -> None:
    one = made(http, overlap="ALLOW")
    jobs = [http.post(f"/api/v1/schedules/{one['id']}/run").json()["job_id"] for _ in range(5)]
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = http.get(f"/api/v1/schedules/{one['id']}/ticks", params={"limit": "2", **cursor}).json()
        found += [tick["job_id"] for tick in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == jobs[::-1]
    for foreign in (-1, 1 << 60, "2027-01-01"):
        asked = http.get(f"/api/v1/schedules/{one['id']}/ticks", params={"cursor": cursor_of("ticks", foreign)})
        assert asked.status_code == 422


def test_a_backfill_counts_before_it_makes(http: httpx2.Client) -> None:
    one = made(http, expression="@hourly", overlap="QUEUE")
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    body = {"since": (until - timedelta(hours=4)).isoformat(), "until": until.isoformat()}
    at = f"/api/v1/schedules/{one['id']}/backfill"
    counted = http.post(at, json={**body, "dry_run": True})
    assert (counted.status_code, counted.json()["ticks"], counted.json()["jobs"]) == (200, 4, [])
    assert http.post(at, json={**body, "limit": 3}).status_code == 409
    done = http.post(at, json=body)
    assert (done.status_code, len(done.json()["jobs"])) == (201, 4)
    assert http.post(at, json=body).status_code == 200


def test_who_may_only_read_changes_nothing(web: Served, http: httpx2.Client) -> None:
    one = made(http)
    reader = web.client(web.key(scopes={ApiScope.SCHEDULES_READ}))
    at = f"/api/v1/schedules/{one['id']}"
    assert reader.get(at).status_code == 200
    for method, path in (("PATCH", ""), ("DELETE", ""), ("POST", "/run"), ("POST", "/pause")):
        body: dict[str, Any] | None = {} if method == "PATCH" or path == "/pause" else None
        answer = reader.request(method, f"{at}{path}", json=body)
        assert answer.status_code == 403, f"{method} {path}: {answer.text}"
