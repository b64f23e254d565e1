"""Where the dashboard is measured: the service in a process of its own, its pages, a browser, and figures beside targets."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from dashboard_month import BROAD
from lists import OURS
from playwright.sync_api import BrowserContext, sync_playwright

from jobtrail.core.config import Config
from jobtrail.store import embedded
from jobtrail.store.pool import Dial, connect
from jobtrail.web.runtime import Service
from jobtrail.web.server import Server

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


@dataclass
class Told:
    """A figure beside what it should be."""

    rows: list[tuple[str, str, str, bool]]

    def add(self, what: str, value: float, unit: str, most: float | None = None, least: float | None = None) -> None:
        """One more, said at once."""
        fits = (most is None or value <= most) and (least is None or value >= least)
        target = f"<= {most:g}" if most is not None else f">= {least:g}" if least is not None else ""
        self.rows.append((what, f"{value:.3g} {unit}", target, fits))
        print(f"{'ok ' if fits else 'NOT'} {what:76} {value:10.3f} {unit:5} {target}", flush=True)


@dataclass(frozen=True)
class Place:
    """The database, and the dashboard that is served from it."""

    server: embedded.Server
    url: str
    told: Told
    folder: Path
    serving: int

    def page(self, path: str) -> str:
        """The address of a page."""
        return f"{self.url}/w/default{path}"


def serve(database: str, folder: str) -> None:
    """The service, in a process of its own; its address is its first line."""
    config = Config(
        port=0, assets_dir=Path(folder), home=Path(folder), key_requests_per_second=0, workspace_requests_per_second=0
    )
    server = Server(Service(url=database, config=config, local=True))
    threading.Thread(target=_tell, args=(server,), daemon=True).start()
    server.run()


def _tell(server: Server) -> None:
    while not server.started:
        time.sleep(0.01)
    print(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", flush=True)


@contextmanager
def served(database: str, folder: Path) -> Iterator[tuple[str, int]]:
    """The service for the length of a block; its address and its process."""
    argv = [sys.executable, __file__, database, str(folder)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process.pid
    finally:
        process.terminate()
        process.wait()


def percentile(times: list[float], percent: float) -> float:
    """The value below which so many of them are."""
    return sorted(times)[min(len(times) - 1, int(len(times) * percent / 100))]


def addresses(place: Place) -> dict[str, list[str]]:
    """The pages that are asked for, by what they are: for each a few."""
    with closing(connect(Dial(url=place.server.app_url, workspace=OURS))) as conn:
        some = "select id from jobtrail.jobs tablesample system (0.2) where workspace_id = %s and started_at is not null limit 40"
        sample = [str(row[0]) for row in conn.execute(some, (OURS,)).fetchall()]
        failed = "select id from jobtrail.jobs where workspace_id = %s and status = 'FAILED' order by id desc limit 20"
        wrong = [str(row[0]) for row in conn.execute(failed, (OURS,)).fetchall()]
        newest = "select id from jobtrail.jobs where workspace_id = %s order by id desc limit 20"
        long = [str(row[0]) for row in conn.execute(newest, (OURS,)).fetchall()]
        (task,) = conn.execute("select id from jobtrail.tasks where workspace_id = %s limit 1", (OURS,)).fetchone() or (
            "",
        )
    jobs = [f"/jobs/{id}" for id in sample]
    found = {
        "overview": ["/"],
        "jobs": ["/jobs"],
        "jobs FAILED": ["/jobs?q=status:failed"],
        "jobs of a type and a status": [f"/jobs?q=status:failed+type:type-{n}" for n in range(1, 40, 7)],
        "jobs by input (1 in 10 000)": [f"/jobs?q=input.customer:{n}" for n in range(11, 9_000, 1_117)],
        "jobs by text (none)": ["/jobs?q=%22never+said%22"],
        "job": jobs,
        "job FAILED": [f"/jobs/{id}" for id in wrong],
        "job of 2 000 steps": [f"/jobs/{BROAD}"],
        "errors": ["/errors"],
        "approvals": ["/approvals"],
        "files": ["/files"],
        "tasks": ["/tasks"],
        "task": [f"/tasks/{task}"],
        "queues": ["/queues"],
        "queue": [f"/queues/queue-{n}" for n in range(8)],
        "workers": ["/workers"],
        "scheduled": ["/scheduled"],
        "types": ["/types"],
        "cost": ["/cost"],
        "system": ["/system"],
        "settings": ["/settings"],
    }
    for part in ("logs", "events", "data", "files", "cost"):
        found[f"job: {part}"] = [f"/jobs/{id}/{part}" for id in long]
    return found


def worked(place: Place) -> float:
    """Milliseconds in which the service and the database had a processor so far, whatever else the machine does."""
    postgres = embedded.status(place.server.data_dir.parent)
    parents = [place.serving, *([postgres.pid] if postgres is not None and postgres.pid else [])]
    return _had(
        pid for parent in parents for pid in (parent, *(child.pid for child in psutil.Process(parent).children()))
    )


def looked(place: Place) -> float:
    """The same of the service and its own connections alone: what looking costs."""
    with closing(connect(Dial(url=place.server.app_url))) as conn:
        names = ["jobtrail-read", "jobtrail-write", "jobtrail-hints"]
        theirs = "select pid from pg_stat_activity where application_name = any(%s)"
        return _had([place.serving, *(row[0] for row in conn.execute(theirs, (names,)).fetchall())])


def _had(pids: Iterable[int]) -> float:
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):  # a process may have ended
                total += int(task.read_text().split()[0])
    return total / 1e6


@contextmanager
def browser(*, nice: bool = False) -> Iterator[Callable[[], BrowserContext]]:
    """A browser for the length of a block; makes contexts without any past. `nice`: it gives way to all others."""
    with ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        program = "/usr/bin/chromium"
        if nice:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            program = f"{folder}/chromium"
            Path(program).write_text('#!/bin/sh\nexec nice -n 19 /usr/bin/chromium "$@"\n')
            os.chmod(program, 0o755)  # noqa: S103  (a program is run)
        one = playwright.chromium.launch(executable_path=program, args=FLAGS)
        stack.callback(one.close)
        yield lambda: one.new_context(viewport={"width": 1440, "height": 900})


if __name__ == "__main__":
    serve(*sys.argv[1:])
