"""The verbs on schedules do the same through every client, blocking and awaited."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from scene import TYPE, WORKSPACE, Scene, ids

from jobtrail.client import AsyncJobsClient, Client, JobsClient
from jobtrail.client.async_remote import AsyncRemoteClient
from jobtrail.core.errors import ConcurrentUpdate, Conflict, Invalid, NotFound, UnknownType
from jobtrail.core.schedule import CatchUp, Overlap
from jobtrail.core.schedules import JobOptions, NewSchedule, ScheduleChange, ScheduleFilter
from jobtrail.service import schedules, ticking
from jobtrail.service.jobs import Options
from jobtrail.store.identity import new_ids


@pytest.fixture(autouse=True)
def known(scene: Scene) -> None:
    """A worker knows the type."""
    scene.new_worker()


def new(name: str = "s", **said: Any) -> NewSchedule:
    return NewSchedule(id=ids.new(), **{"name": name, "type": TYPE, "expression": "@hourly"} | said)


def test_a_schedule_is_made_changed_found_and_removed(client: JobsClient) -> None:
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    options = JobOptions(queue="io", tags=["a"], priority=8, timeout_seconds=60.0)
    said: dict[str, Any] = {"zone": "Asia/Tokyo", "title": "t {tick}", "overlap": Overlap.QUEUE, "catch_up": CatchUp.ALL,
                            "catch_up_most": 7, "jitter_seconds": 30.0, "ends_at": later}  # fmt: skip
    made = client.schedules.create(new("nightly", input=b'{"n": [1, null]}', options=options, **said))
    found = client.schedules.get(made.id)
    assert {name: getattr(found, name) for name in said} == said
    assert (found.input, found.words, found.ticks) == ({"n": [1, None]}, "Every hour", [])
    assert found.options == {"queue": "io", "tags": ["a"], "priority": 8, "timeout_seconds": 60.0}
    change = ScheduleChange(expression="every 90m", options=JobOptions(), empty=frozenset({"title", "ends_at"}))
    changed = client.schedules.update(made.id, change, version=made.version)
    assert (changed.expression, changed.options, changed.title, changed.ends_at) == ("every 90m", {}, None, None)
    with pytest.raises(ConcurrentUpdate):
        client.schedules.update(made.id, ScheduleChange(name="x"), version=made.version)
    client.schedules.create(new("a"))
    with pytest.raises(Conflict):
        client.schedules.create(new("a"))
    assert [one.name for one in client.schedules.list()] == ["a", "nightly"]
    assert [one.name for one in client.schedules.list(limit=1)] == ["a"]
    assert [one.name for one in client.schedules.list(ScheduleFilter(text="NIGHT"))] == ["nightly"]
    paused = client.schedules.pause(made.id, "why")
    assert paused.paused_reason == "why"
    assert [one.name for one in client.schedules.list(ScheduleFilter(paused=True))] == ["nightly"]
    assert client.schedules.resume(made.id).paused_at is None
    with pytest.raises(Conflict):
        client.schedules.resume(made.id)
    client.schedules.remove(made.id)
    for gone in (client.schedules.get, client.schedules.remove, client.schedules.run, client.schedules.ticks):
        with pytest.raises(NotFound):
            gone(made.id)


def test_ticks_are_made_by_hand_previewed_and_listed(client: JobsClient, scene: Scene) -> None:
    made = client.schedules.create(new(zone="Europe/Berlin", overlap=Overlap.QUEUE))
    job_id = client.schedules.run(made.id)
    assert client.get(job_id).schedule_id == made.id
    (tick,) = client.schedules.ticks(made.id)
    assert (tick.job_id, tick.manual, tick.status) == (job_id, True, "QUEUED")
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    since = until - timedelta(hours=3)
    counted = client.schedules.backfill(made.id, since, until, dry_run=True)
    assert (counted.ticks, counted.first_at, tuple(counted.jobs)) == (3, since, ())
    assert len(client.schedules.backfill(made.id, since, until).jobs) == 3
    assert client.schedules.backfill(made.id, since, until).ticks == 0
    assert len(client.schedules.ticks(made.id, limit=2)) == 2
    coming = client.schedules.next(made.id, 3)
    assert [one.at for one in coming] == [until + timedelta(hours=n) for n in (1, 2, 3)]
    spring = datetime(2027, 3, 27, 12, tzinfo=UTC)
    tried = client.schedules.preview("30 2 * * *", "Europe/Berlin", 1, spring)[0]
    assert f"{tried.local:%H:%M %z}" == "03:00 +0200" and "does not exist" in str(tried.note)


def test_what_is_wrong_is_said_with_its_field(client: JobsClient) -> None:
    for said, field in (
        ({"expression": "61 * * * *"}, "expression"),
        ({"zone": "Nowhere"}, "zone"),
        ({"expression": "at 2020-01-01T00:00"}, "expression"),
        ({"jitter_seconds": -1.0}, "jitter_seconds"),
        ({"options": JobOptions(project_id=ids.new())}, "project_id"),
    ):
        with pytest.raises(Invalid) as refused:
            client.schedules.create(new(**said))
        assert any(field in name for name in refused.value.fields) or field in refused.value.message
    with pytest.raises(UnknownType):
        client.schedules.create(new(type="nobody.knows"))
    with pytest.raises(Invalid):
        client.schedules.preview("@daily", "Nowhere")


def test_the_defaults_of_a_type_that_is_known_here_are_those_of_its_jobs(scene: Scene, database: Any) -> None:
    with Client(database.app_url) as client:
        known = {"mine": Options(type="mine", queue="io", max_attempts=9, tags=("x",))}
        made = client.schedules.create(new(type="mine", options=JobOptions(queue="other")), known=known)
        assert made.options == {"queue": "other", "max_attempts": 9, "tags": ["x"]}


def test_the_same_can_be_awaited(client: JobsClient, scene: Scene) -> None:
    async def all_of_it() -> None:
        here = client.awaited()
        try:
            await everything(here)
        finally:
            if isinstance(here, AsyncRemoteClient):
                await here.aclose()

    async def everything(here: AsyncJobsClient) -> None:
        awaited = here.schedules
        made = await awaited.create(new("async"))
        assert [one.id for one in await awaited.list()] == [made.id]
        assert (await awaited.get(made.id)).name == "async"
        changed = await awaited.update(made.id, ScheduleChange(title="t"))
        assert changed.title == "t"
        await awaited.pause(made.id)
        await awaited.resume(made.id)
        job_id = await awaited.run(made.id)
        assert [one.job_id for one in await awaited.ticks(made.id)] == [job_id]
        assert len(await awaited.next(made.id, 4)) == 4
        assert len(await awaited.preview("@daily")) == 10
        now = datetime.now(UTC)
        assert (await awaited.backfill(made.id, now - timedelta(hours=2), now, dry_run=True)).ticks == 2
        await awaited.remove(made.id)

    asyncio.run(all_of_it())


def test_what_a_scheduler_makes_is_seen_by_every_client(client: JobsClient, scene: Scene, clock: Any) -> None:
    made = client.schedules.create(new(expression="every 1m"))
    clock.advance(minutes=5, seconds=30)
    scene.do(ticking.make(WORKSPACE, made.id, new_ids))
    newest, stretch = client.schedules.ticks(made.id)
    assert (newest.outcome, stretch.outcome, stretch.ticks) == ("JOB", "MISSED", 4)
    assert [one.went for one in client.schedules.get(made.id).ticks] == ["MISSED", "QUEUED"]
    assert scene.do(schedules.get(WORKSPACE, made.id)) is not None
