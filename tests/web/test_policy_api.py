"""The policy of a workspace over HTTP and from the command line, and what workers over HTTP let wait and tell."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx2
import pytest
from scene import Scene
from serving import Served
from web.remote import Remote, enqueue, job_of

from jobtrail.core.scopes import SCOPES_OF, ApiScope, Role

POLICY = {"nexrender": {"hosts": ["a.example"], "allow_scripts": False}}


@pytest.fixture
def remote(http: httpx2.Client) -> Remote:
    return Remote(http)


def test_a_policy_is_put_and_got(http: httpx2.Client) -> None:
    assert http.get("/api/v1/workspace/policy").json() == {"policy": {}}
    assert http.put("/api/v1/workspace/policy", json={"policy": POLICY}).json() == {"policy": POLICY}
    assert http.get("/api/v1/workspace/policy").json() == {"policy": POLICY}
    refused: list[dict[str, Any]] = [
        {}, {"policy": []}, {"policy": {"http": 1}}, {"policy": {"": {}}}, {"policy": {}, "more": 1},
    ]  # fmt: skip
    for wrong in refused:
        assert http.put("/api/v1/workspace/policy", json=wrong).status_code == 422, wrong
    assert http.get("/api/v1/administration").json()["items"][0]["payload"] == {"policy": POLICY, "was": {}}


def test_only_who_may_sets_a_policy(web: Served) -> None:
    may = {
        scope: web.client(web.key(scopes=[scope])).put("/api/v1/workspace/policy", json={"policy": POLICY}).status_code
        for scope in (ApiScope.WORKSPACE_WRITE, ApiScope.WORKSPACE_READ, ApiScope.POLICY_WRITE)
    }
    assert may == {ApiScope.WORKSPACE_WRITE: 403, ApiScope.WORKSPACE_READ: 403, ApiScope.POLICY_WRITE: 200}
    assert [role for role in Role if ApiScope.POLICY_WRITE in SCOPES_OF[role]] == [Role.ADMIN, Role.OWNER]


def test_a_worker_lets_its_job_wait_and_says_why(http: httpx2.Client, remote: Remote, scene: Scene) -> None:
    id = enqueue(http)
    job = remote.one()
    said = {"reason": "QUOTA", "message": "5-hour limit reached", "delay_seconds": 3600, "note": {"kind": "session"}}
    ended = remote.tell(job, "wait", said | {"used": {"cpu_seconds": 2.0, "exit_code": 1}}).json()
    assert (ended["status"], ended["scheduled_at"] is None, ended["repeated"]) == ("PENDING", False, False)
    found = job_of(http, id)
    assert "(5-hour limit reached), which comes back in" in found["why"] and "start_now" in found["allowed_actions"]
    assert (found["attempts"][0]["error_code"], found["attempts"][0]["exit_code"]) == ("quota", 1)
    assert found["events"][-1]["payload"]["kind"] == "session"
    assert http.post(f"/api/v1/jobs/{id}/start").status_code == 200
    assert remote.one()["number"] == 2
    for wrong in ({"reason": "GATE", "message": "x"}, {"reason": "QUOTA"}, {"reason": "QUOTA", "message": 1}):
        assert remote.tell(job, "wait", wrong).status_code == 422


def test_a_worker_that_is_told_to_stop_does_not_let_its_job_wait(http: httpx2.Client, remote: Remote) -> None:
    id = enqueue(http)
    job = remote.one()
    http.post(f"/api/v1/jobs/{id}/cancel", json={"reason": "enough"})
    assert remote.tell(job, "wait", {"reason": "SIGNAL", "message": "x"}).json()["status"] == "CANCELLED"


def test_a_worker_tells_events_and_who_it_is(http: httpx2.Client, remote: Remote, scene: Scene) -> None:
    id = enqueue(http)
    job = remote.one()
    step = remote.tell(job, "steps", {"name": "s"}).json()["step_id"]
    told = {"event": "ai.tool_called", "note": {"tool_name": "Bash", "token": "sk-ant-0123456789abcdef0123"}}
    assert remote.tell(job, "events", told | {"step_id": step}).status_code == 204
    assert remote.tell(job, "events", {"event": "budget.warned"}).status_code == 204
    assert remote.tell(job, "identity", {"process_id": 7, "session_id": "s1"}).status_code == 204
    assert remote.tell(job, "identity", {}).status_code == 204
    *_, first, second = scene.events(UUID(id))
    assert (first.type, first.step_id, first.payload["tool_name"]) == ("ai.tool_called", UUID(step), "Bash")
    assert "0123456789" not in str(first.payload)
    assert (second.type, second.payload) == ("budget.warned", {})
    (attempt,) = scene.attempts(UUID(id))
    assert (attempt.process_id, attempt.session_id) == (7, "s1")
    for wrong in ({"event": "job.completed"}, {}, {"event": "ai.tool_called", "note": []}):
        assert remote.tell(job, "events", wrong).status_code == 422
    assert remote.tell(job, "identity", {"process_id": 0}).status_code == 422
