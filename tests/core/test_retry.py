"""How often and after how long a failed job is tried again."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobtrail.core.errors import Invalid
from jobtrail.core.retry import Backoff, Retry, delay_after

SECOND = timedelta(seconds=1)
WAITS = st.timedeltas(timedelta(0), timedelta(days=365))
CHANCE = st.floats(0, 1, exclude_max=True)


def waits(backoff: Backoff, count: int, **more: Any) -> list[float]:
    policy = Retry(backoff=backoff, delay="2s", jitter=False, **more)
    return [policy.delay_after(n, 0.0).total_seconds() for n in range(1, count + 1)]


def test_the_defaults_are_three_attempts_that_double_from_two_seconds_up_to_an_hour() -> None:
    policy = Retry()
    assert (policy.max_attempts, policy.backoff) == (3, Backoff.EXPONENTIAL)
    assert (policy.delay, policy.max_delay, policy.jitter) == (2 * SECOND, 3_600 * SECOND, True)


def test_each_backoff_grows_in_its_own_way() -> None:
    assert waits(Backoff.FIXED, 4) == [2, 2, 2, 2]
    assert waits(Backoff.LINEAR, 4) == [2, 4, 6, 8]
    assert waits(Backoff.EXPONENTIAL, 4) == [2, 4, 8, 16]


def test_no_wait_is_longer_than_the_cap() -> None:
    assert waits(Backoff.EXPONENTIAL, 5, max_delay="10s") == [2, 4, 8, 10, 10]
    assert waits(Backoff.LINEAR, 3, max_delay="5s") == [2, 4, 5]


def test_jitter_takes_a_share_of_the_capped_wait() -> None:
    policy = Retry(delay="4s", max_delay="6s")
    assert [policy.delay_after(2, chance).total_seconds() for chance in (0.0, 0.25, 0.5, 0.75)] == [0, 1.5, 3, 4.5]


def test_after_a_million_failures_the_wait_is_still_the_cap() -> None:
    for backoff in (Backoff.LINEAR, Backoff.EXPONENTIAL):
        assert Retry(backoff=backoff, jitter=False).delay_after(1_000_000, 0.0) == timedelta(hours=1)


@given(st.sampled_from(Backoff), WAITS, st.integers(1, 2_000), CHANCE, WAITS, st.booleans())
def test_every_wait_lies_between_nothing_and_the_cap(
    backoff: Backoff, delay: timedelta, failures: int, random: float, cap: timedelta, jitter: bool
) -> None:
    wait = delay_after(backoff, delay, failures, random, max_delay=cap, jitter=jitter)
    assert timedelta(0) <= wait <= cap


@given(st.sampled_from(Backoff), st.integers(1, 100), CHANCE)
def test_more_failures_never_shorten_the_wait(backoff: Backoff, failures: int, random: float) -> None:
    policy = Retry(backoff=backoff)
    assert policy.delay_after(failures, random) <= policy.delay_after(failures + 1, random)


def test_waits_may_be_text_numbers_or_timedeltas() -> None:
    assert Retry(delay="1m30s").delay == Retry(delay=90).delay == Retry(delay=timedelta(seconds=90)).delay
    assert Retry(backoff="linear").backoff is Backoff.LINEAR


@pytest.mark.parametrize(
    ("given_", "field"),
    [
        ({"max_attempts": 0}, "max_attempts"),
        ({"max_attempts": 1_001}, "max_attempts"),
        ({"max_attempts": True}, "max_attempts"),
        ({"max_attempts": 2.5}, "max_attempts"),
        ({"max_attempts": "3"}, "max_attempts"),
        ({"backoff": "QUADRATIC"}, "backoff"),
        ({"backoff": None}, "backoff"),
        ({"delay": "soon"}, "delay"),
        ({"delay": -1}, "delay"),
        ({"delay": "2h"}, "delay"),  # longer than the default cap
        ({"delay": 0, "max_delay": "366d"}, "max_delay"),
        ({"jitter": 1}, "jitter"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(given_: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        Retry(**given_)
    assert list(caught.value.fields) == [field]


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        Retry(max_attempts=0, backoff="x", delay="x")
    assert set(caught.value.fields) == {"max_attempts", "backoff", "delay"}


@pytest.mark.parametrize(("failures", "random"), [(0, 0.5), (-1, 0.5), (1, 1.0), (1, -0.1)])
def test_impossible_questions_are_errors_of_the_caller(failures: int, random: float) -> None:
    with pytest.raises(ValueError, match="there is no wait"):
        Retry().delay_after(failures, random)


def test_a_policy_is_a_value() -> None:
    policy = Retry(delay="5s")
    assert policy == Retry(delay=5)
    assert hash(policy) == hash(Retry(delay=5))
    assert dataclasses.replace(policy, max_attempts=9) == Retry(9, delay=5)
    assert pickle.loads(pickle.dumps(policy)) == copy.deepcopy(policy) == policy
    with pytest.raises(dataclasses.FrozenInstanceError):
        policy.delay = SECOND  # type: ignore[misc]
