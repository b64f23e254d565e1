"""What a policy says of one failure: its list of waits, its function, its rules for errors."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from jobtrail.core.errors import Invalid, TooOften
from jobtrail.core.outcome import Fail
from jobtrail.core.retry import Backoff, Retry, Verdict, kinds_of
from jobtrail.runners import retrying

SECOND = timedelta(seconds=1)
NEVER = Verdict(final=True)
AS_THE_ROW_SAYS = Verdict()


class Timeout(Exception):  # noqa: N818
    """An error of the tests' own, with a name that others have, too."""


class SlowTimeout(Timeout):
    pass


def judge(policy: Retry, error: BaseException, failures: int = 1, chance: float = 0.5) -> Verdict:
    return policy.after_failure(failures, kinds_of(error), chance, error=error)


def test_a_list_of_waits_is_kept_one_by_one_and_makes_the_number_of_attempts() -> None:
    policy = Retry(delays=["1s", 10, timedelta(minutes=5)])
    waits = [judge(policy, ValueError(), n).delay for n in (1, 2, 3, 4)]
    assert waits == [SECOND, 10 * SECOND, 300 * SECOND, 300 * SECOND]
    assert policy.columns == {
        "max_attempts": 4,
        "backoff_type": Backoff.FIXED,
        "backoff_delay_ms": 1_000,
        "backoff_max_ms": 300_000,
    }
    assert judge(Retry(delays=["10s"], jitter=True), ValueError(), chance=0.25).delay == 2.5 * SECOND


def test_a_plain_policy_leaves_the_wait_to_the_row_and_one_without_jitter_does_not() -> None:
    assert judge(Retry(), ValueError()) == AS_THE_ROW_SAYS
    assert judge(Retry(delay="4s", jitter=False), ValueError(), 2) == Verdict(delay=8 * SECOND)


def test_a_function_says_how_long_to_wait_and_when_never_again() -> None:
    policy = Retry(backoff=lambda failures, error: None if failures == 3 else f"{failures}{error}")
    assert judge(policy, ValueError("m"), 2) == Verdict(delay=timedelta(minutes=2))
    assert judge(policy, ValueError("m"), 3) == NEVER
    assert policy.backoff is Backoff.EXPONENTIAL
    assert dataclasses.replace(policy, max_attempts=9).custom is policy.custom


@pytest.mark.parametrize("named", [Timeout, "Timeout", f"{__name__}.Timeout"])
def test_an_error_has_a_policy_of_its_own_and_so_have_those_derived_from_it(named: Any) -> None:
    policy = Retry(max_attempts=2, on={named: Retry(delays=["7s"], max_attempts=5), ValueError: None})
    for error in (Timeout(), SlowTimeout()):
        assert judge(policy, error) == Verdict(delay=7 * SECOND)
        assert judge(policy, error, 5) == NEVER
    assert judge(policy, UnicodeDecodeError("utf-8", b"", 0, 1, "no")) == NEVER
    assert judge(policy, KeyError()) == AS_THE_ROW_SAYS
    assert policy.columns["max_attempts"] == 5
    assert judge(policy, KeyError(), 2) == NEVER  # its own two attempts, though the row allows five


def test_the_nearest_rule_counts() -> None:
    policy = Retry(on={Exception: None, Timeout: Retry(delay="3s", jitter=False)})
    assert judge(policy, SlowTimeout()) == Verdict(delay=3 * SECOND)
    assert judge(policy, KeyError()) == NEVER


def test_errors_of_the_same_name_are_not_the_same() -> None:
    assert judge(Retry(on={Timeout: None}), type("Timeout", (Exception,), {"__module__": "other"})()) == AS_THE_ROW_SAYS


def test_only_some_errors_or_all_but_some_are_tried_again() -> None:
    assert judge(Retry(no_retry_on=[ValueError]), UnicodeDecodeError("utf-8", b"", 0, 1, "no")) == NEVER
    assert judge(Retry(no_retry_on=[ValueError]), KeyError()) == AS_THE_ROW_SAYS
    assert judge(Retry(retry_on=[Timeout]), SlowTimeout()) == AS_THE_ROW_SAYS
    assert judge(Retry(retry_on=[Timeout]), KeyError()) == NEVER


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"delays": "1s"}, "delays"),
        ({"delays": ["soon"]}, "delays"),
        ({"on": {int: None}}, "on"),
        ({"on": {ValueError: 3}}, "on"),
        ({"on": {ValueError: Retry(on={KeyError: None})}}, "on"),
        ({"retry_on": ValueError}, "retry_on"),
        ({"no_retry_on": [""]}, "no_retry_on"),
        ({"after": "x"}, "after"),
    ],
)
def test_rules_that_make_no_sense_are_refused(given: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        Retry(**given)
    assert list(caught.value.fields) == [field]


class Response:
    def __init__(self, status_code: int, **headers: str) -> None:
        self.status_code = status_code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class HTTPStatusError(Exception):
    def __init__(self, response: Response) -> None:
        self.response = response


def asks(seconds: object) -> Exception:
    error = ConnectionError("busy")
    error.retry_after = seconds  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (TooOften("later", 12.5), 12.5),
        (asks("90"), 90),
        (asks("1m30s"), 90),
        (asks(timedelta(minutes=1)), 60),
        (asks("whenever"), None),
        (asks(-1), None),
        (asks([]), None),
        (HTTPStatusError(Response(429, Retry_After="30")), 30),
        (HTTPStatusError(Response(503, retry_after="Fri, 31 Dec 1999 23:59:59 GMT")), 1),
        (HTTPStatusError(Response(500, Retry_After="30")), None),
        (HTTPStatusError(Response(429)), None),
        (ValueError("x"), None),
    ],
)
def test_the_time_that_an_error_asks_for_is_kept(error: Exception, seconds: float | None) -> None:
    wait = None if seconds is None else timedelta(seconds=seconds)
    assert retrying.judged(None, Fail("x", "x"), error, 1).retry_in == wait


def test_what_is_never_tried_again_is_not_because_an_error_asks_for_time() -> None:
    judged = retrying.judged(Retry(no_retry_on=[ConnectionError]), Fail("x", "x"), asks(5), 1)
    assert (judged.final, judged.retry_in) == (True, None)


def test_what_the_code_said_itself_stands() -> None:
    said = Fail("x", "x", retry_in=SECOND)
    assert retrying.judged(Retry(no_retry_on=[ValueError]), said, ValueError(), 1) is said


def test_a_function_that_fails_leaves_the_wait_to_the_row(caplog: pytest.LogCaptureFixture) -> None:
    policy = Retry(backoff=lambda failures, _error: failures / 0)
    assert retrying.judged(policy, Fail("x", "x"), ValueError(), 1) == Fail("x", "x")
    assert "backoff function" in caplog.text


def test_a_failure_without_an_error_is_known_by_its_code() -> None:
    assert retrying.judged(Retry(on={"killed": None}), Fail("killed", "x"), None, 1).final
    assert not retrying.judged(Retry(on={"killed": None}), Fail("exit", "x"), None, 1).final
