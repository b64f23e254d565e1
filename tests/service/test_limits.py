"""Limits: how many slots a queue, a type, a key and a workspace may take, and what a claim does about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from scene import ME, TYPE, WORKSPACE, Scene, fence_of, ids, new_job

from jobtrail.core.errors import Invalid, NotFound
from jobtrail.core.limits import LimitScope, LimitUse, Rate, parse_rate, rate_text
from jobtrail.core.model import Claimed
from jobtrail.service import administration, jobs, limits
from jobtrail.testing import Clock

OTHER = UUID("00000000-0000-7000-8000-000000000002")


def limit(scene: Scene, scope: LimitScope, name: str, slots: int | None = None, rate: Rate | None = None) -> None:
    scene.do(limits.set_limit(scene.workspace, ids.new(), scope, name, ME, max_slots=slots, rate=rate))


def used(scene: Scene) -> LimitUse:
    (one,) = scene.do(limits.listed(scene.workspace))
    return one


def claim(scene: Scene, limit: int = 100, *types: str, queue: str = "default") -> list[Claimed]:
    return scene.claim(limit, queue=queue, types=types or (TYPE,))


def test_a_queue_runs_no_more_than_its_slots_and_goes_on_when_one_ends(scene: Scene) -> None:
    wanted = scene.enqueue_many(10)
    limit(scene, LimitScope.QUEUE, "default", 3)
    first = claim(scene)
    assert [one.job_id for one in first] == wanted[:3]
    assert (claim(scene), used(scene).used_slots, used(scene).full) == ([], 3, True)
    scene.complete(fence_of(first[1], scene.worker))
    assert [one.job_id for one in claim(scene)] == [wanted[3]]


def test_a_limit_of_one_queue_leaves_the_others_alone(scene: Scene) -> None:
    limit(scene, LimitScope.QUEUE, "default", 0)
    scene.enqueue()
    elsewhere = scene.enqueue(queue="other")
    assert ([one.job_id for one in claim(scene, queue="other")], claim(scene)) == ([elsewhere], [])


def test_a_limit_is_its_own_workspaces(scene: Scene) -> None:
    limit(scene, LimitScope.QUEUE, "default", 0)
    theirs = Scene(scene.conn, OTHER)
    id = theirs.enqueue()
    scene.enqueue()
    assert [one.job_id for one in claim(scene)] == [id]


def test_a_workspace_counts_all_its_queues(scene: Scene) -> None:
    limit(scene, LimitScope.WORKSPACE, "", 3)
    scene.enqueue_many(2)
    scene.enqueue_many(2, queue="other")
    assert [len(claim(scene)), len(claim(scene, queue="other"))] == [2, 1]


def test_a_full_type_is_passed_over(scene: Scene) -> None:
    limit(scene, LimitScope.TYPE, "slow", 1)
    slow = scene.enqueue_many(3, type="slow")
    fast = scene.enqueue_many(2, type="fast")
    taken = claim(scene, 100, "slow", "fast")
    assert sorted(one.job_id for one in taken) == sorted([slow[0], *fast])
    assert claim(scene, 100, "slow", "fast") == []


def test_behind_thousands_of_a_full_type_another_one_is_found(scene: Scene) -> None:
    limit(scene, LimitScope.TYPE, "slow", 0)
    scene.enqueue_many(5_000, type="slow")
    fast = scene.enqueue(type="fast")
    looks = [claim(scene, 5, "slow", "fast") for _ in range(3)]
    assert [one.job_id for look in looks for one in look] == [fast]
    assert looks[0] == [], "one look is cut short, and the next goes on where it ended"
    urgent = scene.enqueue(type="fast", priority=10)
    assert [one.job_id for one in claim(scene, 5, "slow", "fast")] == [urgent]


def test_jobs_of_one_key_run_one_after_the_other(scene: Scene) -> None:
    a = scene.enqueue_many(3, concurrency_key="a")
    b = scene.enqueue_many(2, concurrency_key="b")
    free = scene.enqueue()
    first = claim(scene)
    assert [one.job_id for one in first] == [a[0], b[0], free]
    assert claim(scene) == []
    scene.complete(fence_of(first[0], scene.worker))
    assert [one.job_id for one in claim(scene)] == [a[1]]


def test_a_job_says_how_many_of_its_key_may_run(scene: Scene) -> None:
    scene.enqueue_many(5, concurrency_key="a", concurrency_limit=3)
    assert (len(claim(scene)), len(claim(scene))) == (3, 0)


@pytest.mark.parametrize("name", ["a", "*"])
def test_a_limit_on_a_key_counts_instead_of_the_jobs_own(scene: Scene, name: str) -> None:
    scene.enqueue_many(5, concurrency_key="a", concurrency_limit=4)
    limit(scene, LimitScope.KEY, name, 2)
    assert (len(claim(scene)), len(claim(scene))) == (2, 0)
    limit(scene, LimitScope.KEY, name, 3)
    assert len(claim(scene)) == 1


def test_behind_thousands_of_a_full_key_the_others_are_found(scene: Scene) -> None:
    scene.enqueue_many(2_500, concurrency_key="a")
    keys = [f"b{n}" for n in range(5)]
    others = {scene.enqueue(concurrency_key=key) for key in keys}
    looks = [claim(scene, 3) for _ in range(4)]
    assert {one.job_id for look in looks for one in look} >= others
    assert [len(look) for look in looks] == [3, 3, 0, 0]


def test_a_key_is_one_workspaces_and_counts_in_all_its_queues(scene: Scene) -> None:
    scene.enqueue(concurrency_key="a")
    scene.enqueue(concurrency_key="a", queue="other")
    Scene(scene.conn, OTHER).enqueue(concurrency_key="a")
    assert (len(claim(scene)), claim(scene, queue="other")) == (2, [])


def test_slots_weigh(scene: Scene) -> None:
    limit(scene, LimitScope.QUEUE, "default", 5)
    heavy = scene.enqueue_many(2, slots=3)
    light = scene.enqueue()
    assert [one.job_id for one in claim(scene)] == [heavy[0]], "what comes after a job that does not fit yet waits, too"
    scene.complete(fence_of(claim_of(scene, heavy[0]), scene.worker))
    assert [one.job_id for one in claim(scene)] == [heavy[1], light]


def claim_of(scene: Scene, id: UUID) -> Any:
    (attempt,) = scene.attempts(id)
    return Claimed(scene.workspace, id, attempt.id, 1, TYPE, "", 0, 3, 1, None, None, "FIXED", 0, 0)


def test_a_job_that_can_never_fit_is_passed_over(scene: Scene) -> None:
    limit(scene, LimitScope.QUEUE, "default", 2)
    scene.enqueue(slots=3)
    light = scene.enqueue()
    assert [one.job_id for one in claim(scene)] == [light]


def test_a_sliding_window_lets_so_many_start_in_any_such_time(scene: Scene, clock: Clock) -> None:
    limit(scene, LimitScope.QUEUE, "default", rate=Rate(4, 10.0))
    scene.enqueue_many(20)
    assert (len(claim(scene, 3)), len(claim(scene)), len(claim(scene))) == (3, 1, 0)
    assert (used(scene).starts_left, used(scene).again_ms) == (0, 10_000)
    clock.advance(timedelta(seconds=9.9))
    assert claim(scene) == []
    clock.advance(timedelta(seconds=0.2))
    assert (len(claim(scene)), len(claim(scene))) == (4, 0)


def test_a_bucket_allows_a_burst_and_then_an_even_flow(scene: Scene, clock: Clock) -> None:
    limit(scene, LimitScope.TYPE, TYPE, rate=Rate(2, 1.0, burst=5))
    scene.enqueue_many(20)
    assert (len(claim(scene)), len(claim(scene))) == (5, 0)
    clock.advance(timedelta(seconds=0.5))
    assert (len(claim(scene)), len(claim(scene)), used(scene).again_ms) == (1, 0, 500)
    clock.advance(timedelta(seconds=60))
    assert len(claim(scene)) == 5


def test_the_tighter_of_two_limits_counts(scene: Scene) -> None:
    scene.enqueue_many(9)
    limit(scene, LimitScope.TYPE, TYPE, 4)
    scene.do(limits.set_limit(WORKSPACE, ids.new(), LimitScope.TYPE, TYPE, ME, max_slots=1, source=limits.BREAKER))
    assert len(claim(scene)) == 1
    scene.do(limits.clear(WORKSPACE, LimitScope.TYPE, TYPE, ME, source=limits.BREAKER))
    assert len(claim(scene)) == 3


def test_a_limit_is_set_again_cleared_and_recorded(scene: Scene) -> None:
    limit(scene, LimitScope.QUEUE, "default", 3)
    limit(scene, LimitScope.QUEUE, "default", 5)
    assert used(scene).max_slots == 5
    scene.do(limits.clear(WORKSPACE, LimitScope.QUEUE, "default", ME))
    assert scene.do(limits.listed(WORKSPACE)) == []
    with pytest.raises(NotFound, match="there is no limit on queue default; jobtrail limit list"):
        scene.do(limits.clear(WORKSPACE, LimitScope.QUEUE, "default", ME))
    told = scene.do(administration.listed(WORKSPACE))
    assert [one.type for one in told] == ["limit.cleared", "limit.set", "limit.set"]
    assert told[1].payload == {"max_slots": 5, "source": "USER", "was": {"max_slots": 3}}


def test_keys_tell_who_runs_and_waits(scene: Scene) -> None:
    scene.enqueue_many(4, concurrency_key="a", concurrency_limit=2)
    claim(scene)
    (one,) = scene.do(limits.keys(WORKSPACE, "default"))
    assert (one.key, one.running, one.limit, one.waiting) == ("a", 2, 2, 2)
    assert scene.do(limits.keys(WORKSPACE, "other")) == []


@pytest.mark.parametrize(
    ("scope", "name", "wanted"),
    [
        (LimitScope.QUEUE, "default", {}),
        (LimitScope.QUEUE, "", {"max_slots": 1}),
        (LimitScope.WORKSPACE, "x", {"max_slots": 1}),
        (LimitScope.QUEUE, "default", {"max_slots": -1}),
        (LimitScope.KEY, "a", {"rate": Rate(1, 1.0)}),
        (LimitScope.QUEUE, "default", {"rate": Rate(0, 1.0)}),
        (LimitScope.QUEUE, "default", {"rate": Rate(1, 0.0)}),
        (LimitScope.QUEUE, "default", {"rate": Rate(1, 1.0, burst=0)}),
    ],
)
def test_what_is_no_limit_is_refused(scene: Scene, scope: LimitScope, name: str, wanted: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        scene.do(limits.set_limit(WORKSPACE, uuid4(), scope, name, ME, **wanted))


@pytest.mark.parametrize(("text", "count", "seconds"), [("60/m", 60, 60), ("5/10s", 5, 10), ("1000/h", 1000, 3600)])
def test_a_rate_is_read_and_written_alike(text: str, count: int, seconds: float) -> None:
    rate = parse_rate(text)
    assert (rate.count, rate.seconds) == (count, seconds)
    assert parse_rate(rate_text(rate.count, rate.seconds)) == rate


@pytest.mark.parametrize("text", ["60", "/m", "x/m", "60/", "-1/m"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="is no rate; write how many in how long"):
        parse_rate(text)


def test_what_waits_overtakes_in_time(scene: Scene, clock: Clock) -> None:
    old = scene.enqueue(priority=5)
    clock.advance(timedelta(hours=2))
    high, urgent = scene.enqueue(priority=6), scene.enqueue(priority=8)
    assert [scene.claim()[0].job_id for _ in range(3)] == [urgent, old, high]


def test_a_job_that_was_retried_comes_after_those_that_wait(scene: Scene, clock: Clock) -> None:
    fence = scene.start()
    scene.fail(fence)
    clock.advance(timedelta(minutes=1))
    waits = scene.enqueue()
    clock.advance(timedelta(minutes=1))
    scene.do(jobs.retry(WORKSPACE, fence.job_id, ME))
    assert [scene.claim()[0].job_id for _ in range(2)] == [waits, fence.job_id]


def test_a_job_is_taken_out_of_its_queue_however_it_came_there(scene: Scene, clock: Clock) -> None:
    keyed = scene.enqueue(concurrency_key="a", slots=2, priority=7)
    fence = scene.start(queue="other")
    scene.fail(fence)
    clock.advance(timedelta(minutes=1))
    scene.do(jobs.retry(WORKSPACE, fence.job_id, ME))
    for id in (keyed, fence.job_id):
        scene.do(jobs.update(WORKSPACE, id, jobs.Change(priority=9), ME))
        scene.do(jobs.cancel(WORKSPACE, id, ME, "no"))
    assert scene.conn.execute("select count(*) from jobtrail.ready").fetchone() == (0,)


def until_something(scene: Scene, *types: str) -> list[UUID]:
    """What a worker gets that asks some times, as often as it is told that asking again is worth it."""
    for _ in range(10):
        if taken := claim(scene, 5, *types):
            return [one.job_id for one in taken]
    return []


def test_a_key_that_has_room_is_found_behind_however_many_full_ones(scene: Scene) -> None:
    wanted = [new_job(concurrency_key=f"a{n:03}") for n in range(300) for _ in range(8)]
    scene.do(jobs.enqueue(WORKSPACE, wanted, ME))
    taken = [until_something(scene) for _ in range(80)]
    assert sum(map(len, taken)) == 300
    free = scene.enqueue(concurrency_key="z")
    assert until_something(scene) == [free]


@pytest.mark.parametrize("apart", [{"slots": 2}, {"concurrency_key": "k"}])
def test_a_type_that_is_served_is_found_behind_however_many_that_are_not(scene: Scene, apart: dict[str, Any]) -> None:
    scene.enqueue_many(2_100, type="unserved", **apart)
    wanted = scene.enqueue(**apart)
    assert until_something(scene) == [wanted]


def test_a_breaker_lets_one_through_however_many_slots_it_takes(scene: Scene) -> None:
    scene.do(limits.set_limit(WORKSPACE, ids.new(), LimitScope.TYPE, TYPE, ME, max_slots=1, source=limits.BREAKER))
    first, second = scene.enqueue_many(2, slots=2)
    (taken,) = claim(scene)
    assert (taken.job_id, claim(scene)) == (first, [])
    scene.complete(fence_of(taken, scene.worker))
    assert [one.job_id for one in claim(scene)] == [second]


@pytest.mark.parametrize("burst", [None, 3])
def test_a_clock_that_is_set_back_holds_up_no_rate(scene: Scene, clock: Clock, burst: int | None) -> None:
    scene.enqueue_many(4)
    limit(scene, LimitScope.QUEUE, "default", rate=Rate(3, 60.0, burst))
    clock.freeze()
    claim(scene, 3 if burst is None else 2)
    clock.advance(timedelta(hours=-1))
    assert len(claim(scene)) >= 1
