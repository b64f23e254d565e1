"""Every statement stands alone in a file, fits the migrated tables, and answers what its reader expects."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import psycopg
import pytest
from database import Connection, TestServer
from law.statements import SOURCE, Use, fields, statements, uses

from jobtrail.store.query import statement

OF_TYPE: dict[str, object] = {
    "uuid": UUID, "text": str, "int2": int, "int4": int, "int8": int, "float4": float, "float8": float, "bool": bool,
    "timestamptz": datetime, "numeric": Decimal, "bytea": bytes, "_text": list[str],
}  # fmt: skip
"""What the driver makes of a column; enums and json say themselves what they become."""


@pytest.fixture(scope="module")
def migrated(database_server: TestServer) -> Iterator[Connection]:
    with database_server.database() as database, closing(database.connect()) as conn:
        yield conn


def columns(conn: Connection, name: str) -> list[tuple[str, str]]:
    """Name and type of each column that a statement answers; raises when it does not fit the tables."""
    conn.pgconn.prepare(b"law", statement(name))
    about = conn.pgconn.describe_prepared(b"law")
    conn.execute("deallocate law")
    if about.status == psycopg.pq.ExecStatus.FATAL_ERROR:
        raise AssertionError(f"{name}: {about.error_message.decode()}")
    oids = [about.ftype(i) for i in range(about.nfields)]
    rows = conn.execute("select oid::int8, typname from pg_type where oid = any (%s)", (oids,)).fetchall()
    types = dict(rows)
    return [((about.fname(i) or b"").decode(), types[oids[i]]) for i in range(about.nfields)]


@pytest.mark.parametrize("name", statements())
def test_a_statement_fits_the_migrated_tables(migrated: Connection, name: str) -> None:
    result = migrated.pgconn.prepare(b"fits", statement(name))
    assert result.status == psycopg.pq.ExecStatus.COMMAND_OK, result.error_message.decode()
    migrated.execute("deallocate fits")


@pytest.mark.parametrize("name", statements())
def test_the_first_line_of_a_statement_is_a_promise(name: str) -> None:
    first = statement(name).decode().splitlines()[0]
    assert first.startswith("-- ") and len(first.split()) >= 3, f"{name}.sql begins with {first!r}"


@pytest.mark.parametrize("use", [use for use in uses() if use.model], ids=lambda use: f"{use.statement}")
def test_the_columns_are_the_fields_of_the_dataclass(migrated: Connection, use: Use) -> None:
    assert use.model is not None
    wanted, answered = fields(use.model), columns(migrated, use.statement)
    assert [name for name, _ in answered] == list(wanted), f"{use}: {use.model.__name__}"
    for name, type in answered:
        assert suits(type, wanted[name]), f"{use}: {use.model.__name__}.{name} is {wanted[name]}, the column is {type}"


def suits(column: str, field: object) -> bool:
    if field is Any or column in ("json", "jsonb"):
        return field is Any
    if isinstance(field, type) and issubclass(field, StrEnum):
        return column == "text"
    return OF_TYPE.get(column) == field


@pytest.mark.parametrize("use", [use for use in uses() if use.one_column], ids=lambda use: f"{use.statement}")
def test_what_is_read_as_one_value_has_one_column(migrated: Connection, use: Use) -> None:
    assert len(columns(migrated, use.statement)) == 1, str(use)


def test_every_statement_is_used_and_every_use_has_a_statement() -> None:
    assert {use.statement for use in uses()} == set(statements())


SQL = re.compile(
    rb"\s*(select|insert into|update|delete from|with \w+ as|create|alter|drop|grant|listen|notify)\s", re.IGNORECASE
)
STORE_SPEAKS = "store"
"""The room that talks to the server about roles, databases, schemas and sessions: what has no place in a statement file."""


def test_no_python_file_holds_sql_of_its_own() -> None:
    guilty = [
        f"{path.relative_to(SOURCE)}:{node.lineno}: {node.value!r}"
        for path in sorted(SOURCE.rglob("*.py"))
        if STORE_SPEAKS not in path.relative_to(SOURCE).parts and path.name != "render.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and SQL.match(_bytes(node.value)) and b"jobtrail." in _bytes(node.value)
    ]
    assert guilty == []


def _bytes(value: object) -> bytes:
    return value.encode("utf-8", "replace") if isinstance(value, str) else value if isinstance(value, bytes) else b""
