"""Signals over HTTP: said once, heard by the job that waits, and said only by those who may."""

from __future__ import annotations

import logging
from pathlib import Path

import httpx2
import pytest
from database import Database
from serving import Served, served
from web.remote import Remote, enqueue, job_of
from worker.at_work import wait_until

from jobtrail.core.scopes import ApiScope


def waiting(http: httpx2.Client, name: str = "paid") -> str:
    """A job that waits for a signal."""
    id = enqueue(http)
    remote = Remote(http)
    note = {"reason": "SIGNAL", "message": "waits for money", "note": {"signal": name}}
    assert remote.tell(remote.one(), "wait", note).status_code == 200
    return id


def test_a_signal_lets_the_job_go_on(http: httpx2.Client) -> None:
    id = waiting(http)
    found = job_of(http, id)
    assert "signal" in found["allowed_actions"]
    answer = http.post(f"/api/v1/jobs/{id}/signal", json={"name": "paid", "payload": {"eur": 5}})
    assert answer.json() == {"job_id": id, "name": "paid", "is_new": True, "resumed": True}
    assert job_of(http, id)["job"]["status"] == "QUEUED"
    again = http.post(f"/api/v1/jobs/{id}/signal", json={"name": "paid"})
    assert (again.status_code, again.json()["is_new"]) == (200, False)
    (heard,) = http.get(f"/api/v1/jobs/{id}/signals").json()["items"]
    assert (heard["name"], heard["payload"], heard["actor_type"]) == ("paid", {"eur": 5}, "api_key")


def test_who_signals_needs_the_scope_and_the_job(web: Served, http: httpx2.Client) -> None:
    id = waiting(http)
    without = web.client(web.key(scopes=set(ApiScope) - {ApiScope.JOBS_SIGNAL}))
    assert without.post(f"/api/v1/jobs/{id}/signal", json={"name": "paid"}).status_code == 403
    theirs = web.client(web.key(workspace=web.workspace("theirs")))
    assert theirs.post(f"/api/v1/jobs/{id}/signal", json={"name": "paid"}).status_code == 404
    http.post(f"/api/v1/jobs/{id}/cancel", json={})
    assert http.post(f"/api/v1/jobs/{id}/signal", json={"name": "paid"}).status_code == 409


def test_who_calls_back_too_often_is_told_to_wait(database: Database, tmp_path: Path) -> None:
    with served(database, tmp_path, key_requests_per_second=1) as web:
        nobody = web.client("")
        answers = [nobody.post("/api/v1/callbacks/cb_x", content=b"1") for _ in range(4)]
    assert {answer.status_code for answer in answers} == {404, 429}
    assert int(next(answer for answer in answers if answer.status_code == 429).headers["retry-after"]) >= 1


def test_the_address_of_a_callback_stands_in_no_log(web: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "jobtrail")
    assert web.client("").post("/api/v1/callbacks/cb_hunter2", content=b"1").status_code == 404
    wait_until(lambda: "POST /api/v1/callbacks/" in caplog.text, "its line is written")
    assert "hunter2" not in caplog.text
    assert not any("hunter2" in str(getattr(record, "fields", "")) for record in caplog.records)
