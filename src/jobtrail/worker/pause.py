"""Waiting for an event, but not for ever."""

from __future__ import annotations

import asyncio


async def until(event: asyncio.Event, seconds: float) -> bool:
    """Waits for `event` at most `seconds`; answers whether it came.

    Not `asyncio.wait_for`: before Python 3.12 that can swallow a cancellation that comes together with the event.
    """
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
