"""Verbs on groups of people who are asked together at gates: create, remove, add somebody, take somebody out, list."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

from jobtrail.core import jsonguard
from jobtrail.core.approval import Group
from jobtrail.core.errors import Conflict, Invalid, NotFound
from jobtrail.core.model import Actor
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, flow

MOST_MEMBERS: Final = 1_000
_NOT_IN_MEMBERS: Final = re.compile(r"[\s/]")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}\Z")


def check_group(name: str) -> str:
    """The name in lower case. Raises Invalid for one that could be mistaken for a person's, or cannot stand in an address."""
    lower = name.lower()
    if not _NAME.match(lower):
        wrong = "must begin with a letter or digit and hold only these, dots, strokes and underscores, at most 100"
        raise Invalid(f"a group's name {wrong}; {name!r} does not", fields={"name": wrong})
    return lower


@flow
def create(workspace: UUID, name: str, actor: Actor) -> Steps[Group]:
    """Makes a group of nobody. Raises Invalid, Conflict when there is one of this name."""
    wanted = check_group(name)
    if (yield from ask(Query("verbs/create_group", (workspace, wanted, actor.type, actor.id), query.one))) is None:
        raise Conflict(f"there is a group {wanted} already; to ask more people: jobtrail group add {wanted} EMAIL")
    return (yield from _found(workspace, wanted))


@flow
def remove(workspace: UUID, name: str, actor: Actor) -> Steps[None]:
    """Removes a group; a gate that asks it asks nobody by it any more. Raises NotFound."""
    params = (workspace, name.lower(), actor.type, actor.id)
    if (yield from ask(Query("verbs/remove_group", params, query.one))) is None:
        raise _missing(name)


@flow
def add(workspace: UUID, name: str, member: str, actor: Actor) -> Steps[Group]:
    """Adds a person by e-mail, or a key as `key:ID`; who is in it already stays so. Raises Invalid, NotFound, and Conflict
    for a group of 1 000."""
    who = jsonguard.check_name(member, "member").strip().lower()
    if _NOT_IN_MEMBERS.search(who):
        raise Invalid(f"{member!r} is no e-mail and no key:ID", fields={"member": "must hold no blanks and no strokes"})
    known = yield from _found(workspace, name.lower())
    if who not in known.members and len(known.members) >= MOST_MEMBERS:
        raise Conflict(f"group {known.name} has {MOST_MEMBERS} members already")
    params = (workspace, known.name, who, actor.type, actor.id)
    yield from ask(Query("verbs/add_to_group", params, query.nothing))
    return (yield from _found(workspace, known.name))


@flow
def take_out(workspace: UUID, name: str, member: str, actor: Actor) -> Steps[Group]:
    """Takes somebody out of a group. Raises NotFound when they are not in it."""
    params = (workspace, name.lower(), member.strip().lower(), actor.type, actor.id)
    if (yield from ask(Query("verbs/remove_from_group", params, query.one))) is None:
        raise NotFound(f"{member} is not in a group {name} of this workspace; jobtrail group list says who is in which")
    return (yield from _found(workspace, name.lower()))


def listed(workspace: UUID, *, after: str | None = None, limit: int = 50) -> Query[list[Group]]:
    """A page of groups by name; `after` is the name of the last one of the page before."""
    return Query("reads/groups", (workspace, after, limit), query.many_of(Group))


def get(workspace: UUID, name: str) -> Query[Group | None]:
    """One group, or None."""
    return Query("reads/group", (workspace, name.lower()), query.one_of(Group))


def _found(workspace: UUID, name: str) -> Steps[Group]:
    group = yield from ask(get(workspace, name))
    if group is None:
        raise _missing(name)
    return group


def _missing(name: str) -> NotFound:
    return NotFound(f"there is no group {name} in this workspace; jobtrail group list shows those that there are")
