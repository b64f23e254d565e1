"""Renders at the real nexrender server, by a node without After Effects that speaks the worker's side of the protocol."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from database import Database
from nexrender.fake_worker import MP4, FakeWorker
from nexrender.farm import Farm, until
from nexrender.farm import farm as make_farm

MODULES = Path(__file__).parents[2] / ".interop/node_modules"
PROGRAM = Path(__file__).with_name("nexrender_server.cjs")
SECRET = "s3cret"


@dataclass
class Server:
    """The server, which keeps its renders in a file."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    started: int = field(default=0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.started += 1
        node = shutil.which("node")
        assert node is not None, "there is no node"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "NODE_PATH": str(MODULES),
            "NEXRENDER_DATABASE": str(self.folder / "database.json"),
        }
        log = self.folder / f"server-{self.started}.log"
        with log.open("wb") as out:
            argv = [node, str(PROGRAM), str(self.port), SECRET]
            self.process = subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        process = self.process
        until(lambda: "listening" in log.read_text() or process.poll() is not None, "the server starts")
        assert process.poll() is None, log.read_text()

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def rows(self) -> list[dict[str, Any]]:
        """All renders that it has, as it says itself."""
        request = urllib.request.Request(f"{self.url}/api/v1/jobs", headers={"nexrender-secret": SECRET})
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: list[dict[str, Any]] = json.loads(answer.read())
        return found

    def saved(self) -> list[dict[str, Any]]:
        """What would survive its end now; it writes a moment after it has answered."""
        try:
            found: list[dict[str, Any]] = json.loads((self.folder / "database.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return []
        return found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    assert (MODULES / "@nexrender/server").is_dir(), "the real nexrender is installed by: make interop"
    folder = tmp_path / "server"
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(folder, port)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def farm(database: Database, tmp_path: Path, server: Server) -> Iterator[Farm]:
    folder = tmp_path / "farm"
    folder.mkdir()
    with make_farm(database, folder, server.url, NEXRENDER_SECRET=SECRET) as farm:
        farm.start()
        yield farm


@pytest.fixture
def node(server: Server) -> FakeWorker:
    return FakeWorker(server.url, SECRET)


def render(farm: Farm, options: dict[str, Any] | None = None, **input: Any) -> Any:
    return farm.enqueue(options, secret={"env": "NEXRENDER_SECRET"}, **input)


def test_a_render_is_handed_in_rendered_and_its_output_kept(farm: Farm, server: Server, node: FakeWorker) -> None:
    id = render(farm, estimated_seconds=3_600)
    farm.at(id, "queued")
    assert node.pick_up()
    node.reach("render:dorender", 50)
    farm.at(id, "rendering")
    node.finish(farm.output)
    job = farm.over(id)
    assert job.status == "COMPLETED", farm.story(id)
    output = farm.output_of(id)
    assert output["output"]["sha256"] == hashlib.sha256(MP4).hexdigest()
    assert output["uid"] == f"{id}-1"
    assert output["node"] == "127.0.0.1"
    assert output["actual_seconds"] is not None
    (asset,) = farm.client.assets(id)
    assert (asset.byte_size, asset.sha256) == (len(MP4), hashlib.sha256(MP4).hexdigest())
    steps = {step.name: str(step.status) for step in farm.client.steps(id)}
    assert set(steps.values()) == {"COMPLETED"}, steps
    assert [row["uid"] for row in server.rows()] == [f"{id}-1"]
    assert not any(SECRET in line.message for line in farm.client.logs(id))
    farm.verified()


def test_a_server_that_is_killed_and_comes_back_loses_nothing(farm: Farm, server: Server, node: FakeWorker) -> None:
    id = render(farm)
    farm.at(id, "queued")
    node.pick_up()
    node.reach("render:dorender", 20)
    farm.at(id, "rendering")
    until(lambda: [row.get("renderProgress") for row in server.saved()] == [20], "the server has saved it")
    server.kill()
    farm.logged(id, "the render server is away")
    assert farm.job(id).status == "RUNNING"
    server.start()
    farm.logged(id, "the render server answers again")
    node.finish(farm.output)
    assert farm.over(id).status == "COMPLETED", farm.story(id)
    assert [row["uid"] for row in server.rows()] == [f"{id}-1"]
    assert len(farm.client.attempts(id)) == 1
    farm.verified()


def test_a_server_that_comes_back_without_the_render_gets_it_once_more(
    farm: Farm, server: Server, node: FakeWorker
) -> None:
    id = render(farm)
    farm.at(id, "queued")
    server.kill()
    (server.folder / "database.json").unlink(missing_ok=True)
    server.start()
    farm.logged(id, "the server has lost the render; it is handed in once more")
    until(node.pick_up, lambda: f"it is there again: {farm.story(id)}")
    node.finish(farm.output)
    assert farm.over(id).status == "COMPLETED", farm.story(id)
    assert [row["uid"] for row in server.rows()] == [f"{id}-1"]


def test_a_render_that_the_server_loses_twice_is_lost(farm: Farm, server: Server) -> None:
    id = render(farm, {"max_attempts": 1})
    for _ in range(2):
        until(server.rows, lambda: f"it is handed in: {farm.story(id)}")
        farm.at(id, "queued")
        request = urllib.request.Request(
            f"{server.url}/api/v1/jobs/{id}-1", method="DELETE", headers={"nexrender-secret": SECRET}
        )
        urllib.request.urlopen(request, timeout=30).read()
    job = farm.over(id)
    assert (job.status, job.error_code) == ("FAILED", "render_lost"), farm.story(id)


def test_a_worker_that_is_killed_hands_nothing_in_twice(farm: Farm, server: Server, node: FakeWorker) -> None:
    id = render(farm)
    until(server.rows, lambda: f"it is handed in: {farm.story(id)}")
    farm.kill()
    farm.start()
    farm.logged(id, "render")
    until(lambda: len(farm.client.attempts(id)) == 2, lambda: f"it runs again: {farm.story(id)}")
    farm.at(id, "queued")
    node.pick_up()
    node.reach("render:dorender")
    farm.at(id, "rendering")
    farm.kill()
    farm.start()
    until(lambda: len(farm.client.attempts(id)) == 3, lambda: f"it runs again: {farm.story(id)}")
    node.finish(farm.output)
    assert farm.over(id).status == "COMPLETED", farm.story(id)
    assert [row["uid"] for row in server.rows()] == [f"{id}-1"]
    assert [str(attempt.status) for attempt in farm.client.attempts(id)] == ["LOST", "LOST", "COMPLETED"]
    farm.verified()


def test_a_state_that_nobody_knows_is_a_render_that_goes_on(farm: Farm, node: FakeWorker) -> None:
    id = render(farm)
    farm.at(id, "queued")
    node.pick_up()
    node.put(state="not-a-state")
    farm.logged(id, "not-a-state at 127.0.0.1")
    node.finish(farm.output)
    assert farm.over(id).status == "COMPLETED", farm.story(id)


def test_a_node_that_vanishes_is_a_stall_and_the_next_attempt_renders_anew(
    farm: Farm, server: Server, node: FakeWorker
) -> None:
    id = render(farm, {"max_attempts": 2}, stall_after="5s")
    farm.at(id, "queued")
    node.pick_up()
    node.reach("render:dorender", 5)
    until(lambda: len(server.rows()) == 2, lambda: f"a second render is handed in: {farm.story(id)}")
    first, second = farm.client.attempts(id)[0], FakeWorker(server.url, SECRET)
    assert (first.status, first.error_code) == ("FAILED", "stalled")
    assert "it goes on at 127.0.0.1" in str(first.error_message)
    assert second.pick_up()
    second.finish(farm.output)
    assert farm.over(id).status == "COMPLETED", farm.story(id)
    assert [(row["uid"], row["state"]) for row in server.rows()] == [
        (f"{id}-1", "render:dorender"), (f"{id}-2", "finished"),
    ]  # fmt: skip
    farm.verified()


def test_an_error_of_the_node_is_the_errors_of_the_job(farm: Farm, node: FakeWorker) -> None:
    id = render(farm, {"max_attempts": 1})
    farm.at(id, "queued")
    node.pick_up()
    node.reach("render:script")
    node.fail("Error: layer not found", "Error: aborted")
    job = farm.over(id)
    assert (job.status, job.error_code) == ("FAILED", "render_failed")
    assert "layer not found" in str(job.error_message) and "aborted" in str(job.error_message)


def test_finished_without_an_output_is_a_failure(farm: Farm, node: FakeWorker) -> None:
    id = render(farm, {"max_attempts": 1}, output=str(farm.output.with_name("empty.mp4")))
    farm.at(id, "queued")
    node.pick_up()
    node.finish(farm.output.with_name("empty.mp4"), b"<!doctype html>")
    job = farm.over(id)
    assert (job.status, job.error_code) == ("FAILED", "output_missing")
    assert farm.client.assets(id) == []


def test_a_cancel_takes_out_what_is_queued_and_leaves_what_a_node_has(
    farm: Farm, server: Server, node: FakeWorker
) -> None:
    queued = render(farm)
    farm.at(queued, "queued")
    farm.client.cancel(queued, "enough")
    assert farm.over(queued).error_message == "the render was removed before a node took it"
    assert server.rows() == []
    rendering = render(farm)
    farm.at(rendering, "queued")
    node.pick_up()
    farm.at(rendering, "started")
    farm.client.cancel(rendering, "enough")
    job = farm.over(rendering)
    assert (job.status, job.cancel_reason) == ("CANCELLED", "enough")
    assert "it goes on at 127.0.0.1 (started), and its output is discarded" in str(job.error_message)
    node.finish(farm.output)  # nothing was deleted under the node's feet
    assert [row["state"] for row in server.rows()] == ["finished"]


def test_a_wrong_secret_is_said(farm: Farm) -> None:
    id = farm.enqueue(secret={"env": "HOME"})
    job = farm.over(id)
    assert (job.status, job.error_code) == ("FAILED", "server_denied")
