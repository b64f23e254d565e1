"""Whatever a session of one workspace sends to the database, it sees nothing of another workspace, changes nothing there,
and cannot find out what is there."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any
from uuid import UUID

import psycopg
import pytest
from database import Connection, Database
from psycopg import sql
from service.attacks import LEAK, Attacker, attacker
from service.tenants import fill

from jobtrail.store.identity import new_id

DEEP = bool(os.environ.get("JOBTRAIL_DEEP"))
READS = 12_000 if DEEP else 2_000
WRITES = 6_000 if DEEP else 500
SEED = int(os.environ.get("JOBTRAIL_SEED", "7"))
OURS, THEIRS = new_id(), new_id()
CANARY = f"canary{secrets.token_hex(8)}"
UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
NO_TEXT = {
    "jobtrail.timers", "jobtrail.memberships", "jobtrail.migrations", "jobtrail.sealer", "jobtrail.webhook_dispatcher",
    "jobtrail.dependencies", "jobtrail.settlements", "jobtrail.supersedings", "jobtrail.rate_starts",
    "jobtrail.rate_buckets", "jobtrail.budget_holds", "jobtrail.budget_waits",
}  # fmt: skip
"""Tables without any free text."""
GLOBAL_IDS = {("jobtrail.workers", "id"), ("jobtrail.api_keys", "id")}
"""Ids that must differ in the whole installation, for they are looked up before the workspace is known, or by whoever
serves all. Who knows one, 74 random bits, can learn that it is taken; no route takes one."""


@dataclass
class Session:
    """A session of the application that speaks for our workspace, and what it heard."""

    conn: Connection
    known: frozenset[str]
    notices: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.conn.add_notice_handler(
            lambda notice: self.notices.append(f"{notice.message_primary} {notice.message_detail}")
        )
        self.conn.execute(LEAK.encode())
        self.conn.commit()

    def send(self, statement: str) -> tuple[str, list[str]]:
        """Runs one statement or several in a transaction that stays open; answers the SQLSTATE and all that was heard."""
        self.notices.clear()
        heard: list[str] = []
        try:
            with self.conn.cursor() as cur:
                if statement.startswith("copy "):
                    with cur.copy(statement.encode()) as copy:
                        heard += [bytes(part).decode("utf-8", "replace") for part in copy]
                else:
                    cur.execute(statement.encode())
                    heard += list(_answered(cur))
            state = "00000"
        except psycopg.Error as error:
            state, diag = error.sqlstate or "", error.diag
            said = (diag.message_primary, diag.message_detail, diag.message_hint, diag.context, diag.internal_query)
            heard += [str(part) for part in said if part]
        return state, heard + self.notices

    def forget(self) -> None:
        """Ends the transaction; prepared statements would stay, and be found with the ids that they name."""
        self.conn.rollback()
        self.conn.execute("deallocate all")
        self.conn.commit()

    def stolen(self, statement: str, heard: list[str]) -> set[str]:
        """What of the other workspace was heard, that the statement did not say itself."""
        text = "\n".join(heard).lower()
        found = {word for word in (CANARY, CANARY.encode().hex()) if word in text}
        return found | ((set(UUIDS.findall(text)) & self.known) - set(UUIDS.findall(statement)))


def _answered(cur: psycopg.Cursor[Any]) -> Iterator[str]:
    more: bool | None = True
    while more:
        if cur.description is not None:
            yield from (_text(row) for row in cur.fetchall())
        more = cur.nextset()


def _text(row: tuple[Any, ...]) -> str:
    return " ".join(value.hex() + repr(value) if isinstance(value, bytes) else str(value) for value in row)


@pytest.fixture
def tenants(conn: Connection, admin: Connection) -> None:
    """Two workspaces that are filled by the same steps."""
    fill(conn, admin, OURS, "plain")
    fill(conn, admin, THEIRS, CANARY)
    admin.execute("analyze")  # so that statistics hold what is usual, and could tell of it


@pytest.fixture
def stranger(database: Database, admin: Connection, tenants: None) -> Iterator[Session]:
    """Somebody of our workspace at the database's prompt."""
    with closing(database.connect(str(OURS))) as conn:
        yield session(conn, admin)


@pytest.fixture(params=["the application's role", "the owner's role"])
def somebody(request: pytest.FixtureRequest, database: Database, admin: Connection, tenants: None) -> Iterator[Session]:
    """The same, and where one role owns the tables and uses them."""
    url = database.app_url if request.param.startswith("the app") else database.owner_url
    with closing(psycopg.connect(url, options=f"-c jobtrail.workspace={OURS}")) as conn:
        yield session(conn, admin)


def session(conn: Connection, admin: Connection) -> Session:
    conn.prepare_threshold = None
    conn.autocommit = False
    return Session(conn, frozenset(ids(admin, THEIRS) - ids(admin, OURS)))


def tables(admin: Connection) -> dict[str, list[str]]:
    """The tables, and their columns."""
    found = admin.execute(
        "select c.oid::regclass::text, array_agg(a.attname::text order by attnum) from pg_class c join pg_attribute a "
        "on a.attrelid = c.oid and attnum > 0 and not attisdropped where c.relnamespace = 'jobtrail'::regnamespace "
        "and c.relkind in ('r', 'p') and not c.relispartition group by 1 order by 1"
    )
    return dict(found.fetchall())


def rows(admin: Connection, table: str, columns: list[str], workspace: UUID) -> list[dict[str, Any]]:
    """The rows of a workspace, or those in which its name stands, as JSON."""
    word = CANARY if workspace == THEIRS else "plain"
    where = (
        "workspace_id = %s"
        if "workspace_id" in columns
        else f"t::text like '%%{word}%%' or t::text like '%%' || %s || '%%'"
    )
    found = admin.execute(
        f"select to_jsonb(t) from {table} t where {where} order by t::text".encode(), (str(workspace),)
    )
    return [row for (row,) in found.fetchall()]


def ids(admin: Connection, workspace: UUID) -> set[str]:
    """All ids that stand in the rows of a workspace."""
    said = (json.dumps(rows(admin, table, columns, workspace)) for table, columns in tables(admin).items())
    return {id for text in said for id in UUIDS.findall(text)}


def snapshot(admin: Connection) -> dict[str, list[dict[str, Any]]]:
    """Everything of theirs."""
    return {table: rows(admin, table, columns, THEIRS) for table, columns in tables(admin).items()}


def test_the_other_workspace_has_something_in_every_table(admin: Connection, tenants: None) -> None:
    """Or the tests below would prove nothing of it: a new table must be filled, or named as one without free text."""
    for table, found in snapshot(admin).items():
        assert found or table in NO_TEXT, f"fill {table}"
        assert table in NO_TEXT or _has_text(found), table


def test_no_statement_shows_anything_of_another_workspace(somebody: Session, admin: Connection) -> None:
    before = snapshot(admin)
    someone = attacker(admin, SEED, [UUID(id) for id in sorted(somebody.known)], OURS)
    worked, states = Counter[str](), Counter[str]()
    for _ in range(READS):
        kind, statement = someone.next()
        state, heard = somebody.send(statement)
        somebody.forget()
        states[state] += 1
        worked[kind] += state == "00000"
        assert not somebody.stolen(statement, heard), f"seed {SEED}: {statement}"
    assert states["42601"] == 0, "some are no SQL"
    assert states["00000"] > READS / 3, states
    assert {kind for kind, times in worked.items() if times} >= {
        "select", "aggregate", "join", "cte", "subquery", "set", "window", "copy", "explain", "cursor", "prepare", "lock",
        "ctid", "catalog", "function", "leaky", "temporary", "lateral", "other reader", "sample", "setting",
    }, worked  # fmt: skip
    assert snapshot(admin) == before


def attempts(admin: Connection, someone: Attacker) -> Iterator[tuple[str, str, str, str]]:
    """Writes that name something of theirs, and the same with ids that nobody has: table, column, and both statements."""
    for table, columns in tables(admin).items():
        ours, theirs = (rows(admin, table, columns, workspace) for workspace in (OURS, THEIRS))
        for column in columns:
            if not _is_id(column):
                continue
            for mine, other in zip(cycle(ours), theirs, strict=False):
                if other[column] is None or not UUIDS.fullmatch(str(other[column])):
                    continue
                fresh = dict(mine) | ({"id": str(new_id())} if "id" in columns else {})
                nobody, twin = fresh | {column: str(new_id())}, fresh | {column: other[column]}
                whole = {name: mine[name] if _has_text(value) else value for name, value in other.items()}
                whole |= {"workspace_id": mine["workspace_id"]} if "workspace_id" in columns else {}
                keys = [name for name in columns if _is_id(name) and name != "workspace_id" and whole[name] is not None]
                none = whole | {name: str(new_id()) for name in keys}
                for kind in WAYS:
                    yield (
                        table,
                        column,
                        write(kind, table, columns, column, twin),
                        write(kind, table, columns, column, nobody),
                    )
                yield table, "all", insert(table, whole, ""), insert(table, none, "")
                yield table, "all", insert(table, whole, NOTHING), insert(table, none, NOTHING)


def _is_id(name: str) -> bool:
    return name == "id" or name.endswith("_id")


def _has_text(value: Any) -> bool:
    said = json.dumps(value)
    return CANARY in said or CANARY.encode().hex() in said


NOTHING = "on conflict do nothing"
WAYS = ("insert", "or nothing", "update", "move", "delete", "merge", "lock", "from", "using")


def write(kind: str, table: str, columns: list[str], column: str, row: dict[str, Any]) -> str:
    """One way to write to a table that names the id in one column."""
    id = row[column]
    same = next((name for name in columns if name not in ("id", "workspace_id")), columns[0])
    ways = {
        "insert": insert(table, row, ""),
        "or nothing": insert(table, row, NOTHING),
        "update": f"update {table} t set {same} = t.{same} where {column}::text = '{id}' returning t::text",
        "move": f"update {table} t set {column} = '{id}' returning t::text",
        "delete": f"delete from {table} t where {column}::text = '{id}' returning t::text",
        "merge": f"merge into {table} t using (select '{id}' as id) s on t.{column}::text = s.id "
        f"when matched then update set {same} = t.{same} when not matched then do nothing",
        "lock": f"select t::text from {table} t where {column}::text = '{id}' for update",
        "from": f"update {table} t set {same} = t.{same} from {table} o where o.{column}::text = '{id}' returning t::text, o::text",
        "using": f"delete from {table} t using {table} o where o.{column}::text = '{id}' and o.ctid = t.ctid returning o::text",
    }
    return ways[kind]


def insert(table: str, row: dict[str, Any], on_conflict: str) -> str:
    said = sql.Literal(json.dumps(row)).as_string()
    return (
        f"insert into {table} select * from jsonb_populate_record(null::{table}, {said}) {on_conflict} returning true"
    )


def same(state: str, heard: list[str]) -> tuple[str, list[str]]:
    """What is heard, without what differs from one call to the next."""
    return state, [
        re.sub(r"\d{4}-\d\d-\d\d[ T][0-9:.+-]+|[0-9a-f]{32,}|\d+\.\d+", "…", UUIDS.sub("id", text)) for text in heard
    ]


def test_no_write_reaches_another_workspace_or_tells_what_is_there(stranger: Session, admin: Connection) -> None:
    """Each names an id of theirs, and then one that nobody has: it must go the same way."""
    before = snapshot(admin)
    someone = attacker(admin, SEED, [UUID(id) for id in sorted(stranger.known)], OURS)
    tried, columns = list(attempts(admin, someone)), tables(admin)
    someone.dice.shuffle(tried)
    for table, column, theirs, nobodys in islice(tried, WRITES // 2):
        answers = []
        for statement in (theirs, nobodys):
            state, heard = stranger.send(statement)
            stolen = stranger.stolen(statement, heard)
            if state == "00000":
                assert _theirs(stranger, table, columns[table]) == before[table], statement
            stranger.conn.rollback()
            assert not stolen, statement
            answers.append(same(state, heard))
        if (table, "id" if column == "all" else column) not in GLOBAL_IDS:
            assert answers[0] == answers[1], theirs
    assert snapshot(admin) == before


def _theirs(stranger: Session, table: str, columns: list[str]) -> list[dict[str, Any]]:
    """What they have, before the transaction that may have changed it ends."""
    stranger.conn.execute("set local jobtrail.workspace = '*'")
    return rows(stranger.conn, table, columns, THEIRS)


def test_who_changes_all_rows_changes_their_own(stranger: Session, admin: Connection) -> None:
    before = snapshot(admin)
    for table, columns in tables(admin).items():
        for statement in (*(f"update {table} set {column} = {column}" for column in columns), f"delete from {table}"):
            state, heard = stranger.send(statement)
            assert not stranger.stolen(statement, heard), statement
            stranger.conn.commit() if state == "00000" else stranger.conn.rollback()
    assert snapshot(admin) == before


def test_days_of_all_workspaces_are_not_dropped_by_one(stranger: Session) -> None:
    state, heard = stranger.send("select jobtrail.drop_partitions('log_chunks', now())")
    assert state == "JT002", heard


def test_who_makes_days_speaks_for_the_same_workspace_afterwards(stranger: Session) -> None:
    """The function must see all rows while it works, and only then."""
    state, heard = stranger.send("select jobtrail.make_partitions(30); select name from jobtrail.workspaces")
    assert state == "00000" and "plain ltd" in " ".join(heard) and CANARY not in " ".join(heard)
