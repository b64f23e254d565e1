"""How fast jobs come in over HTTP: grouped commits beside one commit a request and beside no database, in one run.

.venv/bin/python benchmarks/enqueues.py [--seconds 4] [--rounds 3] [--together 64] [--jobs 0]
With --jobs 1000000 it also asks lists and details among so many jobs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobtrail.client import DEFAULT_WORKSPACE
from jobtrail.core.config import Config
from jobtrail.core.model import Actor
from jobtrail.core.status import ActorType
from jobtrail.service import jobs
from jobtrail.service.jobs import NewJob, Options
from jobtrail.store import embedded, migrate
from jobtrail.store.db import ALL, Scope, run
from jobtrail.store.identity import new_id
from jobtrail.store.pool import Dial, connect
from jobtrail.web.runtime import Service
from jobtrail.web.server import Server

HOST = "127.0.0.1"
BODY = json.dumps({"type": "bench", "input": {"customer": "c42", "since": "2026-01-01", "pages": [1, 2, 3]}}).encode()
POST = (
    b"POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: " + str(len(BODY)).encode() + b"\r\n\r\n" + BODY
)
LISTS = ("", "?status=QUEUED", "?status=FAILED", "?type=b", "?q=type:b+priority>5", "?tag=blue")


def get(path: str) -> bytes:
    """A GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def main() -> None:
    """Measures, and prints what it saw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--together", type=int, default=64)
    parser.add_argument("--jobs", type=int, default=0)
    parser.add_argument("--serve", nargs=4, metavar=("URL", "PORT", "FOLDER", "AT_ONCE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        url, port, folder, at_once = asked.serve
        config = Config(port=int(port), home=Path(folder), key_requests_per_second=0, workspace_requests_per_second=0)
        Server(Service(url=url, config=config, local=True, enqueues_at_once=int(at_once))).run()
        return
    with tempfile.TemporaryDirectory(prefix="jobtrail-http-") as name:
        os.chmod(name, 0o755)  # noqa: S103  (the server's account passes; what is in it is 0700)
        with embedded.running(Path(name) / "home") as server:
            with connect(Dial(url=server.owner_url)) as conn:
                migrate.up(conn)
            enqueues(server.app_url, Path(name), asked)
            if asked.jobs:
                looks(server.app_url, Path(name), asked.jobs, asked.seconds)


def enqueues(url: str, folder: Path, asked: argparse.Namespace) -> None:
    """Three servers in turn, round by round."""
    ways = {"no database": (get("/health"), 200), "one commit each": (POST, 1), "grouped": (POST, 200)}
    seen: dict[str, list[tuple[float, float, float]]] = {way: [] for way in ways}
    for _ in range(asked.rounds):
        for way, (request, at_once) in ways.items():
            with serving(url, folder, at_once) as port:
                seen[way].append(asyncio.run(load(port, request, asked.together, asked.seconds)))
    print(f"POST /api/v1/jobs, {asked.together} connections, medians of {asked.rounds} rounds")
    for way, found in seen.items():
        rate, p50, p99 = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"  {way:16} {rate:8.0f} a second   p50 {p50:6.1f} ms   p99 {p99:6.1f} ms")
    rates = {way: statistics.median(one[0] for one in found) for way, found in seen.items()}
    print(f"  grouped / one commit each {rates['grouped'] / rates['one commit each']:.2f}")
    print(f"  grouped / no database     {rates['grouped'] / rates['no database']:.2f}")


def looks(url: str, folder: Path, count: int, seconds: float) -> None:
    """Lists and details among many jobs, one request after the other on 4 connections."""
    some = fill(url, count)
    with serving(url, folder, 200) as port:
        print(f"among {count} jobs, 4 connections")
        paths = [f"/api/v1/jobs{query}" for query in LISTS] + [f"/api/v1/jobs/{some}"]
        for path in paths:
            rate, p50, p99 = asyncio.run(load(port, get(path), 4, seconds))
            print(f"  {path.replace(some, '{id}'):40} {rate:8.0f} a second   p50 {p50:6.1f} ms   p99 {p99:6.1f} ms")


def fill(url: str, count: int) -> str:
    """Makes jobs of some types, a tenth of them cancelled; answers the id of one."""
    actor = Actor(ActorType.USER, "bench")
    kinds = [Options(type="abc"[n % 3], priority=1 + n % 10, tags=("blue",) if n % 7 == 0 else ()) for n in range(210)]
    job_id = new_id()
    with connect(Dial(url=url)) as conn:
        scope = Scope(ALL, standing=True)
        for begin in range(0, count, 10_000):
            wanted = [NewJob(new_id(), BODY, kinds[(begin // 48 + n // 48) % 210]) for n in range(10_000)]
            run(conn, jobs.enqueue(DEFAULT_WORKSPACE, wanted, actor), scope)
            for one in wanted[::100]:
                run(conn, jobs.cancel(DEFAULT_WORKSPACE, one.id, actor), scope)
            job_id = wanted[5_000].id
        conn.execute("analyze")
    return str(job_id)


@contextmanager
def serving(url: str, folder: Path, at_once: int) -> Iterator[int]:
    """A server in a process of its own; the port that it listens on."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    argv = [sys.executable, __file__, "--serve", url, str(port), str(folder), str(at_once)]
    with subprocess.Popen(argv) as process:
        try:
            while True:
                try:
                    socket.create_connection((HOST, port), 1).close()
                    break
                except ConnectionRefusedError:
                    time.sleep(0.02)
            yield port
        finally:
            process.terminate()


async def load(port: int, request: bytes, together: int, seconds: float) -> tuple[float, float, float]:
    """Requests a second, and the median and 99th percentile of their times in ms, after half a second of warming up."""
    times: list[float] = []
    begin = time.perf_counter() + 0.5
    end = begin + seconds

    async def one() -> None:
        reader, writer = await asyncio.open_connection(HOST, port)
        while (sent := time.perf_counter()) < end:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            if not head.startswith(b"HTTP/1.1 2"):
                raise RuntimeError(head.decode())
            if sent >= begin:
                times.append((time.perf_counter() - sent) * 1_000)
        writer.close()

    await asyncio.gather(*(one() for _ in range(together)))
    cuts: list[Any] = statistics.quantiles(times, n=100)
    return len(times) / seconds, cuts[49], cuts[98]


if __name__ == "__main__":
    main()
