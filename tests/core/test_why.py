"""Why a job is where it is: every status and every reason has its sentence, and the sentence names what helps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jobtrail.core.facts import Facts
from jobtrail.core.status import JobStatus, WaitReason
from jobtrail.core.why import sentence

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
FACTS = Facts(
    status="QUEUED", wait_reason=None, queue="media", type="render", scheduled_at=None, queued_at=NOW, cancel_requested_at=None,
    error_code=None, error_message=None, failure_count=0, max_attempts=3, paused_at=None, paused_by=None,
    paused_reason=None, workers_of_queue=2, workers_of_type=1, ahead=0, question=None, said=None, worker=None, now=NOW,
)  # fmt: skip
PENDING = replace(FACTS, status="PENDING", queued_at=None)


@pytest.mark.parametrize("status", list(JobStatus))
def test_every_status_has_one_sentence(status: JobStatus) -> None:
    said = sentence(replace(FACTS, status=status))
    assert said.startswith("It") and said.endswith(".") and ". " not in said


@pytest.mark.parametrize("reason", list(WaitReason))
def test_every_reason_to_wait_has_one_sentence(reason: WaitReason) -> None:
    said = sentence(replace(PENDING, wait_reason=reason))
    assert said.endswith(".") and ". " not in said and len(said) > 10


def test_sentences_of_different_reasons_differ() -> None:
    assert len({sentence(replace(PENDING, wait_reason=reason)) for reason in WaitReason}) == len(WaitReason)


def test_a_queue_without_a_worker_comes_before_its_length() -> None:
    said = sentence(replace(FACTS, workers_of_queue=0, workers_of_type=0, ahead=7))
    assert said == "No worker serves its queue media; start one with `jobtrail worker start -q media`."


def test_workers_that_do_not_know_the_type_are_told() -> None:
    said = sentence(replace(FACTS, workers_of_type=0))
    assert "2 workers serve its queue media, but none knows its type render" in said


def test_a_pause_is_told_with_who_and_why_and_how_to_end_it() -> None:
    paused = replace(
        FACTS, paused_at=NOW - timedelta(minutes=3), paused_by="ana", paused_reason="new disks.", workers_of_queue=0
    )
    assert sentence(paused) == (
        "Its queue media was paused by ana 3 min ago: new disks; resume it with `jobtrail queue resume media`."
    )


@pytest.mark.parametrize(
    ("ahead", "words"), [(0, "It is the next of queue media"), (1, "1 job is ahead"), (12, "12 jobs are ahead"),
                         (10_001, "More than 10000 jobs are ahead")]
)  # fmt: skip
def test_its_place_in_the_queue_is_told(ahead: int, words: str) -> None:
    said = sentence(replace(FACTS, ahead=ahead, queued_at=NOW - timedelta(seconds=41)))
    assert words in said and said.endswith("it has been ready for 41 s.")


def test_a_retry_tells_the_failure_its_error_and_the_next_time() -> None:
    failed = replace(
        PENDING, wait_reason="RETRY", failure_count=2, error_code="ValueError", error_message="ValueError: boom",
        scheduled_at=NOW + timedelta(seconds=90),
    )  # fmt: skip
    assert sentence(failed) == (
        "It failed (failure 2 of 3): ValueError: boom; it is tried again in 1 min 30 s (at 12:01:30 UTC)."
    )


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (timedelta(seconds=20), "in 20 s (at 12:00:20 UTC)"),
        (timedelta(hours=3, minutes=5), "in 3 h 5 min (at 15:05:00 UTC)"),
        (timedelta(days=4), "in 4 days (at 2026-02-04 12:00 UTC)"),
        (timedelta(0), "start now."),
        (timedelta(seconds=-30), "now; it was due 30 s ago"),
    ],
)
def test_a_scheduled_job_tells_when(away: timedelta, words: str) -> None:
    assert words in sentence(replace(PENDING, wait_reason="SCHEDULE", scheduled_at=NOW + away))


def test_a_gate_tells_its_question() -> None:
    said = sentence(replace(PENDING, wait_reason="GATE", question="Publish\nthe book?"))
    assert '"Publish the book?"' in said and "jobtrail gate approve" in said


@pytest.mark.parametrize(
    ("reason", "away", "words"),
    [
        ("QUOTA", 2, "It waits for the quota of its provider (5-hour limit reached), which comes back in 2 h (at 14:00:00 UTC)."),
        ("QUOTA", None, "It waits for the quota of its provider (5-hour limit reached); start it when there is some."),
        ("BUDGET", None, "Its budget is spent (5-hour limit reached); raise the budget and start it."),
        ("BUDGET", 2, "Its budget is spent (5-hour limit reached); raise the budget and start it, or it goes on in 2 h (at 14:0"),
        ("SIGNAL", None, "It waits for a signal and holds no slot meanwhile (5-hour limit reached)."),
        ("SIGNAL", 2, "It waits for a signal and holds no slot meanwhile (5-hour limit reached); it is tried in 2 h (at 14:0"),
        ("SCHEDULE", 2, "It is scheduled to start in 2 h (at 14:00:00 UTC); its code said: 5-hour limit reached."),
    ],
)  # fmt: skip
def test_a_wait_tells_what_the_runner_said_and_what_ends_it(reason: str, away: int | None, words: str) -> None:
    at = None if away is None else NOW + timedelta(hours=away)
    waits = replace(PENDING, wait_reason=reason, said="5-hour limit reached.", scheduled_at=at)
    assert sentence(waits).startswith(words)


def test_a_signal_is_named_once_with_the_command_that_says_it() -> None:
    waits = replace(PENDING, wait_reason="SIGNAL", signal="paid", said="it waits for the signal paid", scheduled_at=NOW)
    said = sentence(replace(waits, scheduled_at=None))
    assert said.startswith(
        "It waits for the signal paid and holds no slot meanwhile; say it with `jobtrail job signal "
    )
    assert "or it goes on without one" in sentence(waits)


def test_a_running_job_tells_its_worker() -> None:
    running = replace(FACTS, status="RUNNING", worker="w-amber-1f2e")
    assert sentence(running) == "It runs on worker w-amber-1f2e."
    assert "after 2 failures" in sentence(replace(running, failure_count=2))
    asked = replace(running, cancel_requested_at=NOW - timedelta(seconds=3))
    assert "being cancelled (asked 3 s ago)" in sentence(asked)
    assert "another takes over soon" in sentence(replace(running, worker=None))


def test_a_failed_job_tells_why_and_a_quarantined_one_what_to_do() -> None:
    failed = replace(
        FACTS, status="FAILED", failure_count=3, error_code="timeout", error_message="it ran longer than 5 s"
    )
    assert sentence(failed) == "It failed 3 times: timeout: it ran longer than 5 s."
    lost = replace(failed, error_code="quarantined", error_message="three workers were lost")
    assert "put aside" in sentence(lost) and "jobtrail job retry" in sentence(lost)


def test_a_long_error_stays_one_line() -> None:
    said = sentence(replace(FACTS, status="FAILED", error_message="x\ny" * 1_000))
    assert "\n" not in said and len(said) < 400
