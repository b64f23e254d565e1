"""What retention takes by its rules is no tampering: whole days, and finished jobs. Everything else still is."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from audit.history import KEY, SERVES_ALL, History
from audit.tampers import Vandal
from database import Clock, Connection
from scene import ME, Scene

from jobtrail.core.audit import Kind, Report
from jobtrail.service import audit, jobs, upkeep
from jobtrail.store.db import run

DAY = timedelta(days=1)


class Years:
    """A history of twelve days that ended eight days ago: on each, one job from the day before ends and one begins."""

    def __init__(self, scene: Scene, clock: Clock, admin: Connection) -> None:
        self.history = History(scene.conn)
        self.scene, self.clock, self.admin = scene, clock, admin
        self.today = clock.now()
        self.first = self.today - 20 * DAY
        self.jobs: list[UUID] = []
        self.clock.freeze(self.first)
        scene.do(upkeep.make_partitions(12))
        running = []
        for day in range(12):
            self.clock.freeze(self.first + day * DAY)
            running.append(scene.start(queue=f"day{day}"))
            if day:
                before = running[day - 1]
                scene.finished_step(before, "late", "1")
                scene.complete(before, "[1]")
            self.jobs.append(running[-1].job_id)
            if day % 2:
                self.history.seal()  # so a seal spans two days
        self.clock.freeze(self.today)
        scene.complete(running[-1])
        self.history.seal()

    def drop(self, before: datetime) -> list[str]:
        return self.scene.do(upkeep.drop_partitions("events", before))

    def verify(self, droppable: datetime | None = None) -> Report:
        return run(
            self.history.conn, audit.verify([KEY], anchored=self.history.anchor, droppable=droppable), SERVES_ALL
        )

    def vandal(self) -> Vandal:
        self.admin.execute("set session_replication_role = replica")
        return Vandal(self.admin, Random(1), [], KEY)


@pytest.fixture
def years(scene: Scene, clock: Clock, admin: Connection) -> Years:
    return Years(scene, clock, admin)


def kinds(report: Report) -> set[Kind]:
    return {finding.kind for finding in report.findings}


def test_the_scene_is_as_it_says(years: Years) -> None:
    assert [len(seal.parts) for seal in years.history.anchor] == [2] * 6 + [1]
    report = years.verify()
    assert report.ok and report.expired == 0 and report.events == 11 * 5 + 3


@pytest.mark.parametrize("days", [1, 2, 3, 12])
def test_dropped_days_are_no_tampering(years: Years, days: int) -> None:
    """Whether the days end with a seal or within one; a job may have lost its beginning."""
    dropped = years.drop(years.first + days * DAY)
    assert len(dropped) == days + 1, "the day before the first is there too, and is empty"
    report = years.verify()
    assert report.findings == ()
    assert report.expired == (days + 1) // 2 and report.seals == 7


def test_what_is_left_of_a_seal_is_still_held_against_it(years: Years) -> None:
    """The seal of days two and three, of which the second is gone."""
    years.drop(years.first + 3 * DAY)
    vandal = years.vandal()
    left = vandal.rows("select job_id, seq, at from jobtrail.events order by at, seq limit 5")
    for job, seq, _ in left:
        with vandal.conn.transaction(force_rollback=True):
            vandal.do("delete from jobtrail.events where job_id = %s and seq = %s", job, seq)
            assert Kind.SEAL in kinds(years.history.verify(vandal.conn))
        with vandal.conn.transaction(force_rollback=True):
            vandal.do("update jobtrail.events set hash = sha256(hash) where job_id = %s and seq = %s", job, seq)
            assert Kind.SEAL in kinds(years.history.verify(vandal.conn))


def test_a_day_that_is_too_young_to_be_dropped_is_missed(years: Years) -> None:
    years.scene.enqueue()
    years.history.seal()
    years.vandal().do(f"drop table jobtrail.events_{years.today:%Y%m%d}")
    assert {Kind.SEAL, Kind.GAP} <= kinds(years.verify())


def test_a_day_that_retention_keeps_is_missed_by_who_knows_the_retention(years: Years) -> None:
    years.drop(years.first + 3 * DAY)
    assert years.verify(years.first + 3 * DAY).ok
    assert kinds(years.verify(years.first - DAY)) >= {Kind.SEAL, Kind.GAP}


def test_an_old_day_that_was_emptied_but_not_dropped_is_missed(years: Years) -> None:
    day = years.first + 2 * DAY
    years.vandal().do(f"truncate jobtrail.events_{day:%Y%m%d}")
    assert {Kind.SEAL, Kind.GAP} <= kinds(years.verify())


def test_seals_of_dropped_days_still_form_a_chain(years: Years) -> None:
    years.drop(years.first + 12 * DAY)
    vandal = years.vandal()
    for change in (
        "delete from jobtrail.seals where number = 2",
        "update jobtrail.seals set events = 9 where number = 2",
    ):
        with vandal.conn.transaction(force_rollback=True):
            vandal.do(change)
            assert {Kind.SEAL, Kind.ANCHOR} <= kinds(years.history.verify(vandal.conn))


def test_removed_jobs_leave_tombstones_that_verify(years: Years) -> None:
    years.scene.do(upkeep.remove_jobs(years.first + 8 * DAY))
    report = years.verify()
    assert report.ok and report.tombstones == 7 and report.jobs == 5
    years.drop(years.first + 4 * DAY)
    report = years.verify()
    assert report.ok and report.tombstones == 7


@pytest.mark.parametrize(
    "change",
    [
        "last_seq = last_seq + 1", "last_seq = last_seq - 1", "trail_hash = sha256(trail_hash)",
        "first_at = first_at + interval '1 hour'", "last_at = last_at - interval '1 second'",
        "last_at = last_at + interval '1 second'",
        "removed_at = last_at", "job_id = workspace_id",
    ],
)  # fmt: skip
def test_a_tombstone_must_fit_its_events(years: Years, change: str) -> None:
    years.scene.do(upkeep.remove_jobs(years.first + 8 * DAY))
    years.vandal().do(f"update jobtrail.tombstones set {change} where job_id = %s", years.jobs[3])
    assert not years.verify().ok


def test_a_job_that_did_not_end_cannot_have_been_removed(years: Years) -> None:
    waiting = years.scene.enqueue()
    years.history.seal()
    vandal = years.vandal()
    vandal.do(
        "insert into jobtrail.tombstones (workspace_id, job_id, last_seq, trail_hash, first_at, last_at) "
        "select workspace_id, id, version, trail_hash, created_at, updated_at from jobtrail.jobs where id = %s", waiting,
    )  # fmt: skip
    assert [finding.message for finding in years.verify().findings] == [
        "it has a tombstone, but is there", "it was removed although it had not ended: it was QUEUED",
    ]  # fmt: skip
    vandal.erase(waiting)
    assert kinds(years.verify()) == {Kind.TOMBSTONE}


def test_a_job_whose_days_are_all_gone_is_not_held_against_them(years: Years) -> None:
    years.drop(years.first + 12 * DAY)
    report = years.verify()
    assert report.ok and report.jobs == 12 and report.events < 10
    young = years.scene.enqueue()
    years.vandal().do("delete from jobtrail.events where job_id = %s", young)
    assert [finding.message for finding in years.verify().findings] == ["it has no events at all"]


@pytest.mark.parametrize(("days", "said"), [(1, "events 6 to 6 are missing"), (2, "it has no events at all")])
def test_a_job_that_lost_its_beginning_may_not_lose_its_end(years: Years, days: int, said: str) -> None:
    job = years.jobs[0]
    years.drop(years.first + days * DAY)
    years.scene.do(jobs.update(years.scene.workspace, job, jobs.Change(title="late"), ME))
    assert years.verify().ok
    years.vandal().do("delete from jobtrail.events where job_id = %s and seq >= 6", job)
    assert [finding.message for finding in years.verify().findings] == [said]


def test_a_day_without_a_table_of_its_own_is_never_dropped(scene: Scene, clock: Clock) -> None:
    """Its events lie in the default partition, which retention leaves alone."""
    history = History(scene.conn)
    today = clock.now()
    clock.freeze(today - 30 * DAY)
    scene.complete(scene.start())
    clock.freeze(today)
    scene.complete(scene.start())
    history.seal()
    assert [part.name for part in history.anchor[0].parts] == [f"{today:%Y%m%d}", "rest"]
    assert history.verify().ok
