"""`jobtrail key create`, `list`, `revoke`: keys for programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from cyclopts import Parameter

from jobtrail.cli import office, refs, show, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain, Switch
from jobtrail.cli.office import Office
from jobtrail.cli.telling import Usage, notice, with_fix
from jobtrail.core import api_keys, duration
from jobtrail.core.access import ApiKey
from jobtrail.core.errors import Invalid, NotFound
from jobtrail.core.ids import short
from jobtrail.core.scopes import SCOPES_OF, ApiScope, Role
from jobtrail.service import keys
from jobtrail.service.keys import NewKey
from jobtrail.store.identity import new_id, new_secret


def create(
    name: Annotated[str, Plain],
    /,
    *,
    scope: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    role: str | None = None,
    expires: str | None = None,
    user: str | None = None,
    flags: Flags = NO_FLAGS,
) -> int:
    """Make a key for a program. It is printed this once, and cannot be had again.

    Parameters
    ----------
    name
        What to call it: whose it is, or what for.
    scope
        What it may do: jobs:read, jobs:enqueue … Commas or several options.
    role
        What it may do, as a role has it: VIEWER, OPERATOR (if nothing is said), ADMIN or OWNER.
    expires
        After how long it opens nothing any more: 90d, 12h. If nothing is said: never.
    user
        The e-mail of a member: the key may never do more than they may, and goes when they go.
    """
    wanted = _scopes(scope, role)
    lifetime = None if expires is None else duration.parse(expires)
    if lifetime is not None and not lifetime:
        raise Usage("--expires must be more than nothing")
    id = new_id()
    text = api_keys.make(id, new_secret())
    with office.opened(flags) as here:
        new = NewKey(
            id=id,
            name=name,
            secret_hash=api_keys.digest(api_keys.parse(text)[1]),
            scopes=wanted,
            expires_at=None if lifetime is None else office.now() + lifetime,
            user_id=None if user is None else here.person(user).id,
        )
        made = here.do(keys.create(here.workspace(), new, here.actor, office.EVERYTHING))
    if flags.output in ("json", "jsonl"):
        show.thing({**show.plain(made), "key": text}, list, flags)
    else:
        print(text, flush=True)
    until = f" until {words.absolute(made.expires_at)}" if made.expires_at else ""
    notice(f"created key {name!r} ({short(id)}): {', '.join(made.scopes)}{until}")
    notice("keep it now: it is stored nowhere and is not shown again")
    return 0


def listed(*, all: Annotated[bool, Switch] = False, flags: Flags = NO_FLAGS) -> int:
    """The keys of the workspace, newest first; never their secrets.

    Parameters
    ----------
    all
        Also those that were revoked or have expired.
    """
    with office.opened(flags) as here:
        found = _every(here)
    now = office.now()
    show.rows(
        [key for key in found if all or _state(key, now) == ""],
        [
            show.id_column(lambda k: k.id, "KEY"),
            show.Column("NAME", lambda k: k.name),
            show.Column("STATE", lambda k: _state(k, now)),
            show.Column("SCOPES", lambda k: ",".join(k.scopes), lambda k: _said(k.scopes), rank=2),
            show.Column("BY", lambda k: k.created_by, rank=4),
            show.time_column("CREATED", lambda k: k.created_at, rank=3),
            show.time_column("EXPIRES", lambda k: k.expires_at, rank=1),
            show.time_column("USED", lambda k: k.last_used_at),
        ],
        flags,
        empty="there is no key",
    )
    return 0


def revoke(*key: Annotated[str, Plain], flags: Flags = NO_FLAGS) -> int:
    """Revoke keys for good. Open streams of theirs end within seconds.

    Parameters
    ----------
    key
        Ids, four or more digits of their start or end, or their names.
    """
    if not key:
        raise with_fix(Usage("which key?"), "jobtrail key list")
    with office.opened(flags) as here:
        found = _every(here)
        meant = [_meant(found, ref) for ref in key]  # all are known before the first is revoked
        for one in meant:
            did = here.do(keys.revoke(here.workspace(), one.id, here.actor))
            notice(f"{'revoked' if did else 'was revoked before:'} {one.name} ({short(one.id)})")
        after = {one.id: one for one in _every(here)}
    if flags.output in ("json", "jsonl"):
        show.rows([after[one.id] for one in meant], [], flags)
    return 0


def _every(here: Office) -> list[ApiKey]:
    workspace = here.workspace()
    return here.every(lambda last: keys.listed(workspace, before=last.id if last else None, limit=office.PAGE))


def _meant(found: Sequence[ApiKey], ref: str) -> ApiKey:
    """The key of an id, or the only one of a name that is not revoked."""
    by_id = {key.id: key for key in found}
    id = refs.one_of(list(by_id), ref)
    if id is not None:
        return by_id[id]
    named = [key for key in found if key.name == ref and key.revoked_at is None]
    if len(named) > 1:
        several = {str(key.id): key.name for key in named}
        raise with_fix(Invalid(f"{ref!r} means several keys", fields=several), "name one by its id")
    if not named:
        raise with_fix(NotFound(f"no key is meant by {ref!r}"), "jobtrail key list --all")
    return named[0]


def _scopes(given: Sequence[str], role: str | None) -> frozenset[ApiScope]:
    if given and role is not None:
        raise Usage("give --scope or --role, not both")
    if not given:
        return SCOPES_OF[office.role_of(role or Role.OPERATOR)]
    known = {str(scope): scope for scope in ApiScope}
    named = office.parts(given)
    if unknown := [one for one in named if one not in known]:
        raise Usage(f"{unknown[0]!r} is no scope; there are {', '.join(known)}")
    return frozenset(known[one] for one in named)


def _said(scopes: Sequence[str]) -> str:
    """A role where the scopes are those of one."""
    role = next((role for role, those in SCOPES_OF.items() if those == set(scopes)), None)
    return role or ", ".join(scopes)


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else ""
