"""Passwords: what may be one, what is stored, and that only the right one fits."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobtrail.core import passwords
from jobtrail.core.errors import Invalid
from jobtrail.core.passwords import COST, Cost, check_password, hash_password, needs_rehash, verify_password

SALT = bytes(range(16))
CHEAP = Cost(n=2**4)
GOOD = "correct horse battery"


def test_our_cost_is_the_one_that_was_measured() -> None:
    stored = hash_password(GOOD, SALT)
    assert stored.startswith("scrypt$n=32768,r=8,p=1$") and GOOD not in stored and not needs_rehash(stored)
    assert verify_password(GOOD, stored) and not verify_password(GOOD + "!", stored)
    assert (COST.n, COST.r, COST.p) == (2**15, 8, 1)


@settings(max_examples=50, deadline=None)
@given(
    st.text(min_size=12, max_size=80).filter(lambda text: len(passwords._as_typed(text)) >= 12), st.text(max_size=80)
)
def test_only_the_password_fits(password: str, other: str) -> None:
    stored = hash_password(password, SALT, CHEAP)
    assert verify_password(password, stored)
    assert verify_password(other, stored) is (passwords._as_typed(other) == passwords._as_typed(password))


def test_one_password_under_two_salts_is_stored_as_two() -> None:
    assert hash_password(GOOD, SALT, CHEAP) != hash_password(GOOD, SALT[::-1], CHEAP)


def test_characters_are_the_same_from_every_keyboard() -> None:
    composed, decomposed = "pässwörter sind lang", "pa\u0308sswo\u0308rter sind lang"
    assert composed != decomposed
    assert verify_password(decomposed, hash_password(composed, SALT, CHEAP))


@pytest.mark.parametrize("password", ["", "short", "x" * 11, "\U0001f600" * 11, "x" * 1025, "é" * 513])
def test_what_is_too_short_or_too_long_is_refused(password: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_password(password)
    assert refused.value.fields["password"].startswith("must have") and (
        len(password) < 5 or password not in str(refused)
    )
    with pytest.raises(Invalid):
        hash_password(password, SALT, CHEAP)


@pytest.mark.parametrize("password", ["x" * 12, "\U0001f600" * 12, "x" * 1024, " " * 12, "zero\0byte inside"])
def test_any_characters_make_a_password(password: str) -> None:
    assert verify_password(password, hash_password(password, SALT, CHEAP))


def test_a_salt_is_long_enough() -> None:
    with pytest.raises(Invalid, match="16 random bytes"):
        hash_password(GOOD, SALT[:15], CHEAP)


@pytest.mark.parametrize(
    "stored",
    [None, "", GOOD, "scrypt$", "$2b$12$abc", "scrypt$n=16,r=8,p=1$AAAA$AAAA",
     hash_password(GOOD, SALT, CHEAP)[:-1], hash_password(GOOD, SALT, CHEAP).replace("n=16", "n=999999999"),
     hash_password(GOOD, SALT, CHEAP).replace("n=16", "n=17"), hash_password(GOOD, SALT, CHEAP).replace("p=1", "p=0")],
)  # fmt: skip
def test_what_cannot_be_read_fits_nothing(stored: str | None) -> None:
    assert not verify_password(GOOD, stored)
    assert stored is None or needs_rehash(stored)


def test_nobodys_password_costs_as_much_as_somebodys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the time tells whether an e-mail is known."""
    costs: list[Cost] = []
    hashed = passwords._scrypt

    def watched(password: bytes, salt: bytes, cost: Cost) -> bytes:
        costs.append(cost)
        return hashed(password, salt, CHEAP)

    monkeypatch.setattr(passwords, "_scrypt", watched)
    verify_password(GOOD, None)
    verify_password(GOOD, hash_password(GOOD, SALT))
    assert costs == [COST, COST, COST]


def test_a_cheaper_hash_is_to_be_made_anew() -> None:
    assert needs_rehash(hash_password(GOOD, SALT, CHEAP))
