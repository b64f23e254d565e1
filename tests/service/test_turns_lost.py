"""A worker that goes takes with it what a turn of an agent cost: that is unknown from then on, which is not zero."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from scene import Scene, ids

from jobtrail.core.fence import Fence
from jobtrail.core.model import Usage
from jobtrail.core.status import StepStatus, StepType
from jobtrail.service import projects, steps, tasks, usage, workers
from jobtrail.service.tasks import NewTask

CALL = usage.Call(provider="p", model="m", input_tokens=7, output_tokens=3, cost_usd=Decimal("0.25"))


def lost(scene: Scene, fence: Fence) -> list[Usage]:
    """What the ledger says of a job once its worker is gone."""
    scene.do(workers.rescue([fence.worker_id]))
    return scene.do(usage.listed(scene.workspace, fence.job_id))


def started(scene: Scene, **wanted: UUID) -> Fence:
    """A job that a worker of its own runs."""
    return scene.start(worker=scene.new_worker(), **wanted)


def test_a_turn_that_was_cut_off_is_booked_once_without_a_price(scene: Scene) -> None:
    project = scene.do(projects.create(scene.workspace, ids.new(), "shop")).id
    task = scene.do(tasks.create(scene.workspace, NewTask(id=ids.new(), title="sell", project_id=project))).id
    fence = started(scene, project_id=project, task_id=task)
    turn = scene.step(fence, "agent turn", type=StepType.AI_ACTION)
    scene.step(fence, "its tool", type=StepType.AI_ACTION)
    (row,) = lost(scene, fence)
    assert (row.attempt_id, row.step_id, row.cost_usd, row.input_tokens) == (fence.attempt_id, turn, None, 0)
    assert row.price_source == "lost with its worker" and lost(scene, fence) == [row]
    for what, id in (("job", fence.job_id), ("task", task), ("project", project)):
        spent = scene.do(usage.of(scene.workspace, what, id))  # type: ignore[arg-type]
        assert (spent.calls, spent.cost_usd, spent.unpriced_calls) == (1, None, 1), what


def test_what_was_booked_before_keeps_its_price(scene: Scene) -> None:
    fence = started(scene)
    turn = scene.step(fence, "agent turn", type=StepType.AI_ACTION)
    scene.do(usage.book(fence, 1, CALL, turn))
    assert [row.cost_usd for row in lost(scene, fence)] == [Decimal("0.25")]


def test_of_two_turns_only_the_one_that_still_ran_is_unknown(scene: Scene) -> None:
    fence = started(scene)
    first = scene.step(fence, "agent turn", type=StepType.AI_ACTION)
    scene.do(usage.book(fence, 1, CALL, first))
    scene.do(steps.finish(fence, first, StepStatus.COMPLETED))
    second = scene.step(fence, "agent turn 2", type=StepType.AI_ACTION)
    rows = lost(scene, fence)
    assert [(row.number, row.step_id, row.cost_usd) for row in rows] == [(1, first, Decimal("0.25")), (2, second, None)]


def test_other_jobs_and_other_steps_cost_nothing(scene: Scene) -> None:
    other = started(scene)
    scene.step(other, "agent turn", type=StepType.AI_ACTION)
    fence = started(scene)
    scene.step(fence, "a command", type=StepType.COMMAND)
    assert lost(scene, fence) == [] == scene.do(usage.listed(scene.workspace, other.job_id))
