"""What many ask for at once is read once, for a while; what failed is asked for anew."""

from __future__ import annotations

import asyncio
import gc

import pytest

from jobtrail.web.shared import Shared


async def test_who_asks_at_the_same_time_gets_one_answer() -> None:
    asked = 0
    go = asyncio.Event()

    async def read() -> int:
        nonlocal asked
        asked += 1
        await go.wait()
        return asked

    shared = Shared()
    waiting = [asyncio.ensure_future(shared.get("key", 60, read)) for _ in range(10)]
    await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*waiting) == [1] * 10
    assert await shared.get("key", 60, read) == 1
    assert await shared.get("another", 60, read) == 2


async def test_an_old_answer_is_read_anew() -> None:
    answers = iter(range(10))

    async def read() -> int:
        return next(answers)

    shared = Shared()
    assert await shared.get("key", -1, read) == 0
    assert await shared.get("key", -1, read) == 1


async def test_a_failure_is_told_to_all_who_wait_and_not_kept() -> None:
    go = asyncio.Event()

    async def broken() -> int:
        await go.wait()
        raise ValueError("away")

    async def well() -> int:
        return 7

    shared = Shared()
    waiting = [asyncio.ensure_future(shared.get("key", 60, broken)) for _ in range(3)]
    await asyncio.sleep(0)
    go.set()
    for one in waiting:
        with pytest.raises(ValueError, match="away"):
            await one
    assert await shared.get("key", 60, well) == 7


async def test_whoever_leaves_does_not_take_the_answer_from_the_others() -> None:
    go = asyncio.Event()

    async def read() -> int:
        await go.wait()
        return 1

    shared = Shared()
    first = asyncio.ensure_future(shared.get("key", 60, read))
    second = asyncio.ensure_future(shared.get("key", 60, read))
    await asyncio.sleep(0)
    first.cancel()
    go.set()
    assert await second == 1


async def test_an_answer_whose_time_is_over_takes_no_room() -> None:
    async def read() -> bytes:
        return bytes(1_000)

    shared = Shared()
    for number in range(100):
        await shared.get(number, 0, read)
    gone = asyncio.Event()
    asyncio.get_running_loop().call_later(0, gone.set)
    await gone.wait()
    await asyncio.sleep(0)
    assert not shared._answers


async def test_a_failure_that_nobody_waited_for_is_no_complaint() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, said: complaints.append(said))
    go = asyncio.Event()

    async def broken() -> int:
        await go.wait()
        raise RuntimeError("away")

    shared = Shared()
    waiting = asyncio.ensure_future(shared.get("key", 60, broken))
    await asyncio.sleep(0)
    shared.forget("key")
    waiting.cancel()
    go.set()
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()
    assert complaints == []
