"""Schedules at work: three schedulers whose leader is killed again and again, and what comes of schedules that cannot go on."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from database import Clock, Connection, Database
from scene import ME, TYPE, WORKSPACE, Scene, ids
from worker.at_work import wait_until

from jobtrail.core.schedule import CatchUp, Overlap
from jobtrail.core.schedules import JobOptions, NewSchedule, ScheduleView, TickOutcome
from jobtrail.service import jobs, projects, schedules, ticking
from jobtrail.store.db import ALL
from jobtrail.store.pool import Dial
from jobtrail.worker.link import Link
from jobtrail.worker.upkeep.house import Duty, _repeat
from jobtrail.worker.upkeep.scheduler import Scheduler

KILLS = 100 if os.environ.get("JOBTRAIL_DEEP") else 8
SCHEDULES = 15


class House:
    """Three processes that keep house; one that is killed is replaced by a new one."""

    def __init__(self, database: Database, conn: Connection, folder: Path) -> None:
        self._database, self._conn, self._folder = database, conn, folder
        self.keepers: dict[UUID, subprocess.Popen[bytes]] = {}
        for _ in range(3):
            self.start()

    def start(self) -> None:
        id = uuid4()
        program = [sys.executable, str(Path(__file__).with_name("housekeeper.py"))]
        with (self._folder / f"{id}.log").open("wb") as log:
            self.keepers[id] = subprocess.Popen(
                [*program, self._database.app_url, str(id), str(self._folder)], stdout=log, stderr=subprocess.STDOUT
            )

    def leader(self) -> UUID | None:
        """Who is elected now."""
        query = "select worker_id from jobtrail.upkeep_leases where duty = 'house' and lease_until > clock_timestamp()"
        row = self._conn.execute(query).fetchone()
        return row[0] if row is not None and row[0] in self.keepers else None

    def kill(self, id: UUID) -> None:
        keeper = self.keepers.pop(id)
        keeper.send_signal(signal.SIGKILL)
        keeper.wait()
        self.start()

    def close(self) -> None:
        while self.keepers:
            _, keeper = self.keepers.popitem()
            keeper.kill()
            keeper.wait()


@pytest.fixture
def house(database: Database, conn: Connection, tmp_path: Path) -> Iterator[House]:
    house = House(database, conn, tmp_path)
    yield house
    house.close()


def test_no_tick_is_made_twice_or_missed_however_often_the_leader_is_killed(
    scene: Scene, conn: Connection, house: House
) -> None:
    scene.new_worker()
    made = [
        scene.do(schedules.create(WORKSPACE, NewSchedule(
            id=ids.new(), name=f"s{number}", type=TYPE, expression="every 1s", input=b'{"at": "{tick.utc}"}',
            overlap=Overlap.ALLOW, catch_up=CatchUp.ALL, catch_up_most=1_000), ME))
        for number in range(SCHEDULES)
    ]  # fmt: skip
    chance = random.Random(11)

    def noted() -> int:
        row = conn.execute("select count(*) from jobtrail.schedule_ticks").fetchone()
        assert row is not None
        return int(row[0])

    for kill in range(KILLS):
        wait_until(lambda: house.leader() is not None, f"a leader after {kill} kills")
        leader = house.leader()
        before, some = noted(), chance.randrange(1, 2 * SCHEDULES)
        wait_until(lambda: noted() >= before + some, f"ticks under the leader after {kill} kills")  # noqa: B023
        if leader is not None and leader in house.keepers:
            house.kill(leader)
    before = noted()
    wait_until(lambda: noted() >= before + SCHEDULES, "the last leader makes what was left")
    house.close()
    for one in made:
        whole(scene, conn, one)


def whole(scene: Scene, conn: Connection, one: ScheduleView) -> None:
    """Each tick of a schedule that was due has one job, and each of its jobs is that of a tick."""
    held = scene.do(schedules.get(WORKSPACE, one.id))
    assert held is not None and held.next_at is not None and one.next_at is not None
    wanted = [one.next_at + timedelta(seconds=n) for n in range(round((held.next_at - one.next_at).total_seconds()))]
    query = "select at, outcome::text, job_id from jobtrail.schedule_ticks where schedule_id = %s order by at"
    found = conn.execute(query, (one.id,)).fetchall()
    assert [row[0] for row in found] == wanted, "a tick is missed"
    assert {row[1] for row in found} == {TickOutcome.JOB}
    query = "select id, input ->> 'at' from jobtrail.jobs where schedule_id = %s order by id"
    there = conn.execute(query, (one.id,)).fetchall()
    assert sorted(row[0] for row in there) == sorted(row[2] for row in found), "a job without its tick, or twice"
    assert sorted(row[1] for row in there) == [f"{at:%Y-%m-%dT%H:%M:%S}Z" for at in wanted]


@pytest.fixture
async def scheduler(database: Database) -> AsyncIterator[Scheduler]:
    """A scheduler whose hints nobody hears."""
    link = Link(Dial(url=database.app_url, workspace=ALL))
    yield Scheduler(link, lambda _: None)
    await link.close()


async def test_a_schedule_that_can_make_no_job_is_paused_with_the_reason_and_stops_no_other(
    scene: Scene, clock: Clock, scheduler: Scheduler
) -> None:
    scene.new_worker()
    project = scene.do(projects.create(WORKSPACE, ids.new(), "p"))
    options = JobOptions(project_id=project.id)
    one = NewSchedule(id=ids.new(), name="a", type=TYPE, expression="every 1m", options=options)
    doomed = scene.do(schedules.create(WORKSPACE, one, ME))
    fine = scene.do(
        schedules.create(WORKSPACE, NewSchedule(id=ids.new(), name="b", type=TYPE, expression="every 1m"), ME)
    )
    scene.do(projects.remove(WORKSPACE, project.id))
    clock.advance(minutes=1)
    await scheduler.make()
    held = scene.do(schedules.get(WORKSPACE, doomed.id))
    assert held is not None and held.paused_by == "system:scheduler" and held.due_at is None
    assert "not in this workspace" in str(held.paused_reason)
    assert [job.schedule_id for job in scene.do(jobs.listed(WORKSPACE, jobs.Filter()))] == [fine.id]


async def test_a_zone_that_is_no_longer_known_pauses_a_schedule(
    scene: Scene, clock: Clock, scheduler: Scheduler, admin: Connection
) -> None:
    scene.new_worker()
    one = NewSchedule(id=ids.new(), name="a", type=TYPE, expression="@hourly")
    made = scene.do(schedules.create(WORKSPACE, one, ME))
    admin.execute("update jobtrail.schedules set zone = 'Mars/Olympus'")
    clock.advance(hours=1)
    await scheduler.make()
    held = scene.do(schedules.get(WORKSPACE, made.id))
    assert held is not None and "no time zone 'Mars/Olympus'" in str(held.paused_reason)


async def test_a_due_schedule_that_somebody_else_holds_is_left_to_them(
    scene: Scene, clock: Clock, scheduler: Scheduler, database: Database
) -> None:
    scene.new_worker()
    one = NewSchedule(id=ids.new(), name="a", type=TYPE, expression="every 1m")
    made = scene.do(schedules.create(WORKSPACE, one, ME))
    clock.advance(minutes=1)
    with closing(database.connect()) as other, other.transaction():
        other.execute("select from jobtrail.schedules where id = %s for update", (made.id,))
        assert await scheduler.make_due() == 0
    assert await scheduler.make_due() == 1


def test_the_next_due_time_is_known(scene: Scene, clock: Clock) -> None:
    assert scene.do(ticking.next_due_seconds()) is None
    scene.new_worker()
    one = NewSchedule(id=ids.new(), name="a", type=TYPE, expression="every 1m")
    made = scene.do(schedules.create(WORKSPACE, one, ME))
    assert made.due_at is not None
    assert scene.do(ticking.next_due_seconds()) == pytest.approx((made.due_at - clock.now()).total_seconds())


def test_a_duty_that_stumbles_over_what_one_workspace_has_is_done_again() -> None:
    calls = 0

    async def work() -> None:
        done = asyncio.Event()

        async def stumble() -> None:
            nonlocal calls
            calls += 1
            if calls == 1:
                raise ValueError("nobody thought of this")
            done.set()

        task = asyncio.create_task(_repeat(Duty("stumble", 0.0, stumble)))
        await asyncio.wait_for(done.wait(), 60)
        task.cancel()

    asyncio.run(work())
    assert calls > 1
