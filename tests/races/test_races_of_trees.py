"""Ends, waits, cancels and retries of jobs that depend on each other meet: nobody is forgotten, and nobody goes on twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from uuid import UUID

import psycopg
import pytest
from database import Database
from psycopg import sql
from races.arena import ROUNDS, Arena
from races.test_races import cancel, retry, running, statuses
from scene import ME, Scene, fence_of, ids, new_job

from jobtrail.core.fence import Fence
from jobtrail.service import children, jobs, settling

Pair = tuple[Fence, UUID]


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
    with arena.scene() as scene:
        yield scene


def settle(scene: Scene, _: object = None) -> int:
    return scene.do(settling.page(50)).taken


def settle_all(scene: Scene) -> None:
    while scene.do(settling.page()).taken:
        pass


def after(scene: Scene, needs: tuple[UUID, ...], id: UUID | None = None) -> UUID:
    return scene.do(jobs.enqueue(scene.workspace, [new_job(id=id)._replace(after=needs)], ME)).ids[0]


def waiting_for(scene: Scene, fences: list[Fence]) -> list[Pair]:
    return [(fence, after(scene, (fence.job_id,))) for fence in fences]


def released(arena: Arena, ids: list[UUID]) -> Counter[str]:
    """How often each sort of event was written of these."""
    rows = arena.admin.execute("select type, count(*) from jobtrail.events where job_id = any (%s) group by 1", (ids,))
    return Counter(dict(rows.fetchall()))


def test_an_end_against_the_beginning_of_a_wait_for_it(arena: Arena, setter: Scene) -> None:
    fences = running(setter)
    made = {fence.job_id: ids.new() for fence in fences}
    arena.race(fences, lambda s, f: s.complete(f), lambda s, f: after(s, (f.job_id,), made[f.job_id]), settle)
    settle_all(setter)
    assert statuses(arena) == {"COMPLETED": ROUNDS, "QUEUED": ROUNDS}


def test_an_end_against_those_who_settle(arena: Arena, setter: Scene) -> None:
    pairs = waiting_for(setter, running(setter))
    arena.race(pairs, lambda s, p: s.complete(p[0]), settle, settle)
    settle_all(setter)
    told = released(arena, [job for _, job in pairs])
    assert told == {"job.created": ROUNDS, "job.queued": ROUNDS}


def test_two_ends_for_which_one_job_waits(arena: Arena, setter: Scene) -> None:
    fences = running(setter, 2 * ROUNDS)
    rounds = [
        (one, two, after(setter, (one.job_id, two.job_id))) for one, two in zip(fences[::2], fences[1::2], strict=True)
    ]
    arena.race(rounds, lambda s, r: s.complete(r[0]), lambda s, r: s.complete(r[1]), settle)
    settle_all(setter)
    assert released(arena, [job for *_, job in rounds]) == {"job.created": ROUNDS, "job.queued": ROUNDS}


def test_an_end_against_the_cancel_of_who_waits(arena: Arena, setter: Scene) -> None:
    pairs = waiting_for(setter, running(setter))
    arena.race(pairs, lambda s, p: s.complete(p[0]), lambda s, p: cancel(s, p[1]), settle)
    settle_all(setter)
    assert statuses(arena) == {"COMPLETED": ROUNDS, "CANCELLED": ROUNDS}


def test_a_failure_against_the_retry_of_who_fails_with_it(arena: Arena, setter: Scene) -> None:
    pairs = waiting_for(setter, running(setter))
    arena.race(
        pairs, lambda s, p: s.fail(p[0]), settle, lambda s, p: retry(s, p[1]), lambda s, p: retry(s, p[0].job_id)
    )
    settle_all(setter)
    waits = [job for _, job in pairs]
    rows = arena.admin.execute(
        "select distinct status::text, wait_reason::text from jobtrail.jobs where id = any (%s)", (waits,)
    )
    assert set(rows.fetchall()) <= {("FAILED", None), ("QUEUED", None), ("PENDING", "DEPENDENCY")}


def family(scene: Scene, parent: Fence) -> tuple[Fence, Fence]:
    """A parent that runs and has started a child, which runs too."""
    scene.do(children.start(parent, ids.new(), "child", "child", [new_job()], generation=1))
    (claimed,) = scene.claim()
    return parent, fence_of(claimed, scene.worker)


def test_a_child_ends_while_its_parent_begins_to_wait_for_it(arena: Arena, setter: Scene) -> None:
    families = [family(setter, parent) for parent in running(setter)]
    arena.race(families, lambda s, f: s.complete(f[1]), lambda s, f: s.do(children.suspend(f[0], "{}")), settle)
    settle_all(setter)
    assert statuses(arena) == {"COMPLETED": ROUNDS, "QUEUED": ROUNDS}
    told = released(arena, [parent.job_id for parent, _ in families])
    assert (told["job.waiting"], told["job.resumed"]) == (ROUNDS, ROUNDS)


def test_a_child_ends_while_its_parent_is_cancelled(arena: Arena, setter: Scene) -> None:
    families = [family(setter, parent) for parent in running(setter)]
    for parent, _ in families:
        setter.do(children.suspend(parent, "{}"))
    arena.race(families, lambda s, f: s.complete(f[1]), lambda s, f: cancel(s, f[0].job_id), settle, settle)
    settle_all(setter)
    parents, below = ([fence.job_id for fence in side] for side in zip(*families, strict=True))
    assert released(arena, list(parents))["job.cancelled"] == ROUNDS
    assert released(arena, list(below))["job.completed"] == ROUNDS


def test_those_who_settle_against_the_cancel_of_a_whole_tree(arena: Arena, setter: Scene) -> None:
    """Parents and children are cancelled by hand and by who settles, from both ends."""
    parents = setter.enqueue_many(ROUNDS)
    pairs = [(parent, setter.enqueue(parent_id=parent)) for parent in parents]
    arena.race(pairs, lambda s, p: cancel(s, p[0]), lambda s, p: cancel(s, p[1]), settle, settle)
    settle_all(setter)
    assert statuses(arena) == {"CANCELLED": 2 * ROUNDS}
