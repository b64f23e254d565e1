"""`jobtrail user create`, `list`, `password`, `disable`, `enable`: people of the installation."""

from __future__ import annotations

from typing import Annotated

from jobtrail.cli import office, show
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain, Switch
from jobtrail.cli.telling import notice
from jobtrail.core import passwords
from jobtrail.service import users
from jobtrail.service.users import check_email
from jobtrail.store.identity import new_id, new_secret


def create(
    email: Annotated[str, Plain],
    /,
    *,
    name: str | None = None,
    no_password: Annotated[bool, Switch] = False,
    flags: Flags = NO_FLAGS,
) -> int:
    """Make a person known. Their password is asked for, or read from stdin.

    Parameters
    ----------
    email
        What they log in with.
    name
        What to call them; if nothing is said, what stands before the @.
    no_password
        Without one: they cannot log in until they have one.
    """
    check_email(email)
    hashed = None if no_password else _hashed()
    with office.opened(flags) as here:
        made = here.do(users.create(new_id(), email, name or email.partition("@")[0], hashed, here.actor))
    show.thing(show.plain(made), lambda: [("user", made.email), ("id", made.id)], flags)
    notice(f"created {made.email}; let them in: jobtrail member add {made.email} --role OPERATOR")
    return 0


def listed(*, flags: Flags = NO_FLAGS) -> int:
    """The people of the installation, newest first."""
    with office.opened(flags) as here:
        found = here.every(lambda last: users.listed(before=last.id if last else None, limit=office.PAGE))
    show.rows(
        found,
        [
            show.Column("EMAIL", lambda u: u.email),
            show.Column("NAME", lambda u: u.name, rank=1),
            show.id_column(lambda u: u.id, "USER"),
            show.time_column("CREATED", lambda u: u.created_at, rank=2),
            show.time_column("DISABLED", lambda u: u.disabled_at),
        ],
        flags,
        empty="nobody is known",
    )
    return 0


def password(email: Annotated[str, Plain], /, *, flags: Flags = NO_FLAGS) -> int:
    """Give a person another password, and end all their logins. It is asked for, or read from stdin.

    Parameters
    ----------
    email
        Whose.
    """
    with office.opened(flags) as here:
        who = here.person(email)
        here.do(users.set_password(who.id, _hashed(), here.actor))
    notice(f"{who.email} has another password; logins with the old one ended")
    return 0


def disable(email: Annotated[str, Plain], /, *, flags: Flags = NO_FLAGS) -> int:
    """Shut a person out everywhere: their logins end, and their keys open nothing.

    Parameters
    ----------
    email
        Whom.
    """
    with office.opened(flags) as here:
        who = here.person(email)
        did = here.do(users.disable(who.id, here.actor))
    notice(f"{who.email} {'is' if did else 'was'} shut out; undo: jobtrail user enable {who.email}")
    return 0


def enable(email: Annotated[str, Plain], /, *, flags: Flags = NO_FLAGS) -> int:
    """Let a person in again, with the keys that they had.

    Parameters
    ----------
    email
        Whom.
    """
    with office.opened(flags) as here:
        who = here.person(email)
        did = here.do(users.enable(who.id, here.actor))
    notice(f"{who.email} may log in again" if did else f"{who.email} was not shut out")
    return 0


def _hashed() -> str:
    given = office.secret_from_stdin("password")
    return passwords.hash_password(given, new_secret(passwords.SALT_BYTES))
