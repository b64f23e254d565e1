"""What a job leaves behind while it runs: lines, tokens, files, steps, measures; and the lists that show them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from database import Connection
from scene import ME, Scene, ids

from jobtrail.core.errors import JobtrailError
from jobtrail.core.status import JobStatus, LogLevel, Phase, StepStatus, StepType
from jobtrail.service import assets, attempts, jobs, logs, queues, steps, trail, usage, workers

MINI = usage.Call(provider="p", model="mini", input_tokens=7, output_tokens=3, cost_usd=Decimal("0.25"))
UNPRICED = usage.Call(provider="p", model="new", input_tokens=1)


def test_lines_are_read_back_from_where_the_reader_stands(scene: Scene) -> None:
    fence = scene.start()
    step = scene.step(fence, "render")
    chunks = [
        logs.NewChunk(fence, None, 1, 2, ("INFO",), ("c-1",), '{"n": 1}\n{"n": 2}'),
        logs.NewChunk(fence, step, 3, 1, ("WARN", "ERROR"), (), '{"n": 3}'),
    ]
    assert scene.do(logs.append(chunks)) == {fence.attempt_id}

    def read(**said: Any) -> list[int]:
        return [chunk.first_line for chunk in scene.do(logs.read(scene.workspace, fence.job_id, **said))]

    assert (read(), read(from_line=2), read(from_line=3), read(from_line=4)) == ([1, 3], [1, 3], [3], [])
    assert (read(step_id=step), read(levels=(LogLevel.WARN,)), read(attempt_id=ids.new())) == ([3], [3], [])
    assert read(chunks=1) == [1]
    assert scene.do(logs.next_line(scene.workspace, fence.job_id)) == 4


def test_lines_of_a_lost_attempt_are_not_stored_but_those_of_others_are(scene: Scene) -> None:
    lost = scene.start(worker=scene.new_worker())
    fine = scene.start()
    scene.do(workers.rescue([lost.worker_id]))
    chunks = [logs.NewChunk(fence, None, 1, 1, ("INFO",), (), "{}") for fence in (lost, fine)]
    assert scene.do(logs.append(chunks)) == {fine.attempt_id}
    assert scene.do(logs.read(scene.workspace, lost.job_id)) == []


def test_a_call_is_booked_once_under_its_number(scene: Scene) -> None:
    fence = scene.start()
    step = scene.step(fence, "draft", type=StepType.AI_ACTION)
    for _ in range(3):
        assert scene.do(usage.book(fence, 1, MINI, step)) == fence.job_id
    assert scene.do(usage.book(fence, 2, UNPRICED, step)) == fence.job_id
    booked = scene.do(usage.listed(scene.workspace, fence.job_id))
    assert [(one.number, one.model, one.cost_usd) for one in booked] == [(1, "mini", Decimal("0.25")), (2, "new", None)]
    (part,) = scene.do(steps.listed(scene.workspace, fence.job_id))
    assert (part.tokens_input, part.tokens_output, part.cost_usd) == (8, 3, Decimal("0.25"))
    assert scene.told(fence.job_id).count("ai.tokens_used") == 2


def test_an_event_says_what_it_is_about_also_when_it_says_the_same_again(scene: Scene) -> None:
    fence = scene.start()
    for number in (1, 2):
        scene.do(usage.book(fence, number, MINI))
    scene.do(attempts.progress(fence, 50))
    said = [event.payload for event in scene.events(fence.job_id) if event.type == "ai.tokens_used"]
    assert [one and one["model"] for one in said] == ["mini", "mini"]


def test_an_event_of_the_job_names_no_step(scene: Scene) -> None:
    fence = scene.start()
    step = scene.finished_step(fence, "render")
    scene.do(attempts.progress(fence, 50))
    scene.complete(fence)
    named = {event.type: event.step_id for event in scene.events(fence.job_id)}
    assert (named["step.started"], named["step.completed"]) == (step, step)
    assert (named["job.progress"], named["job.completed"]) == (None, None)


def test_a_file_is_an_asset_of_its_job(scene: Scene) -> None:
    fence = scene.start()
    asset = assets.NewAsset(
        id=ids.new(),
        name="report.pdf",
        byte_size=9,
        sha256="ab" * 32,
        storage_key="ab/ab",
        media_type="application/pdf",
    )
    version = scene.job(fence.job_id).version
    assert scene.do(assets.keep(fence, asset)) == version + 1
    (kept,) = scene.do(assets.listed(scene.workspace, fence.job_id))
    assert (kept.id, kept.name, kept.media_type, kept.attempt_id) == (
        asset.id, "report.pdf", "application/pdf", fence.attempt_id,
    )  # fmt: skip


@pytest.mark.parametrize("wrong", [{"sha256": "x"}, {"byte_size": -1}, {"name": ""}, {"name": "x" * 256}])
def test_a_file_that_cannot_be_one_is_refused(scene: Scene, wrong: dict[str, object]) -> None:
    fence = scene.start()
    said = {"id": ids.new(), "name": "n", "byte_size": 1, "sha256": "0" * 64, "storage_key": "k", **wrong}
    with pytest.raises(JobtrailError) as refused:
        scene.do(assets.keep(fence, assets.NewAsset(**said)))  # type: ignore[arg-type]
    assert refused.value.code == "invalid"


def test_steps_keep_their_order_their_outputs_and_how_they_ended(scene: Scene) -> None:
    fence = scene.start()
    scene.finished_step(fence, "fetch", '{"rows": 7}')
    broken = scene.step(fence, "check", type=StepType.GATE)
    assert scene.do(steps.finish(fence, broken, StepStatus.FAILED, error="3 tests failed"))
    assert scene.do(steps.skip(fence, ids.new(), "publish", "Publish", Phase.EXECUTION, StepType.COMMAND, "no need"))
    listed = scene.do(steps.listed(scene.workspace, fence.job_id))
    assert [(one.ordinal, one.key, one.status, one.output, one.error_message) for one in listed] == [
        (1, "fetch", "COMPLETED", {"rows": 7}, None),
        (2, "check", "FAILED", None, "3 tests failed"),
        (3, "publish", "SKIPPED", None, "no need"),
    ]
    assert scene.told(fence.job_id)[2:] == [
        "step.started", "step.completed", "gate.started", "gate.failed", "step.skipped",
    ]  # fmt: skip
    assert scene.do(steps.finish(fence, broken, StepStatus.COMPLETED)) is None
    assert scene.do(steps.skip(fence, ids.new(), "fetch", "f", Phase.SETUP, StepType.COMMAND, "again")) is None


def test_measures_of_a_worker_are_stored(scene: Scene, conn: Connection) -> None:
    fence = scene.start()
    scene.do(
        usage.measure(
            scene.worker,
            [
                usage.Measured(workspace_id=scene.workspace, type="job", name="frames", value=24.0, unit="1/s",
                               job_id=fence.job_id, attempt_id=fence.attempt_id),
                usage.Measured(workspace_id=scene.workspace, type="worker", name="load", value=0.5, queue="default"),
            ],
        )
    )  # fmt: skip
    rows = conn.execute(
        "select metric_name, value, unit, job_id, queue, worker_id from jobtrail.metrics order by 1"
    ).fetchall()
    assert rows == [
        ("frames", 24.0, "1/s", fence.job_id, None, scene.worker),
        ("load", 0.5, None, None, "default", scene.worker),
    ]


def test_a_list_shows_the_newest_first_page_by_page(scene: Scene) -> None:
    wanted = scene.enqueue_many(5)[::-1]
    first = [job.id for job in scene.do(jobs.listed(scene.workspace, jobs.Filter(), limit=3))]
    rest = [job.id for job in scene.do(jobs.listed(scene.workspace, jobs.Filter(), before=first[-1], limit=3))]
    assert first + rest == wanted


def test_a_list_shows_what_the_filter_wants(scene: Scene) -> None:
    plain, tagged = scene.enqueue(), scene.enqueue(tags=("red", "big"), queue="other", type="paint")
    running = scene.start(priority=9).job_id

    def shown(**said: object) -> set[object]:
        return {job.id for job in scene.do(jobs.listed(scene.workspace, jobs.Filter(**said)))}  # type: ignore[arg-type]

    assert shown() == {plain, tagged, running}
    assert shown(types=("paint", "none")) == shown(queues=("other",)) == shown(tags=("big", "x")) == {tagged}
    assert shown(statuses=(JobStatus.RUNNING,)) == {running}
    assert shown(statuses=(JobStatus.QUEUED,), types=("demo",)) == {plain}
    assert shown(task_id=ids.new()) == set()


def test_a_job_is_found_by_the_digits_that_people_type(scene: Scene) -> None:
    id = scene.enqueue()
    for digits in (id.hex[-8:], id.hex[:12], id.hex):
        assert scene.do(jobs.find(scene.workspace, digits)) == [id]
    assert scene.do(jobs.find(scene.workspace, "%")) == []


def test_the_trail_is_read_after_a_cursor(scene: Scene) -> None:
    fence = scene.start()
    scene.complete(fence)
    assert [event.seq for event in scene.do(trail.events(scene.workspace, fence.job_id, after=1, limit=1))] == [2]


def test_depths_tell_what_waits_and_what_is_paused(scene: Scene) -> None:
    first = scene.enqueue_many(3)[0]
    scene.enqueue(queue="other")
    scene.do(queues.pause(scene.workspace, "idle", ME, reason="night"))
    found = {one.queue: one for one in scene.do(queues.depths(scene.workspace))}
    assert {name: one.depth for name, one in found.items()} == {"default": 3, "other": 1, "idle": 0}
    assert found["default"].oldest_queued_at == scene.job(first).queued_at
    assert (found["idle"].paused_by, found["idle"].paused_reason) == ("me", "night")


def test_workers_are_listed_with_what_they_do(scene: Scene) -> None:
    fence = scene.start()
    other = scene.new_worker()
    scene.do(workers.stop([other], "done"))
    scene.do(workers.heartbeat(fence.worker_id, draining=True))
    alive, stopped = scene.do(workers.listed())
    assert (alive.id, alive.running, alive.leased, alive.stopped_at) == (fence.worker_id, 1, True, None)
    assert alive.draining_at is not None and alive.queues == ["default"]
    assert (stopped.id, stopped.stop_reason) == (other, "done")


def test_a_worker_of_the_same_host_is_a_sibling(scene: Scene) -> None:
    first, second = scene.new_worker(), scene.new_worker()
    assert [one.id for one in scene.do(workers.siblings("boot", first))] == [second]
    assert scene.do(workers.siblings("another host", first)) == []
