"""A job is recorded and replayed: on the screen that watch has, always alike, and without being touched."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from cli.terminal import Terminal
from database import Database
from scene import ME, Scene
from serving import Served, served

from jobtrail.cli.job_record import Pace
from jobtrail.cli.replaying import Replay, views
from jobtrail.core import recording
from jobtrail.core.ids import short
from jobtrail.core.status import LogLevel
from jobtrail.service import jobs, logs, usage
from jobtrail.service.logs import NewChunk
from jobtrail.service.usage import Call


@pytest.fixture
def web(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The service, which keeps its files elsewhere."""
    with served(database, tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture
def job(scene: Scene) -> UUID:
    """A job that failed once, was tried again, and completed with a step, a log and usage."""
    first = scene.start(title="The first")
    scene.finished_step(first, "fetch", '{"rows": 3}')
    scene.fail(first, retry_in=timedelta(0), code="ValueError")
    scene.do(jobs.start_now(scene.workspace, first.job_id, ME))
    second = scene.again(first.job_id)
    now = datetime.now(UTC).isoformat()
    body = "\n".join(
        json.dumps({"level": level, "source": "STDOUT", "message": message, "at": now, "details": {"raw": message}})
        for level, message in (("INFO", "one"), ("ERROR", "two"), ("INFO", "drei ü"))
    )
    scene.do(logs.append([NewChunk(second, None, 1, 3, (LogLevel.INFO, LogLevel.ERROR), (), body)]))
    scene.do(usage.book(second, 1, Call(provider="p", model="m", input_tokens=5, cost_usd=Decimal("0.5"))))
    scene.complete(second, '{"answer": 42}')
    return first.job_id


def recorded(jobtrail: Terminal, job: UUID) -> Path:
    jobtrail.ok("job", "record", short(job), "--to", "job.ndjson")
    return jobtrail.folder / "job.ndjson"


def test_a_recording_is_the_same_from_the_database_a_server_and_its_route(
    jobtrail: Terminal, web: Served, job: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBTRAIL_API_KEY", web.key())
    here = recorded(jobtrail, job).read_bytes()
    assert jobtrail.ok("job", "record", str(job)).out.encode() == here
    jobtrail.ok("job", "record", str(job), "--to", "there.ndjson", "--server-url", web.url)
    assert (jobtrail.folder / "there.ndjson").read_bytes() == here
    answer = web.client().get(f"/api/v1/jobs/{job}/recording")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    assert answer.content == here
    parts = list(recording.read(here.splitlines()))
    assert parts[-1] == recording.End(events=9, lines=3, usage=1, complete=True)


def test_a_replay_shows_what_watching_showed(jobtrail: Terminal, job: UUID) -> None:
    path = recorded(jobtrail, job)
    watched = jobtrail.ok("job", "watch", str(job), "--logs")
    replayed = jobtrail.ok("job", "replay", str(path), "--instant")
    assert sorted(replayed.out.splitlines()) == sorted(watched.out.splitlines())
    shown = replayed.out.splitlines()
    assert shown[-1].startswith("✓ COMPLETED in ") and shown[-1].endswith("1 of 1 step · 2 attempts")
    assert [line for line in shown if line in ("one", "two", "drei ü")] == ["one", "two", "drei ü"]
    assert next(n for n, line in enumerate(shown) if "attempt 2 on" in line) < shown.index("one")
    assert "one" not in jobtrail.ok("job", "replay", str(path), "--instant", "--no-logs").out


def test_a_replay_is_always_the_same_and_touches_nothing(jobtrail: Terminal, scene: Scene, job: UUID) -> None:
    path, before = recorded(jobtrail, job), scene.job(job)
    for output in ((), ("-o", "jsonl"), ("-o", "json")):
        first = jobtrail.ok("job", "replay", str(path), "--instant", *output)
        again = jobtrail.ok("job", "replay", str(path), "--instant", *output)
        of_job = jobtrail.ok("job", "replay", short(job), "--instant", *output)
        assert (first.out, first.err) == (again.out, again.err) == (of_job.out, of_job.err)
        assert first.out
    assert scene.job(job) == before


def test_a_replay_as_data_has_events_lines_the_job_and_its_result(jobtrail: Terminal, job: UUID) -> None:
    path = recorded(jobtrail, job)
    lines = jobtrail.ok("job", "replay", str(path), "--instant", "-o", "jsonl").lines
    assert [line["event"]["seq"] for line in lines if "event" in line] == list(range(1, 10))
    assert [line["log"]["message"] for line in lines if "log" in line] == ["one", "two", "drei ü"]
    assert [line["job"]["status"] for line in lines if "job" in line] == ["COMPLETED"]
    assert lines[-1]["result"]["output"] == {"answer": 42}
    whole = jobtrail.ok("job", "replay", str(path), "--instant", "-o", "json").data
    assert (whole["job"]["id"], whole["result"]["output"]) == (str(job), {"answer": 42})


def test_every_end_on_the_way_is_told_as_it_was(jobtrail: Terminal, scene: Scene) -> None:
    fence = scene.start()
    scene.fail(fence, code="first")
    scene.do(jobs.retry(scene.workspace, fence.job_id, ME))
    scene.complete(scene.again(fence.job_id), "1")
    shown = jobtrail.ok("job", "replay", str(fence.job_id), "--instant").out.splitlines()
    ends = [line for line in shown if line.startswith(("✗ FAILED", "✓ COMPLETED"))]
    assert [line.split()[1] for line in ends] == ["FAILED", "COMPLETED"]
    assert "it went wrong" in ends[0] and "it went wrong" not in ends[1]


def test_a_replay_of_a_failure_exits_with_it_when_asked_to(jobtrail: Terminal, scene: Scene) -> None:
    fence = scene.start()
    scene.fail(fence)
    assert jobtrail("job", "replay", str(fence.job_id), "--instant").code == 0
    assert jobtrail("job", "replay", str(fence.job_id), "--instant", "--exit-status").code == 3


def test_a_job_that_runs_is_recorded_as_far_as_it_is(jobtrail: Terminal, scene: Scene) -> None:
    fence = scene.start()
    scene.step(fence, "half")
    ran = jobtrail.ok("job", "record", str(fence.job_id))
    assert "RUNNING" in ran.err
    assert ran.lines[-1]["end"]["complete"] is False
    (jobtrail.folder / "half.ndjson").write_text(ran.out)
    scene.complete(fence)
    replayed = jobtrail("job", "replay", "half.ndjson", "--instant", "--exit-status")
    assert replayed.code == 8 and "● half" in replayed.out and "COMPLETED" not in replayed.out


def test_a_recording_that_is_cut_off_is_shown_and_then_refused(jobtrail: Terminal, job: UUID) -> None:
    path = recorded(jobtrail, job)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-3]))
    ran = jobtrail("job", "replay", str(path), "--instant")
    assert ran.code == 2 and "cut off" in ran.err and "The first" in ran.out


def test_files_that_are_there_stay_and_files_that_are_not_are_not_found(jobtrail: Terminal, job: UUID) -> None:
    path = recorded(jobtrail, job)
    before = path.read_bytes()
    assert jobtrail("job", "record", "@last", "--to", str(path)).code == 6
    path.write_text("x")
    jobtrail.ok("job", "record", str(job), "--to", str(path), "--force")
    assert path.read_bytes() == before
    assert jobtrail("job", "replay", "nowhere.ndjson").code == 5
    assert jobtrail("job", "record", str(job), "--to", "no/such/folder.ndjson").code == 2
    assert jobtrail("job", "replay", str(path), "--speed", "0").code == 2
    assert {one.name for one in jobtrail.folder.iterdir()} == {"job.ndjson"}


class Waits(threading.Event):
    """Notes how long it would have been waited, instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0.0)
        return self.is_set()


def test_a_replay_takes_its_time_by_the_speed_and_no_pause_is_too_long() -> None:
    halt, start = Waits(), datetime(2026, 1, 31, tzinfo=UTC)
    pace = Pace(10.0, 2.0, halt)
    assert all(pace.wait(start + timedelta(seconds=after)) for after in (0, 5, 4, 6, 3_600))
    assert halt.waited == [0.0, 0.5, 0.0, 0.1, 2.0]
    halt.set()
    assert not pace.wait(start)


def test_each_view_shows_the_job_as_it_stood_then(jobtrail: Terminal, job: UUID) -> None:
    replay = Replay()
    with recorded(jobtrail, job).open("rb") as file:
        seen = list(views(recording.read(file), replay, lambda _: True))
    told = [(view.events[0].type, view.job.status, view.job.attempt_count) for view in seen if view.events]
    assert (
        told
        == [
            ("job.created", "QUEUED", 0),
            ("job.started", "RUNNING", 1),
            ("step.started", "RUNNING", 1),
            ("step.completed", "RUNNING", 1),
            ("job.retry_scheduled", "PENDING", 1),
            ("job.queued", "QUEUED", 1),
            ("job.started", "RUNNING", 2),
            ("job.completed", "COMPLETED", 2),
        ]
        or [type for type, _, _ in told].count("ai.tokens_used") == 1
    )
    steps = [[step.status for step in view.steps] for view in seen if view.events and "step" in view.events[0].type]
    assert steps == [["RUNNING"], ["COMPLETED"]]
    open_ones = [[attempt.ended_at is None for attempt in view.attempts] for view in seen if view.events]
    assert open_ones[1] == [True] and open_ones[-1] == [False, False] and [False, True] in open_ones
    assert replay.last.job.actual_seconds == seen[-1].job.actual_seconds
