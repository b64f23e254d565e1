"""`jobtrail db up`, `down`, `status`, `prune`, `check`: the database itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter

from jobtrail.cli import checks, exits, place, show, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Switch
from jobtrail.cli.telling import Usage, notice, with_fix
from jobtrail.core.config import Config
from jobtrail.core.errors import Misconfigured
from jobtrail.store import embedded, migrate
from jobtrail.store.db import ALL, Connection
from jobtrail.store.migrate import Migration
from jobtrail.store.pool import Dial, connect


def up(
    *,
    plan: Annotated[bool, Switch] = False,
    sql: Annotated[bool, Switch] = False,
    to: int | None = None,
    keep: Annotated[bool, Switch] = False,
    flags: Flags = NO_FLAGS,
) -> int:
    """Bring the tables to the version that this program needs; an embedded database is made where there is none.

    JOBTRAIL_DATABASE_URL must then name the role that owns the tables, not the one that the program runs as.

    Parameters
    ----------
    plan
        Only say what would be done.
    sql
        Only print the statements that would be run.
    to
        Only up to this version.
    keep
        Let the embedded database run on afterwards, until `jobtrail db down`.
    """
    config = place.configured(flags)
    with _owned(config, keep=keep) as conn:
        wanted = [one for one in migrate.plan(conn) if to is None or one.number <= to]
        if sql:
            print("\n".join(one.up for one in wanted), end="")
            return exits.OK
        if not plan:
            migrate.up(conn, to)
        have = migrate.version(conn)
    _tell(wanted, flags)
    if plan:
        notice(f"{words.counted(len(wanted), 'migration')} would be applied" if wanted else "there is nothing to do")
    else:
        notice(f"the tables are version {have}")
    if keep and not config.database_url:
        notice("the embedded database runs on; stop it: jobtrail db down")
    return exits.OK


def down(
    *,
    to: int | None = None,
    yes: Annotated[bool, Parameter(alias="-y", negative=())] = False,
    flags: Flags = NO_FLAGS,
) -> int:
    """Stop the embedded database, whoever uses it; with --to, take migrations back instead.

    Parameters
    ----------
    to
        The version to go back to; 0 removes everything. What is in tables that go is lost.
    yes
        Do not ask.
    """
    config = place.configured(flags)
    if to is None:
        if config.database_url:
            raise with_fix(
                Usage("a server of your own is yours to stop"), "to take the tables away: jobtrail db down --to 0"
            )
        _sure(f"stop the embedded database in {config.home}, whoever uses it? Nothing is lost", yes=yes)
        stopped = embedded.stop_now(config.home)
        notice("stopped; its data stays" if stopped else "it does not run")
        return exits.OK
    if to < 0 or to >= migrate.latest():
        raise Usage(f"--to must be 0 to {migrate.latest() - 1}, not {to}")
    with _owned(config) as conn:
        have = migrate.version(conn)
        going = [one for one in migrate.migrations() if to < one.number <= have]
        if going:
            names = ", ".join(one.name for one in going)
            lost = "all jobs and their whole trail are lost" if to == 0 else "what only these tables hold is lost"
            _sure(f"take back {names} in {_name(config)}? {lost[0].upper()}{lost[1:]}", yes=yes)
            going = migrate.down(conn, to)
    _tell(going, flags)
    notice(f"the tables are version {to}" if going else "there is nothing to do")
    return exits.OK


def status(*, flags: Flags = NO_FLAGS) -> int:
    """Which database it is, whether it runs, and how its tables stand. Starts nothing."""
    config = place.configured(flags)
    server = None if config.database_url else embedded.status(config.home)
    url = config.database_url or (server.app_url if server else None)
    data: dict[str, object] = {"database": _name(config), "runs": url is not None, "needs": migrate.latest()}
    if url is not None:
        with connect(Dial(url=url, workspace=ALL, pgbouncer=config.pgbouncer)) as conn:
            data |= {
                "server": f"PostgreSQL {conn.info.parameter_status('server_version')}",
                "role": conn.info.user,
                "version": migrate.version(conn),
                "pending": [one.name for one in migrate.plan(conn)],
            }
    elif not place.has_embedded(config.home):
        data["runs"] = False
        notice("there is no database here yet; make one: jobtrail dev")
    if server is not None:
        data |= {"process_id": server.pid, "data_dir": server.data_dir}
    show.thing(data, lambda: [(name.replace("_", " "), _shown(value)) for name, value in data.items()], flags)
    return exits.OK


def prune(*, flags: Flags = NO_FLAGS) -> int:
    """Remove now what is past its retention, as the workers do by themselves every ten minutes."""
    import asyncio

    from jobtrail.cli.plans import retention_of
    from jobtrail.worker.link import Link
    from jobtrail.worker.upkeep import retention

    config = place.configured(flags)

    async def work(here: place.Place) -> dict[str, int]:
        link = Link(here.dial(ALL, "jobtrail prune"))
        try:
            await retention.make_days(link)
            return await retention.remove(link, retention_of(config))
        finally:
            await link.close()

    with place.opened(config) as here:
        removed = asyncio.run(work(here))
    show.thing(
        removed, lambda: [(f"{name.replace('_', ' ')} removed", count) for name, count in removed.items()], flags
    )
    return exits.OK


def check(*, flags: Flags = NO_FLAGS) -> int:
    """Check connection, role, version, clock, settings, dead rows, old transactions and the days to come.

    Exits with 9 when something makes the database unfit, 69 when it cannot be reached.
    """
    config = place.configured(flags)
    if config.database_url:
        return checks.tell(list(checks.of_database(config, config.database_url)), flags)
    with place.opened(config) as here:
        return checks.tell(list(checks.of_database(config, here.url)), flags)


@contextmanager
def _owned(config: Config, *, keep: bool = False) -> Iterator[Connection]:
    """A connection of whoever owns the tables; the embedded database is started, and made, for it."""
    if config.database_url:
        with closing(connect(Dial(url=config.database_url, workspace=ALL, statement_timeout_ms=0))) as conn:
            yield conn
        return
    programs = place.programs_of(config)
    with (
        embedded.running(config.home, binaries=programs, keep=keep, say=notice) as server,
        closing(connect(Dial(url=server.owner_url, workspace=ALL, statement_timeout_ms=0))) as conn,
    ):
        yield conn


def _sure(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise with_fix(Usage(f"this would ask: {question}; nobody is there to answer"), "say --yes")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Usage("nothing was done")


def _tell(found: list[Migration], flags: Flags) -> None:
    numbered = [{"number": one.number, "name": one.name} for one in found]
    if flags.output in ("json", "jsonl") or found:
        show.rows(
            numbered,
            [show.Column("NUMBER", lambda one: one["number"]), show.Column("NAME", lambda one: one["name"])],
            flags,
        )


def _name(config: Config) -> str:
    """The database for people: where it is, never the password."""
    if not config.database_url:
        return f"embedded in {config.home}"
    if "://" not in config.database_url:
        return "the one of JOBTRAIL_DATABASE_URL"
    try:
        parts = urlsplit(config.database_url)
        where = f"{parts.hostname or 'this machine'}{f':{parts.port}' if parts.port else ''}"
    except ValueError as error:
        raise Misconfigured("JOBTRAIL_DATABASE_URL is not readable as a URL") from error
    return f"{parts.path.lstrip('/') or '(default)'} on {where}"


def _shown(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return value
