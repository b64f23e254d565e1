"""Verbs on workspaces: create, rename, get, find by name, list."""

from __future__ import annotations

from uuid import UUID

from jobtrail.core.access import Workspace
from jobtrail.core.errors import Conflict, NotFound
from jobtrail.core.jsonguard import check_name
from jobtrail.core.model import Actor
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, flow


@flow
def create(id: UUID, name: str, actor: Actor, owner: UUID | None = None) -> Steps[Workspace]:
    """Opens a workspace that a person owns, or nobody yet. Needs a scope that sees all. Raises Invalid, Conflict."""
    params = (id, check_name(name, "name"), owner, actor.type, actor.id)
    made = yield from ask(Query("verbs/create_workspace", params, query.one_of(Workspace)))
    if made is None:
        raise Conflict(f"there is a workspace {name!r} already")
    return made


@flow
def rename(workspace: UUID, name: str, actor: Actor) -> Steps[Workspace]:
    """Gives a workspace another name. Raises Invalid, NotFound, Conflict when the name is taken."""
    params = (workspace, check_name(name, "name"), actor.type, actor.id)
    renamed = yield from ask(Query("verbs/rename_workspace", params, query.one_of(Workspace)))
    if renamed is None:
        renamed = yield from ask(get(workspace))
    if renamed is None:
        raise NotFound(f"there is no workspace {workspace}")
    return renamed


def get(workspace: UUID) -> Query[Workspace | None]:
    """One workspace, or None."""
    return Query("reads/workspace_by_id", (workspace,), query.one_of(Workspace))


def listed(*, user_id: UUID | None = None, after: str | None = None, limit: int = 50) -> Query[list[Workspace]]:
    """A page of workspaces by name, those of one person or all; `after` is the last name of the page before.

    Needs a scope that sees all.
    """
    return Query("reads/workspaces", (user_id, after, limit), query.many_of(Workspace))
