"""Limits and weights from the command line: set, shown, seen to, and taken away."""

from __future__ import annotations

from contextlib import closing

import pytest
from cli.terminal import Terminal
from database import Database
from scene import Scene

KEYED = """
import jobtrail as jt
app = jt.App()

@app.job(concurrency_key="customer:{customer}/{part}")
async def keyed(customer: str, part: str = "eu") -> None: ...
"""


def test_a_queue_is_limited_shown_and_freed(jobtrail: Terminal, scene: Scene) -> None:
    scene.enqueue_many(3, queue="media")
    done = jobtrail.ok(
        "queue", "limit", "media", "--slots", "2", "--rate", "60/m", "--burst", "5", "-m", "two licences", "-o", "json"
    )
    (one,) = done.data
    assert (one["scope"], one["name"], one["max_slots"], one["rate_kind"]) == ("QUEUE", "media", 2, "TOKEN_BUCKET")
    assert len(scene.claim(9, queue="media")) == 2
    assert [row[:3] for row in jobtrail.ok("limit", "list").cells] == [["queue:media", "2 of 2", "60/m, 3 left"]]
    assert [row[0] for row in jobtrail.ok("queue", "limit", "media").cells] == ["queue:media"]
    assert "no longer limited" in jobtrail.ok("queue", "limit", "media", "--clear").err
    assert len(scene.claim(9, queue="media")) == 1


def test_types_keys_and_the_workspace_are_limited_by_name(jobtrail: Terminal, scene: Scene) -> None:
    for what in ("type:demo", "key:a:b", "key:*", "workspace"):
        jobtrail.ok("limit", "set", what, "--slots", "1")
    listed = jobtrail.ok("limit", "list", "-o", "json").data
    assert [(one["scope"], one["name"]) for one in listed] == [
        ("TYPE", "demo"), ("KEY", "*"), ("KEY", "a:b"), ("WORKSPACE", ""),
    ]  # fmt: skip
    for what in ("type:demo", "key:a:b", "key:*", "workspace"):
        jobtrail.ok("limit", "clear", what)
    assert jobtrail("limit", "clear", "workspace").code == 5
    scene.enqueue_many(2, concurrency_key="a")
    scene.claim(9)
    assert jobtrail.ok("limit", "list", "--keys", "-o", "json").data == [
        {"key": "a", "running": 1, "limit": 1, "waiting": 1}
    ]


@pytest.mark.parametrize("argv", [
    ("limit", "set", "media", "--slots", "1"),
    ("limit", "set", "queue:media"),
    ("limit", "set", "queue:", "--slots", "1"),
    ("limit", "set", "key:a", "--rate", "1/s"),
    ("queue", "limit", "media", "--rate", "fast"),
    ("queue", "limit", "media", "--burst", "3"),
    ("queue", "limit", "media", "--clear", "--slots", "3"),
    ("workspace", "weight", "default", "0"),
])  # fmt: skip
def test_what_is_no_limit_is_refused(jobtrail: Terminal, argv: tuple[str, ...]) -> None:
    assert jobtrail(*argv).code == 2


def test_a_job_is_handed_in_with_a_key_and_slots(jobtrail: Terminal, scene: Scene) -> None:
    argv = ("--no-check", "--concurrency-key", "c42", "--concurrency-limit", "2", "--slots", "3", "-o", "json")
    job = jobtrail.ok("enqueue", "demo", *argv).data["job"]
    assert (job["concurrency_key"], job["concurrency_limit"], job["slots"]) == ("c42", 2, 3)
    assert len(scene.claim(3)) == 1


def test_the_key_of_a_type_names_the_arguments_however_they_are_given(jobtrail: Terminal, scene: Scene) -> None:
    jobtrail.write("app.py", KEYED)
    for words, key in ((("customer=c1",), "customer:c1/eu"), (("customer=c1", "part=us"), "customer:c1/us")):
        job = jobtrail.ok("enqueue", "keyed", *words, "-o", "json").data["job"]
        assert job["concurrency_key"] == key
    jobtrail.ok("schedule", "create", "hourly", "keyed", "@hourly", "customer=c2")
    made = jobtrail.ok("schedule", "run", "hourly", "-o", "json").data["job"]
    assert made["concurrency_key"].startswith("customer:c2/")


def test_a_workspace_has_a_weight(jobtrail: Terminal, database: Database) -> None:
    assert jobtrail.ok("workspace", "weight", "default", "-o", "json").data["weight"] == 1
    assert jobtrail.ok("workspace", "weight", "default", "3", "-o", "json").data == {
        "workspace": "default",
        "weight": 3,
    }
    assert jobtrail.ok("workspace", "weight", "default", "3", "-o", "json").data["weight"] == 3
    with closing(database.as_admin()) as admin:
        assert admin.execute("select weight from jobtrail.workspaces").fetchall() == [(3,)]
        assert admin.execute("select count(*) from jobtrail.administration_events").fetchone() == (1,)
