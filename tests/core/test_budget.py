"""The arithmetic of budgets: whatever attempts ask for and in whatever order, what is used and held stays within the limit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobtrail.core import budget
from jobtrail.core.budget import BudgetStanding, Verdict, Waiter
from jobtrail.core.budget_terms import (
    Budget,
    BudgetPeriod,
    BudgetScope,
    Limits,
    OnExceeded,
    checked,
    money,
    spoken,
    subject_of,
)
from jobtrail.core.errors import Invalid

THEN = datetime(2026, 1, 1, tzinfo=UTC)
CENTS = st.integers(1, 300).map(lambda cents: Decimal(cents) / 100)


def standing(usd: str | None = "1", tokens: int | None = None, seconds: float | None = None) -> BudgetStanding:
    """A budget of which nothing is used."""
    return BudgetStanding(
        UUID(int=1), BudgetScope.WORKSPACE, "", BudgetPeriod.TOTAL, None if usd is None else Decimal(usd), tokens, seconds,
        0.8, OnExceeded.GATE, None, None, Decimal(0), 0, 0.0, Decimal(0), 0, 0, 0, 0, None, None, None, None, None,
        None, None, THEN, THEN,
    )  # fmt: skip


@dataclass
class Attempt:
    hold: Decimal
    used: Decimal = Decimal(0)
    open: bool = True


@dataclass
class World:
    """What the database would keep: a limit, and attempts with what they hold and used."""

    limit: Decimal
    attempts: list[Attempt] = field(default_factory=list)

    def seen_by(self, one: Attempt | None) -> BudgetStanding:
        own = None if one is None else one.hold
        return replace(
            standing(str(self.limit)),
            used_usd=sum((each.used for each in self.attempts), Decimal(0)),
            held_usd=sum((max(each.hold - each.used, Decimal(0)) for each in self.attempts if each.open), Decimal(0)),
            own_hold_usd=own,
            own_usd=None if one is None else one.used,
        )


Move = tuple[str, int, Decimal]
MOVES = st.lists(
    st.tuples(st.sampled_from(["begin", "default", "use", "more", "end"]), st.integers(0, 9), CENTS), max_size=60
)


@given(CENTS, MOVES)
def test_who_spends_no_more_than_it_holds_never_overshoots_the_limit(limit: Decimal, moves: list[Move]) -> None:
    world = World(limit)
    for what, which, amount in moves:
        live = [one for one in world.attempts if one.open]
        if what in ("begin", "default"):
            given_ = budget.weigh(world.seen_by(None), amount if what == "begin" else None)
            if given_.verdict is Verdict.FITS:
                assert what == "default" or given_.usd == amount
                world.attempts.append(Attempt(given_.usd))
        elif live:
            one = live[which % len(live)]
            if what == "use":
                one.used += min(amount, one.hold - one.used)
            elif what == "more":
                given_ = budget.weigh(world.seen_by(one), amount)
                if given_.verdict is Verdict.FITS:
                    one.hold = one.used + given_.usd
            else:
                one.open = False
        now = world.seen_by(None)
        assert now.used_usd + now.held_usd <= limit


@given(CENTS, MOVES)
def test_what_does_not_fit_waits_while_others_hold_it_and_is_spent_when_it_is_used(
    limit: Decimal, moves: list[Move]
) -> None:
    world = World(limit)
    for what, which, amount in moves:
        seen = world.seen_by(None)
        got = budget.weigh(seen, amount)
        if got.verdict is not Verdict.FITS:
            alone = budget.weigh(replace(seen, held_usd=Decimal(0)), amount)
            assert (got.verdict is Verdict.WAITS) == (alone.verdict is Verdict.FITS)
            continue
        one = Attempt(got.usd)
        world.attempts.append(one)
        if what == "use" and which % 2:
            one.used = one.hold
        one.open = what != "end"


@given(CENTS, st.lists(st.tuples(CENTS, st.booleans()), max_size=20), st.booleans())
def test_as_many_go_on_as_fit_and_one_asks(limit: Decimal, wishes: list[tuple[Decimal, bool]], spent: bool) -> None:
    now = replace(standing(str(limit)), used_usd=limit if spent else Decimal(0))
    waiters = [Waiter(uuid4(), wish if says else Decimal(0), 0) for wish, says in wishes]
    chosen = budget.awake(now, waiters)
    fitting = [one for one in waiters if one.job_id in chosen and one.usd and one.usd <= now.limit_usd - now.used_usd]  # type: ignore[operator]
    assert sum((one.usd for one in fitting), Decimal(0)) <= limit
    if spent:
        assert chosen == [one.job_id for one in waiters[:1]]
        assert budget.awake(replace(now, gate_id=uuid4()), waiters) == [], "one asks already"
        assert len(budget.awake(replace(now, refused_at=THEN), waiters)) == len(waiters), "they end"


def test_an_attempt_within_its_hold_is_left_alone_whatever_others_used() -> None:
    others_overshot = replace(standing(), used_usd=Decimal("1.4"), own_hold_usd=Decimal("0.3"), own_usd=Decimal("0.3"))
    assert budget.extended(others_overshot)[1] is False
    assert budget.extended(replace(others_overshot, own_usd=Decimal("0.31")))[1] is True


def test_beyond_its_hold_it_gets_what_its_job_says_or_what_is_left() -> None:
    now = replace(standing(), used_usd=Decimal("0.5"), own_hold_usd=Decimal("0.1"), own_usd=Decimal("0.5"))
    assert budget.extended(now)[0].usd == Decimal("0.1")
    assert budget.extended(now, Decimal("0.3"))[0].usd == Decimal("0.3")
    assert budget.extended(now, Decimal(3))[0].usd == Decimal("0.5")


def test_up_to_takes_what_is_left_and_no_more_than_is_wanted() -> None:
    now = replace(standing(), used_usd=Decimal("0.6"))
    assert budget.weigh(now, Decimal(2), up_to=True).usd == Decimal("0.4")
    assert budget.weigh(now, Decimal("0.1"), up_to=True).usd == Decimal("0.1")
    assert budget.weigh(now, up_to=True).usd == Decimal("0.1"), "others want some, too"
    assert budget.weigh(now, up_to=True, whole=True).usd == Decimal("0.4")
    assert budget.weigh(now, Decimal(2)).verdict is Verdict.SPENT


def test_the_nearest_of_several_limits_decides() -> None:
    now = replace(standing(tokens=100), used_tokens=90)
    assert now.share == pytest.approx(0.9)
    assert budget.weigh(now, Decimal("0.1"), 10).verdict is Verdict.FITS
    assert budget.weigh(now, Decimal("0.1"), 11).verdict is Verdict.SPENT
    assert budget.weigh(replace(standing(seconds=5.0), used_seconds=5.0)).verdict is Verdict.SPENT


def test_the_least_of_several_budgets_is_granted() -> None:
    first, second = standing(), replace(standing("5", tokens=50), running=2, limit_seconds=60.0)
    grant = budget.granted([(one, budget.weigh(one)) for one in (first, second)])
    assert (grant.usd, grant.tokens, grant.seconds) == (Decimal("0.1"), 5, 30.0)


@pytest.mark.parametrize(
    ("form", "limit"),
    [
        (None, "1.5"),
        ({}, "1.5"),
        ({"limit_usd": 3}, "3"),
        ({"limit_usd": 0.2}, "1"),
        ({"limit_usd": True}, "1.5"),
        ({"limit_usd": "much"}, "1.5"),
        ("yes", "1.5"),
    ],
)
def test_people_give_the_limit_that_they_name_or_half_as_much_again(form: object, limit: str) -> None:
    assert budget.raised(standing(), form).usd == Decimal(limit)


def test_a_budget_says_what_it_is_and_refuses_what_it_cannot_be() -> None:
    most = Budget("1.00", tokens=5, wall="1h")
    assert most.limits == Limits(usd=Decimal("1.00"), tokens=5, seconds=3600.0)
    assert hash(most) == hash(Budget("1.00", tokens=5, wall="1h"))
    assert most != Budget("1.01", tokens=5, wall="1h")
    assert spoken(most)["wall_seconds"] == 3600.0
    for wrong in (
        {},
        {"usd": "0"},
        {"usd": "NaN"},
        {"usd": "-1"},
        {"tokens": 0},
        {"usd": 1, "warn_at": 0},
        {"usd": 1, "per": "year"},
    ):
        with pytest.raises(Invalid):
            Budget(**wrong)


def test_a_subject_goes_with_its_scope() -> None:
    assert subject_of(BudgetScope.WORKSPACE, "") == ""
    assert subject_of(BudgetScope.TYPE, "claude") == "claude"
    for scope, subject in ((BudgetScope.WORKSPACE, "x"), (BudgetScope.TYPE, ""), (BudgetScope.TREE, "x")):
        with pytest.raises(Invalid):
            subject_of(scope, subject)


def test_limits_need_one() -> None:
    with pytest.raises(Invalid, match="needs a limit"):
        checked(Limits())
    assert money("$2.50", "usd") == Decimal("2.50")


def test_what_people_are_asked_names_the_money_and_takes_a_new_limit() -> None:
    now = replace(standing(), used_usd=Decimal(1), held_usd=Decimal("0.2"))
    assert budget.question(now) == (
        "The budget of the workspace is spent: $1.00 of $1.00 ($0.20 more are reserved). Raise it?"
    )
    assert list(budget.form(now)["properties"]) == ["limit_usd"]
