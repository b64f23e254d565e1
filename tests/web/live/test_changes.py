"""What pages are told: which jobs changed, each once, gathered, and nothing of other workspaces."""

from __future__ import annotations

import asyncio
from uuid import UUID

from database import Database
from scene import Scene
from service.people import OTHER
from web.live.listening import Ear, a_hub

from jobtrail.service import queues
from jobtrail.service.streams import Told
from jobtrail.web.live.changes import MOST_JOBS, PACE_SECONDS, Changes
from jobtrail.web.live.listener import Counts, Limits, Listener


def last(ear: Ear) -> dict[str, tuple[int, str, str]]:
    """What was told last of each job."""
    told = [frame for frame in ear.frames if frame.event == "changes"]
    return {job[0]: tuple(job[1:4]) for frame in told for job in frame.data["jobs"]}


async def test_each_job_that_changed_is_told_as_it_stands(database: Database, scene: Scene) -> None:
    async with a_hub(database) as hub:
        ear = Ear(hub.changes(scene.workspace)).open()
        await ear.until(lambda: any(frame.event == "stream.open" for frame in ear.frames))
        done, waiting = scene.enqueue(), scene.enqueue()
        scene.complete(scene.again(done))
        await ear.until(lambda: last(ear).get(str(done), (0, "", ""))[1] == "COMPLETED" and str(waiting) in last(ear))
        assert last(ear)[str(waiting)] == (1, "QUEUED", "job.created")
        assert sum(frame.data["created"] for frame in ear.frames if frame.event == "changes") == 2


async def test_another_workspace_is_not_told(database: Database, scene: Scene) -> None:
    scene.do(queues.open_workspace(OTHER, "other"))
    async with a_hub(database) as hub:
        mine, theirs = Ear(hub.changes(scene.workspace)).open(), Ear(hub.changes(OTHER)).open()
        for ear in (mine, theirs):
            await ear.until(lambda: any(frame.event == "stream.open" for frame in ear.frames))  # noqa: B023  (awaited here)
        first = scene.enqueue()
        second = Scene(scene.conn, OTHER).enqueue()
        await mine.until(lambda: str(first) in last(mine))
        await theirs.until(lambda: str(second) in last(theirs))
        assert (set(last(mine)), set(last(theirs))) == ({str(first)}, {str(second)})


def told(job_id: UUID, seq: int) -> Told:
    return Told(UUID(int=1), seq, "demo", "default", None, None, [], job_id, seq, "job.progress", "RUNNING", None, None,
                "worker", None, None, None, "")  # type: ignore[arg-type]  # fmt: skip


async def test_what_comes_close_together_is_told_together() -> None:
    listener = Listener(None, Limits(), Counts())
    changes = Changes(listener)
    loop = asyncio.get_running_loop()
    changes.take([told(UUID(int=1), 1)])
    await listener_has(listener, 1)
    began = loop.time()
    for seq in range(2, 200):
        changes.take([told(UUID(int=1), seq)])
    await listener_has(listener, 2)
    assert loop.time() - began >= PACE_SECONDS * 0.9
    assert b'"jobs":[["00000000-0000-0000-0000-000000000001",199,' in listener._waiting[1]
    assert b'"events":198' in listener._waiting[1]


async def test_a_flood_is_cut_and_says_so() -> None:
    listener = Listener(None, Limits(), Counts())
    Changes(listener).take([told(UUID(int=number), 1) for number in range(MOST_JOBS + 1)])
    await listener_has(listener, 1)
    assert b'"more":true' in listener._waiting[0]


async def test_after_the_stop_nothing_is_told() -> None:
    listener = Listener(None, Limits(), Counts())
    changes = Changes(listener)
    changes.take([told(UUID(int=1), 1)])
    changes.stop()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert listener._waiting == []


async def listener_has(listener: Listener, number: int) -> None:
    async with asyncio.timeout(10):
        while len(listener._waiting) < number:
            listener._news.clear()
            await listener._news.wait()


async def test_a_page_is_told_that_its_stream_lives_where_scripts_can_hear_it(database: Database, scene: Scene) -> None:
    async with a_hub(database, Limits(keep_alive_seconds=0.02)) as hub:
        ear = Ear(hub.changes(scene.workspace)).open()
        await ear.until(lambda: sum(frame.event == "alive" for frame in ear.frames) >= 3)
        assert b"keep-alive" not in ear.raw
