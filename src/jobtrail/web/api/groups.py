"""Routes of groups: people who are asked together at gates."""

from __future__ import annotations

from typing import Annotated

import msgspec

from jobtrail.core.approval import Group
from jobtrail.service import groups
from jobtrail.web import cursors
from jobtrail.web.routing import Page
from jobtrail.web.runtime import Call
from jobtrail.web.views import Cursor, Limit, Name

GroupName = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern="^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class NewGroupBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group to make. Its name is kept in lower case."""

    name: GroupName


class GroupMemberBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody to add: a person by e-mail, or a key as `key:ID`."""

    member: Name


class GroupsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which page."""

    limit: Limit = 50
    cursor: Cursor | None = None


async def create_group(call: Call, body: NewGroupBody) -> Group:
    """Make a group of nobody yet."""
    return await call.write(groups.create(call.workspace, body.name, call.principal.actor))


async def list_groups(call: Call, query: GroupsQuery) -> Page[Group]:
    """Groups by name, with their members."""
    after = cursors.place(query.cursor, "groups", str)
    found = await call.read(groups.listed(call.workspace, after=after, limit=query.limit + 1))
    more = len(found) > query.limit
    return Page(found[: query.limit], cursors.cursor("groups", found[query.limit - 1].name) if more else None)


async def get_group(call: Call, group: str) -> Group:
    """One group."""
    return await call.found(groups.get(call.workspace, group), f"group {group}")


async def remove_group(call: Call, group: str) -> None:
    """Remove a group. Gates that ask it ask nobody by it any more."""
    await call.write(groups.remove(call.workspace, group, call.principal.actor))


async def add_group_member(call: Call, group: str, body: GroupMemberBody) -> Group:
    """Add somebody; who is in it already stays so."""
    return await call.write(groups.add(call.workspace, group, body.member, call.principal.actor))


async def remove_group_member(call: Call, group: str, member: str) -> Group:
    """Take somebody out of a group."""
    return await call.write(groups.take_out(call.workspace, group, member, call.principal.actor))
