"""Asks everything that `db check` and `doctor` judge, and shows the findings. What a finding means is not decided here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from jobtrail.cli import exits, show
from jobtrail.cli.flags import Flags
from jobtrail.cli.place import Place
from jobtrail.core.config import Config
from jobtrail.core.errors import JobtrailError
from jobtrail.service import health
from jobtrail.service.health import Finding, Level
from jobtrail.store import migrate
from jobtrail.store.db import ALL, run
from jobtrail.store.pool import Database, Dial, connect

_SIGNS: Final = {Level.OK: "✓", Level.WARN: "!", Level.BAD: "✗"}
_COLORS: Final = {Level.OK: "green", Level.WARN: "yellow", Level.BAD: "red"}


def of_database(config: Config, url: str) -> Iterator[Finding]:
    """Everything about a database that can be reached. Raises Unavailable or Misconfigured when it cannot."""
    dial = Dial(url=url, workspace=ALL, name="jobtrail check", pgbouncer=config.pgbouncer)
    with connect(dial) as conn:
        have, need = migrate.version(conn), migrate.latest()
        yield _tables(have, need)
        if have == 0:
            return
        asked = datetime.now(UTC)
        server = run(conn, health.server(), dial.scope)
        answered = datetime.now(UTC)
        if server is not None:
            yield from health.judge_server(server, asked, answered)
            settings = run(conn, health.settings(), dial.scope)
            yield from health.judge_settings(settings, server)
        dead, days = run(conn, health.dead_rows(), dial.scope), run(conn, health.days(), dial.scope)
        yield from health.judge_upkeep(dead, run(conn, health.oldest(), dial.scope), days)


def of_work(place: Place) -> Iterator[Finding]:
    """Workers, and jobs that nobody takes."""
    from jobtrail.cli import words
    from jobtrail.service import workers

    with Database(place.dial(ALL, "jobtrail check"), size=1) as database:
        alive = [one for one in database.run(workers.listed()) if one.stopped_at is None and one.leased]
        lost = database.run(health.unserved())
    if alive:
        queues = sorted({queue for one in alive for queue in one.queues})
        slots = sum(one.slots for one in alive)
        says = f"{words.counted(len(alive), 'worker')} with {words.counted(slots, 'slot')} on {', '.join(queues)}"
        yield Finding(Level.OK, "workers", says)
    else:
        yield Finding(Level.WARN, "workers", "no worker is alive", "jobtrail dev, or jobtrail worker start")
    found = list(health.judge_unserved(lost))
    yield from found or [Finding(Level.OK, "queues", "every ready job has a worker that takes it")]


def unreachable(error: JobtrailError) -> Finding:
    """A database that cannot even be asked."""
    return Finding(Level.BAD, "database", error.message, next(iter(getattr(error, "__notes__", ())), None))


def tell(found: Sequence[Finding], flags: Flags) -> int:
    """Shows the findings; the exit code is 9 when one says that this is not fit to run."""
    if flags.output in ("json", "jsonl") or not show.is_terminal():
        show.rows(found, _COLUMNS, flags)
    else:
        _draw(found, flags)
    return exits.PARTLY if any(one.level is Level.BAD for one in found) else exits.OK


_COLUMNS: Final[list[show.Column[Finding]]] = [
    show.Column("LEVEL", lambda one: one.level),
    show.Column("ABOUT", lambda one: one.about),
    show.Column("SAYS", lambda one: one.says),
    show.Column("FIX", lambda one: one.fix or ""),
]


def _draw(found: Sequence[Finding], flags: Flags) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(no_color=not show.colored(flags), highlight=False)
    for one in found:
        console.print(Text(f"{_SIGNS[one.level]} {one.about}: {one.says}", style=_COLORS[one.level]))
        if one.fix and one.level is not Level.OK:
            console.print(Text(f"    fix: {one.fix}"))


def _tables(have: int, need: int) -> Finding:
    if have == 0:
        return Finding(Level.BAD, "tables", "this database has no jobtrail tables yet", "jobtrail db up")
    if have < need:
        return Finding(
            Level.BAD, "tables", f"the tables are version {have}, this program needs {need}", "jobtrail db up"
        )
    if have > need:
        return Finding(
            Level.BAD, "tables", f"the tables are version {have}, this program knows {need}", "upgrade jobtrail"
        )
    return Finding(Level.OK, "tables", f"version {have}, as this program needs them")
