"""The example workers of other languages, against the real service: to the end of their jobs, whatever happens to them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from scene import Scene
from serving import Served
from web.remote import enqueue, job_of

from jobtrail.core.scopes import ApiScope
from jobtrail.service import workers

EXAMPLES = Path(__file__).parents[2] / "examples"
PATIENCE_SECONDS = 90.0


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        threading.Event().wait(0.05)


def program(name: str) -> str:
    """A program that the tests need."""
    found = shutil.which(name)
    assert found is not None, f"the tests need {name}; `make system` installs it"
    return found


@contextmanager
def working(web: Served, folder: Path, command: Sequence[str | Path]) -> Iterator[subprocess.Popen[bytes]]:
    """An example worker at work, which is killed in the end if it is still there."""
    key = web.key(scopes={ApiScope.WORKERS_RUN})
    mine = {"JOBTRAIL_SERVER_URL": web.url, "JOBTRAIL_API_KEY": key, "LEASE_SECONDS": "3", "GRACE_SECONDS": "1"}
    with (folder / "worker.log").open("ab") as log:
        worker = subprocess.Popen(command, env={**os.environ, **mine}, stdout=log, stderr=log, start_new_session=True)
    try:
        yield worker
    finally:
        if worker.poll() is None:
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def job(http: httpx2.Client, id: str) -> dict[str, Any]:
    found: dict[str, Any] = job_of(http, id)["job"]
    return found


def completed(http: httpx2.Client, id: str) -> list[dict[str, Any]]:
    """The steps of a job that are done."""
    return [step for step in job_of(http, id)["steps"] if step["status"] == "COMPLETED"]


@pytest.fixture
def in_javascript() -> list[str | Path]:
    return [program("node"), EXAMPLES / "worker-in-javascript" / "worker.mjs"]


def test_the_worker_in_javascript_survives_what_happens_to_workers(
    web: Served, http: httpx2.Client, scene: Scene, tmp_path: Path, in_javascript: list[str | Path]
) -> None:
    """Twenty jobs: one whose worker is killed at work, one that is cancelled at work, and eighteen plain ones."""
    long = enqueue(http, type="example.count", input={"to": 6, "pause_ms": 1_000})
    with working(web, tmp_path, in_javascript) as first:
        until(lambda: len(completed(http, long)) > 0, "the first worker works")
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert job(http, long)["status"] == "RUNNING"
    before = completed(http, long)
    until(lambda: bool(scene.do(workers.rescue())), "the lease of the dead worker ends")
    endless = enqueue(http, type="example.count", input={"to": 1_000, "pause_ms": 1_000}, priority=9)
    plain = [enqueue(http, type="example.count", input={"to": 3, "pause_ms": 5}) for _ in range(18)]
    with working(web, tmp_path, in_javascript) as second:
        until(lambda: len(completed(http, endless)) > 0, "the second worker works")
        http.post(f"/api/v1/jobs/{endless}/cancel", json={"reason": "enough"})
        ids = [long, endless, *plain]
        ended = ("COMPLETED", "CANCELLED", "FAILED")
        until(lambda: all(job(http, id)["status"] in ended for id in ids), "all jobs end")
        second.send_signal(signal.SIGTERM)
        assert second.wait(PATIENCE_SECONDS) == 0
    assert {job(http, id)["status"] for id in [long, *plain]} == {"COMPLETED"}
    assert (job(http, endless)["status"], job(http, endless)["cancel_reason"]) == ("CANCELLED", "enough")
    assert job_of(http, long)["result"]["output"] == {"sum": 21}
    assert (job(http, long)["loss_count"], job(http, long)["failure_count"]) == (1, 0)
    assert [step for step in completed(http, long) if step["id"] in {one["id"] for one in before}] == before
    lines = [line["message"] for line in http.get(f"/api/v1/jobs/{plain[0]}/logs").json()["items"]]
    assert lines == ["adding 1", "adding 2", "adding 3"]
    assert [one.status for one in scene.attempts(UUID(long))] == ["LOST", "COMPLETED"]
    assert all(worker.stop_reason == "stopped" for worker in scene.do(workers.listed()) if worker.stopped_at)


def test_the_worker_in_javascript_gives_back_what_it_cannot_end_in_time(
    web: Served, http: httpx2.Client, scene: Scene, tmp_path: Path, in_javascript: list[str | Path]
) -> None:
    id = enqueue(http, type="example.count", input={"to": 1_000, "pause_ms": 1_000})
    with working(web, tmp_path, in_javascript) as worker:
        until(lambda: len(completed(http, id)) > 0, "it works")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE_SECONDS) == 0
    assert (job(http, id)["status"], job(http, id)["loss_count"]) == ("QUEUED", 0)
    assert [one.status for one in scene.attempts(UUID(id))] == ["INTERRUPTED"]


def test_the_worker_in_javascript_fails_for_good_what_cannot_be(
    web: Served, http: httpx2.Client, tmp_path: Path, in_javascript: list[str | Path]
) -> None:
    gone = enqueue(http, type="example.fetch", input={"url": f"{web.url}/nowhere"}, max_attempts=5)
    page = enqueue(http, type="example.fetch", input={"url": f"{web.url}/health"})
    late = enqueue(http, type="example.count", input={"to": 99, "pause_ms": 500}, timeout_seconds=1, max_attempts=1)
    with working(web, tmp_path, in_javascript):
        until(lambda: {job(http, id)["status"] for id in (gone, page, late)} == {"FAILED", "COMPLETED"}, "all end")
        until(lambda: job(http, late)["status"] == "FAILED", "the late one ends")
    assert (job(http, gone)["attempt_count"], job(http, page)["status"]) == (1, "COMPLETED")
    assert job(http, late)["error_code"] == "timed_out"
    (asset,) = http.get(f"/api/v1/jobs/{page}/assets").json()["items"]
    assert asset["sha256"] == job_of(http, page)["result"]["output"]["sha256"]


SHELL_JOB = r"""
read -r job
case $job in
  *break*) echo "it broke"; exit 3 ;;
  *linger*) echo "waiting"; sleep 600 ;;
esac
echo "::step greet"
printf 'a "quoted" \\ line\n::progress 50\n::step leave\nlast'
echo '{"made": true}' > "$RESULT"
"""


def test_the_worker_in_shell_runs_a_command_for_each_job(
    web: Served, http: httpx2.Client, scene: Scene, tmp_path: Path
) -> None:
    plain = enqueue(http, type="example.sh", input={"do": "work"})
    broken = enqueue(http, type="example.sh", input={"do": "break"}, max_attempts=1)
    cancelled = enqueue(http, type="example.sh", input={"do": "linger"})
    command: list[str | Path] = [EXAMPLES / "worker-in-shell" / "worker.sh", "example.sh", "sh", "-c", SHELL_JOB]
    program("curl")
    with working(web, tmp_path, command) as worker:
        until(lambda: job(http, cancelled)["status"] == "RUNNING", "it works, one job after the other")
        http.post(f"/api/v1/jobs/{cancelled}/cancel", json={})
        until(lambda: job(http, cancelled)["status"] == "CANCELLED", "it stops as it is told")
        given_back = enqueue(http, type="example.sh", input={"do": "linger"})
        until(lambda: job(http, given_back)["status"] == "RUNNING", "it works on")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE_SECONDS) == 0
    found = job_of(http, plain)
    assert (found["job"]["status"], found["result"]["output"]) == ("COMPLETED", {"made": True})
    assert "job.progress" in [event["type"] for event in found["events"]]
    assert [(step["name"], step["status"]) for step in found["steps"]] == [
        ("greet", "COMPLETED"),
        ("leave", "COMPLETED"),
    ]
    lines = [line["message"] for line in http.get(f"/api/v1/jobs/{plain}/logs").json()["items"]]
    assert lines == ['a "quoted" \\ line', "last"]
    assert (job(http, broken)["status"], job(http, broken)["error_message"]) == ("FAILED", "exited with 3")
    assert (job(http, given_back)["status"], job(http, given_back)["loss_count"]) == ("QUEUED", 0)
    assert [one.exit_code for one in scene.attempts(UUID(broken))] == [3]
