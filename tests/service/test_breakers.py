"""A breaker opens when too many attempts of its type fail, lets some through to see, and closes when they complete."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from database import Clock, Connection, Database
from scene import ME, SERVES_ALL, TYPE, WORKSPACE, Scene, ids

from jobtrail.core.breaker import Breaker, BreakerMode, BreakerPolicy
from jobtrail.core.errors import Invalid, NotFound
from jobtrail.service import administration, breakers
from jobtrail.service.breakers import Moved, Outcomes
from jobtrail.store.db import Scope, run

POLICY = BreakerPolicy(min_failures=3, failure_ratio=0.5, window_seconds=60, open_seconds=30, probes=1)
OPEN_FOR = timedelta(seconds=30)


def put(scene: Scene, mode: BreakerMode = BreakerMode.AUTO, **said: Any) -> Breaker:
    return scene.do(breakers.put(WORKSPACE, TYPE, mode, ME, ids.new(), **{"policy": POLICY, **said}))


def tell(scene: Scene, **counts: int) -> list[str]:
    moved = scene.do(breakers.tell([Outcomes(WORKSPACE, TYPE, **counts)]))
    return [one.becomes for one in moved]


def review(scene: Scene) -> list[str]:
    return [one.becomes for one in scene.do(breakers.review())]


def breaker(scene: Scene) -> Breaker:
    (found,) = scene.do(breakers.listed(WORKSPACE))
    return found


def limit(conn: Connection) -> list[tuple[str, str, int]]:
    return conn.execute("select scope::text, name, max_slots from jobtrail.limits where source = 'BREAKER'").fetchall()


def test_types_without_a_breaker_are_not_counted(scene: Scene) -> None:
    assert tell(scene, failed=1_000) == []
    assert scene.conn.execute("select count(*) from jobtrail.type_outcomes").fetchone() == (0,)


def test_it_opens_at_enough_failures_and_its_jobs_wait_without_using_attempts(scene: Scene, clock: Clock) -> None:
    put(scene)
    waiting = scene.enqueue_many(5)
    assert tell(scene, failed=2) == []
    assert tell(scene, timed_out=1) == ["OPEN"]
    assert (breaker(scene).state, breaker(scene).reason) == ("OPEN", "3 of 3 attempts failed within 60 s")
    assert limit(scene.conn) == [("TYPE", TYPE, 0)]
    assert scene.claim(9) == []
    assert {(scene.job(id).status, scene.job(id).attempt_count) for id in waiting} == {("QUEUED", 0)}
    assert tell(scene, failed=5) == []


@pytest.mark.parametrize(("completed", "opens"), [(3, True), (4, False)])
def test_failures_count_against_what_completed(scene: Scene, clock: Clock, completed: int, opens: bool) -> None:
    put(scene)
    assert tell(scene, completed=completed) == []
    assert tell(scene, failed=3) == (["OPEN"] if opens else [])


def test_failures_of_long_ago_do_not_count(scene: Scene, clock: Clock) -> None:
    put(scene)
    tell(scene, failed=2)
    clock.advance(seconds=71)
    assert tell(scene, failed=2) == []
    assert breaker(scene).failed == 2
    assert tell(scene, failed=1) == ["OPEN"]


def test_after_a_time_one_job_is_let_through_and_when_it_completes_all_are(scene: Scene, clock: Clock) -> None:
    put(scene)
    scene.enqueue_many(4)
    tell(scene, failed=3)
    clock.advance(OPEN_FOR - timedelta(milliseconds=1))
    assert review(scene) == []
    clock.advance(timedelta(milliseconds=1))
    assert review(scene) == ["HALF_OPEN"]
    assert len(scene.claim(9)) == 1
    assert scene.claim(9) == []
    assert review(scene) == []
    assert tell(scene, completed=1) == ["CLOSED"]
    assert limit(scene.conn) == []
    assert len(scene.claim(9)) == 3


def test_a_job_that_was_let_through_and_fails_opens_it_again(scene: Scene, clock: Clock) -> None:
    put(scene)
    tell(scene, failed=3)
    clock.advance(OPEN_FOR)
    assert review(scene) == ["HALF_OPEN"]
    assert tell(scene, failed=1) == ["OPEN"]
    assert limit(scene.conn) == [("TYPE", TYPE, 0)]
    clock.advance(OPEN_FOR)
    assert review(scene) == ["HALF_OPEN"]


def test_people_hold_it_open_or_closed_until_it_counts_by_itself_again(scene: Scene, clock: Clock) -> None:
    scene.enqueue()
    assert put(scene, BreakerMode.OPEN, reason="their deploy").state == "OPEN"
    assert scene.claim() == []
    clock.advance(OPEN_FOR * 100)
    assert (review(scene), tell(scene, completed=9)) == ([], [])
    assert put(scene, BreakerMode.CLOSED).state == "CLOSED"
    assert tell(scene, failed=99) == []
    assert len(scene.claim()) == 1
    put(scene, BreakerMode.AUTO)
    assert tell(scene, failed=3) == ["OPEN"]
    assert put(scene, BreakerMode.AUTO, policy=BreakerPolicy(probes=2)).state == "OPEN"  # another policy opens nothing
    assert put(scene, BreakerMode.CLOSED).state == "CLOSED"
    assert limit(scene.conn) == []


def test_a_breaker_that_is_taken_away_holds_nothing_any_more(scene: Scene) -> None:
    put(scene, BreakerMode.OPEN)
    id = scene.enqueue()
    scene.do(breakers.remove(WORKSPACE, TYPE, ME))
    assert [one.job_id for one in scene.claim()] == [id]
    with pytest.raises(NotFound, match="jobtrail type breaker"):
        scene.do(breakers.remove(WORKSPACE, TYPE, ME))


def test_a_limit_that_people_set_is_left_alone(scene: Scene) -> None:
    scene.conn.execute("insert into jobtrail.limits (workspace_id, id, scope, name, max_slots, set_by) values (%s, %s, 'TYPE', "
        "%s, 2, 'me')", (WORKSPACE, ids.new(), TYPE))  # fmt: skip
    put(scene)
    tell(scene, failed=3)
    put(scene, BreakerMode.CLOSED)
    assert scene.conn.execute("select source::text, max_slots from jobtrail.limits").fetchall() == [("USER", 2)]


def test_whatever_moves_a_breaker_is_in_the_record_of_administration(scene: Scene, clock: Clock) -> None:
    put(scene)
    tell(scene, failed=3)
    clock.advance(OPEN_FOR)
    review(scene)
    tell(scene, completed=1)
    scene.do(breakers.remove(WORKSPACE, TYPE, ME))
    told = [one.type for one in scene.do(administration.listed(WORKSPACE))]
    assert told == ["breaker.removed", "breaker.closed", "breaker.half_open", "breaker.open", "breaker.set"]


@pytest.mark.parametrize(
    "policy",
    [{"min_failures": 0}, {"failure_ratio": 1.5}, {"failure_ratio": 0.0}, {"window_seconds": 5}, {"probes": 0}],
)
def test_a_policy_that_makes_no_sense_is_refused(scene: Scene, policy: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=f"{next(iter(policy))} must be"):
        put(scene, policy=BreakerPolicy(**policy))


def test_two_leaders_and_many_workers_at_once_move_it_once(database: Database, scene: Scene, clock: Clock) -> None:
    put(scene)

    def both(_: int) -> list[Moved]:
        with closing(database.connect()) as mine:
            return [
                *run(mine, breakers.tell([Outcomes(WORKSPACE, TYPE, failed=3)]), SERVES_ALL),
                *run(mine, breakers.review(), SERVES_ALL),
            ]

    with ThreadPoolExecutor(8) as pool:
        assert [one.becomes for moved in pool.map(both, range(8)) for one in moved] == ["OPEN"]
        clock.advance(OPEN_FOR)
        assert [one.becomes for moved in pool.map(both, range(1)) for one in moved] == ["HALF_OPEN"]
        assert [one.becomes for moved in pool.map(both, range(8)) for one in moved] == ["OPEN"]


def test_another_workspace_sees_and_moves_nothing_of_it(scene: Scene, database: Database) -> None:
    put(scene)
    with closing(database.connect(None)) as strange:
        theirs = Scope.of(ids.new())
        assert run(strange, breakers.listed(WORKSPACE), theirs) == []
        assert run(strange, breakers.tell([Outcomes(WORKSPACE, TYPE, failed=9)]), theirs) == []
    assert breaker(scene).state == "CLOSED"
