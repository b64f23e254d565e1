"""A render from its document to its kept output, whatever the server answers on the way."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest
from nexrender.bed import Meanwhile, RenderBed, RenderDesk
from nexrender.fake_worker import MP4, FakeWorker
from nexrender.imitation import Imitation
from runners.pipelines import done, failed

from jobtrail.core.outcome import Cancel, Stopped
from jobtrail.core.status import LogLevel, ResultStatus


def works(node: FakeWorker, output: Path | None, content: bytes = MP4) -> Meanwhile:
    """A node that renders what it finds."""

    async def meanwhile(desk: RenderDesk) -> None:
        await desk.until(lambda: "queued" in desk.stages)

        def render() -> None:
            assert node.pick_up()
            node.reach("render:dorender", 40)
            node.finish(output, content)

        await asyncio.to_thread(render)

    return meanwhile


def test_a_render_is_handed_in_followed_and_its_output_is_kept(bed: RenderBed, node: FakeWorker) -> None:
    outcome = done(bed.attempt(works(node, bed.output)))
    assert outcome.status is ResultStatus.SUCCESS
    assert isinstance(outcome.output, dict)
    assert outcome.output["uid"] == bed.uid == f"{bed.memory.job_id}-1"
    assert outcome.output["output"]["sha256"] == hashlib.sha256(MP4).hexdigest()
    assert outcome.output["output"]["media_type"] == "video/mp4"
    assert outcome.output["node"] == "10.9.8.7"
    assert [(kept.name, kept.content) for kept in bed.desk.kept] == [("out.mp4", MP4)]
    assert set(bed.memory.statuses().values()) == {"COMPLETED"}
    assert bed.memory.statuses().keys() >= {"1: hand in", "1: wait", "1: download", "1: render", "1: output"}
    assert bed.desk.percents[-1] == 100


def test_progress_and_stages_follow_the_node(bed: RenderBed, node: FakeWorker) -> None:
    async def meanwhile(desk: RenderDesk) -> None:
        await desk.until(lambda: "queued" in desk.stages)
        await asyncio.to_thread(node.pick_up)
        await desk.until(lambda: "started" in desk.stages)
        await asyncio.to_thread(node.reach, "render:dorender", 60)
        await desk.until(lambda: 60.0 in desk.percents)  # 15 before, and 60 percent of the 75 that rendering is
        await asyncio.to_thread(node.finish, bed.output)

    done(bed.attempt(meanwhile))
    assert bed.desk.percents == sorted(bed.desk.percents)
    assert bed.desk.stages[-1] == "done"
    printed = bed.desk.printed()
    assert "queued" in printed and "finished at 10.9.8.7" in printed


def test_steps_carry_the_times_that_the_node_noted(bed: RenderBed, node: FakeWorker) -> None:
    done(bed.attempt(works(node, bed.output)))
    note = json.loads(bed.memory.steps["1: render"].output or "")
    assert note["began_at"] <= note["ended_at"]
    assert note["seconds"] >= 0
    assert "render_seconds" in bed.desk.metrics


def test_a_state_that_nobody_knows_is_a_render_that_goes_on(bed: RenderBed, node: FakeWorker) -> None:
    async def meanwhile(desk: RenderDesk) -> None:
        await desk.until(lambda: "queued" in desk.stages)
        await asyncio.to_thread(node.pick_up)
        await asyncio.to_thread(node.put, state="render:transmogrify")
        await desk.until(lambda: "transmogrify" in desk.stages)
        await asyncio.to_thread(node.finish, bed.output)

    done(bed.attempt(meanwhile))


def test_the_callbacks_of_a_document_are_left_out_and_said_so(bed: RenderBed, node: FakeWorker) -> None:
    bed.input["document"] = {**bed.input["document"], "onChange": "() => {}", "onRenderProgress": "x"}
    done(bed.attempt(works(node, bed.output)))
    assert "onChange" not in bed.server.only() and "onRenderProgress" not in bed.server.only()
    assert any("onChange, onRenderProgress" in line for line in bed.desk.printed())


def test_the_name_of_the_render_stands_where_its_output_goes(bed: RenderBed, node: FakeWorker) -> None:
    where = str(bed.output.with_name("{uid}.mp4"))
    copy = {"module": "@nexrender/action-copy", "input": "result.mp4", "output": where}
    bed.input["document"] = {**bed.input["document"], "actions": {"postrender": [copy]}}
    bed.input["output"] = where
    done(bed.attempt(works(node, bed.output.with_name(f"{bed.memory.job_id}-1.mp4"))))
    assert bed.server.only()["actions"]["postrender"][0]["output"].endswith(f"{bed.uid}.mp4")
    assert [kept.name for kept in bed.desk.kept] == [f"{bed.uid}.mp4"]


def test_the_last_copy_says_where_the_output_is_if_the_job_does_not(bed: RenderBed, node: FakeWorker) -> None:
    copy = {"module": "@nexrender/action-copy", "input": "result.mp4", "output": str(bed.output)}
    bed.input["document"] = {**bed.input["document"], "actions": {"postrender": [copy]}}
    del bed.input["output"]
    assert done(bed.attempt(works(node, bed.output))).status is ResultStatus.SUCCESS


def test_without_a_named_output_nothing_is_claimed_to_be_verified(bed: RenderBed, node: FakeWorker) -> None:
    del bed.input["output"]
    outcome = done(bed.attempt(works(node, None)))
    assert outcome.status is ResultStatus.PARTIAL
    assert "nothing of it was verified" in str(outcome.summary)


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file"), (b"", "is empty"), (b"<!DOCTYPE html><h1>Sign in</h1>", "text/html, which is no render")],
)
def test_finished_without_an_output_is_a_failure(
    bed: RenderBed, node: FakeWorker, content: bytes | None, why: str
) -> None:
    outcome = failed(bed.attempt(works(node, None if content is None else bed.output, content or b"")))
    assert outcome.code == "output_missing"
    assert why in outcome.message
    assert bed.memory.steps["1: output"].status == "FAILED"


def test_a_file_from_before_the_render_is_no_output(bed: RenderBed, node: FakeWorker) -> None:
    bed.output.parent.mkdir()
    bed.output.write_bytes(MP4)
    outcome = failed(bed.attempt(works(node, None)))
    assert outcome.code == "output_missing"
    assert "there before this render" in outcome.message


def test_an_output_may_come_a_little_later(bed: RenderBed, node: FakeWorker) -> None:
    bed.patience = timedelta(seconds=30)

    async def meanwhile(desk: RenderDesk) -> None:
        await works(node, None)(desk)
        await desk.until(lambda: "verifying" in desk.stages)
        bed.output.write_bytes(MP4)

    done(bed.attempt(meanwhile))


def test_a_link_out_of_the_shared_folder_is_not_followed(bed: RenderBed, node: FakeWorker, tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(MP4)

    async def meanwhile(desk: RenderDesk) -> None:
        bed.output.symlink_to(secret)
        await works(node, None)(desk)

    outcome = failed(bed.attempt(meanwhile))
    assert outcome.code == "output_missing"
    assert "leads out of the folders" in outcome.message


@pytest.mark.parametrize("pieces", [True, False])
def test_an_output_is_fetched_from_a_url(bed: RenderBed, node: FakeWorker, pieces: bool) -> None:
    content = MP4 * 8_000  # more than one piece
    bed.server.files["/out.mp4"], bed.server.pieces = content, pieces
    bed.input["output"] = f"{bed.server.url}/out.mp4"
    outcome = done(bed.attempt(works(node, None), open=True))
    assert len(content) > 8 << 20
    assert isinstance(outcome.output, dict)
    assert outcome.output["output"]["sha256"] == hashlib.sha256(content).hexdigest()


def test_an_output_that_changes_while_it_is_fetched_is_none(bed: RenderBed, node: FakeWorker) -> None:
    versions = iter([MP4 * 8_000, MP4[:32] + b"frantic" * 1_629_714])

    class Changing(dict[str, bytes]):
        def __getitem__(self, path: str) -> bytes:
            return next(versions)

    bed.server.files = Changing({"/out.mp4": b""})
    bed.input["output"] = f"{bed.server.url}/out.mp4"
    outcome = failed(bed.attempt(works(node, None), open=True))
    assert outcome.code == "output_missing"
    assert "changed while it was read" in outcome.message
    assert bed.desk.kept == []


def test_an_output_in_the_own_network_is_fetched_only_where_the_installation_opens_it(bed: RenderBed) -> None:
    bed.input["output"] = "http://10.0.0.9/out.mp4"
    outcome = failed(bed.attempt())
    assert outcome.code == "not_allowed"
    assert bed.server.rows == []


def test_an_error_fails_with_what_the_node_says_and_the_next_attempt_renders_anew(
    bed: RenderBed, node: FakeWorker
) -> None:
    async def breaks(desk: RenderDesk) -> None:
        await desk.until(lambda: "queued" in desk.stages)
        await asyncio.to_thread(node.pick_up)
        await asyncio.to_thread(node.reach, "render:dorender")
        await asyncio.to_thread(node.fail, "Error: no such layer", "Error: giving up")

    outcome = failed(bed.attempt(breaks))
    assert (outcome.code, outcome.final) == ("render_failed", False)
    assert "no such layer" in outcome.message and "giving up" in outcome.message
    assert bed.memory.steps["1: render"].status == "FAILED"
    done(bed.attempt(works(node, bed.output)))
    assert [row["uid"] for row in bed.server.rows] == [f"{bed.memory.job_id}-{number}" for number in (1, 2)]


def test_an_error_that_the_node_survives_is_only_a_warning(bed: RenderBed, node: FakeWorker) -> None:
    async def meanwhile(desk: RenderDesk) -> None:
        await desk.until(lambda: "queued" in desk.stages)
        await asyncio.to_thread(node.pick_up)
        await asyncio.to_thread(node.put, error=["a font is missing"])
        await desk.until(lambda: any("a font is missing" in line.message for _, line in desk.lines))
        await asyncio.to_thread(node.finish, bed.output)

    done(bed.attempt(meanwhile))
    (line,) = [line for _, line in bed.desk.lines if "a font is missing" in line.message]
    assert line.level is LogLevel.WARN


def test_a_node_that_vanishes_is_a_stall_and_not_a_render_that_goes_on_for_ever(
    bed: RenderBed, node: FakeWorker
) -> None:
    time = [0.0]

    async def vanishes(desk: RenderDesk) -> None:
        await desk.until(lambda: "queued" in desk.stages)
        await asyncio.to_thread(node.pick_up)
        await asyncio.to_thread(node.reach, "render:dorender", 10)
        await desk.until(lambda: 22.5 in desk.percents)
        time[0] = 15 * 60

    outcome = failed(bed.attempt(vanishes, now=lambda: time[0]))
    assert outcome.code == "stalled"
    assert "stands still since 15m: render:dorender at 10.9.8.7" in outcome.message
    assert bed.server.only()["state"] == "render:dorender"  # a node may still be there: nothing is touched
    assert bed.sessions[-1] == f"{bed.memory.job_id}-1 (let go: stalled)"


def test_waiting_for_a_node_is_no_stall(bed: RenderBed, node: FakeWorker) -> None:
    time = [0.0]

    async def later(desk: RenderDesk) -> None:
        await desk.until(lambda: "queued" in desk.stages)
        time[0] = 1e6
        looks = len(desk.stages)
        await desk.until(lambda: len(desk.stages) > looks + 2)
        await works(node, bed.output)(desk)

    done(bed.attempt(later, now=lambda: time[0]))


def test_a_render_that_is_put_back_into_the_queue_is_followed_further(bed: RenderBed, node: FakeWorker) -> None:
    async def meanwhile(desk: RenderDesk) -> None:
        await desk.until(lambda: "queued" in desk.stages)
        await asyncio.to_thread(node.pick_up)
        await asyncio.to_thread(node.reach, "render:dorender")
        await desk.until(lambda: "rendering" in desk.stages)
        await asyncio.to_thread(node.put, state="queued")
        await desk.until(lambda: desk.stages[-1] == "queued")
        again = FakeWorker(bed.server.url)
        await asyncio.to_thread(again.pick_up)
        await asyncio.to_thread(again.finish, bed.output)

    done(bed.attempt(meanwhile))
    assert bed.memory.steps["1: render"].error == "put back into the queue"
    assert bed.memory.statuses()["1: download #2"] == "COMPLETED"


def test_the_estimate_is_said_to_be_passed_and_stands_in_the_result(bed: RenderBed, node: FakeWorker) -> None:
    bed.input["estimated_seconds"] = 0.01

    async def meanwhile(desk: RenderDesk) -> None:
        await desk.until(lambda: any("longer than the estimated" in line for line in desk.printed()))
        await works(node, bed.output)(desk)

    outcome = done(bed.attempt(meanwhile))
    assert isinstance(outcome.output, dict)
    assert outcome.output["estimated_seconds"] == 0.01
    assert outcome.output["actual_seconds"] is not None


def stops(reason: str, stage: str, node: FakeWorker | None = None) -> Meanwhile:
    async def meanwhile(desk: RenderDesk) -> None:
        await desk.until(lambda: "queued" in desk.stages)
        if node is not None:
            await asyncio.to_thread(node.pick_up)
        await desk.until(lambda: stage in desk.stages)
        desk.stop(reason)

    return meanwhile


def test_a_cancel_in_the_queue_takes_the_render_out_and_says_so(bed: RenderBed) -> None:
    outcome = bed.attempt(stops("cancelled", "queued"))
    assert isinstance(outcome, Cancel)
    assert outcome.reason == "the render was removed before a node took it"
    assert bed.server.rows == []
    assert "(let go: cancelled)" in bed.sessions[-1]


def test_a_cancel_while_a_node_renders_says_that_it_goes_on(bed: RenderBed, node: FakeWorker) -> None:
    outcome = bed.attempt(stops("cancelled", "started", node))
    assert isinstance(outcome, Cancel)
    assert "cannot stop a render that a node has: it goes on at 10.9.8.7" in outcome.reason
    assert bed.server.only()["state"] == "started"
    assert bed.server.count("DELETE", f"/jobs/{bed.uid}") == 0
    bed.attempt(stops("cancelled", "queued"))
    assert len(bed.server.rows) == 1 and bed.uid.endswith("-2")  # what was let go is not taken up again


def test_a_cancel_while_the_server_is_away_says_that_nobody_knows(bed: RenderBed) -> None:
    async def meanwhile(desk: RenderDesk) -> None:
        await desk.until(lambda: "queued" in desk.stages)
        bed.server.away = True
        desk.stop("cancelled")

    outcome = bed.attempt(meanwhile)
    assert isinstance(outcome, Cancel)
    assert "the server could not be asked" in outcome.reason


def test_a_shutdown_leaves_the_render_and_the_next_attempt_follows_it(bed: RenderBed, node: FakeWorker) -> None:
    assert isinstance(bed.attempt(stops("shutdown", "started", node)), Stopped)
    assert bed.server.only()["state"] == "started"

    async def finishes(desk: RenderDesk) -> None:
        await asyncio.to_thread(node.finish, bed.output)

    done(bed.attempt(finishes))
    assert len(bed.server.rows) == 1
    assert bed.server.count("POST") == 1


def test_a_shutdown_leaves_a_render_its_place_in_the_queue(bed: RenderBed, node: FakeWorker) -> None:
    assert isinstance(bed.attempt(stops("shutdown", "queued")), Stopped)
    assert bed.server.only()["state"] == "queued"
    done(bed.attempt(works(node, bed.output)))
    assert bed.server.count("POST") == 1


def test_every_answer_of_the_server_is_a_sign_of_life(bed: RenderBed, node: FakeWorker) -> None:
    async def meanwhile(desk: RenderDesk) -> None:
        await desk.until(lambda: desk.signs_of_life > 3)  # nothing changes, and it is not idle
        await works(node, bed.output)(desk)

    done(bed.attempt(meanwhile))


def test_a_timeout_in_the_queue_takes_the_render_out_and_the_next_attempt_hands_in_another(
    bed: RenderBed, node: FakeWorker
) -> None:
    assert isinstance(bed.attempt(stops("timeout", "queued")), Stopped)
    assert bed.server.rows == []
    done(bed.attempt(works(node, bed.output)))
    assert bed.server.only()["uid"] == f"{bed.memory.job_id}-2"


def test_a_timeout_while_a_node_renders_leaves_it_to_the_next_attempt(bed: RenderBed, node: FakeWorker) -> None:
    assert isinstance(bed.attempt(stops("timeout", "started", node)), Stopped)
    assert any("unless another attempt follows it further" in line for line in bed.desk.printed())

    async def finishes(desk: RenderDesk) -> None:
        await asyncio.to_thread(node.finish, bed.output)

    done(bed.attempt(finishes))
    assert bed.server.only()["uid"] == f"{bed.memory.job_id}-1"


def test_the_jobs_own_limit_counts_over_attempts(bed: RenderBed) -> None:
    bed.input["cancel_after"], bed.run_seconds = "1h", 3_600.0
    outcome = bed.attempt()
    assert isinstance(outcome, Cancel)
    assert outcome.reason == "cancelled by its own cancel_after of 1h; the render was removed before a node took it"


def test_the_secret_goes_along_and_a_wrong_one_is_said(bed: RenderBed, node: FakeWorker) -> None:
    bed.server.secret, bed.secrets = "s3cret", {"NEXRENDER_SECRET": "wrong"}
    bed.input["secret"] = {"env": "NEXRENDER_SECRET"}
    outcome = failed(bed.attempt())
    assert (outcome.code, outcome.final) == ("server_denied", True)
    assert "wrong" in outcome.message and "s3cret" not in outcome.message
    bed.secrets, node.secret = {"NEXRENDER_SECRET": "s3cret"}, "s3cret"
    done(bed.attempt(works(node, bed.output)))


def test_a_document_that_the_server_refuses_fails_with_its_first_line(server: Imitation, bed: RenderBed) -> None:
    stack = b"AssertionError: job must have x\n    at y"
    server.answer = lambda method, _: (400, stack) if method == "POST" else None
    outcome = failed(bed.attempt())
    assert (outcome.code, outcome.final) == ("document_refused", True)
    assert outcome.message.endswith("400: AssertionError: job must have x")
