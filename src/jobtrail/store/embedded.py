"""The PostgreSQL that we bring: started by the first command that needs it, shared, stopped by the last that leaves.
Only servers in our own directories are handled here; a server that the user has is none of this module's business."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import psycopg
from psycopg import sql

from jobtrail.core.errors import JobtrailError, Misconfigured, Unavailable
from jobtrail.store import binaries as programs
from jobtrail.store.account import server_account
from jobtrail.store.binaries import Binaries
from jobtrail.store.embedded_home import (
    PORT,
    Place,
    Seat,
    State,
    count_users,
    explained,
    find_place,
    locked,
    open_place,
    read_state,
    socket_directory,
    write_state,
)
from jobtrail.store.embedded_process import (
    PG_VERSION,
    PidFile,
    answers,
    did_not_start,
    end_forgotten,
    is_postmaster,
    live_pid,
    log_size,
    make_cluster,
    read_pid_file,
    run_tool,
    server_settings,
    spawn,
    take_data,
    terminate,
    wait_until_ready,
)

DATABASE = "jobtrail"
ADMIN, OWNER, APP = "postgres", "jobtrail_owner", "jobtrail_app"
WATCH_SECONDS = 0.25
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})

Say = Callable[[str], None]


def silent(_line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. The URLs hold passwords: never print them."""

    data_dir: Path
    socket_dir: Path
    port: int
    version: tuple[int, int]
    app_url: str = field(repr=False)
    owner_url: str = field(repr=False)
    admin_url: str = field(repr=False)
    pid: int
    started_here: bool
    seat: Seat | None = field(default=None, repr=False, compare=False)


def start(
    home: Path,
    *,
    binaries: Binaries | None = None,
    settings: Mapping[str, str] = NO_SETTINGS,
    keep: bool = False,
    say: Say = silent,
) -> Server:
    """Start the server of this directory, or join the one that runs; it is ready when this returns.

    With `keep` it runs on when its last user has left, until `stop_now`.
    """
    server_settings(settings)  # refuses before anything is made
    with explained(home):
        place = open_place(home, say)
        with locked(place):
            seat = Seat(place)
            try:
                server = _started(place, binaries, settings, say)
            except BaseException:
                seat.leave()
                raise
            place.put_down.unlink(missing_ok=True)
            if keep:
                place.kept.touch(mode=0o600)
            elif server.started_here:
                place.kept.unlink(missing_ok=True)
            return replace(server, seat=seat)


def stop(server: Server) -> None:
    """Leave the server; the last user that leaves stops it, unless it is to be kept."""
    if not server.data_dir.exists():  # deleted while it ran, and its users' seats with it
        end_forgotten(server.data_dir)
        return
    place = _place_of(server)
    with explained(place.root), locked(place):
        if server.seat is not None:
            server.seat.leave()
        pid = live_pid(place.data)
        if pid is not None and count_users(place) == 0 and not place.kept.exists():
            terminate(place.data, pid)


@contextmanager
def running(
    home: Path,
    *,
    binaries: Binaries | None = None,
    settings: Mapping[str, str] = NO_SETTINGS,
    keep: bool = False,
    say: Say = silent,
) -> Iterator[Server]:
    """A server for the length of a block."""
    server = start(home, binaries=binaries, settings=settings, keep=keep, say=say)
    try:
        yield server
    finally:
        stop(server)


def status(home: Path) -> Server | None:
    """The server of this directory if it runs and takes connections. Never starts or changes anything."""
    with explained(home):
        place = find_place(home)
        if place is None:
            return None
        found, state = read_pid_file(place.data), read_state(place)
        if found is None or state is None or not state.complete or not is_postmaster(found.pid, place.data):
            return None
        return _server(place, state, found, started_here=False) if answers(found.socket_dir) else None


def stop_now(home: Path, *, patience: float = 10.0) -> bool:
    """Stop the server whoever uses it, also one that was to be kept. False: it did not run."""
    with explained(home):
        place = find_place(home)
        if place is None or not place.data.exists():
            return False
        with locked(place):
            place.kept.unlink(missing_ok=True)
            pid = live_pid(place.data)
            if pid is None:
                return False
            place.put_down.touch(mode=0o600)
            terminate(place.data, pid, patience)
            return True


def ensure(server: Server, *, say: Say = silent) -> Server:
    """The same server, started again with its programs and settings if it died; URLs and seat stay valid."""
    place = _place_of(server)
    if live_pid(place.data) == server.pid and answers(server.socket_dir):
        return server
    with explained(place.root), locked(place):
        return replace(_restarted(place, say), seat=server.seat)


def _restarted(place: Place, say: Say) -> Server:
    """Started again as it was last time. Hold the lock."""
    state = read_state(place)
    if state is None:
        raise Misconfigured(f"{place.state} is gone: the server cannot be started again; start it anew.")
    last = Path(state.bin)
    found = Binaries(last, state.version, "given") if (last / "postgres").exists() else None
    place.put_down.unlink(missing_ok=True)
    return _started(place, found, state.settings, say)


def watch(server: Server, stop: threading.Event, say: Say = silent) -> None:
    """Keep the server running until told to stop: the body of a thread. A server that was put down stays down."""
    place = _place_of(server)
    pause, told = WATCH_SECONDS, ""
    while not stop.wait(pause):
        if live_pid(place.data) is not None or place.put_down.exists():
            pause = WATCH_SECONDS
            continue
        try:
            with explained(place.root), locked(place):
                if place.put_down.exists():  # stopped on purpose while we waited for the lock
                    continue
                again = _restarted(place, say)
            say(f"PostgreSQL died and was started again as process {again.pid}.")
            pause, told = WATCH_SECONDS, ""
        except JobtrailError as error:
            if error.message != told:
                say(f"PostgreSQL died and cannot be started again: {error.message}")
            pause, told = min(pause * 2, 10.0), error.message


def _place_of(server: Server) -> Place:
    root = server.data_dir.parent
    return Place(root, server_account(server.data_dir, root))


def _started(place: Place, binaries: Binaries | None, settings: Mapping[str, str], say: Say) -> Server:
    """Joined or started, with its roles and database. Hold the lock."""
    data_lock = None
    while data_lock is None:
        if (pid := live_pid(place.data)) is not None and (joined := _joined(place, pid, settings, say)) is not None:
            return joined
        if not place.data.exists():
            end_forgotten(place.data)
        data_lock = take_data(place, say)
    try:
        found = programs.within_reach(_chosen(place, binaries), place.account, say)
        state = _prepared_data(place, found, settings, say)
        log_from = log_size(place)
        pid = spawn(place, found, settings, socket_directory(place), data_lock)
    finally:
        os.close(data_lock)
    try:
        if (ready := wait_until_ready(place, pid, log_from)) is None:
            raise did_not_start(place, log_from)
        return _server(place, _with_roles(place, state, ready.socket_dir), ready, started_here=True)
    except Unavailable:
        raise  # a long recovery goes on, and the next command joins it
    except BaseException:
        terminate(place.data, pid)
        raise


def _joined(place: Place, pid: int, settings: Mapping[str, str], say: Say) -> Server | None:
    """The server that runs already, also when its starter was killed half-way; None when it ended meanwhile."""
    state = read_state(place)
    if state is None:
        raise Misconfigured(
            f"{place.state} with the passwords is gone while its server runs: run `jobtrail db down` and start again; "
            "new ones are made then, and no data is lost."
        )
    ready = wait_until_ready(place, pid, log_size(place))
    if ready is None:
        return None
    if any(state.settings.get(name) != value for name, value in settings.items()):
        say("The server runs already: the given settings take effect after `jobtrail db down`.")
    return _server(place, _with_roles(place, state, ready.socket_dir), ready, started_here=False)


def _data_major(place: Place) -> int | None:
    """Which major version made the data; None when there is no data yet."""
    if not place.data.exists() or not any(place.data.iterdir()):
        return None
    try:
        major = int((place.data / PG_VERSION).read_text())
    except (FileNotFoundError, ValueError):
        raise Misconfigured(
            f"{place.data} is not the data directory of a PostgreSQL: move it away, or use another directory."
        ) from None
    if place.account is not None and (owner := place.data.stat().st_uid) != place.account.uid:
        raise Misconfigured(
            f"{place.data} belongs to uid {owner}, but PostgreSQL runs as {place.account.name}: "
            f"run `chown -R {place.account.uid}:{place.account.gid} {place.data}`."
        )
    return major


def _chosen(place: Place, given: Binaries | None) -> Binaries:
    """The given programs, else those that made the data, else the preferred ones."""
    made_by = _data_major(place)
    found = given or next((each for each in programs.candidates() if made_by == each.version[0]), None)
    found = found or programs.find()
    if made_by not in (None, found.version[0]):
        raise Misconfigured(
            f"The data in {place.data} was made by PostgreSQL {made_by}, which {found.release} in {found.bin} cannot "
            f"read: install PostgreSQL {made_by}, or move the data away and start empty."
        )
    return found


def _prepared_data(place: Place, found: Binaries, settings: Mapping[str, str], say: Say) -> State:
    """Make the cluster if there is none, and remember how it is run."""
    state = read_state(place)
    if _data_major(place) is None:
        by = f", run by the account {place.account.name}: it does not run as root" if place.account is not None else ""
        say(f"Creating a database with PostgreSQL {found.release} in {place.data}{by}.")
        state = State(_new_passwords())
        make_cluster(place, found, state.passwords[ADMIN], safe=settings.get("fsync") != "off")
    elif state is None:
        say(f"{place.state} with the passwords was lost: new ones are made.")
        state = State(_new_passwords())
        _reset_admin(place, found, state.passwords[ADMIN])
    state = replace(state, bin=str(found.bin), version=found.version, settings=dict(settings))
    write_state(place, state)
    return state


def _new_passwords() -> dict[str, str]:
    return {role: secrets.token_urlsafe(24) for role in (ADMIN, OWNER, APP)}


def _reset_admin(place: Place, found: Binaries, password: str) -> None:
    """PostgreSQL's single-user mode asks for no password: owning the files is the proof."""
    statement = sql.SQL("alter role {} password {}").format(sql.Identifier(ADMIN), sql.Literal(password))
    run_tool(place, [str(found.bin / "postgres"), "--single", "-D", str(place.data), ADMIN], statement.as_string(None))


def _with_roles(place: Place, state: State, socket_dir: Path) -> State:
    """Make the roles and the database once; a start that was killed between the two is finished by the next."""
    if state.complete:
        return state
    try:
        with psycopg.connect(_url(state, ADMIN, socket_dir), autocommit=True, connect_timeout=10) as admin:
            _make_roles(admin, state.passwords)
            _make_database(admin)
    except psycopg.Error as error:
        raise Misconfigured(f"The roles of the database in {place.data} could not be made: {error}") from error
    state = replace(state, complete=True)
    write_state(place, state)
    return state


def _make_roles(admin: psycopg.Connection, passwords: Mapping[str, str]) -> None:
    for role in (OWNER, APP):
        known = admin.execute("select from pg_roles where rolname = %s", (role,)).fetchone()
        # The server gets the verifier only, so that no log can hold the password.
        verifier = admin.pgconn.encrypt_password(passwords[role].encode(), role.encode(), b"scram-sha-256").decode()
        admin.execute(
            sql.SQL("{} role {} with {} password {}").format(
                sql.SQL("create" if known is None else "alter"),
                sql.Identifier(role),
                sql.SQL("login nosuperuser nobypassrls nocreatedb nocreaterole noreplication"),
                sql.Literal(verifier),
            )
        )


def _make_database(admin: psycopg.Connection) -> None:
    database, owner, app = sql.Identifier(DATABASE), sql.Identifier(OWNER), sql.Identifier(APP)
    if admin.execute("select from pg_database where datname = %s", (DATABASE,)).fetchone() is None:
        admin.execute(sql.SQL("create database {} owner {}").format(database, owner))
    for name in (DATABASE, "postgres", "template1"):
        admin.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))
    admin.execute(sql.SQL("grant connect on database {} to {}").format(database, app))


def _url(state: State, role: str, socket_dir: Path) -> str:
    database = ADMIN if role == ADMIN else DATABASE
    host = quote(str(socket_dir), safe="")
    return f"postgresql://{role}:{quote(state.passwords[role], safe='')}@/{database}?host={host}&port={PORT}"


def _server(place: Place, state: State, ready: PidFile, *, started_here: bool) -> Server:
    return Server(
        data_dir=place.data,
        socket_dir=ready.socket_dir,
        port=PORT,
        version=state.version,
        app_url=_url(state, APP, ready.socket_dir),
        owner_url=_url(state, OWNER, ready.socket_dir),
        admin_url=_url(state, ADMIN, ready.socket_dir),
        pid=ready.pid,
        started_here=started_here,
    )
