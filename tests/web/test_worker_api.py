"""Workers over HTTP: the same fence, the same orders, and nothing of any other workspace."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from database import Clock, Database
from scene import ME, WORKSPACE, Scene
from serving import Served, served
from web.remote import Job, Remote, enqueue, job_of

from jobtrail.core.config import Config
from jobtrail.core.scopes import ApiScope
from jobtrail.service import attempts, workers
from jobtrail.web.api import worker
from jobtrail.web.principal import Principal
from jobtrail.web.runtime import Call, Runtime, Service
from jobtrail.web.table import ROUTES

ENDS: dict[str, dict[str, Any]] = {
    "complete": {"output": 1},
    "fail": {"message": "no"},
    "snooze": {"delay_seconds": 60},
    "wait": {"reason": "QUOTA", "message": "used up", "delay_seconds": 60},
    "cancelled": {},
    "release": {},
}
TELLS: dict[str, dict[str, Any]] = {
    **ENDS,
    "heartbeat": {},
    "progress": {"percent": 50},
    "steps": {"name": "s"},
    "logs": {"lines": ["hello"]},
    "usage": {"number": 1, "provider": "p", "model": "m"},
    "events": {"event": "ai.tool_called", "note": {"tool_name": "Bash"}},
    "identity": {"session_id": "s"},
    "metrics": {"values": [{"name": "n", "value": 1.5}]},
    "gates": {"question": "May it?"},
    "assets": {},
}


@pytest.fixture
def remote(http: httpx2.Client) -> Remote:
    return Remote(http)


def test_a_job_is_claimed_worked_and_completed(http: httpx2.Client, remote: Remote) -> None:
    id = enqueue(http, input={"n": 7}, timeout_seconds=60)
    job = remote.one()
    assert (job["job_id"], job["number"], job["input"], job["timeout_seconds"]) == (id, 1, {"n": 7}, 60.0)
    assert remote.tell(job, "progress", {"percent": 40, "stage": "cutting"}).json()["stored"]
    step = remote.tell(job, "steps", {"name": "cut", "phase": "SETUP"}).json()
    assert not step["completed"]
    assert remote.tell(job, f"steps/{step['step_id']}/finish", {"output": {"cut": 1}}).status_code == 204
    lines = ["one", {"message": "two", "level": "WARN", "details": {"n": 2}}]
    assert remote.tell(job, "logs", {"lines": lines, "step_id": step["step_id"]}).json() == {
        "first_line": 1,
        "lines": 2,
    }
    assert remote.tell(job, "logs", {"lines": ["three"]}).json()["first_line"] == 3
    used = {"number": 1, "provider": "p", "model": "m", "input_tokens": 5, "cost_usd": "0.25"}
    assert [remote.tell(job, "usage", used).status_code for _ in range(2)] == [204, 204]
    kept = remote.tell(job, "assets", b"bytes", name="out.txt")
    assert (kept.status_code, kept.json()["byte_size"], kept.json()["media_type"]) == (201, 5, "text/plain")
    ended = remote.tell(job, "complete", {"output": {"ok": True}, "summary": "done", "used": {"exit_code": 0}})
    assert ended.json() == {"job_id": id, "status": "COMPLETED", "scheduled_at": None, "repeated": False}
    found = job_of(http, id)
    assert (found["job"]["status"], found["result"]["output"], found["result"]["summary"]) == (
        "COMPLETED", {"ok": True}, "done",
    )  # fmt: skip
    assert found["steps"][0]["output"] == {"cut": 1}
    assert [event["type"] for event in found["events"]] == [
        "job.created", "job.started", "job.progress", "step.started", "step.completed", "ai.tokens_used",
        "artifact.created", "job.completed",
    ]  # fmt: skip
    assert {event["actor_id"] for event in found["events"][1:]} == {remote.id}
    messages = [line["message"] for line in http.get(f"/api/v1/jobs/{id}/logs").json()["items"]]
    assert messages == ["one", "two", "three"]


def test_a_zombie_cannot_finish_what_it_lost(http: httpx2.Client, remote: Remote, scene: Scene, clock: Clock) -> None:
    id = UUID(enqueue(http))
    lost = remote.one()
    clock.advance(seconds=31)
    scene.do(workers.rescue())
    assert scene.job(id).status == "QUEUED"
    heir = Remote(http)
    again = heir.one()
    assert (again["job_id"], again["number"]) == (str(id), 2)
    before, trail = scene.job(id), scene.told(id)
    step = str(uuid4())
    for what, said in {**TELLS, f"steps/{step}/finish": {}}.items():
        answer = remote.tell(lost, what, said, **({"name": "x"} if what == "assets" else {}))
        assert (answer.status_code, answer.json()["code"]) == (409, "stale_attempt"), what
    assert (scene.job(id), scene.told(id)) == (before, trail)
    for part in ("logs", "usage"):
        assert http.get(f"/api/v1/jobs/{id}/{part}").json()["items"] == []
    assert heir.tell(again, "complete").json()["status"] == "COMPLETED"


def test_an_order_to_cancel_reaches_the_worker(http: httpx2.Client, remote: Remote) -> None:
    ids = [enqueue(http), enqueue(http)]
    first, second = jobs = [remote.one(), remote.one()]
    assert [job["job_id"] for job in jobs] == ids
    assert remote.beat().json()["cancel"] == []
    http.post(f"/api/v1/jobs/{ids[0]}/cancel", json={"reason": "enough"})
    order = {"attempt_id": first["attempt_id"], "reason": "enough"}
    held = [{"job_id": job["job_id"], "attempt_id": job["attempt_id"]} for job in jobs]
    for said in ({}, {"attempts": held}):
        told = remote.beat(**said).json()
        assert (told["cancel"], told["drop"]) == ([order], [])
    assert [remote.tell(job, "heartbeat").json()["cancel"] for job in jobs] == [True, False]
    assert remote.tell(first, "progress", {"percent": 1}).json()["reason"] == "enough"
    assert remote.tell(first, "cancelled").json()["status"] == "CANCELLED"
    assert job_of(http, ids[0])["job"]["cancel_reason"] == "enough"
    assert remote.beat(attempts=held).json()["drop"] == [first["attempt_id"]]
    assert remote.tell(second, "complete").status_code == 200


@pytest.mark.parametrize("what", ENDS)
def test_an_end_that_is_told_twice_is_done_once(http: httpx2.Client, remote: Remote, what: str) -> None:
    id = enqueue(http)
    job = remote.one()
    first, second = (remote.tell(job, what, ENDS[what]) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200), second.text
    assert (first.json()["repeated"], second.json()["repeated"]) == (False, True)
    assert second.json()["status"] == first.json()["status"]
    ends = [event for event in job_of(http, id)["events"] if event["type"] not in ("job.created", "job.started")]
    assert len(ends) == 1
    others = {"complete", "fail"} - {what}
    assert {remote.tell(job, other, ENDS[other]).status_code for other in others} == {409}


def test_a_failure_is_tried_again_as_it_was_asked_for(http: httpx2.Client, remote: Remote, scene: Scene) -> None:
    wanted = {"max_attempts": 9, "backoff_type": "FIXED", "backoff_delay_ms": 3_600_000, "backoff_max_ms": 3_600_000}
    said: list[dict[str, Any]] = [{}, {"retry_in_seconds": 600}, {"retry": False}]
    ids = [enqueue(http, **wanted) for _ in said]
    for body in said:
        answer = remote.tell(remote.one(), "fail", {"message": "it broke", "stack": "at line 1", **body}).json()
        assert answer["status"] == ("FAILED" if body == {"retry": False} else "PENDING")
    usual, soon, never = (scene.job(UUID(id)) for id in ids)
    assert usual.scheduled_at is not None and soon.scheduled_at is not None
    assert usual.scheduled_at <= usual.updated_at + timedelta(hours=1)
    assert abs(soon.scheduled_at - soon.updated_at - timedelta(minutes=10)) < timedelta(seconds=1)
    assert (never.error_code, never.error_message) == ("failed", "it broke")
    assert [one.stack_trace for one in scene.attempts(never.id)] == ["at line 1"]


def test_what_completed_is_remembered_by_the_next_attempt(http: httpx2.Client, remote: Remote) -> None:
    enqueue(http)
    job = remote.one()
    step = remote.tell(job, "steps", {"name": "fetch", "key": "f"}).json()["step_id"]
    done = [remote.tell(job, f"steps/{step}/finish", {"output": [1, 2]}) for _ in range(2)]
    assert [answer.status_code for answer in done] == [204, 204]
    assert remote.tell(job, f"steps/{step}/finish", {"status": "FAILED"}).status_code == 409
    assert remote.tell(job, f"steps/{uuid4()}/finish").status_code == 404
    remote.tell(job, "release")
    again = remote.one()
    (known,) = again["steps"]
    assert (again["number"], known["key"], known["status"], known["output"]) == (2, "f", "COMPLETED", [1, 2])
    begun = remote.tell(again, "steps", {"name": "fetch", "key": "f"}).json()
    assert begun == {"step_id": step, "completed": True, "output": [1, 2]}


def test_people_are_asked_and_a_later_attempt_hears_what_they_said(http: httpx2.Client, remote: Remote) -> None:
    id = enqueue(http)
    asked = remote.tell(remote.one(), "gates", {"question": "Publish?", "needed": 1})
    assert (asked.status_code, asked.json()["decided"]) == (202, False)
    assert job_of(http, id)["job"]["wait_reason"] == "GATE"
    gate = asked.json()["gate_id"]
    http.post(f"/api/v1/jobs/{id}/gates/{gate}/approve", json={"comment": "go"})
    job = remote.one()
    assert job["steps"][0]["gate_status"] == "APPROVED"
    assert job["steps"][0]["decisions"][0]["comment"] == "go"
    answer = remote.tell(job, "gates", {"question": "Publish?"})
    assert (answer.status_code, answer.json()["approved"], answer.json()["comment"]) == (200, True, "go")
    assert [step["status"] for step in job_of(http, id)["steps"]] == ["COMPLETED"]


def test_progress_is_stored_when_it_is_news(http: httpx2.Client, remote: Remote, clock: Clock) -> None:
    enqueue(http)
    job = remote.one()

    def stored(**said: Any) -> bool:
        answer: bool = remote.tell(job, "progress", said).json()["stored"]
        return answer

    assert stored(percent=10.2)
    assert not stored(percent=20)
    assert stored(percent=21, stage="next")
    clock.advance(seconds=2)
    assert [stored(percent=21.9, stage="next"), stored(percent=22)] == [False, True]


def test_what_a_job_prints_and_makes_is_cleaned_and_never_refused(http: httpx2.Client, remote: Remote) -> None:
    id = enqueue(http)
    job = remote.one()
    line = (
        b'{"lines": ["nul \\u0000 half \\ud800 bytes \xff", {"message": "'
        + b"x" * 20_000
        + b'"}, "token=abcdefgh1234"]}'
    )
    assert remote.tell(job, "logs", line).status_code == 200
    lines = [one["message"] for one in http.get(f"/api/v1/jobs/{id}/logs").json()["items"]]
    assert lines[0] == "nul � half � bytes �"
    assert len(lines[1]) < 17_000
    too_much = remote.tell(job, "complete", {"output": "x" * (1 << 20)})
    assert (too_much.status_code, "asset" in too_much.json()["detail"]) == (413, True)
    output = b'{"output": {"a": 1e999, "b": "\\ud83d", "b": "\\u0000", "n": 123456789012345678901234567890}}'
    assert remote.tell(job, "complete", output).status_code == 200
    made = job_of(http, id)["result"]["output"]
    assert (made["a"], made["b"]) == (None, "�")
    assert remote.tell(job, "complete", b"{").status_code == 422


def test_what_cannot_be_read_is_refused_in_words_that_can(http: httpx2.Client, remote: Remote) -> None:
    enqueue(http)
    job = remote.one()
    deep = b'{"output": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    for body in (b"", b"{", b"[]", b"null", deep, b'{"half \\ud800": 1}', b'{"output": 1, "summary": {}}'):
        assert remote.tell(job, "complete", body).status_code == 422, body[:40]
    assert remote.tell(job, "logs", b'{"lines": [{"message": "m", "level": "\\ud800"}]}').status_code == 422
    for cost in ("NaN", "Infinity", "-1", "1e8", "x"):
        used = {"number": 1, "provider": "p", "model": "m", "cost_usd": cost}
        assert remote.tell(job, "usage", used).status_code == 422, cost
    tiny = {"number": 1, "provider": "p", "model": "m", "cost_usd": "1e-999999"}
    assert remote.tell(job, "usage", tiny).status_code == 204
    assert remote.tell(job, "logs", {"lines": [{"message": "m", "at": "0001-01-01T00:00:00Z"}]}).status_code == 200
    assert http.get(f"/api/v1/jobs/{job['job_id']}/logs").status_code == 200


def test_secrets_by_their_look_stay_out_of_logs_and_errors(http: httpx2.Client, remote: Remote) -> None:
    id = enqueue(http)
    job = remote.one()
    secret = "ghp_" + "a1" * 12
    remote.tell(job, "logs", {"lines": [f"with {secret}", {"message": "m", "details": {"key": f"{secret}"}}]})
    remote.tell(job, "logs", {"lines": [{"message": "odd", "details": {"password": f'half " of {secret} \\'}}]})
    remote.tell(job, "fail", {"message": f"refused {secret}", "stack": secret, "retry": False})
    everything = str(job_of(http, id)) + http.get(f"/api/v1/jobs/{id}/logs").text
    assert "refused •••" in everything
    assert secret not in everything


def test_a_worker_that_stops_gives_back_what_it_has(http: httpx2.Client, remote: Remote) -> None:
    id = enqueue(http)
    job = remote.one()
    assert http.post(f"/api/v1/worker/{remote.id}/stop", json={"reason": "deploy"}).status_code == 204
    found = job_of(http, id)["job"]
    assert (found["status"], found["loss_count"]) == ("QUEUED", 0)
    assert remote.tell(job, "complete").status_code == 409
    for answer in (remote.beat(), remote.ask()):
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert "deploy" in answer.json()["detail"]
    assert Remote(http).one()["job_id"] == id


def test_a_claim_that_was_lost_on_the_way_goes_back(http: httpx2.Client, remote: Remote) -> None:
    enqueue(http), enqueue(http)
    known, lost = remote.one(), remote.one()
    (again,) = remote.claim(holding=[known["attempt_id"]])
    assert (again["job_id"], again["number"]) == (lost["job_id"], 2)
    assert remote.tell(lost, "complete").status_code == 409
    assert [remote.tell(job, "complete").status_code for job in (known, again)] == [200, 200]


def test_queues_are_looked_into_in_their_order_up_to_the_limit(http: httpx2.Client) -> None:
    low, high = [enqueue(http, queue="low") for _ in range(2)], [enqueue(http, queue="high") for _ in range(2)]
    enqueue(http, queue="high", type="other")
    remote = Remote(http, queues=["high", "low"])
    assert [job["job_id"] for job in remote.claim(limit=3)] == [*high, low[0]]
    assert [job["job_id"] for job in remote.claim(limit=3, types=["demo"], queues=["low"])] == [low[1]]
    assert remote.claim(limit=200) == []


# The long poll


@pytest.fixture
def patient(database: Database, tmp_path: Path) -> Iterator[Served]:
    """A service that looks by itself once in five minutes: what comes earlier was a hint."""
    with served(database, tmp_path, poll_seconds=300.0) as running:
        yield running


def waits(served: Served) -> int:
    """How many requests wait for jobs."""
    return served.server.web.runtime.hints.waiters


def until(condition: Any, what: str) -> None:
    deadline = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < deadline, what
        threading.Event().wait(0.01)


def test_a_waiting_claim_wakes_at_a_hint(patient: Served) -> None:
    http = patient.client()
    remote = Remote(patient.client())
    with ThreadPoolExecutor() as pool:
        claim = pool.submit(remote.claim, wait_seconds=30)
        until(lambda: waits(patient) == 1, "it waits")
        begun = time.monotonic()
        id = enqueue(http)
        assert [job["job_id"] for job in claim.result(25)] == [id]
        assert time.monotonic() - begun < 20  # by the hint, long before the poll


def test_a_waiting_claim_holds_no_connection(database: Database, tmp_path: Path) -> None:
    with served(database, tmp_path, poll_seconds=300.0, write_connections=1, read_connections=1) as running:
        remotes = [Remote(running.client()) for _ in range(6)]
        with ThreadPoolExecutor() as pool:
            claims = [pool.submit(remote.claim, wait_seconds=30) for remote in remotes]
            until(lambda: waits(running) == len(remotes), "they wait")
            http = running.client()
            ids = {enqueue(http) for _ in remotes}
            assert {claim.result(25)[0]["job_id"] for claim in claims} == ids


def test_the_end_of_the_service_ends_what_waits(database: Database, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        with served(database, tmp_path, poll_seconds=300.0) as running:
            remote = Remote(httpx2.Client(base_url=running.url, headers={"Authorization": f"Bearer {running.key()}"}))
            claim = pool.submit(remote.ask, wait_seconds=30)
            until(lambda: waits(running) == 1, "it waits")
            begun = time.monotonic()
        answer = claim.result(25)
        remote.http.close()
    assert (answer.status_code, answer.json()) == (200, {"items": []})
    assert time.monotonic() - begun < 15


def test_who_hangs_up_takes_nothing(patient: Served) -> None:
    http = patient.client()
    remote = Remote(patient.client())
    with pytest.raises(httpx2.TimeoutException):
        remote.http.post("/api/v1/worker/claim", json={"worker_id": remote.id, "wait_seconds": 30}, timeout=0.2)
    until(lambda: waits(patient) == 0, "the service sees that the client is gone")
    id = enqueue(http)
    assert job_of(http, id)["job"]["attempt_count"] == 0
    assert remote.one()["job_id"] == id


def test_what_a_request_took_that_was_cut_off_goes_back(
    database: Database, http: httpx2.Client, scene: Scene, tmp_path: Path
) -> None:
    """The claim is under way in the database when the service gives the request up."""
    remote, id = Remote(http), enqueue(http)
    runtime = Runtime(Service(url=database.app_url, config=Config(assets_dir=tmp_path)), ROUTES)
    principal = Principal(workspace=WORKSPACE, actor=ME, scopes=frozenset(ApiScope))
    body = worker.ClaimBody(worker_id=UUID(remote.id))

    async def cut_off() -> None:
        call = Call(runtime, None, principal)  # type: ignore[arg-type]  # this part of a claim asks nothing of it
        with closing(database.connect()) as other:
            other.execute("begin")
            other.execute("select from jobtrail.workers for update")
            claim = asyncio.create_task(worker._taken(call, body, ["default"], ["demo"], None))
            await asyncio.to_thread(until, lambda: waits_for_a_row(scene), "the claim is under way")
            claim.cancel()
            await asyncio.sleep(0)
            other.execute("commit")
        with pytest.raises(asyncio.CancelledError):
            await claim
        await runtime.stop()

    asyncio.run(cut_off())
    assert scene.told(UUID(id)) == ["job.created", "job.started", "job.interrupted"]
    assert remote.one()["job_id"] == id


def waits_for_a_row(scene: Scene) -> bool:
    asked = "select from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'jobtrail-write'"
    return scene.conn.execute(asked).fetchone() is not None


# Tenants


def test_nothing_of_another_workspace_can_be_claimed_seen_or_told(web: Served, http: httpx2.Client) -> None:
    mine, job_id = Remote(http), enqueue(http)
    job = mine.one()
    stranger = web.client(web.key(workspace=web.workspace("other")))
    theirs = Remote(stranger)
    enqueue(http)
    assert theirs.claim(limit=200) == []
    as_mine = object.__new__(Remote)
    as_mine.http, as_mine.id = stranger, mine.id
    assert as_mine.beat().status_code == 404
    assert as_mine.ask().status_code == 404
    assert stranger.post(f"/api/v1/worker/{mine.id}/stop", json={}).status_code == 404
    before = job_of(http, job_id)["job"]
    for what, said in {**TELLS, f"steps/{uuid4()}/finish": {}}.items():
        more = {"name": "x"} if what == "assets" else {}
        for who in (as_mine, theirs):
            assert who.tell(job, what, said, **more).status_code == 404, what
    orders = theirs.beat(attempts=[{"job_id": job["job_id"], "attempt_id": job["attempt_id"]}]).json()
    assert orders["drop"] == [job["attempt_id"]]  # as if it had never been
    assert job_of(http, job_id)["job"] == before
    seen = {worker["id"] for worker in stranger.get("/api/v1/workers").json()["items"]}
    assert seen == {theirs.id}
    assert mine.tell(job, "complete").status_code == 200


def test_the_fence_names_the_worker_too(http: httpx2.Client, remote: Remote) -> None:
    enqueue(http)
    job, other = remote.one(), Remote(http)
    assert other.tell(job, "complete").status_code == 404
    assert remote.tell({**job, "job_id": str(uuid4())}, "complete").status_code == 404
    assert remote.tell(job, "complete").status_code == 200


def test_a_shared_worker_is_seen_without_its_place_and_cannot_be_spoken_for(http: httpx2.Client, scene: Scene) -> None:
    shared = scene.new_worker()
    own = Remote(http)
    seen = {worker["id"]: worker for worker in http.get("/api/v1/workers").json()["items"]}
    assert (seen[str(shared)]["host"], seen[str(shared)]["process_id"]) == ("", 0)
    assert seen[own.id]["host"] == "127.0.0.1"
    own.id = str(shared)
    assert [own.beat().status_code, own.ask().status_code] == [404, 404]


def test_a_key_without_the_scope_runs_nothing(web: Served) -> None:
    client = web.client(web.key(scopes=frozenset(ApiScope) - {ApiScope.WORKERS_RUN}))
    answer = client.post("/api/v1/worker/register", json={"name": "n", "types": ["demo"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "denied")


def test_workers_that_serve_all_take_jobs_beside_those_of_a_workspace(
    http: httpx2.Client, remote: Remote, scene: Scene
) -> None:
    ids = {enqueue(http) for _ in range(4)}
    taken: set[str] = {job["job_id"] for job in remote.claim(limit=2)}
    fences = scene.claim(4)
    assert taken | {str(one.job_id) for one in fences} == ids
    assert scene.do(attempts.strays(UUID(remote.id), [])) != []


def test_a_job_of_a_silent_worker_runs_elsewhere(http: httpx2.Client, scene: Scene, clock: Clock) -> None:
    remote = Remote(http, lease_seconds=5)
    id = enqueue(http)
    job: Job = remote.one()
    clock.advance(seconds=4)
    assert remote.beat().status_code == 200
    clock.advance(seconds=4)
    assert scene.do(workers.rescue()) == []
    assert remote.tell(job, "heartbeat").status_code == 200
    clock.advance(seconds=6)
    (lost,) = scene.do(workers.rescue())
    assert (str(lost.job_id), lost.status) == (id, "QUEUED")
    assert Remote(http).one()["number"] == 2
