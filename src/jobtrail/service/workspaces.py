"""Verbs on workspaces: create, rename, pause, resume, get, list, and what one allows its runners."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from jobtrail.core import jsonguard
from jobtrail.core.access import Workspace
from jobtrail.core.errors import Conflict, Invalid, NotFound
from jobtrail.core.jsonguard import check_name
from jobtrail.core.model import Actor
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, flow

MOST_WEIGHT: Final = 1_000
POLICY_BYTES: Final = 64 << 10
"""How long a policy may be, as JSON."""


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


@flow
def pause(workspace: UUID, actor: Actor, reason: str | None = None) -> Steps[Workspace]:
    """Lets workers take none of a workspace's jobs, and records it; what runs goes on. Raises NotFound."""
    params = (workspace, actor.type, actor.id, reason)
    paused = yield from ask(Query("verbs/pause_workspace", params, query.one_of(Workspace)))
    if paused is None:
        raise NotFound(f"there is no workspace {workspace}")
    return paused


@flow
def resume(workspace: UUID, actor: Actor) -> Steps[Workspace]:
    """Lets workers take the jobs of a workspace again, and records it. Raises Conflict when it was not paused."""
    params = (workspace, actor.type, actor.id)
    resumed = yield from ask(Query("verbs/resume_workspace", params, query.one_of(Workspace)))
    if resumed is None:
        raise Conflict(f"workspace {workspace} is not paused")
    return resumed


def get(workspace: UUID) -> Query[Workspace | None]:
    """One workspace, or None."""
    return Query("reads/workspace_by_id", (workspace,), query.one_of(Workspace))


def listed(*, user_id: UUID | None = None, after: str | None = None, limit: int = 50) -> Query[list[Workspace]]:
    """A page of workspaces by name, those of one person or all; `after` is the last name of the page before.

    Needs a scope that sees all.
    """
    return Query("reads/workspaces", (user_id, after, limit), query.many_of(Workspace))


def policy(workspace: UUID) -> Query[dict[str, Any] | None]:
    """What a workspace allows its runners, by their types; None when it is not there."""
    return Query("reads/policy", (workspace,), query.scalar)


@flow
def set_policy(workspace: UUID, policy: Mapping[str, Any], actor: Actor) -> Steps[dict[str, Any]]:
    """Sets what a workspace allows its runners, an object for each type. Answers it. Raises Invalid, TooLarge, NotFound."""
    wrong = {f"policy.{name}": "must be an object" for name, rules in policy.items() if not isinstance(rules, Mapping)}
    if wrong:
        raise Invalid(f"a policy holds an object for each type of job; {next(iter(wrong))} is none", fields=wrong)
    said = jsonguard.encode(dict(policy), max_bytes=POLICY_BYTES, at="policy").decode()
    changed = yield from ask(Query("verbs/set_policy", (workspace, said, actor.type, actor.id), query.scalar))
    stands: dict[str, Any] | None = changed if changed is not None else (yield from ask(_policy(workspace)))
    if stands is None:
        raise NotFound(f"there is no workspace {workspace}")
    return stands


@flow
def weigh(workspace: UUID, weight: int, actor: Actor) -> Steps[int]:
    """Sets what share of the workers a workspace has beside others, 1 to 1 000, and records it. Answers it.

    For who runs the installation: needs a scope that sees all. Raises Invalid, NotFound.
    """
    if not 1 <= weight <= MOST_WEIGHT:
        raise Invalid(f"a weight is 1 to {MOST_WEIGHT}, not {weight}", fields={"weight": f"must be 1 to {MOST_WEIGHT}"})
    params = (workspace, weight, actor.type, actor.id)
    stands: int | None = yield from ask(Query("verbs/weigh_workspace", params, query.scalar))
    if stands is None:
        stands = yield from ask(weight_of(workspace))
    if stands is None:
        raise NotFound(f"there is no workspace {workspace}")
    return stands


def weight_of(workspace: UUID) -> Query[int | None]:
    """What share of the workers a workspace has beside others; None when it is not there."""
    return Query("reads/weight", (workspace,), query.scalar)


_policy = policy  # where a parameter has its name
