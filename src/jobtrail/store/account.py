"""Which system account runs the embedded server when we are root, and what that account can reach.
Nothing here makes accounts, starts processes, or changes a directory that it did not make itself."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from jobtrail.core.errors import Misconfigured

ROOT = 0


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs PostgreSQL in root's place."""

    name: str
    uid: int
    gid: int


def server_account(*places: Path) -> Account | None:
    """The account that PostgreSQL must run as, or None when we are an ordinary user and run it ourselves.

    The owner of the first existing place comes first, so that data keeps its owner and sudo acts for the user.
    """
    import pwd  # noqa: PLC0415  (Windows has none and must still be able to import this module)

    if os.geteuid() != ROOT:
        return None
    for place in places:
        if place.exists() and (owner := place.stat()).st_uid != ROOT:
            return Account(f"uid {owner.st_uid}", owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise Misconfigured(
        "PostgreSQL does not run as root, and there is no account postgres or nobody to run it: "
        "start Jobtrail as an ordinary user."
    )


def can_reach(place: Path, account: Account | None) -> bool:
    """Whether the account may enter the directory and every directory above it, by their mode bits."""
    if account is None:
        return True
    resolved = place.resolve()
    return all(_bits(step.stat(), account) & 1 for step in (resolved, *resolved.parents))


def can_run(program: Path, account: Account | None) -> bool:
    """Whether the account may read and execute the program."""
    if account is None:
        return os.access(program, os.R_OK | os.X_OK)
    resolved = program.resolve()
    return can_reach(resolved.parent, account) and _bits(resolved.stat(), account) & 5 == 5


def _bits(about: os.stat_result, account: Account) -> int:
    """The rwx bits that apply to the account: 4 read, 2 write, 1 execute or enter."""
    if about.st_uid == account.uid:
        return about.st_mode >> 6 & 7
    if about.st_gid == account.gid:
        return about.st_mode >> 3 & 7
    return about.st_mode & 7


def own_directory(path: Path, account: Account | None, mode: int = 0o700) -> Path:
    """Make the directory, or take it when it is ours already; one that somebody else put there is refused."""
    uid = os.geteuid() if account is None else account.uid
    try:
        path.mkdir(mode=mode)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise Misconfigured(f"{path} should be a directory, but it is something else: remove it.") from None
        if found.st_uid not in (uid, os.geteuid()):
            raise Misconfigured(
                f"{path} should be a directory of {account.name if account else 'this user'}, but it belongs to uid "
                f"{found.st_uid}: somebody else put it there; remove it, or use another directory."
            ) from None
    # Without following links: after lstat only its owner, who is us or the account, could have swapped it.
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if account is not None:
            os.fchown(handle, account.uid, account.gid)
        os.fchmod(handle, mode)
    finally:
        os.close(handle)
    return path
