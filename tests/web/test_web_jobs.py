"""Jobs over HTTP: what is accepted is there, what is wrong is told, what belongs to others is not there."""

from __future__ import annotations

import httpx2
from serving import Served, mistyped

from jobtrail.core.scopes import ApiScope


def test_what_is_accepted_is_there(http: httpx2.Client) -> None:
    made = http.post("/api/v1/jobs", json={"type": "orders.sync", "input": {"customer": "c42"}, "priority": 8})
    assert made.status_code == 201
    found = http.get(made.headers["location"])
    assert found.status_code == 200
    assert (found.json()["job"]["input"], found.json()["job"]["priority"]) == ({"customer": "c42"}, 8)
    assert found.json()["events"][0]["type"] == "job.created"
    assert found.headers["etag"] == '"1"'


def test_the_same_idempotency_key_answers_the_same_job_and_never_another_request(http: httpx2.Client) -> None:
    body, headers = {"type": "a", "input": {"n": 1}}, {"Idempotency-Key": "k1"}
    first, second = (http.post("/api/v1/jobs", json=body, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == {"id": first.json()["id"], "existed": True}
    other = http.post("/api/v1/jobs", json={"type": "a", "input": {"n": 2}}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")


def test_what_is_wrong_is_told_with_its_path(http: httpx2.Client) -> None:
    answer = http.post("/api/v1/jobs", json={"type": "a", "priority": "high"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"] == [{"path": "priority", "message": "Expected `int`, got `str`"}]
    assert http.post("/api/v1/jobs", content=b'{"type": "a", "type": "b"}').status_code == 422
    assert http.post("/api/v1/jobs", content=b"{").status_code == 422
    assert http.post("/api/v1/jobs", content=b"<a/>", headers={"content-type": "text/xml"}).status_code == 415
    assert http.delete("/api/v1/jobs").headers["allow"] == "GET, HEAD, POST"
    assert http.get("/api/v1/jobs/nonsense").status_code == 422
    assert http.get("/api/v1/nowhere").json()["code"] == "no_such_route"


def test_an_edit_of_what_has_changed_is_refused(http: httpx2.Client) -> None:
    place = http.post("/api/v1/jobs", json={"type": "a"}).headers["location"]
    changed = http.patch(place, json={"priority": 9}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["priority"], changed.headers["etag"]) == (200, 9, '"2"')
    late = http.patch(place, json={"priority": 1}, headers={"If-Match": '"1"'})
    assert (late.status_code, late.json()["code"]) == (412, "concurrent_update")


def test_cancel_retry_and_rerun(http: httpx2.Client) -> None:
    place = http.post("/api/v1/jobs", json={"type": "a", "input": {"n": 1}}).headers["location"]
    assert http.post(f"{place}/cancel", json={"reason": "enough"}).json()["status"] == "CANCELLED"
    assert http.post(f"{place}/cancel", json={}).status_code == 409
    assert http.post(f"{place}/retry").json()["status"] == "QUEUED"
    again = http.post(f"{place}/rerun", json={"input": {"n": 2}})
    assert again.status_code == 201
    assert http.get(f"/api/v1/jobs/{again.json()['id']}").json()["job"]["input"] == {"n": 2}


def test_a_key_opens_only_its_own_workspace_and_only_what_it_may(web: Served, http: httpx2.Client) -> None:
    place = http.post("/api/v1/jobs", json={"type": "a"}).headers["location"]
    other = web.client(web.key(workspace=web.workspace("other")))
    assert other.get(place).status_code == 404
    assert other.post(f"{place}/cancel", json={}).status_code == 404
    reader = web.client(web.key(scopes=[ApiScope.JOBS_READ]))
    assert reader.get(place).status_code == 200
    denied = reader.post(f"{place}/cancel", json={})
    assert (denied.status_code, denied.json()["code"]) == (403, "denied")
    assert web.client("").get(place).status_code == 401
    assert web.client(mistyped(web.key())).get(place).status_code == 401


def test_pages_follow_their_cursor_and_no_other(http: httpx2.Client) -> None:
    wanted = [http.post("/api/v1/jobs", json={"type": "a"}).json()["id"] for _ in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = http.get("/api/v1/jobs", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [job["id"] for job in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == wanted[::-1]
    assert http.get("/api/v1/jobs", params={"cursor": "bm9uc2Vuc2U"}).status_code == 422
