"""Who gives up while a connection is made leaves none behind: the server would wait for it for a minute."""

from __future__ import annotations

import asyncio
import gc
import os
from pathlib import Path

from database import Database

from jobtrail.store.pool import Dial, aconnect


def sockets() -> int:
    """How many sockets this process has open."""
    found = 0
    for each in Path("/proc/self/fd").iterdir():
        try:
            found += os.readlink(each).startswith("socket:")
        except FileNotFoundError:
            continue
    return found


async def test_a_cancelled_connect_leaves_no_connection_half_open(database: Database) -> None:
    before = sockets()
    gc.disable()  # nothing else may come to its help
    try:
        for turns in range(12):
            connecting = asyncio.ensure_future(aconnect(Dial(url=database.app_url)))
            for _ in range(turns):
                await asyncio.sleep(0)
            connecting.cancel()
            await asyncio.wait([connecting])
            if not connecting.cancelled():
                await connecting.result().close()
        async with asyncio.timeout(30):
            while sockets() > before:
                await asyncio.sleep(0.01)
    finally:
        gc.enable()
