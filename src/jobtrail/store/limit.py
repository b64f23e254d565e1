"""The limit: the same statements in a bare loop, without the framework. What the framework costs is told against it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from uuid import UUID

from psycopg.raw_cursor import RawCursor

from jobtrail.core.status import ResultStatus
from jobtrail.store import arrays
from jobtrail.store.identity import new_id
from jobtrail.store.pool import Dial, connect
from jobtrail.store.query import Query, Row, statement

Enqueue = Callable[[int], Query[int]]
"""Makes the statement that enqueues so many jobs."""

BATCH = 200


def enqueue(dial: Dial, statements: list[Query[int]]) -> float:
    """Seconds to run prepared enqueues one after the other, each its own commit."""
    with connect(dial) as conn:
        cur = RawCursor(conn)
        began = time.perf_counter()
        for query in statements:
            cur.execute(statement(query.name), query.params)
        return time.perf_counter() - began


def drain(dial: Dial, workspace: UUID, queue: str, type: str) -> int:
    """Claims and completes batches on one connection until nothing is ready; answers how many jobs it ended."""
    worker_id, ended = new_id(), 0
    claim, complete = statement("verbs/claim"), statement("verbs/complete")
    nil = UUID(int=0)
    with connect(dial) as conn:
        cur = RawCursor(conn)
        while True:
            stamp = f"{time.time_ns() // 1_000_000:012x}7"
            turn = ([workspace], [BATCH], [-(1 << 62)], [nil])
            cur.execute(claim, (worker_id, queue, [type], BATCH, *turn, stamp, secrets.token_hex(16)))
            rows = cur.fetchall()
            if not rows:
                return ended
            n = len(rows)
            cur.execute(complete, _ends(rows, worker_id))
            cur.fetchall()
            ended += n


def pick_up(dial: Dial, workspace: UUID, queue: str, type: str, started: Callable[[str], None], count: int) -> None:
    """Waits for hints in a bare loop and claims one job at a time; calls back with each job's input."""
    worker_id, nil = new_id(), UUID(int=0)
    claim, complete = statement("verbs/claim"), statement("verbs/complete")
    with connect(dial) as listening, connect(dial) as conn:
        RawCursor(listening).execute(statement("reads/listen"))
        cur = RawCursor(conn)
        started("ready")
        while count > 0:
            for _ in listening.notifies(timeout=1.0, stop_after=1):
                pass
            stamp = f"{time.time_ns() // 1_000_000:012x}7"
            turn = ([workspace], [1], [-(1 << 62)], [nil])
            cur.execute(claim, (worker_id, queue, [type], 1, *turn, stamp, secrets.token_hex(16)))
            rows = cur.fetchall()
            for row in rows:
                started(row[5])
                count -= 1
            if rows:
                cur.execute(complete, _ends(rows, worker_id))


def _ends(rows: list[Row], worker_id: UUID) -> tuple[object, ...]:
    """The parameters that complete what was claimed."""
    n = len(rows)
    return (
        arrays.uuids(list({row[0] for row in rows})),
        arrays.uuids([row[1] for row in rows]),
        arrays.uuids([row[2] for row in rows]),
        arrays.texts([ResultStatus.SUCCESS] * n),
        None,
        None,
        arrays.numbers([0] * n),
        None,
        None,
        None,
        None,
        str(worker_id),
    )
