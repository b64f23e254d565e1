"""Kills the worker of a job at each place where it can die, and compares how the job ends with how it ends undisturbed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from jobtrail.app import Call
from jobtrail.core.model import Job
from jobtrail.core.status import FINAL, JobStatus, WaitReason
from jobtrail.core.why import sentence
from jobtrail.service import workers
from jobtrail.testing.bench import Bench
from jobtrail.testing.drain import Stuck
from jobtrail.testing.mortal import Death, MortalRunner

_OF_OTHERS: Final = (WaitReason.CHILD, WaitReason.DEPENDENCY)
_ROUNDS: Final = 100
_PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class CrashReport:
    """What was tried: the places at which the worker was killed, and how the job ended each time."""

    places: tuple[str, ...]
    status: str
    result: Any


@dataclass(frozen=True, slots=True)
class _End:
    """How a job ended, as far as it must be the same each time."""

    status: str
    error_code: str | None
    result: Any
    steps: tuple[tuple[str, str], ...]
    run_twice: tuple[str, ...]

    def differs(self, usual: _End) -> str | None:
        """What is different, in words; None: nothing."""
        if self.run_twice:
            return f"ran {', '.join(self.run_twice)} again, which had finished"
        if self.status != usual.status:
            code = f" ({self.error_code})" if self.error_code else ""
            return f"ended {self.status}{code} instead of {usual.status}"
        if self.error_code != usual.error_code:
            return f"failed as {self.error_code} instead of {usual.error_code}"
        if self.result != usual.result:
            return f"made {self.result!r} instead of {usual.result!r}"
        if self.steps != usual.steps:
            return f"had the steps {self.steps} instead of {usual.steps}"
        return None


@dataclass(slots=True, kw_only=True)
class _How:
    real: bool
    approve: bool
    before: Callable[[], object] | None
    same: Callable[[Any], Any]


class Trial:
    """All runs of one `crash_everywhere`."""

    def __init__(self, bench: Bench, call: Call[Any, Any], input: Mapping[str, Any], **how: Any) -> None:
        self._bench, self._call, self._input = bench, call, input
        self._how = _How(**how)

    def everywhere(self) -> CrashReport:
        """Runs undisturbed, then with a kill at each place that was passed. Raises AssertionError."""
        __tracebackhide__ = True
        frozen_at = self._bench.clock.now if self._bench.clock.frozen else None
        self._bench.clock.freeze()
        try:
            usual, places, _ = self._run(None)
            wrong = [f"killed {place}: {what}" for place in places if (what := self._wrong(place, usual)) is not None]
        finally:
            self._set_back(frozen_at)
        if wrong:
            raise AssertionError(
                f"{self._call.runner.type} ended otherwise at {len(wrong)} of {len(places)} places where its worker was "
                "killed:\n" + "\n".join(f"  {each}" for each in wrong)
            )
        return CrashReport(tuple(places), usual.status, usual.result)

    def _wrong(self, place: str, usual: _End) -> str | None:
        end, _, died = self._run(place)
        if not died:
            return "the job never came there; its steps are not the same each time"
        return end.differs(usual)

    def _run(self, place: str | None) -> tuple[_End, list[str], bool]:
        """One job from its beginning to its end, with at most one kill."""
        if self._how.before is not None:
            self._how.before()
        job_id = self._call.enqueue(**self._input).id
        passed: list[str] = []
        died = False
        for _ in range(_ROUNDS):
            if self._work(job_id, None if died else place, passed):
                died = True
            job = self._bench.job(job_id)
            if job.status in FINAL:
                return self._end(job), passed, died
            self._go_on(job)
        raise Stuck(f"job {job_id} does not end: {self._why(job)}")

    def _work(self, job_id: UUID, place: str | None, passed: list[str]) -> bool:
        """Lets a worker do what it can; answers whether it was killed."""
        work = self._in_a_process if self._how.real else self._in_this_process
        killed = work(job_id, place, passed)
        if killed:
            alive = [worker.id for worker in self._bench.client.workers() if worker.stopped_at is None]
            self._bench.house.run(workers.stop(alive, "killed by the test"))
            self._bench.house.run(workers.rescue())
        return killed

    def _in_this_process(self, job_id: UUID, place: str | None, passed: list[str]) -> bool:
        drain = self._bench.new_drain(patience=_PATIENCE_SECONDS)
        death = Death(job_id, place, drain.killed.set, passed)
        drain.runners = {type: MortalRunner(runner, death) for type, runner in drain.runners.items()}
        drain.run(self._bench.queues, time_passes=False)
        return death.dead

    def _in_a_process(self, job_id: UUID, place: str | None, passed: list[str]) -> bool:
        told = self._bench.folder / "told.json"
        told.parent.mkdir(parents=True, exist_ok=True)
        told.unlink(missing_ok=True)
        function = self._call.runner.function
        orders = {
            "url": self._bench.database.app_url,
            "path": sys.path,
            "module": function.__module__,
            "qualname": function.__qualname__,
            "folder": str(self._bench.folder),
            "queues": sorted(self._bench.queues),
            "job_id": str(job_id),
            "place": place,
            "told": str(told),
        }
        done = subprocess.run(
            [sys.executable, "-P", "-m", "jobtrail.testing.process"],
            input=json.dumps(orders).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PATIENCE_SECONDS * 2,
            check=False,
        )
        if done.returncode == -signal.SIGKILL and place is not None:
            return True
        if done.returncode != 0:
            said = done.stdout.decode("utf-8", "replace")[-4_000:]
            raise Stuck(f"the worker process of the test ended with {done.returncode}:\n{said}")
        passed += [each for each in json.loads(told.read_text()) if each not in passed]
        return False

    def _go_on(self, job: Job) -> None:
        """Does what the job waits for."""
        if job.wait_reason == WaitReason.GATE:
            decide = self._bench.approve if self._how.approve else self._bench.reject
            decide(job, comment="to see whether it survives")
        elif job.scheduled_at is not None:
            self._bench.clock.freeze(max(job.scheduled_at, self._bench.clock.now))
        elif job.status != JobStatus.QUEUED and job.wait_reason not in _OF_OTHERS:  # those run in the next round
            raise Stuck(f"job {job.id} does not go on: {self._why(job)}")

    def _end(self, job: Job) -> _End:
        steps = self._bench.client.steps(job.id) if self._bench.client.workspace == job.workspace_id else []
        finished: set[Any] = set()
        twice: list[str] = []
        for event in self._bench.events(job):
            if event.type == "step.completed":
                finished.add(event.step_id)
            elif event.type == "step.started" and event.step_id in finished:
                twice += [repr(step.name) for step in steps if step.id == event.step_id]
        result = self._how.same(self._bench.result(job))
        return _End(job.status, job.error_code, result, tuple((step.key, step.status) for step in steps), tuple(twice))

    def _set_back(self, frozen_at: datetime | None) -> None:
        if frozen_at is None:
            self._bench.clock.thaw()
        else:
            self._bench.clock.freeze(frozen_at)

    def _why(self, job: Job) -> str:
        return sentence(self._bench.client.facts(job.id))
