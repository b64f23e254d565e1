"""Sessions: an attempt goes on where the last one was, a job goes on with the session of another, and what is not here is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from claude.studio import Studio, wait_until

from jobtrail.runners.claude.home import Home, slug

BROKEN: dict[str, Any] = {"events": [{"say": "half of it"}], "result": None, "exit": 1}


def flags(call: dict[str, Any]) -> list[str]:
    argv: list[str] = call["argv"]
    return argv[4 : argv.index("--permission-mode")]


def test_a_further_attempt_goes_on_in_the_same_session(studio: Studio) -> None:
    studio.play([BROKEN, {}])
    job = studio.run(max_attempts=2)
    assert job.status == "COMPLETED"
    one, two = studio.fake.calls
    assert flags(one) == ["--session-id", one["session"]]
    assert flags(two) == ["--resume", one["session"]]
    assert two["prompt"] != "do it" and "go on until the task is complete" in two["prompt"]
    assert [attempt.session_id for attempt in studio.attempts(job.id)] == [one["session"]] * 2


def test_a_session_that_is_gone_is_replaced_by_a_new_one_and_it_is_said_why(studio: Studio) -> None:
    lost = studio.folder / "homes"
    studio.play([BROKEN, {}])
    job = studio.enqueue(max_attempts=2, backoff_delay_ms=600_000)
    with studio.work():
        studio.waits(job, "RETRY")
        for file in lost.rglob("*.jsonl"):
            file.unlink()
        studio.client.start_now(job)
        assert studio.ends(job).status == "COMPLETED"
    one, two = studio.fake.calls
    assert flags(two)[0] == "--session-id" and two["session"] != one["session"]
    assert two["prompt"] == "do it"
    assert any("is not on this machine" in message for message in studio.messages(job, "SYSTEM"))


def test_a_session_that_the_program_does_not_know_is_replaced_once(studio: Studio) -> None:
    unknown = {
        "no_init": True,
        "exit": 1,
        "stderr": "No conversation found with session ID: x",
        "result": {"subtype": "error_during_execution", "is_error": True, "num_turns": 0, "modelUsage": {},
                   "errors": ["No conversation found with session ID: x"]},
        "text": "",
    }  # fmt: skip
    studio.play([BROKEN, unknown, {}])
    job = studio.run(max_attempts=2)
    assert job.status == "COMPLETED"
    assert [flags(call)[0] for call in studio.fake.calls] == ["--session-id", "--resume", "--session-id"]
    assert len(studio.attempts(job.id)) == 2


def test_a_job_goes_on_with_the_session_of_another_also_in_another_folder(studio: Studio) -> None:
    elsewhere = studio.folder / "elsewhere"
    elsewhere.mkdir()
    studio.play({"turns": [{"text": "one"}, {"text": "two"}, {"text": "three"}]})
    first = studio.output(studio.run().id)["session_id"]
    same = studio.run({"resume": first, "prompt": "and now?", "cwd": str(elsewhere)})
    assert same.status == "COMPLETED"
    copy = studio.run({"resume": first, "fork": True, "prompt": "or else?", "cwd": str(elsewhere)})
    assert copy.status == "COMPLETED"
    _, two, three = studio.fake.calls
    assert (flags(two), two["prompt"], two["cwd"]) == (["--resume", first], "and now?", str(elsewhere))
    assert flags(three)[:3] == ["--resume", first, "--fork-session"]
    assert studio.output(same.id)["session_id"] == first
    assert studio.output(copy.id)["session_id"] == flags(three)[4] != first


def test_a_session_that_is_not_here_cannot_go_on_and_the_job_says_so(studio: Studio) -> None:
    job = studio.run({"resume": str(uuid4())}, max_attempts=3)
    assert (job.status, job.error_code, len(studio.attempts(job.id))) == ("FAILED", "resume_unknown", 1)
    assert studio.fake.calls == []


def test_a_job_that_ran_out_of_turns_goes_on_when_it_is_retried(studio: Studio) -> None:
    studio.play([{"result": {"subtype": "error_max_turns", "is_error": True}, "exit": 1}, {}])
    job = studio.run({"max_turns": 2})
    assert (job.status, job.error_code) == ("FAILED", "max_turns")
    studio.client.retry(job.id)
    with studio.work():
        assert studio.ends(job.id).status == "COMPLETED"
    one, two = studio.fake.calls
    assert flags(two) == ["--resume", one["session"]]
    assert two["argv"][-2:] == ["--max-turns", "2"]


def test_a_worker_that_shuts_down_leaves_a_session_that_goes_on_elsewhere(studio: Studio) -> None:
    studio.play([{"events": [{"say": "half"}, {"silent": 1}]}, {"text": "whole"}])
    job = studio.enqueue()
    with studio.work() as worker:
        wait_until(lambda: bool(studio.fake.calls), "the program works")
        wait_until(lambda: "half" in studio.messages(job), "it said something")
        worker.stop(at_once=True)
        worker.join()
    assert [attempt.status for attempt in studio.attempts(job)] == ["INTERRUPTED"]
    with studio.work():
        assert studio.ends(job).status == "COMPLETED"
    one, two = studio.fake.calls
    assert flags(two) == ["--resume", one["session"]]
    assert studio.client.get(job).failure_count == 0


def test_a_folder_has_the_name_that_the_program_gives_it() -> None:
    """As Claude Code 2.1.197 names them: by UTF-16, and beyond 200 signs with a hash."""
    assert slug("/srv/a b.c_d/ü😀") == "-srv-a-b-c-d----"
    assert slug("/" + "x" * 199) == "-" + "x" * 199
    long = slug("/srv/" + "/".join(["abcdefghij"] * 22))
    assert long[:200] == ("-srv-" + "abcdefghij-" * 22)[:200] and long[200:] == "-vz1ujs"


def test_the_newest_transcript_is_brought(tmp_path: Path) -> None:
    home = Home(path=tmp_path, config=tmp_path / "config", tmp=tmp_path)
    session, cwd = str(uuid4()), tmp_path / "work"
    cwd.mkdir()
    assert not home.bring(session, cwd)
    there = home.config / "projects" / "-somewhere" / f"{session}.jsonl"
    there.parent.mkdir(parents=True)
    there.write_text(json.dumps({"type": "user"}))
    assert home.bring(session, cwd)
    assert home.transcript(session, cwd).read_text() == there.read_text()
