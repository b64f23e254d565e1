"""`jobtrail audit`: a whole trail verifies, with and without the database, and a changed one does not."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
from cli.terminal import Terminal
from database import Database
from scene import Scene

from jobtrail.store.anchor import load_or_create_key


@pytest.fixture
def trail(scene: Scene) -> None:
    fence = scene.start()
    scene.finished_step(fence, "fetch")
    scene.complete(fence)
    scene.enqueue(queue="b")


@pytest.mark.usefixtures("trail")
def test_a_whole_trail_verifies(jobtrail: Terminal) -> None:
    ran = jobtrail.ok("audit", "verify", "-o", "json")
    assert ran.data["ok"] is True and ran.data["report"]["jobs"] == 2
    assert "✓ the trail is whole" in jobtrail.ok("audit", "verify", "--all-workspaces").err


@pytest.mark.usefixtures("trail")
def test_a_changed_row_is_found_and_named(jobtrail: Terminal, database: Database) -> None:
    job = jobtrail.ok("job", "get", "@last", "-o", "json").data["job"]["id"]
    with closing(database.as_admin()) as admin:
        admin.execute("set session_replication_role = replica")
        admin.execute("update jobtrail.jobs set priority = 9 where id = %s", (job,))
    ran = jobtrail("audit", "verify")
    assert ran.code == 9 and job in ran.out and "✗" in ran.err


@pytest.mark.usefixtures("trail")
def test_an_export_verifies_without_the_database_until_it_is_changed(
    jobtrail: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobtrail.ok("audit", "export", "--to", "all.jsonl")
    assert jobtrail("audit", "export", "--to", "all.jsonl").code == 6
    one = jobtrail.ok("audit", "export", "@last").out
    assert [json.loads(line)["line"] for line in one.splitlines()] == ["header", "job", "event", "end"]
    path = jobtrail.folder / "all.jsonl"
    monkeypatch.delenv("JOBTRAIL_DATABASE_URL")
    assert jobtrail.ok("audit", "verify", "all.jsonl", "-o", "json").data["report"]["jobs"] == 2
    path.write_text(
        path.read_text().replace('"priority":5', '"priority":6', 1).replace('"priority": 5', '"priority": 6', 1)
    )
    assert jobtrail("audit", "verify", "all.jsonl").code == 9
    assert jobtrail("audit", "verify", "nothing.jsonl").code == 5


@pytest.mark.usefixtures("trail")
def test_a_key_or_an_anchor_that_is_named_must_be_there(jobtrail: Terminal) -> None:
    assert jobtrail("audit", "verify", "--seal-key-file", "nothing").code == 5
    assert jobtrail("audit", "verify", "--anchor-file", "nothing").code == 5
    load_or_create_key(jobtrail.folder / "key")
    assert jobtrail("audit", "verify", "--seal-key-file", "key").code == 0
