"""A worker process of the benchmark: runs no-op jobs, and tells over a datagram socket when one started."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import sys
import time
from pathlib import Path

import jobtrail
from jobtrail.client import DEFAULT_WORKSPACE
from jobtrail.store import limit
from jobtrail.store.pool import Dial
from jobtrail.worker.plan import Plan
from jobtrail.worker.worker import Worker

app = jobtrail.App()


@app.job("noop", queue="bench")
async def noop(n: int) -> None:
    """Nothing."""


@app.job("tick", queue="bench")
async def tick(n: int) -> None:
    """Tells when it started."""
    _tell(f"{n}")


@functools.cache
def _told() -> socket.socket:
    """Made when it is first asked for: the module is imported by processes that tell nobody."""
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)


def _tell(text: str) -> None:
    _told().send(f"{text} {time.monotonic_ns()}".encode())


def main(url: str, what: str, told: str, folder: str) -> None:
    """Runs as `worker`, `limit-drain` or `limit-pick-up`."""
    if told:
        _told().connect(told)
    dial = Dial(url=url, hot=True)
    if what == "limit-drain":
        _tell("ready")
        limit.drain(dial, DEFAULT_WORKSPACE, "bench", "noop")
    elif what == "limit-pick-up":
        limit.pick_up(dial, DEFAULT_WORKSPACE, "bench", "tick", lambda input: _tell(_number(input)), sys.maxsize)
    else:
        with contextlib.suppress(ImportError):
            import uvloop

            uvloop.install()
        asyncio.run(_work(url, Path(folder)))


async def _work(url: str, folder: Path) -> None:
    plan = Plan(queues=("bench",), slots=400, assets_dir=folder, work_dir=folder, homes_dir=folder)
    worker = Worker(Dial(url=url), app.runners, plan)
    running = asyncio.create_task(worker.run(handle_signals=True))
    await worker.ready.wait()
    _tell("ready")
    await running


def _number(input: str) -> str:
    return "".join(c for c in input if c.isdigit()) or input


if __name__ == "__main__":
    main(*sys.argv[1:])
