"""The command line against a server: it says what it says against the database, or why it cannot."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cli.terminal import Ran, Terminal
from database import Database
from scene import ME, Scene
from serving import Served, mistyped, served

from jobtrail.core.ids import short
from jobtrail.core.scopes import ApiScope
from jobtrail.core.status import LogLevel
from jobtrail.service import assets, jobs, logs
from jobtrail.service.assets import NewAsset
from jobtrail.service.logs import NewChunk
from jobtrail.store.files.local import LocalFiles
from jobtrail.store.identity import new_id


@pytest.fixture
def web(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The service, which keeps its files elsewhere."""
    with served(database, tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture
def jobtrail(bare: Terminal, web: Served, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal that knows a server and a key, and no database."""
    for name, value in (("JOBTRAIL_SERVER_URL", web.url), ("JOBTRAIL_API_KEY", web.key())):
        monkeypatch.setenv(name, value)
        bare.environment[name] = value
    return bare


@pytest.fixture
def ended(scene: Scene) -> UUID:
    """A job that failed once, was tried again, and completed with two steps and a log."""
    first = scene.start(title="The first")
    scene.finished_step(first, "fetch", '{"rows": 3}')
    scene.fail(first, retry_in=timedelta(0), code="ValueError")
    scene.do(jobs.start_now(scene.workspace, first.job_id, ME))
    second = scene.again(first.job_id)
    body = "\n".join(
        json.dumps({"level": level, "source": "STDOUT", "message": message, "at": "2026-01-31T12:00:00+00:00"})
        for level, message in (("INFO", "one"), ("ERROR", "two"), ("INFO", "three"))
    )
    scene.do(logs.append([NewChunk(second, None, 1, 3, (LogLevel.INFO, LogLevel.ERROR), (), body)]))
    scene.complete(second, '{"answer": 42}')
    return first.job_id


def test_what_looks_says_the_same_of_a_server_as_of_the_database(
    jobtrail: Terminal, database: Database, scene: Scene, ended: UUID
) -> None:
    scene.enqueue_many(3, queue="media", tags=("a",))
    scene.ask(scene.start(type="asking"), approvers=["us"])
    one = short(ended)
    for words in (
        ("job", "list"),
        ("job", "list", "-o", "json"),
        ("job", "list", "-q", "media", "-n", "2", "-o", "jsonl"),
        ("job", "list", "status:completed title", "-o", "json"),
        ("job", "get", one),
        ("job", "get", one, "-o", "json"),
        ("job", "events", one, "-o", "json"),
        ("job", "logs", one, "--level", "ERROR"),
        ("job", "logs", one, "--attempt", "2", "-o", "jsonl"),
        ("job", "why", one),
        ("job", "timeline", one, "-o", "json"),
        ("job", "wait", one, "-o", "json"),
        ("job", "watch", one, "-o", "json"),
        ("gate", "list", "-o", "json"),
        ("queue", "list", "-o", "json"),
        ("file", "list", one),
    ):
        there, here = jobtrail.ok(*words), jobtrail.ok(*words, "--database-url", database.app_url)
        assert there.out == here.out != "", words
    assert [worker["id"] for worker in jobtrail.ok("worker", "list", "-o", "json").data] == [str(scene.worker)]


def test_a_job_is_handed_in_acted_on_and_waited_for(jobtrail: Terminal, scene: Scene) -> None:
    made = jobtrail.ok("enqueue", "demo", "n=1", "n:=2", "--no-check", "-q", "io", "--tag", "x", "-o", "json").data
    job = scene.job(UUID(made["job"]["id"]))
    assert (job.input, job.queue, job.tags, job.created_by and job.created_by[:8]) == (
        {"n": 2},
        "io",
        ["x"],
        "api_key:",
    )
    twice = [
        jobtrail.ok("enqueue", "demo", "--no-check", "--idempotency-key", "k", "-o", "json").data for _ in range(2)
    ]
    assert [each["created"] for each in twice] == [True, False]
    assert twice[0]["job"]["id"] == twice[1]["job"]["id"]
    assert jobtrail.ok("job", "cancel", str(job.id), "-m", "no more").err
    assert jobtrail("job", "wait", str(job.id)).code == 7
    assert jobtrail.ok("job", "retry", str(job.id)).err
    again = jobtrail.ok("job", "rerun", str(job.id), "n:=3", "-o", "json").data
    assert (scene.job(UUID(again["id"])).input, scene.job(UUID(again["id"])).rerun_of) == ({"n": 3}, job.id)


def test_what_nobody_knows_is_refused_before_it_is_sent(jobtrail: Terminal, scene: Scene) -> None:
    scene.new_worker()
    assert jobtrail("enqueue", "nonsense").code == 2
    jobtrail.ok("enqueue", "demo")  # the worker that lives there knows it


def test_a_job_is_watched_to_its_end(jobtrail: Terminal, scene: Scene) -> None:
    fence = scene.start()
    ending = threading.Thread(target=scene.fail, args=(fence,))
    ending.start()
    ran = jobtrail("job", "watch", str(fence.job_id), "--logs")
    ending.join()
    assert ran.code == 3 and "it went wrong" in ran.out


def test_gates_and_queues(jobtrail: Terminal, scene: Scene) -> None:
    fence = scene.start()
    gate_id = scene.ask(fence)
    decided = jobtrail.ok("gate", "approve", short(fence.job_id), "-m", "fine", "-o", "json").data
    assert (decided["id"], decided["status"]) == (str(gate_id), "APPROVED")
    assert jobtrail("gate", "approve", short(fence.job_id)).code == 6
    jobtrail.ok("queue", "pause", "default", "-m", "too hot")
    assert "too hot" in jobtrail.ok("job", "why", short(fence.job_id)).out
    jobtrail.ok("queue", "resume", "default")
    assert jobtrail("queue", "resume", "default").code == 6


def test_files_are_fetched_from_the_server(jobtrail: Terminal, web: Served, scene: Scene) -> None:
    content = bytes(range(256)) * 9_000
    stored = LocalFiles(web.server.web.runtime.config.assets).put_bytes(content, limit=1 << 30)
    fence = scene.start()
    asset = NewAsset(id=new_id(), name="../out.bin", byte_size=stored.byte_size, sha256=stored.sha256,
                     storage_key=stored.key)  # fmt: skip
    assert scene.do(assets.keep(fence, asset)) is not None
    one = str(fence.job_id)
    jobtrail.ok("file", "get", one, "../out.bin")
    assert (jobtrail.folder / "out.bin").read_bytes() == content
    assert jobtrail("file", "get", one, "../out.bin").code == 6
    jobtrail.ok("file", "get", one, "../out.bin", "--force", "--to", "elsewhere.bin")
    assert jobtrail("file", "get", one, "../out.bin", "--path").code == 2
    assert jobtrail("file", "get", one, "nothing.bin").code == 5
    assert [path.name for path in Path(jobtrail.folder).iterdir() if path.suffix != ".bin"] == []


def test_exit_codes_are_those_of_what_went_wrong(
    jobtrail: Terminal, web: Served, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = str(scene.enqueue())
    assert jobtrail("job", "get", job_id[:-8] + "00000000").code == 5
    assert jobtrail("job", "retry", job_id).code == 6
    monkeypatch.setenv("JOBTRAIL_API_KEY", web.key(scopes=[ApiScope.JOBS_READ]))
    jobtrail.ok("job", "get", job_id)
    denied = jobtrail("job", "cancel", job_id)
    assert denied.code == 4 and "jobs:cancel" in denied.err
    monkeypatch.setenv("JOBTRAIL_API_KEY", mistyped(web.key()))
    wrong = jobtrail("job", "list", "-o", "json")
    assert wrong.code == 4 and error_of(wrong)["code"] == "unauthenticated"
    assert "JOBTRAIL_API_KEY" in error_of(wrong)["fix"][0]
    monkeypatch.delenv("JOBTRAIL_API_KEY")
    assert jobtrail("job", "list").code == 4
    away = jobtrail("queue", "list", "--server-url", "http://127.0.0.1:9")
    assert away.code == 69 and "127.0.0.1:9" in away.err


def error_of(ran: Ran) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ran.err.splitlines()[-1])["error"]
    return found


def test_what_needs_the_database_says_so(jobtrail: Terminal) -> None:
    for words in (("db", "check"), ("db", "prune"), ("audit", "verify"), ("worker", "start"), ("serve",)):
        ran = jobtrail(*words)
        assert ran.code == 2 and "JOBTRAIL_DATABASE_URL" in ran.err, (words, ran)
    assert not (jobtrail.folder / ".jobtrail").exists()


def test_what_is_typed_counts_and_both_are_too_many(jobtrail: Terminal, database: Database, scene: Scene) -> None:
    scene.enqueue()
    jobtrail.ok("job", "list", "--database-url", database.app_url)
    assert jobtrail("job", "list", "--database-url", database.app_url, "--server-url", "http://127.0.0.1:9").code == 2
    assert jobtrail("job", "list", "--workspace", "other").code == 2


def test_a_database_beside_the_server_serves_what_needs_it(
    jobtrail: Terminal, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBTRAIL_DATABASE_URL", database.app_url)
    monkeypatch.setenv("JOBTRAIL_SERVER_URL", "http://127.0.0.1:9")
    jobtrail.ok("audit", "verify")
    assert jobtrail("job", "list").code == 69


def test_the_doctor_looks_at_the_server(jobtrail: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "lets this key in" in jobtrail("doctor").out
    monkeypatch.setenv("JOBTRAIL_API_KEY", "jt_nonsense")
    assert jobtrail("doctor").code != 0
