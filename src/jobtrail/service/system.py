"""How the installation stands: the server, tables, sessions, upkeep. Reading is here; what it means is judged in `health`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from jobtrail.core.figures import Sessions, TableSize, UpkeepState
from jobtrail.service import health
from jobtrail.service.health import Days, DeadRows, Finding, Level, Oldest, Server, Setting, Unserved
from jobtrail.store import migrate, query
from jobtrail.store.query import Query, Steps, ask, flow

_KEEPER_LATE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class System:
    """What was read of the installation. `oldest` is of this role's own transactions, unless it may see all."""

    server: Server | None
    settings: list[Setting]
    dead_rows: list[DeadRows]
    oldest: Oldest | None
    days: list[Days]
    tables: list[TableSize]
    sessions: list[Sessions]
    upkeep: UpkeepState | None

    @property
    def most_sessions(self) -> int | None:
        """How many sessions the server lets in."""
        return next((int(one.setting) for one in self.settings if one.name == "max_connections"), None)


@flow
def read() -> Steps[System]:
    """Reads it. Needs a scope that sees all."""
    return System(
        server=(yield from ask(health.server())),
        settings=(yield from ask(health.settings())),
        dead_rows=(yield from ask(health.dead_rows())),
        oldest=(yield from ask(health.oldest())),
        days=(yield from ask(health.days())),
        tables=(yield from ask(tables())),
        sessions=(yield from ask(sessions())),
        upkeep=(yield from ask(upkeep())),
    )


def tables() -> Query[list[TableSize]]:
    """The tables, the largest first."""
    return Query("reads/system_tables", (), query.many_of(TableSize))


def sessions() -> Query[list[Sessions]]:
    """Who is connected."""
    return Query("reads/system_sessions", (), query.many_of(Sessions))


def upkeep() -> Query[UpkeepState | None]:
    """Who keeps house. Needs a scope that sees all."""
    return Query("reads/system_upkeep", (), query.one_of(UpkeepState))


def findings(found: System, unserved: list[Unserved], asked_at: datetime, answered_at: datetime) -> list[Finding]:
    """What it means, as `jobtrail doctor` says it. `unserved` are jobs of whoever asks; the times are of this machine."""
    said: list[Finding] = []
    if found.server is not None:
        said += health.judge_server(found.server, asked_at, answered_at)
        said += health.judge_settings(found.settings, found.server)
    said += health.judge_upkeep(found.dead_rows, found.oldest, found.days)
    if found.upkeep is not None:
        said += _of_upkeep(found.upkeep)
    said += health.judge_unserved(unserved)
    return said


def _of_upkeep(state: UpkeepState) -> list[Finding]:
    need = migrate.latest()
    tables = f"the tables are version {state.schema_number}"
    if state.schema_number == need:
        said = [Finding(Level.OK, "tables", f"version {need}, as this program needs them")]
    elif state.schema_number < need:
        said = [Finding(Level.BAD, "tables", f"{tables}, this program needs {need}", "jobtrail db up")]
    else:
        said = [Finding(Level.BAD, "tables", f"{tables}, this program knows {need}", "upgrade jobtrail")]
    late = state.keeper_late_seconds
    if late is None or late > _KEEPER_LATE_SECONDS:
        says = "nobody keeps house: nothing is staged, rescued, measured or removed"
        said.append(Finding(Level.WARN, "upkeep", says, "jobtrail dev, or jobtrail worker start"))
    else:
        said.append(Finding(Level.OK, "upkeep", f"worker {state.keeper or state.keeper_id} keeps house"))
    return said
