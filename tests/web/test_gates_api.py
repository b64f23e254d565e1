"""Gates, links and groups over HTTP: faults by field, who may, what is listed, and an answer without a login."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
from database import Database
from serving import Served, served
from web.remote import Remote, enqueue, job_of
from worker.at_work import wait_until

from jobtrail.core.scopes import SCOPES_OF, ApiScope, Role

FORM = {
    "type": "object",
    "properties": {
        "amount": {"type": "integer", "minimum": 1, "title": "Amount"},
        "urgent": {"type": "boolean"},
        "where": {"type": "string", "enum": ["here", "there"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "more": {"type": "object", "properties": {"note": {"type": "string"}}},
        "raw": {"type": "array"},
    },
    "required": ["amount"],
}
EVIL = "<script>alert(1)</script>\"'&"


def asked(http: httpx2.Client, **how: Any) -> tuple[str, str]:
    """A job that waits at a gate: the job, and the gate."""
    id = enqueue(http)
    remote = Remote(http)
    answer = remote.tell(remote.one(), "gates", {"question": "publish?", **how})
    assert answer.status_code == 202, answer.text
    return id, answer.json()["gate_id"]


def link(http: httpx2.Client, gate: str, **how: Any) -> str:
    made = http.post(f"/api/v1/gates/{gate}/links", json={"person": "ben@elsewhere.org", **how})
    assert made.status_code == 201, made.text
    url: str = made.json()["url"]
    return url


def form_token(page: str) -> str:
    found = re.search(r'name="token" value="([0-9a-f]{64})"', page)
    assert found, page
    return found[1]


def test_a_decision_that_lacks_something_says_which_field(http: httpx2.Client) -> None:
    job, gate = asked(http, form=FORM, comment_required=True)
    answer = http.post(f"/api/v1/jobs/{job}/gates/{gate}/approve", json={"form": {"amount": 0}})
    assert answer.status_code == 422
    faults = {one["path"]: one["message"] for one in answer.json()["errors"]}
    assert faults == {"comment": "say why: this gate asks for a comment", "form.amount": "must be at least 1"}
    answer = http.post(f"/api/v1/jobs/{job}/gates/{gate}/approve", json={"form": {"amount": 1}, "comment": "ok"})
    assert answer.json() == {"gate_id": gate, "status": "APPROVED"}


def test_who_is_not_asked_is_denied_and_told_who_is(web: Served, http: httpx2.Client) -> None:
    job, gate = asked(http, approvers=["group:editors", "ann@example.org"])
    for verb in ("approve", "reject"):
        answer = http.post(f"/api/v1/jobs/{job}/gates/{gate}/{verb}", json={})
        assert answer.status_code == 403 and "group:editors, ann@example.org" in answer.json()["detail"]
    assert http.post(f"/api/v1/gates/{gate}/links", json={"person": "ben"}).status_code == 403


def test_groups_are_made_filled_listed_and_removed(web: Served, http: httpx2.Client) -> None:
    assert http.post("/api/v1/groups", json={"name": "Editors"}).json()["name"] == "editors"
    assert http.post("/api/v1/groups", json={"name": "editors"}).status_code == 409
    assert http.post("/api/v1/groups", json={"name": "a@b"}).status_code == 422
    added = http.post("/api/v1/groups/editors/members", json={"member": "Ann@Example.org"})
    assert added.json()["members"] == ["ann@example.org"]
    assert http.post("/api/v1/groups/nobody/members", json={"member": "a"}).status_code == 404
    http.post("/api/v1/groups", json={"name": "board"})
    first = http.get("/api/v1/groups?limit=1").json()
    assert [one["name"] for one in first["items"]] == ["board"]
    rest = http.get("/api/v1/groups", params={"cursor": first["next_cursor"]}).json()
    assert [one["name"] for one in rest["items"]] == ["editors"] and rest["next_cursor"] is None
    operator = web.client(web.key(scopes=SCOPES_OF[Role.OPERATOR]))
    assert operator.post("/api/v1/groups", json={"name": "mine"}).status_code == 403
    theirs = web.client(web.key(workspace=web.workspace("theirs")))
    assert theirs.get("/api/v1/groups").json()["items"] == []
    assert theirs.post("/api/v1/groups/editors/members", json={"member": "eve"}).status_code == 404
    assert (
        theirs.delete("/api/v1/groups/editors").status_code == theirs.get("/api/v1/groups/editors").status_code == 404
    )
    for wrong in ("a b", "a/b", " "):
        assert http.post("/api/v1/groups/editors/members", json={"member": wrong}).status_code == 422
    assert http.delete("/api/v1/groups/editors/members/ann@example.org").json()["members"] == []
    assert http.delete("/api/v1/groups/editors/members/ann@example.org").status_code == 404
    assert http.delete("/api/v1/groups/editors").status_code == 204
    assert http.get("/api/v1/groups/editors").status_code == 404
    told = [one["type"] for one in http.get("/api/v1/administration").json()["items"]]
    assert {"group.created", "group.member_added", "group.member_removed", "group.removed"} <= set(told)


def test_lists_narrow_to_what_waits_for_whom(http: httpx2.Client) -> None:
    http.post("/api/v1/groups", json={"name": "robots"})
    me = http.get("/api/v1/me").json()["actor_id"]
    http.post("/api/v1/groups/robots/members", json={"member": f"key:{me}"})
    _, open_gate = asked(http)
    _, robots = asked(http, approvers=["group:robots"])
    _, others = asked(http, approvers=["ann@example.org"])

    def listed(**query: Any) -> list[str]:
        return [one["id"] for one in http.get("/api/v1/gates", params=query).json()["items"]]

    assert listed() == [open_gate, robots, others]
    assert listed(mine="true") == [open_gate, robots]
    assert listed(group="robots") == listed(mine="true", group="ROBOTS") == [robots]
    assert listed(type="demo", queue="default") == [open_gate, robots, others] and listed(queue="slow") == []


def test_what_was_said_is_taken_back(http: httpx2.Client) -> None:
    job, gate = asked(http, needed=2)
    path = f"/api/v1/jobs/{job}/gates/{gate}"
    assert http.post(f"{path}/withdraw").status_code == 409
    http.post(f"{path}/approve", json={})
    assert http.post(f"{path}/withdraw").json() == {"gate_id": gate, "status": "WAITING"}
    assert http.get(f"/api/v1/gates/{gate}/decisions").json()["items"] == []


@pytest.mark.parametrize(
    "how",
    [
        {"approvers": ["role:BOSS"]},
        {"rejections": "UNREACHABLE"},
        {"escalate_to": ["a"]},
        {"needed": 3, "approvers": ["a@b"]},
    ],
)
def test_a_worker_that_asks_what_nobody_could_decide_is_told_so(http: httpx2.Client, how: dict[str, Any]) -> None:
    enqueue(http)
    remote = Remote(http)
    job = remote.one()
    assert remote.tell(job, "gates", {"question": "publish?", **how}).status_code == 422
    assert remote.tell(job, "complete", {}).status_code == 200


def test_a_worker_in_any_language_sleeps_and_listens(http: httpx2.Client) -> None:
    id = enqueue(http)
    remote = Remote(http)
    job = remote.one()
    assert remote.tell(job, "waits", {"name": "nap", "seconds": 0}).json()["done"]
    answer = remote.tell(job, "waits", {"name": "nap", "key": "nap#2", "seconds": 86_400})
    assert (answer.status_code, answer.json()["done"]) == (202, False)
    assert remote.tell(job, "progress", {"percent": 5}).status_code == 409, "the attempt is over"
    assert job_of(http, id)["job"]["wait_reason"] == "SCHEDULE"
    http.post(f"/api/v1/jobs/{id}/start")
    job = remote.one()
    assert remote.tell(job, "waits", {"name": "nap", "key": "nap#2", "seconds": 86_400}).json()["done"]
    assert remote.tell(job, "waits", {"name": "paid", "signal": "paid", "seconds": 3_600}).status_code == 202
    http.post(f"/api/v1/jobs/{id}/signal", json={"name": "paid", "payload": {"eur": 5}})
    job = remote.one()
    answer = remote.tell(job, "waits", {"name": "paid", "signal": "paid", "seconds": 3_600}).json()
    assert (answer["done"], answer["payload"], answer["timed_out"]) == (True, {"eur": 5}, False)
    assert remote.tell(job, "waits", {"name": "short", "seconds": 0.01}).json()["done"]
    assert remote.tell(job, "waits", {"name": "nothing"}).status_code == 422
    http.post(f"/api/v1/jobs/{id}/cancel", json={})
    assert remote.tell(job, "waits", {"name": "more", "seconds": 9}).status_code == 409
    assert remote.tell(job, "cancelled", {}).status_code == 200


def test_whoever_has_the_link_answers_once_without_a_login(web: Served, http: httpx2.Client) -> None:
    job, gate = asked(http, question=f"publish {EVIL}?", form=FORM, comment_required=True)
    url = link(http, gate, person=f"ben {EVIL}")
    nobody = web.client("")
    for _ in range(3):
        page = nobody.get(url)
        assert page.status_code == 200 and EVIL not in page.text and "&lt;script&gt;alert(1)" in page.text
    assert job_of(http, job)["job"]["status"] == "PENDING", "looking decides nothing"
    headers = page.headers
    assert headers["x-robots-tag"] == "noindex, nofollow" and headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store" and "default-src 'none'" in headers["content-security-policy"]
    sent: dict[str, Any] = {"token": form_token(page.text), "answer": "approve"}
    wrong = nobody.post(url, data={**sent, "form.amount": "none", "comment": EVIL})
    assert wrong.status_code == 422 and "must be a number" in wrong.text and EVIL not in wrong.text
    wrong = nobody.post(url, data={**sent, "form.amount": "0", "comment": " "})
    assert wrong.status_code == 422 and "must be at least 1" in wrong.text and "asks for a comment" in wrong.text
    filled = {"form.amount": "7", "form.urgent": "on", "form.where": "there", "form.tags": "a, b", "form.more.note": "n",
              "form.raw": "[1, null]", "comment": EVIL}  # fmt: skip
    done = nobody.post(url, data={**sent, **filled})
    assert done.status_code == 200 and "Thank you" in done.text and "recorded" in done.text
    (said,) = http.get(f"/api/v1/gates/{gate}/decisions").json()["items"]
    assert said["form"] == {"amount": 7, "urgent": True, "where": "there", "tags": ["a", "b"], "more": {"note": "n"},
                            "raw": [1, None]}  # fmt: skip
    assert (said["actor_id"], said["comment"]) == (f"link:ben {EVIL}", EVIL)
    for again in (nobody.get(url), nobody.post(url, data={**sent, **filled})):
        assert again.status_code == 410 and "This link was used" in again.text
    event = job_of(http, job)["events"][-1]
    assert event["type"] == "gate.approved" and event["payload"]["link_id"] == said["link_id"]


def test_an_answer_that_the_page_did_not_send_is_refused(web: Served, http: httpx2.Client) -> None:
    job, gate = asked(http)
    url = link(http, gate)
    nobody = web.client("")
    sent = {"token": form_token(nobody.get(url).text), "answer": "approve"}
    assert nobody.post(url, data={"answer": "approve"}).status_code == 403
    assert nobody.post(url, data={**sent, "token": "é"}).status_code == 403
    assert nobody.post(url, data=sent, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert nobody.post(url, json=sent).status_code == 415
    assert nobody.post(url, data={**sent, "answer": "maybe"}).status_code == 422
    assert (
        nobody.post(
            url, content=b"\xff" * 10, headers={"content-type": "application/x-www-form-urlencoded"}
        ).status_code
        == 422
    )
    assert nobody.post(url, data={**sent, "comment": "x" * (300 << 10)}).status_code == 413
    assert job_of(http, job)["job"]["status"] == "PENDING"
    assert nobody.post(url, data={**sent, "answer": "reject"}).status_code == 200
    assert job_of(http, job)["job"]["status"] == "QUEUED"


@pytest.mark.parametrize("token", ["gl_x", "x", "gl_" + "A" * 86, "%00", "gl_%ff"])
def test_a_link_that_nobody_gave_opens_nothing(web: Served, token: str) -> None:
    nobody = web.client("")
    assert nobody.get(f"/g/{token}").status_code == 404
    assert nobody.post(f"/g/{token}", data={"answer": "approve"}).status_code == 404


def test_a_link_is_listed_and_taken_back_by_those_who_may(web: Served, http: httpx2.Client) -> None:
    _, gate = asked(http)
    url = link(http, gate)
    (listed,) = http.get(f"/api/v1/gates/{gate}/links").json()["items"]
    assert listed["person"] == "ben@elsewhere.org" and url.rpartition("/")[2] not in str(listed)
    theirs = web.client(web.key(workspace=web.workspace("theirs")))
    path = f"/api/v1/gates/{gate}/links"
    assert theirs.get(path).status_code == theirs.post(path, json={"person": "a"}).status_code == 404
    assert theirs.delete(f"{path}/{listed['id']}").status_code == 404
    looks = web.client(web.key(scopes=SCOPES_OF[Role.VIEWER]))
    assert (
        looks.post(path, json={"person": "a"}).status_code == looks.delete(f"{path}/{listed['id']}").status_code == 403
    )
    assert http.delete(f"{path}/{listed['id']}").json()["revoked_at"] is not None
    gone = web.client("").get(url)
    assert gone.status_code == 410 and "taken back" in gone.text
    assert http.post(path, json={"person": "a", "expires_in_seconds": 31 * 86_400}).status_code == 422


def test_a_link_works_under_a_prefix_and_at_the_address_of_the_service(database: Database, tmp_path: Path) -> None:
    with served(database, tmp_path, path_prefix="/jobs") as web:
        http = web.client()
        _, gate = asked(http)
        url = link(http, gate)
        assert url.startswith(f"{web.url}/g/gl_")
        page = web.client("").get(url)
        assert page.status_code == 200 and 'href="/jobs/static/' in page.text
        assert web.client("").post(url, data={"token": form_token(page.text), "answer": "approve"}).status_code == 200


def test_who_tries_links_out_is_told_to_wait(database: Database, tmp_path: Path) -> None:
    with served(database, tmp_path, key_requests_per_second=1) as web:
        nobody = web.client("")
        answers = [nobody.get("/g/gl_x") for _ in range(4)]
    assert {answer.status_code for answer in answers} == {404, 429}


def test_the_token_of_a_link_stands_in_no_log(
    web: Served, http: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    _, gate = asked(http)
    token = link(http, gate).rpartition("/")[2]
    caplog.set_level(logging.DEBUG, "jobtrail")
    web.client("").get(f"/g/{token}")
    web.client("").get("/g/gl_hunter2")
    web.client("").get("/elsewhere/g/gl_hunter2")
    wait_until(
        lambda: caplog.text.count("/g/gl_…") + caplog.text.count("/g/gl_\\u2026") >= 2, "their lines are written"
    )
    for secret in (token, "hunter2"):
        assert secret not in caplog.text
        assert not any(secret in str(getattr(record, "fields", "")) for record in caplog.records)


def test_who_makes_links_needs_the_scope(web: Served, http: httpx2.Client) -> None:
    _, gate = asked(http)
    without = web.client(web.key(scopes=set(ApiScope) - {ApiScope.GATES_DECIDE}))
    assert without.post(f"/api/v1/gates/{gate}/links", json={"person": "a"}).status_code == 403
