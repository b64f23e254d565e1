"""Every verb takes the job before anything that hangs on it, so that no two can hold what the other waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from database import Connection, Database
from scene import ME, TYPE, Scene, ids

from jobtrail.core.fence import Fence
from jobtrail.core.status import Phase, StepStatus, StepType, WaitReason
from jobtrail.service import (
    assets,
    attempts,
    gate_links,
    gates,
    jobs,
    logs,
    steps,
    trail,
    upkeep,
    usage,
    validations,
    waits,
    workers,
)
from jobtrail.service.validations import Validation

HANGS_ON_IT = ("attempts", "steps", "gates", "timers", "ready", "validations")
SOON = timedelta(seconds=5)
MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Held:
    """A job in whose way somebody stands, with what a verb on it may name."""

    id: UUID
    fence: Fence
    step: UUID
    gate: UUID
    check: Validation | None = None


def running(scene: Scene) -> Held:
    fence = scene.start(cancel_at=None)
    return Held(fence.job_id, fence, scene.step(fence, "render"), ids.new())


def asking(scene: Scene) -> Held:
    fence = scene.start()
    return Held(fence.job_id, fence, ids.new(), scene.ask(fence, expires=MOMENT))


def queued(scene: Scene) -> Held:
    fence = scene.start()
    scene.step(fence, "render")
    scene.do(attempts.interrupt([fence]))
    return Held(fence.job_id, fence, ids.new(), ids.new())


def due(scene: Scene) -> Held:
    fence = scene.start()
    scene.do(attempts.suspend(fence, "job.snoozed", WaitReason.SCHEDULE, MOMENT))
    return Held(fence.job_id, fence, ids.new(), ids.new())


def unchecked(scene: Scene) -> Held:
    id = scene.enqueue(checked=True)
    return Held(id, Fence(scene.workspace, id, ids.new(), scene.worker), ids.new(), ids.new())


def checking(scene: Scene) -> Held:
    held = unchecked(scene)
    (check,) = take(scene, held)
    return Held(held.id, held.fence, held.step, held.gate, check)


def take(scene: Scene, held: Held) -> list[Validation]:
    return scene.do(validations.take(held.fence.worker_id, ("default",), (TYPE,), 1))


def end(scene: Scene, held: Held, verb: Callable[..., Any]) -> Any:
    assert held.check is not None
    return scene.do(verb(held.check, held.fence.worker_id))


def failed(scene: Scene) -> Held:
    fence = scene.start()
    scene.fail(fence)
    return Held(fence.job_id, fence, ids.new(), ids.new())


Verb = Callable[[Scene, Held], Any]
WAIT: dict[str, tuple[Callable[[Scene], Held], Verb]] = {
    "complete": (running, lambda s, h: s.complete(h.fence)),
    "fail": (running, lambda s, h: s.fail(h.fence, retry_in=SOON)),
    "end cancelled": (running, lambda s, h: s.do(attempts.end_cancelled(h.fence, "stopped"))),
    "suspend": (running, lambda s, h: s.do(attempts.suspend(h.fence, "job.snoozed", WaitReason.SCHEDULE, SOON))),
    "interrupt": (running, lambda s, h: s.do(attempts.interrupt([h.fence]))),
    "progress": (running, lambda s, h: s.do(attempts.progress(h.fence, 50))),
    "begin a step": (
        running,
        lambda s, h: s.do(steps.begin(h.fence, ids.new(), "render", "render", Phase.SETUP, StepType.COMMAND)),
    ),
    "finish a step": (running, lambda s, h: s.do(steps.finish(h.fence, h.step, StepStatus.COMPLETED))),
    "skip a step": (
        running,
        lambda s, h: s.do(steps.skip(h.fence, ids.new(), "k", "k", Phase.SETUP, StepType.COMMAND, "why")),
    ),
    "book": (running, lambda s, h: s.do(usage.book(h.fence, 1, usage.Call(provider="p", model="m"), h.step))),
    "keep": (
        running,
        lambda s, h: s.do(
            assets.keep(h.fence, assets.NewAsset(id=ids.new(), name="n", byte_size=1, sha256="0" * 64, storage_key="k"))
        ),
    ),
    "log": (running, lambda s, h: s.do(logs.append([logs.NewChunk(h.fence, None, 1, 1, ("INFO",), (), "{}")]))),
    "ask": (running, lambda s, h: s.do(gates.request(h.fence, h.step, ids.new(), "May it?"))),
    "decide": (asking, lambda s, h: s.do(gates.decide(s.workspace, h.gate, ME, approve=True))),
    "sleep": (
        running,
        lambda s, h: s.do(waits.begin(h.fence, ids.new(), "z", "z", Phase.EXECUTION, waits.Wanted(seconds=9e4))),
    ),
    "let somebody decide by a link": (
        asking,
        lambda s, h: (
            s.do(gate_links.make(s.workspace, h.gate, ids.new(), "ben", bytes(32), timedelta(days=1), ME)).link.person
        ),
    ),
    "cancel what waits for people": (asking, lambda s, h: s.do(jobs.cancel(s.workspace, h.id, ME))),
    "cancel what is queued": (queued, lambda s, h: s.do(jobs.cancel(s.workspace, h.id, ME))),
    "cancel what runs": (running, lambda s, h: s.do(jobs.cancel(s.workspace, h.id, ME))),
    "update": (queued, lambda s, h: s.do(jobs.update(s.workspace, h.id, jobs.Change(priority=9), ME))),
    "start now": (due, lambda s, h: s.do(jobs.start_now(s.workspace, h.id, ME))),
    "retry": (failed, lambda s, h: s.do(jobs.retry(s.workspace, h.id, ME))),
    "claim": (queued, lambda s, _: s.claim()),
    "tell": (running, lambda s, h: s.do(trail.tell(h.fence, "ai.tool_called", "{}"))),
    "identify": (running, lambda s, h: s.do(attempts.identify(h.fence, session_id="x"))),
    "pass a check": (checking, lambda s, h: end(s, h, validations.passed)),
    "give a check back": (checking, lambda s, h: end(s, h, validations.give_back)),
    "cancel what is checked": (checking, lambda s, h: s.do(jobs.cancel(s.workspace, h.id, ME))),
    "update what waits for a check": (
        unchecked,
        lambda s, h: s.do(jobs.update(s.workspace, h.id, jobs.Change(priority=9), ME)),
    ),
}
PASS_BY: dict[str, tuple[Callable[[Scene], Held], Verb]] = {
    "rescue": (running, lambda s, h: s.do(workers.rescue([h.fence.worker_id]))),
    "rescue a check": (checking, lambda s, h: s.do(workers.rescue([h.fence.worker_id]))),
    "take to check": (unchecked, take),
    "stage": (due, lambda s, _: s.do(upkeep.stage()).moved),
    "expire": (asking, lambda s, _: s.do(gates.expire())[0]),
}
READY_FIRST = {"claim"}
"""The claim takes its row of `ready` first: whoever else wants that row skips it, so nobody waits for a claim there."""


@pytest.fixture
def others(database: Database) -> Iterator[Scene]:
    """The connection on which a verb meets a job that is held."""
    with closing(database.connect(application="meets it")) as conn:
        yield Scene(conn)


@contextmanager
def held(admin: Connection, id: UUID) -> Iterator[None]:
    """Somebody has the job and does not let go."""
    with admin.transaction():
        admin.execute("select from jobtrail.jobs where id = %s for update", (id,))
        yield


@pytest.mark.parametrize("name", WAIT)
def test_a_verb_that_waits_for_a_job_holds_nothing_that_hangs_on_it(
    scene: Scene, others: Scene, admin: Connection, conn: Connection, name: str
) -> None:
    set_up, verb = WAIT[name]
    job = set_up(scene)
    with ThreadPoolExecutor(1) as thread:
        with held(admin, job.id):
            answer = thread.submit(verb, others, job)
            wait_until_it_waits(conn, answer)
            locked = [table for table in HANGS_ON_IT if is_locked(conn, table, job.id)]
        answer.result(30)
    assert locked == (["ready"] if name in READY_FIRST else [])


@pytest.mark.parametrize("name", PASS_BY)
def test_upkeep_passes_by_a_job_that_somebody_holds_and_comes_back(
    scene: Scene, others: Scene, admin: Connection, name: str
) -> None:
    set_up, verb = PASS_BY[name]
    job = set_up(scene)
    with held(admin, job.id):
        assert not verb(others, job)
    assert verb(others, job)


@pytest.mark.parametrize("verb", [validations.passed, validations.give_back])
def test_a_zombie_that_waits_for_its_job_does_not_end_the_check_of_its_heir(
    scene: Scene, others: Scene, conn: Connection, database: Database, verb: Callable[..., Any]
) -> None:
    """The job is VALIDATING when it begins to wait, and again when it gets it; only the token tells the two apart."""
    job, heir = checking(scene), scene.new_worker()
    with ThreadPoolExecutor(1) as thread, closing(database.connect()) as looks_on:
        with conn.transaction():
            end(scene, job, validations.give_back)
            answer = thread.submit(end, others, job, verb)
            wait_until_it_waits(looks_on, answer)
            assert len(take(scene, replace(job, fence=job.fence._replace(worker_id=heir)))) == 1
        assert answer.result(30) is None
    assert scene.told(job.id) == ["job.created", "job.validating", "job.interrupted", "job.validating"]


def wait_until_it_waits(conn: Connection, answer: Future[Any]) -> None:
    never = threading.Event()
    for _ in range(1_000):
        found = conn.execute(
            "select count(*) from pg_stat_activity where application_name = 'meets it' "
            "and datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0"
        ).fetchone()
        if found != (0,):
            return
        assert not answer.done(), f"it did not wait: {answer.result()}"
        never.wait(0.005)
    raise AssertionError("it neither waits nor ends")


def is_locked(conn: Connection, table: str, id: UUID) -> bool:
    """Whether somebody has a row of a table that hangs on the job."""
    seen = f"select count(*) from jobtrail.{table} where job_id = %s"
    free = f"select count(*) from (select from jobtrail.{table} where job_id = %s for update skip locked) as free"
    with conn.transaction(force_rollback=True):
        rows = [conn.execute(query.encode(), (id,)).fetchone() for query in (seen, free)]
    return rows[0] != rows[1]
