"""Operating over HTTP: a workspace is paused, workers drain and leave queues alone, errors are marked, jobs are forked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from database import Database
from scene import Scene
from serving import Served, served
from web.remote import Remote, enqueue, job_of

from jobtrail.core.scopes import ApiScope


def post(http: httpx2.Client, path: str, status: int = 200, **body: object) -> dict[str, object]:
    answer = http.post(f"/api/v1{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else {}


def test_a_paused_workspace_gives_its_workers_nothing(http: httpx2.Client) -> None:
    worker, id = Remote(http), enqueue(http)
    assert post(http, "/workspace/pause", reason="moving")["paused_reason"] == "moving"
    assert worker.claim() == []
    assert job_of(http, id)["why"].startswith("All of its workspace was paused by ")
    assert post(http, "/workspace/resume")["paused_at"] is None
    assert [one["job_id"] for one in worker.claim()] == [id]
    assert post(http, "/workspace/resume", 409)["code"] == "conflict"


def test_a_worker_over_http_hears_what_it_is_told_and_gets_nothing_else(http: httpx2.Client) -> None:
    worker = Remote(http, queues=["a", "b/c"])
    ids = [enqueue(http, queue=queue) for queue in ("a", "b/c")]
    assert post(http, f"/workers/{worker.id}/queues/b%2Fc/pause")["changed"] is True
    assert worker.beat().json()["left_queues"] == ["b/c"]
    assert [one["job_id"] for one in worker.claim(limit=5)] == ids[:1]
    post(http, f"/workers/{worker.id}/drain", reason="new kernel", stop=True)
    post(http, f"/workers/{worker.id}/queues/b%2Fc/resume")
    beat = worker.beat().json()
    assert (beat["drains"], beat["stops"], beat["left_queues"]) == (True, True, [])
    assert worker.claim(limit=5) == []
    (seen,) = http.get("/api/v1/workers").json()["items"]
    assert (seen["drain_reason"], seen["drain_stops"]) == ("new kernel", True)
    post(http, f"/workers/{worker.id}/undrain")
    assert [one["job_id"] for one in worker.claim(limit=5)] == ids[1:]
    assert post(http, f"/workers/{worker.id}/undrain", 409)["code"] == "conflict"


def test_who_may_not_manage_workers_tells_them_nothing(web: Served) -> None:
    worker = Remote(web.client())
    viewer = web.client(web.key(scopes={ApiScope.WORKERS_READ, ApiScope.WORKERS_RUN}))
    assert post(viewer, f"/workers/{worker.id}/drain", 403)["code"] == "denied"


@pytest.fixture
def local(database: Database, tmp_path: Path) -> Iterator[Served]:
    """A server that lets in whoever sits at the machine."""
    with served(database, tmp_path, local=True) as running:
        yield running


def test_workers_of_all_workspaces_are_commanded_at_the_machine_itself_and_by_no_key(
    local: Served, scene: Scene
) -> None:
    shared = scene.new_worker()
    assert post(local.client(), f"/workers/{shared}/drain", 403)["code"] == "denied"
    assert post(local.client(""), f"/workers/{shared}/drain")["changed"] is True
    assert post(local.client(""), f"/workers/{shared}/undrain")["changed"] is True


def failed(http: httpx2.Client) -> tuple[str, str]:
    worker, id = Remote(http), enqueue(http, title="the first")
    job = worker.one()
    step = worker.tell(job, "steps", {"name": "fetch"}).json()["step_id"]
    worker.tell(job, f"steps/{step}/finish", {"output": {"rows": 3}})
    worker.tell(job, "steps", {"name": "render"})
    worker.tell(job, "fail", {"message": "it broke", "retry": False})
    return id, http.get("/api/v1/errors").json()["items"][0]["fingerprint"]


def test_an_error_is_muted_resolved_and_opened_again(http: httpx2.Client) -> None:
    _, error = failed(http)
    for verb, state in (("mute", "MUTED"), ("resolve", "RESOLVED")):
        post(http, f"/errors/{error}/{verb}", 204, note=f"we {verb} it")
        (group,) = http.get("/api/v1/errors").json()["items"]
        assert (group["state"], group["note"], group["is_new"]) == (state, f"we {verb} it", False)
    post(http, f"/errors/{error}/reopen", 204)
    assert http.get("/api/v1/errors").json()["items"][0]["state"] == "OPEN"
    assert post(http, f"/errors/{error}/reopen", 409)["code"] == "conflict"
    assert post(http, "/errors/fp_00000000/mute", 404)["code"] == "not_found"


def test_a_fork_goes_on_with_what_its_job_had_finished(http: httpx2.Client) -> None:
    id, _ = failed(http)
    made = post(http, f"/jobs/{id}/fork", 201, from_step="render", input={"n": 2})
    assert made["steps"] == 1
    worker = Remote(http)
    job = worker.one()
    assert (job["job_id"], job["input"], job["number"]) == (made["id"], {"n": 2}, 1)
    assert [(one["key"], one["status"], one["output"]) for one in job["steps"]] == [("fetch", "COMPLETED", {"rows": 3})]
    assert job_of(http, str(made["id"]))["job"]["fork_of"] == id


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"from_step": "fetch", "after_step": "fetch"}, 422),
        ({"from_step": "nothing"}, 404),
        ({"after_step": "render"}, 409),
    ],
)
def test_a_fork_from_nowhere_is_refused(http: httpx2.Client, body: dict[str, object], status: int) -> None:
    id, _ = failed(http)
    post(http, f"/jobs/{id}/fork", status, **body)


def test_a_bulk_operation_takes_a_rate_where_it_makes_work(http: httpx2.Client) -> None:
    failed(http)
    counted = post(
        http, "/bulk", 200, action="redrive", filter={"q": "status:FAILED"}, rate_per_minute=60, dry_run=True
    )
    assert (counted["matching"], counted["changing"], counted["job_id"]) == (1, 1, None)
    wrong = post(http, "/bulk", 422, action="cancel", filter={"q": "status:FAILED"}, rate_per_minute=60)
    assert wrong["code"] == "invalid"
