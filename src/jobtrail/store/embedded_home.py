"""The directory of one embedded server: where things lie, who holds it, and what is remembered between commands.
Nothing here starts or signals a process."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from jobtrail.core.errors import Misconfigured, Unavailable
from jobtrail.store.account import ROOT, Account, can_reach, own_directory, server_account

PORT = 5432  # only part of the socket's name: each server has a socket directory of its own
SOCKET_BYTES = 107 if sys.platform.startswith("linux") else 103
TEMPORARY = "/tmp"  # noqa: S108  (when TMPDIR will not do; every directory in it is checked to be ours)
SYSTEM_DATA = Path("/var/lib/jobtrail")
POINTER = "pg.location"
PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Place:
    """One server's directory, and the account that PostgreSQL runs as (None: ours)."""

    root: Path
    account: Account | None

    @property
    def data(self) -> Path:
        return self.root / "pg"

    @property
    def log(self) -> Path:
        return self.root / "pg.log"

    @property
    def state(self) -> Path:
        return self.root / "server.json"

    @property
    def users(self) -> Path:
        return self.root / "users"

    @property
    def kept(self) -> Path:
        """Exists while the server is to outlive its users."""
        return self.root / "keep"

    @property
    def put_down(self) -> Path:
        """Exists after somebody stopped the server on purpose, so that no watch starts it again."""
        return self.root / "down"


@contextmanager
def explained(place: Path) -> Iterator[None]:
    """Turns what the file system answers into one sentence about the place."""
    try:
        yield
    except OSError as error:
        where = error.filename or place
        reasons = {
            errno.EACCES: "it may not be read or written by this user; use the user who made it, or another directory",
            errno.EPERM: "it may not be read or written by this user; use the user who made it, or another directory",
            errno.EROFS: "its file system is read-only; use another directory",
            errno.ENOSPC: "the disk is full; free some space",
            errno.EDQUOT: "your disk quota is used up; free some space",
            errno.ENOTDIR: "a file is where a directory is needed; use another directory",
            errno.EEXIST: "a file is where a directory is needed; use another directory",
        }
        reason = reasons.get(error.errno or 0, f"{(error.strerror or str(error)).lower()}; use another directory")
        raise Misconfigured(f"The embedded database in {place} cannot use {where}: {reason}.") from error


def open_place(home: Path, say: Callable[[str], None]) -> Place:
    """The server's directory, made when it is missing; elsewhere when the server's account cannot reach the home."""
    _make_home(home)
    home = home.resolve()
    if (known := find_place(home)) is not None and known.root != home:
        return _prepared(_elsewhere(known.root, known.account))
    account = server_account(home / "pg", home)
    if account is None or can_reach(home, account):
        return _prepared(Place(home, account))
    for root in _other_roots(home):
        if can_reach(root.parent, account):
            place = _elsewhere(root, account)
            _point(home, root)
            found = " It has data from earlier." if place.data.exists() else ""
            say(f"The data is in {root}, because {account.name}, which runs PostgreSQL, cannot reach {home}.{found}")
            return _prepared(place)
    raise Misconfigured(
        f"The account {account.name}, which runs PostgreSQL, cannot reach {home}: use another directory."
    )


def find_place(home: Path) -> Place | None:
    """The server's directory if there is one; never makes anything."""
    home = home.resolve()
    pointer = home / POINTER
    root = home
    # Only our own pointer counts: one that somebody else wrote could lead root anywhere.
    if pointer.is_file() and pointer.lstat().st_uid == os.geteuid():
        root = Path(pointer.read_text().strip())
    if not root.is_dir():
        return None if root == home else Place(root, server_account())
    return Place(root, server_account(root / "pg", root))


def _make_home(home: Path) -> None:
    if home.is_dir():
        return
    if home.exists() and not home.is_dir():  # not one that another command has made since the line above
        raise Misconfigured(
            f"{home} is a file, but the embedded database needs a directory: remove it, or name another."
        )
    home.parent.mkdir(parents=True, exist_ok=True)
    # Root's must let the server's account through; that it cannot list it is enough.
    own_directory(home, None, 0o711 if os.geteuid() == ROOT else 0o700)
    (home / ".gitignore").write_text("*\n")  # it lies in people's repositories, and is no part of them


def _point(home: Path, root: Path) -> None:
    handle, draft = tempfile.mkstemp(prefix=f".{POINTER}.", dir=home)
    with os.fdopen(handle, "w") as file:
        file.write(f"{root}\n")
    Path(draft).replace(home / POINTER)


def _other_roots(home: Path) -> Iterator[Path]:
    digest = _digest(home)
    if os.access(SYSTEM_DATA.parent, os.W_OK):
        yield own_directory(SYSTEM_DATA, None, 0o711) / digest
    yield Path(tempfile.gettempdir()) / f"jobtrail-{digest}"
    yield Path(TEMPORARY) / f"jobtrail-{digest}"


def _elsewhere(root: Path, account: Account | None) -> Place:
    if root.parent == SYSTEM_DATA:
        own_directory(SYSTEM_DATA, None, 0o711)
    return Place(own_directory(root, None, 0o711), account)


def _prepared(place: Place) -> Place:
    owner = _owner(place)
    own_directory(place.users, owner, 0o700)
    return place


def _owner(place: Place) -> Account | None:
    """Whose files ours are: what root leaves in a user's directory must stay usable for that user."""
    about = place.root.stat()
    return Account(f"uid {about.st_uid}", about.st_uid, about.st_gid) if os.geteuid() == ROOT else None


def _digest(home: Path) -> str:
    return hashlib.sha256(f"{os.geteuid()} {home}".encode()).hexdigest()[:16]


def socket_directory(place: Place) -> Path:
    """A private directory for the socket: in the place, unless the path is too long or odd for a socket."""
    for directory in (
        place.root / "run",
        Path(tempfile.gettempdir()) / f"jobtrail-{_digest(place.root)}.run",
        Path(TEMPORARY) / f"jobtrail-{_digest(place.root)}.run",
    ):
        name = os.fsencode(directory / f".s.PGSQL.{PORT}")
        if len(name) > SOCKET_BYTES or any(odd in name for odd in (b",", b"\n", b'"')):
            continue
        if directory.parent == place.root or can_reach(directory.parent, place.account):
            return own_directory(directory, place.account)
    raise Misconfigured(f"No directory with a path of at most {SOCKET_BYTES} bytes was found for the server's socket.")


@dataclass(frozen=True, slots=True)
class State:
    """What later commands must know; `complete` once the roles and the database exist."""

    passwords: dict[str, str]
    bin: str = ""
    version: tuple[int, int] = (0, 0)
    settings: dict[str, str] = field(default_factory=dict)
    complete: bool = False


def read_state(place: Place) -> State | None:
    """What was remembered; None when there is nothing that can be used."""
    try:
        held = json.loads(place.state.read_text())
        known = {name: held[name] for name in ("passwords", "bin", "settings", "complete")}
        return State(**known, version=(int(held["version"][0]), int(held["version"][1])))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, LookupError):
        return None  # as good as lost: new passwords are made, the data is not touched


def write_state(place: Place, state: State) -> None:
    """Remember it for the commands to come. Hold the lock."""
    write_private(place, place.state, json.dumps(asdict(state), indent=1))


def write_private(place: Place, path: Path, text: str, account: Account | None = None) -> None:
    """Readable by its owner only, and never half written. Hold the lock."""
    for left in path.parent.glob(f".{path.name}.*"):  # by a writer that was killed
        left.unlink(missing_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = open_private(place, draft, os.O_WRONLY | os.O_EXCL, account)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def open_private(place: Place, path: Path, flags: int, account: Account | None = None) -> int:
    """Open or make a file that only its owner can read; links are not followed."""
    handle = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    owner = account or _owner(place)
    if owner is not None:
        os.fchown(handle, owner.uid, owner.gid)
    return handle


def try_lock(handle: int) -> bool:
    """Lock the open file for as long as this descriptor, or a copy that a child inherited, is open."""
    import fcntl  # noqa: PLC0415  (Windows has none and must still be able to import this module)

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked(place: Place, seconds: float = 120.0) -> Iterator[None]:
    """One process at a time starts, joins, leaves or stops this server."""
    handle = open_private(place, place.root / "lock", os.O_RDWR)
    deadline = time.monotonic() + seconds
    try:
        while not try_lock(handle):
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"Another command has been starting or stopping the database in {place.root} for {seconds:.0f} s: "
                    "wait for it, or end it."
                )
            time.sleep(PAUSE)
        yield
    finally:
        os.close(handle)


class Seat:
    """One use of the server: a locked file, so that even kill -9 of the user gives it back."""

    def __init__(self, place: Place) -> None:
        self.path = place.users / f"{os.getpid()}-{secrets.token_hex(4)}"
        self._handle: int | None = open_private(place, self.path, os.O_RDWR | os.O_EXCL)
        try_lock(self._handle)

    def leave(self) -> None:
        """Give it back; a second time does nothing."""
        if self._handle is not None:
            self.path.unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = None


def count_users(place: Place) -> int:
    """How many still use the server; the seats of dead processes are swept. Hold the lock."""
    used = 0
    for path in place.users.iterdir():
        handle = open_private(place, path, os.O_RDWR)
        try:
            if try_lock(handle):
                path.unlink(missing_ok=True)
            else:
                used += 1
        finally:
            os.close(handle)
    return used
