"""Verbs on memberships: add, change the role, remove, list. A workspace keeps an owner; nobody gives what they lack."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from jobtrail.core.access import Member, Membership
from jobtrail.core.errors import Conflict, Denied, NotFound
from jobtrail.core.model import Actor
from jobtrail.core.scopes import SCOPES_OF, ApiScope, Role
from jobtrail.store import query
from jobtrail.store.query import Query, Row, Steps, ask, atomic


@atomic
def add(workspace: UUID, user_id: UUID, role: Role, actor: Actor, may: Collection[ApiScope]) -> Steps[None]:
    """Makes a person a member; `may` is what the actor may do here. In the scope of all workspaces only: who can make
    anybody a member could look anybody up.

    Raises Denied for a role that may more than the actor, Conflict when they are a member, NotFound.
    """
    _within(role, may)
    yield from _hold(workspace)
    params = (workspace, user_id, role, actor.type, actor.id)
    if (yield from ask(Query("verbs/add_member", params, query.one))) is None:
        raise Conflict(f"user {user_id} is a member already; to change what they may: jobtrail member role")


@atomic
def change_role(workspace: UUID, user_id: UUID, role: Role, actor: Actor, may: Collection[ApiScope]) -> Steps[None]:
    """Gives a member another role; their keys in the workspace may no more than it, from now on.

    Raises NotFound, Conflict for the last owner, Denied when either role may more than the actor.
    """
    _within(role, may)
    was, others = yield from _standing(workspace, user_id)
    _within(was, may)
    if was is Role.OWNER and role is not Role.OWNER and not others:
        raise _last_owner(user_id)
    params = (workspace, user_id, role, actor.type, actor.id)
    yield from ask(Query("verbs/change_role", params, query.nothing))


@atomic
def remove(workspace: UUID, user_id: UUID, actor: Actor, may: Collection[ApiScope]) -> Steps[None]:
    """Takes a member out, and revokes the keys that were bound to them here.

    Raises NotFound, Conflict for the last owner, Denied when the member may more than the actor.
    """
    was, others = yield from _standing(workspace, user_id)
    _within(was, may)
    if was is Role.OWNER and not others:
        raise _last_owner(user_id)
    yield from ask(Query("verbs/remove_member", (workspace, user_id, actor.type, actor.id), query.nothing))


def listed(workspace: UUID, *, after: str | None = None, limit: int = 50) -> Query[list[Member]]:
    """A page of members by e-mail; `after` is the e-mail of the last one of the page before."""
    return Query("reads/members", (workspace, after, limit), query.many_of(Member))


def of_user(user_id: UUID) -> Query[list[Membership]]:
    """The workspaces of a person by name, with the role in each; those that the scope sees."""
    return Query("reads/memberships", (user_id,), query.many_of(Membership))


def _hold(workspace: UUID) -> Steps[None]:
    """Two owners who remove each other at once would leave nobody."""
    if (yield from ask(Query("verbs/hold_workspace", (workspace,), query.one))) is None:
        raise NotFound(f"there is no workspace {workspace}")


def _standing(workspace: UUID, user_id: UUID) -> Steps[tuple[Role, bool]]:
    """The role of a member, and whether others own the workspace too."""
    yield from _hold(workspace)
    row: Row | None = yield from ask(Query("reads/standing", (workspace, user_id), query.one))
    if row is None:
        raise NotFound(f"user {user_id} is not a member of this workspace")
    return Role(row[0]), row[1]


def _within(role: Role, may: Collection[ApiScope]) -> None:
    if not SCOPES_OF[role] <= set(may):
        raise Denied(f"what concerns an {role} is for those who may all that an {role} may")


def _last_owner(user_id: UUID) -> Conflict:
    return Conflict(f"user {user_id} is the last OWNER of this workspace; make another one OWNER first")
