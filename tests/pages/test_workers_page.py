"""Workers: who lives, who has not been heard of, who is gone, and what became of what they ran."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from uuid import UUID

import httpx2
import pytest
from pages.acting import on
from pages.conftest import Ui
from pages.test_job_page import seen

from jobtrail.client import DEFAULT_WORKSPACE
from jobtrail.service import workers
from jobtrail.web.killing import Killer
from jobtrail.worker import host


@pytest.fixture
def http(ui: Ui) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=ui.url, timeout=30) as client:
        yield client


def row(http: httpx2.Client, id: str, path: str = "/w/default/workers") -> str:
    """What stands in the line of a worker, without its markup."""
    raw = http.get(path).text
    found = re.search(rf'<tr data-row id="worker-{id}">(.*?)</tr>', raw, re.DOTALL)
    assert found is not None, f"{id} is not on the page"
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


def anew(ui: Ui) -> None:
    """What tabs share is read again, whatever its age."""
    ui.served.server.web.runtime.shared.forget((DEFAULT_WORKSPACE, "crew"))


def pass_time(ui: Ui, id: str, seconds: int, column: str = "beat_at") -> None:
    """No verb lets time pass."""
    moved = {"beat_at": "beat_at = beat_at", "lease": "lease_until = clock_timestamp()"}[column]
    with closing(ui.served.database.as_owner()) as owner:
        owner.execute(f"update jobtrail.workers set {moved} - make_interval(secs => %s) where id = %s", (seconds, id))


def test_a_worker_that_does_not_answer_is_silent_and_not_working(ui: Ui, http: httpx2.Client) -> None:
    stage = on(ui)
    stage.worker.beat()
    assert "● working beat" in row(http, stage.worker.id)
    pass_time(ui, stage.worker.id, 14)
    anew(ui)
    said = row(http, stage.worker.id)
    assert re.search(r"silent 1[45] s", said) and "working" not in said
    assert "moves on when its lease is over" in said or "move on when its lease is over" in said


def test_a_worker_shows_what_it_runs(ui: Ui, http: httpx2.Client) -> None:
    id = ui.stage.ids["worker_id"]
    raw = http.get("/w/default/workers").text
    line = raw[raw.index(f"worker-{id}") :].split("</tr>")[0]
    assert f'href="/w/default/jobs/{ui.stage.jobs["RUNNING"]}"' in line and "71 %" in line
    assert re.search(r"2\s*/\s*8", row(http, id))
    said = seen(http, f"/w/default/workers/{id}")
    assert "encoding" in said and "video.render" in said and "attempt" in said.lower()


def test_a_lost_worker_says_where_its_jobs_went(ui: Ui, http: httpx2.Client) -> None:
    stage = on(ui)
    id = ui.stage.jobs["RUNNING"]
    stage.do(workers.stop([UUID(stage.worker.id)], "its process is gone (signal 9)"))
    stage.do(workers.rescue([UUID(stage.worker.id)]))
    said = row(http, stage.worker.id)
    assert "▚ lost" in said and "signal 9" in said and "0 of 2 jobs moved on" in said
    stage.worker = type(stage.worker)(stage.http, name="heir", queues=["media"], types=[stage.type], lease_seconds=300)
    taken = {job["job_id"] for job in stage.worker.claim(queues=["media"], types=[stage.type], limit=20)}
    assert id in taken
    anew(ui)
    assert re.search(r"[12] of 2 jobs moved on|2 jobs moved on", row(http, ui.stage.ids["worker_id"]))


def test_a_worker_that_ended_by_itself_is_no_lost_one(ui: Ui, http: httpx2.Client) -> None:
    stage = on(ui)
    idle = type(stage.worker)(stage.http, name="idle", queues=["mail"], types=[stage.type])
    assert stage.http.post(f"/api/v1/worker/{idle.id}/stop", json={"reason": "shut down"}).is_success
    said = row(http, idle.id)
    assert " stopped" in said and "lost" not in said


def test_a_lease_that_ran_out_makes_a_worker_lost(ui: Ui, http: httpx2.Client) -> None:
    pass_time(ui, ui.stage.ids["worker_id"], 1, "lease")
    assert "▚ lost" in row(http, ui.stage.ids["worker_id"])


def test_where_a_worker_of_all_workspaces_runs_is_not_told(ui: Ui, http: httpx2.Client) -> None:
    with closing(ui.served.database.as_owner()) as owner:
        owner.execute("update jobtrail.workers set workspace_id = null, host = 'secret-host', process_id = 4711")
    raw = http.get("/w/default/workers").text
    assert "secret-host" not in raw and "4711" not in raw and "elsewhere" in raw
    assert "secret-host" not in http.get(f"/w/default/workers/{ui.stage.ids['worker_id']}").text


def test_only_what_this_terminal_started_can_be_killed_from_here(
    ui: Ui, http: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = ui.stage.ids["worker_id"]
    assert "kill -9" not in http.get("/w/default/workers").text
    with closing(ui.served.database.as_owner()) as owner:
        owner.execute("update jobtrail.workers set host = %s, process_id = 4711 where id = %s", (host.host_name(), id))
    killer = Killer(pids=lambda: [4711], kill=lambda _pid: True)
    object.__setattr__(ui.served.server.web.runtime.service, "killer", killer)
    anew(ui)
    assert "kill -9" in row(http, id)
    assert http.get("/w/default/workers").text.count(f"/api/v1/workers/{id}/kill") == 1
    assert http.get("/w/default/workers").text.count("/kill") == 1


def test_a_worker_that_nobody_knows_is_not_there(http: httpx2.Client) -> None:
    assert http.get("/w/default/workers/00000000-0000-7000-8000-000000000000").status_code == 404


def test_no_worker_at_all_tells_how_to_start_one(ui: Ui) -> None:
    ui.served.workspace("empty")
    key = ui.served.key(workspace=ui.served.workspace("empty too"))
    said = seen(ui.served.client(key), "/w/empty%20too/workers")
    assert "No worker lives." in said and "jobtrail worker start" in said
