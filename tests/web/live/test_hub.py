"""The hub: one reader for all, nobody holds another up, a key that was revoked hears no more, and an outage costs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Hashable
from contextlib import asynccontextmanager, closing
from typing import Any

import psycopg
import pytest
from database import Database
from scene import Scene
from store.embedded_server import a_home
from web.live.listening import Ear, a_hub, place, trail

from jobtrail.core.errors import Unavailable
from jobtrail.service import attempts
from jobtrail.store import embedded, migrate
from jobtrail.store.query import Query
from jobtrail.web.live import listener
from jobtrail.web.live.listener import Limits
from jobtrail.web.live.reader import Reader


def quick(**others: float) -> Limits:
    return Limits(**{"poll_seconds": 0.02, "eager_seconds": 0.005, **others})  # type: ignore[arg-type]


async def test_a_hundred_listeners_cost_one_connection(database: Database, scene: Scene) -> None:
    ids = scene.enqueue_many(50)
    async with a_hub(database) as hub:
        ears = [Ear(hub.job(scene.workspace, id)).open() for id in ids]
        start = await hub.position()
        ears += [Ear(hub.workspace(scene.workspace, cursor=start)).open() for _ in range(50)]
        for fence in [scene.again(id) for id in ids]:
            scene.complete(fence)
        for ear in ears:
            await ear.heard("job.completed", 1 if ear in ears[:50] else 50)
        with closing(database.as_admin()) as admin:
            row = admin.execute(
                "select count(*) from pg_stat_activity where datname = current_database() "
                "and application_name like 'jobtrail%'"
            ).fetchone()
        assert row == (1,)


async def test_those_who_read_the_past_do_not_stand_in_line_before_what_is_new(
    database: Database, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_line, longest = 0, 0
    read = Reader.read

    async def counted(reader: Reader, query: Query[Any]) -> Any:
        nonlocal in_line, longest
        in_line += 1
        longest = max(longest, in_line)
        try:
            return await read(reader, query)
        finally:
            in_line -= 1

    monkeypatch.setattr(Reader, "read", counted)
    async with a_hub(database) as hub:
        start = await hub.position()
        ids = scene.enqueue_many(40)
        ears = [Ear(hub.workspace(scene.workspace, cursor=start)).open() for _ in range(40)]
        ears += [Ear(hub.job(scene.workspace, id)).open() for id in ids]
        for ear in ears:
            await ear.heard("job.created")
    assert 1 < longest <= 4 + 2, "four of the past, and the two loops"


async def test_nothing_is_read_while_nobody_listens(database: Database, scene: Scene) -> None:
    async with a_hub(database) as hub:
        ear = Ear(hub.workspace(scene.workspace)).open()
        await ear.heard("stream.open")
        await ear.cut()
        job = Ear(hub.job(scene.workspace, scene.enqueue())).open()
        await job.heard("job.created")
        await job.cut()
        assert hub.listeners == 0
        read: list[object] = []

        async def noted(query: object) -> object:
            read.append(query)
            raise Unavailable("nobody should ask")

        hub._reader.read = noted  # type: ignore[method-assign,assignment]
        await asyncio.wait([asyncio.create_task(asyncio.Event().wait())], timeout=0.3)
        assert read == []


async def test_a_slow_reader_is_dropped_and_the_others_go_on(database: Database, scene: Scene) -> None:
    fence = scene.start()
    async with a_hub(database, quick(frames=20)) as hub:
        start = await hub.position()
        slow = hub.workspace(scene.workspace, cursor=start)
        assert await anext(slow) == b"retry: 3000\n\n"
        quick_one = Ear(hub.workspace(scene.workspace, cursor=start)).open()
        for percent in range(1, 61):
            scene.do(attempts.progress(fence, percent))
            await quick_one.heard("job.progress", percent)
        assert (hub.counts.dropped, quick_one.ended) == (1, False)
        rest = Ear(slow).open()
        await rest.end()
        assert rest.frames[-1].data == {"reason": "slow"}
        resumed = Ear(hub.workspace(scene.workspace, cursor=rest.last_id or start)).open()
        await resumed.until(lambda: len(rest.seqs) + len(resumed.seqs) >= len(quick_one.seqs))
        assert rest.seqs + resumed.seqs == quick_one.seqs


async def test_a_slow_reader_of_the_past_is_waited_for(database: Database, scene: Scene) -> None:
    fence = scene.start()
    for percent in range(1, 61):
        scene.do(attempts.progress(fence, percent))
    scene.complete(fence)
    async with a_hub(database, quick(frames=20, bytes=2_000)) as hub:
        ear = Ear(hub.job(scene.workspace, fence.job_id)).open()
        await ear.end()
        assert (ear.seqs, hub.counts.dropped) == (list(range(1, 64)), 0)


async def test_bytes_are_bounded_like_frames() -> None:
    counts = listener.Counts()
    one = listener.Listener(None, quick(bytes=100, frames=1_000), counts)
    one.push(b"x" * 500, 1)
    assert counts.dropped == 0, "one page is always taken, or nobody could read it"
    one.push(b"x", 1)
    assert counts.dropped == 1
    assert b"".join([data async for data in one.frames()]).count(b"x") == 0


async def test_a_revoked_key_hears_no_more_and_the_question_is_asked_once_for_all(
    database: Database, scene: Scene
) -> None:
    asked: list[frozenset[Hashable]] = []
    revoked: set[Hashable] = set()

    async def still_allowed(keys: frozenset[Hashable]) -> Collection[Hashable]:
        asked.append(keys)
        return keys - revoked

    id = scene.enqueue()
    async with a_hub(database, quick(check_seconds=0.02), still_allowed) as hub:
        ears = {key: Ear(hub.workspace(scene.workspace, allowed=key)).open() for key in ("a", "b", "c")}
        ears["a job"] = Ear(hub.job(scene.workspace, id, allowed="b")).open()
        ears["nobody's"] = Ear(hub.workspace(scene.workspace)).open()
        await ears["a job"].heard("job.created")
        async with asyncio.timeout(20):
            while frozenset("abc") not in asked:
                await asyncio.sleep(0)
        revoked.add("b")
        for which in ("b", "a job"):
            await ears[which].end()
            assert (ears[which].frames[-1].event, ears[which].frames[-1].data) == ("closed", {"reason": "revoked"})
        scene.again(id)
        for which in ("a", "c", "nobody's"):
            await ears[which].heard("job.started")
        assert ears["b"].of("job.started") == []
        assert (hub.counts.closed, hub.counts.dropped) == (2, 0)


async def test_a_key_that_was_revoked_here_is_asked_for_at_once(database: Database, scene: Scene) -> None:
    async def nobody(_keys: frozenset[Hashable]) -> Collection[Hashable]:
        return []

    async with a_hub(database, quick(check_seconds=1_000.0), nobody) as hub:
        ear = Ear(hub.workspace(scene.workspace, allowed="a")).open()
        await ear.heard("stream.open")
        hub.recheck()
        await ear.end()
        assert ear.frames[-1].data == {"reason": "revoked"}


async def test_while_nobody_can_say_who_may_listen_nothing_is_told_and_nothing_is_lost(
    database: Database, scene: Scene
) -> None:
    away, asked = True, asyncio.Event()

    async def still_allowed(keys: frozenset[Hashable]) -> Collection[Hashable]:
        asked.set()
        if away:
            raise Unavailable("the keys cannot be read")
        return keys

    async with a_hub(database, quick(check_seconds=0.01, trust_seconds=0.05), still_allowed) as hub:
        start = await hub.position()
        ear = Ear(hub.workspace(scene.workspace, cursor=start, allowed="a")).open()
        await ear.until(lambda: hub.listeners == 1)
        await asked.wait()
        while hub._reader.trusted.is_set():
            await asyncio.sleep(0)
        fence = scene.start()
        for _ in range(3):
            asked.clear()
            await asked.wait()
        assert ear.stored == []
        away = False
        await ear.heard("job.started")
        assert ear.seqs == [1, 2]
        scene.complete(fence)
        await ear.heard("job.completed")


async def test_a_silent_stream_says_that_it_lives(database: Database, scene: Scene) -> None:
    async with a_hub(database, quick(keep_alive_seconds=0.02)) as hub:
        ear = Ear(hub.workspace(scene.workspace)).open()
        await ear.until(lambda: True)
        async with asyncio.timeout(20):
            while ear.raw.count(b": keep-alive\n\n") < 3:
                await asyncio.sleep(0)


async def test_at_a_shutdown_all_streams_end_with_a_word(database: Database, scene: Scene) -> None:
    id = scene.enqueue()
    async with a_hub(database) as hub:
        ears = [Ear(hub.workspace(scene.workspace)).open(), Ear(hub.job(scene.workspace, id)).open()]
        await ears[0].heard("stream.open")
        await ears[1].heard("job.created")
        await hub.aclose()
        for ear in ears:
            await ear.end()
            assert (ear.frames[-1].event, ear.frames[-1].data) == ("closed", {"reason": "shutdown"})
        late = Ear(hub.job(scene.workspace, id)).open()
        await late.end()
        assert late.frames[-1].data == {"reason": "shutdown"}
        assert hub.listeners == 0


async def test_too_many_listeners_are_sent_away(database: Database, scene: Scene) -> None:
    async with a_hub(database, quick(listeners=2)) as hub:
        ears = [Ear(hub.workspace(scene.workspace)).open() for _ in range(3)]
        await ears[2].end()
        assert ears[2].frames[-1].data == {"reason": "busy"}
        await ears[0].heard("stream.open")


async def test_a_hint_brings_news_at_once(database: Database, scene: Scene) -> None:
    async with a_hub(database, Limits(poll_seconds=1_000.0), hints=True) as hub:
        ear = Ear(hub.workspace(scene.workspace)).open()
        await ear.heard("stream.open")
        with closing(database.as_admin()) as admin:
            while admin.execute(
                "select from pg_stat_activity where application_name = 'jobtrail-hints' and state = 'idle' "
                "and datname = current_database()"
            ).fetchone() is None:  # fmt: skip
                await asyncio.sleep(0)
        scene.enqueue()
        while not ear.of("job.created"):
            scene.conn.execute("select pg_notify('jobtrail', 'default')")
            await asyncio.wait([asyncio.create_task(asyncio.Event().wait())], timeout=0.05)


@asynccontextmanager
async def own_server() -> AsyncIterator[tuple[Database, embedded.Server]]:
    """A server that only this test uses, and may stop."""
    with a_home() as home:
        server = await asyncio.to_thread(embedded.start, home, settings={"fsync": "off", "shared_buffers": "16MB"})
        with closing(psycopg.connect(server.owner_url, autocommit=True)) as owner:
            migrate.up(owner)
        yield Database("jobtrail", server.app_url, server.owner_url, server.admin_url), server
        embedded.stop_now(server.data_dir.parent)


async def test_a_database_that_goes_away_and_comes_back_costs_no_event(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async with own_server() as (database, server), a_hub(database, quick(keep_alive_seconds=0.05)) as hub:
        with closing(database.connect()) as conn:
            scene = Scene(conn)
            fence = scene.start()
            start = await hub.position()
            ears = [
                Ear(hub.workspace(scene.workspace, cursor=start)).open(),
                Ear(hub.job(scene.workspace, fence.job_id)).open(),
            ]
            scene.do(attempts.progress(fence, 10))
            for ear in ears:
                await ear.heard("job.progress")
        await asyncio.to_thread(embedded.stop_now, server.data_dir.parent)
        begun_meanwhile = Ear(hub.workspace(scene.workspace, cursor=start)).open()
        alive = [ear.raw.count(b"keep-alive") for ear in ears]
        for ear, before in zip(ears, alive, strict=True):
            async with asyncio.timeout(20):
                while ear.raw.count(b"keep-alive") <= before + 3:
                    await asyncio.sleep(0)
        again = await asyncio.to_thread(embedded.start, server.data_dir.parent)
        with closing(psycopg.connect(again.app_url, autocommit=True, options="-c jobtrail.workspace=*")) as conn:
            scene = Scene(conn)
            scene.do(attempts.progress(fence, 20))
            scene.complete(fence)
            await ears[1].end()
            for ear in (ears[0], begun_meanwhile):
                await ear.heard("job.completed")
                assert [place(frame.id or "") for frame in ear.stored] == trail(conn)[-3:]
            assert ears[1].seqs == [1, 2, 3, 4, 5]
        assert not any(ear.of("gap") or ear.of("closed") for ear in (*ears, begun_meanwhile))
