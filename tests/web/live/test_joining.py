"""The moment in which a listener that read the past joins those who hear what is new: nothing falls between."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from database import Database
from scene import Scene
from web.live.listening import QUICK, Ear, a_hub

from jobtrail.service import attempts
from jobtrail.service.streams import Standing
from jobtrail.store.query import Query
from jobtrail.web.live.listener import Limits, Listener
from jobtrail.web.live.reader import Reader
from jobtrail.web.live.watch import Watcher

NEVER = Limits(poll_seconds=1_000.0, eager_seconds=1_000.0)


async def test_a_tail_that_has_read_on_meanwhile_is_not_joined_yet(
    database: Database, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    armed, standing = False, Reader.standing
    async with a_hub(database, NEVER) as hub:
        start = await hub.position()
        first = Ear(hub.workspace(scene.workspace, cursor=start)).open()
        while hub._tail._since._pending is None:  # until the tail has looked, once
            await asyncio.sleep(0)

        async def overtaken(reader: Reader) -> Standing:
            nonlocal armed
            found = await standing(reader)
            if armed:
                armed = False
                scene.enqueue()
                while not first.stored:
                    await hub._tail._tick()
                    await asyncio.sleep(0)
            return found

        monkeypatch.setattr(Reader, "standing", overtaken)
        armed = True
        second = Ear(hub.workspace(scene.workspace, cursor=start)).open()
        while len(hub._tail._followers) < 2:
            await asyncio.sleep(0)
        scene.enqueue()
        while len(first.stored) < 2:
            await hub._tail._tick()
            await asyncio.sleep(0)
        await second.heard("job.created")
        assert [frame.data for frame in second.stored] == [frame.data for frame in first.stored]


async def test_who_joins_while_a_look_is_under_way_waits_for_the_next(
    database: Database, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    fence = scene.start()
    async with a_hub(database, NEVER) as hub:
        watch, name = hub._watch, (scene.workspace, fence.job_id)
        Ear(hub.job(*name)).open()
        while not watch._watchers:
            await asyncio.sleep(0)
        late = Watcher(Listener(None, QUICK, hub.counts), name, 1, None)
        read = Reader.read

        async def joined_meanwhile(reader: Reader, query: Query[Any]) -> Any:
            if query.name == "reads/watched_events":
                watch._watchers[name].add(late)
            return await read(reader, query)

        monkeypatch.setattr(Reader, "read", joined_meanwhile)
        scene.do(attempts.progress(fence, 10))
        await watch._tick()
        await watch._tick()
        second = Ear(late.listener.frames()).open()
        await second.heard("job.progress")
        assert (second.seqs, second.of("gap")) == ([2, 3], [])
        watch.leave(late)
        await second.cut()
