"""Ids are chosen by whoever enqueues. A job of another workspace that has the same id is never touched, read or told of,
not even by what serves all workspaces."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from uuid import UUID

import pytest
from database import Clock, Database
from scene import ME, Scene, ids, new_job
from service.people import other

from jobtrail.core.fence import Fence
from jobtrail.service import attempts, jobs, settling, upkeep
from jobtrail.service.jobs import Change
from jobtrail.store import query
from jobtrail.store.query import Query


@pytest.fixture
def theirs(scene: Scene) -> Scene:
    """The other workspace."""
    return Scene(scene.conn, other(scene))


def same(scene: Scene, theirs: Scene, **wanted: object) -> UUID:
    """A job of both."""
    id = ids.new()
    for one in (scene, theirs):
        one.enqueue(id=id, **wanted)
    return id


def is_ready(scene: Scene, id: UUID) -> bool:
    found = scene.conn.execute(
        "select from jobtrail.ready where workspace_id = %s and job_id = %s", (scene.workspace, id)
    )
    return found.fetchone() is not None


ACTS = {
    "cancel": lambda scene, id: scene.do(jobs.cancel(scene.workspace, id, ME, None)),
    "update": lambda scene, id: scene.do(jobs.update(scene.workspace, id, Change(priority=9), ME)),
}


@pytest.mark.parametrize("act", ACTS)
def test_what_is_done_to_a_job_leaves_its_namesake_ready(scene: Scene, theirs: Scene, act: str) -> None:
    id = same(scene, theirs)
    ACTS[act](theirs, id)
    assert is_ready(scene, id) and scene.job(id).version == 1
    assert [one.workspace_id for one in scene.claim(9) if one.workspace_id == scene.workspace]


def test_a_time_that_comes_leaves_the_namesake_ready(scene: Scene, theirs: Scene, clock: Clock) -> None:
    id = ids.new()
    theirs.enqueue(id=id, queue_timeout_seconds=5)
    clock.advance(seconds=1)
    scene.enqueue(id=id)
    clock.advance(seconds=9)
    scene.do(upkeep.stage())
    assert theirs.job(id).status == "FAILED"
    assert is_ready(scene, id)


def stopped(scene: Scene, **wanted: object) -> None:
    """A parent that is cancelled with its child: what is settled at once is of several workspaces."""
    parent = scene.enqueue(queue="held")
    scene.enqueue(queue="held", parent_id=parent, **wanted)
    scene.do(jobs.cancel(scene.workspace, parent, ME, None))


def settle(scene: Scene) -> None:
    while scene.do(settling.page()).taken:
        pass


def test_children_of_a_namesake_stay_when_a_parent_is_stopped(scene: Scene, theirs: Scene) -> None:
    parent = same(scene, theirs, queue="held")
    child = scene.enqueue(queue="held", parent_id=parent)
    theirs.enqueue(queue="held", parent_id=parent)
    theirs.do(jobs.cancel(theirs.workspace, parent, ME, None))
    stopped(scene)
    settle(scene)
    assert scene.job(child).status == "QUEUED"


def test_the_namesake_of_a_child_stays_when_its_parent_is_stopped(scene: Scene, theirs: Scene) -> None:
    child = ids.new()
    scene.enqueue(queue="held", id=child)
    stopped(theirs, id=child)
    stopped(scene)
    settle(scene)
    assert (scene.job(child).status, theirs.job(child).status) == ("QUEUED", "CANCELLED")


def test_who_waits_for_a_job_is_not_met_while_the_namesake_of_the_waiting_one_is(
    scene: Scene, theirs: Scene, database: Database
) -> None:
    """Both wait under one id; ours is held by somebody when both needs end, and must still go on afterwards."""
    needs = [one.enqueue(queue="held") for one in (scene, theirs)]
    waits = ids.new()
    for one, need in zip((scene, theirs), needs, strict=True):
        job = new_job(id=waits)._replace(after=(need,))
        one.do(jobs.enqueue(one.workspace, [job], ME))
    settle(scene)
    for one, need in zip((scene, theirs), needs, strict=True):
        one.complete(one.again(need))
    with closing(database.connect(str(scene.workspace))) as other_one, other_one.transaction():
        other_one.execute("select from jobtrail.jobs where id = %s for update", (waits,))
        scene.do(settling.page())
    settle(scene)
    assert [one.job(waits).status for one in (scene, theirs)] == ["QUEUED", "QUEUED"]


def running(scene: Scene, theirs: Scene) -> tuple[Fence, Fence]:
    """Both run, each at a worker of its own."""
    id = ids.new()
    scene.enqueue(id=id, queue="ours")
    theirs.enqueue(id=id, queue="theirs")
    return scene.again(id), theirs.again(id)


ENDS = {
    "complete": lambda scene, fences: scene.do(attempts.complete([attempts.Completed(one) for one in fences])),
    "interrupt": lambda scene, fences: scene.do(attempts.interrupt(fences)),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_end_of_an_attempt_leaves_that_of_the_namesake_open(scene: Scene, theirs: Scene, end: str) -> None:
    """The attempts that end together are of both workspaces, so that their ids meet."""
    ours, its_twin = running(scene, theirs)
    scene.step(ours, "render")
    more = scene.start()
    ENDS[end](scene, [its_twin, more])
    assert scene.job(ours.job_id).status == "RUNNING"
    assert [attempt.status for attempt in scene.attempts(ours.job_id)] == ["RUNNING"]
    assert scene.complete(ours) == []


def test_a_claim_takes_what_it_was_asked_for_and_not_the_namesake(scene: Scene, theirs: Scene) -> None:
    id = ids.new()
    scene.enqueue(id=id, queue="special")
    scene.enqueue(queue="default")
    theirs.enqueue(id=id, queue="default")
    assert len(scene.claim(9)) == 2
    assert scene.job(id).status == "QUEUED" and is_ready(scene, id)


def test_jobs_that_are_cancelled_together_leave_their_namesakes_ready(scene: Scene, theirs: Scene) -> None:
    id = same(scene, theirs)
    theirs.do(Query("verbs/cancel_many", (theirs.workspace, [id], ME.type, ME.id, None, ids.new()), query.rows))
    assert theirs.job(id).status == "CANCELLED"
    assert is_ready(scene, id)


def test_a_key_that_was_used_elsewhere_is_new_here(scene: Scene, theirs: Scene) -> None:
    id = ids.new()
    for one in (scene, theirs):
        found, is_new = one.do(jobs.enqueue_once(one.workspace, new_job(id=id, unique_key="k"), ME, "key"))
        assert (found, is_new) == (id, True)
    assert scene.job(id).created_at - theirs.job(id).created_at < timedelta(days=1)
