"""The stream of one job: everything that happened to it, in order, once, and then what happens next, to its end."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from database import Clock, Connection, Database
from scene import ME, Scene
from web.live.listening import Ear, Frame, a_hub, frames_in

from jobtrail.core.fence import Fence
from jobtrail.service import attempts, jobs, logs, upkeep
from jobtrail.service.logs import NewChunk


def say(scene: Scene, fence: Fence, first_line: int, *messages: str) -> None:
    """A chunk of log lines."""
    body = "\n".join(msgspec.json.encode({"level": "INFO", "message": message}).decode() for message in messages)
    scene.do(logs.append([NewChunk(fence, None, first_line, len(messages), ("INFO",), (), body)]))


def said(frames: list[Frame]) -> list[tuple[int, str]]:
    return [(frame.data["number"], frame.data["message"]) for frame in frames if frame.event == "log"]


async def test_a_stream_tells_the_past_then_what_happens_and_ends_with_the_job(
    database: Database, scene: Scene
) -> None:
    id = scene.enqueue(title="ü\n\r\x85\u2028")
    async with a_hub(database) as hub:
        ear = Ear(hub.job(scene.workspace, id)).open()
        await ear.heard("job.created")
        fence = scene.again(id)
        await ear.heard("job.started")
        scene.complete(fence, '"done"')
        await ear.end()
    events = scene.events(id)
    assert ear.raw.startswith(b"retry: 3000\n\n")
    assert [frame.id for frame in ear.stored] == ["1", "2", "3"]
    assert [frame.event for frame in ear.stored] == [event.type for event in events]
    for frame, event in zip(ear.stored, events, strict=True):
        assert frame.data == msgspec.to_builtins(
            {
                "job_id": event.job_id, "seq": event.seq, "type": event.type, "status": event.status,
                "step_id": event.step_id, "attempt_id": event.attempt_id, "actor_type": event.actor_type,
                "actor_id": event.actor_id, "payload": event.payload, "at": event.at, "hash": event.hash.hex(),
            }
        )  # fmt: skip
    last = ear.frames[-1]
    assert (last.event, last.id) == ("stream.complete", None)
    assert last.data == {"job_id": str(id), "status": "COMPLETED", "seq": 3, "generation": 1}


async def test_a_stream_that_is_cut_at_any_byte_goes_on_after_the_last_whole_event(
    database: Database, scene: Scene
) -> None:
    fence = scene.start()
    for percent in range(1, 21):
        scene.do(attempts.progress(fence, percent))
    scene.complete(fence)
    async with a_hub(database) as hub:
        whole = Ear(hub.job(scene.workspace, fence.job_id)).open()
        await whole.end()
        assert whole.seqs == list(range(1, 24))
        for cut in range(0, len(whole.raw), 97):
            before, _ = frames_in(whole.raw[:cut])
            seen = [frame.data["seq"] for frame in before if frame.id is not None]
            after = Ear(hub.job(scene.workspace, fence.job_id, seen[-1] if seen else None)).open()
            await after.end()
            assert seen + after.seqs == whole.seqs, f"cut at byte {cut}"
            assert after.frames[-1].event == "stream.complete"


async def test_events_of_a_long_transaction_elsewhere_hold_no_job_back(database: Database, scene: Scene) -> None:
    id = scene.enqueue()
    with closing(database.connect()) as other:
        with other.transaction():
            Scene(other).enqueue()
            async with a_hub(database) as hub:
                ear = Ear(hub.job(scene.workspace, id)).open()
                scene.complete(scene.again(id))
                await ear.end()
    assert ear.seqs == [1, 2, 3]


async def test_what_is_not_committed_is_not_told(database: Database, scene: Scene) -> None:
    fence = scene.start()
    async with a_hub(database) as hub:
        ear = Ear(hub.job(scene.workspace, fence.job_id)).open()
        await ear.heard("job.started")
        with closing(database.connect()) as other:
            with other.transaction(force_rollback=True):
                Scene(other).do(attempts.progress(fence, 13))
        scene.do(attempts.progress(fence, 14))
        (told,) = await ear.heard("job.progress")
        assert (told.data["seq"], told.data["payload"]) == (3, {"progress": 14})


async def test_a_job_that_is_tried_again_goes_on_and_a_stream_that_was_opened_then_too(
    database: Database, scene: Scene
) -> None:
    fence = scene.start()
    scene.fail(fence)
    async with a_hub(database) as hub:
        first = Ear(hub.job(scene.workspace, fence.job_id)).open()
        await first.end()
        assert first.frames[-1].data["status"] == "FAILED"
        scene.do(jobs.retry(scene.workspace, fence.job_id, ME))
        second = Ear(hub.job(scene.workspace, fence.job_id)).open()
        await second.heard("job.retried")
        assert not second.ended
        scene.complete(scene.again(fence.job_id))
        await second.end()
        assert second.seqs == [1, 2, 3, 4, 5, 6]
        assert second.frames[-1].data == {
            "job_id": str(fence.job_id), "status": "COMPLETED", "seq": 6, "generation": 2
        }  # fmt: skip


async def test_log_lines_come_between_the_events_without_an_id_each_once(database: Database, scene: Scene) -> None:
    fence = scene.start()
    say(scene, fence, 1, "one", "two\u2028\x85 with odd breaks")
    scene.do(attempts.progress(fence, 50))
    async with a_hub(database) as hub:
        ear = Ear(hub.job(scene.workspace, fence.job_id)).open()
        await ear.heard("log", 2)
        say(scene, fence, 3, "three")
        await ear.heard("log", 3)
        say(scene, fence, 4, "four", "five")
        scene.complete(fence)
        await ear.end()
    assert said(ear.frames) == [
        (1, "one"),
        (2, "two\u2028\x85 with odd breaks"),
        (3, "three"),
        (4, "four"),
        (5, "five"),
    ]
    order = [frame.event for frame in ear.frames if frame.event != "progress"]
    assert order == [
        "job.created", "job.started", "log", "log", "job.progress", "log", "log", "log", "job.completed",
        "stream.complete",
    ]  # fmt: skip
    assert all(frame.id is None for frame in ear.of("log") + ear.of("progress"))


async def test_after_a_cut_no_line_is_missing(database: Database, scene: Scene) -> None:
    fence = scene.start()
    for n in range(12):
        say(scene, fence, 2 * n + 1, f"line {2 * n + 1}", f"line {2 * n + 2}")
        scene.do(attempts.progress(fence, n + 1))
    scene.complete(fence)
    async with a_hub(database) as hub:
        whole = Ear(hub.job(scene.workspace, fence.job_id)).open()
        await whole.end()
        assert [number for number, _ in said(whole.frames)] == list(range(1, 25))
        for cut in range(0, len(whole.raw), 331):
            before, _ = frames_in(whole.raw[:cut])
            seen = [frame.data["seq"] for frame in before if frame.id is not None]
            after = Ear(hub.job(scene.workspace, fence.job_id, seen[-1] if seen else None)).open()
            await after.end()
            assert {number for number, _ in said(before) + said(after.frames)} == set(range(1, 25)), f"cut at {cut}"


async def test_more_than_a_page_of_events_and_lines_is_told_in_order(database: Database, scene: Scene) -> None:
    fence = scene.start()
    for n in range(600):
        scene.do(attempts.progress(fence, n / 10))
        if n % 20 == 0:
            say(scene, fence, n // 20 + 1, str(n))
    scene.complete(fence)
    async with a_hub(database) as hub:
        ear = Ear(hub.job(scene.workspace, fence.job_id)).open()
        await ear.end()
    assert ear.seqs == list(range(1, 604))
    assert said(ear.frames) == [(n + 1, str(20 * n)) for n in range(30)]
    assert ear.of("gap") == []
    line_at = [frame.event == "log" for frame in ear.frames if frame.event in ("log", "job.progress")]
    assert line_at.index(True) == 1 and line_at[-20:].index(True) == 0, "lines stand where they were stored"


async def test_lines_can_be_left_out(database: Database, scene: Scene) -> None:
    fence = scene.start()
    say(scene, fence, 1, "one")
    scene.complete(fence)
    async with a_hub(database) as hub:
        ear = Ear(hub.job(scene.workspace, fence.job_id, logs=False)).open()
        await ear.end()
    assert (ear.seqs, said(ear.frames)) == ([1, 2, 3], [])


async def test_progress_is_told_as_it_is_now(database: Database, scene: Scene) -> None:
    fence = scene.start()
    scene.do(attempts.progress(fence, 10, "fetching"))
    scene.do(attempts.progress(fence, 20, "rendering"))
    async with a_hub(database) as hub:
        ear = Ear(hub.job(scene.workspace, fence.job_id)).open()
        (now,) = await ear.heard("progress")
        assert now.data == {
            "job_id": str(fence.job_id), "attempt_id": str(fence.attempt_id), "progress": 20.0, "stage": "rendering"
        }  # fmt: skip
        for percent in range(21, 90):
            scene.do(attempts.progress(fence, percent))
        await ear.until(lambda: ear.of("progress")[-1].data["progress"] == 89.0)
        assert len(ear.of("job.progress")) == 71
        assert len(ear.of("progress")) < 71, "the latest only, and not at every change"


async def test_a_job_of_another_workspace_is_not_there(database: Database, scene: Scene) -> None:
    id = scene.enqueue()
    async with a_hub(database) as hub:
        for workspace, job in ((uuid4(), id), (scene.workspace, uuid4())):
            ear = Ear(hub.job(workspace, job)).open()
            await ear.end()
            assert [(frame.event, frame.data) for frame in ear.frames] == [("closed", {"reason": "gone"})]


async def test_a_reader_that_is_ahead_of_the_job_is_told_so(database: Database, scene: Scene) -> None:
    id = scene.enqueue()
    async with a_hub(database) as hub:
        ear = Ear(hub.job(scene.workspace, id, 40)).open()
        (gap,) = await ear.heard("gap")
        assert gap.data == {"reason": "ahead", "job_id": str(id), "after": 40, "goes_on_after": 1}
        scene.again(id)
        await ear.heard("job.started")
        assert ear.seqs == [2]


@pytest.mark.parametrize("seen", [0, 1])
async def test_events_that_retention_dropped_are_a_gap(
    database: Database, scene: Scene, clock: Clock, owner: Connection, seen: int
) -> None:
    id = scene.enqueue()
    fence = scene.again(id)
    clock.advance(timedelta(days=20))
    scene.do(upkeep.make_partitions())
    scene.do(attempts.progress(fence, 10))
    assert scene.do(upkeep.drop_partitions("events", clock.now() - timedelta(days=8)))
    async with a_hub(database) as hub:
        ear = Ear(hub.job(scene.workspace, id, seen)).open()
        await ear.heard("job.progress")
        (gap,) = ear.of("gap")
        assert gap.data == {"reason": "retention", "job_id": str(id), "after": seen, "goes_on_after": 2}
        assert ear.seqs == [3]
        scene.complete(fence)
        await ear.end()


async def test_many_who_watch_one_job_hear_the_same(database: Database, scene: Scene) -> None:
    fence = scene.start()
    async with a_hub(database) as hub:
        ears = [Ear(hub.job(scene.workspace, fence.job_id)).open() for _ in range(20)]
        for percent in range(1, 30):
            scene.do(attempts.progress(fence, percent))
            if percent % 3 == 0:
                ears.append(Ear(hub.job(scene.workspace, fence.job_id, percent)).open())
            await asyncio.sleep(0)
        scene.complete(fence)
        for ear in ears:
            await ear.end()
    assert all(ear.seqs == list(range(1, 33)) for ear in ears[:20])
    assert [ear.seqs[0] for ear in ears[20:]] == [percent + 1 for percent in range(3, 30, 3)]
    assert all(ear.seqs == list(range(ear.seqs[0], 33)) and not ear.of("gap") for ear in ears)
