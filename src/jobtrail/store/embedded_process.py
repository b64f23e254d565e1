"""The postgres process of one place: make its cluster, start it, tell whether it lives, stop it, clear up after it.
Nothing here knows of roles, users or the commands that share a server."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import psutil
from psycopg import pq
from psycopg.conninfo import make_conninfo

from jobtrail.core.errors import JobtrailError, Misconfigured, Unavailable
from jobtrail.store.account import Account
from jobtrail.store.binaries import CLEAN_ENVIRONMENT, Binaries
from jobtrail.store.embedded_home import PAUSE, PORT, Place, open_private, try_lock, write_private

READY_SECONDS = 60.0
ORPHAN_SECONDS = 10.0
ORPHAN_PATIENCE = 0.5
LOG_BYTES = 16 * 1024 * 1024
TAIL_BYTES = 4096
PG_VERSION = "PG_VERSION"
SETTINGS: Mapping[str, str] = {
    "fsync": "on",
    "full_page_writes": "on",
    **({"recovery_init_sync_method": "syncfs"} if sys.platform == "linux" else {}),  # one call, not one a file
    "synchronous_commit": "on",
    "shared_buffers": "128MB",
    "wal_buffers": "16MB",  # with the default of 4 MB three busy workers wait for a place in it
    "max_connections": "100",
    "autovacuum": "on",
    "idle_in_transaction_session_timeout": "10min",
    "client_connection_check_interval": "5s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
# Reachable through one private socket only: no setting may open another door or point at other files.
FIXED: Mapping[str, str] = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "logging_collector": "off",
    "log_destination": "stderr",
}
RESERVED = frozenset({*FIXED, "unix_socket_directories", "data_directory", "hba_file", "ident_file", "config_file"})


@dataclass(frozen=True, slots=True)
class PidFile:
    """What postgres writes into postmaster.pid."""

    pid: int
    socket_dir: Path
    status: str

    @property
    def ready(self) -> bool:
        return self.status in ("ready", "standby")


def read_pid_file(data: Path) -> PidFile | None:
    """None when there is none or it is still being written."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(lines) < 5 or not lines[0].isdigit():
        return None
    return PidFile(int(lines[0]), Path(lines[4]), lines[7].strip() if len(lines) > 7 else "starting")


def live_pid(data: Path) -> int | None:
    """The pid of the postmaster that serves this data, if it truly lives."""
    found = read_pid_file(data)
    return found.pid if found is not None and is_postmaster(found.pid, data) else None


def is_postmaster(pid: int, data: Path) -> bool:
    """A pid alone proves nothing: it may be a zombie that nobody reaps, or have gone to another program."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            _reap(process)
            return False
        words = process.cmdline()
        # A process that is about to end has no arguments any more, but still holds its files.
        return str(data) in words if words else process.name() == "postgres"
    except psutil.ZombieProcess:  # it ended while we looked
        _reap(process)
        return False
    except psutil.AccessDenied:
        return True  # somebody else's process that we may not inspect: never take its data away
    except psutil.NoSuchProcess:
        return False


def _reap(process: psutil.Process) -> None:
    try:
        if process.ppid() == os.getpid() and process.name() in ("postgres", "postmaster"):
            os.waitpid(process.pid, os.WNOHANG)
    except (ChildProcessError, psutil.NoSuchProcess):  # another thread was faster
        return


def take_data(place: Place, say: Callable[[str], None]) -> int | None:
    """The lock on the data, for the server to inherit; None when a living server turns up instead.

    The server and all its children hold the lock for as long as one of them lives. So after kill -9 of the
    postmaster no second one starts beside children of the first, also where process ids cannot tell (containers).
    """
    handle = open_private(place, place.root / "server.lock", os.O_RDWR)
    began = time.monotonic()
    try:
        while not try_lock(handle):
            if live_pid(place.data) is not None:
                os.close(handle)
                return None
            waited = time.monotonic() - began
            if waited > ORPHAN_SECONDS:
                raise Unavailable(
                    f"The data in {place.data} is in use by a PostgreSQL that this process cannot see, perhaps in "
                    "another container: stop it there, or use another directory."
                )
            if waited > ORPHAN_PATIENCE:
                _end_orphans(place.data, signal.SIGQUIT if waited < 4 * ORPHAN_PATIENCE else signal.SIGKILL)
            time.sleep(PAUSE)
        if (stale := read_pid_file(place.data)) is not None:
            if is_postmaster(stale.pid, place.data):  # started by hand, without our lock
                os.close(handle)
                return None
            _end_orphans(place.data, signal.SIGKILL)
            say("PostgreSQL did not end properly last time: it recovers now, nothing that was committed is lost.")
            remove_stale_files(place.data, stale.socket_dir)
        return handle
    except BaseException:
        os.close(handle)
        raise


def _end_orphans(data: Path, with_signal: signal.Signals) -> list[psutil.Process]:
    """Children of a dead postmaster end by themselves, but not while they compute; initdb does not notice at all."""
    signalled = []
    for process in psutil.process_iter(["name"]):
        try:
            name = process.info["name"]
            if (name == "postgres" and process.cwd() == str(data)) or (
                name == "initdb" and f"--pgdata={data}" in process.cmdline()
            ):
                process.send_signal(with_signal)
                signalled.append(process)
        except psutil.Error:
            continue  # gone, or not ours to look at
    return signalled


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def end_forgotten(data: Path) -> None:
    """End a postmaster whose data was deleted under it: it would take the next one's socket away when it notices."""
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "postgres" and str(data) in (process.info["cmdline"] or ()):
            terminate(data, process.pid, patience=2.0)


def remove_stale_files(data: Path, socket_dir: Path) -> None:
    """What a killed postmaster leaves and the next one stumbles over when its pid is a zombie or was reused."""
    (data / "postmaster.pid").unlink(missing_ok=True)
    for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
        (socket_dir / name).unlink(missing_ok=True)


def make_cluster(place: Place, binaries: Binaries, password: str, *, safe: bool) -> None:
    """Run initdb beside the final directory and move it there when it is whole, so that a killed one leaves nothing."""
    for left in place.root.glob("pg.new-*"):
        ending = _end_orphans(left, signal.SIGTERM)
        deadline = time.monotonic() + 5.0
        while time.monotonic() < deadline and any(_runs(process) for process in ending):
            time.sleep(PAUSE)
        shutil.rmtree(left, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix="pg.new-", dir=place.root))
    password_file = place.root / "initdb.password"
    try:
        if place.account is not None:
            os.chown(draft, place.account.uid, place.account.gid)
        write_private(place, password_file, password, place.account)
        builtin = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8") if binaries.version[0] >= 17 else ()
        run_tool(
            place,
            [
                str(binaries.bin / "initdb"),
                f"--pgdata={draft}",
                "--username=postgres",
                f"--pwfile={password_file}",
                "--auth-local=scram-sha-256",
                "--auth-host=reject",
                "--encoding=UTF8",
                "--locale=C",
                *builtin,
                "--data-checksums",
                "--no-instructions",
                *(() if safe else ("--no-sync",)),
            ],
        )
        if place.data.is_dir():  # empty, or start would have refused it
            place.data.rmdir()
        draft.rename(place.data)
    finally:
        password_file.unlink(missing_ok=True)
        shutil.rmtree(draft, ignore_errors=True)


def run_tool(place: Place, arguments: list[str], text: str = "") -> None:
    """Run one of PostgreSQL's programs to its end as the server's account."""
    done = subprocess.run(
        arguments,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=CLEAN_ENVIRONMENT,
        umask=0o077,
        **_as_account(place.account),
    )
    if done.returncode != 0:
        said = done.stderr.strip() or done.stdout.strip()
        why = _complaint(said) or f"exit code {done.returncode}"
        raise Misconfigured(f"{Path(arguments[0]).name} failed for {place.data}: {why}.\n{said[-TAIL_BYTES:]}")


def server_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """Our settings with the caller's over them."""
    for name in settings:
        if name in RESERVED or not re.fullmatch(r"[a-z_][a-z0-9_.]*", name):
            raise Misconfigured(f"The setting {name!r} cannot be given to the embedded server: leave it out.")
    return {**SETTINGS, **settings, **FIXED}


def spawn(place: Place, binaries: Binaries, settings: Mapping[str, str], socket_dir: Path, data_lock: int) -> int:
    """Start postgres in a session of its own, so that Ctrl-C in our terminal does not reach it."""
    given = {**server_settings(settings), "unix_socket_directories": str(socket_dir)}
    arguments = [str(binaries.bin / "postgres"), "-D", str(place.data)]
    arguments += [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
    if place.log.exists() and place.log.stat().st_size > LOG_BYTES:
        place.log.replace(place.log.with_suffix(".log.1"))
    log = open_private(place, place.log, os.O_WRONLY | os.O_APPEND)
    try:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=place.data,
            env=CLEAN_ENVIRONMENT,
            umask=0o077,
            start_new_session=True,
            pass_fds=(data_lock,),
            **_as_account(place.account),
        )
    finally:
        os.close(log)
    # It may outlive us, so the pid file speaks for it from here on; Popen must not warn about it or wait for it.
    process.returncode = 0
    return process.pid


class _As(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def _as_account(account: Account | None) -> _As:
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}


def log_size(place: Place) -> int:
    """How long the log is now: what comes after this belongs to the next start."""
    return place.log.stat().st_size if place.log.exists() else 0


def answers(socket_dir: Path) -> bool:
    """Whether a server takes connections on the socket; a dying process may still look alive."""
    where = make_conninfo(host=str(socket_dir), port=PORT, user="postgres", dbname="postgres", connect_timeout=2)
    return pq.PGconn.ping(where.encode()) == pq.Ping.OK


def wait_until_ready(place: Place, pid: int, log_from: int, seconds: float = READY_SECONDS) -> PidFile | None:
    """Until postgres takes connections, which after a crash may need a while; None when it ended instead."""
    deadline = time.monotonic() + seconds
    pause = 0.002
    while True:
        found = read_pid_file(place.data)
        if found is not None and found.pid == pid and found.ready and answers(found.socket_dir):
            return found
        if not is_postmaster(pid, place.data):
            return None
        if time.monotonic() > deadline:
            raise Unavailable(
                f"PostgreSQL on {place.data} is not ready after {seconds:.0f} s and goes on by itself: try again "
                f"later. {place.log} ends:\n{log_tail(place, log_from)}"
            )
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


def log_tail(place: Place, start: int) -> str:
    """The last lines of the log, from the given size on."""
    try:
        with place.log.open("rb") as file:
            file.seek(max(start, log_size(place) - TAIL_BYTES))
            return file.read().decode(errors="replace").strip()
    except FileNotFoundError:
        return ""


def did_not_start(place: Place, log_from: int) -> JobtrailError:
    """What to tell about a server that ended before it was ready, from what it logged."""
    said = log_tail(place, log_from)
    if (why := _complaint(said)) is None:
        return Unavailable(
            f"PostgreSQL on {place.data} was killed while it started: try again. {place.log} ends:\n{said}"
        )
    return Misconfigured(f"PostgreSQL did not start on {place.data}: {why}. {place.log} ends:\n{said}")


# What connections are told while the server comes or goes: no complaint of the server.
_TO_CLIENTS = ("the database system is ", "canceling authentication", "terminating connection")


def _complaint(said: str) -> str | None:
    """The line that matters, without its prefix; None when nothing was wrong."""
    if re.search("No space left|Check free disk space", said):
        return "the disk is full; free some space"
    told = [
        line for line in re.findall(r"(?:PANIC|FATAL|error|ERROR):\s+(.+)", said) if not line.startswith(_TO_CLIENTS)
    ]
    return str(told[0]).rstrip(".") if told else None


def terminate(data: Path, pid: int, patience: float = 10.0) -> signal.Signals:
    """Stop it: fast, then at once, then by force. The answer is the signal that did it; recovery mends the last two."""
    for with_signal, seconds in ((signal.SIGINT, patience), (signal.SIGQUIT, patience / 2), (signal.SIGKILL, 10.0)):
        try:
            os.kill(pid, with_signal)
        except ProcessLookupError:
            return with_signal
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not is_postmaster(pid, data):
                return with_signal
            time.sleep(0.005)
    raise Unavailable(f"PostgreSQL {pid} on {data} does not end, even by SIGKILL: its disk may hang.")
