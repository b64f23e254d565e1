"""What a worker asks the database when it claims: one question for those that it knows, and no more than it needs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

from scene import ME, TYPE, WORKSPACE, Scene, fence_of, ids

from jobtrail.core.limits import LimitScope, Rate
from jobtrail.core.model import Claimed
from jobtrail.service import limits, queues
from jobtrail.worker.claims import Claims

OTHER = UUID("00000000-0000-7000-8000-000000000002")


class Asked:
    """Claims on the scene's connection, and which statements they took."""

    def __init__(self, scene: Scene, slots: int = 8) -> None:
        self.scene, self.names = scene, list[str]()
        self.claims = Claims(scene.worker, [TYPE], slots)

    async def _once(self, work: Any) -> Any:
        self.names.append(work.name.partition("/")[2])
        return self.scene.do(work)

    def take(self, free: int = 8, queue: str = "default") -> list[Claimed]:
        """One claim."""
        self.names.clear()
        return asyncio.run(self.claims.take(self._once, queue, free))

    def until_nothing(self, free: int = 8) -> list[Claimed]:
        """Claims as a worker does after a hint, until there is nothing more."""
        taken = self.take(free)
        found = list(taken)
        while taken:
            taken = self.take(free)
            found += taken
        return found


def test_after_a_hint_a_known_workspace_is_claimed_from_in_one_round_trip(scene: Scene) -> None:
    asked = Asked(scene)
    scene.enqueue()
    assert (len(asked.take()), asked.names) == (1, ["claimants", "claim"])
    assert (asked.take(), asked.names) == ([], ["claimants"])
    scene.enqueue()
    asked.claims.hear("default")
    assert (len(asked.take()), asked.names) == (1, ["claim"])
    assert (asked.take(), asked.names) == ([], ["claimants"])


def test_while_there_are_jobs_each_claim_is_one_statement(scene: Scene) -> None:
    scene.enqueue_many(40)
    asked = Asked(scene)
    assert len(asked.take()) == 8
    assert (len(asked.take(4)), asked.names) == (4, ["claim"])


def test_a_workspace_that_nobody_knew_is_found_at_a_hint(scene: Scene) -> None:
    asked = Asked(scene)
    scene.enqueue()
    asked.until_nothing()
    theirs = Scene(scene.conn, OTHER).enqueue()
    asked.claims.hear("default")
    assert [one.job_id for one in asked.until_nothing()] == [theirs]


def test_two_workspaces_share_one_statement(scene: Scene) -> None:
    scene.enqueue_many(20)
    Scene(scene.conn, OTHER).enqueue_many(20)
    asked = Asked(scene)
    taken = asked.take()
    assert sorted(one.workspace_id for one in taken) == [WORKSPACE] * 4 + [OTHER] * 4
    assert asked.names == ["claimants", "claim"]


def test_a_full_limit_is_asked_again_when_something_ended(scene: Scene) -> None:
    scene.enqueue_many(5)
    scene.do(limits.set_limit(WORKSPACE, ids.new(), LimitScope.QUEUE, "default", ME, max_slots=2))
    asked = Asked(scene)
    first = asked.until_nothing()
    assert (len(first), asked.take(), asked.names) == (2, [], [])
    assert 0 < asked.claims.patience(60.0) <= 1.0
    scene.complete(fence_of(first[0], scene.worker))
    assert asked.claims.ended(WORKSPACE)
    assert (len(asked.take()), asked.names) == (1, ["claim_limited"])
    assert not asked.claims.ended(OTHER)


def test_who_was_wrongly_thought_to_have_no_limit_gets_nothing_by_it(scene: Scene) -> None:
    scene.enqueue_many(30)
    asked = Asked(scene)
    asked.take()
    scene.do(limits.set_limit(WORKSPACE, ids.new(), LimitScope.QUEUE, "default", ME, max_slots=0))
    assert (asked.take(), asked.names) == ([], ["claim"])
    scene.do(limits.clear(WORKSPACE, LimitScope.QUEUE, "default", ME))
    scene.do(queues.pause(WORKSPACE, "default", ME))
    asked.claims.hear("")
    assert asked.until_nothing() == []


def test_slots_are_saved_for_a_job_that_wants_several(scene: Scene) -> None:
    heavy = scene.enqueue(slots=3)
    scene.enqueue_many(4)
    scene.enqueue_many(4, queue="other")
    asked = Asked(scene)
    assert (asked.take(2), asked.claims.saves(2), asked.claims.saves(3)) == ([], True, False)
    assert asked.take(2, "other") == [], "what another queue has does not go past it"
    assert next((one.job_id, one.slots) for one in asked.take(3)) == (heavy, 3)
    assert not asked.claims.saves(1)


def test_slots_are_saved_for_a_while_only(scene: Scene, monkeypatch: Any) -> None:
    now: list[float] = [100.0]
    clock: Callable[[], float] = lambda: now[0]  # noqa: E731
    monkeypatch.setattr("jobtrail.worker.claims.time.monotonic", clock)
    scene.enqueue(slots=3)
    scene.enqueue_many(4, queue="other")
    asked = Asked(scene)
    assert asked.take(2) == []
    now[0] += 3.0  # meanwhile it was told to leave that queue alone
    assert len(asked.take(2, "other")) == 2


class Meanwhile(Asked):
    """The first time that a statement was answered, something happens before the worker learns of it."""

    def __init__(self, scene: Scene, name: str, happens: Callable[[Claims], object]) -> None:
        super().__init__(scene)
        self._name, self._happens = name, [happens]

    async def _once(self, work: Any) -> Any:
        answer = await super()._once(work)
        if self.names[-1] == self._name and self._happens:
            self._happens.pop()(self.claims)
        return answer


def test_an_end_that_is_written_while_a_limited_claim_is_under_way_is_not_waited_for_again(scene: Scene) -> None:
    _, second = scene.enqueue_many(2, concurrency_key="k")
    (first,) = scene.claim()

    def ends(claims: Claims) -> None:
        scene.complete(fence_of(first, scene.worker))
        claims.ended(WORKSPACE)

    asked = Meanwhile(scene, "claim_limited", ends)
    assert (asked.take(), asked.claims.patience(60.0)) == ([], 0.0)
    assert [one.job_id for one in asked.take()] == [second]


def test_an_end_elsewhere_is_no_reason_to_ask_a_full_limit_again(scene: Scene) -> None:
    scene.enqueue_many(2, concurrency_key="k")
    scene.claim()
    asked = Meanwhile(scene, "claim_limited", lambda claims: claims.ended(OTHER))
    assert asked.take() == []
    assert asked.claims.patience(60.0) > 0.0


def test_a_hint_that_comes_while_the_worker_looks_who_has_jobs_is_heard(scene: Scene) -> None:
    theirs = Scene(scene.conn, OTHER)

    def comes(claims: Claims) -> None:
        theirs.enqueue()
        claims.hear("default")

    asked = Meanwhile(scene, "claimants", comes)
    assert (len(asked.take()), len(asked.take())) == (0, 1)


def test_hints_that_never_end_hide_no_workspace(scene: Scene) -> None:
    asked = Asked(scene)
    scene.enqueue()
    asked.until_nothing()
    Scene(scene.conn, OTHER).enqueue()
    seen = set()
    for _ in range(3):
        scene.enqueue()
        asked.claims.hear("default")
        seen |= {one.workspace_id for one in asked.take()}
    assert OTHER in seen


def test_who_has_taken_all_that_a_rate_allows_knows_when_to_ask_again(scene: Scene) -> None:
    scene.enqueue_many(5)
    scene.do(limits.set_limit(WORKSPACE, ids.new(), LimitScope.QUEUE, "default", ME, rate=Rate(2, 0.2)))
    asked = Asked(scene)
    assert (len(asked.take()), asked.claims.patience(60.0) <= 0.2) == (2, True)
