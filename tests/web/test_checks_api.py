"""Jobs whose input is checked before a slot, as the service accepts and shows them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from database import Database
from scene import WORKSPACE, Scene
from serving import Served, served

from jobtrail.runners import registry
from jobtrail.service import validations, workers
from jobtrail.service.jobs import Options
from jobtrail.store.db import ALL, Scope, run
from jobtrail.web import checks


@pytest.fixture
def looking(web: Served) -> None:
    """A live worker that checks jobs of type careful, and runs plain ones."""
    register(web.database, '{"careful": {"has_check": true}, "plain": {"has_check": false}}', ("careful", "plain"))


def register(database: Database, described: str, types: tuple[str, ...], workspace: UUID | None = None) -> None:
    worker = workers.NewWorker(
        id=uuid4(), name="w", host="h", host_id="b", process_id=1, process_started=0.0, lock_key=0, lease_seconds=300.0,
        slots=1, version="0", queues=("default",), types=types, workspace_id=workspace, described=described,
    )  # fmt: skip
    with closing(database.connect()) as conn:
        run(conn, workers.register(worker), Scope.of(ALL))


def stands(http: httpx2.Client, id: str) -> tuple[str, str | None]:
    job = http.get(f"/api/v1/jobs/{id}").json()["job"]
    return job["status"], job["wait_reason"]


def enqueued(http: httpx2.Client, type: str, key: str | None = None, **more: Any) -> str:
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = http.post("/api/v1/jobs", json={"type": type, **more}, headers=headers)
    assert answer.is_success, answer.text
    id: str = answer.json()["id"]
    return id


@pytest.mark.usefixtures("looking")
def test_only_types_that_are_checked_wait_for_it(http: httpx2.Client, scene: Scene) -> None:
    careful = enqueued(http, "careful")
    assert stands(http, careful) == ("PENDING", "VALIDATION")
    assert stands(http, enqueued(http, "plain")) == ("QUEUED", None)
    assert stands(http, enqueued(http, "unheard of")) == ("QUEUED", None)
    assert stands(http, enqueued(http, "careful", queue="elsewhere")) == ("QUEUED", None)
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert stands(http, enqueued(http, "careful", scheduled_at=later)) == ("PENDING", "SCHEDULE")
    batch = http.post("/api/v1/jobs/batch", json={"jobs": [{"type": type} for type in ("careful", "plain", "careful")]})
    found = [stands(http, item["id"])[0] for item in batch.json()["items"]]
    assert found == ["PENDING", "QUEUED", "PENDING"]
    again = http.post(f"/api/v1/jobs/{careful}/rerun", json={})
    assert stands(http, again.json()["id"]) == ("PENDING", "VALIDATION")


@pytest.mark.usefixtures("looking")
def test_a_job_that_is_being_checked_is_shown_and_found_and_cancelled(http: httpx2.Client, scene: Scene) -> None:
    ids = {enqueued(http, "careful") for _ in range(2)}
    (one,) = scene.do(validations.take(scene.worker, ("default",), ("careful",), 1))
    assert stands(http, str(one.job_id)) == ("VALIDATING", "VALIDATION")

    def listed(**query: str) -> set[str]:
        return {job["id"] for job in http.get("/api/v1/jobs", params=query).json()["items"]}

    assert listed(status="VALIDATING") == {str(one.job_id)}
    assert listed(status="PENDING") == ids - {str(one.job_id)}
    assert listed(wait_reason="VALIDATION") == ids
    assert listed(q="status:VALIDATING") == {str(one.job_id)}
    counts = {item["status"]: item["jobs"] for item in http.get("/api/v1/counts").json()["items"]}
    assert (counts["VALIDATING"], counts["PENDING"]) == (1, 1)
    assert "Its input is being checked" in http.get(f"/api/v1/jobs/{one.job_id}/why").json()["why"]
    assert http.post(f"/api/v1/jobs/{one.job_id}/cancel", json={}).json()["status"] == "CANCELLED"
    assert scene.do(validations.passed(one, scene.worker)) is None


def test_a_request_that_is_sent_again_is_the_same_when_its_type_is_checked_meanwhile(
    http: httpx2.Client, web: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "GOOD_SECONDS", 0.0)
    first = enqueued(http, "careful", key="k")
    register(web.database, '{"careful": {"has_check": true}}', ("careful",))
    assert enqueued(http, "careful", key="k") == first
    assert stands(http, enqueued(http, "careful", key="l")) == ("PENDING", "VALIDATION")


def test_a_worker_over_http_checks_nothing_whatever_it_says(http: httpx2.Client, web: Served) -> None:
    register(web.database, '{"careful": {"has_check": true}}', ("careful",), WORKSPACE)
    assert stands(http, enqueued(http, "careful")) == ("QUEUED", None)


@pytest.fixture
def of_an_app(database: Database, tmp_path: Path) -> Iterator[Served]:
    types = {"careful": Options(type="careful", checked=True), "plain": Options(type="plain")}
    with served(database, tmp_path, types=types) as web:
        yield web


def test_where_no_worker_lives_the_app_of_the_service_says_it(of_an_app: Served) -> None:
    http = of_an_app.client(of_an_app.key())
    assert stands(http, enqueued(http, "careful")) == ("PENDING", "VALIDATION")
    assert stands(http, enqueued(http, "plain")) == ("QUEUED", None)
    assert stands(http, enqueued(http, "careful", priority=9)) == ("PENDING", "VALIDATION")


def test_where_no_worker_lives_what_is_installed_says_it(
    http: httpx2.Client, web: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Looks:
        type = "command"

        async def run(self, context: Any) -> Any: ...

        async def check(self, context: Any) -> dict[str, str]:
            return {}

    monkeypatch.setattr(registry, "made", lambda _: Looks())
    monkeypatch.setattr(checks, "GOOD_SECONDS", 0.0)
    assert stands(http, enqueued(http, "command")) == ("PENDING", "VALIDATION")
    register(web.database, '{"command": {"has_check": false}}', ("command",), WORKSPACE)
    assert stands(http, enqueued(http, "command")) == ("QUEUED", None)
