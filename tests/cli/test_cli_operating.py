"""Operating from the command line, on the database: pauses, drains, forks, redrives, and what is said of errors."""

from __future__ import annotations

import pytest
from cli.terminal import Terminal
from scene import Scene

from jobtrail.core.fence import Fence
from jobtrail.core.filter import Filter
from jobtrail.core.ids import short
from jobtrail.service import failures, jobs


@pytest.fixture
def broken(scene: Scene) -> Fence:
    """A job that failed at its second step."""
    fence = scene.start(title="the first")
    scene.finished_step(fence, "fetch", '{"rows": 3}')
    scene.step(fence, "render")
    scene.fail(fence)
    return fence


def test_a_workspace_is_paused_and_resumed(jobtrail: Terminal, scene: Scene) -> None:
    id = scene.enqueue()
    paused = jobtrail.ok("workspace", "pause", "-m", "moving", "-o", "json")
    assert paused.data["paused_reason"] == "moving" and "undo: jobtrail workspace resume" in paused.err
    assert "All of its workspace was paused by" in jobtrail.ok("job", "why", str(id)).out
    assert jobtrail.ok("workspace", "resume", "-o", "json").data["paused_at"] is None
    assert jobtrail("workspace", "resume").code == 6


def test_a_shared_worker_is_drained_where_the_database_is_reached(jobtrail: Terminal, scene: Scene) -> None:
    worker = scene.new_worker(queues=("a", "b"))
    told = jobtrail.ok("worker", "drain", short(worker), "--stop", "-m", "new kernel", "-o", "json")
    assert told.data == {"worker": str(worker), "name": "w", "changed": True}
    (seen,) = jobtrail.ok("worker", "list", "-o", "json").data
    assert (seen["drain_reason"], seen["drain_stops"]) == ("new kernel", True)
    assert "draining" in jobtrail.ok("worker", "list").out
    assert "it was told so before" in jobtrail.ok("worker", "drain", "w", "--stop").err
    jobtrail.ok("worker", "undrain", "w")
    jobtrail.ok("queue", "pause", "b", "--worker", "w")
    (seen,) = jobtrail.ok("worker", "list", "-o", "json").data
    assert (seen["drain_asked_at"], seen["left_queues"]) == (None, ["b"])
    assert jobtrail("queue", "pause", "c", "--worker", "w").code == 6
    assert jobtrail("queue", "pause", "b", "--worker", "w", "-m", "why").code == 2
    jobtrail.ok("queue", "resume", "b", "--worker", "w")
    assert jobtrail("worker", "drain", "nobody").code == 5


def test_a_name_that_two_workers_have_names_neither(jobtrail: Terminal, scene: Scene) -> None:
    for _ in range(2):
        scene.new_worker()
    assert "2 workers are named w" in jobtrail("worker", "drain", "w").err


def test_a_job_is_forked_at_a_step(jobtrail: Terminal, scene: Scene, broken: Fence) -> None:
    made = jobtrail.ok("job", "fork", str(broken.job_id), "--from", "render", "n:=2", "-o", "json")
    assert (made.data["fork_of"], made.data["steps"]) == (str(broken.job_id), 1)
    (job,) = [one for one in scene.do(jobs.listed(scene.workspace, Filter())) if str(one.id) == made.data["id"]]
    assert job.input == {"n": 2}
    assert jobtrail("job", "fork", str(broken.job_id)).code == 2
    assert jobtrail("job", "fork", str(broken.job_id), "--from", "nothing").code == 5
    assert jobtrail("job", "fork", str(broken.job_id), "--after", "render").code == 6


def test_an_error_is_redriven_muted_resolved_and_opened(jobtrail: Terminal, scene: Scene, broken: Fence) -> None:
    (group,) = scene.do(failures.groups(scene.workspace)).items
    assert jobtrail.ok("error", "redrive", group.fingerprint, "--dry-run", "-o", "json").data["changing"] == 1
    jobtrail.ok("error", "mute", group.fingerprint, "-m", "known")
    assert jobtrail.ok("error", "show", group.fingerprint, "-o", "json").data["note"] == "known"
    jobtrail.ok("error", "resolve", group.fingerprint)
    jobtrail.ok("error", "reopen", group.fingerprint)
    made = jobtrail.ok("error", "redrive", group.fingerprint, "--rate", "100/m", "-o", "json")
    (operation,) = [
        one for one in scene.do(jobs.listed(scene.workspace, Filter())) if str(one.id) == made.data["job_id"]
    ]
    assert (operation.input["action"], operation.input["rate_per_minute"]) == ("redrive", 100.0)
    assert jobtrail("error", "redrive", group.fingerprint, "--rate", "fast").code == 2
    assert jobtrail("error", "mute", "fp_00000000").code == 5


def test_a_bulk_operation_is_counted_and_ordered(jobtrail: Terminal, broken: Fence) -> None:
    counted = jobtrail.ok("bulk", "redrive", "status:FAILED", "--dry-run", "-o", "json")
    assert (counted.data["matching"], counted.data["changing"]) == (1, 1)
    assert "nothing was changed" in counted.err
    assert "job_id" in jobtrail.ok("bulk", "start-now", "type:demo", "--rate", "5/s", "-o", "json").data
    assert jobtrail("bulk", "explode", "type:demo").code == 2
    assert "say --all" in jobtrail("bulk", "cancel").err
    assert jobtrail("bulk", "cancel", "type:demo", "--rate", "5/s").code == 2
