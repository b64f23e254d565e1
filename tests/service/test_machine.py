"""Every verb in any order, on the real database and on the pure model side by side: they must never disagree.

`JOBTRAIL_DEEP=1` takes 100 000 steps and says how many it took.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest
from database import Clock, Connection, Database
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from scene import ME, TYPE, Scene, ids, new_job
from service import agreement
from service.behind import WIPE, Behind
from service.machine_of_budgets import Spending
from service.machine_of_checks import QUEUES, which
from service.pure_model import World
from service.pure_nouns import Holder, Part, Question, Refused, Work

from jobtrail.core.errors import JobtrailError
from jobtrail.core.fence import Fence
from jobtrail.core.model import Actor
from jobtrail.core.status import ActorType, AttemptStatus, Phase, StepStatus, StepType, WaitReason
from jobtrail.service import assets, attempts, gates, jobs, logs, steps, upkeep, usage, workers
from jobtrail.store import db
from jobtrail.store.query import Flow, Query

T = TypeVar("T")

DEEP = bool(os.environ.get("JOBTRAIL_DEEP"))
STEPS = 100 if DEEP else 40
EXAMPLES = 1_100 if DEEP else 40

PEOPLE = ("ann", "bob", "eve")
DELAYS = [None, timedelta(0), timedelta(seconds=3), timedelta(hours=1)]
SELDOM = [None, None, None, None, None, *DELAYS]
WAITS = [("job.snoozed", WaitReason.SCHEDULE), ("job.waiting", WaitReason.QUOTA), ("job.waiting", WaitReason.SIGNAL)]

REACHED = (
    "job.created", "job.started", "job.completed", "job.failed", "job.cancelled", "job.updated", "job.lost",
    "job.interrupted", "job.cancel_requested", "job.progress", "job.queued", "job.retried", "job.retry_scheduled",
    "job.snoozed", "job.waiting", "job.validating", "gate.approved", "gate.expired", "gate.failed", "gate.passed", "gate.rejected",
    "gate.requested", "gate.started", "step.completed", "step.failed", "step.skipped", "step.started",
    "ai.tokens_used", "artifact.created", "ConcurrentUpdate", "Conflict", "Denied", "IdempotencyConflict",
    "IllegalMove", "NotFound", "StaleAttempt", "fork", "redrive", "drain", "leave_queue", "superseded",
    "went with its parent", "cancelled by its need", "wait", "resumed by a signal", "made by a schedule",
    "reserved", "waits for a budget", "resumed by a budget",
)  # fmt: skip
"""Every event that a verb writes, every way to refuse, and what flow control comes to; a deep run must have met them all, a short one the first."""

delays = st.sampled_from(DELAYS)
seldom = st.sampled_from(SELDOM)
keys = st.sampled_from(["fetch", "render", "check"])
notes = st.sampled_from([None, '{"why": "because"}', '{"priority": 1, "status": "COMPLETED"}', '"text"', "[1]"])


class Stage:
    """The database that all examples play on, one after the other."""

    def __init__(self, conn: Connection, owner: Connection, admin: Connection) -> None:
        self.scene, self.clock, self.admin = Scene(conn), Clock(owner), admin
        self.begins = self.clock.now()
        self.steps = 0
        self.seen: Counter[str] = Counter()


class Machine(Spending):
    """One example: a workspace that is empty at first, and everything that may happen to it."""

    stage: Stage

    def __init__(self) -> None:
        super().__init__()
        self.scene, self.world = self.stage.scene, World(self.stage.begins)
        self.fences: list[Fence] = []
        self.gates: list[UUID] = []
        self.stage.admin.execute(WIPE)
        self.stage.clock.freeze(self.world.now)

    def both(self, real: Query[T] | Flow[T], pure: Callable[[], object]) -> T | str:
        """The same verb here and there; both answer the same, or refuse with the same error."""
        expected, got = answer(pure), answer(lambda: self.scene.do(real))
        if isinstance(got, str):
            self.stage.seen[got] += 1
        assert plain(got) == plain(expected), f"the database answered {got!r}, the model {expected!r}"
        return got  # type: ignore[return-value]

    def pick(self, fence: int) -> Fence:
        """Mostly one that is open, else one whose job runs again without it, else any."""
        held = [one for one in self.fences if self.world.held(one.job_id, one.attempt_id)]
        running = {one.job_id for one in held}
        zombies = [one for one in self.fences if one.job_id in running and one not in held]
        among = (held if fence < 14 else zombies if fence < 18 else None) or self.fences
        return among[-1 - fence % len(among)]

    def job(self, which: int) -> UUID:
        known = [*self.world.gone, *self.world.works]
        return known[-1 - which % len(known)]

    def gate_of(self, step: UUID) -> UUID:
        row = self.stage.admin.execute("select id from jobtrail.gates where step_id = %s", (step,)).fetchone()
        assert row is not None
        id: UUID = row[0]
        return id

    def work_of(self, fence: Fence) -> Work | None:
        return self.world.works.get(fence.job_id)

    def worker(self, which: int) -> UUID:
        return list(self.world.holders)[-1 - which % len(self.world.holders)]

    def after(self, delay: timedelta | None) -> datetime | None:
        return None if delay is None else self.world.now + delay

    # accepting

    @initialize()
    def begins(self) -> None:
        self.registers(timedelta(days=9))
        for queue in QUEUES:
            self.enqueue(queue, 5, None, None, None, None, 2, False)
            self.claim(queue, 1, 0, True)

    def wanted(self, queue: str, **said: Any) -> tuple[jobs.NewJob, Work]:
        real = new_job(queue=queue, **said)
        work = Work(
            id=real.id, queue=queue, type=TYPE, unique_key=said.get("unique_key"), max_attempts=said["max_attempts"],
            queue_timeout=said["queue_timeout_seconds"], created_at=self.world.now, priority=said["priority"],
            scheduled_at=said["scheduled_at"], cancel_at=said["cancel_at"], title=said.get("title"),
            checked=said.get("checked", False), slots=said.get("slots", 1), key=said.get("concurrency_key"),
            key_limit=said.get("concurrency_limit", 1),
        )  # fmt: skip
        return real, work

    @rule(
        queue=st.sampled_from(QUEUES), priority=st.sampled_from([1, 5, 10]), delay=seldom, cancels=seldom,
        timeout=st.sampled_from([None, None, None, 2.0, 3600.0]), unique=st.sampled_from([None, None, "u", "v"]),
        tries=st.integers(1, 3), checked=st.sampled_from([False, False, True]), slots=st.sampled_from([1, 1, 1, 2]),
        key=st.sampled_from([None, None, "k"]), key_limit=st.integers(1, 2),
    )  # fmt: skip
    def enqueue(
        self, queue: str, priority: int, delay: timedelta | None, cancels: timedelta | None, timeout: float | None,
        unique: str | None, tries: int, checked: bool, slots: int = 1, key: str | None = None, key_limit: int = 1,
    ) -> None:  # fmt: skip
        pairs = [
            self.wanted(queue, priority=priority, scheduled_at=self.after(delay), cancel_at=self.after(cancels),
                        queue_timeout_seconds=timeout, unique_key=unique, max_attempts=tries, checked=checked,
                        slots=slots, concurrency_key=key, concurrency_limit=key_limit)
            for _ in range(2)
        ]  # fmt: skip
        real = jobs.enqueue(self.scene.workspace, [one for one, _ in pairs], ME)
        done = self.scene.do(real)
        assert list(done.ids) == self.world.enqueue([work for _, work in pairs])

    @rule(key=st.sampled_from(["k", "l"]), title=st.sampled_from(["x", "y"]), unique=st.sampled_from([None, "u"]))
    def enqueue_once(self, key: str, title: str, unique: str | None) -> None:
        real, work = self.wanted(
            "a", priority=5, scheduled_at=None, cancel_at=None, queue_timeout_seconds=None, unique_key=unique,
            max_attempts=3, title=title,
        )  # fmt: skip
        self.both(
            jobs.enqueue_once(self.scene.workspace, real, ME, key),
            lambda: self.world.enqueue_once(work, key, f"{title} {unique}"),
        )

    # working

    @precondition(lambda self: self.fences)
    @rule(first=which, n=st.integers(1, 3))
    def complete(self, first: int, n: int) -> None:
        chosen = list({self.pick(first + i).attempt_id: self.pick(first + i) for i in range(n)}.values())
        late = self.scene.do(attempts.complete([attempts.Completed(one, '{"ok": true}') for one in chosen]))
        assert [one.attempt_id for one in late] == self.world.complete((f.job_id, f.attempt_id) for f in chosen)

    @precondition(lambda self: self.fences)
    @rule(fence=which, delay=delays, status=st.sampled_from([AttemptStatus.FAILED, AttemptStatus.TIMED_OUT]))
    def fail(self, fence: int, delay: timedelta | None, status: AttemptStatus) -> None:
        f = self.pick(fence)
        self.ends(
            f,
            attempts.fail(attempts.Failed(f, "boom", "it went wrong", retry_in=delay, status=status)),
            lambda: self.world.fail(f.job_id, f.attempt_id, delay, "boom", status),
        )

    @precondition(lambda self: self.fences)
    @rule(fence=which)
    def end_cancelled(self, fence: int) -> None:
        f = self.pick(fence)
        self.ends(
            f,
            attempts.end_cancelled(f, "stopped"),
            lambda: self.world.end_cancelled(f.job_id, f.attempt_id, "stopped", "cancelled"),
        )

    @precondition(lambda self: self.fences)
    @rule(fence=which, delay=delays, wait=st.sampled_from(WAITS), note=notes)
    def suspend(self, fence: int, delay: timedelta | None, wait: tuple[str, WaitReason], note: str | None) -> None:
        f = self.pick(fence)
        self.ends(
            f,
            attempts.suspend(f, *wait, delay, note),
            lambda: self.world.suspend(f.job_id, f.attempt_id, *wait, delay),
        )

    def ends(self, fence: Fence, real: Flow[attempts.Ended], pure: Callable[[], str | None]) -> None:
        expected, got = answer(pure), answer(lambda: self.scene.do(real))
        if isinstance(got, attempts.Ended) and expected is not None:
            work = self.world.works[fence.job_id]
            assert (got.status, got.version) == (expected, work.version)
        else:
            assert (got if isinstance(got, str) else None) == expected

    @precondition(lambda self: self.fences)
    @rule(first=which, n=st.integers(1, 3))
    def interrupt(self, first: int, n: int) -> None:
        chosen = list({self.pick(first + i).attempt_id: self.pick(first + i) for i in range(n)}.values())
        self.both(attempts.interrupt(chosen), lambda: self.world.interrupt((f.job_id, f.attempt_id) for f in chosen))

    @precondition(lambda self: self.fences)
    @rule(
        fence=which, percent=st.sampled_from([None, 0.0, 40.0, 100.0]), stage=st.sampled_from([None, "x"]), note=notes
    )
    def progress(self, fence: int, percent: float | None, stage: str | None, note: str | None) -> None:
        f = self.pick(fence)
        self.both(
            attempts.progress(f, percent, stage, note),
            lambda: self.world.progress(f.job_id, f.attempt_id, percent, stage),
        )

    @precondition(lambda self: self.fences)
    @rule(fence=which, key=keys, type=st.sampled_from([StepType.COMMAND, StepType.GATE]))
    def begin(self, fence: int, key: str, type: StepType) -> None:
        f, id = self.pick(fence), ids.new()
        self.both(
            steps.begin(f, id, key, key, Phase.EXECUTION, type),
            lambda: self.world.begin(f.job_id, f.attempt_id, id, key, type),
        )

    @precondition(lambda self: self.fences)
    @rule(fence=which, part=which, status=st.sampled_from([StepStatus.COMPLETED, StepStatus.FAILED]))
    def finish(self, fence: int, part: int, status: StepStatus) -> None:
        f = self.pick(fence)
        one = self.part(f, part) or self.begun(f)
        if one is not None:
            self.both(
                steps.finish(f, one.id, status, output='{"n": 1}'),
                lambda: self.world.finish(f.job_id, f.attempt_id, one, status, '{"n": 1}'),
            )

    def part(self, fence: Fence, which: int) -> Part | None:
        """A step of the job, mostly one that runs."""
        work = self.work_of(fence)
        known = list(work.parts.values()) if work else []
        known = [one for one in known if one.status == "RUNNING" and which < 15] or known
        return known[-1 - which % len(known)] if known else None

    def begun(self, fence: Fence) -> Part | None:
        """A first step, for a job that has none."""
        id, work = ids.new(), self.work_of(fence)
        begin = steps.begin(fence, id, "fetch", "fetch", Phase.EXECUTION, StepType.GATE)
        self.both(begin, lambda: self.world.begin(fence.job_id, fence.attempt_id, id, "fetch", StepType.GATE))
        return work.parts.get("fetch") if work else None

    @precondition(lambda self: self.fences)
    @rule(fence=which, key=keys)
    def skip(self, fence: int, key: str) -> None:
        f, id = self.pick(fence), ids.new()
        self.both(
            steps.skip(f, id, key, key, Phase.EXECUTION, StepType.COMMAND, "why"),
            lambda: self.world.skip(f.job_id, f.attempt_id, id, key),
        )

    @precondition(lambda self: self.fences)
    @rule(fence=which, part=which, number=st.integers(1, 2))
    def book(self, fence: int, part: int, number: int) -> None:
        f = self.pick(fence)
        one = self.part(f, part)
        real = usage.book(f, number, usage.Call(provider="p", model="m", input_tokens=7), one.id if one else None)
        self.both(real, lambda: f.job_id if self.world.book(f.job_id, f.attempt_id, number, one, 7) else None)

    @precondition(lambda self: self.fences)
    @rule(fence=which)
    def keep(self, fence: int) -> None:
        f = self.pick(fence)
        asset = assets.NewAsset(id=ids.new(), name="n", byte_size=1, sha256="0" * 64, storage_key="k")
        self.both(assets.keep(f, asset), lambda: self.world.keep(f.job_id, f.attempt_id))

    @precondition(lambda self: self.fences)
    @rule(fence=which)
    def log(self, fence: int) -> None:
        f = self.pick(fence)
        line = logs.NewChunk(f, None, self.scene.do(logs.next_line(f.workspace_id, f.job_id)), 1, ("INFO",), (), "{}")
        self.both(logs.append([line]), lambda: {f.attempt_id} if self.world.held(f.job_id, f.attempt_id) else set())

    # people

    @precondition(lambda self: self.fences)
    @rule(
        fence=which, part=which, needed=st.integers(1, 3), expires=delays, approvers=st.sampled_from([(), PEOPLE[:2]])
    )
    def ask(self, fence: int, part: int, needed: int, expires: timedelta | None, approvers: tuple[str, ...]) -> None:
        f, id = self.pick(fence), ids.new()
        one = self.part(f, part) or self.begun(f)
        if one is None:
            return
        question = Question(id, one.id, needed, approvers, self.after(expires))
        real = gates.request(f, one.id, id, "May it?", approvers=approvers, needed=needed, expires=expires)
        if self.both(real, lambda: self.world.ask(f.job_id, f.attempt_id, question)) == id:
            self.gates.append(id)

    @precondition(lambda self: self.gates)
    @rule(gate=which, actor=st.sampled_from(PEOPLE), approve=st.booleans())
    def decide(self, gate: int, actor: str, approve: bool) -> None:
        id = self.gates[-1 - gate % len(self.gates)]
        real = gates.decide(self.scene.workspace, id, Actor(ActorType.USER, actor), approve=approve)
        self.both(real, lambda: self.world.decide(id, actor, approve))

    @precondition(lambda self: self.gates)
    @rule(gate=which, actor=st.sampled_from(PEOPLE))
    def withdraw(self, gate: int, actor: str) -> None:
        id = self.gates[-1 - gate % len(self.gates)]
        real = gates.withdraw(self.scene.workspace, id, Actor(ActorType.USER, actor))
        self.both(real, lambda: self.world.withdraw(id, actor))

    @rule()
    def expire(self) -> None:
        assert self.scene.do(gates.expire())[0] == self.world.expire()

    # acting

    @rule(job=which, reason=st.sampled_from([None, "enough"]))
    def cancel(self, job: int, reason: str | None) -> None:
        id = self.job(job)
        self.both(jobs.cancel(self.scene.workspace, id, ME, reason), lambda: self.world.cancel(id, reason))

    @rule(job=which)
    def retry(self, job: int) -> None:
        id = self.job(job)
        self.both(jobs.retry(self.scene.workspace, id, ME), lambda: self.world.retry(id))

    @rule(job=which)
    def start_now(self, job: int) -> None:
        id = self.job(job)
        self.both(jobs.start_now(self.scene.workspace, id, ME), lambda: self.world.start_now(id))

    @rule(
        job=which, version=st.sampled_from([None, 0, 1]),
        change=st.dictionaries(st.sampled_from(["priority", "title", "cancel_at", "scheduled_at"]), st.integers(0, 3)),
    )  # fmt: skip
    def update(self, job: int, version: int | None, change: dict[str, int]) -> None:
        id = self.job(job)
        work = self.world.works.get(id)
        values: dict[str, list[Any]] = {
            "priority": [1, 5, 9, 10],
            "title": ["x", "y", "z", "é"],
            "cancel_at": [self.after(delay or timedelta(seconds=1)) for delay in DELAYS],
            "scheduled_at": [self.after(delay or timedelta(seconds=-1)) for delay in DELAYS],
        }
        said = {name: values[name][n] for name, n in change.items()}
        at = None if version is None or work is None else work.version + version
        real = jobs.update(self.scene.workspace, id, jobs.Change(**said), ME, version=at)
        self.both(real, lambda: self.world.update(id, at, said))

    # keeping

    @rule(lease=st.sampled_from([timedelta(seconds=4), timedelta(hours=2), timedelta(days=9)]))
    def registers(self, lease: timedelta) -> None:
        id = self.scene.new_worker(lease_seconds=lease.total_seconds(), queues=QUEUES)
        self.world.holders[id] = Holder(id, lease, self.world.now + lease)

    @rule(worker=which)
    def heartbeat(self, worker: int) -> None:
        holder = self.world.holders[self.worker(worker)]
        until = None if holder.stopped else self.world.now + holder.lease
        beat = self.scene.do(workers.heartbeat(holder.id))
        assert (beat and beat.lease_until) == until
        holder.lease_until = until or holder.lease_until

    @rule(worker=which)
    def worker_stops(self, worker: int) -> None:
        holder = self.world.holders[self.worker(worker)]
        assert self.scene.do(workers.stop([holder.id], "killed")) == ([] if holder.stopped else [holder.id])
        holder.stopped = True

    @rule(gone=st.lists(which, max_size=2))
    def rescue(self, gone: list[int]) -> None:
        named = [self.worker(one) for one in gone]
        lost = self.scene.do(workers.rescue(named))
        assert {one.job_id: str(one.status) for one in lost} == self.world.rescue(named)

    @rule()
    def stage_due(self) -> None:
        assert self.scene.do(upkeep.stage()).moved == self.world.stage()

    @rule(by=st.sampled_from([0.001, 1, 1, 3, 3, 11, 60, 3600, 90_000]), upkeep=st.booleans())
    def time_passes(self, by: float, upkeep: bool) -> None:
        self.world.now += timedelta(seconds=by)
        self.stage.clock.freeze(self.world.now)
        if upkeep:
            self.stage_due()
            self.expire()
            self.settle()

    @precondition(lambda self: self.fences)
    @rule(fence=which, again=st.booleans())
    def a_worker_dies(self, fence: int, again: bool) -> None:
        holder = self.world.holders.get(self.pick(fence).worker_id)
        if holder:
            holder.stopped = True
            self.scene.do(workers.stop([holder.id], "its process is gone"))
            self.rescue([])
        if again:
            self.registers(timedelta(days=9))
            self.claim_all(0)

    @rule(ago=st.sampled_from([timedelta(0), timedelta(days=1), timedelta(days=2)]))
    def remove(self, ago: timedelta) -> None:
        before = self.world.now - ago
        self.settle()
        assert self.scene.do(upkeep.remove_jobs(before)) == self.world.remove(before)

    # what must always hold

    @invariant()
    def agree(self) -> None:
        self.stage.steps += 1
        agreement.check(self.world, Behind(self.stage.admin))

    def teardown(self) -> None:
        self.stage.seen.update(event for work in self.world.works.values() for event, _ in work.events)


def answer(call: Callable[[], object]) -> object:
    """What a verb answers, or the name of the error with which it refuses."""
    try:
        return call()
    except Refused as refused:
        return str(refused)
    except JobtrailError as error:
        return type(error).__name__


def plain(said: object) -> object:
    return str(said) if isinstance(said, str) else said


@pytest.fixture
def stage(database: Database, conn: Connection, owner: Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(db, "_pause", lambda _: 0.0)
    with closing(database.as_admin()) as admin:
        yield Stage(conn, owner, admin)


@pytest.mark.timeout(3_600 if DEEP else 120)
def test_the_database_never_disagrees_with_the_model(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    run_state_machine_as_test(
        type("OnThisStage", (Machine,), {"stage": stage}),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not DEEP,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    if DEEP:
        with capsys.disabled():
            sys.stdout.write(f"\n{stage.steps} steps in {time.monotonic() - began:.0f} s without a disagreement\n")
    assert stage.steps >= (100_000 if DEEP else 1_000)
    assert set(REACHED if DEEP else REACHED[:8]) <= set(stage.seen), "the machine does not come everywhere any more"
