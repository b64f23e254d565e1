"""What code lets its job wait for and what it asks its desk for: inside the worker, and in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from database import Database
from scene import ME, WORKSPACE
from worker import waiting_jobs
from worker.at_work import Scene
from worker.at_work import scene as make_scene

from jobtrail.runners.python import Isolation
from jobtrail.service import workspaces
from jobtrail.store.db import ALL, Scope, run

BOTH = pytest.mark.parametrize("isolation", ["thread", "process"])


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Iterator[Scene]:
    with make_scene(database, tmp_path) as scene:
        yield scene


@BOTH
def test_a_job_waits_for_its_quota_and_goes_on(scene: Scene, isolation: Isolation) -> None:
    handle = scene.app.job("waits", isolation=isolation, retry=1)(waiting_jobs.waits).enqueue(secret="WAITS")
    with scene.work():
        assert handle.result(timeout=60) == 2
    assert scene.told(handle).count("job.waiting") == 1
    first, _ = scene.attempts(handle)
    assert (first.status, first.error_code, first.error_message) == ("INTERRUPTED", "quota", "used up by •••")
    assert (first.exit_code is not None) == (isolation == "process")
    (note,) = [event.payload for event in scene.client.events(handle.id) if event.type == "job.waiting"]
    assert (note["message"], note["by"], note["wait_reason"]) == ("used up by •••", ["•••"], "QUOTA")
    assert handle.job().failure_count == 0


@BOTH
def test_a_job_without_a_time_waits_until_it_is_started(scene: Scene, isolation: Isolation) -> None:
    handle = scene.app.job("parked", isolation=isolation)(waiting_jobs.parked).enqueue()
    with scene.work():
        job = scene.until(handle, "PENDING")
        assert (job.wait_reason, job.scheduled_at) == ("BUDGET", None)
        assert scene.client.start_now(handle.id)
        assert handle.result(timeout=60) == 2


@BOTH
def test_a_cancelled_job_does_not_wait(scene: Scene, isolation: Isolation) -> None:
    handle = scene.app.job("stubborn", isolation=isolation)(waiting_jobs.waits_when_told_to_stop).enqueue()
    with scene.work():
        scene.until(handle, "RUNNING")
        scene.client.cancel(handle.id, "enough")
        assert scene.ends(handle).status == "CANCELLED"
    assert "job.waiting" not in scene.told(handle)


@BOTH
def test_code_asks_its_desk_for_what_it_needs(scene: Scene, isolation: Isolation) -> None:
    policy = {"asks": {"hosts": ["a.example"]}}
    with scene.database.connect() as conn:
        run(conn, workspaces.set_policy(WORKSPACE, policy, ME), Scope.of(ALL))
    handle = scene.app.job("asks", isolation=isolation)(waiting_jobs.asks).enqueue()
    with scene.work():
        found: dict[str, Any] = handle.result(timeout=60)
    home = scene.folder / "homes" / str(WORKSPACE)
    assert found == {
        "policy": policy, "home": str(home), "mode": 0o700, "refused": True,
        "earlier": ["s1", 4, "0.125", 1],
    }  # fmt: skip
    (attempt,) = scene.attempts(handle)
    assert (attempt.process_id, attempt.session_id) == (
        os.getpid() if isolation == "thread" else attempt.process_id,
        "s1",
    )
    told = [event for event in scene.client.events(handle.id) if event.type == "ai.tool_called"]
    assert [event.payload for event in told] == [{"tool_name": "Bash", "input": {"command": "ls"}}] * 2
    assert sum(one.cost_usd or Decimal(0) for one in scene.client.usage(handle.id)) == Decimal("0.125")
    assert (home / "kept").read_text() == "for the next job"
