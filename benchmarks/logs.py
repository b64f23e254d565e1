"""Fills a job's log with a million lines and tells how long a server takes to open it, to jump in it and to search it.

.venv/bin/python benchmarks/logs.py [--lines 1000000] [--together 500] [--rounds 20] [--home FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx2

from jobtrail.core.config import Config
from jobtrail.core.fairness import Turn
from jobtrail.core.fence import Fence
from jobtrail.core.model import Actor
from jobtrail.core.status import ActorType, LogLevel, LogSource
from jobtrail.runners.protocol import LogLine
from jobtrail.service import attempts, jobs, logs, workers
from jobtrail.store import embedded, migrate
from jobtrail.store.db import ALL, Connection, Scope, run
from jobtrail.store.identity import new_id
from jobtrail.store.pool import Dial, connect
from jobtrail.web.runtime import Service
from jobtrail.web.server import Server
from jobtrail.worker.journal import CHUNK_BYTES, Book, chunks_of, written

HOST = "127.0.0.1"
WORKSPACE = UUID("00000000-0000-7000-8000-000000000001")
ME = Actor(ActorType.USER, "benchmark")
EVERYTHING = Scope(ALL, standing=True)
NEEDLE = "psnr below target"
TRACEBACK = "Traceback (most recent call last):\n" + "\n".join(f'  File "a.py", line {n}' for n in range(12))


@dataclass(frozen=True, slots=True)
class Sample:
    """What is asked, and in which form of words."""

    name: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)


def main() -> None:
    """Measures, and prints what it saw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--together", type=int, default=500, help="lines that are written at once")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--home", type=Path, help="a folder to keep the database in, for another look")
    parser.add_argument("--serve", nargs=3, metavar=("URL", "PORT", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(*asked.serve)
        return
    with tempfile.TemporaryDirectory(prefix="jobtrail-logs-") as name:
        os.chmod(name, 0o755)  # noqa: S103  (the server's account passes; what is in it is 0700)
        with embedded.running(asked.home or Path(name) / "home") as server:
            with connect(Dial(url=server.owner_url)) as conn:
                migrate.up(conn)
            with closing(connect(Dial(url=server.app_url, workspace=ALL))) as conn:
                job_id = filled(conn, asked.lines, asked.together)
            with closing(connect(Dial(url=server.owner_url, workspace=ALL))) as conn:
                conn.execute("analyze")
            measure(server.app_url, Path(name), job_id, asked.lines, asked.rounds)


def filled(conn: Connection, lines: int, together: int) -> UUID:
    """A job that runs, with a log of so many lines; the one of an earlier look, where there is one."""
    key = f"log of {lines} by {together}"
    new = jobs.NewJob(id=new_id(), input=b"{}", unique_key=key, options=jobs.Options(type="demo", queue=key))
    (job_id,) = run(conn, jobs.enqueue(WORKSPACE, [new], ME), EVERYTHING).ids
    if run(conn, logs.next_line(WORKSPACE, job_id), EVERYTHING) > lines:
        return job_id
    worker = uuid4()
    described = workers.NewWorker(
        id=worker, name="w", host="h", host_id="boot", process_id=1, process_started=0.0, lock_key=0,
        lease_seconds=86_400, slots=1, version="0", queues=(key,), types=("demo",), workspace_id=None,
    )  # fmt: skip
    run(conn, workers.register(described), EVERYTHING)
    stamp = f"{time.time_ns() // 1_000_000:012x}7"
    taker = attempts.Taker(worker, key, ["demo"], stamp, os.urandom(16).hex())
    (claimed,) = run(conn, attempts.claim(taker, 1, [Turn(WORKSPACE, 1)]), EVERYTHING)
    write(conn, Fence(WORKSPACE, job_id, claimed.attempt_id, worker), lines, together)
    return job_id


def write(conn: Connection, fence: Fence, lines: int, together: int) -> None:
    """Lines as a transcoder would print them, a warning and an error here and there, one line that nothing else is like."""
    book, begun, waiting = Book(fence), time.perf_counter(), []
    start = datetime.now(UTC) - timedelta(seconds=lines / 100)
    size = 0
    for number, line in enumerate(said(lines), 1):
        row = written(line, None, lambda text: text, start + timedelta(milliseconds=number * 10))
        waiting.append(row)
        size += len(row[3])
        if len(waiting) == together or size > CHUNK_BYTES or number == lines:
            run(conn, logs.append(chunks_of(book, waiting)), EVERYTHING)
            waiting, size = [], 0
    print(f"{lines} lines written in {time.perf_counter() - begun:.0f} s")


def said(lines: int) -> Iterator[LogLine]:
    """The lines themselves; the same ones every time."""
    chance = random.Random(7)
    for n in range(1, lines + 1):
        if n % 50_000 == 49_999:
            yield LogLine(TRACEBACK, LogLevel.ERROR, LogSource.STDERR)
        elif n == lines // 3:
            yield LogLine("the needle in this hay", LogLevel.INFO, LogSource.STDOUT)
        elif n % 1_000 == 7:
            yield LogLine(f"{NEEDLE} psnr={chance.random() * 40:.2f}", LogLevel.WARN, LogSource.STDERR)
        else:
            text = f"frame={n:>8} fps={chance.randrange(30, 90)} q={chance.random() * 30:.1f} size={n * 3}kB"
            yield LogLine(f"\x1b[32m{text}\x1b[0m time={n / 25:.2f}s", LogLevel.INFO, LogSource.STDOUT)


def serve(url: str, port: str, folder: str) -> None:
    """The server, in a process of its own."""
    config = Config(port=int(port), home=Path(folder), assets_dir=Path(folder, "files"))
    Server(Service(url=url, config=config, local=True)).run()


def measure(url: str, folder: Path, job_id: UUID, lines: int, rounds: int) -> None:
    """Each question so many times; the median and the longest."""
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, __file__, "--serve", url, str(port), str(folder)])
    try:
        with httpx2.Client(base_url=f"http://{HOST}:{port}", timeout=60) as client:
            wait_for(client)
            for sample in samples(job_id, lines):
                times = [timed(client, sample) for _ in range(rounds)]
                print(f"{sample.name:<48} p50 {statistics.median(times):7.1f} ms   max {max(times):7.1f} ms")
    finally:
        server.terminate()
        server.wait()


def samples(job_id: UUID, lines: int) -> Iterator[Sample]:
    """What somebody does who reads a log."""
    page, alone = f"/w/{WORKSPACE}/jobs/{job_id}/logs", {"Jobtrail-Region": "lines"}
    yield Sample("page: opens at the tail", page)
    yield Sample("page: opens at a line in the middle", f"{page}?line={lines // 2}")
    yield Sample("page: jumps to the middle", f"{page}?first={lines // 2}", alone)
    yield Sample("page: jumps to the end", f"{page}?before={2**53}", alone)
    yield Sample("page: the errors", f"{page}?level=ERROR", alone)
    log = f"/api/v1/jobs/{job_id}/logs"
    yield Sample("API: the last 200 lines", f"{log}?tail=200")
    yield Sample("API: around the middle", f"{log}?around={lines // 2}&limit=200")
    yield Sample("API: from the middle", f"{log}?from_line={lines // 2}")
    yield Sample("API: search, one match", f"{log}/search?text=needle+in+this+hay")
    yield Sample(f"API: search, a match in each {1_000} lines", f"{log}/search?text=PSNR+below")
    yield Sample("API: search, all lines match", f"{log}/search?text=frame")
    yield Sample("API: search, no match", f"{log}/search?text=nothing+of+the+kind")
    yield Sample("API: the errors", f"{log}/search?level=ERROR,FATAL")


def timed(client: httpx2.Client, sample: Sample) -> float:
    """Milliseconds that an answer takes."""
    begun = time.perf_counter()
    answer = client.get(sample.path, headers=sample.headers)
    answer.raise_for_status()
    return (time.perf_counter() - begun) * 1e3


def wait_for(client: httpx2.Client) -> None:
    """Until the server answers."""
    for _ in range(600):
        try:
            json.loads(client.get("/health").content)
            return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    main()
