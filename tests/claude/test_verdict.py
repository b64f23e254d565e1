"""Judging the end of an invocation from evidence alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobtrail.process.ended import Ended, Reason
from jobtrail.runners.claude.facts import ApiRetry, Limited, Result, Said
from jobtrail.runners.claude.limits import is_reached, reset_in
from jobtrail.runners.claude.verdict import JITTER, UNKNOWN_RESET, Evidence, Kind, Stop, judge

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FINE = Ended(reason=Reason.EXITED, exit_code=0)
GOOD = Result(subtype="success", is_error=False, text="All done.")
BAD = Result(subtype="success", is_error=True, text="something odd")


def ended(reason: Reason = Reason.EXITED, **more: Any) -> Ended:
    return Ended(reason=reason, **more)


def of(ended: Ended, **more: Any) -> tuple[str, str]:
    verdict = judge(Evidence(ended=ended, said=more.pop("said", True), **more), NOW)
    return str(verdict.kind), verdict.code


results = st.none() | st.builds(
    Result,
    subtype=st.sampled_from(["success", "error_max_turns", "error_during_execution", "error_x"]),
    is_error=st.sampled_from([True, False, None]),
    text=st.sampled_from([None, "", "All done."]),
)
ends = st.builds(
    Ended,
    reason=st.sampled_from(Reason),
    exit_code=st.sampled_from([None, 0, 1, 130, 137, 143]),
    signal=st.sampled_from([None, 2, 9, 15]),
)


@given(ends, results, st.none() | st.sampled_from(Stop), st.booleans(), st.integers(0, 5))
def test_success_is_only_what_the_evidence_says(
    end: Ended, result: Result | None, stop: Stop | None, said: bool, unauthorized: int
) -> None:
    """The rule itself, over everything that may be seen."""
    verdict = judge(Evidence(ended=end, result=result, stop=stop, said=said, unauthorized=unauthorized), NOW)
    told = result is not None and result.is_error is False and result.subtype == "success" and bool(result.text)
    by_itself = end.reason is Reason.EXITED and end.exit_code == 0 and end.signal is None
    hung = end.reason in (Reason.IDLE, Reason.TIMED_OUT) or (
        end.reason is Reason.CANCELLED and stop in (Stop.HUNG, Stop.IDLE)
    )
    if verdict.kind is Kind.DONE:
        assert told and (by_itself or hung)
        assert bool(verdict.notes) == (not by_itself)
    elif told and by_itself:
        pytest.fail(f"a success was not taken: {verdict}")
    assert (verdict.code == "ok") == (verdict.kind is Kind.DONE)
    assert verdict.message or verdict.kind is Kind.DONE


@pytest.mark.parametrize(
    ("end", "more", "wanted"),
    [
        (ended(exit_code=0), {}, ("FAIL", "no_result")),  # SIGINT of somebody else, while it waits for the API
        (ended(exit_code=143), {}, ("FAIL", "signal")),
        (ended(exit_code=137), {}, ("FAIL", "signal")),
        (ended(signal=9), {}, ("FAIL", "signal")),
        (ended(Reason.CANCELLED, exit_code=0), {"stop": Stop.JOB, "result": GOOD}, ("STOPPED", "stopped")),
        (ended(Reason.CANCELLED, exit_code=143), {"stop": Stop.JOB}, ("STOPPED", "stopped")),
        (ended(Reason.CANCELLED, signal=9), {"stop": Stop.AUTH}, ("FAIL", "auth")),
        (ended(Reason.CANCELLED, signal=9), {"stop": Stop.BUDGET}, ("FAIL", "budget_exceeded")),
        (ended(Reason.CANCELLED, signal=9), {"stop": Stop.PEOPLE}, ("PEOPLE", "gate")),
        (ended(exit_code=1), {"people": True, "result": BAD}, ("PEOPLE", "gate")),
        (ended(exit_code=0), {"people": True, "result": GOOD}, ("PEOPLE", "gate")),
        (ended(Reason.OOM, signal=9), {}, ("FAIL", "oom")),
        (ended(Reason.NOT_STARTED), {"said": False}, ("FAIL", "not_started")),
        (ended(Reason.CANCELLED, signal=15), {"stop": Stop.IDLE, "result": GOOD}, ("DONE", "ok")),
        (ended(Reason.CANCELLED, signal=15), {"stop": Stop.IDLE}, ("FAIL", "idle_timeout")),
        (ended(exit_code=1), {"said": False, "tail": ["No conversation found with session ID: 1"]}, ("FRESH", "resume_unknown")),
        (ended(exit_code=1), {"said": False, "tail": ["Not logged in · Please run /login"]}, ("FAIL", "auth")),
        (ended(exit_code=1), {"said": False, "tail": ["--dangerously-skip-permissions cannot be used with root/sudo"]},
         ("FAIL", "bad_usage")),
        (ended(exit_code=1), {"result": BAD, "last": Said(text="API Error: 401 no", error="unknown")}, ("FAIL", "auth")),
        (ended(exit_code=0), {"unauthorized": 3}, ("FAIL", "auth")),
        (ended(exit_code=1), {"last": Said(text="API Error", error="server_error")}, ("FAIL", "api_error")),
    ],
)  # fmt: skip
def test_the_rows_that_are_hard_to_play(end: Ended, more: dict[str, Any], wanted: tuple[str, str]) -> None:
    assert of(end, **more) == wanted


def test_a_limit_ends_at_its_reset_and_a_bit() -> None:
    reset = NOW + timedelta(hours=2)
    seen = Evidence(
        ended=ended(exit_code=1), said=True, result=BAD, limited=Limited(status="rejected", resets_at=reset)
    )
    assert judge(seen, NOW).delay == timedelta(hours=2)
    assert judge(seen, NOW, 1.0).delay == timedelta(hours=2) + JITTER
    assert judge(replace(seen, limited=Limited(status="rejected")), NOW).delay == UNKNOWN_RESET
    assert judge(replace(seen, limited=Limited(status="allowed_warning", resets_at=reset)), NOW).kind is Kind.FAIL


def test_a_limit_of_its_own_is_not_one_of_the_subscription() -> None:
    limited = Limited(status="rejected", resets_at=NOW)
    result = Result(subtype="error_max_turns", is_error=True)
    assert of(ended(exit_code=1), result=result, limited=limited) == ("FAIL", "max_turns")


def test_the_last_answer_of_the_api_is_told_when_the_key_is_refused() -> None:
    retry = ApiRetry(attempt=3, of=10, status=401, error="authentication_failed", delay_ms=2_000)
    verdict = judge(
        Evidence(ended=ended(Reason.CANCELLED), stop=Stop.AUTH, said=True, retry=retry, unauthorized=3), NOW
    )
    assert verdict.final and "401" in verdict.message and "claude setup-token" in verdict.message


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Claude AI usage limit reached|1795327554", "2026-11-22T06:05:54+00:00"),
        ("You've hit your session limit · resets 6:05pm (UTC)", "2026-11-22T18:05:00+00:00"),
        ("You've hit your session limit · resets 11am (UTC)", "2026-11-23T11:00:00+00:00"),
        ("You've hit your weekly limit · resets Nov 25, 3pm (Europe/Berlin)", "2026-11-25T15:00:00+01:00"),
        ("You've hit your weekly limit · resets Jan 2, 3pm (UTC)", "2027-01-02T15:00:00+00:00"),
        ("You've hit your Opus limit · resets 12am (Nowhere/Land)", "2026-11-23T00:00:00+00:00"),
        ("resets Feb 31, 3pm (UTC)", None),
        ("You've hit your limit", None),
    ],
)
def test_words_that_say_when_a_limit_is_over(text: str, wanted: str | None) -> None:
    found = reset_in(text, NOW)
    assert (None if found is None else found.isoformat()) == wanted


def test_which_words_speak_of_a_limit() -> None:
    assert is_reached("You've hit your session limit · resets 3pm") and is_reached(
        "You have reached your specified API usage limits"
    )
    assert not is_reached("API Error: Request rejected (429) · slow down") and not is_reached(
        "The limit of the loop was hit"
    )


@given(st.text(max_size=60))
def test_no_words_are_a_reason_to_fail(text: str) -> None:
    reset_in(text, NOW)
    for head in ("resets ", "limit reached|"):
        reset_in(head + text, NOW)
