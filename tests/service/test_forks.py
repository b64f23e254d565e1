"""Forking a job at a step: what was finished before that point is the new job's own, and runs no more."""

from __future__ import annotations

import msgspec
import pytest
from database import Connection
from scene import ME, Scene, ids

from jobtrail.core.errors import Conflict, Invalid, NotFound
from jobtrail.core.fence import Fence
from jobtrail.core.model import Actor, Event
from jobtrail.core.status import ActorType, Phase, StepStatus, StepType
from jobtrail.service import attempts, audit, forks, gates, steps
from jobtrail.service.forks import Forked, Point
from jobtrail.store.identity import new_ids


def fork(scene: Scene, fence: Fence, point: Point, input: bytes = b'{"n": 2}') -> Forked:
    wanted = forks.like(scene.job(fence.job_id), ids.new(), input)
    return scene.do(forks.fork(scene.workspace, wanted, point, ME, new_ids))


def payload(event: Event) -> dict[str, object]:
    found = event.payload if isinstance(event.payload, dict) else msgspec.json.decode(event.payload)
    assert isinstance(found, dict)
    return found


@pytest.fixture
def worked(scene: Scene) -> Fence:
    """A job with three finished steps and one that failed."""
    fence = scene.start(queue="default", title="the first", slots=2, concurrency_key="c", concurrency_limit=3)
    for key in ("fetch", "render", "check"):
        scene.finished_step(fence, key, f'{{"made": "{key}"}}')
    scene.step(fence, "publish")
    scene.fail(fence)
    return fence


def test_a_fork_has_the_steps_before_its_point_and_no_other(scene: Scene, worked: Fence) -> None:
    done = fork(scene, worked, Point("check"))
    assert done.steps == 2
    found = scene.do(steps.listed(scene.workspace, done.id))
    assert [(one.key, one.status, one.output) for one in found] == [
        ("fetch", "COMPLETED", {"made": "fetch"}),
        ("render", "COMPLETED", {"made": "render"}),
    ]
    job = scene.job(done.id)
    assert (job.fork_of, job.rerun_of, job.input, job.title) == (worked.job_id, None, {"n": 2}, "the first")
    assert (job.slots, job.concurrency_key, job.concurrency_limit) == (2, "c", 3)
    assert job.attempt_count == 0


def test_its_trail_names_what_it_took_over_and_the_audit_holds(scene: Scene, worked: Fence, conn: Connection) -> None:
    done = fork(scene, worked, Point("render", after=True))
    created, updated = scene.events(done.id)
    assert (created.type, updated.type) == ("job.created", "job.updated")
    said = payload(updated)
    assert said["from_job"] == str(worked.job_id)
    assert [one["key"] for one in said["taken_over"]] == ["fetch", "render"]  # type: ignore[attr-defined]
    assert (updated.actor_type, updated.actor_id) == ("user", "me")
    assert scene.do(audit.verify_job(scene.workspace, done.id)).findings == ()
    forge = "update jobtrail.steps set output = '{\"made\": \"else\"}' where job_id = %s and key = 'fetch'"
    conn.execute(forge, (done.id,))
    found = scene.do(audit.verify_job(scene.workspace, done.id)).findings
    assert [one.message for one in found] == [f"the output of step {said['taken_over'][0]['id']} was changed"]  # type: ignore[index]


def test_a_worker_remembers_what_a_fork_took_over_at_its_first_attempt(scene: Scene, worked: Fence) -> None:
    done = fork(scene, worked, Point("check"))
    (claimed,) = scene.claim()
    assert (claimed.job_id, claimed.number, claimed.remembers) == (done.id, 1, True)
    known = scene.do(attempts.remembered(scene.workspace, done.id))
    assert {one.key: one.status for one in known} == {"fetch": "COMPLETED", "render": "COMPLETED"}


def test_a_job_that_is_no_fork_asks_for_nothing_at_its_first_attempt(scene: Scene) -> None:
    scene.enqueue()
    assert [one.remembers for one in scene.claim()] == [False]


def test_what_people_decided_goes_along(scene: Scene) -> None:
    fence = scene.start()
    gate = scene.ask(fence, "may it?")
    scene.do(gates.decide(scene.workspace, gate, Actor(ActorType.USER, "ann"), approve=True, comment="fine"))
    again = scene.again(fence.job_id)
    step = scene.step(again, "may it?")
    scene.do(steps.finish(again, step, StepStatus.COMPLETED, output='{"approved": true}'))
    scene.step(again, "then")
    with pytest.raises(Conflict, match="people decided at step 'may it\\?' for the input of job"):
        fork(scene, again, Point("then"), b'{"n": "another"}')
    assert fork(scene, again, Point("may it?"), b'{"n": "another"}').steps == 0, "they are asked again"
    done = fork(scene, again, Point("then"), msgspec.json.encode(scene.job(again.job_id).input))
    (known,) = scene.do(attempts.remembered(scene.workspace, done.id))
    assert (known.key, known.status, known.gate_status) == ("may it?", "COMPLETED", "APPROVED")
    assert known.decisions is not None and msgspec.json.decode(known.decisions)[0]["comment"] == "fine"


@pytest.mark.parametrize(
    ("point", "error", "said"),
    [
        (Point("nothing"), NotFound, "'publish'"),
        (Point("publish", after=True), Conflict, "is FAILED"),
        (Point("#9"), NotFound, "no step"),
    ],
)
def test_a_point_that_is_none_is_refused(
    scene: Scene, worked: Fence, point: Point, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        fork(scene, worked, point)


def test_a_name_that_several_steps_have_is_told_apart_by_place(scene: Scene) -> None:
    fence = scene.start()
    for key in ("page", "page#2", "page#3"):
        id = ids.new()
        scene.do(steps.begin(fence, id, key, "page", Phase.EXECUTION, StepType.COMMAND))
        scene.do(steps.finish(fence, id, StepStatus.COMPLETED))
    assert fork(scene, fence, Point("#3")).steps == 2
    assert fork(scene, fence, Point("page")).steps == 0  # a key is a key, whatever else has the name
    scene.do(steps.begin(fence, ids.new(), "a", "same", Phase.EXECUTION, StepType.COMMAND))
    scene.do(steps.begin(fence, ids.new(), "b", "same", Phase.EXECUTION, StepType.COMMAND))
    with pytest.raises(Invalid, match="#4, #5"):
        fork(scene, fence, Point("same"))


def test_the_same_fork_sent_again_is_one_job(scene: Scene, worked: Fence) -> None:
    wanted = forks.like(scene.job(worked.job_id), ids.new(), b"{}")
    one, two = (scene.do(forks.fork(scene.workspace, wanted, Point("check"), ME, new_ids)) for _ in range(2))
    assert one == two
    assert len(scene.do(steps.listed(scene.workspace, one.id))) == 2


def test_no_other_job_begins_with_finished_steps(scene: Scene, worked: Fence) -> None:
    id = scene.enqueue()
    with pytest.raises(Exception, match="may not become COMPLETED"):
        scene.conn.execute(
            "insert into jobtrail.steps (workspace_id, job_id, id, ordinal, key, name, status) "
            "values (%s, %s, %s, 1, 'k', 'k', 'COMPLETED')",
            (scene.workspace, id, ids.new()),
        )
