"""Many claim at one limit at once: together they take what it leaves, no more and no less."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from database import Database
from races.arena import ROUNDS, Arena
from scene import ME, WORKSPACE, Scene, fence_of, ids

from jobtrail.core.limits import LimitScope, Rate
from jobtrail.service import limits

MOST = 4


@pytest.fixture
def arena(database: Database) -> Iterator[Arena]:
    with closing(database.as_admin()) as admin:
        yield Arena(database, admin)


@pytest.fixture
def setter(arena: Arena) -> Iterator[Scene]:
    with arena.scene("setter") as scene:
        yield scene


def claim(scene: Scene, _: int) -> int:
    """Takes what it can get, and ends half of it; answers how many it took."""
    taken = scene.claim(3)
    for one in taken[: len(taken) // 2 + 1]:
        scene.complete(fence_of(one, scene.worker))
    return len(taken)


def most_at_once(arena: Arena) -> int:
    """By the trail: how many attempts were open at once at the most."""
    found = arena.admin.execute(
        "select max(running) from (select sum(case type when 'job.started' then 1 else -1 end) over (order by at, type) as running "
        "from jobtrail.events where type in ('job.started', 'job.completed')) moves"
    ).fetchone()
    assert found is not None
    return int(found[0])


@pytest.mark.parametrize("scope", [LimitScope.QUEUE, LimitScope.WORKSPACE, LimitScope.KEY])
def test_claims_of_three_fill_a_limit_and_never_pass_it(arena: Arena, setter: Scene, scope: LimitScope) -> None:
    keyed = {"concurrency_key": "a"} if scope is LimitScope.KEY else {}
    setter.enqueue_many(3 * ROUNDS, **keyed)
    name = {LimitScope.QUEUE: "default", LimitScope.WORKSPACE: "", LimitScope.KEY: "a"}[scope]
    setter.do(limits.set_limit(WORKSPACE, ids.new(), scope, name, ME, max_slots=MOST))
    got = arena.race(range(ROUNDS // 3), claim, claim, claim)
    assert all(isinstance(one, int) for each in got for one in each), [each for each in got if str in map(type, each)][
        :3
    ]
    assert (most_at_once(arena), arena.unsound(), arena.deadlocks()) == (MOST, {}, 0)


def test_a_rate_lets_no_more_start_however_many_ask(arena: Arena, setter: Scene) -> None:
    setter.enqueue_many(ROUNDS)
    setter.do(limits.set_limit(WORKSPACE, ids.new(), LimitScope.QUEUE, "default", ME, rate=Rate(ROUNDS // 2, 3_600.0)))
    got = arena.race(range(ROUNDS // 3), claim, claim, claim)
    assert sum(one for each in got for one in each) == ROUNDS // 2


def test_a_limit_that_is_set_while_others_claim_holds_from_then_on(arena: Arena, setter: Scene) -> None:
    setter.enqueue_many(3 * ROUNDS)

    def tighten(scene: Scene, n: int) -> None:
        scene.do(limits.set_limit(WORKSPACE, ids.new(), LimitScope.QUEUE, "default", ME, max_slots=MOST + n % 3))

    arena.race(range(ROUNDS // 3), claim, claim, tighten)
    assert (arena.unsound(), arena.deadlocks()) == ({}, 0)
    open_now = arena.admin.execute("select count(*) from jobtrail.attempts where ended_at is null").fetchone()
    assert open_now is not None
    assert setter.claim(100) == [] or open_now[0] < MOST + 2
