"""Ours beside PGQueuer, the fastest Python peer, which keeps no history: interleaved rounds on one server.

.venv/bin/python benchmarks/peer.py [--jobs 20000] [--rounds 3] [-o json]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import psycopg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries

from jobtrail.cli.bench import Bench
from jobtrail.store import embedded, migrate
from jobtrail.store.pool import Dial, connect

PAYLOAD = b'{"n":12345}'
CHUNK = 1_000


class Peer:
    """PGQueuer with the best of its documented knobs (batch_size 500), on a database of its own."""

    def __init__(self, url: str, jobs: int) -> None:
        self.url, self.jobs = url, jobs

    def single(self) -> float:
        """Jobs enqueued one by one, per second."""
        return asyncio.run(self._single(min(2_000, self.jobs // 10)))

    def bulk(self) -> float:
        """Jobs enqueued by the thousand, per second."""
        return asyncio.run(self._bulk())

    def drain(self, processes: int) -> float:
        """Jobs run per second, from the first start to the last end."""
        asyncio.run(self._bulk())
        argv = [sys.executable, __file__, "--drain", self.url, "--jobs", str(self.jobs)]
        children = [subprocess.Popen(argv) for _ in range(processes)]
        seconds = asyncio.run(self._until_empty())
        for child in children:
            child.terminate()
        for child in children:
            child.wait()
        return self.jobs / seconds

    async def _queries(self) -> Queries:
        return Queries(AsyncpgDriver(await asyncpg.connect(self.url)))

    async def reset(self) -> None:
        """Installs its tables anew."""
        queries = await self._queries()
        with contextlib.suppress(asyncpg.PostgresError):  # the first time there is nothing to remove
            await queries.uninstall()
        await queries.install()

    async def _single(self, count: int) -> float:
        await self.reset()
        queries = await self._queries()
        began = time.perf_counter()
        for _ in range(count):
            await queries.enqueue(["noop"], [PAYLOAD], [0])
        return count / (time.perf_counter() - began)

    async def _bulk(self) -> float:
        await self.reset()
        queries = await self._queries()
        began = time.perf_counter()
        for _ in range(self.jobs // CHUNK):
            await queries.enqueue(["noop"] * CHUNK, [PAYLOAD] * CHUNK, [0] * CHUNK)
        return self.jobs / (time.perf_counter() - began)

    async def _until_empty(self) -> float:
        conn = await asyncpg.connect(self.url)
        began = None
        while True:
            left = await conn.fetchval("select count(*) from pgqueuer")
            if began is None and left < self.jobs:
                began = time.perf_counter()
            if left == 0 and began is not None:
                return time.perf_counter() - began
            await asyncio.sleep(0.005)


async def drain(url: str) -> None:
    """A worker process of the peer."""
    queue = PgQueuer(AsyncpgDriver(await asyncpg.connect(url)))

    @queue.entrypoint("noop")
    async def noop(job: object) -> None:
        """Nothing."""

    await queue.run(batch_size=500)


def main() -> None:
    """Measures and prints the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--drain", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("-o", dest="output", choices=("table", "json"), default="table")
    asked = parser.parse_args()
    if asked.drain:
        uvloop.run(drain(asked.drain))
        return
    with tempfile.TemporaryDirectory(prefix="jobtrail-peer-") as name:
        os.chmod(name, 0o755)  # noqa: S103  (the server's account passes; what is in it is 0700)
        with embedded.running(Path(name) / "home") as server:
            with connect(Dial(url=server.owner_url)) as conn:
                migrate.up(conn)
            with psycopg.connect(server.admin_url, autocommit=True) as admin:
                admin.execute("create database peer owner jobtrail_owner")
            peer = Peer(server.owner_url.replace("/jobtrail?", "/peer?"), asked.jobs)
            ours = Bench(server.app_url, Path(name), asked.jobs, lambda _: None)
            report(measured(ours, peer, asked.rounds), asked.output)
            ours.close()


def measured(ours: Bench, peer: Peer, rounds: int) -> dict[str, dict[str, float]]:
    """Each thing `rounds` times, theirs and ours in turn."""
    plans: list[tuple[str, Callable[[], float], Callable[[], float]]] = [
        ("enqueue one by one", peer.single, ours.single),
        ("enqueue in bulk", peer.bulk, ours.bulk),
        ("drain, 1 process", lambda: peer.drain(1), lambda: ours.drain(1)),
        ("drain, 3 processes", lambda: peer.drain(3), lambda: ours.drain(3)),
    ]
    found = {}
    for what, of_peer, of_ours in plans:
        pairs = [(of_peer(), of_ours()) for _ in range(rounds)]
        theirs, mine = (statistics.median(side) for side in zip(*pairs, strict=True))
        found[what] = {"ours": mine, "pgqueuer": theirs, "ratio": mine / theirs}
        print(
            f"{what:22} {mine:>10,.0f} jobs/s   pgqueuer {theirs:>10,.0f}   ratio {mine / theirs:.2f}", file=sys.stderr
        )
    return found


def report(found: dict[str, dict[str, float]], output: str) -> None:
    """The figures on stdout, for programs."""
    if output == "json":
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
