"""What is said of an installation: every judgement in a sentence with what to do, and the reads behind it on a real server."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from database import Database
from scene import SERVES_ALL, Scene

from jobtrail.service import health
from jobtrail.service.health import Days, DeadRows, Finding, Level, Oldest, Server, Setting, Unserved
from jobtrail.store.db import run

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
SERVER = Server("18.6", 180_006, "db", "jobtrail_app", superuser=False, bypasses_rls=False, in_recovery=False,
                size_bytes=1, now=NOW, sessions=5)  # fmt: skip
GOOD = [
    Setting("fsync", "on", ""), Setting("full_page_writes", "on", ""), Setting("synchronous_commit", "on", ""),
    Setting("data_checksums", "on", ""), Setting("autovacuum", "on", ""), Setting("max_connections", "100", ""),
    Setting("idle_in_transaction_session_timeout", "10000", "ms"), Setting("server_encoding", "UTF8", ""),
    Setting("client_connection_check_interval", "5000", "ms"),
]  # fmt: skip


def worst(found: list[Finding]) -> Level:
    return max((one.level for one in found), key=list(Level).index)


def judged(server: Server = SERVER, *, asked: datetime = NOW, answered: datetime = NOW) -> list[Finding]:
    return list(health.judge_server(server, asked, answered))


def test_a_good_server_has_nothing_but_good_findings() -> None:
    assert {one.level for one in [*judged(), *health.judge_settings(GOOD, SERVER)]} == {Level.OK}


@pytest.mark.parametrize(
    ("server", "says"),
    [(replace(SERVER, version="14.2", version_number=140_002), "too old"), (replace(SERVER, superuser=True), "superuser"),
     (replace(SERVER, bypasses_rls=True), "bypasses"), (replace(SERVER, in_recovery=True), "standby")],
)  # fmt: skip
def test_a_server_that_does_not_do_is_bad_and_says_what_to_do(server: Server, says: str) -> None:
    (bad,) = (one for one in judged(server) if one.level is Level.BAD)
    assert says in bad.says and bad.fix


def test_a_server_newer_than_was_tried_is_worth_a_look() -> None:
    assert worst(judged(replace(SERVER, version="19.0", version_number=190_000))) is Level.WARN


def test_clocks_may_differ_by_what_the_question_took_and_by_two_seconds() -> None:
    slow = judged(asked=NOW - timedelta(seconds=30), answered=NOW + timedelta(seconds=30))
    assert worst(slow) is Level.OK
    for ahead, words in ((-60, "behind"), (60, "ahead of")):
        found = judged(replace(SERVER, now=NOW + timedelta(seconds=ahead)))
        assert f"60.0 s {words}" in next(one.says for one in found if one.level is Level.WARN)


@pytest.mark.parametrize(
    ("name", "value", "level"),
    [("fsync", "off", Level.BAD), ("full_page_writes", "off", Level.BAD), ("synchronous_commit", "off", Level.BAD),
     ("server_encoding", "LATIN1", Level.BAD), ("data_checksums", "off", Level.WARN), ("autovacuum", "off", Level.WARN),
     ("idle_in_transaction_session_timeout", "0", Level.WARN), ("client_connection_check_interval", "0", Level.WARN),
     ("max_connections", "10", Level.WARN)],
)  # fmt: skip
def test_each_setting_is_judged(name: str, value: str, level: Level) -> None:
    settings = [replace(one, setting=value) if one.name == name else one for one in GOOD]
    found = list(health.judge_settings(settings, SERVER))
    assert worst(found) is level and name in found[0].says and found[0].fix


def test_few_free_sessions_are_worth_a_look() -> None:
    assert worst(list(health.judge_settings(GOOD, replace(SERVER, sessions=95)))) is Level.WARN


def test_dead_rows_old_transactions_and_days_that_run_out_are_worth_a_look() -> None:
    fine = list(health.judge_upkeep([DeadRows("jobs", 10, 5_000, None)], Oldest(7, "psql", 30), [Days("events", 7)]))
    assert [one.level for one in fine] == [Level.OK]
    found = list(
        health.judge_upkeep([DeadRows("ready", 10, 500_000, None)], Oldest(7, "psql", 3_600), [Days("events", 0)])
    )
    assert [(one.level, one.about) for one in found] == [
        (Level.WARN, "dead rows"), (Level.WARN, "oldest transaction"), (Level.WARN, "days"),
    ]  # fmt: skip
    assert "pg_terminate_backend(7)" in (found[1].fix or "")


def test_jobs_that_nobody_takes_are_told_by_queue_and_type() -> None:
    found = list(
        health.judge_unserved([Unserved("media", "render", 1, served=False), Unserved("io", "x", 2, served=True)])
    )
    assert "queue media has 1 job of type render and no worker" in found[0].says
    assert "queue io has 2 jobs of type x, and none of its workers knows that type" in found[1].says


def test_the_server_is_read_as_it_is(scene: Scene, database: Database) -> None:
    found = scene.do(health.server())
    assert found is not None
    assert (found.database, found.role, found.superuser) == (database.name, "jobtrail_app", False)
    assert found.size_bytes > 1_000_000 and found.sessions >= 1
    assert {one.name for one in scene.do(health.settings())} == {one.name for one in GOOD}
    assert {one.table_name for one in scene.do(health.days())} == {"events", "log_chunks", "metrics"}
    assert len(scene.do(health.dead_rows())) == 5


def test_the_oldest_transaction_is_that_of_somebody_else(scene: Scene, database: Database) -> None:
    assert scene.do(health.oldest()) is None
    with closing(database.connect(application="an old one")) as other, other.transaction():
        other.execute("select 1")
        found = scene.do(health.oldest())
        assert found is not None and found.name == "an old one" and found.process_id == other.info.backend_pid


def test_ready_jobs_are_held_against_the_workers_that_live(scene: Scene, database: Database) -> None:
    scene.enqueue(queue="media", type="render")
    scene.enqueue(queue="default", type="unknown")
    scene.enqueue(queue="default")
    scene.new_worker(queues=("default",))
    with closing(database.connect()) as conn:
        found = run(conn, health.unserved(), SERVES_ALL)
    assert [(one.queue, one.type, one.jobs, one.served) for one in found] == [
        ("default", "unknown", 1, True), ("media", "render", 1, False),
    ]  # fmt: skip
