"""What many tabs ask for is read anew after a change that was made here."""

from __future__ import annotations

import asyncio

from jobtrail.web.shared import Shared


class Source:
    """Counts how often it is read; each read ends when the test says so, or at once."""

    def __init__(self) -> None:
        self.reads = 0
        self.open = asyncio.Event()
        self.open.set()

    async def read(self) -> int:
        self.reads += 1
        mine = self.reads
        await self.open.wait()
        return mine


async def test_what_is_forgotten_is_read_anew() -> None:
    shared, source = Shared(), Source()
    assert await shared.get("k", 60, source.read) == 1
    shared.forget("k", "never asked for")
    assert await shared.get("k", 60, source.read) == 2


async def test_what_was_being_read_when_something_changed_is_not_kept() -> None:
    shared, source = Shared(), Source()
    source.open.clear()
    early = asyncio.ensure_future(shared.get("k", 60, source.read))
    while not source.reads:
        await asyncio.sleep(0)
    shared.forget("k")
    late = asyncio.ensure_future(shared.get("k", 60, source.read))
    while source.reads < 2:
        await asyncio.sleep(0)
    source.open.set()
    assert (await early, await late) == (1, 2)
    assert await shared.get("k", 60, source.read) == 2
