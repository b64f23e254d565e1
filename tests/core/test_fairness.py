"""Shares of a worker's slots: by weight in the long run, at once for who comes with little, and never lost."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobtrail.core.fairness import Claimant, Turns

A, B, C = (UUID(int=n) for n in (1, 2, 3))


def claimant(id: UUID, weight: int = 1) -> Claimant:
    return Claimant(id, weight, limited=False, closed=False)


def served(turns: Turns, claimants: list[Claimant], slots: int, rounds: int) -> dict[UUID, int]:
    """Who got how many, when all have jobs without end and so many slots fall free in each round."""
    got = dict.fromkeys((one.workspace_id for one in claimants), 0)
    for _ in range(rounds):
        shares = dict(turns.share(claimants, slots))
        turns.took(claimants, shares)
        for workspace, number in shares.items():
            got[workspace] += number
    return got


@pytest.mark.parametrize("slots", [1, 3, 8, 200])
def test_shares_follow_the_weights(slots: int) -> None:
    got = served(Turns(), [claimant(A, 3), claimant(B, 1)], slots, 8_000 // slots)
    assert got[A] / got[B] == pytest.approx(3, rel=0.05)


@given(st.lists(st.integers(1, 1_000), min_size=1, max_size=20), st.integers(1, 200))
def test_each_slot_is_given_to_somebody(weights: list[int], slots: int) -> None:
    claimants = [claimant(UUID(int=n), weight) for n, weight in enumerate(weights)]
    turns = Turns()
    for _ in range(5):
        shares = turns.share(claimants, slots)
        assert sum(number for _, number in shares) == slots
        turns.took(claimants, dict(shares))


@given(st.lists(st.tuples(st.sampled_from([A, B, C]), st.integers(1, 5)), max_size=60))
def test_nobody_who_is_there_waits_longer_than_its_share(story: list[tuple[UUID, int]]) -> None:
    """Whatever happened before: from now on each of three alike gets its third of 30 slots, less the credit of the others."""
    claimants = [claimant(A), claimant(B), claimant(C)]
    turns = Turns(credit=4.0)
    for who, slots in story:
        turns.took([claimant(who)], {who: slots})
    got = served(turns, claimants, 1, 90)
    assert min(got.values()) >= 30 - 8 - 5


def test_who_comes_back_is_served_at_once_and_does_not_save_up() -> None:
    turns = Turns(credit=8.0)
    served(turns, [claimant(A)], 10, 1_000)
    both = [claimant(A), claimant(B)]
    assert served(turns, both, 1, 8) == {A: 0, B: 8}
    got = served(turns, both, 1, 100)
    assert abs(got[A] - got[B]) <= 2


def test_who_took_nothing_loses_nothing() -> None:
    turns = Turns()
    both = [claimant(A), claimant(B)]
    for _ in range(10):
        turns.took(both, {A: 1})
    assert turns.share(both, 1) == [(B, 1)]


def test_those_who_are_long_gone_are_forgotten() -> None:
    turns = Turns()
    for n in range(30_000):
        turns.took([claimant(UUID(int=n))], {UUID(int=n): 1})
        turns.took([claimant(A)], {A: 1})
    assert len(turns.passes) < 12_000
