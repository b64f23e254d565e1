"""Two or more want the same job while its input is checked: each race ends well in every round, without a deadlock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from database import Database
from psycopg import sql
from races.arena import ROUNDS, Arena, ids_of
from scene import ME, TYPE, Scene

from jobtrail.service import jobs, upkeep, validations, workers
from jobtrail.service.validations import Validation


@pytest.fixture
def arena(database: Database) -> Iterator[Arena]:
    with closing(database.as_admin()) as admin:
        name = sql.Identifier(database.name)
        admin.execute(sql.SQL("alter database {} set deadlock_timeout = '20ms'").format(name))
        with closing(psycopg.connect(database.admin_url, autocommit=True)) as looks_on:
            arena = Arena(database, looks_on)
            yield arena
            assert arena.deadlocks() == 0
            assert arena.unsound() == {}


@pytest.fixture
def setter(arena: Arena) -> Iterator[Scene]:
    """Sets the scene before a race and looks at it afterwards."""
    with arena.scene() as scene:
        yield scene


def take(scene: Scene, limit: int = 1, worker: UUID | None = None) -> list[Validation]:
    return scene.do(validations.take(worker or scene.worker, ("default",), (TYPE,), limit))


def taken(scene: Scene, worker: UUID | None = None) -> list[Validation]:
    scene.enqueue_many(ROUNDS, checked=True)
    return take(scene, ROUNDS, worker)


def statuses(arena: Arena) -> Counter[str]:
    return Counter(dict(arena.admin.execute("select status::text, count(*) from jobtrail.jobs group by 1").fetchall()))


def cancel(scene: Scene, id: UUID) -> str:
    return str(scene.do(jobs.cancel(scene.workspace, id, ME, "enough")))


def test_take_against_take(arena: Arena, setter: Scene) -> None:
    wanted = setter.enqueue_many(2 * ROUNDS, checked=True)
    got = arena.race(range(2 * ROUNDS), *[lambda s, n: ids_of(take(s, n % 5))] * 3)
    found = [id for each in got for one in each for id in one] + ids_of(take(setter, 2 * ROUNDS))
    assert Counter(found) == Counter(wanted)
    assert statuses(arena) == {"VALIDATING": 2 * ROUNDS}


def test_take_against_cancel(arena: Arena, setter: Scene) -> None:
    wanted = setter.enqueue_many(ROUNDS, checked=True)
    arena.race(wanted, lambda s, _: ids_of(take(s)), cancel, lambda s, _: ids_of(take(s, 2)))
    assert statuses(arena) == {"CANCELLED": ROUNDS}


def test_pass_against_cancel(arena: Arena, setter: Scene) -> None:
    checks = taken(setter)
    got = arena.race(
        checks, lambda s, one: s.do(validations.passed(one, setter.worker)), lambda s, one: cancel(s, one.job_id)
    )
    assert {str(passed) for passed, _ in got} <= {"QUEUED", "None"}
    assert statuses(arena) == {"CANCELLED": ROUNDS}
    assert setter.claim(ROUNDS) == []


def test_pass_against_rescue(arena: Arena, setter: Scene) -> None:
    checks, worker = taken(setter), setter.worker
    got = arena.race(
        checks,
        lambda s, one: s.do(validations.passed(one, worker)),
        lambda s, _: len(s.do(workers.rescue([worker]))),
    )
    passed = sum(one == "QUEUED" for one, _ in got)
    assert statuses(arena) == Counter({"QUEUED": passed, "PENDING": ROUNDS - passed}) - Counter()


@pytest.mark.parametrize("verdict", ["passed", "refused", "broke", "given back"])
def test_a_zombie_against_its_heir(arena: Arena, setter: Scene, verdict: str) -> None:
    """Between the zombie's look at the check and its hold of the job, the job is lost, taken again, and VALIDATING anew."""
    zombie, heir = (setter.new_worker(lease_seconds=3_600.0) for _ in range(2))
    checks = taken(setter, zombie)
    ends = {
        "passed": lambda one: validations.passed(one, zombie),
        "refused": lambda one: validations.refused(one, zombie, {"a": "b"}),
        "broke": lambda one: validations.broke(one, zombie, "no", timedelta(0)),
        "given back": lambda one: validations.give_back(one, zombie),
    }

    def lose_and_take(scene: Scene, _: Validation) -> list[UUID]:
        scene.do(workers.rescue([zombie]))
        return ids_of(take(scene, ROUNDS, heir))

    got = arena.race(checks, lambda s, one: s.do(ends[verdict](one)), lose_and_take, lose_and_take)
    take(setter, ROUNDS, heir)
    won = sum(one is not None for one, *_ in got)
    left = statuses(arena)
    if verdict == "passed":
        assert left["QUEUED"] == won
    elif verdict == "refused":
        assert left["FAILED"] == won
    assert sum(left.values()) == ROUNDS
    holders = arena.admin.execute("select distinct worker_id from jobtrail.validations").fetchall()
    assert {holder for (holder,) in holders} <= {heir}


def test_putting_off_against_take_against_pass(arena: Arena, setter: Scene) -> None:
    checks = taken(setter)
    later = jobs.Change(scheduled_at=datetime.now(UTC) + timedelta(days=1))
    arena.race(
        checks,
        lambda s, one: s.do(validations.passed(one, setter.worker)),
        lambda s, one: s.do(jobs.update(s.workspace, one.job_id, later, ME)),
        lambda s, one: s.do(jobs.start_now(s.workspace, one.job_id, ME)),
        lambda s, _: ids_of(take(s, 2)),
    )
    left = statuses(arena)
    assert left["QUEUED"] + left["PENDING"] + left["VALIDATING"] == ROUNDS


def test_stage_against_start_now_against_take(arena: Arena, setter: Scene) -> None:
    wanted = setter.enqueue_many(ROUNDS, checked=True, scheduled_at=datetime.now(UTC) + timedelta(days=1))
    setter.conn.execute("update jobtrail.jobs set event = 'job.updated', scheduled_at = '2020-01-01'")
    arena.race(
        wanted,
        lambda s, _: s.do(upkeep.stage(1)).moved,
        lambda s, id: s.do(jobs.start_now(s.workspace, id, ME)),
        lambda s, _: ids_of(take(s)),
    )
    setter.do(upkeep.stage(ROUNDS))
    take(setter, ROUNDS)
    assert statuses(arena) == {"VALIDATING": ROUNDS}


def test_a_new_priority_against_take(arena: Arena, setter: Scene) -> None:
    wanted = setter.enqueue_many(ROUNDS, checked=True)
    arena.race(
        wanted,
        lambda s, id: s.do(jobs.update(s.workspace, id, jobs.Change(priority=9), ME)),
        lambda s, _: ids_of(take(s, 3)),
    )
    take(setter, ROUNDS)
    assert statuses(arena) == {"VALIDATING": ROUNDS}
