"""Verbs on people: create, find, list, set a password, disable, enable. All of them need a scope that sees all."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

from jobtrail.core.access import LoginFacts, User
from jobtrail.core.errors import Conflict, Invalid, NotFound
from jobtrail.core.jsonguard import check_name
from jobtrail.core.model import Actor
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, flow

_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+")
_MAX_EMAIL_BYTES: Final = 254


@flow
def create(id: UUID, email: str, name: str, password_hash: str | None, actor: Actor) -> Steps[User]:
    """Makes a person known; without a password they cannot log in by one. Raises Invalid, Conflict for a taken e-mail."""
    params = (id, check_email(email), check_name(name, "name"), password_hash, actor.type, actor.id)
    made = yield from ask(Query("verbs/create_user", params, query.one_of(User)))
    if made is None:
        raise Conflict(f"somebody has the e-mail {email} already")
    return made


def get(user_id: UUID) -> Query[User | None]:
    """One person, or None."""
    return Query("reads/user", (user_id,), query.one_of(User))


def by_email(email: str) -> Query[LoginFacts | None]:
    """The person of an e-mail, in upper or lower case, with what a login is held against; or None."""
    return Query("reads/login_facts", (email,), query.one_of(LoginFacts))


def listed(*, before: UUID | None = None, limit: int = 50) -> Query[list[User]]:
    """A page of people, newest first; `before` is the id of the last one of the page before."""
    return Query("reads/users", (before, limit), query.many_of(User))


@flow
def set_password(user_id: UUID, password_hash: str, actor: Actor) -> Steps[None]:
    """Gives a person another password, and ends all their logins. Raises NotFound."""
    params = (user_id, password_hash, actor.type, actor.id)
    if (yield from ask(Query("verbs/set_password", params, query.one))) is None:
        raise _missing(user_id)


def rehash(user_id: UUID, was: str, becomes: str) -> Query[None]:
    """Keeps the same password under a better hash, unless it was changed meanwhile; logins go on."""
    return Query("verbs/rehash_password", (user_id, was, becomes), query.nothing)


@flow
def disable(user_id: UUID, actor: Actor) -> Steps[bool]:
    """Shuts a person out: their logins end, their keys open nothing. False: they were. Raises NotFound."""
    return (yield from _shut(user_id, actor, out=True))


@flow
def enable(user_id: UUID, actor: Actor) -> Steps[bool]:
    """Lets a person in again, with the keys they had. False: they were not shut out. Raises NotFound."""
    return (yield from _shut(user_id, actor, out=False))


def check_email(email: str) -> str:
    """The e-mail, if it looks like one. Raises Invalid."""
    if _EMAIL.fullmatch(email) is None or len(email.encode("utf-8", "replace")) > _MAX_EMAIL_BYTES:
        wrong = f"must look like ann@example.org, in {_MAX_EMAIL_BYTES} bytes at most"
        raise Invalid(f"{email[:60]!r} is no e-mail: it {wrong}", fields={"email": wrong})
    return email


def _shut(user_id: UUID, actor: Actor, *, out: bool) -> Steps[bool]:
    params = (user_id, out, actor.type, actor.id)
    if (yield from ask(Query("verbs/disable_user", params, query.one))) is not None:
        return True
    if (yield from ask(get(user_id))) is None:
        raise _missing(user_id)
    return False


def _missing(user_id: UUID) -> NotFound:
    return NotFound(f"there is no user {user_id}; list them: jobtrail user list")
