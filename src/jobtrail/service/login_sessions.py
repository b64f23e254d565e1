"""Verbs on logins: begin, find, end, forget, and how long an address waits after failures. All need a scope that sees all."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from jobtrail.core.access import Membership, SessionFacts
from jobtrail.core.errors import Denied
from jobtrail.core.model import Actor
from jobtrail.store import query
from jobtrail.store.query import Query, Row, Steps, ask, flow

IDLE: Final = timedelta(days=7)
"""A login that nobody used for so long does not hold any more."""

FREE_FAILURES: Final = 4
LONGEST_PAUSE: Final = timedelta(minutes=1)
"""Long enough against guessing, too short to keep a person out who shares the address with whoever guesses."""

_FORGIVEN_AFTER: Final = timedelta(hours=1)
_LONGEST: Final = 254


@flow
def begin(user_id: UUID, token_hash: bytes, expires: timedelta, *, id: UUID, address: str = "") -> Steps[datetime]:
    """Begins a login, and forgets failures before it from that address; answers when it ends at the latest.

    `token_hash`: `login_tokens.digest` of the token. Raises Denied when there is no such person, or they are disabled.
    """
    params = (id, user_id, token_hash, expires.total_seconds(), address)
    row = yield from ask(Query("verbs/begin_login", params, query.one))
    if row is None:
        raise Denied(f"user {user_id} may not log in")
    ends: datetime = row[0]
    return ends


def find(token_hash: bytes, *, idle: timedelta = IDLE) -> Query[SessionFacts | None]:
    """The login of a token with its person's workspaces; None when it does not hold: ended, expired, idle, disabled."""
    return Query("reads/login_session", (token_hash, idle.total_seconds()), _facts)


def seen(ids: Collection[UUID]) -> Query[None]:
    """Notes that these logins were used, at most once a minute each."""
    return Query("verbs/see_logins", (list(ids),), query.nothing)


def alive(ids: Collection[UUID]) -> Query[frozenset[UUID]]:
    """Those of the logins that hold still; for streams, which live longer."""
    return Query("reads/logins_alive", (list(ids),), lambda rows: frozenset(row[0] for row in rows))


def end(id: UUID) -> Query[UUID | None]:
    """Ends a login; None: it had ended."""
    return Query("verbs/end_login", (id,), query.scalar)


def end_all(user_id: UUID, actor: Actor) -> Query[int]:
    """Ends all logins of a person; answers how many held."""
    return Query("verbs/end_logins", (user_id, actor.type, actor.id), query.count)


def forget(before: datetime) -> Query[int]:
    """Forgets what ended or expired before a time, and failures as old; answers how many logins."""
    return Query("verbs/forget_logins", (before,), query.count)


def pause(email: str, address: str) -> Query[timedelta]:
    """How long this address waits before it may try this e-mail again; zero: not at all."""
    return Query("reads/login_failures", (_kept(email), _kept(address)), _left)


def failed(email: str, address: str) -> Query[timedelta]:
    """Counts a failed login; answers how long to wait before the next. The e-mail need not be anybody's."""
    params = (_kept(email), _kept(address), _FORGIVEN_AFTER.total_seconds())
    return Query("verbs/login_failed", params, lambda rows: pause_after(rows[0][0]))


def pause_after(failures: int) -> timedelta:
    """How long to wait after so many failures: nothing at first, then 1 s, 2 s, 4 s, up to a minute."""
    if failures <= FREE_FAILURES:
        return timedelta(0)
    return min(timedelta(seconds=2 ** min(failures - FREE_FAILURES - 1, 20)), LONGEST_PAUSE)


def _kept(typed: str) -> str:
    """What anybody may have typed, as far as it can be stored: else its digest stands for it."""
    data = typed.encode("utf-8", "surrogatepass")
    if len(data) <= _LONGEST and typed.isprintable():
        return typed
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _left(found: list[Row]) -> timedelta:
    if not found:
        return timedelta(0)
    failures, seconds_ago = found[0]
    return max(pause_after(failures) - timedelta(seconds=seconds_ago), timedelta(0))


def _facts(found: list[Row]) -> SessionFacts | None:
    """One row for each workspace; a person of none has one row without any."""
    if not found:
        return None
    memberships = tuple(Membership(*row[7:]) for row in found if row[7] is not None)
    id, user_id, email, name, created_at, expires_at, seen_at = found[0][:7]
    return SessionFacts(id, user_id, email, name, created_at, expires_at, seen_at, memberships)
