"""A worker that runs `claude` jobs on a real database, with a stand-in for the program, and quick ways to look at a job."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from claude.fake_claude import Fake, install
from database import Database
from worker.at_work import AtWork, Scene, wait_until
from worker.at_work import scene as make_scene

from jobtrail.client import Client
from jobtrail.core.model import Attempt, Job, Step, Usage
from jobtrail.runners.claude.runner import ClaudeRunner
from jobtrail.service.jobs import NewJob, Options
from jobtrail.store.identity import new_id

PATIENCE_SECONDS = 60.0
KEY = "sk-ant-dummy-key-of-a-test"


@dataclass
class Studio:
    """A database, an app whose only type is `claude`, and a fake program in place of the real one."""

    scene: Scene
    folder: Path
    fake: Fake
    environ: dict[str, str]
    runner: ClaudeRunner
    jobs: list[UUID] = field(default_factory=list)

    @property
    def client(self) -> Client:
        return self.scene.client

    def play(self, scenario: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        """What the program does from now on; counted from its first turn again."""
        install(self.fake.path.parent, scenario)
        self.fake.scenario.with_suffix(".calls").unlink(missing_ok=True)

    def enqueue(self, input: Mapping[str, Any] | None = None, **options: Any) -> UUID:
        """A job with a prompt. Its failures are tried again at once, if at all."""
        usual = {"type": "claude", "max_attempts": 1, "backoff_type": "FIXED", "backoff_delay_ms": 0}
        content = {"prompt": "do it", **(input or {})}
        new = NewJob(new_id(), json.dumps(content).encode(), Options(**{**usual, **options}))
        self.client.enqueue_all([new])
        self.jobs.append(new.id)
        return new.id

    def work(self, **plan: Any) -> Any:
        return self.scene.work(**plan)

    def run(self, input: Mapping[str, Any] | None = None, **options: Any) -> Job:
        """One job, from its enqueue to its end."""
        job = self.enqueue(input, **options)
        with self.work():
            return self.ends(job)

    def ends(self, job: UUID) -> Job:
        return self.client.wait(job, timeout=timedelta(seconds=PATIENCE_SECONDS)).job

    def waits(self, job: UUID, reason: str) -> Job:
        """The job as soon as it waits for this."""
        wait_until(
            lambda: self.client.get(job).wait_reason == reason, f"job {job} waits for {reason}", PATIENCE_SECONDS
        )
        return self.client.get(job)

    def until(self, job: UUID, status: str) -> Job:
        wait_until(lambda: self.client.get(job).status == status, f"job {job} is {status}", PATIENCE_SECONDS)
        return self.client.get(job)

    def output(self, job: UUID) -> dict[str, Any]:
        found = self.client.result(job)
        assert found is not None, self.client.get(job)
        return dict(found.output)

    def result_status(self, job: UUID) -> str:
        found = self.client.result(job)
        assert found is not None, self.client.get(job)
        return str(found.status)

    def attempts(self, job: UUID) -> list[Attempt]:
        return self.client.attempts(job)

    def steps(self, job: UUID) -> list[Step]:
        return self.client.steps(job)

    def usage(self, job: UUID) -> list[Usage]:
        return self.client.usage(job)

    def told(self, job: UUID, type: str | None = None) -> list[Any]:
        """The trail: its types, or the payloads of one type."""
        events = self.client.events(job)
        return [event.type for event in events] if type is None else [e.payload for e in events if e.type == type]

    def log(self, job: UUID) -> list[dict[str, Any]]:
        return [asdict(line) for line in self.client.logs(job)]

    def messages(self, job: UUID, source: str | None = None) -> list[str]:
        return [line["message"] for line in self.log(job) if source in (None, line["source"])]

    def raw(self, job: UUID) -> list[str]:
        """What the program printed, put together again from the log."""
        lines: list[str] = []
        for line in self.log(job):
            details = line["details"] or {}
            if "raw" not in details:
                continue
            if details.get("part", 1) > 1:
                lines[-1] += details["raw"]
            else:
                lines.append(details["raw"])
        return lines


@contextmanager
def studio(database: Database, folder: Path) -> Iterator[Studio]:
    """A studio of the test's own."""
    fake = install(folder / "bin")
    environ = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder / "nobody"),
        "JOBTRAIL_CLAUDE_PATH": str(fake.path),
    }
    with make_scene(database, folder) as scene:
        runner = ClaudeRunner(environ=environ, grace=timedelta(seconds=2))
        scene.app.add(runner)
        yield Studio(scene, folder, fake, environ, runner)


__all__ = ["KEY", "AtWork", "Studio", "studio", "wait_until"]
