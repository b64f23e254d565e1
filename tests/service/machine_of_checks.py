"""The part of the machine that checks inputs: jobs are taken, judged, given back, in any order and by whoever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from scene import TYPE, Scene
from service.pure_model import World

from jobtrail.service import validations
from jobtrail.service.validations import Validation

QUEUES = ("a", "b")
which = st.integers(0, 20)
"""Picks from a list as it is at that moment: 0 is the newest. Of attempts it mostly picks one that is open."""


class Checking(RuleBasedStateMachine):
    """What it needs of the machine, and its rules."""

    scene: Scene
    world: World
    both: Callable[..., Any]
    worker: Callable[[int], UUID]

    def __init__(self) -> None:
        super().__init__()
        self.checks: list[Validation] = []

    @rule(queue=st.sampled_from(QUEUES), limit=st.integers(1, 3), by=which, known=st.booleans())
    def take(self, queue: str, limit: int, by: int, known: bool) -> None:
        worker = self.worker(by) if known or by < 10 else uuid4()
        expected = self.world.takeable(queue, (TYPE,))[:limit]
        got = self.scene.do(validations.take(worker, (queue,), (TYPE,), limit))
        assert {(one.job_id, one.tries) for one in got} == {(one.id, one.check_tries) for one in expected}
        for one in got:
            self.world.taken(self.world.works[one.job_id], one.token, worker)
            self.checks.append(one)

    @precondition(lambda self: self.checks)
    @rule(which=which, verdict=st.sampled_from(["VALID", "VALID", "INVALID", "BROKEN", "BACK"]), by=which)
    def end_check(self, which: int, verdict: str, by: int) -> None:
        one, delay = self.checks[-1 - which % len(self.checks)], timedelta(seconds=2)
        worker = self.worker(by)
        real = {
            "VALID": lambda: validations.passed(one, worker),
            "INVALID": lambda: validations.refused(one, worker, {"input.n": "no", "priority": "1"}),
            "BROKEN": lambda: validations.broke(one, worker, "it broke", delay),
            "BACK": lambda: validations.give_back(one, worker),
        }[verdict]()
        self.both(real, lambda: self.world.end_check(one.job_id, one.token, verdict, delay))

    @rule(queue=st.sampled_from(QUEUES), verdict=st.sampled_from(["VALID", "BROKEN", "BACK"]), known=st.booleans())
    def take_and_end(self, queue: str, verdict: str, known: bool) -> None:
        before = len(self.checks)
        self.take(queue, 1, 0, known)
        if len(self.checks) > before:
            self.end_check(0, verdict, 0)
