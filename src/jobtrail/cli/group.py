"""`jobtrail group create`, `add`, `remove`, `list`, `delete`: people who are asked together at gates."""

from __future__ import annotations

from typing import Annotated

from jobtrail.cli import office, show
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain
from jobtrail.cli.telling import notice, with_fix
from jobtrail.core.approval import Group
from jobtrail.core.errors import NotFound
from jobtrail.service import groups


def create(name: Annotated[str, Plain], /, *members: Annotated[str, Plain], flags: Flags = NO_FLAGS) -> int:
    """Make a group of the workspace, with these members if any are named.

    Parameters
    ----------
    name
        Letters, digits, dots, strokes and underscores; gates ask it as `group:NAME`.
    members
        E-mails of people, or keys as key:ID.
    """
    with office.opened(flags) as here:
        group = here.do(groups.create(here.workspace(), name, here.actor))
        for member in members:
            group = here.do(groups.add(here.workspace(), name, member, here.actor))
    _tell(group, flags)
    notice(f"gates ask it as group:{group.name}")
    return 0


def add(name: Annotated[str, Plain], /, *members: Annotated[str, Plain], flags: Flags = NO_FLAGS) -> int:
    """Add people to a group.

    Parameters
    ----------
    name
        Which group.
    members
        E-mails of people, or keys as key:ID.
    """
    with office.opened(flags) as here:
        for member in members:
            here.do(groups.add(here.workspace(), name, member, here.actor))
        group = _found(here, name)
    _tell(group, flags)
    return 0


def remove(name: Annotated[str, Plain], /, *members: Annotated[str, Plain], flags: Flags = NO_FLAGS) -> int:
    """Take people out of a group.

    Parameters
    ----------
    name
        Which group.
    members
        E-mails of people, or keys as key:ID.
    """
    with office.opened(flags) as here:
        for member in members:
            here.do(groups.take_out(here.workspace(), name, member, here.actor))
        group = _found(here, name)
    _tell(group, flags)
    return 0


def delete(name: Annotated[str, Plain], /, *, flags: Flags = NO_FLAGS) -> int:
    """Remove a group; gates that ask it ask nobody by it any more.

    Parameters
    ----------
    name
        Which group.
    """
    with office.opened(flags) as here:
        here.do(groups.remove(here.workspace(), name, here.actor))
    show.thing({"name": name}, lambda: [("group", name)], flags)
    notice(f"there is no group {name} any more")
    return 0


def listed(*, flags: Flags = NO_FLAGS) -> int:
    """The groups of the workspace and who is in them."""
    with office.opened(flags) as here:
        workspace = here.workspace()
        found = here.every(lambda last: groups.listed(workspace, after=last.name if last else None, limit=office.PAGE))
    show.rows(
        found,
        [
            show.Column("GROUP", lambda g: g.name),
            show.Column("MEMBERS", lambda g: ", ".join(g.members)),
            show.Column("MADE BY", lambda g: g.created_by, rank=2),
            show.time_column("SINCE", lambda g: g.created_at, rank=1),
        ],
        flags,
        empty="there are no groups; make one: jobtrail group create NAME EMAIL",
    )
    return 0


def _found(here: office.Office, name: str) -> Group:
    group = here.do(groups.get(here.workspace(), name))
    if group is None:
        raise with_fix(NotFound(f"there is no group {name} in this workspace"), "jobtrail group list")
    return group


def _tell(group: Group, flags: Flags) -> None:
    show.thing({"name": group.name, "members": group.members},
               lambda: [("group", group.name), ("members", ", ".join(group.members) or "nobody")], flags)  # fmt: skip
