"""Keys are read back as they were made, and give nothing away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobtrail.core import api_keys, login_tokens
from jobtrail.core.access import KeyFacts
from jobtrail.core.errors import Denied, Invalid
from jobtrail.core.scopes import SCOPES_OF, ApiScope, Role

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
SECRET = api_keys.parse(api_keys.make(ID, bytes(range(32))))[1]


def facts(secret: str = SECRET, **said: object) -> KeyFacts:
    usual: dict[str, object] = {
        "workspace_id": ID, "id": ID, "name": "ci", "secret_hash": api_keys.digest(secret), "scopes": ["jobs:read"],
        "user_id": None, "role": None, "user_disabled": False, "expires_at": None, "revoked_at": None, "now": NOW,
    }  # fmt: skip
    return KeyFacts(**(usual | said))  # type: ignore[arg-type]


@given(st.uuids(), st.binary(min_size=32, max_size=32))
def test_a_key_is_read_back_as_it_was_made(id: UUID, random: bytes) -> None:
    text = api_keys.make(id, random)
    read, secret = api_keys.parse(text)
    assert (read, api_keys.make(read, random)) == (id, text)
    assert text.endswith(secret) and text.isascii() and len(text) == 79


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_two_secrets_are_one_only_if_their_bytes_are(one: bytes, two: bytes) -> None:
    first, second = (api_keys.parse(api_keys.make(ID, random))[1] for random in (one, two))
    assert (first == second) is (one == two) is (api_keys.digest(first) == api_keys.digest(second))


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_secret_has_256_bits_and_no_fewer(size: int) -> None:
    with pytest.raises(Invalid, match="32 random bytes"):
        api_keys.make(ID, bytes(size))


GOOD = api_keys.make(ID, bytes(range(32)))


@pytest.mark.parametrize(
    "text",
    ["", "jt_", GOOD[:-1], GOOD + "A", GOOD.upper(), GOOD.replace("jt_", "xx_"), " " + GOOD, GOOD + "\n", GOOD[:-1] + "é",
     GOOD.replace("a", "\uff41"), str(ID), "jt_" + "0" * 32 + "_" + "=" * 43, GOOD[:-1] + "\0", "jt_" * 1_000_000],
)  # fmt: skip
def test_what_is_no_key_is_denied_without_repeating_it(text: str) -> None:
    with pytest.raises(Denied) as refused:
        api_keys.parse(text)
    assert SECRET not in refused.value.message and GOOD[:30] not in refused.value.message


def test_facts_do_not_show_the_digest() -> None:
    assert "secret_hash" not in repr(facts()) and api_keys.digest(SECRET).hex() not in repr(facts())


def test_who_lacks_the_secret_is_not_told_that_the_key_was_revoked() -> None:
    gone = facts(revoked_at=NOW, expires_at=NOW, user_id=ID, role=None)
    with pytest.raises(Denied, match="there is no such key"):
        api_keys.admitted(gone, SECRET[:-1] + "-")
    with pytest.raises(Denied, match="there is no such key"):
        api_keys.admitted(None, SECRET)
    with pytest.raises(Denied, match="was revoked"):
        api_keys.admitted(gone, SECRET)


def test_a_key_that_is_not_there_is_not_opened_by_the_digest_that_stands_for_it() -> None:
    """The comparison runs for time's sake; its result does not count."""
    for secret in ("", SECRET, "\0" * 43):
        with pytest.raises(Denied):
            api_keys.admitted(None, secret)


def test_a_key_holds_up_to_the_moment_it_expires() -> None:
    assert api_keys.admitted(facts(expires_at=NOW + timedelta(microseconds=1)), SECRET)
    with pytest.raises(Denied, match="has expired"):
        api_keys.admitted(facts(expires_at=NOW), SECRET)


@pytest.mark.parametrize("role", Role)
def test_a_bound_key_may_what_both_may(role: Role) -> None:
    bound = facts(scopes=[str(scope) for scope in SCOPES_OF[Role.OPERATOR]], user_id=ID, role=str(role))
    assert api_keys.admitted(bound, SECRET) == SCOPES_OF[Role.OPERATOR] & SCOPES_OF[role]


def test_each_role_may_all_that_the_ones_below_it_may() -> None:
    ladder = [SCOPES_OF[role] for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN, Role.OWNER)]
    assert all(below < above for below, above in pairwise(ladder))
    assert ladder[-1] == set(ApiScope)


def test_a_form_carries_what_only_its_login_can_make() -> None:
    token, other = (login_tokens.make(bytes([n]) * 32) for n in (1, 2))
    assert login_tokens.csrf_fits(token, login_tokens.csrf_of(token))
    assert not login_tokens.csrf_fits(other, login_tokens.csrf_of(token))
    assert not login_tokens.csrf_fits(token, "") and not login_tokens.csrf_fits(token, "é\ud800")
    assert token not in login_tokens.csrf_of(token) and len(login_tokens.digest(token)) == 32
    assert login_tokens.digest(token).hex() not in login_tokens.csrf_of(token)
    with pytest.raises(Invalid):
        login_tokens.make(bytes(31))
