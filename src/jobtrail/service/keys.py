"""Verbs on keys: create, list, get, revoke, authenticate, touch, alive. Secrets are made and compared elsewhere."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from jobtrail.core.access import ApiKey, KeyFacts
from jobtrail.core.errors import Denied, Invalid, NotFound
from jobtrail.core.jsonguard import check_name
from jobtrail.core.model import Actor
from jobtrail.core.scopes import ApiScope
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, flow


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key to create. `secret_hash`: `api_keys.digest` of its secret. `user_id`: the person it is bound to, if any."""

    id: UUID
    name: str
    secret_hash: bytes = field(repr=False)
    scopes: frozenset[ApiScope]
    expires_at: datetime | None = None
    user_id: UUID | None = None


@flow
def create(workspace: UUID, new: NewKey, actor: Actor, may: Collection[ApiScope]) -> Steps[ApiKey]:
    """Makes a key; `may` is what the actor may do, for nobody gives away more than they have.

    Raises Denied, Invalid when it has no scope, a bad name or an end in the past, NotFound when its person is not a member.
    """
    check_name(new.name, "name")
    if not new.scopes:
        raise Invalid("a key needs a scope at least", fields={"scopes": "must not be empty"})
    if beyond := sorted(new.scopes - set(may)):
        raise Denied(f"key {new.name!r} may not be created with what you may not do yourself: {', '.join(beyond)}")
    params = (
        workspace,
        new.id,
        new.user_id,
        new.name,
        new.secret_hash,
        sorted(new.scopes),
        actor.type,
        actor.id,
        new.expires_at,
    )
    made = yield from ask(Query("verbs/create_key", params, query.one_of(ApiKey)))
    if made is None:
        raise NotFound(f"user {new.user_id} is not a member of this workspace; add them: jobtrail member add")
    return made


def listed(workspace: UUID, *, before: UUID | None = None, limit: int = 50) -> Query[list[ApiKey]]:
    """A page of keys, newest first, revoked ones too; `before` is the id of the last key of the page before."""
    return Query("reads/api_keys", (workspace, before, limit), query.many_of(ApiKey))


def get(workspace: UUID, key_id: UUID) -> Query[ApiKey | None]:
    """One key, or None."""
    return Query("reads/api_key", (workspace, key_id), query.one_of(ApiKey))


@flow
def revoke(workspace: UUID, key_id: UUID, actor: Actor) -> Steps[bool]:
    """Revokes a key for good; False: it was revoked before. Raises NotFound."""
    if (yield from ask(Query("verbs/revoke_key", (workspace, key_id, actor.type, actor.id), query.one))) is not None:
        return True
    if (yield from ask(get(workspace, key_id))) is None:
        raise NotFound(f"there is no key {key_id} in this workspace")
    return False


def authenticate(key_id: UUID) -> Query[KeyFacts | None]:
    """What decides whether a key opens the door: `api_keys.admitted` judges it. Needs a scope that sees all."""
    return Query("reads/key_facts", (key_id,), query.one_of(KeyFacts))


def touch(key_ids: Collection[UUID]) -> Query[None]:
    """Notes that these keys were used, at most once a minute each. Needs a scope that sees all."""
    return Query("verbs/touch_keys", (list(key_ids),), query.nothing)


def alive(key_ids: Collection[UUID]) -> Query[frozenset[UUID]]:
    """Those of the keys that still open the door; for streams, which live longer. Needs a scope that sees all."""
    return Query("reads/keys_alive", (list(key_ids),), lambda rows: frozenset(row[0] for row in rows))
