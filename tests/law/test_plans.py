"""The statements that every job passes through find their rows by an index, however long the history is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from database import Connection, Database, TestServer
from law.statements import statements
from scene import Scene, fence_of

from jobtrail.store.pool import Dial, connect
from jobtrail.store.query import statement

HOT = (
    "verbs/enqueue", "verbs/claim", "verbs/complete", "verbs/fail", "verbs/end_cancelled", "verbs/suspend",
    "verbs/interrupt", "verbs/progress", "verbs/log", "verbs/step_begin", "verbs/step_finish", "verbs/step_skip",
    "verbs/use", "verbs/keep_asset", "verbs/ask_gate", "verbs/measure", "reads/orders", "reads/strays",
    "reads/remembered", "reads/ended_attempts", "reads/next_line", "reads/enqueued",
)  # fmt: skip
"""What a worker's own connections run, whose plans are made once and must not depend on how full the tables were."""
OTHERS = {
    "reads/audit_strays": "an audit reads the whole trail",
    "reads/audit_unsealed": "an audit reads the whole trail",
    "reads/leaves": "an audit reads the whole trail",
    "reads/listen": "no query",
    "reads/jobs": "its filters are optional, and it is planned for those that are given",
    "verbs/measure_queues": "all that waits, once a minute, and the events of that minute",
}
MANY_ROWS = 1_000
"""A table that holds fewer may be read from end to end, where the planner knows; and `ready`, where a limit ends it."""
KEPT = ("jobs", "attempts", "steps", "gates", "timers", "ready", "results", "usage", "assets")
HISTORY = 50_000
OPEN_ONLY = "attempts_one_open"
"""An index that holds nothing but open attempts: reading all of it is what the rescuer is for."""


@pytest.fixture(scope="module")
def long_history(database_server: TestServer) -> Iterator[Database]:
    """A database in which 45 000 jobs are done, a few run and 5 000 wait, and the planner knows it."""
    with database_server.database() as database, closing(database.connect()) as conn:
        scene = Scene(conn)
        for _ in range(5):
            scene.enqueue_many(HISTORY // 5)
        scene.enqueue_many(2_000, scheduled_at=datetime.now(UTC) + timedelta(days=2))
        for _ in range(9):
            taken = [one.job_id for one in scene.claim(HISTORY // 10)]
            conn.execute("update jobtrail.jobs set status = 'COMPLETED', event = 'job.completed' where id = any (%s)",
                         (taken,))  # fmt: skip
            conn.execute("update jobtrail.attempts set status = 'COMPLETED', ended_at = jobtrail.clock() "
                         "where job_id = any (%s)", (taken,))  # fmt: skip
        for fence in [fence_of(one, scene.worker) for one in scene.claim(20)]:
            scene.finished_step(fence, "fetch")
        with closing(database.as_owner()) as owner:
            owner.execute("analyze")
        yield database


@pytest.mark.parametrize("history", ["database", "long_history"])
@pytest.mark.parametrize("name", HOT)
def test_a_worker_reads_no_table_from_end_to_end(request: pytest.FixtureRequest, history: str, name: str) -> None:
    """Whether its plan was made on the first day or after a long history: nothing is read but by an index."""
    database: Database = request.getfixturevalue(history)
    with closing(connect(Dial(url=database.app_url, hot=True))) as conn:
        for node in nodes(plan(conn, name)):
            if node.get("Relation Name") in KEPT:
                assert bounded(node), node


@pytest.mark.parametrize("name", [name for name in statements() if name not in OTHERS])
def test_nobody_reads_a_long_table_from_end_to_end(long_history: Database, name: str) -> None:
    """Actors, faces and upkeep, whose sessions leave the choice to the planner."""
    with closing(connect(Dial(url=long_history.app_url))) as conn:
        conn.execute("set plan_cache_mode = force_generic_plan")
        long = {row[0] for row in conn.execute("select relname from pg_class where reltuples >= %s", (MANY_ROWS,))}
        for node in nodes(plan(conn, name)):
            if node.get("Relation Name") in long - {"ready"}:
                assert bounded(node), node


def bounded(node: dict[str, Any]) -> bool:
    """Whether a scan takes part of an index only; a whole index is as long as its table."""
    if node["Node Type"] == "Seq Scan":
        return False
    if node["Node Type"] == "Bitmap Heap Scan":
        return all(map(bounded, node["Plans"]))
    ctid = node["Node Type"] in ("Tid Scan", "ModifyTable")
    return ctid or "Index Cond" in node or node.get("Index Name") == OPEN_ONLY


def plan(conn: Connection, name: str) -> dict[str, Any]:
    conn.pgconn.prepare(b"hot", statement(name))
    values = ", ".join(["null"] * conn.pgconn.describe_prepared(b"hot").nparams)
    row = conn.execute(f"explain (costs off, format json) execute hot{f'({values})' if values else ''}").fetchone()
    conn.execute("deallocate hot")
    assert row is not None
    found: dict[str, Any] = row[0][0]["Plan"]
    return found


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from nodes(child)
