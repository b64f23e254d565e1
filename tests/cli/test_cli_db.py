"""`jobtrail db`, and what every command says of a database that is not fit."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import psycopg
import pytest
from cli.terminal import Terminal
from database import Clock, Database, TestServer
from scene import Scene

from jobtrail.store import embedded, migrate


@pytest.fixture
def empty(database_server: TestServer) -> Iterator[Database]:
    """A database without tables."""
    with database_server.database(template="template0") as database:
        yield database


def test_up_brings_the_tables_and_says_what_it_would_do(
    jobtrail: Terminal, empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBTRAIL_DATABASE_URL", empty.owner_url)
    names = [one.name for one in migrate.migrations()]
    assert [one["name"] for one in jobtrail.ok("db", "up", "--plan", "-o", "json").data] == names
    assert "create table jobtrail.jobs" in jobtrail.ok("db", "up", "--sql").out
    assert jobtrail("job", "list").code == 2
    assert [one["name"] for one in jobtrail.ok("db", "up", "-o", "json").data] == names
    assert jobtrail.ok("db", "up", "-o", "json").data == []
    assert jobtrail.ok("db", "status", "-o", "json").data["version"] == len(names)
    monkeypatch.setenv("JOBTRAIL_DATABASE_URL", empty.app_url)
    assert jobtrail.ok("job", "list", "-o", "json").data == []


def test_down_asks_and_takes_back(jobtrail: Terminal, empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBTRAIL_DATABASE_URL", empty.owner_url)
    jobtrail.ok("db", "up")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert "--to 0" in jobtrail("db", "down").err
    refused = jobtrail("db", "down", "--to", "0")
    assert refused.code == 2 and "--yes" in refused.err
    assert jobtrail.ok("db", "status", "-o", "json").data["version"] > 0
    gone = jobtrail.ok("db", "down", "--to", "0", "--yes", "-o", "json").data
    assert [one["name"] for one in gone] == [one.name for one in reversed(migrate.migrations())]
    assert jobtrail.ok("db", "status", "-o", "json").data["version"] == 0
    assert jobtrail("db", "down", "--to", "99").code == 2


def test_every_problem_is_one_sentence_that_says_what_to_do(
    jobtrail: Terminal, database: Database, empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_rights = database.app_url.replace("jobtrail_app:", "nobody:", 1)
    wrong_password = database.app_url.replace("jobtrail_app:", "jobtrail_app:x", 1)
    for url, code, says in (
        (database.admin_url, 2, "superuser"),
        (empty.owner_url, 2, "jobtrail db up"),
        (no_rights, 2, "JOBTRAIL_DATABASE_URL"),
        (wrong_password, 2, "password"),
        (database.app_url.replace(f"/{database.name}?", "/nothing_like_it?"), 2, "no such database"),
        ("postgresql://me@127.0.0.1:1/x", 69, "cannot be reached"),
        ("postgresql://me@nowhere.invalid/x", 69, "cannot be reached"),
        ("mysql://me@db/x", 2, "postgresql://user@host/database"),
    ):
        monkeypatch.setenv("JOBTRAIL_DATABASE_URL", url)
        for argv in (["job", "list"], ["worker", "start", "--once"], ["db", "check"]):
            if argv[0] == "db" and code != 69:
                continue
            ran = jobtrail(*argv)
            assert (ran.code, ran.out) == (code, ""), (url, ran)
            assert says in ran.err and "Traceback" not in ran.err and ran.err.startswith("error["), ran


def test_tables_of_another_version_are_told(jobtrail: Terminal, database: Database) -> None:
    with closing(database.as_owner()) as owner:
        owner.execute("insert into jobtrail.migrations (number, name, sha256) values (9999, 'later', 'x')")
        assert "upgrade jobtrail" in jobtrail("job", "list").err
        owner.execute("delete from jobtrail.migrations where number > 2")
        ran = jobtrail("job", "list")
        assert ran.code == 2 and "the tables are version 2" in ran.err and "jobtrail db up" in ran.err


def test_a_server_that_is_too_old_is_told(jobtrail: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobtrail.store.migrate._OLDEST", 990_000)
    ran = jobtrail("job", "list")
    assert ran.code == 2 and "too old" in ran.err


def test_check_finds_nothing_wrong_but_what_the_tests_switched_off(jobtrail: Terminal) -> None:
    ran = jobtrail("db", "check", "-o", "json")
    bad = {one["says"].split()[0] for one in ran.data if one["level"] == "bad"}
    assert (ran.code, bad) == (9, {"fsync", "full_page_writes", "synchronous_commit"})
    about = {one["about"] for one in ran.data}
    assert {"tables", "server", "role", "clock", "settings", "days"} <= about
    assert all(one["fix"] for one in ran.data if one["level"] != "ok")


def test_check_tells_of_old_transactions_and_of_days_that_run_out(
    jobtrail: Terminal, database: Database, clock: Clock
) -> None:
    clock.advance(timedelta(days=30))
    found = {one["about"]: one for one in jobtrail("db", "check", "-o", "json").data if one["level"] != "ok"}
    assert "days ahead" in found["days"]["says"] and "jobtrail db prune" in found["days"]["fix"]
    assert "ahead of this machine's" in found["clock"]["says"]
    jobtrail.ok("db", "prune")
    after = {one["about"] for one in jobtrail("db", "check", "-o", "json").data if one["level"] != "ok"}
    assert "days" not in after


def test_prune_removes_what_is_past_its_age(jobtrail: Terminal, scene: Scene, clock: Clock) -> None:
    clock.freeze(clock.now() - timedelta(days=200))
    scene.complete(scene.start())
    old = scene.job(scene.enqueue(queue="b")).id
    clock.thaw()
    scene.complete(scene.start(queue="c"))
    assert jobtrail.ok("db", "prune", "-o", "json").data["jobs"] == 1
    left = [job["id"] for job in jobtrail.ok("job", "list", "-o", "json").data]
    assert len(left) == 2 and str(old) in left


def test_doctor_reports_everything_and_what_to_do(jobtrail: Terminal, scene: Scene) -> None:
    scene.enqueue(queue="media", type="render")
    jobtrail.write("app.py", "import jobtrail\napp = jobtrail.App()\n")
    found = jobtrail.process("doctor", "-o", "jsonl").lines
    by = {one["about"]: one for one in found}
    assert {"python", "embedded PostgreSQL", "app", "tables", "server", "workers", "queues"} <= set(by)
    assert by["workers"]["level"] == "warn" and by["workers"]["fix"]
    assert "queue media has 1 job of type render and no worker" in by["queues"]["says"]


def test_doctor_lives_with_whatever_is_broken(bare: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    bare.write("app.py", "import jobtrail\nraise RuntimeError('broken')\n")
    monkeypatch.setenv("JOBTRAIL_DATABASE_URL", "postgresql://me@127.0.0.1:1/x")
    ran = bare("doctor", "-o", "json")
    bad = {one["about"]: one["says"] for one in ran.data if one["level"] == "bad"}
    assert ran.code == 9 and "broken" in bad["app"] and "cannot be reached" in bad["database"]
    monkeypatch.setenv("JOBTRAIL_SLOTS", "many")
    assert "slots" in str(bare("doctor", "-o", "json").data)


def test_the_embedded_database_is_made_kept_and_stopped(own: Terminal) -> None:
    home = own.folder / ".jobtrail"
    assert own.ok("db", "status", "-o", "json").data["runs"] is False
    assert own("job", "list").code == 2 and not home.exists()
    own.ok("db", "up", "--keep")
    assert embedded.status(home) is not None
    status = own.ok("db", "status", "-o", "json").data
    assert status["runs"] is True and status["pending"] == [] and "password" not in str(status)
    assert own.ok("job", "list", "-o", "json").data == []
    own.ok("db", "down", "--yes")
    assert embedded.status(home) is None
    assert own.ok("job", "list", "-o", "json").data == []
    assert embedded.status(home) is None


def test_the_users_own_connection_string_is_never_shown(
    jobtrail: Terminal, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = psycopg.conninfo.conninfo_to_dict(database.app_url)["password"]
    monkeypatch.setenv("JOBTRAIL_DEBUG", "1")
    for argv in (["db", "status"], ["doctor"], ["db", "check"], ["job", "get", "@last"]):
        ran = jobtrail(*argv)
        assert str(secret) not in ran.out + ran.err
