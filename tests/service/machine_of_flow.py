"""The part of the machine that lets jobs wait for each other, go with their parents, and take keys from each other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from scene import ME
from service.machine_of_checks import QUEUES, which
from service.machine_of_operations import Operating
from service.pure_nouns import ENDED

from jobtrail.core.errors import Conflict
from jobtrail.service import jobs, settling

SCOPES = ["WAITING", "LIVE", "LIVE", "COMPLETED", "ANY"]
WINDOWS = [None, None, 2.0, 3600.0]


class Flowing(Operating):
    """What it needs of the machine, and its rules."""

    wanted: Callable[..., Any]

    @rule(
        needs=st.lists(which, min_size=1, max_size=3), mode=st.sampled_from(["ALL", "ALL", "ANY"]), queue=st.sampled_from(QUEUES),
        policy=st.sampled_from(["FAIL", "CANCEL", "RUN"]), delay=st.sampled_from([None, None, 3]),
        checked=st.sampled_from([False, False, True]),
    )  # fmt: skip
    def enqueue_after(
        self, needs: list[int], mode: str, queue: str, policy: str, delay: int | None, checked: bool
    ) -> None:
        known = list(self.world.works)
        if not known:
            return
        after = tuple(dict.fromkeys(known[-1 - one % len(known)] for one in needs))
        at = None if delay is None else self.world.now + timedelta(seconds=delay)
        real, work = self.wanted(queue, priority=5, scheduled_at=at, cancel_at=None, queue_timeout_seconds=None,
                                 max_attempts=2, depends_mode=mode, on_dependency=policy, checked=checked)  # fmt: skip
        work.needs = dict.fromkeys(after)
        work.any_need, work.on_dependency = mode == "ANY", policy
        done = self.scene.do(jobs.enqueue(self.scene.workspace, [real._replace(after=after)], ME))
        assert list(done.ids) == self.world.enqueue([work])

    @rule(parent=which, keeps=st.booleans(), queue=st.sampled_from(QUEUES))
    def enqueue_child(self, parent: int, keeps: bool, queue: str) -> None:
        known = list(self.world.works)
        if not known:
            return
        above = known[-1 - parent % len(known)]
        real, work = self.wanted(queue, priority=5, scheduled_at=None, cancel_at=None, queue_timeout_seconds=None,
                                 max_attempts=2, parent_id=above, on_parent="KEEP" if keeps else "CANCEL")  # fmt: skip
        work.parent, work.goes_with_parent = above, not keeps
        done = self.scene.do(jobs.enqueue(self.scene.workspace, [real], ME))
        assert list(done.ids) == self.world.enqueue([work])

    @rule(
        key=st.sampled_from(["u", "v"]), scope=st.sampled_from(SCOPES), window=st.sampled_from(WINDOWS),
        answer=st.sampled_from(["EXISTING", "REFUSE", "REPLACE", "SUPERSEDE"]), queue=st.sampled_from(QUEUES),
    )  # fmt: skip
    def enqueue_keyed(self, key: str, scope: str, window: float | None, answer: str, queue: str) -> None:
        real, work = self.wanted(
            queue, priority=5, scheduled_at=None, cancel_at=None, queue_timeout_seconds=None, max_attempts=2,
            unique_key=key, unique_scope=scope, unique_window_seconds=window, on_conflict=answer,
        )  # fmt: skip
        work.scope = scope
        work.unique_until = None if window is None else self.world.now + timedelta(seconds=window)
        holder = self.world.holder_of(key)
        overdue = holder is not None and holder.unique_until is not None and holder.unique_until <= self.world.now
        refused = answer == "REFUSE" and holder is not None and not overdue
        stood: UUID | None = None
        try:
            (stood,) = self.scene.do(jobs.enqueue(self.scene.workspace, [real], ME)).ids
        except Conflict:
            assert refused
        if not refused:
            assert stood == self.world.accept(work, answer)
        taken = [one for one in self.world.works.values() if one.cancel_reason == "superseded"]
        self.stage.seen["superseded"] += bool(taken)

    @rule(
        job=which, policy=st.sampled_from(["FAIL", "CANCEL", "RUN"]), mode=st.sampled_from(["ALL", "ANY"]), keeps=st.booleans(),
        deep=st.integers(1, 3),
    )  # fmt: skip
    def a_job_takes_others_with_it(self, job: int, policy: str, mode: str, keeps: bool, deep: int) -> None:
        """Whoever needs it, and whoever it started, learns of its end; so does who needs those."""
        live = [w.id for w in self.world.works.values() if w.status not in ENDED]
        if not live:
            return
        id = live[-1 - job % len(live)]
        at = list(self.world.works).index(id)
        for _ in range(deep):
            self.enqueue_after([len(self.world.works) - 1 - at], mode, "a", policy, None, False)
            self.enqueue_child(len(self.world.works) - 1 - at, keeps, "b")
            at = len(self.world.works) - 2
        self.both(jobs.cancel(self.scene.workspace, id, ME), lambda: self.world.cancel(id, None))
        self.settle()

    @precondition(lambda self: self.world.unsettled)
    @rule()
    def settle(self) -> None:
        """Until nothing is left; each page alone may leave what another one brought."""
        for _ in range(50):
            done = self.scene.do(settling.page())
            assert done.left == 0, "nobody holds anything, so nothing is left for later"
            if not done.taken:
                break
        self.world.settle()
        reasons = {one.cancel_reason for one in self.world.works.values()}
        self.stage.seen["went with its parent"] += "its parent was stopped" in reasons
        self.stage.seen["cancelled by its need"] += "what it needs did not complete" in reasons
