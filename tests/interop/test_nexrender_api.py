"""nexrender's own client, from npm, against our routes: it creates, lists, fetches, updates, picks up and removes jobs as if we
were its server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from database import Database
from interop.conftest import OTHERS
from serving import Served, served

SCRIPT = Path(__file__).with_name("nexrender_client.cjs")


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[Served]:
    with served(database, tmp_path) as running:
        yield running


def run(web: Served) -> dict[str, Any]:
    """What the client saw."""
    assert (OTHERS / "@nexrender" / "api").exists(), f"{OTHERS} has no @nexrender/api: `make interop` installs it"
    words = ["node", str(SCRIPT), str(OTHERS), f"{web.url}/compat/nexrender", web.key()]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def test_the_stock_client_finds_a_nexrender_server(web: Served) -> None:
    seen = run(web)
    assert (seen["created"], seen["listed"], seen["fetched"]["uid"]) == ("queued", ["first"], "first")
    assert (seen["updated"]["priority"], seen["nothing"], seen["empty"]) == (2, {}, {})
    assert seen["worked"] == {"uid": "first", "said": ["render:dorender"]}
    assert (seen["percent"], seen["end"], seen["told"]) == (40, "finished", "finished")
    assert seen["failed"] == "boom"
    assert seen["removed"] == seen["again"] == {"id": "third", "removed": True}
    assert "no job 'third'" in seen["unknown"] and "template.src" in seen["invalid"]
    assert "another one" in seen["other"] and "key" in seen["wrong"]

    items = web.client().get("/api/v1/jobs", params={"type": "nexrender.render"}).json()["items"]
    assert {job["title"] for job in items} == {"main"}
    assert sorted(job["status"] for job in items) == ["CANCELLED", "COMPLETED", "FAILED"]
    (done,) = [job for job in items if job["status"] == "COMPLETED"]
    result = web.client().get(f"/api/v1/jobs/{done['id']}/result").json()
    assert result["output"]["output"] == "/out.mp4"
