"""Looking at jobs and acting on them: list, get, why, events, logs, timeline, cancel, retry, start, rerun."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cli.terminal import Terminal
from scene import ME, Scene

from jobtrail.core.ids import short
from jobtrail.core.status import LogLevel
from jobtrail.service import jobs, logs
from jobtrail.service.logs import NewChunk


@pytest.fixture
def ended(scene: Scene) -> UUID:
    """A job that failed once, was tried again, and completed with two steps."""
    first = scene.start(title="The first")
    scene.finished_step(first, "fetch", '{"rows": 3}')
    scene.step(first, "write")
    scene.fail(first, retry_in=timedelta(0), code="ValueError")
    scene.do(jobs.start_now(scene.workspace, first.job_id, ME))
    second = scene.again(first.job_id)
    scene.finished_step(second, "write")
    body = "\n".join(
        json.dumps({"level": level, "source": "STDOUT", "message": message, "at": "2026-01-31T12:00:00+00:00"})
        for level, message in (("INFO", "one"), ("ERROR", "two"), ("INFO", "three"))
    )
    scene.do(logs.append([NewChunk(second, None, 1, 3, (LogLevel.INFO, LogLevel.ERROR), (), body)]))
    scene.complete(second, '{"answer": 42}')
    return first.job_id


def test_a_list_is_a_table_in_a_pipe_and_json_for_programs(jobtrail: Terminal, scene: Scene) -> None:
    old, new = scene.enqueue(title="Old\tone"), scene.enqueue(queue="media", tags=("a",))
    table = jobtrail.ok("job", "list")
    assert [row[0] for row in table.cells] == [str(new), str(old)]
    assert table.cells[1][-1] == "Old one"
    assert [job["id"] for job in jobtrail.ok("job", "list", "-o", "json").data] == [str(new), str(old)]
    assert [job["queue"] for job in jobtrail.ok("job", "list", "-o", "jsonl").lines] == ["media", "default"]


def test_a_list_can_be_filtered_and_paged(jobtrail: Terminal, scene: Scene) -> None:
    first, second = scene.enqueue(), scene.enqueue(queue="media", tags=("a",), type="render")
    scene.start(queue="busy")

    def ids(*argv: str) -> list[str]:
        return [job["id"] for job in jobtrail.ok("job", "list", "-o", "json", *argv).data]

    assert ids("-q", "media") == ids("-t", "render") == ids("--tag", "a", "--tag", "b") == [str(second)]
    assert ids("-s", "queued") == [str(second), str(first)]
    assert ids("-s", "queued", "-n", "1") == [str(second)]
    assert ids("-s", "queued", "--before", str(second)) == [str(first)]
    page = jobtrail.ok("job", "list", "-n", "1")
    assert "--before" in page.err
    assert jobtrail("job", "list", "-n", "0").code == jobtrail("job", "list", "-s", "LOST").code == 2


def test_a_job_is_shown_with_all_that_hangs_on_it(jobtrail: Terminal, ended: UUID) -> None:
    data = jobtrail.ok("job", "get", str(ended), "-o", "json").data
    assert data["job"]["status"] == "COMPLETED" and data["why"] == "It is done."
    assert [step["status"] for step in data["steps"]] == ["COMPLETED", "COMPLETED"]
    assert [attempt["status"] for attempt in data["attempts"]] == ["FAILED", "COMPLETED"]
    assert data["result"]["output"] == {"answer": 42}
    assert data["allowed_actions"] == ["rerun"]
    shown = jobtrail.ok("job", "get", str(ended)).out
    assert "title\tThe first" in shown and "COMPLETED" in shown and "it went wrong" in shown


def test_exit_status_tells_how_the_job_stands(jobtrail: Terminal, scene: Scene, ended: UUID) -> None:
    assert jobtrail("job", "get", str(ended), "--exit-status").code == 0
    assert jobtrail("job", "get", str(scene.enqueue()), "--exit-status").code == 8
    scene.fail(scene.start(queue="other"))
    assert jobtrail("job", "get", "@failed", "--exit-status").code == 3


def test_why_is_one_sentence(jobtrail: Terminal, scene: Scene) -> None:
    id = scene.enqueue(queue="media")
    said = jobtrail.ok("job", "why", str(id))
    assert said.out == "No worker serves its queue media; start one with `jobtrail worker start -q media`.\n"
    jobtrail.ok("queue", "pause", "media", "-m", "new disks")
    assert "new disks" in jobtrail.ok("job", "why", str(id), "-o", "json").data["why"]


def test_events_come_in_order_and_all_of_them(jobtrail: Terminal, scene: Scene, ended: UUID) -> None:
    told = scene.told(ended)
    assert [row[2] for row in jobtrail.ok("job", "events", str(ended)).cells] == told
    data = jobtrail.ok("job", "events", str(ended), "-o", "json", "--after", "2").data
    assert [event["seq"] for event in data] == list(range(3, len(told) + 1))
    assert len(data[0]["hash"]) == 64
    followed = jobtrail.ok("job", "events", str(ended), "-f", "-o", "json").lines
    assert [event["type"] for event in followed] == told


def test_logs_can_be_narrowed(jobtrail: Terminal, scene: Scene, ended: UUID) -> None:
    assert jobtrail.ok("job", "logs", str(ended), "--raw").out == "one\ntwo\nthree\n"
    assert jobtrail.ok("job", "logs", str(ended), "--raw", "--level", "warn").out == "two\n"
    assert jobtrail.ok("job", "logs", str(ended), "--raw", "--grep", "^t").out == "two\nthree\n"
    assert jobtrail.ok("job", "logs", str(ended), "--raw", "--tail", "1", "-f").out == "three\n"
    assert jobtrail.ok("job", "logs", str(ended), "--raw", "--tail", "0").out == ""
    assert jobtrail.ok("job", "logs", str(ended), "--raw", "--tail", "9", "--grep", "^one").out == "one\n"
    assert jobtrail.ok("job", "logs", str(ended), "--attempt", "1").out == ""
    assert [line["number"] for line in jobtrail.ok("job", "logs", str(ended), "-o", "json").data] == [1, 2, 3]
    missing = jobtrail("job", "logs", str(ended), "--step", "paint")
    assert missing.code == 5 and "'fetch', 'write'" in missing.err
    assert jobtrail("job", "logs", str(ended), "--attempt", "9").code == 5
    assert jobtrail("job", "logs", str(ended), "--level", "loud").code == 2
    assert jobtrail("job", "logs", str(ended), "--grep", "(").code == 2


def test_a_timeline_shows_each_run_of_a_step(jobtrail: Terminal, ended: UUID) -> None:
    drawn = jobtrail.ok("job", "timeline", str(ended)).out.splitlines()
    assert short(ended) in drawn[0]
    assert sum("attempt" in line for line in drawn) == 2
    assert sum("write" in line for line in drawn) == 2 and sum("fetch" in line for line in drawn) == 1
    spans = jobtrail.ok("job", "timeline", str(ended), "-o", "json").data
    assert [span["status"] for span in spans if span["name"] == "write"] == ["FAILED", "COMPLETED"]
    assert all(span["seconds"] >= 0 for span in spans)


def test_cancelling_tells_what_it_did_and_how_to_undo_it(jobtrail: Terminal, scene: Scene) -> None:
    waiting, running = scene.enqueue(queue="a"), scene.start(queue="b").job_id
    ran = jobtrail.ok("job", "cancel", str(waiting), str(running), "-m", "not needed", "-o", "jsonl")
    assert [one["job"]["status"] for one in ran.lines] == ["CANCELLED", "RUNNING"]
    assert "undo: jobtrail job retry" in ran.err and "asked to stop" in ran.err
    assert scene.job(waiting).cancel_reason == "not needed"
    jobtrail.ok("job", "retry", str(waiting))
    assert scene.job(waiting).status == "QUEUED"


def test_one_job_that_cannot_be_acted_on_keeps_no_other_from_it(jobtrail: Terminal, scene: Scene, ended: UUID) -> None:
    waiting = scene.enqueue()
    ran = jobtrail("job", "cancel", str(ended), str(waiting))
    assert ran.code == 9 and "has ended already" in ran.err
    assert scene.job(waiting).status == "CANCELLED"
    assert jobtrail("job", "cancel", str(ended)).code == 6
    refused = jobtrail("job", "retry", str(ended))
    assert refused.code == 6 and "rerun" in refused.err
    assert jobtrail("job", "cancel").code == 2


def test_a_rerun_is_a_new_job_with_the_same_or_another_input(jobtrail: Terminal, scene: Scene, ended: UUID) -> None:
    same = UUID(jobtrail.ok("job", "rerun", str(ended), "-o", "json").data["id"])
    assert (scene.job(same).rerun_of, scene.job(same).input) == (ended, {"n": 1})
    other = UUID(jobtrail.ok("job", "rerun", str(ended), "m=x", "-o", "json").data["id"])
    assert scene.job(other).input == {"n": 1, "m": "x"}
    whole = jobtrail.ok("job", "rerun", str(ended), "--input", '{"z": 1}', "-q", "media", "--dry-run")
    assert json.loads(whole.out) == {"z": 1}
    before = len(jobtrail.ok("job", "list", "-o", "json").data)
    assert before == 3


def test_waiting_ends_with_the_outcome_or_with_the_time(jobtrail: Terminal, scene: Scene, ended: UUID) -> None:
    assert jobtrail("job", "wait", str(ended)).code == 0
    waiting = scene.enqueue()
    assert jobtrail("job", "wait", str(waiting), "--timeout", "10ms").code == 8
    assert jobtrail("job", "watch", str(waiting), "--timeout", "10ms").code == 8
    jobtrail.ok("job", "cancel", str(waiting))
    assert jobtrail("job", "wait", str(waiting)).code == 7
    assert jobtrail("job", "wait", str(waiting), str(ended)).code == 9


def test_watching_a_job_that_has_ended_tells_its_story(jobtrail: Terminal, ended: UUID) -> None:
    told = jobtrail.ok("job", "watch", str(ended), "--logs").out
    assert (
        told.index("✓ fetch")
        < told.index("↻ failed: it went wrong")
        < told.index("▶ attempt 2")
        < told.index("✓ COMPLETED")
    )
    assert "two" in told
    lines = jobtrail.ok("job", "watch", str(ended), "-o", "jsonl").lines
    assert [next(iter(line)) for line in lines][-2:] == ["job", "result"]


def test_a_job_that_waits_for_its_time_is_started_now(jobtrail: Terminal, scene: Scene) -> None:
    waiting, ready = scene.enqueue(scheduled_at=datetime.now(UTC) + timedelta(days=1)), scene.enqueue()
    assert "waits no longer" in jobtrail.ok("job", "start", str(waiting)).err
    assert scene.job(waiting).status == "QUEUED"
    refused = jobtrail("job", "start", str(ready))
    assert refused.code == 6 and "does not wait for a time" in refused.err
