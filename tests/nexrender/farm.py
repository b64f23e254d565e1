"""Worker processes that can be killed for real, and jobs of type `nexrender` on a real database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from database import Database
from nexrender.bed import DOCUMENT
from scene import ME, WORKSPACE, new_job

from jobtrail.client import Client
from jobtrail.core.model import Job
from jobtrail.service import audit, jobs
from jobtrail.store.db import ALL, Scope, run

PATIENCE_SECONDS = 90.0


def until(condition: Callable[[], object], what: str | Callable[[], str], seconds: float = PATIENCE_SECONDS) -> None:
    """Looks again and again until it is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what if isinstance(what, str) else what()}: not within {seconds} s"
        time.sleep(0.02)


@dataclass
class Farm:
    """Workers in one folder, whose `renders` they share with the nodes."""

    database: Database
    client: Client
    folder: Path
    environment: dict[str, str]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def output(self) -> Path:
        """Where the jobs' outputs go."""
        return self.folder / "renders" / "out.mp4"

    def start(self) -> None:
        """One worker more."""
        argv = [sys.executable, "-m", "jobtrail", "worker", "start", "--slots", "4"]
        with (self.folder / f"worker-{len(self.workers)}.log").open("wb") as log:
            self.workers.append(
                subprocess.Popen(
                    argv, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            )

    def kill(self) -> None:
        """kill -9 of the newest worker."""
        self.workers[-1].kill()
        self.workers[-1].wait()

    def stop(self) -> None:
        """Ends all workers at once."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            try:
                worker.wait(30)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()

    def enqueue(self, options: dict[str, Any] | None = None, **input: Any) -> UUID:
        """A render."""
        whole = {"document": DOCUMENT, "poll_seconds": 0.1, "output": str(self.output), **input}
        wanted = new_job(
            input=json.dumps(whole).encode(),
            type="nexrender",
            **{"backoff_delay_ms": 1, "checked": True, **(options or {})},
        )
        return self.client.run(jobs.enqueue(WORKSPACE, [wanted], ME)).ids[0]

    def job(self, id: UUID) -> Job:
        return self.client.get(id)

    def over(self, id: UUID) -> Job:
        """The job after its end."""
        until(lambda: self.job(id).status in ("COMPLETED", "FAILED", "CANCELLED"), lambda: f"it ends: {self.story(id)}")
        return self.job(id)

    def at(self, id: UUID, stage: str) -> None:
        """Waits until the job says that it is there."""
        until(lambda: self.job(id).stage == stage, lambda: f"it is {stage}: {self.story(id)}")

    def logged(self, id: UUID, text: str) -> None:
        """Waits until this is in the job's log."""
        until(
            lambda: any(text in line.message for line in self.client.logs(id)),
            lambda: f"{text!r} is logged: {self.story(id)}",
        )

    def told(self, id: UUID) -> list[str]:
        """The trail in single words."""
        return [event.type for event in self.client.events(id)]

    def output_of(self, id: UUID) -> dict[str, Any]:
        """What the job answered."""
        result = self.client.result(id)
        assert result is not None, self.story(id)
        output: dict[str, Any] = result.output if isinstance(result.output, dict) else json.loads(result.output or "{}")
        return output

    def verified(self) -> None:
        """The trail is whole."""
        with closing(self.database.connect()) as conn:
            report = run(conn, audit.verify(), Scope.of(ALL))
        assert report.ok, report

    def story(self, id: UUID) -> str:
        """All that helps to understand a failure."""
        job = self.job(id)
        lines = [f"{job.status} {job.wait_reason} {job.stage} {job.error_code}: {job.error_message}"]
        lines += [
            f"  attempt {a.number}: {a.status} {a.error_code} {a.error_message}" for a in self.client.attempts(id)
        ]
        lines += [f"  log: {line.message[:300]}" for line in self.client.logs(id)[-15:]]
        for number in range(len(self.workers)):
            lines.append(f"  worker {number}: " + (self.folder / f"worker-{number}.log").read_text()[-1_500:])
        return "\n".join(lines)


@contextmanager
def farm(database: Database, folder: Path, server: str, **environment: str) -> Iterator[Farm]:
    """A farm for the length of a block; its workers are ended after it."""
    (folder / "renders").mkdir()
    own = {name: value for name, value in os.environ.items() if not name.startswith("JOBTRAIL_")}
    settings = {
        "JOBTRAIL_DATABASE_URL": database.app_url,
        "JOBTRAIL_NEXRENDER_URL": server,
        "JOBTRAIL_NEXRENDER_ROOTS": str(folder / "renders"),
        "JOBTRAIL_POLL_SECONDS": "0.1",
        "JOBTRAIL_DRAIN_SECONDS": "0",
        "JOBTRAIL_HOME": str(folder / "home"),
    }
    with Client(database.app_url) as client:
        made = Farm(database, client, folder, own | settings | environment)
        try:
            yield made
        finally:
            made.stop()
