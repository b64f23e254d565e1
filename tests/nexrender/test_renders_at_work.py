"""Renders by a real worker on a real database, found by its entry point and its settings, at an imitated server."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from database import Database
from nexrender.fake_worker import MP4, FakeWorker
from nexrender.farm import Farm, until
from nexrender.farm import farm as make_farm
from nexrender.imitation import Imitation


@pytest.fixture
def farm(database: Database, tmp_path: Path, server: Imitation) -> Iterator[Farm]:
    with make_farm(database, tmp_path, server.url, NEXRENDER_SECRET="s3cret") as farm:
        yield farm


def test_a_render_survives_the_kill_of_its_worker(farm: Farm, server: Imitation, node: FakeWorker) -> None:
    server.secret = node.secret = "s3cret"
    farm.start()
    id = farm.enqueue(secret={"env": "NEXRENDER_SECRET"})
    farm.at(id, "queued")
    assert node.pick_up()
    node.reach("render:dorender", 40)
    farm.at(id, "rendering")
    farm.kill()
    node.finish(farm.output)
    farm.start()
    job = farm.over(id)
    assert job.status == "COMPLETED", farm.story(id)
    assert server.count("POST") == 1
    assert farm.output_of(id)["output"]["sha256"] == hashlib.sha256(MP4).hexdigest()
    (asset,) = farm.client.assets(id)
    assert (asset.name, asset.media_type, asset.byte_size) == ("out.mp4", "video/mp4", len(MP4))
    attempts = farm.client.attempts(id)
    assert [attempt.status for attempt in attempts] == ["LOST", "COMPLETED"]
    assert {attempt.session_id for attempt in attempts} == {f"{id}-1"}
    steps = {step.name: (step.phase, step.status) for step in farm.client.steps(id)}
    assert steps["render"] == ("EXECUTION", "COMPLETED")
    assert steps["download and prepare"] == ("SETUP", "COMPLETED")
    assert steps["actions after the render"] == ("VALIDATION", "COMPLETED")
    assert steps["clean up at the node"] == ("CLEANUP", "COMPLETED")
    assert "job.validating" in farm.told(id)
    assert not any("s3cret" in line.message for line in farm.client.logs(id))
    farm.verified()


def test_a_failed_render_is_rendered_anew_until_no_attempt_is_left(farm: Farm, server: Imitation) -> None:
    farm.start()
    id = farm.enqueue({"max_attempts": 2})
    for number in (1, 2):
        node = FakeWorker(server.url)
        until(node.pick_up, lambda: f"the next render is handed in: {farm.story(id)}")
        node.reach("render:dorender")
        node.fail(f"Error: broken {number}")
    job = farm.over(id)
    assert (job.status, job.error_code) == ("FAILED", "render_failed")
    assert [row["uid"] for row in server.rows] == [f"{id}-1", f"{id}-2"]
    assert [a.error_message for a in farm.client.attempts(id)] == [
        f"the render failed: Error: broken {number}" for number in (1, 2)
    ]
    farm.verified()


def test_a_cancel_says_what_becomes_of_the_render(farm: Farm, server: Imitation, node: FakeWorker) -> None:
    farm.start()
    queued = farm.enqueue()
    farm.at(queued, "queued")
    farm.client.cancel(queued, "not needed")
    job = farm.over(queued)
    assert (job.status, job.cancel_reason) == ("CANCELLED", "not needed")
    assert job.error_message == "the render was removed before a node took it"
    assert server.rows == []
    rendering = farm.enqueue()
    farm.at(rendering, "queued")
    node.pick_up()
    farm.at(rendering, "started")
    farm.client.cancel(rendering, "not needed")
    job = farm.over(rendering)
    assert job.status == "CANCELLED"
    assert "it goes on at 10.9.8.7" in str(job.error_message)
    farm.verified()


def test_what_is_not_allowed_never_takes_a_slot(farm: Farm, server: Imitation) -> None:
    farm.start()
    document = {"template": {"src": "file:///etc/passwd", "composition": "main"}}
    job = farm.over(farm.enqueue(document=document))
    assert (job.status, job.started_at) == ("FAILED", None)
    assert "document.template.src" in str(job.error_message)
    assert server.rows == []


def test_a_server_that_is_away_at_the_check_is_no_fault_of_the_input(farm: Farm, server: Imitation) -> None:
    server.away = True
    farm.start()
    id = farm.enqueue()
    until(lambda: "job.retry_scheduled" in farm.told(id), lambda: f"its check is to be done again: {farm.story(id)}")
    server.away = False
    farm.at(id, "queued")
    farm.stop()
    assert [str(attempt.status) for attempt in farm.client.attempts(id)] == ["INTERRUPTED"]
    assert server.only()["state"] == "queued"  # for the next worker
