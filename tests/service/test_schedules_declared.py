"""What code declares of schedules, and what may be said of their jobs, on the real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from database import Clock
from scene import ME, TYPE, WORKSPACE, Scene, ids
from service.test_schedules import at_noon, create, make, new

from jobtrail.core.budget_terms import Budget
from jobtrail.core.errors import Invalid
from jobtrail.core.schedules import JobBudget, JobOptions, NewSchedule, ScheduleChange
from jobtrail.service import declaring, schedules, ticking
from jobtrail.service.jobs import Options

__all__ = ["at_noon"]


def declare(scene: Scene, *wanted: NewSchedule) -> tuple[list[str], list[str]]:
    """What a worker of the app does at its start: the names that it changed, and those that are gone."""
    changed = [one.name for one in wanted if scene.do(declaring.declare(WORKSPACE, "app:app", one, ids.new(), ME))]
    return changed, scene.do(declaring.undeclare(WORKSPACE, "app:app", [one.name for one in wanted]))


def test_what_code_declares_is_applied_once_and_what_people_change_stays(scene: Scene, at_noon: Clock) -> None:
    nightly, other = new(expression="@daily"), new(name="other")
    assert declare(scene, nightly, other) == (["nightly", "other"], [])
    assert declare(scene, nightly, other) == ([], [])
    held = scene.do(schedules.named(WORKSPACE, "nightly"))
    assert held is not None and held.declared_by == "app:app"
    scene.do(schedules.update(WORKSPACE, held.id, ScheduleChange(expression="0 3 * * *"), ME))
    scene.do(schedules.pause(WORKSPACE, held.id, ME))
    declare(scene, nightly, other)
    kept = scene.do(schedules.get(WORKSPACE, held.id))
    assert kept is not None and kept.expression == "0 3 * * *"
    said = replace(nightly, expression="0 4 * * *", title="New")
    assert declare(scene, said) == (["nightly"], ["other"])
    changed = scene.do(schedules.get(WORKSPACE, held.id))
    assert changed is not None and (changed.expression, changed.title) == ("0 4 * * *", "New")
    assert changed.paused_at is not None, "a pause is no part of what code says"
    gone = scene.do(schedules.named(WORKSPACE, "other"))
    assert gone is not None and gone.undeclared_at is not None and gone.due_at is not None
    assert declare(scene, said, other) == ([], [])
    back = scene.do(schedules.named(WORKSPACE, "other"))
    assert back is not None and back.undeclared_at is None


def test_whatever_may_be_said_of_a_job_is_said_of_those_of_a_schedule(scene: Scene, at_noon: Clock) -> None:
    said = Options(
        type=TYPE, tags=("a",), slots=2, concurrency_key="k", concurrency_limit=3, unique_by=("n",), unique_scope="ANY",
        on_conflict="REPLACE", unique_window_seconds=60.0, expires_seconds=90.0, reserve_usd=Decimal("0.10"),
        reserve_tokens=5, budget=Budget("1.50", tokens=7, wall="1h", per="attempt", on_exceeded="stop"),
    )  # fmt: skip
    options = ticking.with_defaults(JobOptions(), said)
    made = create(scene, options=options, input=b'{"n": "{tick.date}"}')
    at_noon.advance(minutes=1)
    job = scene.job(make(scene)[0])
    assert (job.tags, job.slots, job.concurrency_key, job.concurrency_limit) == (["a"], 2, "k", 3)
    assert job.unique_key is not None and (job.unique_scope, job.reserve_usd, job.reserve_tokens) == (
        "ANY",
        Decimal("0.10"),
        5,
    )
    assert job.cancel_at == at_noon.now() + timedelta(seconds=90) and job.budgeted
    kept = scene.do(schedules.update(WORKSPACE, made.id, ScheduleChange(title="t"), ME))
    assert kept.options == made.options
    for wrong in (
        JobOptions(reserve_usd=Decimal(-1)),
        JobOptions(budget=JobBudget()),
        JobOptions(on_conflict="DEBOUNCE"),
    ):
        with pytest.raises(Invalid):
            create(scene, name="wrong", options=wrong)
