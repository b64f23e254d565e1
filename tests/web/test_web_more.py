"""Tasks, projects, webhooks, bulk operations and figures over HTTP."""

from __future__ import annotations

import httpx2
import pytest
from serving import Served

from jobtrail.core.scopes import ApiScope


def test_tasks_and_projects_hold_jobs_and_are_not_lost_under_them(http: httpx2.Client) -> None:
    project = http.post("/api/v1/projects", json={"name": "site"}).json()
    assert http.post("/api/v1/projects", json={"name": "site"}).status_code == 409
    made = http.post("/api/v1/tasks", json={"title": "redo", "project_id": project["id"], "tags": ["ui"]})
    task, place = made.json(), made.headers["location"]
    http.post("/api/v1/jobs", json={"type": "a", "task_id": task["id"], "project_id": project["id"]})
    assert [job["task_id"] for job in http.get("/api/v1/jobs", params={"task_id": task["id"]}).json()["items"]]
    changed = http.patch(place, json={"status": "DONE", "project_id": None}, headers={"If-Match": '"1"'})
    assert (changed.json()["status"], changed.json()["project_id"]) == ("DONE", None)
    assert http.patch(place, json={"title": "late"}, headers={"If-Match": '"1"'}).status_code == 412
    assert http.delete(place).status_code == 409
    assert http.delete(f"/api/v1/projects/{project['id']}").status_code == 409
    assert http.post("/api/v1/jobs", json={"type": "a", "task_id": project["id"]}).status_code == 422


def test_one_bad_enqueue_of_many_at_once_is_the_only_one_refused(http: httpx2.Client, web: Served) -> None:
    bad = {"type": "a", "task_id": "01a20113-c28b-7274-9d0c-ef649e7c3971"}
    batch = http.post("/api/v1/jobs/batch", json={"jobs": [{"type": "a"}, {"type": "b", "priority": 11}]})
    assert (batch.status_code, batch.json()["errors"][0]["path"]) == (422, "jobs[1].priority")
    assert http.get("/api/v1/jobs").json()["items"] == []
    assert http.post("/api/v1/jobs", json=bad).status_code == 422
    assert http.post("/api/v1/jobs/batch", json={"jobs": [{"type": "a"}, {"type": "b"}]}).status_code == 201
    assert len(web.client().get("/api/v1/jobs").json()["items"]) == 2


def test_jobs_are_found_by_the_language_of_searches(http: httpx2.Client) -> None:
    wanted = http.post("/api/v1/jobs", json={"type": "render", "tags": ["red"], "input": {"customer": 42}}).json()["id"]
    http.post("/api/v1/jobs", json={"type": "render", "tags": ["blue"]})
    http.post("/api/v1/jobs", json={"type": "mail", "tags": ["red"]})

    def found(**params: str) -> list[str]:
        answer = http.get("/api/v1/jobs", params=params)
        assert answer.status_code == 200, answer.text
        return [job["id"] for job in answer.json()["items"]]

    assert found(q="type:render tag:red") == [wanted]
    assert found(q="input.customer:42") == [wanted]
    assert found(q="type:render -tag:blue", status="QUEUED,RUNNING") == [wanted]
    assert found(type="render", tag="red") == [wanted]
    wrong = http.get("/api/v1/jobs", params={"q": "colour:red"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "unreadable_filter")


def test_a_bulk_operation_is_counted_first_and_needs_the_scope_of_its_action(web: Served, http: httpx2.Client) -> None:
    for n in range(3):
        http.post("/api/v1/jobs", json={"type": "a" if n else "b"})
    counted = http.post("/api/v1/bulk", json={"action": "cancel", "filter": {"type": ["a"]}, "dry_run": True})
    assert (counted.status_code, counted.json()["matching"], counted.json()["job_id"]) == (200, 2, None)
    begun = http.post("/api/v1/bulk", json={"action": "cancel", "filter": {"type": ["a"]}, "reason": "enough"})
    assert begun.status_code == 201
    assert http.get(begun.headers["location"]).json()["job"]["type"] == "jobtrail.bulk"
    assert http.post("/api/v1/bulk", json={"action": "cancel"}).status_code == 422
    weak = web.client(web.key(scopes=[ApiScope.JOBS_ENQUEUE, ApiScope.JOBS_READ]))
    assert weak.post("/api/v1/bulk", json={"action": "cancel", "all": True}).status_code == 403
    order = {"action": "cancel", "filter": {}}
    assert weak.post("/api/v1/jobs", json={"type": "jobtrail.bulk", "input": order}).status_code == 422


def test_a_webhook_shows_its_secret_once_and_may_not_lead_into_our_own_network(http: httpx2.Client) -> None:
    made = http.post("/api/v1/webhooks", json={"url": "https://example.com/hook", "events": ["job.*"]})
    assert made.status_code == 201
    secret, place = made.json()["secret"], made.headers["location"]
    assert secret.startswith("whsec_")
    assert secret not in http.get(place).text + http.get("/api/v1/webhooks").text
    assert http.post(f"{place}/rotate", json={}).json()["secret"] != secret
    assert http.patch(place, json={"disabled": True}).json()["disabled_at"] is not None
    assert http.get(f"{place}/deliveries").json()["items"] == []
    assert http.post(f"{place}/replay", json={"since": "2026-01-01T00:00:00Z"}).status_code == 409
    for url in ("http://127.0.0.1/x", "http://169.254.169.254/latest", "file:///etc/passwd", "http://[::1]/"):
        refused = http.post("/api/v1/webhooks", json={"url": url, "events": ["*"]})
        assert refused.status_code in (403, 422), url
    assert http.delete(place).status_code == 204
    assert http.get(place).status_code == 404


@pytest.mark.parametrize(
    "path", ["/api/v1/counts", "/api/v1/usage", "/api/v1/usage?by=type", "/api/v1/queues/default/stats",
             "/api/v1/metrics/names", "/api/v1/metrics?metric_type=job&metric_name=x"],
)  # fmt: skip
def test_figures_are_answered(http: httpx2.Client, path: str) -> None:
    http.post("/api/v1/jobs", json={"type": "a"})
    answer = http.get(path)
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json()["items"], list)
