"""The part of the machine in which jobs sleep, listen for signals, and are made by a schedule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from scene import ME, TYPE, ids
from service.machine_of_checks import which
from service.machine_of_flow import Flowing
from service.pure_nouns import Work

from jobtrail.core.fence import Fence
from jobtrail.core.schedule import CatchUp, Overlap
from jobtrail.core.schedules import JobOptions, NewSchedule
from jobtrail.core.status import Phase
from jobtrail.service import schedules, signals, ticking, waits

EVERY = timedelta(hours=6)
WAITS = [
    ("nap", None, 1.0),
    ("nap", None, 3.0),
    ("night", None, 3600.0),
    ("paid", "paid", None),
    ("paid soon", "paid", 3.0),
]
"""What a job waits for: under which key, for which signal, for how many seconds."""


class Waiting(Flowing):
    """What it needs of the machine, and its rules."""

    pick: Callable[[int], Fence]
    time_passes: Callable[[float, bool], None]

    def __init__(self) -> None:
        super().__init__()
        self.schedule: UUID | None = None

    @precondition(lambda self: self.fences)
    @rule(fence=which, what=st.sampled_from(WAITS))
    def wait(self, fence: int, what: tuple[str, str | None, float | None]) -> None:
        f, id, (key, signal, seconds) = self.pick(fence), ids.new(), what
        real = waits.begin(f, id, key, key, Phase.EXECUTION, waits.Wanted(signal=signal, seconds=seconds))

        def pure() -> Any:
            return Told(self.world.wait(f.job_id, f.attempt_id, id, key, signal, seconds))

        self.both(real, pure)
        self.stage.seen["wait"] += 1

    @precondition(lambda self: self.fences)
    @rule(fence=which, name=st.sampled_from(["paid", "never"]))
    def wait_and_hear(self, fence: int, name: str) -> None:
        self.wait(fence, WAITS[3])
        self.signal(0, name)

    @rule(job=which, name=st.sampled_from(["paid", "paid", "never"]))
    def signal(self, job: int, name: str) -> None:
        awaited = [w.id for w in self.world.works.values() if w.awaits is not None and w.wait_reason == "SIGNAL"]
        id = awaited[-1 - job % len(awaited)] if awaited and job < 15 else self.job(job)
        got = self.both(
            signals.signal(self.scene.workspace, id, name, b"1", ME), lambda: Heard(self.world.signal(id, name))
        )
        self.stage.seen["resumed by a signal"] += getattr(got, "resumed", False)

    @precondition(lambda self: self.schedule is None)
    @rule()
    def create_schedule(self) -> None:
        new = NewSchedule(id=ids.new(), name=str(ids.new()), type=TYPE, expression="every 6h", overlap=Overlap.ALLOW,
                          catch_up=CatchUp.ALL, options=JobOptions(queue="a"))  # fmt: skip
        made = self.scene.do(schedules.create(self.scene.workspace, new, ME, frozenset({TYPE})))
        self.schedule, self.world.ticks_at = new.id, made.next_at

    @precondition(lambda self: self.schedule is not None)
    @rule(times=st.integers(1, 2), later=st.booleans())
    def tick(self, times: int, later: bool) -> None:
        """However often it is looked at, each tick makes one job."""
        if later:
            self.time_passes(EVERY.total_seconds() + 1, False)
        made: list[UUID] = []
        for _ in range(times):
            for one in self.scene.do(ticking.due()):
                found = self.scene.do(ticking.make(*one, lambda n: [ids.new() for _ in range(n)]))
                made += found.jobs if found is not None else ()
        at = self.world.ticks_at
        assert len(made) == self.world.tick(EVERY), f"at {self.world.now}, due since {at}"
        for id in made:
            self.world.accept(Work(id=id, queue="a", type=TYPE, unique_key=None, max_attempts=3, queue_timeout=None,
                                   created_at=self.world.now))  # fmt: skip
        self.stage.seen["made by a schedule"] += len(made)

    @precondition(lambda self: self.schedule is not None)
    @rule()
    def remove_schedule(self) -> None:
        """Its jobs stay."""
        assert self.schedule is not None
        self.scene.do(schedules.remove(self.scene.workspace, self.schedule, ME))
        self.schedule = self.world.ticks_at = None


class Told(dict[str, Any]):
    """How a wait stands, as far as the model says it."""

    __hash__ = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, waits.Stand):
            return NotImplemented
        said = {"stop": other.stop, "done": other.output is not None, "seconds": other.seconds}
        return said == {"stop": False, "done": False, "seconds": None} | self


class Heard(tuple[bool, bool]):
    """What a signal came to."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, signals.Signalled) and (other.is_new, other.resumed) == (self[0], self[1])

    def __hash__(self) -> int:
        return 0
