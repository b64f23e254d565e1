"""`jobtrail member add`, `list`, `role`, `remove`: who may do what in a workspace."""

from __future__ import annotations

from typing import Annotated

from jobtrail.cli import office, show
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain
from jobtrail.cli.telling import notice
from jobtrail.core.scopes import Role
from jobtrail.service import memberships


def add(email: Annotated[str, Plain], /, *, role: str = Role.VIEWER, flags: Flags = NO_FLAGS) -> int:
    """Make a person a member of the workspace.

    Parameters
    ----------
    email
        Who; a person that is known: jobtrail user create.
    role
        VIEWER (if nothing is said), OPERATOR, ADMIN or OWNER.
    """
    wanted = office.role_of(role)
    with office.opened(flags) as here:
        who = here.person(email)
        here.do(memberships.add(here.workspace(), who.id, wanted, here.actor, office.EVERYTHING))
        name = here.workspace_name
    _tell(who.email, wanted, flags)
    notice(f"{who.email} is now {wanted} in {name}")
    return 0


def listed(*, flags: Flags = NO_FLAGS) -> int:
    """The members of the workspace."""
    with office.opened(flags) as here:
        workspace = here.workspace()
        found = here.every(
            lambda last: memberships.listed(workspace, after=last.email if last else None, limit=office.PAGE)
        )
    show.rows(
        found,
        [
            show.Column("EMAIL", lambda m: m.email),
            show.Column("NAME", lambda m: m.name, rank=1),
            show.Column("ROLE", lambda m: m.role),
            show.time_column("SINCE", lambda m: m.created_at, rank=2),
            show.time_column("DISABLED", lambda m: m.disabled_at),
        ],
        flags,
        empty="nobody is a member",
    )
    return 0


def role(email: Annotated[str, Plain], to: Annotated[str, Plain], /, *, flags: Flags = NO_FLAGS) -> int:
    """Give a member another role; their keys may do no more than it, from now on.

    Parameters
    ----------
    email
        Which member.
    to
        VIEWER, OPERATOR, ADMIN or OWNER.
    """
    wanted = office.role_of(to)
    with office.opened(flags) as here:
        who = here.person(email)
        here.do(memberships.change_role(here.workspace(), who.id, wanted, here.actor, office.EVERYTHING))
        name = here.workspace_name
    _tell(who.email, wanted, flags)
    notice(f"{who.email} is now {wanted} in {name}")
    return 0


def remove(email: Annotated[str, Plain], /, *, flags: Flags = NO_FLAGS) -> int:
    """Take a member out of the workspace, and revoke the keys that were bound to them here.

    Parameters
    ----------
    email
        Which member.
    """
    with office.opened(flags) as here:
        who = here.person(email)
        here.do(memberships.remove(here.workspace(), who.id, here.actor, office.EVERYTHING))
        name = here.workspace_name
    _tell(who.email, None, flags)
    notice(f"{who.email} is no member of {name} any more")
    return 0


def _tell(email: str, role: Role | None, flags: Flags) -> None:
    show.thing({"email": email, "role": role}, lambda: [("member", email), ("role", role)], flags)
