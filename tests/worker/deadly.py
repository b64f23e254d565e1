"""A worker in a process of its own, and a job that ends its worker: `python deadly.py URL FOLDER`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import jobtrail as jt
from jobtrail.store.pool import Dial
from jobtrail.worker.plan import Plan
from jobtrail.worker.worker import Worker

app = jt.App()


@app.job("deadly")
def deadly(how: str) -> None:
    if how == "exit":
        os._exit(9)
    os.kill(os.getpid(), signal.SIGKILL)


@app.job("harmless")
def harmless() -> str:
    return "done"


def main(url: str, folder: str) -> None:
    plan = Plan(slots=1, poll_seconds=0.05, assets_dir=Path(folder, "assets"), work_dir=Path(folder, "work"),
                homes_dir=Path(folder, "homes"))  # fmt: skip
    asyncio.run(Worker(Dial(url=url), app.runners, plan).run())


if __name__ == "__main__":
    main(*sys.argv[1:])
