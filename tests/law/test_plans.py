"""The statements that every job passes through find their rows by an index, however long the history is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from database import Connection, Database, TestServer
from scene import Scene, fence_of

from jobtrail.store.pool import Dial, connect
from jobtrail.store.query import statement

HOT = ("verbs/enqueue", "verbs/claim", "verbs/complete", "verbs/fail", "verbs/interrupt", "verbs/progress",
       "verbs/log", "verbs/stage", "verbs/rescue", "verbs/expire_gates", "reads/orders")  # fmt: skip
LONG = ("jobs", "attempts", "events")
ALL = (*LONG, "steps", "gates", "timers", "ready")
"""In the history of this test only the first are long; a worker reads none from end to end, whatever it holds."""
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


@pytest.fixture(params=["without a history", "with a long history", "with a long history, in an ordinary session"])
def session(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A session as a worker has it; its plans are made once, maybe while the tables are still empty."""
    name = "long_history" if "long" in request.param else "database"
    database: Database = request.getfixturevalue(name)
    with closing(connect(Dial(url=database.app_url, hot="ordinary" not in request.param))) as conn:
        conn.execute("set plan_cache_mode = force_generic_plan")
        yield conn


@pytest.mark.parametrize("name", HOT)
def test_a_hot_statement_reads_no_table_from_end_to_end(session: Connection, name: str) -> None:
    hot = session.execute("select current_setting('enable_seqscan') = 'off'").fetchone() == (True,)
    for node in nodes(plan(session, name)):
        table = node.get("Relation Name", "").split("_")[0]
        if table in (ALL if hot else LONG):
            assert node["Node Type"] != "Seq Scan", node
            assert bounded(node), node


def bounded(node: dict[str, Any]) -> bool:
    """Whether a scan takes part of an index only; a whole index is as long as its table."""
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
