"""Schedules on the real database: each tick makes one job, policies hold, edits count, and what cannot go on says why."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from database import Clock, Connection, Database
from scene import ME, SERVES_ALL, TYPE, WORKSPACE, Scene, fence_of, ids

from jobtrail.core.errors import ConcurrentUpdate, Conflict, Invalid, JobtrailError, Limited, NotFound, UnknownType
from jobtrail.core.schedule import CatchUp, Overlap
from jobtrail.core.schedules import (
    JobOptions,
    NewSchedule,
    ScheduleChange,
    ScheduleFilter,
    ScheduleView,
    Tick,
)
from jobtrail.core.status import JobStatus
from jobtrail.service import administration, attempts, jobs, overview, schedules, ticking
from jobtrail.store.db import run
from jobtrail.store.identity import new_ids

START = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def at_noon(clock: Clock, scene: Scene) -> Clock:
    """Time stands at START, and a worker knows the type."""
    clock.freeze(START)
    scene.new_worker()
    return clock


def new(**said: Any) -> NewSchedule:
    return NewSchedule(**{"id": ids.new(), "name": "nightly", "type": TYPE, "expression": "every 1m", **said})


def create(scene: Scene, **said: Any) -> ScheduleView:
    return scene.do(schedules.create(WORKSPACE, new(**said), ME))


def make(scene: Scene) -> list[UUID]:
    """What a scheduler does, once."""
    made: list[UUID] = []
    for one in scene.do(ticking.due()):
        found = scene.do(ticking.make(*one, new_ids))
        made += found.jobs if found is not None else ()
    return made


def ticks(scene: Scene, id: UUID) -> list[Tick]:
    return scene.do(schedules.ticks(WORKSPACE, id))


def went(scene: Scene, id: UUID) -> list[tuple[int, str]]:
    """The ticks, oldest first: the minutes after START, and what came of each."""
    return [(round((one.at - START).total_seconds() / 60), str(one.outcome)) for one in reversed(ticks(scene, id))]


def test_options_that_no_job_could_have_are_refused_before_they_stop_the_scheduler(
    scene: Scene, at_noon: Clock, owner: Connection
) -> None:
    with pytest.raises(Invalid, match=r"options: .*max_attempts"):
        create(scene, options=JobOptions(max_attempts=1_000))
    made = create(scene)
    with owner.transaction():
        owner.execute("select set_config('jobtrail.workspace', '*', true)")
        owner.execute("""update jobtrail.schedules set options = '{"max_attempts": 1000}'""")
    at_noon.advance(minutes=1)
    (due,) = scene.do(ticking.due())
    with pytest.raises(Invalid, match="max_attempts"):
        scene.do(ticking.make(*due, new_ids))
    assert ticks(scene, made.id) == []


def finish(scene: Scene, job_id: UUID) -> None:
    scene.complete(scene.again(job_id))


def test_a_tick_makes_one_job_that_says_of_which_schedule_it_is(scene: Scene, at_noon: Clock) -> None:
    options = JobOptions(priority=8, tags=["a"], max_attempts=5, timeout_seconds=60.0)
    made = create(
        scene, title="Report of {tick.date}", input=b'{"at": "{tick}"}', zone="Europe/Berlin", options=options
    )
    assert made.next_at == START + timedelta(minutes=1) and make(scene) == []
    at_noon.advance(minutes=1)
    (job_id,) = make(scene)
    assert make(scene) == []
    job = scene.job(job_id)
    assert (job.schedule_id, job.type, job.created_by) == (made.id, TYPE, f"schedule:{made.id}")
    assert (job.title, job.input) == ("Report of 2027-03-01", {"at": "2027-03-01T13:01:00+01:00"})
    assert (job.priority, job.tags, job.max_attempts, job.timeout_seconds) == (8, ["a"], 5, 60.0)
    first = scene.events(job_id)[0]
    assert (first.actor_type, first.actor_id) == ("schedule", str(made.id))
    (tick,) = ticks(scene, made.id)
    assert (tick.at, tick.job_id, tick.status, tick.manual) == (START + timedelta(minutes=1), job_id, job.status, False)
    now = scene.do(schedules.detail(WORKSPACE, made.id))
    assert (now.next_at, now.last_tick_at, now.version) == (
        START + timedelta(minutes=2),
        START + timedelta(minutes=1),
        1,
    )
    assert [one.went for one in now.ticks] == ["QUEUED"]


def test_ticks_follow_the_zone_where_clocks_change(scene: Scene, clock: Clock) -> None:
    clock.freeze(datetime(2027, 3, 27, 12, tzinfo=UTC))
    scene.new_worker()
    made = create(scene, expression="30 2 * * *", zone="Europe/Berlin", overlap=Overlap.ALLOW)
    assert made.next_at == datetime(2027, 3, 28, 1, tzinfo=UTC), "02:30 does not exist on that day"
    clock.freeze(made.next_at)
    assert len(make(scene)) == 1
    assert scene.do(schedules.detail(WORKSPACE, made.id)).next_at == datetime(2027, 3, 29, 0, 30, tzinfo=UTC)


def test_skip_makes_no_job_while_one_has_not_ended_and_says_which(scene: Scene, at_noon: Clock) -> None:
    made = create(scene)
    at_noon.advance(minutes=1)
    (first,) = make(scene)
    at_noon.advance(minutes=1)
    assert make(scene) == []
    assert went(scene, made.id) == [(1, "JOB"), (2, "OVERLAP")]
    assert str(first) in str(ticks(scene, made.id)[0].reason)
    finish(scene, first)
    at_noon.advance(minutes=1)
    assert len(make(scene)) == 1


def test_queue_lets_them_run_one_after_another(scene: Scene, at_noon: Clock) -> None:
    create(scene, overlap=Overlap.QUEUE)
    at_noon.advance(minutes=1)
    make(scene)
    at_noon.advance(minutes=1)
    make(scene)
    found = scene.do(jobs.listed(WORKSPACE, jobs.Filter()))
    assert len(found) == 2 and len({job.concurrency_key for job in found}) == 1
    assert all(job.concurrency_key is not None and job.concurrency_limit == 1 for job in found)
    (first,) = scene.claim(5)
    assert first.job_id == found[-1].id and scene.claim(5) == []
    scene.complete(fence_of(first, scene.worker))
    (second,) = scene.claim(5)
    assert second.job_id == found[0].id


def test_allow_lets_them_run_side_by_side(scene: Scene, at_noon: Clock) -> None:
    create(scene, overlap=Overlap.ALLOW)
    at_noon.advance(minutes=1)
    make(scene)
    at_noon.advance(minutes=1)
    make(scene)
    assert [job.concurrency_key for job in scene.do(jobs.listed(WORKSPACE, jobs.Filter()))] == [None, None]


def test_replace_cancels_what_waits_and_asks_what_runs_to_end(scene: Scene, at_noon: Clock) -> None:
    create(scene, overlap=Overlap.REPLACE)
    at_noon.advance(minutes=1)
    (waits,) = make(scene)
    at_noon.advance(minutes=1)
    (runs,) = make(scene)
    assert scene.job(waits).status == JobStatus.CANCELLED
    assert "superseded" in str(scene.job(waits).cancel_reason)
    scene.again(runs)
    at_noon.advance(minutes=1)
    (newest,) = make(scene)
    assert scene.job(runs).cancel_requested_at is not None
    assert scene.job(newest).status == JobStatus.QUEUED
    assert scene.claim(5) == [], "it begins when the one before has ended"
    assert [event.actor_type for event in scene.events(runs)][-1] == "schedule"


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        (CatchUp.SKIP, [(1, "MISSED"), (9, "JOB")]),
        (CatchUp.LAST, [(1, "MISSED"), (9, "JOB")]),
        (CatchUp.ALL, [(1, "MISSED"), (6, "JOB"), (7, "JOB"), (8, "JOB"), (9, "OVERLAP")]),
    ],
)
def test_missed_ticks_are_caught_up_as_the_policy_says(
    scene: Scene, at_noon: Clock, policy: CatchUp, wanted: list[tuple[int, str]]
) -> None:
    made = create(scene, catch_up=policy, catch_up_most=3)
    at_noon.advance(minutes=9, seconds=30)
    make(scene)
    assert went(scene, made.id) == wanted
    stretch = ticks(scene, made.id)[-1]
    assert str(policy) in str(stretch.reason) and stretch.ticks == (5 if policy == CatchUp.ALL else 8)


@pytest.mark.parametrize(("policy", "wanted"), [(CatchUp.SKIP, 0), (CatchUp.LAST, 1), (CatchUp.ALL, 3)])
def test_a_day_that_was_missed_by_hours_is_caught_up_or_not(
    scene: Scene, at_noon: Clock, policy: CatchUp, wanted: int
) -> None:
    made = create(scene, expression="@daily", catch_up=policy)
    at_noon.advance(days=2, hours=18)
    assert len(make(scene)) == wanted
    assert sum(one.ticks or 0 for one in ticks(scene, made.id)) == 3, "every tick is told of"


def test_what_was_missed_ends_where_the_schedule_ends(scene: Scene, at_noon: Clock) -> None:
    made = create(scene, ends_at=START + timedelta(minutes=3))
    at_noon.advance(days=9)
    assert len(make(scene)) == 1
    assert went(scene, made.id) == [(1, "MISSED"), (3, "JOB")]
    assert scene.do(schedules.detail(WORKSPACE, made.id)).next_at is None


def test_jitter_puts_a_tick_off_and_the_tick_stays_what_it_is(scene: Scene, at_noon: Clock) -> None:
    made = create(scene, expression="@hourly", jitter_seconds=600.0)
    assert made.next_at == START + timedelta(hours=1) and made.due_at is not None
    assert timedelta(0) < made.due_at - made.next_at < timedelta(minutes=10)
    at_noon.freeze(made.due_at - timedelta(milliseconds=2))
    assert make(scene) == []
    at_noon.freeze(made.due_at)
    assert len(make(scene)) == 1
    assert [one.at for one in ticks(scene, made.id)] == [made.next_at]


def test_the_last_tick_ends_a_schedule(scene: Scene, at_noon: Clock) -> None:
    once = create(scene, name="once", expression="at 2027-03-01T12:01")
    until = create(scene, name="until", ends_at=START + timedelta(minutes=2))
    for _ in range(4):
        at_noon.advance(minutes=1)
        for job_id in make(scene):
            finish(scene, job_id)
    assert went(scene, once.id) == [(1, "JOB")]
    assert went(scene, until.id) == [(1, "JOB"), (2, "JOB")]
    for one in (once, until):
        now = scene.do(schedules.detail(WORKSPACE, one.id))
        assert (now.next_at, now.due_at, now.paused_at) == (None, None, None)


def test_a_schedule_starts_when_it_is_said_to_and_counts_from_there(scene: Scene, at_noon: Clock) -> None:
    begin = START + timedelta(hours=1, minutes=7)
    made = create(scene, expression="every 15m", starts_at=begin)
    assert made.next_at == begin
    at_noon.freeze(begin)
    make(scene)
    assert scene.do(schedules.detail(WORKSPACE, made.id)).next_at == begin + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"expression": "61 * * * *"}, "expression"),
        ({"expression": "at 2020-01-01T00:00"}, "expression"),
        ({"ends_at": START}, "ends_at"),
        ({"expression": "@yearly", "ends_at": START + timedelta(days=3)}, "expression"),
        ({"starts_at": START + timedelta(days=2), "ends_at": START + timedelta(days=1)}, "ends_at"),
        ({"zone": "Europe/Berln"}, "zone"),
        ({"type": "nobody.knows"}, "type"),
        ({"type": "jobtrail.webhook"}, "type"),
        ({"name": ""}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"title": ""}, "title"),
        ({"jitter_seconds": -1.0}, "jitter_seconds"),
        ({"catch_up_most": 0}, "catch_up_most"),
        ({"input": b'"' + b"x" * (300 << 10) + b'"'}, "input"),
    ],
)
def test_what_cannot_work_is_refused_at_the_door(
    scene: Scene, at_noon: Clock, said: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        create(scene, **said)
    assert field in refused.value.message
    assert scene.do(schedules.listed(WORKSPACE)) == []


def test_a_type_may_be_known_to_whoever_asks(scene: Scene, at_noon: Clock) -> None:
    with pytest.raises(UnknownType, match="start a worker"):
        create(scene, type="command")
    scene.do(schedules.create(WORKSPACE, new(type="command"), ME, {"command"}))


def test_a_name_is_had_once_in_a_workspace(scene: Scene, at_noon: Clock) -> None:
    create(scene)
    with pytest.raises(Conflict, match="already"):
        create(scene)


def test_an_edit_counts_from_the_next_tick_on(scene: Scene, at_noon: Clock) -> None:
    made = create(scene, expression="@hourly")
    changed = scene.do(schedules.update(WORKSPACE, made.id, ScheduleChange(expression="every 5m"), ME, version=1))
    assert (changed.version, changed.next_at) == (2, START + timedelta(minutes=5))
    assert changed.words == "Every 5 minutes"
    with pytest.raises(ConcurrentUpdate, match="is at version 2, not 1"):
        scene.do(schedules.update(WORKSPACE, made.id, ScheduleChange(title="x"), ME, version=1))
    at_noon.advance(minutes=3)
    titled = scene.do(schedules.update(WORKSPACE, made.id, ScheduleChange(title="x", name="other"), ME))
    assert (titled.title, titled.name, titled.next_at) == ("x", "other", START + timedelta(minutes=5))
    bare = scene.do(schedules.update(WORKSPACE, made.id, ScheduleChange(empty=frozenset({"title"})), ME))
    assert bare.title is None
    with pytest.raises(Invalid, match="never due again"):
        scene.do(schedules.update(WORKSPACE, made.id, ScheduleChange(ends_at=START), ME))
    with pytest.raises(Invalid, match="cannot do without type"):
        scene.do(schedules.update(WORKSPACE, made.id, ScheduleChange(empty=frozenset({"type"})), ME))
    with pytest.raises(NotFound):
        scene.do(schedules.update(WORKSPACE, ids.new(), ScheduleChange(title="x"), ME))


def test_a_paused_schedule_makes_nothing_and_goes_on_with_the_next_tick(scene: Scene, at_noon: Clock) -> None:
    made = create(scene)
    paused = scene.do(schedules.pause(WORKSPACE, made.id, ME, "the source is away"))
    assert (paused.paused_by, paused.paused_reason, paused.due_at) == ("user:me", "the source is away", None)
    at_noon.advance(minutes=7, seconds=20)
    assert make(scene) == []
    edited = scene.do(schedules.update(WORKSPACE, made.id, ScheduleChange(expression="every 2m"), ME))
    assert edited.due_at is None, "an edit wakes nothing up"
    resumed = scene.do(schedules.resume(WORKSPACE, made.id, ME))
    assert resumed.paused_at is None and resumed.next_at == resumed.due_at
    assert resumed.next_at is not None and resumed.next_at > at_noon.now()
    assert ticks(scene, made.id) == [], "what a pause left out was not missed"
    with pytest.raises(Conflict, match="is not paused"):
        scene.do(schedules.resume(WORKSPACE, made.id, ME))


def test_run_now_makes_a_tick_of_its_own_even_while_one_runs_or_it_is_paused(scene: Scene, at_noon: Clock) -> None:
    made = create(scene)
    at_noon.advance(minutes=1)
    make(scene)
    scene.do(schedules.pause(WORKSPACE, made.id, ME))
    at_noon.advance(seconds=5)
    done = scene.do(ticking.run_now(WORKSPACE, made.id, new_ids, ME))
    (job_id,) = done.jobs
    job = scene.job(job_id)
    assert (job.schedule_id, job.created_by, job.concurrency_key) == (made.id, "user:me", None)
    assert [(one.manual, one.made_by) for one in ticks(scene, made.id)] == [
        (True, "user:me"),
        (False, f"schedule:{made.id}"),
    ]


def test_what_is_caught_up_runs_one_after_another_also_where_ticks_are_skipped(scene: Scene, at_noon: Clock) -> None:
    create(scene, catch_up=CatchUp.ALL)
    at_noon.advance(minutes=9, seconds=30)
    assert len(make(scene)) == 8
    assert len(scene.claim(20)) == 1


def test_a_backfill_makes_the_ticks_that_lack_a_job_each_once(scene: Scene, at_noon: Clock) -> None:
    made = create(scene, catch_up=CatchUp.SKIP, overlap=Overlap.QUEUE)
    at_noon.advance(minutes=10)
    assert len(make(scene)) == 1
    since, until = START + timedelta(minutes=5), START + timedelta(minutes=10)
    counted = scene.do(ticking.backfill(WORKSPACE, made.id, since, until, new_ids, ME, dry_run=True))
    assert (counted.ticks, counted.first_at, counted.jobs) == (5, since, ())
    done = scene.do(ticking.backfill(WORKSPACE, made.id, since, until, new_ids, ME))
    assert len(done.jobs) == 5
    assert scene.do(ticking.backfill(WORKSPACE, made.id, since, until, new_ids, ME)).jobs == ()
    whole = scene.do(ticking.backfill(WORKSPACE, made.id, START, until, new_ids, ME))
    assert whole.ticks == 5, "from the anchor on, the stretch that was noted as missed among them"
    assert [outcome for _, outcome in went(scene, made.id)] == ["JOB"] * 11
    at_noon.advance(minutes=30)
    with pytest.raises(Limited, match="more than 3 ticks"):
        scene.do(ticking.backfill(WORKSPACE, made.id, START, at_noon.now(), new_ids, ME, most=3))
    with pytest.raises(Invalid, match="future"):
        scene.do(ticking.backfill(WORKSPACE, made.id, START, START + timedelta(days=1), new_ids, ME))


def test_who_is_removed_leaves_its_jobs_with_their_history(scene: Scene, at_noon: Clock) -> None:
    made = create(scene)
    at_noon.advance(minutes=1)
    (job_id,) = make(scene)
    scene.do(schedules.remove(WORKSPACE, made.id, ME))
    assert scene.job(job_id).schedule_id == made.id
    assert scene.do(schedules.get(WORKSPACE, made.id)) is None and ticks(scene, made.id) == []
    with pytest.raises(NotFound):
        scene.do(schedules.remove(WORKSPACE, made.id, ME))
    told = [line.type for line in scene.do(administration.listed(WORKSPACE))]
    assert told == ["schedule.removed", "schedule.created"]


def test_a_unique_key_that_is_held_lets_its_holder_stand_for_the_tick(scene: Scene, at_noon: Clock) -> None:
    held = scene.enqueue(unique_key="report-2027-03-01")
    made = create(scene, options=JobOptions(unique_key="report-{tick.date}"), overlap=Overlap.ALLOW)
    at_noon.advance(minutes=1)
    assert make(scene) == [held]
    assert ticks(scene, made.id)[0].job_id == held


def test_two_who_make_the_same_tick_at_once_make_it_once(database: Database, scene: Scene, at_noon: Clock) -> None:
    made = create(scene, overlap=Overlap.ALLOW)
    for _ in range(10):
        at_noon.advance(minutes=1)
        together = threading.Barrier(3)

        def rush(_: int, together: threading.Barrier = together) -> int:
            with closing(database.connect()) as conn:
                together.wait()
                found = run(conn, ticking.make(WORKSPACE, made.id, new_ids), SERVES_ALL)
                return 0 if found is None else len(found.jobs)

        with ThreadPoolExecutor(3) as three:
            assert sum(three.map(rush, range(3))) == 1
    assert len(scene.do(jobs.listed(WORKSPACE, jobs.Filter()))) == 10
    assert went(scene, made.id) == [(minute, "JOB") for minute in range(1, 11)]


def test_a_tick_and_its_job_are_made_together_or_not_at_all(scene: Scene, at_noon: Clock, admin: Connection) -> None:
    made = create(scene)
    at_noon.advance(minutes=1)
    admin.execute(
        "create function jobtrail.trip() returns trigger language plpgsql as $$ begin raise 'tripped'; end $$"
    )
    admin.execute("create trigger trip before update on jobtrail.schedules execute function jobtrail.trip()")
    with pytest.raises(JobtrailError, match="tripped"):
        make(scene)
    assert ticks(scene, made.id) == [] and scene.do(jobs.listed(WORKSPACE, jobs.Filter())) == []
    admin.execute("drop trigger trip on jobtrail.schedules")
    assert len(make(scene)) == 1


def test_a_list_finds_schedules_by_text_and_state_in_order_of_their_names(scene: Scene, at_noon: Clock) -> None:
    for name in ("c", "a", "b%"):
        create(scene, name=name)
    named = {one.name: one for one in scene.do(schedules.listed(WORKSPACE))}
    assert list(named) == ["a", "b%", "c"]
    scene.do(schedules.pause(WORKSPACE, named["a"].id, ME))
    assert [one.name for one in scene.do(schedules.listed(WORKSPACE, ScheduleFilter(paused=True)))] == ["a"]
    assert [one.name for one in scene.do(schedules.listed(WORKSPACE, ScheduleFilter(text="%")))] == ["b%"]
    assert [one.name for one in scene.do(schedules.listed(WORKSPACE, after="a", limit=1))] == ["b%"]


def test_somebody_should_look_at_what_fails_or_was_paused_by_an_error(scene: Scene, at_noon: Clock) -> None:
    failing = create(scene, name="failing")
    broken = create(scene, name="broken")
    create(scene, name="fine")
    for _ in range(2):
        at_noon.advance(minutes=1)
        for job_id in make(scene):
            fence = scene.again(job_id)
            if scene.job(job_id).schedule_id == failing.id:
                scene.do(attempts.fail(attempts.Failed(fence, "boom", "it went wrong", retry_in=None)))
            else:
                scene.complete(fence)
    at_noon.advance(minutes=1)
    scene.do(ticking.break_off(WORKSPACE, broken.id, "its project is gone"))
    found = scene.do(schedules.wrong(WORKSPACE, "system:scheduler"))
    assert [(one.name, one.paused_reason, one.failed) for one in found] == [
        ("broken", "its project is gone", 0), ("failing", None, 2),
    ]  # fmt: skip


def test_ticks_are_forgotten_by_their_age(scene: Scene, at_noon: Clock) -> None:
    made = create(scene)
    at_noon.advance(minutes=1)
    make(scene)
    assert scene.do(schedules.forget_ticks(at_noon.now())) == 0
    at_noon.advance(minutes=1)
    assert scene.do(schedules.forget_ticks(at_noon.now())) == 1
    assert ticks(scene, made.id) == []


def test_the_overview_says_which_schedules_cannot_go_on(scene: Scene, at_noon: Clock) -> None:
    made = create(scene)
    at_noon.advance(minutes=1)
    scene.do(ticking.break_off(WORKSPACE, made.id, "its project is gone"))
    found = [one for one in scene.do(overview.read(WORKSPACE, at_noon.now())).attention if one.about == "schedule"]
    assert [(one.ref, one.says) for one in found] == [
        (str(made.id), "schedule nightly can make no job and was paused: its project is gone")
    ]
