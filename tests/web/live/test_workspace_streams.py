"""The stream of a workspace: every event once, in the order of transactions, wherever a reader was cut off."""

from __future__ import annotations

import asyncio
import random
import threading
from array import array
from contextlib import closing
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from database import Clock, Database
from scene import ME, Scene, new_job
from web.live.listening import Ear, a_hub, frames_in, heard_all, place, trail, unsteady
from web.live.writing import writers

from jobtrail.core.errors import Invalid, Unavailable
from jobtrail.core.filter import Filter
from jobtrail.core.status import JobStatus
from jobtrail.service import attempts, jobs, upkeep
from jobtrail.service.streams import Told
from jobtrail.store.db import Scope, run
from jobtrail.store.pool import Dial
from jobtrail.store.query import Query
from jobtrail.web.live import tail
from jobtrail.web.live.cursor import LONG_AGO, NOWHERE, read_cursor
from jobtrail.web.live.reader import Reader


async def test_a_new_stream_begins_now_and_tells_what_comes(database: Database, scene: Scene) -> None:
    scene.enqueue(type="before")
    async with a_hub(database) as hub:
        ear = Ear(hub.workspace(scene.workspace)).open()
        (opened,) = await ear.heard("stream.open")
        assert opened.id is None
        fence = scene.start(type="after")
        scene.complete(fence)
        await ear.heard("job.completed")
        ours = [frame.event for frame in ear.stored if frame.data["job_id"] == str(fence.job_id)]
        assert ours == ["job.created", "job.started", "job.completed"]
        missed = Ear(hub.workspace(scene.workspace, cursor=opened.data["cursor"])).open()
        await missed.heard("job.completed")
        told, again = ([frame.data for frame in each.stored] for each in (ear, missed))
        assert told == again, "who was cut off before the first event comes back with the cursor that it got"


async def test_a_stream_that_is_cut_at_any_byte_goes_on_after_the_last_whole_event(
    database: Database, scene: Scene
) -> None:
    async with a_hub(database) as hub:
        start = await hub.position()
        for _ in range(5):
            scene.complete(scene.start())
        scene.enqueue_many(5)
        expected = trail(scene.conn)
        whole = Ear(hub.workspace(scene.workspace, cursor=start)).open()
        await whole.until(lambda: len(whole.stored) == 20)
        assert [place(frame.id or "") for frame in whole.stored] == expected
        for cut in range(0, len(whole.raw), 211):
            before, _ = frames_in(whole.raw[:cut])
            ids = [frame.id for frame in before if frame.id is not None]
            after = Ear(hub.workspace(scene.workspace, cursor=ids[-1] if ids else start)).open()
            if len(ids) < 20:
                await after.until(lambda: len(after.stored) >= 20 - len(ids))  # noqa: B023  (awaited here)
            assert [place(id) for id in ids] + [place(frame.id or "") for frame in after.stored] == expected
            await after.cut()


async def test_no_cut_and_no_long_transaction_loses_repeats_or_swaps_an_event(database: Database, scene: Scene) -> None:
    expected, known = list[bytes](), dict[bytes, int]()
    async with a_hub(database) as hub, asyncio.timeout(100):
        start = await hub.position()
        listeners = [
            asyncio.create_task(unsteady(hub, scene.workspace, start, random.Random(seed), 100_000, expected, known))
            for seed in range(20)
        ]
        with writers(database, 4, 25, 8) as threads:
            await asyncio.to_thread(joined, threads)
        expected += trail(scene.conn)
        talking = asyncio.create_task(keep_talking(scene, listeners))
        results = await asyncio.gather(*listeners)
        await talking
    assert len(expected) > 3_200
    assert all(heard_all(heard, expected, known) for heard, _ in results)
    assert sum(cuts for _, cuts in results) > 50


def joined(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join()


async def keep_talking(scene: Scene, listeners: list[asyncio.Task[tuple[array[int], int]]]) -> None:
    """A listener that heard everything before it knew how much there is sees so at its next event."""
    while not all(listener.done() for listener in listeners):
        scene.enqueue()
        await asyncio.wait(listeners, timeout=0.2)


async def test_a_transaction_that_commits_late_is_told_when_it_has(database: Database, scene: Scene) -> None:
    """Its number is lower than those of others that were told long ago in any other order."""
    async with a_hub(database) as hub:
        ear = Ear(hub.workspace(scene.workspace)).open()
        await ear.heard("stream.open")
        with closing(database.connect()) as late:
            late.autocommit = False
            first = run(late, jobs.enqueue(scene.workspace, [new_job()], ME), Scope.of(scene.workspace)).ids[0]
            others = [scene.enqueue() for _ in range(3)]
            job = Ear(hub.job(scene.workspace, others[-1])).open()
            await job.heard("job.created")
            assert ear.stored == [], "what commits before it waits, or its place would be passed"
            late.commit()
        await ear.heard("job.created", 4)
        assert [frame.data["job_id"] for frame in ear.stored] == [str(id) for id in (first, *others)]


async def test_one_transaction_that_is_larger_than_a_page_is_told_whole(
    database: Database, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "PAGE", 7)
    async with a_hub(database) as hub:
        start = await hub.position()
        live = Ear(hub.workspace(scene.workspace)).open()
        await live.heard("stream.open")
        scene.enqueue_many(100)
        late = Ear(hub.workspace(scene.workspace, cursor=start)).open()
        for ear in (live, late):
            await ear.until(lambda: len(ear.stored) >= 100)  # noqa: B023  (awaited here)
            assert [place(frame.id or "") for frame in ear.stored] == trail(scene.conn)


async def test_an_empty_stretch_of_any_length_is_crossed_in_few_steps(database: Database, scene: Scene) -> None:
    scene.enqueue()
    reader = Reader(Dial(url=database.app_url))
    scan = tail.Scan(reader, (0, NOWHERE, 0), LONG_AGO, scene.workspace)
    told, steps, far = 0, 0, 1_000_000_000
    while scan.place[0] < far:
        steps += 1
        told += len(await scan.page(far))
    await reader.close()
    assert (told, steps < 40) == (1, True)


async def test_a_page_that_fails_is_read_again_from_the_same_place_and_smaller(
    database: Database, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = scene.enqueue()
    asked: list[Any] = []
    once = Reader.read

    async def failing(reader: Reader, query: Query[Any]) -> Any:
        asked.append(query.params[3])
        if len(asked) < 4:
            raise Unavailable("it took too long")
        return await once(reader, query)

    monkeypatch.setattr(Reader, "read", failing)
    reader = Reader(Dial(url=database.app_url))
    scan = tail.Scan(reader, (0, NOWHERE, 0), LONG_AGO, scene.workspace)
    for _ in range(3):
        with pytest.raises(Unavailable):
            await scan.page(1_000_000_000)
    assert (scan.place, asked == sorted(asked, reverse=True), len(set(asked))) == ((0, NOWHERE, 0), True, 3)
    told: list[Told] = []
    while not told:
        told = await scan.page(1_000_000_000)
    await reader.close()
    assert [one.job_id for one in told] == [id]


async def test_nobody_hears_of_another_workspace(database: Database, scene: Scene) -> None:
    with closing(database.as_owner()) as owner:
        other = uuid4()
        owner.execute("insert into jobtrail.workspaces (id, name) values (%s, 'other')", (other,))
    theirs = Scene(scene.conn, other)
    async with a_hub(database) as hub:
        start = await hub.position()
        live = Ear(hub.workspace(scene.workspace)).open()
        await live.heard("stream.open")
        ids = [scene.enqueue(), theirs.enqueue(), scene.enqueue(), theirs.enqueue()]
        late = Ear(hub.workspace(scene.workspace, cursor=start)).open()
        for ear in (live, late):
            await ear.heard("job.created", 2)
            assert [frame.data["job_id"] for frame in ear.stored] == [str(ids[0]), str(ids[2])]


@pytest.mark.parametrize(
    ("filter", "passes"),
    [
        (Filter(types=("a", "b")), {"a created", "b created", "a done"}),
        (Filter(types=("a",), statuses=(JobStatus.COMPLETED,)), {"a done"}),
        (Filter(exclude_types=("a",)), {"b created", "c created"}),
        (Filter(queues=("slow",)), {"b created"}),
        (Filter(exclude_queues=("slow", "default")), set()),
        (Filter(tags=("x", "y")), {"b created", "c created"}),
        (Filter(all_tags=("x", "y")), {"c created"}),
        (Filter(exclude_tags=("y",), exclude_statuses=(JobStatus.QUEUED, JobStatus.RUNNING)), {"a done"}),
        (Filter(task_id=uuid4()), set()),
    ],
)
@pytest.mark.parametrize("live", [True, False])
async def test_a_filter_lets_through_what_it_says(
    database: Database, scene: Scene, filter: Filter, passes: set[str], *, live: bool
) -> None:
    async with a_hub(database) as hub:
        start = await hub.position()
        ear = Ear(hub.workspace(scene.workspace, filter, start))
        everything = Ear(hub.workspace(scene.workspace, cursor=start)).open()
        if live:
            ear.open()
            await everything.until(lambda: hub.listeners == 2)
        fence = scene.start(type="a")
        scene.enqueue(type="b", queue="slow", tags=("x",))
        scene.enqueue(type="c", tags=("x", "y"))
        scene.complete(fence)
        await everything.heard("job.completed")
        ear = ear if live else ear.open()
        last = scene.start(type="a", queue="slow", tags=("x", "y"))
        scene.complete(last)
        await everything.heard("job.completed", 2)
        names = {str(scene.job(id).id): scene.job(id).type for id in scene_ids(everything)}
        await ear.until(lambda: len(named(ear, names, last.job_id)) >= len(passes))
        assert named(ear, names, last.job_id) == passes


def scene_ids(ear: Ear) -> set[UUID]:
    return {UUID(frame.data["job_id"]) for frame in ear.stored}


def named(ear: Ear, types: dict[str, str], but: UUID) -> set[str]:
    words = {"job.created": "created", "job.completed": "done"}
    return {
        f"{types[frame.data['job_id']]} {words[frame.event]}"
        for frame in ear.stored
        if frame.event in words and frame.data["job_id"] != str(but)
    }


def test_what_a_stream_cannot_be_filtered_by_is_refused(database: Database) -> None:
    with pytest.raises(Invalid) as refused:
        tail.check_filter(Filter(priority=(5,)))
    assert list(refused.value.fields) == ["priority"]


@pytest.mark.parametrize("cursor", ["", "x", "!" * 48, "A" * 47, "é" * 48, "A" * 5_000])
async def test_a_cursor_that_cannot_be_read_is_a_gap_and_goes_on_now(
    database: Database, scene: Scene, cursor: str
) -> None:
    scene.enqueue()
    async with a_hub(database) as hub:
        ear = Ear(hub.workspace(scene.workspace, cursor=cursor)).open()
        (gap,) = await ear.heard("gap")
        assert (gap.id, gap.data["reason"]) == (None, "unreadable")
        id = scene.enqueue()
        await ear.until(lambda: any(frame.data["job_id"] == str(id) for frame in ear.stored))


async def test_a_cursor_of_another_server_or_of_the_future_is_a_gap(database: Database, scene: Scene) -> None:
    async with a_hub(database) as hub:
        now = read_cursor(await hub.position())
        assert now is not None
        ahead = now._replace(place=(now.place[0] + 1_000_000, now.place[1], 0))
        for cursor, reason in ((now._replace(epoch="00000000"), "restored"), (ahead, "ahead")):
            ear = Ear(hub.workspace(scene.workspace, cursor=cursor.text())).open()
            (gap,) = await ear.heard("gap")
            assert gap.data["reason"] == reason
            goes_on = Ear(hub.workspace(scene.workspace, cursor=gap.data["cursor"])).open()
            scene.enqueue()
            for each in (ear, goes_on):
                await each.heard("job.created")


async def test_a_cursor_older_than_retention_is_a_gap_and_goes_on_with_what_is_left(
    database: Database, scene: Scene, clock: Clock
) -> None:
    async with a_hub(database) as hub:
        fence = scene.start()
        listening = Ear(hub.workspace(scene.workspace, cursor=await hub.position())).open()
        scene.do(attempts.progress(fence, 10))
        (old,) = await listening.heard("job.progress")
        await listening.cut()
        clock.advance(timedelta(days=20))
        scene.do(upkeep.make_partitions())
        scene.do(attempts.progress(fence, 20))
        assert old.id is not None
        kept = Ear(hub.workspace(scene.workspace, cursor=old.id)).open()
        await kept.heard("job.progress")
        assert kept.of("gap") == [], "old, but nothing is lost"
        assert scene.do(upkeep.drop_partitions("events", clock.now() - timedelta(days=8)))
        ear = Ear(hub.workspace(scene.workspace, cursor=old.id)).open()
        (told,) = await ear.heard("job.progress")
        (gap,) = ear.of("gap")
        assert (gap.data["reason"], told.data["payload"]) == ("retention", {"progress": 20})
        assert ear.frames.index(gap) < ear.frames.index(told)
        again = Ear(hub.workspace(scene.workspace, cursor=told.id)).open()
        scene.do(attempts.progress(fence, 30))
        await again.heard("job.progress")
        assert again.of("gap") == []
