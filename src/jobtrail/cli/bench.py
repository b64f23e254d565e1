"""`jobtrail bench`: what this machine does with jobs that do nothing, beside the limit in the same run."""

from __future__ import annotations

import contextlib
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psutil

from jobtrail.cli import bench_worker, show
from jobtrail.cli.flags import NO_FLAGS, Flags
from jobtrail.client import DEFAULT_WORKSPACE, Client
from jobtrail.core.errors import JobtrailError
from jobtrail.core.model import Actor
from jobtrail.core.status import ActorType
from jobtrail.service import jobs
from jobtrail.store import embedded, limit, migrate
from jobtrail.store.pool import Dial, connect

_ACTOR: Final = Actor(ActorType.USER, "bench")
_CHUNK: Final = 1_000


@dataclass(frozen=True, slots=True)
class Figure:
    """A median over interleaved rounds, beside the limit; `ratio` above 1 is better than the limit."""

    what: str
    unit: str
    ours: float
    limit: float
    ratio: float
    rounds: list[float]
    limit_rounds: list[float]


def measure(*, number: int = 20_000, rounds: int = 3, say: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Runs all measurements on a throw-away embedded database with default durability (fsync on)."""
    with tempfile.TemporaryDirectory(prefix="jobtrail-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103  (as root the server runs as another user; what is in it is 0700)
        with embedded.running(Path(folder) / "home") as server:
            with connect(Dial(url=server.owner_url)) as conn:
                migrate.up(conn)
            bench = Bench(server.app_url, Path(folder), number, say)
            return {
                "machine": {
                    "cpus": os.cpu_count(),
                    "python": platform.python_version(),
                    "platform": platform.platform(),
                    "postgres": ".".join(str(part) for part in server.version),
                    "jobs": number,
                    "rounds": rounds,
                },
                "figures": [asdict(figure) for figure in bench.all(rounds)],
                "worker_memory_mb": bench.memory_mb,
            }


class Bench:
    """The measurements of one run."""

    def __init__(self, url: str, folder: Path, number: int, say: Callable[[str], None]) -> None:
        self._url, self._folder, self._number, self._say = url, folder, number, say
        self._client = Client(url, actor=_ACTOR)
        self._dial = Dial(url=url, hot=True)
        self.memory_mb = 0.0

    def all(self, rounds: int) -> list[Figure]:
        """Each thing `rounds` times, the limit and ours in turn."""
        plans: list[tuple[str, str, bool, Callable[[], float], Callable[[], float]]] = [
            ("enqueue one by one", "jobs/s", True, self._limit_single, self.single),
            ("enqueue in bulk", "jobs/s", True, self._limit_bulk, self.bulk),
            ("drain, 1 process", "jobs/s", True, lambda: self._limit_drain(1), lambda: self.drain(1)),
            ("drain, 3 processes", "jobs/s", True, lambda: self._limit_drain(3), lambda: self.drain(3)),
        ]
        figures = []
        for what, unit, more_is_better, of_limit, of_ours in plans:
            pairs = [(of_limit(), of_ours()) for _ in range(rounds)]
            figures.append(
                _figure(what, unit, [b for _, b in pairs], [a for a, _ in pairs], more_is_better=more_is_better)
            )
            self._say(_line(figures[-1]))
        ticks = [(self._pick_up("limit-pick-up"), self._pick_up("worker")) for _ in range(rounds)]
        for percent in (50, 99):
            theirs, ours = ([_percentile(part, percent) for part in side] for side in zip(*ticks, strict=True))
            figures.append(_figure(f"idle pick-up p{percent}", "ms", ours, theirs, more_is_better=False))
            self._say(_line(figures[-1]))
        self.close()
        return figures

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def single(self) -> float:
        """Jobs enqueued one by one, per second."""
        count = min(2_000, self._number // 10)
        new = [bench_worker.noop.new(n) for n in range(count)]
        self._client.enqueue_all(new[:1])
        began = time.perf_counter()
        for job in new[1:]:
            self._client.enqueue_all([job])
        return self._emptied((count - 1) / (time.perf_counter() - began))

    def _limit_single(self) -> float:
        count = min(2_000, self._number // 10)
        queries = [jobs.alike(DEFAULT_WORKSPACE, [bench_worker.noop.new(n)], _ACTOR) for n in range(count)]
        return self._emptied(count / limit.enqueue(self._dial, queries))

    def bulk(self) -> float:
        """Jobs enqueued by the thousand, per second."""
        began = time.perf_counter()
        for at in range(0, self._number, _CHUNK):
            self._client.enqueue_all([bench_worker.noop.new(n) for n in range(at, at + _CHUNK)])
        return self._emptied(self._number / (time.perf_counter() - began))

    def _limit_bulk(self) -> float:
        queries = [
            jobs.alike(DEFAULT_WORKSPACE, [bench_worker.noop.new(n) for n in range(_CHUNK)], _ACTOR)
            for _ in range(self._number // _CHUNK)
        ]
        return self._emptied(self._number / limit.enqueue(self._dial, queries))

    def _emptied(self, figure: float) -> float:
        """Ends the jobs that were only enqueued, so that the next measurement starts from nothing."""
        limit.drain(self._dial, DEFAULT_WORKSPACE, "bench", "noop")
        return figure

    def drain(self, processes: int) -> float:
        """Jobs run per second, from the first start to the last end."""
        return self._drained("worker", processes)

    def _limit_drain(self, processes: int) -> float:
        return self._drained("limit-drain", processes)

    def _drained(self, what: str, processes: int) -> float:
        """Jobs per second from the first start to the last end, by the database's clock."""
        self._client.pause("bench", "measuring")
        ids: list[UUID] = []
        for at in range(0, self._number, _CHUNK):
            ids += self._client.enqueue_all([bench_worker.noop.new(n) for n in range(at, at + _CHUNK)]).ids
        if what == "limit-drain":
            self._client.resume("bench")
        with self._listening() as (told, path), self._processes(what, processes, path) as children:
            for _ in range(processes):
                _receive(told)
            if what != "limit-drain":
                self._client.resume("bench")
            self._await_empty()
            if what == "worker":
                self.memory_mb = max(
                    self.memory_mb, *(psutil.Process(c.pid).memory_info().rss / 2**20 for c in children)
                )
        seconds = self._client.run(jobs.span(DEFAULT_WORKSPACE, ids))
        return self._number / seconds if seconds else 0.0

    def _pick_up(self, what: str) -> list[float]:
        """Milliseconds from the commit of a job to the start of its code, on an idle queue."""
        took = []
        with self._listening() as (told, path), self._processes(what, 1, path):
            _receive(told)
            time.sleep(0.3)  # lets the process settle into waiting: idle is what is measured
            for n in range(60):
                self._client.enqueue_all([bench_worker.tick.new(n)])
                committed = time.monotonic_ns()
                number, started = _receive(told)
                if n >= 10 and int(number) == n:
                    took.append(max(started - committed, 0) / 1e6)
                time.sleep(0.11)  # beyond the 100 ms in which hints are coalesced
        return took

    def _await_empty(self) -> None:
        while any(queue.queue == "bench" and queue.depth for queue in self._client.queues()):
            time.sleep(0.02)
        time.sleep(0.2)

    @contextlib.contextmanager
    def _listening(self) -> Iterator[tuple[socket.socket, str]]:
        path = str(self._folder / f"told-{time.monotonic_ns()}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.bind(path)
            told.settimeout(30.0)
            yield told, path

    @contextlib.contextmanager
    def _processes(self, what: str, count: int, told: str) -> Iterator[list[subprocess.Popen[bytes]]]:
        argv = [sys.executable, "-m", "jobtrail.cli.bench_worker", self._url, what, told, str(self._folder / "files")]
        children = [subprocess.Popen(argv) for _ in range(count)]
        try:
            yield children
        finally:
            for child in children:
                child.terminate()
            for child in children:
                child.wait()


def _receive(told: socket.socket) -> tuple[str, int]:
    try:
        name, at = told.recv(256).decode().rsplit(" ", 1)
    except TimeoutError:
        raise JobtrailError("a process of the benchmark did not answer within 30 s") from None
    return name, int(at)


def _figure(what: str, unit: str, ours: list[float], theirs: list[float], *, more_is_better: bool) -> Figure:
    a, b = statistics.median(ours), statistics.median(theirs)
    ratio = (a / b if more_is_better else b / a) if a and b else 0.0
    return Figure(what, unit, round(a, 3), round(b, 3), round(ratio, 3), ours, theirs)


def _percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(len(ordered) * percent / 100))] if ordered else 0.0


def _line(figure: Figure) -> str:
    return f"{figure.what:22} {figure.ours:>12,.2f} {figure.unit:7} limit {figure.limit:>12,.2f}   ratio {figure.ratio:.2f}"


def bench(*, number: int = 20_000, rounds: int = 3, flags: Flags = NO_FLAGS) -> int:
    """Measures enqueue, drain and pick-up of jobs that do nothing, beside the limit: the same statements in a bare loop.

    Parameters
    ----------
    number: int
        How many jobs each bulk and drain round takes.
    rounds: int
        How many interleaved rounds; the medians are shown.
    """
    report = measure(number=number, rounds=rounds, say=lambda line: print(line, file=sys.stderr, flush=True))
    show.thing(report, lambda: [(figure["what"], figure["ratio"]) for figure in report["figures"]], flags)
    return 0
