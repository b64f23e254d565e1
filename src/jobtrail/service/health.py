"""Looks at the installation: server, role, settings, dead rows, days to come, jobs that nobody takes; and says what it means.

Each finding is one sentence, with what to do. Reading is a Query; judging is pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from jobtrail.store import query
from jobtrail.store.query import Query

OLDEST_SERVER: Final = 150_000
NEWEST_TRIED: Final = 18
_CAP: Final = 10_001
_SKEW_SECONDS: Final = 2.0
_OLD_SECONDS: Final = 600.0
_DEAD_ROWS: Final = 100_000
_DAYS_AHEAD: Final = 2
_SPARE_SESSIONS: Final = 10
_MS: Final = {"ms": 1, "s": 1_000, "min": 60_000, "": 1}


class Level(StrEnum):
    """How much a finding matters: as it should be, worth a look, or not fit to run."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, in a sentence, and what to do about it."""

    level: Level
    about: str
    says: str
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """The server, and the role that asks."""

    version: str
    version_number: int
    database: str
    role: str
    superuser: bool
    bypasses_rls: bool
    in_recovery: bool
    size_bytes: int
    now: datetime
    sessions: int


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of the server as a session has it."""

    name: str
    setting: str
    unit: str


@dataclass(frozen=True, slots=True)
class DeadRows:
    """What autovacuum has left in a table."""

    table_name: str
    live: int
    dead: int
    vacuumed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Oldest:
    """An open transaction; `process_id` 0: a prepared one."""

    process_id: int
    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Days:
    """For how many days ahead a table has partitions."""

    table_name: str
    days_ahead: int


@dataclass(frozen=True, slots=True)
class Unserved:
    """Ready jobs that no live worker takes. `served`: a worker has the queue, but none the type."""

    queue: str
    type: str
    jobs: int
    served: bool


def server() -> Query[Server | None]:
    """The server and the role."""
    return Query("reads/check_server", (), query.one_of(Server))


def settings() -> Query[list[Setting]]:
    """The settings that are judged."""
    return Query("reads/check_settings", (list(_WANTED),), query.many_of(Setting))


def dead_rows() -> Query[list[DeadRows]]:
    """The tables with the most dead rows."""
    return Query("reads/check_dead_rows", (), query.many_of(DeadRows))


def oldest() -> Query[Oldest | None]:
    """The oldest open transaction but this one."""
    return Query("reads/check_oldest", (), query.one_of(Oldest))


def days() -> Query[list[Days]]:
    """How far ahead there are partitions."""
    return Query("reads/check_days", (), query.many_of(Days))


def unserved() -> Query[list[Unserved]]:
    """Ready jobs of all workspaces that nobody takes."""
    return Query("reads/check_unserved", (_CAP,), query.many_of(Unserved))


def judge_server(found: Server, asked_at: datetime, answered_at: datetime) -> Iterator[Finding]:
    """Version, role, whether it can be written to, and how far its clock is from ours."""
    if found.version_number < OLDEST_SERVER:
        yield Finding(Level.BAD, "server", f"PostgreSQL {found.version} is too old", "upgrade it to 15 or newer")
    elif found.version_number // 10_000 > NEWEST_TRIED:
        yield Finding(Level.WARN, "server", f"PostgreSQL {found.version} is newer than what was tried, {NEWEST_TRIED}")
    else:
        yield Finding(Level.OK, "server", f"PostgreSQL {found.version}, database {found.database}")
    if found.superuser or found.bypasses_rls:
        what = "a superuser" if found.superuser else "a role that bypasses row-level security"
        yield Finding(
            Level.BAD, "role", f"{found.role} is {what}, so workspaces are not kept apart",
            "connect as an ordinary role: create role jobtrail_app login",
        )  # fmt: skip
    else:
        yield Finding(Level.OK, "role", f"{found.role} is an ordinary role, bound by row-level security")
    if found.in_recovery:
        yield Finding(Level.BAD, "server", "it is a standby and takes no writes", "connect to the primary")
    yield _skew(found.now, asked_at, answered_at)


def judge_settings(found: Sequence[Setting], server: Server) -> Iterator[Finding]:
    """What a careful operator would want to hear about; one sentence if all is well."""
    said = []
    for each in found:
        wanted = _WANTED[each.name]
        if not wanted.fits(each):
            said.append(Finding(wanted.level, "settings", f"{each.name} is {shown(each)}: {wanted.why}", wanted.fix))
    yield from said
    room = next((int(each.setting) for each in found if each.name == "max_connections"), 0)
    if room and room - server.sessions < _SPARE_SESSIONS:
        yield Finding(
            Level.WARN, "sessions", f"{server.sessions} of {room} connections are in use",
            "raise max_connections, start fewer workers, or put a pooler before it",
        )  # fmt: skip
    if not said:
        yield Finding(Level.OK, "settings", f"{len(found)} settings of the server are as they should be")


def judge_upkeep(dead: Sequence[DeadRows], old: Oldest | None, ahead: Sequence[Days]) -> Iterator[Finding]:
    """Dead rows, what keeps them alive, and the days to come."""
    for table in dead:
        if table.dead > max(_DEAD_ROWS, table.live):
            yield Finding(
                Level.WARN, "dead rows", f"{table.table_name} has {table.dead} dead rows beside {table.live} live ones",
                "end old transactions, then see that autovacuum keeps up",
            )  # fmt: skip
    if old is not None and old.seconds > _OLD_SECONDS:
        who = old.name or "a session without a name"
        end = f"pg_terminate_backend({old.process_id})" if old.process_id else "commit or roll it back"
        yield Finding(
            Level.WARN, "oldest transaction", f"{who} has had a transaction open for {old.seconds / 60:.0f} min", end
        )
    short = [each for each in ahead if each.days_ahead < _DAYS_AHEAD]
    for each in short:
        yield Finding(
            Level.WARN, "days", f"{each.table_name} has partitions for only {max(each.days_ahead, 0)} days ahead",
            "run a worker, which makes them, or jobtrail db prune",
        )  # fmt: skip
    if ahead and not short:
        least = min(each.days_ahead for each in ahead)
        yield Finding(Level.OK, "days", f"there are partitions for {least} days ahead")


def judge_unserved(found: Sequence[Unserved]) -> Iterator[Finding]:
    """Queues without a worker, and types that no worker knows."""
    for each in found:
        many = f"{each.jobs} {'job' if each.jobs == 1 else 'jobs'} of type {each.type}"
        if each.served:
            says = f"queue {each.queue} has {many}, and none of its workers knows that type"
            yield Finding(Level.WARN, "queues", says, "start a worker whose app has the type")
        else:
            says = f"queue {each.queue} has {many} and no worker"
            yield Finding(Level.WARN, "queues", says, f"jobtrail worker start -q {each.queue}")


def shown(setting: Setting) -> str:
    """A setting's value with its unit."""
    return f"{setting.setting} {setting.unit}".strip() if setting.setting else "not set"


@dataclass(frozen=True, slots=True)
class _Wanted:
    fits: Callable[[Setting], bool]
    why: str
    fix: str
    level: Level = Level.WARN


def _is(*values: str) -> Callable[[Setting], bool]:
    return lambda setting: setting.setting in values


def _within(low: int, high: int) -> Callable[[Setting], bool]:
    """A time in milliseconds; 0 means never, which is not within."""
    return lambda setting: low <= int(setting.setting) * _MS[setting.unit] <= high


def _skew(now: datetime, asked_at: datetime, answered_at: datetime) -> Finding:
    """The clocks differ by at least as much as the time between question and answer cannot explain."""
    early, late = (asked_at - now).total_seconds(), (now - answered_at).total_seconds()
    apart = max(early, late, 0.0)
    if apart > _SKEW_SECONDS:
        ahead = "behind" if early > late else "ahead of"
        return Finding(
            Level.WARN, "clock", f"the server's clock is {apart:.1f} s {ahead} this machine's",
            "set both by NTP; leases go by the server's clock, times given with --at by yours",
        )  # fmt: skip
    return Finding(Level.OK, "clock", "the server's clock agrees with this machine's")


_RELOAD: Final = "set it in postgresql.conf and reload"
_WANTED: Final[dict[str, _Wanted]] = {
    "fsync": _Wanted(_is("on"), "a crash of the machine can lose or corrupt everything", f"fsync = on: {_RELOAD}", Level.BAD),
    "full_page_writes": _Wanted(_is("on"), "a crash of the machine can corrupt pages", f"full_page_writes = on: {_RELOAD}",
                                Level.BAD),
    "synchronous_commit": _Wanted(_is("on", "remote_apply", "remote_write", "local"),
                                  "a crash can lose jobs that were acknowledged", f"synchronous_commit = on: {_RELOAD}",
                                  Level.BAD),
    "data_checksums": _Wanted(_is("on"), "a disk that lies is not noticed", "pg_checksums --enable, while it is stopped"),
    "autovacuum": _Wanted(_is("on"), "dead rows pile up and claims become slow", f"autovacuum = on: {_RELOAD}"),
    "idle_in_transaction_session_timeout": _Wanted(_within(1, 60_000), "a program that hangs keeps its locks",
                                                   f"idle_in_transaction_session_timeout = 10s: {_RELOAD}"),
    "client_connection_check_interval": _Wanted(_within(1, 60_000), "statements run on after their client is gone",
                                                f"client_connection_check_interval = 5s: {_RELOAD}"),
    "max_connections": _Wanted(lambda setting: int(setting.setting) >= 20, "a worker alone needs six",
                               "max_connections = 100, and restart"),
    "server_encoding": _Wanted(_is("UTF8"), "not every text can be stored", "make the database with encoding UTF8",
                               Level.BAD),
}  # fmt: skip
