"""Schedules on the command line, on a database and on a server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cli.terminal import Terminal
from database import Database
from scene import Scene
from serving import Served, served


@pytest.fixture
def web(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The service, which keeps its files elsewhere."""
    with served(database, tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture(params=["database", "server"])
def jobtrail(
    request: pytest.FixtureRequest, bare: Terminal, database: Database, monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    """A terminal that knows a database; then one that knows a server and a key."""
    if request.param == "database":
        monkeypatch.setenv("JOBTRAIL_DATABASE_URL", database.app_url)
    else:
        web: Served = request.getfixturevalue("web")
        monkeypatch.setenv("JOBTRAIL_SERVER_URL", web.url)
        monkeypatch.setenv("JOBTRAIL_API_KEY", web.key())
    return bare


NIGHTLY = ("schedule", "create", "nightly", "command", "30 2 * * *", 'run:=["true"]', "--zone", "Europe/Berlin")


def test_a_schedule_is_made_looked_at_changed_and_deleted(jobtrail: Terminal) -> None:
    made = jobtrail.ok(*NIGHTLY, "--title", "Night of {tick.date}", "--tag", "night,cut", "--priority", "HIGH", "-q", "io",
                       "--overlap", "queue", "--catch-up", "all", "--jitter", "5m", "-o", "json").data["schedule"]  # fmt: skip
    assert (made["expression"], made["zone"], made["overlap"], made["catch_up"]) == (
        "30 2 * * *", "Europe/Berlin", "QUEUE", "ALL",
    )  # fmt: skip
    assert made["options"] == {"queue": "io", "priority": 8, "tags": ["night", "cut"]}
    assert (made["input"], made["jitter_seconds"]) == ({"run": ["true"]}, 300.0)
    shown = jobtrail.ok("schedule", "show", "nightly").out
    assert "Every day at 02:30" in shown and "02:30:00 Europe/Berlin" in shown
    assert "nightly\tEvery day at 02:30\t30 2 * * *\tEurope/Berlin" in jobtrail.ok("schedule", "list").out
    changed = jobtrail.ok("schedule", "update", "nightly", "-e", "every 6h", "cwd=sub", "--without", "title",
                          "--options", "{}", "-o", "json").data["schedule"]  # fmt: skip
    assert (changed["expression"], changed["title"], changed["options"]) == ("every 6h", None, {})
    assert changed["input"] == {"run": ["true"], "cwd": "sub"}
    jobtrail.ok("schedule", "pause", "nightly", "-m", "holidays")
    assert "holidays" in jobtrail.ok("schedule", "show", changed["id"][-8:]).out
    assert "nightly" in jobtrail.ok("schedule", "list", "--paused").out
    jobtrail.ok("schedule", "resume", "nightly")
    jobtrail.ok("schedule", "delete", "nightly")
    assert jobtrail("schedule", "show", "nightly").code == 5


def test_what_comes_is_shown_with_the_zone_and_what_is_special(jobtrail: Terminal) -> None:
    jobtrail.ok(*NIGHTLY)
    found = jobtrail.ok("schedule", "next", "nightly", "-n", "3", "-o", "json").data
    assert len(found) == 3 and all("T0" in one["at"] for one in found)
    said = jobtrail.ok("schedule", "next", "0 9 * * MON-FRI", "--zone", "Asia/Tokyo", "-n", "2").out
    assert said.count("Asia/Tokyo (+0900)") == 2
    assert "@daily" not in jobtrail.ok("schedule", "next", "@daily", "-n", "1").out
    refused = jobtrail("schedule", "next", "61 * * * *")
    assert refused.code == 2 and "bad minute" in refused.err


def test_ticks_are_made_by_hand_and_listed(jobtrail: Terminal) -> None:
    jobtrail.ok("schedule", "create", "hourly", "command", "@hourly", 'run:=["true"]', "--overlap", "queue")
    job = jobtrail.ok("schedule", "run", "hourly", "-o", "json").data["job"]
    assert job["schedule_id"] is not None
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    times = ("--from", (until - timedelta(hours=3)).isoformat(), "--to", until.isoformat())
    counted = jobtrail.ok("schedule", "backfill", "hourly", *times, "--dry-run", "-o", "json").data["backfill"]
    assert (counted["ticks"], counted["jobs"]) == (3, [])
    assert jobtrail("schedule", "backfill", "hourly", *times, "-n", "2").code != 0
    done = jobtrail.ok("schedule", "backfill", "hourly", *times, "-o", "json").data["backfill"]
    assert len(done["jobs"]) == 3
    listed = jobtrail.ok("schedule", "ticks", "hourly", "-o", "json").data
    assert len(listed) == 4 and all(one["manual"] for one in listed)
    assert "QUEUED" in jobtrail.ok("schedule", "ticks", "hourly").out


def test_what_is_wrong_is_said_with_what_to_do(jobtrail: Terminal, scene: Scene) -> None:
    for more, code, says in (
        (("x", "nobody.knows", "@daily"), 2, "start a worker that runs it first"),
        (("x", "command", "61 * * * *"), 2, "bad minute"),
        (("x", "command", "@daily", "--zone", "berlin"), 2, "Europe/Berlin"),
        (("x", "command", "at 2020-01-01T00:00"), 2, "never due again"),
        (("x", "command", "@daily", "--overlap", "maybe"), 2, "SKIP, QUEUE, REPLACE, ALLOW"),
        (("x", "command", "@daily", "--starts", "noon"), 2, "is no time"),
    ):
        refused = jobtrail("schedule", "create", *more, 'run:=["true"]')
        assert refused.code == code and says in refused.err, f"{more}: {refused.err}"
    jobtrail.ok(*NIGHTLY)
    assert jobtrail(*NIGHTLY).code == 6


APP = """
import jobtrail as jt
app = jt.App()

@app.schedule("0 9 * * MON-FRI", zone="Europe/Berlin", input={"name": "Ana"})
@app.job("hello", queue="greetings")
async def hello(name: str) -> str:
    return f"Hello, {name}!"
"""


def test_a_worker_that_starts_applies_what_its_app_declares(jobtrail: Terminal, database: Database) -> None:
    jobtrail.write("app.py", APP)
    ran = jobtrail.process("worker", "start", "--once", JOBTRAIL_DATABASE_URL=database.app_url)
    assert ran.code == 0 and "schedule hello is as the code says: 0 9 * * MON-FRI Europe/Berlin" in ran.err
    shown = jobtrail.ok("schedule", "show", "hello", "-o", "json").data["schedule"]
    assert (shown["declared_by"], shown["options"]) == ("app:app", {"queue": "greetings"})


def test_an_input_that_does_not_fit_is_refused_before_the_first_tick(jobtrail: Terminal) -> None:
    wrong = jobtrail("schedule", "create", "nightly", "command", "@daily", "runs=true")
    assert (wrong.code, "does not fit command" in wrong.err) == (2, True)
    assert jobtrail("schedule", "show", "nightly").code == 5
    made = jobtrail.ok(
        "schedule", "create", "nightly", "command", "@daily", 'run:=["echo", "{tick.date}"]', "-o", "json"
    )
    assert made.data["schedule"]["input"] == {"run": ["echo", "{tick.date}"]}
    assert jobtrail("schedule", "update", "nightly", "run=true", "nope=1").code == 2


def test_options_that_are_no_json_are_named_as_such(jobtrail: Terminal) -> None:
    wrong = jobtrail(*NIGHTLY, "--options", '{"queue":')
    assert (wrong.code, "options is not JSON" in wrong.err) == (2, True)
