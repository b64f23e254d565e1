"""What a vandal with all rights over the database may do to a trail. Each says whether there was anything to do it to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
from database import Connection
from psycopg import sql
from psycopg.types.json import Jsonb

from jobtrail.core import chain, fold
from jobtrail.core.chain import Link
from jobtrail.service import seals
from jobtrail.store.db import ALL, Scope, run

FALSE_KEY = b"f" * 32
HEX = "0123456789abcdef"
VOUCHED = {
    "events": None,
    "jobs": None,
    "seals": None,
    "results": ("output", "job_id", "generation"),
    "steps": ("id", "job_id", "key", "status", "output"),
    "assets": ("id", "job_id", "name", "byte_size", "sha256"),
}
"""The tables that an audit answers for, and which of their columns (None: all)."""


@dataclass(slots=True)
class Vandal:
    """Somebody in a transaction of his own, whom no trigger binds."""

    conn: Connection
    chance: Random
    jobs: list[tuple[UUID, UUID]]
    key: bytes

    def do(self, statement: str, *params: object) -> int:
        return self.conn.execute(statement.encode(), params).rowcount

    def rows(self, statement: str, *params: object) -> list[Any]:
        return self.conn.execute(statement.encode(), params).fetchall()

    def one(self, statement: str, *params: object) -> Any:
        found = self.rows(statement, *params)
        return found[0] if found else None

    def job(self, least: int = 1) -> tuple[UUID, UUID]:
        """A job with at least so many events."""
        ids = self.rows(
            "select workspace_id, job_id from jobtrail.events group by 1, 2 having count(*) >= %s order by 2", least
        )
        chosen: tuple[UUID, UUID] = self.chance.choice(ids)
        return chosen

    def trail(self, job: UUID) -> list[Link]:
        return [Link(*row) for row in self.rows(TRAIL, job)]

    def edit(self, table: str, where: str, *params: object, column: str | None = None) -> bool:
        """Changes a column of one row to something else that its type allows; False when the rules refuse it."""
        names = [
            row[0]
            for row in self.rows(
                "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped",
                f"jobtrail.{table}",
            )
        ]
        vouched = VOUCHED[table]
        column = column or self.chance.choice(names if vouched is None else vouched)
        name = sql.Identifier(column)
        find = sql.SQL("from jobtrail.{} where " + where).format(sql.Identifier(table))
        was, type = self.conn.execute(
            sql.SQL("select {}::text, pg_typeof({})::text ").format(name, name) + find, params
        ).fetchone()  # type: ignore[misc]
        becomes = self.other(type, was)
        change = sql.SQL("update jobtrail.{} set {} = {}::{} where " + where).format(
            sql.Identifier(table), name, sql.Literal(becomes), sql.SQL(type)
        )
        try:
            with self.conn.transaction():
                self.conn.execute(change, params)
        except (psycopg.errors.IntegrityError, psycopg.errors.RaiseException, psycopg.errors.DataError):
            return False
        now = self.conn.execute(
            sql.SQL("select count(*) ") + find + sql.SQL(" and {}::text is not distinct from {}").format(name, was),
            params,
        ).fetchone()
        return now is not None and now[0] == 0

    def other(self, type: str, was: str | None) -> str | None:
        """Another value of a type."""
        chance = self.chance
        if was is not None and chance.random() < 0.15:
            return None
        match type:
            case "uuid":
                return str(chance.choice([uuid4(), *(id for _, id in self.jobs[:3]), *(ws for ws, _ in self.jobs)]))
            case "integer" | "bigint" | "smallint" | "real" | "numeric" | "double precision":
                return str(float(was or 0) + chance.choice([-1, 1, 2, 0.5])).removesuffix(".0")
            case "timestamp with time zone":
                row = self.one(
                    "select (coalesce(%s::timestamptz, now()) + %s * interval '1 microsecond')::text", was,
                    chance.choice([-86_400_000_000, -1, 1, 1_000_000, 86_400_000_000]),
                )  # fmt: skip
                return str(row[0])
            case "bytea":
                value = bytearray(bytes.fromhex((was or r"\x00")[2:]) or b"\x00")
                value[chance.randrange(len(value))] ^= 1 << chance.randrange(8)
                return "\\x" + (value if chance.random() < 0.8 else value[:-1]).hex()
            case "jsonb":
                return chance.choice(['{"x": 1}', "[]", "null", (was or "{}").replace("1", "2"), "3"])
            case "text[]":
                return chance.choice(["{}", "{x,y}"])
            case "text":
                text = was or ""
                at = chance.randrange(len(text) + 1)
                return chance.choice([text[:at] + chance.choice(HEX) + text[at:], text[:at] + text[at + 1 :], "", "x"])
            case "boolean":
                return "f" if was == "t" else "t"
            case enum:
                labels = self.rows("select enumlabel from pg_enum where enumtypid = %s::regtype", enum)
                return str(chance.choice(labels)[0])

    def write(self, job: UUID, trail: list[Link], row: dict[str, Any] | None) -> None:
        """Puts a whole trail in the place of another, linked as it should be, and the row that follows from it."""
        self.do("delete from jobtrail.events where job_id = %s", job)
        previous, linked = b"", []
        for event in trail:
            previous = chain.link(previous, event)
            linked.append(event._replace(hash=previous))
            self.conn.cursor().execute(PUT.encode(), linked[-1]._asdict())
        if row is not None:
            folded = fold.fold(linked)
            assert not folded.wrong
            for column, said in folded.row.items():
                value = said
                if column in ("input_sha256", "id", "workspace_id"):
                    continue
                if column in fold._TIMES and said is not None:
                    value = self.one("select timestamptz '2000-01-01Z' + %s * interval '1 microsecond'", said)[0]
                if column == "note" and said is not None:
                    value = Jsonb(msgspec.json.decode(said))
                statement = sql.SQL("update jobtrail.jobs set {} = %s where id = %s").format(sql.Identifier(column))
                self.conn.execute(statement, (value, job))
        self.do("update jobtrail.jobs set trail_hash = %s where id = %s", previous, job)

    def erase(self, job: UUID) -> None:
        """Removes a job with everything that hangs on it, but its events."""
        for table in (
            "attempts",
            "results",
            "timers",
            "idempotency_keys",
            "usage",
            "assets",
            "gates",
            "steps",
            "ready",
        ):
            self.do(f"delete from jobtrail.{table} where job_id = %s", job)
        self.do("delete from jobtrail.jobs where id = %s", job)


TRAIL = """
select workspace_id::text, job_id::text, seq, timestamptz_send(at), type, status::text, attempt_id::text, step_id::text,
  actor_type::text, actor_id, payload, hash, txid from jobtrail.events where job_id = %s order by seq"""
PUT = """
insert into jobtrail.events (workspace_id, job_id, seq, at, type, status, attempt_id, step_id, actor_type, actor_id,
  payload, hash, txid)
values (%(workspace_id)s, %(job_id)s, %(seq)s, timestamptz '2000-01-01Z' + ('x' || encode(%(at)s, 'hex'))::bit(64)::int8
  * interval '1 microsecond', %(type)s, %(status)s, %(attempt_id)s, %(step_id)s, %(actor_type)s, %(actor_id)s,
  %(payload)s, %(hash)s, %(txid)s)"""


def edit_event(v: Vandal) -> bool:
    _, job = v.job()
    seq = v.chance.choice(v.trail(job)).seq
    return v.edit("events", "job_id = %s and seq = %s", job, seq)


def edit_job(v: Vandal) -> bool:
    return v.edit("jobs", "id = %s", v.job()[1])


def edit_seal(v: Vandal) -> bool:
    workspace, number = v.chance.choice(v.rows("select workspace_id, number from jobtrail.seals order by 1, 2"))
    return v.edit("seals", "workspace_id = %s and number = %s", workspace, number)


def edit_result(v: Vandal) -> bool:
    job, generation = v.chance.choice(v.rows("select job_id, generation from jobtrail.results order by 1, 2"))
    return v.edit("results", "job_id = %s and generation = %s", job, generation)


def edit_step(v: Vandal) -> bool:
    return v.edit("steps", "id = %s", v.chance.choice(v.rows("select id from jobtrail.steps order by 1"))[0])


def edit_asset(v: Vandal) -> bool:
    return v.edit("assets", "id = %s", v.chance.choice(v.rows("select id from jobtrail.assets order by 1"))[0])


def delete_row(v: Vandal) -> bool:
    """A result that an event speaks of, a step, or a file. (A failure may leave a result without any digest.)"""
    table = v.chance.choice(["steps", "assets", "results"])
    only = " where status <> 'FAILURE' or output is not null" if table == "results" else ""
    (place,) = v.chance.choice(v.rows(f"select ctid::text from jobtrail.{table}{only} order by 1"))
    return v.do(f"delete from jobtrail.{table} where ctid = %s::tid", place) == 1


def delete_event(v: Vandal) -> bool:
    _, job = v.job(3)
    seq = v.chance.choice(v.trail(job)[1:-1]).seq
    return v.do("delete from jobtrail.events where job_id = %s and seq = %s", job, seq) == 1


def delete_event_and_renumber(v: Vandal) -> bool:
    _, job = v.job(3)
    trail = v.trail(job)
    del trail[v.chance.randrange(1, len(trail))]
    renumbered = [event._replace(seq=seq) for seq, event in enumerate(trail, 1)]
    v.write(job, renumbered, None)
    return v.do("update jobtrail.jobs set version = %s where id = %s", len(trail), job) == 1


def swap_events(v: Vandal) -> bool:
    """The contents of two events, one column of them, or their places."""
    _, job = v.job(3)
    one, two = v.chance.sample(v.trail(job), 2)
    what = v.chance.choice(
        [("payload",), ("type", "status"), ("at",), ("seq",), ("hash",), ("txid",), ("payload", "hash")]
    )
    fields = {name: getattr(one, name) for name in what}
    if fields == {name: getattr(two, name) for name in what}:
        return False
    v.do("delete from jobtrail.events where job_id = %s and seq in (%s, %s)", job, one.seq, two.seq)
    for event, other in ((one, two), (two, one)):
        v.conn.execute(PUT.encode(), event._replace(**{name: getattr(other, name) for name in what})._asdict())
    return True


def cut_tail(v: Vandal) -> bool:
    _, job = v.job(2)
    left = v.chance.randrange(1, len(v.trail(job)))
    return v.do("delete from jobtrail.events where job_id = %s and seq > %s", job, left) > 0


def cut_tail_and_mend(v: Vandal) -> bool:
    """Everything says then that the last events never happened."""
    _, job = v.job(2)
    trail = v.trail(job)
    trail = trail[: v.chance.randrange(1, len(trail))]
    v.write(job, trail, {})
    folded = fold.fold(trail)
    v.do("delete from jobtrail.results where job_id = %s and generation <> all (%s)", job, list(folded.results))
    v.do("delete from jobtrail.steps where job_id = %s and id <> all (%s::uuid[])", job, list(folded.steps))
    v.do("delete from jobtrail.assets where job_id = %s and id <> all (%s::uuid[])", job, list(folded.assets))
    return True


def remove_job(v: Vandal) -> bool:
    _, job = v.job()
    v.erase(job)
    if v.chance.random() < 0.7:
        v.do("delete from jobtrail.events where job_id = %s", job)
    return True


def forge_tombstone(v: Vandal) -> bool:
    """For a job that is there, that is not, that had not ended, or with another end than its events."""
    workspace, job = v.job()
    version, head, first, last = v.one(
        "select version, trail_hash, created_at, updated_at from jobtrail.jobs where id = %s", job
    )
    if v.chance.random() < 0.8:
        v.erase(job)
    if v.chance.random() < 0.3:
        v.do("delete from jobtrail.events where job_id = %s", job)
    wrong = v.chance.choice([None, "seq", "hash", "times"])
    v.do(
        "insert into jobtrail.tombstones (workspace_id, job_id, last_seq, trail_hash, first_at, last_at, removed_at) "
        "values (%s, %s, %s, %s, %s, %s, jobtrail.clock() + %s * interval '1 day')",
        workspace, job, version + (wrong == "seq"), head if wrong != "hash" else head[::-1],
        first, first if wrong == "times" else last, v.chance.choice([0, 2, 100]),
    )  # fmt: skip
    return True


def insert_event(v: Vandal) -> bool:
    """One more event, somewhere, in a range that is sealed."""
    _, job = v.job()
    trail = v.trail(job)
    event = v.chance.choice(trail)
    seq = v.chance.choice([event.seq, trail[-1].seq + 1])
    at = (fold.microseconds(event.at) + v.chance.choice([-90_000_000_000, 1, 60_000_000])).to_bytes(8, "big")
    v.conn.execute(PUT.encode(), event._replace(seq=seq, at=at)._asdict())
    return True


def append_and_mend(v: Vandal) -> bool:
    """One more event at the end, linked and with a row that fits, as if it had been there in time to be sealed."""
    _, job = v.job()
    trail = v.trail(job)
    last = trail[-1]
    at = (fold.microseconds(last.at) + 1_000).to_bytes(8, "big")
    more = last._replace(seq=last.seq + 1, at=at, type="job.updated", payload='{"title": "another"}')
    v.write(job, [*trail, more], {})
    return True


def insert_job(v: Vandal) -> bool:
    """A job that never was, complete with its trail, in a range that is sealed."""
    _, job = v.job()
    made = uuid4()
    v.do("create temp table another on commit drop as select * from jobtrail.jobs where id = %s", job)
    v.do("update another set id = %s, unique_key = null, unique_hold = null", made)
    v.do("insert into jobtrail.jobs select * from another")
    v.do("drop table another")
    first = v.trail(job)[0]._replace(job_id=str(made))
    payload = msgspec.json.decode(first.payload or "{}")
    payload.pop("unique_key", None)
    v.write(made, [first._replace(payload=msgspec.json.encode(payload).decode())], {})
    return True


def rewrite_job(v: Vandal) -> bool:
    """Another life, told without a contradiction: chain, numbers, row and digests all fit."""
    _, job = v.job()
    trail = v.trail(job)
    event = v.chance.randrange(len(trail))
    match v.chance.choice(["actor", "at", "txid", "type"]):
        case "actor":
            trail[event] = trail[event]._replace(actor_id="somebody else")
            if event == 0:
                payload = msgspec.json.decode(trail[0].payload or "{}")
                payload["created_by"] = "user:me"
                trail[0] = trail[0]._replace(payload=msgspec.json.encode(payload).decode())
        case "at":
            trail = [one._replace(at=(fold.microseconds(one.at) - 7).to_bytes(8, "big")) for one in trail]
        case "txid":
            trail[event] = trail[event]._replace(txid=trail[event].txid + v.chance.choice([-1, 1]))
        case _:
            payload = msgspec.json.decode(trail[0].payload or "{}")
            payload["type"] = "another"
            trail[0] = trail[0]._replace(payload=msgspec.json.encode(payload).decode())
    v.write(job, trail, {})
    return True


def move_job(v: Vandal) -> bool:
    """To another workspace, with everything."""
    workspace, job = v.job()
    other = next(ws for ws, _ in v.jobs if ws != workspace)
    for table in ("jobs", "events", "attempts", "results", "steps", "assets", "usage", "gates"):
        column = "id" if table == "jobs" else "job_id"
        v.do(f"update jobtrail.{table} set workspace_id = %s where {column} = %s", other, job)
    if v.chance.random() < 0.5:
        v.write(job, v.trail(job), {})
    return True


def delete_seal(v: Vandal) -> bool:
    """One, some of the end, or all; with or without the note of where the sealer stands."""
    workspace, number = v.chance.choice(v.rows("select workspace_id, number from jobtrail.seals order by 1, 2"))
    match v.chance.choice(["one", "end", "all", "truncate"]):
        case "one":
            v.do("delete from jobtrail.seals where workspace_id = %s and number = %s", workspace, number)
        case "end":
            v.do("delete from jobtrail.seals where workspace_id = %s and number >= %s", workspace, number)
        case "all":
            v.do("delete from jobtrail.seals where workspace_id = %s", workspace)
        case _:
            v.do("truncate jobtrail.seals")
    if v.chance.random() < 0.5:
        v.do("update jobtrail.sealer set up_to_txid = 0")
    return True


def swap_seals(v: Vandal) -> bool:
    workspace = v.chance.choice(v.jobs)[0]
    one, two = v.chance.sample(
        v.rows("select number from jobtrail.seals where workspace_id = %s order by 1", workspace), 2
    )
    v.do("update jobtrail.seals set number = -1 where workspace_id = %s and number = %s", workspace, *one)
    v.do("update jobtrail.seals set number = %s where workspace_id = %s and number = %s", *one, workspace, *two)
    v.do("update jobtrail.seals set number = %s where workspace_id = %s and number = -1", *two, workspace)
    return True


def seal_anew(v: Vandal) -> bool:
    """Rewrites a job and the seals after it, with the true key or another one, as the sealer itself would."""
    rewrite_job(v)
    v.do("truncate jobtrail.seals")
    v.do("update jobtrail.sealer set up_to_txid = 0, safe_at = '-infinity'")
    key = v.chance.choice([v.key, FALSE_KEY])
    while run(v.conn, seals.seal(key, batch=60), Scope(ALL)).behind:
        pass
    return True


def truncate_events(v: Vandal) -> bool:
    day = v.one("select c.relname from pg_class c join jobtrail.events e on e.tableoid = c.oid limit 1")[0]
    table = v.chance.choice(["events", day])
    v.do(
        f"{v.chance.choice(['truncate', 'drop table'])} jobtrail.{table}"
        if table == day
        else "truncate jobtrail.events"
    )
    return True


TAMPERS: dict[str, tuple[Callable[[Vandal], bool], int]] = {
    "edit of an event": (edit_event, 24),
    "edit of a job": (edit_job, 24),
    "edit of a result": (edit_result, 5),
    "edit of a step": (edit_step, 5),
    "edit of a file": (edit_asset, 5),
    "edit of a seal": (edit_seal, 8),
    "deletion of a result, step or file": (delete_row, 4),
    "deletion of an event": (delete_event, 5),
    "deletion of an event, chain mended": (delete_event_and_renumber, 5),
    "swap of two events": (swap_events, 8),
    "cut of a tail": (cut_tail, 4),
    "cut of a tail, row and chain mended": (cut_tail_and_mend, 6),
    "removal of a job": (remove_job, 5),
    "forged tombstone": (forge_tombstone, 6),
    "one event more": (insert_event, 4),
    "one event more, row and chain mended": (append_and_mend, 5),
    "a job that never was": (insert_job, 4),
    "a job rewritten without a contradiction": (rewrite_job, 8),
    "a job moved to another workspace": (move_job, 3),
    "deletion of seals": (delete_seal, 6),
    "swap of two seals": (swap_seals, 3),
    "rewritten and sealed anew": (seal_anew, 3),
    "truncation of events": (truncate_events, 2),
}
"""The ways to tamper, and how often each is chosen."""
