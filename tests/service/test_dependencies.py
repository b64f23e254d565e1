"""What jobs wait for before they begin: all or any of others, and what comes of it when those do not complete."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from database import Clock, Connection, Database
from scene import ME, Scene, fence_of, ids, new_job

from jobtrail.core.errors import Invalid
from jobtrail.core.fence import Fence
from jobtrail.core.model import Job
from jobtrail.service import children, jobs, settling, upkeep, workspaces


def settle(scene: Scene) -> None:
    """Settles until nothing is left."""
    while scene.do(settling.page()).taken:
        pass


def after(scene: Scene, *needs: UUID, **wanted: Any) -> UUID:
    """A job that waits for others."""
    job = new_job(**wanted)._replace(after=needs)
    return scene.do(jobs.enqueue(scene.workspace, [job], ME)).ids[0]


def states(*found: Job) -> list[tuple[str, str | None]]:
    return [(job.status, job.wait_reason) for job in found]


def test_a_job_starts_when_all_that_it_waits_for_has_completed(scene: Scene) -> None:
    first, second = scene.start(), scene.start()
    job = after(scene, first.job_id, second.job_id)
    assert states(scene.job(job)) == [("PENDING", "DEPENDENCY")]
    scene.complete(first)
    settle(scene)
    assert states(scene.job(job)) == [("PENDING", "DEPENDENCY")]
    scene.complete(second)
    settle(scene)
    assert states(scene.job(job)) == [("QUEUED", None)]
    assert [one.job_id for one in scene.claim()] == [job]


def test_what_has_ended_already_is_waited_for_no_longer(scene: Scene) -> None:
    done = scene.start()
    scene.complete(done)
    assert states(scene.job(after(scene, done.job_id))) == [("QUEUED", None)]


def test_a_job_that_waits_for_one_of_many_starts_with_the_first_that_completes(scene: Scene) -> None:
    first, second, third = scene.start(), scene.start(), scene.start()
    job = after(scene, first.job_id, second.job_id, third.job_id, depends_mode="ANY")
    scene.fail(first)
    settle(scene)
    assert states(scene.job(job)) == [("PENDING", "DEPENDENCY")]
    scene.complete(second)
    settle(scene)
    assert states(scene.job(job)) == [("QUEUED", None)]


def test_a_job_that_waits_for_one_of_many_fails_when_none_completed(scene: Scene) -> None:
    first, second = scene.start(), scene.start()
    job = after(scene, first.job_id, second.job_id, depends_mode="ANY")
    for fence in (first, second):
        scene.fail(fence)
    settle(scene)
    assert scene.job(job).error_code == "dependency_failed"


@pytest.mark.parametrize(
    ("policy", "status", "said"),
    [("FAIL", "FAILED", "error_message"), ("CANCEL", "CANCELLED", "cancel_reason"), ("RUN", "QUEUED", None)],
)
def test_what_does_not_complete_ends_who_waits_for_it_as_its_policy_says(
    scene: Scene, policy: str, status: str, said: str | None
) -> None:
    need = scene.start()
    job = after(scene, need.job_id, on_dependency=policy)
    scene.fail(need)
    settle(scene)
    ended = scene.job(job)
    assert ended.status == status
    if said is not None:
        assert getattr(ended, said) == f"job {need.job_id}, which it needs, is FAILED"


def test_a_failure_runs_down_a_chain(scene: Scene) -> None:
    need = scene.start()
    chain = [need.job_id]
    for _ in range(5):
        chain.append(after(scene, chain[-1]))
    scene.fail(need)
    settle(scene)
    assert [scene.job(id).error_code for id in chain[1:]] == ["dependency_failed"] * 5


def test_a_retry_that_is_yet_to_come_is_no_end(scene: Scene) -> None:
    need = scene.start()
    job = after(scene, need.job_id)
    scene.fail(need, retry_in=timedelta(0))
    settle(scene)
    assert states(scene.job(job)) == [("PENDING", "DEPENDENCY")]


def test_jobs_of_one_batch_may_wait_for_each_other(scene: Scene) -> None:
    first, second, last = new_job(), new_job(), new_job()
    wanted = [last._replace(after=(first.id, second.id)), second._replace(after=(first.id,)), first]
    scene.do(jobs.enqueue(scene.workspace, wanted, ME))
    order = []
    for _ in range(3):
        (claimed,) = scene.claim(limit=5)
        order.append(claimed.job_id)
        scene.complete(fence_of(claimed, scene.worker))
        settle(scene)
    assert order == [first.id, second.id, last.id]


def test_jobs_that_would_wait_for_each_other_are_refused_with_the_way(scene: Scene) -> None:
    one, two, three = new_job(), new_job(), new_job()
    circle = [one._replace(after=(two.id,)), two._replace(after=(three.id,)), three._replace(after=(one.id,))]
    with pytest.raises(Invalid, match=f"{one.id} → {two.id} → {three.id} → {one.id}"):
        scene.do(jobs.enqueue(scene.workspace, circle, ME))
    assert scene.do(jobs.get(scene.workspace, one.id)) is None, "all or none"


def test_a_job_cannot_wait_for_itself(scene: Scene) -> None:
    job = new_job()
    with pytest.raises(Invalid, match="wait for each other"):
        scene.do(jobs.enqueue(scene.workspace, [job._replace(after=(job.id,))], ME))


def test_a_job_that_is_not_there_is_not_waited_for(scene: Scene) -> None:
    with pytest.raises(Invalid, match="is not there"):
        after(scene, ids.new())


def test_a_job_of_another_workspace_is_not_there(scene: Scene, conn: Connection) -> None:
    other = Scene(conn, ids.new())
    other.do(workspaces.create(other.workspace, "another", ME))
    with pytest.raises(Invalid, match="is not there"):
        after(scene, other.enqueue())


def test_a_job_that_retention_removed_is_refused_in_other_words(scene: Scene, owner: Connection, clock: Clock) -> None:
    gone = scene.start()
    scene.complete(gone)
    clock.advance(timedelta(days=3))
    assert scene.do(upkeep.remove_jobs(clock.now())) == 1
    with pytest.raises(Invalid, match="was removed by retention"):
        after(scene, gone.job_id)


def test_a_child_cannot_wait_for_its_parent_by_way_of_others(scene: Scene) -> None:
    """The parent waits for the child, the child for one that waits for the parent: none would ever end."""
    parent = scene.start()
    between = after(scene, parent.job_id)
    with pytest.raises(Invalid, match=f"{between} → {parent.job_id}"):
        after(scene, between, parent_id=parent.job_id)


def test_a_way_round_is_looked_for_along_each_wait_once(scene: Scene) -> None:
    """Thirty steps of a ladder, each rung waits for both below it: there are a thousand million ways along it."""
    parent = scene.start()
    layer = [scene.enqueue(queue="held"), scene.enqueue(queue="held")]
    for _ in range(30):
        layer = [after(scene, *layer), after(scene, *layer)]
    assert scene.job(after(scene, *layer, parent_id=parent.job_id)).wait_reason == "DEPENDENCY"
    top = after(scene, *layer, parent.job_id)
    with pytest.raises(Invalid, match=f"{top} → {parent.job_id}"):
        after(scene, top, parent_id=parent.job_id)


def test_a_job_waits_for_its_time_when_what_it_needed_came_sooner(scene: Scene, clock: Clock) -> None:
    need = scene.start()
    job = after(scene, need.job_id, scheduled_at=clock.now() + timedelta(hours=1))
    scene.complete(need)
    settle(scene)
    assert states(scene.job(job)) == [("PENDING", "SCHEDULE")]
    clock.advance(timedelta(hours=2))
    scene.do(upkeep.stage())
    assert states(scene.job(job)) == [("QUEUED", None)]


def test_a_job_does_not_start_at_its_time_while_it_waits_for_others(scene: Scene, clock: Clock) -> None:
    need = scene.start()
    job = after(scene, need.job_id, scheduled_at=clock.now() + timedelta(hours=1))
    clock.advance(timedelta(hours=2))
    scene.do(upkeep.stage())
    assert states(scene.job(job)) == [("PENDING", "DEPENDENCY")]
    scene.complete(need)
    settle(scene)
    assert states(scene.job(job)) == [("QUEUED", None)]


def test_an_input_that_is_to_be_checked_is_checked_when_the_others_have_ended(scene: Scene) -> None:
    need = scene.start()
    job = after(scene, need.job_id, checked=True)
    scene.complete(need)
    settle(scene)
    assert states(scene.job(job)) == [("PENDING", "VALIDATION")]


def test_who_waits_can_be_cancelled(scene: Scene) -> None:
    need = scene.start()
    job = after(scene, need.job_id)
    scene.do(jobs.cancel(scene.workspace, job, ME))
    scene.complete(need)
    settle(scene)
    assert scene.job(job).status == "CANCELLED"


def test_children_go_with_their_parent_but_those_that_are_to_be_kept(scene: Scene) -> None:
    parent = scene.start()
    goes, kept = scene.enqueue(parent_id=parent.job_id), scene.enqueue(parent_id=parent.job_id, on_parent="KEEP")
    below = scene.enqueue(parent_id=goes)
    scene.fail(parent)
    settle(scene)
    assert [scene.job(id).status for id in (goes, kept, below)] == ["CANCELLED", "QUEUED", "CANCELLED"]
    assert scene.job(goes).cancel_reason == f"its parent {parent.job_id} was stopped"


def test_children_are_cancelled_as_soon_as_their_parent_is_to_be(scene: Scene) -> None:
    parent = scene.start()
    child = scene.start(parent_id=parent.job_id)
    scene.do(jobs.cancel(scene.workspace, parent.job_id, ME))
    settle(scene)
    assert scene.job(child.job_id).cancel_requested_at is not None


def test_children_outlive_a_parent_that_completes(scene: Scene) -> None:
    parent = scene.start()
    child = scene.enqueue(parent_id=parent.job_id)
    scene.complete(parent)
    settle(scene)
    assert scene.job(child).status == "QUEUED"


def test_an_end_that_concerns_a_job_which_somebody_holds_is_left_for_later(scene: Scene, database: Database) -> None:
    need = scene.start()
    job = after(scene, need.job_id)
    with closing(database.connect()) as other, other.transaction():
        other.execute("select from jobtrail.jobs where id = %s for update", (job,))
        scene.complete(need)
        assert scene.do(settling.page()) == settling.Settled(1, 1)
        assert states(scene.job(job)) == [("PENDING", "DEPENDENCY")]
    settle(scene)
    assert states(scene.job(job)) == [("QUEUED", None)]


def test_an_end_that_commits_while_somebody_begins_to_wait_for_it_is_not_missed(
    scene: Scene, database: Database
) -> None:
    """The one who ends saw nobody who waits, the one who waits saw no end: the look after the commit sees both."""
    need = scene.start()
    with closing(database.connect()) as other:
        with other.transaction():
            Scene(other).complete(need)
            job = after(scene, need.job_id)
            settle_once = scene.do(settling.page())
            assert (settle_once.taken, settle_once.left) == (1, 1), "the need is held, so the look is put off"
        settle(scene)
    assert states(scene.job(job)) == [("QUEUED", None)]


def test_nothing_is_left_to_settle_where_nobody_depends_on_anybody(scene: Scene) -> None:
    scene.complete(scene.start())
    scene.fail(scene.start())
    scene.do(jobs.cancel(scene.workspace, scene.enqueue(), ME))
    assert scene.do(settling.waits()) is False


def test_the_trail_tells_all_of_it(scene: Scene, database: Database) -> None:
    need = scene.start()
    failed, released = after(scene, need.job_id), after(scene, need.job_id, on_dependency="RUN")
    scene.fail(need)
    settle(scene)
    assert [event.type for event in scene.events(failed)] == ["job.created", "job.failed"]
    assert [event.type for event in scene.events(released)] == ["job.created", "job.queued"]
    assert scene.events(failed)[-1].actor_id == "settler"


def test_a_result_is_kept_for_as_long_as_somebody_waits_for_more(scene: Scene, clock: Clock) -> None:
    done, still = scene.start(), scene.start()
    scene.complete(done)
    job = after(scene, done.job_id, still.job_id)
    clock.advance(timedelta(days=3))
    assert scene.do(upkeep.remove_jobs(clock.now())) == 0
    scene.do(jobs.cancel(scene.workspace, job, ME))
    assert scene.do(upkeep.remove_jobs(clock.now())) == 1


def test_an_end_of_a_job_that_is_gone_is_not_looked_at_for_ever(scene: Scene) -> None:
    insert = "insert into jobtrail.settlements (workspace_id, job_id) values (%s, %s)"
    scene.conn.execute(insert, (scene.workspace, ids.new()))
    assert scene.do(settling.page()).taken == 1
    assert scene.do(settling.waits()) is False


def test_one_that_was_there_before_is_looked_at_again_also_in_a_batch_that_names_it(
    scene: Scene, database: Database
) -> None:
    """It may end between the statement that sees it run and the commit that makes the other one wait for it."""
    first, need = scene.enqueue(), scene.enqueue()
    sent_again, job = new_job(id=need)._replace(after=(first,)), new_job()._replace(after=(need,))
    scene.do(jobs.enqueue(scene.workspace, [sent_again, job], ME))
    with closing(database.as_admin()) as admin:
        assert admin.execute("select job_id from jobtrail.settlements").fetchall() == [(need,)]


def test_code_that_was_mended_waits_for_what_it_starts_now_only(scene: Scene) -> None:
    """What the job had started before it was retried, and starts no more, neither wakes it nor holds it up."""

    def starts(fence: Fence, key: str, generation: int) -> None:
        scene.do(children.start(fence, ids.new(), key, key, [new_job(queue="kids")], generation=generation))
        scene.do(children.suspend(fence, "{}"))

    parent = scene.start()
    starts(parent, "search", 1)
    scene.do(jobs.cancel(scene.workspace, parent.job_id, ME, "the code is wrong"))
    settle(scene)
    scene.do(jobs.retry(scene.workspace, parent.job_id, ME))
    starts(fence_of(scene.claim()[0], scene.worker), "lookup", 2)
    assert states(scene.job(parent.job_id)) == [("PENDING", "CHILD")]
    scene.complete(fence_of(scene.claim(queue="kids")[0], scene.worker))
    settle(scene)
    assert states(scene.job(parent.job_id)) == [("QUEUED", None)]


def test_a_job_that_ends_for_what_it_needed_gives_its_unique_key_up_in_time(
    scene: Scene, database: Database, clock: Clock
) -> None:
    need = scene.start()
    job = after(scene, need.job_id, unique_key="k", unique_scope="ANY", unique_window_seconds=60.0)
    scene.fail(need)
    settle(scene)
    clock.advance(timedelta(seconds=61))
    scene.do(upkeep.stage())
    with closing(database.as_admin()) as admin:
        held = admin.execute("select status::text, unique_hold from jobtrail.jobs where id = %s", (job,)).fetchone()
    assert held == ("FAILED", None)
