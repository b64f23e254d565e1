"""Workers that a development terminal has started can be killed through its dashboard; no others, and nowhere else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import UUID, uuid4

import httpx2
import psutil
import pytest
from database import Database
from scene import ME, Scene, ids
from serving import Served, served

from jobtrail.cli.dashboard import killer_of
from jobtrail.cli.demo_app import TYPE
from jobtrail.cli.hands import Hand
from jobtrail.core.config import Config
from jobtrail.core.errors import Misconfigured
from jobtrail.core.scopes import ApiScope
from jobtrail.service import jobs, workers
from jobtrail.store.db import ALL, Scope, run
from jobtrail.web.killing import Killer
from jobtrail.web.runtime import Service
from jobtrail.worker import host


@pytest.fixture
def hands() -> Iterator[list[Hand]]:
    """Two processes that wait: the first is one of the terminal's own, the second is somebody else's."""
    with ExitStack() as stack:
        found = []
        for _ in range(2):
            process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
            stack.callback(process.wait)
            stack.callback(process.kill)
            found.append(Hand(process))
            assert process.stdin is not None
            stack.callback(process.stdin.close)
        yield found


@pytest.fixture
def dev(database: Database, tmp_path: Path, hands: list[Hand]) -> Iterator[Served]:
    """A server as `jobtrail dev` has it: it may kill what its terminal has started."""
    with served(database, tmp_path, local=True, killer=killer_of(lambda: hands[:1])) as running:
        yield running


def known(database: Database, pid: int, *, here: str | None = None) -> UUID:
    """A worker that serves all workspaces, as those of `jobtrail dev` do."""
    worker = workers.NewWorker(
        id=ids.new(), name="w-test", host=here or host.host_name(), host_id="h", process_id=pid, process_started=1.0,
        lock_key=0, lease_seconds=300, slots=1, version="1", queues=("demo",), types=("demo",),
    )  # fmt: skip
    with closing(database.connect()) as conn:
        run(conn, workers.register(worker), Scope.of(ALL))
    return worker.id


def kill(http: httpx2.Client, worker: UUID) -> httpx2.Response:
    return http.post(f"/api/v1/workers/{worker}/kill")


def test_a_worker_of_this_terminal_is_killed_and_the_list_says_beforehand_that_it_can_be(
    database: Database, dev: Served, hands: list[Hand]
) -> None:
    mine, other = (known(database, hand.pid) for hand in hands)
    http = dev.client("")
    listed = http.get("/api/v1/workers").json()
    assert listed["killable"] == [str(mine)]
    assert {one["id"]: one["process_id"] for one in listed["items"]} == {str(mine): hands[0].pid, str(other): 0}

    answer = kill(http, mine)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["worker_id"], answer.json()["process_id"]) == (str(mine), hands[0].pid)
    assert hands[0].process.wait() == -9
    assert http.get("/api/v1/workers").json()["killable"] == []
    assert kill(http, mine).status_code == 409


def test_what_others_started_is_left_alone(database: Database, dev: Served, hands: list[Hand]) -> None:
    http = dev.client("")
    for worker in (known(database, hands[1].pid), known(database, hands[0].pid, here="elsewhere"), known(database, 1)):
        answer = kill(http, worker)
        assert answer.status_code == 409, answer.text
        assert "was not started by this terminal" in answer.json()["detail"]
    assert kill(http, uuid4()).status_code == 404
    assert all(psutil.pid_exists(hand.pid) and hand.ended() is None for hand in hands)


def test_a_key_must_be_allowed_to_run_workers(database: Database, dev: Served, hands: list[Hand]) -> None:
    mine = known(database, hands[0].pid)
    refused = kill(dev.client(dev.key(scopes=frozenset(ApiScope) - {ApiScope.WORKERS_RUN})), mine)
    assert refused.status_code == 403 and hands[0].ended() is None


def test_a_page_of_elsewhere_kills_nothing(database: Database, dev: Served, hands: list[Hand]) -> None:
    mine = known(database, hands[0].pid)
    http = dev.client("")
    for header, value in (("Sec-Fetch-Site", "cross-site"), ("Origin", "https://example.org"), ("Host", "example.org")):
        http.headers[header] = value
        assert kill(http, mine).status_code == 403
        del http.headers[header]
    assert hands[0].ended() is None


@pytest.mark.parametrize("local", [True, False])
def test_where_no_terminal_lends_its_hand_there_is_nothing_to_kill_with(
    database: Database, tmp_path: Path, hands: list[Hand], *, local: bool
) -> None:
    mine = known(database, hands[0].pid)
    with served(database, tmp_path, local=local) as service:
        http = service.client("" if local else None)
        answer = kill(http, mine)
        assert answer.status_code == 404 and "`jobtrail dev`" in answer.json()["detail"]
        assert http.get("/api/v1/workers").json()["killable"] == []
    assert hands[0].ended() is None


def test_the_page_of_a_running_job_has_the_button_only_where_its_worker_can_be_killed(
    database: Database, dev: Served, hands: list[Hand]
) -> None:
    http = dev.client("")
    for hand, shown in zip(hands, (True, False), strict=True):
        worker = known(database, hand.pid)
        with closing(database.connect()) as conn:
            scene = Scene(conn)
            job = scene.enqueue()
            scene.claim(worker=worker)
            page = http.get(f"/w/default/jobs/{job}").text
        assert (f"/api/v1/workers/{worker}/kill" in page) is shown
        assert (f"kill -9 {hand.pid}" in page) is shown
        assert "js/demo.js" in page


def test_pages_that_anybody_can_reach_know_nothing_of_it(database: Database, tmp_path: Path, hands: list[Hand]) -> None:
    worker = known(database, hands[0].pid)
    with served(database, tmp_path) as service, closing(database.connect()) as conn:
        scene = Scene(conn)
        job = scene.enqueue()
        scene.claim(worker=worker)
        page = service.client().get(f"/w/default/jobs/{job}")
    assert page.status_code == 200 and "kill -9" not in page.text and "js/demo.js" not in page.text


def test_the_end_of_the_demo_is_told_on_the_page_of_its_job_alone(database: Database, dev: Served) -> None:
    http = dev.client("")
    for type, told in ((TYPE, True), ("other", False)):
        with closing(database.connect()) as conn:
            scene = Scene(conn)
            job = scene.enqueue(type=type)
            assert "What just happened?" not in http.get(f"/w/default/jobs/{job}").text
            scene.do(jobs.cancel(scene.workspace, job, ME, "no time"))
        page = http.get(f"/w/default/jobs/{job}").text
        assert ("What just happened?" in page) is told
        assert ("ended as CANCELLED: no time." in page) is told


def test_a_service_with_logins_cannot_be_given_the_hand_at_all() -> None:
    with pytest.raises(Misconfigured, match="this machine alone"):
        Service(url="", config=Config(), killer=Killer(list, lambda _: True))
