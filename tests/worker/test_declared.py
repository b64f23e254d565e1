"""Schedules in the code of an app: written above functions, applied by a worker, and refused where they cannot be."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from database import Database
from scene import ME, WORKSPACE, Scene
from worker import at_work
from worker.at_work import wait_until

import jobtrail as jt
from jobtrail.core.errors import Conflict, Invalid
from jobtrail.core.schedules import ScheduleChange
from jobtrail.service import jobs, schedules
from jobtrail.store.db import ALL
from jobtrail.store.pool import Dial
from jobtrail.worker import declared
from jobtrail.worker.link import Link


def shop() -> jt.App:
    app = jt.App()

    @app.schedule("0 9 * * MON-FRI", zone="Europe/Berlin", input={"customer": "c42"}, jitter="5m", overlap="QUEUE")
    @app.job(queue="reports", priority="HIGH", retry=7, title="For {customer}")
    async def report(customer: str, pages: int = 5) -> str:
        return f"{pages} pages for {customer}"

    @app.schedule("@hourly", name="hourly", input={"customer": "all", "since": "{tick.date}"})
    @app.job("sync")
    def sync(customer: str, since: datetime) -> None: ...

    app.schedule("every 5m", type="command", name="clean", input={"run": ["true"]})
    assert report.options.type == "report"
    return app


async def apply(database: Database, app: jt.App) -> None:
    link = Link(Dial(url=database.app_url, workspace=ALL))
    try:
        await declared.apply(link, WORKSPACE, "shop:app", list(app.schedules.values()))
    finally:
        await link.close()


async def test_a_worker_applies_what_stands_above_functions(database: Database, scene: Scene) -> None:
    app = shop()
    await apply(database, app)
    found = {one.name: one for one in scene.do(schedules.listed(WORKSPACE))}
    assert sorted(found) == ["clean", "hourly", "report"]
    report = found["report"]
    assert (report.expression, report.zone, report.overlap) == ("0 9 * * MON-FRI", "Europe/Berlin", "QUEUE")
    assert (report.input, report.title, report.jitter_seconds) == ({"customer": "c42"}, "For c42", 300.0)
    assert report.options == {"queue": "reports", "priority": 8, "max_attempts": 7}
    assert (report.declared_by, report.created_by) == ("shop:app", "system:shop:app")
    assert found["clean"].type == "command"


async def test_what_people_changed_stays_until_the_code_says_something_else(database: Database, scene: Scene) -> None:
    await apply(database, shop())
    held = scene.do(schedules.named(WORKSPACE, "report"))
    assert held is not None
    scene.do(schedules.update(WORKSPACE, held.id, ScheduleChange(zone="Asia/Tokyo"), ME))
    await apply(database, shop())
    kept = scene.do(schedules.get(WORKSPACE, held.id))
    assert kept is not None and kept.zone == "Asia/Tokyo"
    app = shop()
    del app.schedules["hourly"]
    await apply(database, app)
    gone = scene.do(schedules.named(WORKSPACE, "hourly"))
    assert gone is not None and gone.undeclared_at is not None and gone.due_at is not None


async def test_a_time_that_is_over_is_told_and_stops_no_worker(
    database: Database, scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    app = shop()
    app.schedule("at 2020-01-01T00:00", type="command", name="past")
    await apply(database, app)
    assert "schedule past of the code is left out" in caplog.text
    assert len(scene.do(schedules.listed(WORKSPACE))) == 3


def test_what_cannot_be_is_refused_where_it_is_written() -> None:
    app = jt.App()

    @app.job()
    async def report(customer: str = "all") -> None: ...

    for wrong, says in (
        ({"expression": "61 * * * *"}, "bad minute"),
        ({"expression": "@daily", "zone": "Berlin/Europe"}, "no time zone"),
        ({"expression": "@daily", "jitter": "2d"}, "jitter"),
        ({"expression": "@daily", "overlap": "MAYBE"}, "overlap: one of"),
        ({"expression": "@daily", "input": {"customer": 5}}, "customer"),
    ):
        with pytest.raises(Invalid, match=says):
            app.schedule(**wrong)(report)
    with pytest.raises(Invalid, match=r"above @app\.job"):
        app.schedule("@daily")(print)  # type: ignore[type-var]
    app.schedule("@daily", input={"customer": "a"})(report)
    with pytest.raises(Conflict, match="two schedules named 'report'"):
        app.schedule("@daily", input={"customer": "b"})(report)


def test_ticks_at_work_run_the_function_with_the_time_of_the_tick(
    database: Database, scene: Scene, tmp_path: Path
) -> None:
    with at_work.scene(database, tmp_path) as here:
        app = here.app
        seen: list[tuple[str, datetime]] = []

        @app.schedule("every 1s", input={"customer": "{schedule}", "at": "{tick.utc}"}, overlap="ALLOW")
        @app.job("tick")
        def tick(customer: str, at: datetime) -> None:
            seen.append((customer, at))

        asyncio.run(apply(database, app))
        with here.work():
            wait_until(lambda: len(seen) >= 2, "two ticks run")
    assert {name for name, _ in seen} == {"tick"}
    first, second = sorted(at for _, at in seen)[:2]
    assert second - first == timedelta(seconds=1)
    job = scene.do(jobs.listed(WORKSPACE, jobs.Filter()))[-1]
    assert datetime.fromisoformat(job.input["at"]).astimezone(UTC) <= job.created_at
