"""Routes of API keys: create, list, look, revoke. The key itself is answered once, when it is made."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec

from jobtrail.core import api_keys
from jobtrail.core.access import ApiKey
from jobtrail.core.scopes import SCOPES_OF, ApiScope, Role
from jobtrail.service import keys
from jobtrail.service.keys import NewKey
from jobtrail.store.identity import new_id, new_secret
from jobtrail.web import cursors
from jobtrail.web.routing import Page, Reply
from jobtrail.web.runtime import Call
from jobtrail.web.views import Cursor, Limit, Name, Time


class NewKeyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A key to make: with scopes, or with those of a role; without either, with all that the caller may."""

    name: Name
    scopes: Annotated[list[ApiScope], msgspec.Meta(min_length=1, max_length=100)] | None = None
    role: Role | None = None
    expires_at: Time | None = None


class MadeKey(msgspec.Struct, frozen=True):
    """The key, and what is known of it. It is shown this once."""

    key: str
    api_key: ApiKey


class KeysQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which page."""

    limit: Limit = 50
    cursor: Cursor | None = None


async def create_key(call: Call, body: NewKeyBody) -> Reply[MadeKey]:
    """Make a key, that may at most what its maker may."""
    scopes = frozenset(body.scopes or ()) | (SCOPES_OF[body.role] if body.role else frozenset())
    key_id, secret = new_id(), new_secret()
    text = api_keys.make(key_id, secret)
    new = NewKey(
        id=key_id,
        name=body.name,
        secret_hash=api_keys.digest(api_keys.parse(text)[1]),
        scopes=scopes or call.principal.scopes,
        expires_at=body.expires_at,
        user_id=call.principal.user_id,
    )
    made = await call.write(keys.create(call.workspace, new, call.principal.actor, call.principal.scopes))
    return Reply(MadeKey(text, made), headers={"Location": f"{call.prefix}/api/v1/api-keys/{made.id}"})


async def list_keys(call: Call, query: KeysQuery) -> Page[ApiKey]:
    """The keys of the workspace, newest first, revoked ones too."""
    before = cursors.place(query.cursor, "keys", UUID)
    found = await call.read(keys.listed(call.workspace, before=before, limit=query.limit + 1))
    items = found[: query.limit]
    return Page(items, cursors.cursor("keys", items[-1].id) if len(found) > query.limit else None)


async def get_key(call: Call, key_id: UUID) -> ApiKey:
    """One key, without its secret."""
    return await call.found(keys.get(call.workspace, key_id), f"key {key_id}")


async def revoke_key(call: Call, key_id: UUID) -> None:
    """Revoke a key for good: requests fail within seconds, streams end within 15."""
    await call.write(keys.revoke(call.workspace, key_id, call.principal.actor))
    call.runtime.forget_key(key_id)
