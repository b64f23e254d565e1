"""`jobtrail type`: what is installed, in the app, and run by workers; and lines that can be typed as they stand."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cli.terminal import Terminal
from runners.packages import GOOD, install
from scene import Scene
from serving import served

from jobtrail.core.described import Described, fitted
from jobtrail.service import workers
from jobtrail.service.workers import NewWorker

APP = '''
from datetime import date
import jobtrail as jt
app = jt.App()

@app.job("orders.sync")
async def sync(ctx: jt.Context, customer: str, since: date, pages: int = 3, note: str | None = None) -> str:
    """Syncs the orders of a customer.

    From the shop."""
    return customer
'''


@pytest.fixture
def worker(scene: Scene) -> None:
    """A worker somewhere, with two types that nobody here knows."""
    url, size = {"type": "string", "format": "uri"}, {"type": "integer", "default": 1}
    schema = {"type": "object", "properties": {"url": url, "size": size}, "required": ["url"]}
    said = {"far.render": Described("Renders far away.", schema, has_check=True)}
    scene.do(workers.register(NewWorker(
        id=uuid4(), name="w", host="h", host_id="boot", process_id=1, process_started=0.0, lock_key=0, lease_seconds=60,
        slots=1, version="0", queues=("default",), types=("far.render", "silent", "command"), described=fitted(said).text,
    )))  # fmt: skip


def rows(jobtrail: Terminal, *more: str) -> dict[str, dict[str, Any]]:
    return {row["type"]: row for row in jobtrail.ok("type", "list", "-o", "json", *more).data}


def test_every_type_is_listed_with_where_it_comes_from(jobtrail: Terminal, worker: None) -> None:
    jobtrail.write("app.py", APP)
    found = rows(jobtrail)
    assert found["orders.sync"] == {
        "type": "orders.sync", "source": "app", "origin": "app:app", "description": "Syncs the orders of a customer.",
        "has_check": False, "workers": 0, "error": None,
    }  # fmt: skip
    assert (found["command"]["source"], found["command"]["workers"]) == ("built-in", 1)
    assert found["command"]["origin"].startswith("jobtrail ")
    far = found["far.render"]
    assert (far["source"], far["description"], far["has_check"]) == ("workers", "Renders far away.", True)
    assert (found["silent"]["description"], found["silent"]["has_check"]) == (None, None)
    assert not [type for type in found if type.startswith("jobtrail.")]
    cells = {row[0]: row[1:] for row in jobtrail.ok("type", "list").cells}
    assert cells["orders.sync"] == ["app app:app", "0", "no", "Syncs the orders of a customer."]
    assert cells["far.render"] == ["workers", "1", "yes", "Renders far away."]
    assert cells["silent"] == ["workers", "1", "", ""]


def test_a_package_and_a_broken_one_are_listed(
    jobtrail: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "packages", monkeypatch, "anns-runner", GOOD, {"good": "Good"}, "3.4")
    install(tmp_path / "packages", monkeypatch, "bobs-runner", "import nothing_of_the_kind", {"bad": "Bad"}, "0.1")
    cells = {row[0]: row[1:] for row in jobtrail.ok("type", "list").cells}
    assert cells["good"] == ["anns-runner 3.4", "0", "no", "Says hello."]
    assert cells["bad"][0] == "bobs-runner 0.1" and cells["bad"][3].startswith(
        "cannot run here: bobs_runner:Bad of bobs"
    )
    shown = jobtrail.ok("type", "show", "bad").out
    assert "nothing_of_the_kind" in shown


def test_a_type_is_shown_with_its_input_as_a_table(jobtrail: Terminal) -> None:
    jobtrail.write("app.py", APP)
    lines = [line.split("\t") for line in jobtrail.ok("type", "show", "orders.sync").out.splitlines()]
    assert ["what", "Syncs the orders of a customer."] in lines
    assert ["since", "date", "yes", "", ""] in lines
    assert ["pages", "whole number", "no", "3", ""] in lines
    assert ["note", "text", "no", "null", ""] in lines


def test_with_json_the_schema_is_told(jobtrail: Terminal, worker: None) -> None:
    shown = jobtrail.ok("type", "show", "far.render", "-o", "json").data
    assert shown["input_schema"]["properties"]["url"] == {"type": "string", "format": "uri"}
    assert (shown["workers"], shown["source"]) == (1, "workers")
    assert shown["example"] == "jobtrail enqueue far.render url=https://example.com/"


@pytest.mark.parametrize("type", ["orders.sync", "command", "far.render"])
def test_the_line_that_is_shown_can_be_typed(jobtrail: Terminal, worker: None, type: str) -> None:
    jobtrail.write("app.py", APP)
    line = jobtrail.ok("type", "show", type, "-o", "json").data["example"]
    name, *argv = shlex.split(line)
    assert name == "jobtrail"
    made = jobtrail.ok(*argv, "-o", "json").data
    assert made["job"]["type"] == type


def test_input_for_a_type_of_workers_is_read_as_they_tell(jobtrail: Terminal, worker: None) -> None:
    job = jobtrail.ok("enqueue", "far.render", "url=https://example.org/", "size=3", "-o", "json").data["job"]
    assert job["input"] == {"url": "https://example.org/", "size": 3}
    job = jobtrail.ok("enqueue", "silent", "size=3", "-o", "json").data["job"]
    assert job["input"] == {"size": "3"}


def test_a_pipeline_is_shown_with_the_fields_of_its_steps(jobtrail: Terminal) -> None:
    out = jobtrail.ok("type", "show", "command").out
    assert "steps[].name\ttext\tyes\t\tWhat it is called" in out
    assert "run\tlist of text or text\tyes" in out


def test_an_unknown_type_is_not_found_and_the_nearest_are_named(jobtrail: Terminal, worker: None) -> None:
    jobtrail.write("app.py", APP)
    ran = jobtrail("type", "show", "order.sync")
    assert ran.code == 5 and "did you mean 'orders.sync'" in ran.err
    ran = jobtrail("type", "show", "far.rendr", "-o", "json")
    assert ran.code == 5 and json.loads(ran.err)["error"]["code"] == "not_found"
    assert "far.render" in ran.err


def test_without_a_database_what_is_here_is_told(bare: Terminal) -> None:
    ran = bare.ok("type", "list", "-o", "json")
    assert "command" in [row["type"] for row in ran.data]
    assert "no database here" in ran.err
    assert bare.ok("type", "show", "command").out.startswith("type\tcommand")
    assert not (bare.folder / ".jobtrail").exists()


def test_an_app_that_cannot_be_imported_stops_nothing_unless_it_was_named(bare: Terminal) -> None:
    bare.write("app.py", "import jobtrail\nraise RuntimeError('no luck')")
    ran = bare.ok("type", "list", "-o", "json")
    assert "no luck" in ran.err and "command" in [row["type"] for row in ran.data]
    named = bare("type", "list", "--app", "app.py")
    assert named.code == 2 and "no luck" in named.err


def test_an_app_may_be_named(bare: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    bare.write("shop.py", APP)
    monkeypatch.delitem(sys.modules, "shop", raising=False)
    assert "shop:app" in [row["origin"] for row in bare.ok("type", "list", "--app", "shop.py", "-o", "json").data]
    assert bare.ok("type", "show", "orders.sync", "--app", "shop", "-o", "json").data["origin"] == "shop:app"


def test_over_http_the_server_tells_the_same(jobtrail: Terminal, database: Any, worker: None, tmp_path: Path) -> None:
    here = rows(jobtrail)
    with served(database, tmp_path / "served") as web:
        remote = ("--server-url", web.url)
        key = web.key()
        jobtrail.environment["JOBTRAIL_API_KEY"] = key
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("JOBTRAIL_API_KEY", key)
            assert rows(jobtrail, *remote) == here
            shown = jobtrail.ok("type", "show", "far.render", "-o", "json", *remote).data
            assert shown["input_schema"]["required"] == ["url"]
            assert jobtrail("type", "show", "far.rendr", *remote).code == 5


def test_on_a_terminal_the_table_fits(jobtrail: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    out = re.sub(r"\x1b\[[0-9;]*m", "", jobtrail.ok("type", "show", "command").out)
    assert "One command" in out and "A pipeline" in out and "What it is called" in out
    assert max(len(line) for line in out.splitlines() if not line.startswith("what")) <= 100
