"""A worker in a process of its own, for jobs that share a limit: `python limited.py URL FOLDER`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import jobtrail as jt
from jobtrail.store.pool import Dial
from jobtrail.worker.plan import Plan
from jobtrail.worker.worker import Worker

LEASE_SECONDS = 3.0

app = jt.App()


@app.job("held", retry=jt.Retry(max_attempts=5))
async def held() -> None:
    await asyncio.sleep(0.05)


def main(url: str, folder: str) -> None:
    plan = Plan(slots=6, poll_seconds=0.2, lease_seconds=LEASE_SECONDS, beat_seconds=0.5, assets_dir=Path(folder, "assets"),
                work_dir=Path(folder, "work"), homes_dir=Path(folder, "homes"))  # fmt: skip
    asyncio.run(Worker(Dial(url=url), app.runners, plan).run(handle_signals=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
