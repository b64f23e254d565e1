"""A worker in a process of its own that dispatches and delivers: `python postman.py URL FOLDER`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from jobtrail.core.webhooks import QUEUE
from jobtrail.outgoing.guard import rules
from jobtrail.runners import registry
from jobtrail.store.pool import Dial
from jobtrail.worker.plan import Plan
from jobtrail.worker.worker import Worker


def main(url: str, folder: str) -> None:
    plan = Plan(
        queues=(QUEUE,), slots=2, poll_seconds=0.05, lease_seconds=3.0, beat_seconds=0.5, outgoing=rules(["127.0.0.1"]),
        assets_dir=Path(folder, "assets"), work_dir=Path(folder, "work"), homes_dir=Path(folder, "homes"),
    )  # fmt: skip
    asyncio.run(Worker(Dial(url=url), registry.load(), plan).run())


if __name__ == "__main__":
    main(*sys.argv[1:])
