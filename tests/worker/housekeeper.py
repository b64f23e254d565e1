"""A process that keeps house as a worker does, with a lease of half a second: `python housekeeper.py URL ID FOLDER`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from uuid import UUID

from jobtrail.store.pool import Dial
from jobtrail.worker.link import Link
from jobtrail.worker.plan import Plan
from jobtrail.worker.upkeep import house


async def keep(url: str, id: str, folder: str) -> None:
    house.LEASE_SECONDS = 0.5
    plan = Plan(assets_dir=Path(folder, "assets"))
    await house.keep(Link(Dial(url=url)), UUID(id), plan, lambda _: None, asyncio.Event(), lambda: 0.0)


if __name__ == "__main__":
    asyncio.run(keep(*sys.argv[1:]))
