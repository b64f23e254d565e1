"""`jobtrail workspace create`, `list`, `rename`, `policy`, `weight`: tenants of one installation."""

from __future__ import annotations

import json
from shlex import quote
from typing import Annotated

from jobtrail.cli import office, show, values
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain
from jobtrail.cli.telling import notice
from jobtrail.core.access import Workspace
from jobtrail.service import workspaces
from jobtrail.store.identity import new_id


def create(name: Annotated[str, Plain], /, *, owner: str | None = None, flags: Flags = NO_FLAGS) -> int:
    """Open a workspace: its jobs, keys and members are its own.

    Parameters
    ----------
    name
        What to call it; no two have one name.
    owner
        The e-mail of who is to own it.
    """
    with office.opened(flags) as here:
        who = None if owner is None else here.person(owner).id
        made = here.do(workspaces.create(new_id(), name, here.actor, who))
    _tell(made, flags)
    notice(f"created workspace {name!r}; use it: --workspace {quote(name)}")
    if owner is None:
        notice(f"it has no member yet: jobtrail member add EMAIL --role OWNER --workspace {quote(name)}")
    return 0


def listed(*, user: str | None = None, flags: Flags = NO_FLAGS) -> int:
    """The workspaces of the installation, by name.

    Parameters
    ----------
    user
        Only those of which this e-mail is a member.
    """
    with office.opened(flags) as here:
        who = None if user is None else here.person(user).id
        found = here.every(
            lambda last: workspaces.listed(user_id=who, after=last.name if last else None, limit=office.PAGE)
        )
    show.rows(
        found,
        [
            show.Column("NAME", lambda w: w.name),
            show.id_column(lambda w: w.id, "WORKSPACE"),
            show.time_column("CREATED", lambda w: w.created_at),
        ],
        flags,
        empty="there is no workspace",
    )
    return 0


def rename(name: Annotated[str, Plain], to: Annotated[str, Plain], /, *, flags: Flags = NO_FLAGS) -> int:
    """Give a workspace another name; its id, and with it everything else, stays.

    Parameters
    ----------
    name
        What it is called.
    to
        What to call it.
    """
    with office.opened(flags) as here:
        renamed = here.do(workspaces.rename(here.workspace(name), to, here.actor))
    _tell(renamed, flags)
    notice(f"renamed {name!r} to {to!r}; undo: jobtrail workspace rename {quote(to)} {quote(name)}")
    return 0


def policy(*, set: str | None = None, flags: Flags = NO_FLAGS) -> int:
    """What a workspace allows its runners: as it stands, or as it is to be.

    Parameters
    ----------
    set
        A new policy in place of the old one: a JSON object, @file, or - for stdin. It has an object for each type of job.
    """
    with office.opened(flags) as here:
        workspace = here.workspace()
        if set is None:
            stands = here.do(workspaces.policy(workspace)) or {}
        else:
            stands = here.do(workspaces.set_policy(workspace, values.read((), set, None), here.actor))
    show.thing(stands, lambda: [(type, json.dumps(rules)) for type, rules in sorted(stands.items())], flags)
    if set is None and not stands:
        notice("there is no policy: each runner allows what it allows by itself")
    return 0


def weight(name: Annotated[str, Plain], to: Annotated[int | None, Plain] = None, /, *, flags: Flags = NO_FLAGS) -> int:
    """What share of the workers a workspace has where several have jobs: as it stands, or as it is to be.

    Parameters
    ----------
    name
        What the workspace is called.
    to
        1 to 1000: beside one of weight 1, a workspace of weight 3 gets three slots of four. 1 if nobody said otherwise.
    """
    with office.opened(flags) as here:
        workspace = here.workspace(name)
        if to is not None:
            here.do(workspaces.weigh(workspace, to, here.actor))
        stands = here.do(workspaces.weight_of(workspace))
    show.thing({"workspace": name, "weight": stands}, lambda: [("workspace", name), ("weight", stands)], flags)
    return 0


def _tell(found: Workspace, flags: Flags) -> None:
    show.thing(show.plain(found), lambda: [("workspace", found.name), ("id", found.id)], flags)
