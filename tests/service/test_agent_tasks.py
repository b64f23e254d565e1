"""A task is started, in variants if need be, followed up on its session, and its jobs are laid side by side."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from scene import ME, WORKSPACE, Scene, ids

from jobtrail.core.errors import Conflict, IdempotencyConflict, Invalid, NotFound
from jobtrail.core.fence import Fence
from jobtrail.core.model import Task
from jobtrail.core.spent import ComparedJob, Spent
from jobtrail.core.status import TaskStatus
from jobtrail.service import agent_tasks, attempts, jobs, projects, queues, tasks, usage
from jobtrail.service.agent_tasks import FollowUp, Start, Started
from jobtrail.service.jobs import Options
from jobtrail.service.tasks import NewTask, TaskChange
from jobtrail.service.usage import Call

OTHER = UUID("00000000-0000-7000-8000-0000000000bb")
CONFIG = b'{"type": "demo", "input": {"model": "small", "max_turns": 5}}'


def made(scene: Scene, **wanted: Any) -> Task:
    said: dict[str, Any] = {"title": "mend the gate", "prompt": "mend it", "config": CONFIG} | wanted
    return scene.do(tasks.create(WORKSPACE, NewTask(id=ids.new(), **said)))


def start(scene: Scene, task: UUID, wanted: Start = Start(), **more: Any) -> Started:
    return scene.do(agent_tasks.start(WORKSPACE, task, wanted, ids.many(wanted.jobs), ME, **more))


def follow(scene: Scene, task: UUID, prompt: str = "go on", **more: Any) -> UUID:
    key = more.pop("key", None)
    wanted = FollowUp(prompt=prompt, **more)
    return scene.do(agent_tasks.follow_up(WORKSPACE, task, wanted, ids.new(), ME, key=key)).ids[0]


def compare(scene: Scene, task: UUID, **more: Any) -> list[ComparedJob]:
    return scene.do(agent_tasks.compare(WORKSPACE, task, **more))


def status(scene: Scene, task: UUID) -> str:
    found = scene.do(tasks.get(WORKSPACE, task))
    assert found is not None
    return found.status


def ended(scene: Scene, job: UUID, output: dict[str, Any] | None = None, *calls: Call) -> Fence:
    """A job that ran to its end, with what it used."""
    fence = scene.again(job)
    for number, call in enumerate(calls):
        scene.do(usage.book(fence, number, call))
    scene.complete(fence, None if output is None else json.dumps(output))
    return fence


def test_a_job_of_a_task_has_its_type_input_prompt_and_place(scene: Scene) -> None:
    folder = scene.do(projects.create(WORKSPACE, ids.new(), "garden")).id
    task = made(scene, project_id=folder, tags=("wood",), priority=8)
    done = start(scene, task.id, Start(input={"max_turns": 9}))
    job = scene.job(done.ids[0])
    assert (job.type, job.input) == ("demo", {"model": "small", "max_turns": 9, "prompt": "mend it"})
    assert (job.task_id, job.project_id, job.title) == (task.id, folder, "mend the gate")
    assert (job.tags, job.priority, job.queue, done.queue) == (["wood"], 8, "default", "default")
    assert status(scene, task.id) == TaskStatus.IN_PROGRESS


def test_a_task_that_says_nothing_is_a_job_for_claude(scene: Scene) -> None:
    task = made(scene, config=b"{}")
    assert scene.job(start(scene, task.id).ids[0]).type == "claude"


def test_the_config_the_type_and_the_start_say_how_a_job_runs(scene: Scene) -> None:
    config = b'{"type": "demo", "max_attempts": 1, "timeout_seconds": 60, "notes": "anything"}'
    task = made(scene, config=config)
    types = {"demo": Options(type="demo", queue="agents", idle_timeout_seconds=5, tags=("t",))}
    job = scene.job(start(scene, task.id, types=types).ids[0])
    assert (job.queue, job.max_attempts, job.timeout_seconds, job.idle_timeout_seconds, job.tags) == (
        "agents",
        1,
        60,
        5,
        ["t"],
    )
    said = scene.job(start(scene, task.id, Start(type="else", queue="q", priority=2), types=types).ids[0])
    assert (said.type, said.queue, said.priority) == ("else", "q", 2)


def test_each_variant_is_a_job_whose_title_says_what_it_has(scene: Scene) -> None:
    task = made(scene)
    done = start(scene, task.id, Start(input={"x": 1}, variants=({"model": "big"}, {}, {"model": "tiny", "x": 2})))
    found = [scene.job(id) for id in done.ids]
    assert [job.input["model"] for job in found] == ["big", "small", "tiny"]
    assert [job.input["x"] for job in found] == [1, 1, 2]
    assert [job.title for job in found] == [
        "mend the gate (model=big)",
        "mend the gate",
        "mend the gate (model=tiny, x=2)",
    ]
    assert (
        scene.job(start(scene, made(scene, title="é" * 512).id, Start(variants=({"a": 1},))).ids[0]).title == "é" * 512
    )


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        (b'{"input": [1]}', Start()),
        (b'{"type": 7}', Start()),
        (b'{"max_attempts": 0}', Start()),
        (b'{"priority": "HIGH"}', Start()),
        (b'{"type": "jobtrail.bulk"}', Start()),
        (b"{}", Start(priority=11)),
        (b"{}", Start(variants=({},) * 21)),
        (b"{}", Start(input={"x": float("nan")})),
    ],
)
def test_what_cannot_run_is_refused_and_starts_nothing(scene: Scene, config: bytes, wanted: Start) -> None:
    task = made(scene, config=config)
    with pytest.raises(Invalid):
        start(scene, task.id, wanted)
    assert status(scene, task.id) == TaskStatus.BACKLOG
    assert scene.do(jobs.listed(WORKSPACE, jobs.Filter(task_id=task.id))) == []


def test_a_task_that_is_over_or_not_there_is_not_started(scene: Scene) -> None:
    task = made(scene)
    for over in (TaskStatus.DONE, TaskStatus.CANCELLED):
        scene.do(tasks.update(WORKSPACE, task.id, TaskChange(status=over)))
        with pytest.raises(Conflict):
            start(scene, task.id)
    with pytest.raises(NotFound):
        start(scene, ids.new())
    scene.do(tasks.update(WORKSPACE, task.id, TaskChange(status=TaskStatus.REVIEW)))
    start(scene, task.id)
    assert status(scene, task.id) == TaskStatus.REVIEW


def test_a_start_that_is_sent_again_makes_no_second_job(scene: Scene) -> None:
    task = made(scene)
    two = Start(variants=({"n": 1}, {"n": 2}))
    first, again = start(scene, task.id, two, key="k"), start(scene, task.id, two, key="k")
    assert first.ids == again.ids
    assert (first.existed, again.existed) == (frozenset(), frozenset(first.ids))
    with pytest.raises(IdempotencyConflict):
        start(scene, task.id, Start(variants=({"n": 1}, {"n": 2}, {"n": 3})), key="k")
    with pytest.raises(IdempotencyConflict):
        start(scene, task.id, Start(variants=({"n": 1}, {"n": 3})), key="k")
    assert len(scene.do(jobs.listed(WORKSPACE, jobs.Filter(task_id=task.id)))) == 2


def test_a_follow_up_goes_on_with_the_newest_session(scene: Scene) -> None:
    task = made(scene)
    first, second = start(scene, task.id).ids[0], start(scene, task.id, Start(input={"resume": "old"})).ids[0]
    ended(scene, first, {"session_id": "s1"})
    ended(scene, second, {"session_id": "s2"})
    scene.do(tasks.update(WORKSPACE, task.id, TaskChange(status=TaskStatus.REVIEW)))
    job = scene.job(follow(scene, task.id, "and paint it"))
    assert job.input == {"model": "small", "max_turns": 5, "prompt": "and paint it", "resume": "s2"}
    assert (job.rerun_of, job.task_id, job.type) == (second, task.id, "demo")
    assert status(scene, task.id) == TaskStatus.IN_PROGRESS
    other = scene.job(follow(scene, task.id, "another way", job_id=first, fork=True))
    assert (other.rerun_of, other.input["resume"], other.input["fork"]) == (first, "s1", True)


def test_the_session_of_an_attempt_counts_before_that_of_the_result(scene: Scene) -> None:
    task = made(scene)
    job = start(scene, task.id).ids[0]
    fence = scene.again(job)
    scene.do(attempts.identify(fence, session_id="of the attempt"))
    scene.complete(fence, '{"session_id": "of the result"}')
    assert scene.job(follow(scene, task.id)).input["resume"] == "of the attempt"
    assert compare(scene, task.id)[-1].session_id == "of the attempt"


def test_a_follow_up_without_a_session_is_a_conflict(scene: Scene) -> None:
    task = made(scene)
    with pytest.raises(Conflict, match="no job with a session"):
        follow(scene, task.id)
    job = start(scene, task.id).ids[0]
    ended(scene, job, {"session_id": 7})
    with pytest.raises(Conflict, match="no job with a session"):
        follow(scene, task.id)
    with pytest.raises(Conflict, match="no session"):
        follow(scene, task.id, job_id=job)
    elsewhere = start(scene, made(scene).id).ids[0]
    with pytest.raises(NotFound):
        follow(scene, task.id, job_id=elsewhere)
    with pytest.raises(Invalid):
        follow(scene, task.id, " ")


def test_a_session_in_use_is_not_followed_up(scene: Scene) -> None:
    task = made(scene)
    fence = scene.again(start(scene, task.id).ids[0])
    scene.do(attempts.identify(fence, session_id="s"))
    with pytest.raises(Conflict, match="RUNNING"):
        follow(scene, task.id)
    scene.fail(fence)
    assert follow(scene, task.id, key="k") == follow(scene, task.id, key="k")


OUTPUT = {
    "result": "mended", "session_id": "s", "turns": 4, "denials": [{"tool_name": "Bash"}], "model": "small-1",
    "continuations": 1, "changes": {"files": ["a", "b"], "insertions": 10, "deletions": 3},
    "checks": [{"name": "test", "passed": True}, {"name": "lint", "passed": False}],
}  # fmt: skip


def test_jobs_are_compared_by_what_they_cost_and_made(scene: Scene) -> None:
    task = made(scene)
    plain, rich = start(scene, task.id, Start(variants=({}, {"model": "big"}))).ids
    priced = Call(
        provider="p", model="small", input_tokens=10, output_tokens=2, cached_tokens=5, cost_usd=Decimal("0.25")
    )
    unpriced = Call(provider="p", model="other", input_tokens=1)
    ended(scene, plain, OUTPUT, priced, priced, unpriced)
    fence = scene.again(rich)
    scene.do(usage.book(fence, 0, unpriced))
    scene.fail(fence, code="agent_failed")
    newest, oldest = compare(scene, task.id)
    assert (newest.id, newest.status, newest.error_code, newest.attempts) == (rich, "FAILED", "agent_failed", 1)
    assert (newest.model, newest.cost_usd, newest.unpriced_calls, newest.turns) == ("other", None, 1, None)
    assert (newest.checks, newest.denials, newest.changed_files) == (None, None, None)
    assert (newest.differs, oldest.differs) == ({"model": "big"}, {"model": "small"})
    assert (oldest.model, oldest.turns, oldest.continuations, oldest.session_id) == ("small-1", 4, 1, "s")
    assert (oldest.calls, oldest.input_tokens, oldest.output_tokens, oldest.cached_tokens) == (3, 21, 4, 10)
    assert (oldest.cost_usd, oldest.unpriced_calls) == (Decimal("0.5"), 1)
    assert (oldest.checks, oldest.checks_passed, oldest.denials) == (2, 1, 1)
    assert (oldest.changed_files, oldest.insertions, oldest.deletions) == (2, 10, 3)
    assert oldest.summary == "mended"
    assert oldest.seconds is not None


@pytest.mark.parametrize(
    "output",
    [
        "text", 7, None, [], {}, {"turns": "many", "checks": 3, "denials": {}, "changes": [1], "model": {"a": 1}},
        {"turns": 1e300, "changes": {"files": 3, "insertions": -1}}, {"turns": [2]},
    ],
)  # fmt: skip
def test_whatever_a_job_answered_its_task_is_compared(scene: Scene, output: Any) -> None:
    task = made(scene, config=b'{"type": "demo", "input": {"model": ["no", "name"]}}')
    (id,) = start(scene, task.id).ids
    scene.complete(scene.again(id), json.dumps(output))
    (job,) = compare(scene, task.id)
    assert job.status == "COMPLETED"
    assert (job.differs, job.changed_files, job.insertions) == ({}, None, None)


def test_what_differs_is_told_by_part_of_the_input_and_cut_where_it_is_long(scene: Scene) -> None:
    task = made(scene, prompt="p" * 5_000, config=b'{"type": "demo", "input": {"same": [1, {"a": null}]}}')
    start(scene, task.id, Start(input={"only": 1}))
    start(scene, task.id, Start(input={"prompt": "q" * 5_000}))
    newest, oldest = compare(scene, task.id)
    assert sorted(newest.differs) == ["prompt"]
    assert sorted(oldest.differs) == ["only", "prompt"]
    assert len(oldest.differs["prompt"]) == 501 and oldest.differs["prompt"].endswith("…")


def test_jobs_are_compared_page_by_page(scene: Scene) -> None:
    task = made(scene)
    made_ids = [start(scene, task.id).ids[0] for _ in range(3)]
    first = compare(scene, task.id, limit=2)
    rest = compare(scene, task.id, limit=2, before=first[-1].id)
    assert [job.id for job in [*first, *rest]] == made_ids[::-1]
    assert compare(scene, made(scene).id) == []


def test_a_workspace_neither_starts_nor_sees_the_tasks_of_another(scene: Scene) -> None:
    scene.do(queues.open_workspace(OTHER, "other"))
    task = made(scene)
    job = start(scene, task.id).ids[0]
    ended(scene, job, {"session_id": "s"}, Call(provider="p", model="m"))
    with pytest.raises(NotFound):
        scene.do(agent_tasks.start(OTHER, task.id, Start(), [ids.new()], ME))
    with pytest.raises(NotFound):
        scene.do(agent_tasks.follow_up(OTHER, task.id, FollowUp(prompt="p"), ids.new(), ME))
    assert scene.do(agent_tasks.compare(OTHER, task.id)) == []
    assert scene.do(usage.of(OTHER, "task", task.id)) == Spent()


def test_what_a_job_a_task_and_a_project_used_counts_every_attempt(scene: Scene) -> None:
    folder = scene.do(projects.create(WORKSPACE, ids.new(), "garden")).id
    task = made(scene, project_id=folder)
    call = Call(provider="p", model="m", input_tokens=10, output_tokens=2, reasoning_tokens=1, cost_usd=Decimal("0.5"))
    failed = scene.again(start(scene, task.id).ids[0])
    scene.do(usage.book(failed, 0, call))
    scene.fail(failed)
    ended(
        scene, start(scene, task.id).ids[0], None, call, Call(provider="p", model="n", input_tokens=1, cached_tokens=1)
    )
    ended(scene, scene.enqueue(project_id=folder), None, call)
    ended(scene, scene.enqueue(), None, call)
    of_job = Spent(1, 10, 2, 0, 1, Decimal("0.5"), 0)
    of_task = Spent(3, 21, 4, 1, 2, Decimal(1), 1)
    assert scene.do(usage.of(WORKSPACE, "job", failed.job_id)) == of_job
    assert scene.do(usage.of(WORKSPACE, "task", task.id)) == scene.do(tasks.detail(WORKSPACE, task.id)).usage == of_task
    assert scene.do(projects.detail(WORKSPACE, folder)).usage == Spent(4, 31, 6, 1, 3, Decimal("1.5"), 1)
    assert scene.do(usage.of(WORKSPACE, "task", ids.new())) == Spent()
    with pytest.raises(NotFound):
        scene.do(tasks.detail(WORKSPACE, ids.new()))
    with pytest.raises(NotFound):
        scene.do(projects.detail(WORKSPACE, ids.new()))


def test_a_result_tells_what_its_job_used_unless_a_price_is_unknown(scene: Scene) -> None:
    call = Call(provider="p", model="m", input_tokens=10, output_tokens=2, cost_usd=Decimal("0.5"))
    free, priced, unknown = scene.enqueue_many(3)
    for job, calls in ((free, ()), (priced, (call, call)), (unknown, (call, Call(provider="p", model="m")))):
        ended(scene, job, None, *calls)
    found = [scene.do(jobs.result(WORKSPACE, job)) for job in (free, priced, unknown)]
    assert [(one.tokens_used, one.cost_usd) for one in found if one] == [(None, None), (24, Decimal(1)), (12, None)]


def test_a_job_of_a_type_whose_input_is_checked_is_checked_first(scene: Scene) -> None:
    task = made(scene)
    done = start(scene, task.id, types={"demo": Options(type="demo", checked=True)})
    job = scene.job(done.ids[0])
    assert (job.status, job.wait_reason) == ("PENDING", "VALIDATION")


def test_two_follow_ups_do_not_use_one_session_at_once(scene: Scene) -> None:
    task = made(scene).id
    first = start(scene, task).ids[0]
    ended(scene, first, {"session_id": "s1"})
    second = follow(scene, task, "one", key="k")
    for named in (None, first):
        with pytest.raises(Conflict, match=str(second)):
            follow(scene, task, "two", job_id=named)
    assert follow(scene, task, "one", key="k") == second, "the same request, sent again"
    fence = scene.again(second)
    scene.do(attempts.identify(fence, session_id="s1"))
    with pytest.raises(Conflict, match=str(second)):
        follow(scene, task, "two", job_id=first)
    assert follow(scene, task, "one", key="k") == second, "also while it runs"
    scene.complete(fence)
    assert follow(scene, task, "one", key="k") == second, "and when it has ended"
    assert follow(scene, task, "two") != second


def test_copies_of_one_session_may_go_on_at_once(scene: Scene) -> None:
    task = made(scene).id
    first = start(scene, task).ids[0]
    ended(scene, first, {"session_id": "s1"})
    assert len({follow(scene, task, f"way {n}", job_id=first, fork=True) for n in range(3)}) == 3


def test_a_key_that_is_as_long_as_may_be_starts_variants_or_is_refused(scene: Scene) -> None:
    task = made(scene).id
    with pytest.raises(Invalid, match="idempotency"):
        start(scene, task, Start(variants=({"a": 1}, {"a": 2})), key="k" * 255)
