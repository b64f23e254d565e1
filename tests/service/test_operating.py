"""Operating: a workspace that is paused, workers that are told what to leave, errors that people know of. All is recorded."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from database import Clock, Database
from scene import ME, WORKSPACE, Scene

from jobtrail.core.attention import attention
from jobtrail.core.errors import Conflict, Denied, NotFound
from jobtrail.core.status import ErrorStatus
from jobtrail.core.why import sentence
from jobtrail.service import administration, attempts, failures, glance, jobs, queues, workers, workspaces
from jobtrail.store.db import Scope, run


def recorded(scene: Scene, workspace: UUID = WORKSPACE) -> list[tuple[str, str]]:
    """What was recorded, the oldest first."""
    return [(one.type, one.subject_id) for one in scene.do(administration.listed(workspace))][::-1]


def why(scene: Scene, id: UUID) -> str:
    facts = scene.do(jobs.facts(scene.workspace, id))
    assert facts is not None
    return sentence(facts)


def test_of_a_paused_workspace_nothing_is_taken_and_what_runs_goes_on(scene: Scene) -> None:
    running = scene.start()
    waiting = scene.enqueue()
    paused = scene.do(workspaces.pause(WORKSPACE, ME, "the disks are full"))
    assert (paused.paused_by, paused.paused_reason) == ("me", "the disks are full")
    assert scene.claim() == []
    assert why(scene, waiting).startswith("All of its workspace was paused by me 0 s ago: the disks are full; resume")
    assert scene.complete(running) == []
    seen = scene.do(glance.read(WORKSPACE))
    assert seen is not None and seen.paused_reason == "the disks are full"
    assert scene.do(workspaces.resume(WORKSPACE, ME)).paused_at is None
    assert [one.job_id for one in scene.claim()] == [waiting]
    assert recorded(scene) == [("workspace.paused", str(WORKSPACE)), ("workspace.resumed", str(WORKSPACE))]
    with pytest.raises(Conflict, match="not paused"):
        scene.do(workspaces.resume(WORKSPACE, ME))


def test_a_second_pause_changes_the_reason_and_not_the_time(scene: Scene, clock: Clock) -> None:
    first = scene.do(workspaces.pause(WORKSPACE, ME, "one"))
    clock.advance(seconds=60)
    second = scene.do(workspaces.pause(WORKSPACE, ME, "two"))
    assert (second.paused_at, second.paused_reason) == (first.paused_at, "two")
    assert len(recorded(scene)) == 1
    with pytest.raises(NotFound):
        scene.do(workspaces.pause(uuid4(), ME))


def test_pause_and_resume_of_a_queue_are_recorded_once(scene: Scene) -> None:
    for reason in ("one", "two"):
        scene.do(queues.pause(WORKSPACE, "media", ME, reason))
    scene.do(queues.resume(WORKSPACE, "media", ME))
    assert recorded(scene) == [("queue.paused", "media"), ("queue.resumed", "media")]


def test_the_heartbeat_tells_a_worker_what_to_leave_and_when_to_drain(scene: Scene) -> None:
    worker = scene.new_worker(queues=("a", "b"))
    assert scene.do(workers.leave_queue(worker, "b", ME)).changed
    assert not scene.do(workers.leave_queue(worker, "b", ME)).changed
    beat = scene.do(workers.heartbeat(worker))
    assert beat is not None and (beat.left_queues, beat.drains, beat.stops) == (["b"], False, False)
    scene.do(workers.leave_queue(worker, "b", ME, leave=False))
    scene.do(workers.drain(worker, ME, "new kernel", stop=True))
    beat = scene.do(workers.heartbeat(worker))
    assert beat is not None and (beat.left_queues, beat.drains, beat.stops) == ([], True, True)
    (seen,) = scene.do(workers.listed())
    assert seen.draining_at is not None and (seen.drain_reason, seen.drain_stops) == ("new kernel", True)
    scene.do(workers.undrain(worker, ME))
    beat = scene.do(workers.heartbeat(worker))
    assert beat is not None and not beat.drains
    (seen,) = scene.do(workers.listed())
    assert (seen.draining_at, seen.drain_asked_at, seen.drain_reason) == (None, None, None)


def test_what_a_worker_was_told_is_recorded_where_it_belongs(scene: Scene) -> None:
    shared, own = scene.new_worker(), scene.new_worker(workspace=WORKSPACE)
    for worker in (shared, own):
        scene.do(workers.drain(worker, ME))
        scene.do(workers.drain(worker, ME))
        scene.do(workers.undrain(worker, ME))
    lines = ["worker.drained", "worker.undrained"]
    assert recorded(scene) == [(line, str(own)) for line in lines]
    assert recorded(scene, administration.INSTALLATION) == [(line, str(shared)) for line in lines]


def test_a_workspace_commands_its_own_workers_only(scene: Scene, database: Database) -> None:
    shared, own, other = scene.new_worker(), scene.new_worker(workspace=WORKSPACE), uuid4()
    scene.do(queues.open_workspace(other, "other"))
    theirs = scene.new_worker(workspace=other)
    with closing(database.connect()) as conn:
        run(conn, workers.drain(own, ME), Scope.of(WORKSPACE))
        for work in (workers.drain(shared, ME), workers.leave_queue(shared, "default", ME)):
            with pytest.raises(Denied, match="serves all workspaces"):
                run(conn, work, Scope.of(WORKSPACE))
        for work in (workers.drain(theirs, ME), workers.undrain(theirs, ME)):
            with pytest.raises(NotFound, match="there is no worker"):
                run(conn, work, Scope.of(WORKSPACE))
    drained = {one.id for one in scene.do(workers.listed()) if one.drain_asked_at is not None}
    assert drained == {own}


def test_a_worker_is_told_nothing_that_it_cannot_do(scene: Scene) -> None:
    worker = scene.new_worker(queues=("a",))
    with pytest.raises(Conflict, match="does not serve the queue b; it serves a"):
        scene.do(workers.leave_queue(worker, "b", ME))
    with pytest.raises(Conflict, match="was not told to drain"):
        scene.do(workers.undrain(worker, ME))
    scene.do(workers.stop([worker], "killed"))
    with pytest.raises(Conflict, match="has stopped already"):
        scene.do(workers.drain(worker, ME))


def test_why_names_the_worker_that_was_told_to_leave_its_queue(scene: Scene) -> None:
    worker, id = scene.worker, scene.enqueue()
    scene.do(workers.leave_queue(worker, "default", ME))
    assert "told to leave it alone; take that back with `jobtrail queue resume default --worker w`" in why(scene, id)
    scene.do(workers.drain(worker, ME))
    assert "draining; let it go on with `jobtrail worker undrain w`" in why(scene, id)
    scene.new_worker()
    assert why(scene, id).startswith("It is the next of queue default")


def failed(scene: Scene) -> str:
    fence = scene.start()
    scene.do(attempts.fail(attempts.Failed(fence, "boom", "it broke")))
    return scene.do(failures.groups(WORKSPACE)).items[0].fingerprint


def test_a_muted_error_calls_for_no_attention_until_that_is_taken_back(scene: Scene) -> None:
    error = failed(scene)
    scene.do(failures.mark(WORKSPACE, error, ErrorStatus.MUTED, ME, "known: TICKET-7"))
    (group,) = scene.do(failures.groups(WORKSPACE)).items
    assert (group.state, group.note, group.marked_by, group.is_new) == ("MUTED", "known: TICKET-7", "user:me", False)
    failed(scene)
    assert not scene.do(failures.groups(WORKSPACE)).items[0].is_new
    scene.do(failures.unmark(WORKSPACE, error, ME))
    (group,) = scene.do(failures.groups(WORKSPACE)).items
    assert (group.state, group.is_new) == ("OPEN", True)
    assert recorded(scene) == [("error.muted", error), ("error.reopened", error)]
    with pytest.raises(Conflict, match="neither muted nor resolved"):
        scene.do(failures.unmark(WORKSPACE, error, ME))


def test_a_resolved_error_comes_back_when_it_is_seen_again(scene: Scene, clock: Clock) -> None:
    error = failed(scene)
    clock.advance(seconds=60)
    scene.do(failures.mark(WORKSPACE, error, ErrorStatus.RESOLVED, ME))
    (group,) = scene.do(failures.groups(WORKSPACE)).items
    assert (group.state, group.is_new) == ("RESOLVED", False)
    now = clock.advance(seconds=60)
    failed(scene)
    found = scene.do(failures.groups(WORKSPACE)).items
    assert (found[0].state, found[0].is_new) == ("BACK", True)
    (calls,) = attention(now + timedelta(seconds=1), unserved={}, queues=[], errors=found, lost=[], gates=[])
    assert calls.says.startswith("back after it was resolved: boom")


def test_an_error_that_nobody_ever_saw_cannot_be_marked(scene: Scene) -> None:
    with pytest.raises(NotFound):
        scene.do(failures.mark(WORKSPACE, "fp_00000000", ErrorStatus.MUTED, ME))
