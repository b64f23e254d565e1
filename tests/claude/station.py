"""One machine of a test: worker processes that can be killed for real, what they and their programs leave, and a client."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from database import Database
from scene import ME, WORKSPACE, new_job

from jobtrail.client import Client
from jobtrail.core.errors import Conflict
from jobtrail.core.model import Attempt, Job
from jobtrail.process import marks
from jobtrail.process.census import TABLE
from jobtrail.process.procfs import Proc
from jobtrail.service import audit, jobs
from jobtrail.store.db import ALL, Scope, run

PATIENCE_SECONDS = 90.0
REASON = "a test says so"
OVER = frozenset({"COMPLETED", "FAILED", "CANCELLED"})


def until(condition: Callable[[], object], what: str | Callable[[], str], seconds: float = PATIENCE_SECONDS) -> None:
    """Looks again and again until it is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what if isinstance(what, str) else what()}: not within {seconds} s"
        time.sleep(0.02)


def reach(moment: float) -> None:
    """Lets time pass until then, on the monotonic clock."""
    until(lambda: time.monotonic() >= moment, "the moment comes")


@dataclass
class Station:
    """A machine on which workers run, all in one folder."""

    database: Database
    client: Client
    folder: Path
    environment: dict[str, str]
    slots: int = 4
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        """One worker more, in a process of its own."""
        argv = [sys.executable, "-m", "jobtrail", "worker", "start", "--slots", str(self.slots)]
        with (self.folder / f"worker-{len(self.workers)}.log").open("wb") as log:
            worker = subprocess.Popen(
                argv,
                cwd=self.folder,
                env=self.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.workers.append(worker)
        return worker

    def kill(self, worker: subprocess.Popen[bytes] | None = None) -> None:
        """kill -9 of a worker's process, the latest if none is named; nothing else is touched."""
        worker = worker or self.workers[-1]
        worker.kill()
        worker.wait()

    def terminate(self, worker: subprocess.Popen[bytes] | None = None) -> int:
        """SIGTERM; waits for the end, and answers the exit code."""
        worker = worker or self.workers[-1]
        worker.send_signal(signal.SIGTERM)
        return worker.wait(PATIENCE_SECONDS)

    def stop(self) -> None:
        """Ends all workers at once."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGTERM)
                worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            try:
                worker.wait(30)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()

    def enqueue(self, input: Mapping[str, Any], **options: Any) -> UUID:
        """A job of type `claude`."""
        wanted = new_job(input=json.dumps(input).encode(), type="claude", **options)
        return self.client.run(jobs.enqueue(WORKSPACE, [wanted], ME)).ids[0]

    def cancelled_at(self, moments: Sequence[float], input: Mapping[str, Any]) -> list[UUID]:
        """As many jobs as moments (in seconds from now), each cancelled at its moment unless it was over by then."""
        ids = [self.enqueue(input) for _ in moments]
        begun = time.monotonic()
        for moment, id in sorted(zip(moments, ids, strict=True)):
            reach(begun + moment)
            try:
                self.client.cancel(id, REASON)
            except Conflict:
                assert self.job(id).status == "COMPLETED", self.story(id)
        return ids

    def truthful(self, id: UUID, answer: str) -> str:
        """How a job ended that may have been cancelled: it is either that, or COMPLETED with this answer; nothing is left."""
        job = self.over(id)
        assert self.left([id]) == [], f"{job.status}, and yet {self.left([id])}\n{self.story(id)}"
        told = self.told(id)
        if job.status == "COMPLETED":
            assert self.output(id)["result"] == answer and "job.completed" in told, self.story(id)
        else:
            assert (job.status, job.cancel_reason) == ("CANCELLED", REASON), self.story(id)
            assert told[-1] == "job.cancelled" and "job.completed" not in told, self.story(id)
            assert {attempt.status for attempt in self.attempts(id)} <= {"CANCELLED"}, self.story(id)
        return job.status

    def job(self, id: UUID) -> Job:
        return self.client.get(id)

    def over(self, id: UUID) -> Job:
        """The job after its end."""
        self.until(id, *OVER)
        return self.job(id)

    def until(self, id: UUID, *statuses: str) -> Job:
        """The job as soon as it has one of these statuses."""
        until(lambda: self.job(id).status in statuses, lambda: f"{id} becomes {statuses}: {self.story(id)}")
        return self.job(id)

    def attempts(self, id: UUID) -> list[Attempt]:
        return self.client.attempts(id)

    def output(self, id: UUID) -> dict[str, Any]:
        """What the job answered."""
        result = self.client.result(id)
        assert result is not None, self.story(id)
        output: dict[str, Any] = result.output if isinstance(result.output, dict) else json.loads(result.output or "{}")
        return output

    def told(self, id: UUID) -> list[str]:
        """The trail in single words."""
        return [event.type for event in self.client.events(id)]

    def verified(self) -> None:
        """The trail is whole, every chain of it."""
        with closing(self.database.connect()) as conn:
            report = run(conn, audit.verify(), Scope.of(ALL))
        assert report.ok, report

    def left(self, ids: Iterable[UUID]) -> list[str]:
        """What still lives of these jobs' attempts, by either mark: command lines. Workers and wardens are no job's."""
        marked = {str(attempt.id): str(attempt.worker_id) for id in ids for attempt in self.attempts(id)}
        brands = {marks.brand_of(attempt, worker).attempt for attempt, worker in marked.items()}
        return [command_of(proc) for proc in TABLE.everyone() if _belongs(proc, marked, brands)]

    def named(self, word: str) -> list[str]:
        """What lives with this word in its command line, whatever else it has lost."""
        return [line for proc in TABLE.everyone() if not proc.zombie and word in (line := command_of(proc))]

    def nothing_left(self, ids: Iterable[UUID], seconds: float = 10.0) -> float:
        """Waits until nothing lives of these jobs; answers the seconds that it took."""
        ids, begun = list(ids), time.monotonic()
        until(lambda: not self.left(ids), lambda: f"processes are left: {self.left(ids)}", seconds)
        return time.monotonic() - begun

    def story(self, id: UUID) -> str:
        """All that helps to understand a failure."""
        job = self.job(id)
        lines = [f"{job.status} {job.wait_reason} {job.error_code}: {job.error_message}"]
        lines += [f"  attempt {a.number}: {a.status} {a.error_code} {a.error_message}" for a in self.attempts(id)]
        lines += [f"  {event.seq} {event.type} {str(event.payload)[:300]}" for event in self.client.events(id)]
        lines += [f"  log: {line.message[:300]}" for line in self.client.logs(id)[-15:]]
        for number in range(len(self.workers)):
            lines.append(f"  worker {number}: " + (self.folder / f"worker-{number}.log").read_text()[-1_000:])
        return "\n".join(lines)


def command_of(proc: Proc) -> str:
    """The command line of a process; empty when it is gone."""
    try:
        words = Path(f"/proc/{proc.pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return words.decode(errors="replace").replace("\0", " ").strip()


def _belongs(proc: Proc, marked: Mapping[str, str], brands: set[int]) -> bool:
    if proc.zombie:
        return False
    named = TABLE.environ(proc.pid).get(marks.ATTEMPT, "")
    brand = marks.read_brand(proc.pid)
    return named.partition(".")[0] in marked or (brand is not None and brand.attempt in brands)


@contextmanager
def station(database: Database, folder: Path, environment: Mapping[str, str], *, slots: int = 4) -> Iterator[Station]:
    """A machine without workers yet. `environment` is what its workers get beside their settings."""
    settings = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "JOBTRAIL_DATABASE_URL": database.app_url,
        "JOBTRAIL_HOME": str(folder / "home"),
        "JOBTRAIL_POLL_SECONDS": "0.1",
        "JOBTRAIL_GRACE_SECONDS": "2",
        "JOBTRAIL_QUEUES": "default",
    }
    with Client(database.app_url) as client:
        there = Station(database, client, folder, settings | dict(environment), slots)
        try:
            yield there
        finally:
            there.stop()
