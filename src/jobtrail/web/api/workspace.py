"""Routes of the workspace itself: its name, its members, the record of what administrators did."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from jobtrail.core.access import AdministrationEvent, Member, Workspace
from jobtrail.core.errors import Conflict, Denied
from jobtrail.core.scopes import SCOPES_OF, ApiScope, Role
from jobtrail.service import administration, memberships, users, workspaces
from jobtrail.store.identity import new_id
from jobtrail.web import cursors
from jobtrail.web.routing import Page
from jobtrail.web.runtime import Call
from jobtrail.web.views import Cursor, Limit, Name

Email = Annotated[
    str, msgspec.Meta(min_length=3, max_length=254, pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$")
]


class RenameBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another name."""

    name: Name


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the workspace allows its runners: for each type of job an object; a type that is not named allows what its
    runner allows by itself."""

    policy: dict[Name, dict[str, Any]]


class NewMemberBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person to add. Somebody who is not known yet cannot log in before they have a password."""

    email: Email
    role: Role


class RoleBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another role."""

    role: Role


class PageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which page."""

    limit: Limit = 50
    cursor: Cursor | None = None


class AdministrationView(msgspec.Struct, frozen=True):
    """One line of the record; `hash` in hex chains it to the one before."""

    number: int
    at: datetime
    type: str
    actor_type: str
    actor_id: str
    subject_type: str
    subject_id: str
    payload: Any
    hash: str


class Me(msgspec.Struct, frozen=True):
    """Who asks, for which workspace, and what it may do there."""

    workspace: Workspace
    actor_type: str
    actor_id: str
    scopes: list[ApiScope]


async def get_me(call: Call) -> Me:
    """Who this key or login is, and what it may do."""
    workspace = await call.found(workspaces.get(call.workspace), "such workspace")
    actor = call.principal.actor
    return Me(workspace, actor.type, actor.id, sorted(call.principal.scopes))


async def get_workspace(call: Call) -> Workspace:
    """The workspace that the key or login speaks for."""
    return await call.found(workspaces.get(call.workspace), "such workspace")


async def rename_workspace(call: Call, body: RenameBody) -> Workspace:
    """Give the workspace another name."""
    return await call.write(workspaces.rename(call.workspace, body.name, call.principal.actor))


async def get_policy(call: Call) -> Policy:
    """What the workspace allows its runners."""
    return Policy(await call.found(workspaces.policy(call.workspace), "such workspace"))


async def set_policy(call: Call, body: Policy) -> Policy:
    """Say what the workspace allows its runners. It holds for what begins from now on."""
    return Policy(await call.write(workspaces.set_policy(call.workspace, body.policy, call.principal.actor)))


async def list_members(call: Call, query: PageQuery) -> Page[Member]:
    """The people of the workspace, by e-mail."""
    after = cursors.place(query.cursor, "members", str)
    found = await call.read(memberships.listed(call.workspace, after=after, limit=query.limit + 1))
    items = found[: query.limit]
    return Page(items, cursors.cursor("members", items[-1].email.lower()) if len(found) > query.limit else None)


async def add_member(call: Call, body: NewMemberBody) -> None:
    """Add a person by e-mail. Nobody learns here who is known elsewhere."""
    actor, may = call.principal.actor, call.principal.scopes
    if not SCOPES_OF[body.role] <= may:
        raise Denied(f"you may not make an {body.role} of anybody, for you may less than one")
    person = await call.across(users.by_email(body.email))
    if person is None:
        try:
            made = await call.across(users.create(new_id(), body.email, body.email.partition("@")[0], None, actor))
            user_id = made.id
        except Conflict:  # another request was quicker
            user_id = (await call.found_across(users.by_email(body.email), "such person")).id
    else:
        user_id = person.id
    await call.across(memberships.add(call.workspace, user_id, body.role, actor, may))


async def change_member(call: Call, user_id: UUID, body: RoleBody) -> None:
    """Give a member another role; their keys here may no more than it, from now on."""
    await call.write(
        memberships.change_role(call.workspace, user_id, body.role, call.principal.actor, call.principal.scopes)
    )


async def remove_member(call: Call, user_id: UUID) -> None:
    """Take a member out, with the keys that were bound to them."""
    await call.write(memberships.remove(call.workspace, user_id, call.principal.actor, call.principal.scopes))


async def list_administration(call: Call, query: PageQuery) -> Page[AdministrationView]:
    """What administrators did, newest first; each line is chained to the one before."""
    before = cursors.place(query.cursor, "administration", int)
    found = await call.read(administration.listed(call.workspace, before=before, limit=query.limit + 1))
    items = [_view(event) for event in found[: query.limit]]
    return Page(items, cursors.cursor("administration", items[-1].number) if len(found) > query.limit else None)


def _view(event: AdministrationEvent) -> AdministrationView:
    return AdministrationView(
        event.number,
        event.at,
        event.type,
        event.actor_type,
        event.actor_id,
        event.subject_type,
        event.subject_id,
        event.payload,
        event.hash.hex(),
    )
