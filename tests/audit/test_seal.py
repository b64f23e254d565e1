"""The sealer covers everything once, whatever commits when; it never divides a transaction and costs nothing when idle."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from random import Random
from threading import Event
from typing import Any

import psycopg
import pytest
from audit.history import KEY, OTHER, SERVES_ALL, History
from database import Clock, Connection, Database
from scene import ME, Scene, new_job

from jobtrail.core import chain
from jobtrail.core.errors import Misconfigured
from jobtrail.service import jobs, queues, seals, upkeep
from jobtrail.store import query
from jobtrail.store.db import Scope, run


@pytest.fixture
def history(conn: Connection) -> History:
    return History(conn)


def count(conn: Connection, statement: str) -> int:
    row = conn.execute(statement.encode()).fetchone()
    assert row is not None
    return int(row[0])


def sealed(conn: Connection) -> list[chain.Seal]:
    return run(conn, seals.seal(KEY), SERVES_ALL).seals


def test_a_transaction_that_commits_late_is_sealed_with_its_elders(
    database: Database, scene: Scene, history: History
) -> None:
    with closing(database.connect()) as late:
        with late.transaction():
            run(late, jobs.enqueue(scene.workspace, [new_job()], ME), SERVES_ALL)
            scene.enqueue()
            assert sealed(scene.conn) == [], "the younger one must wait for the elder"
        history.seal()
    assert [seal.events for seal in history.anchor] == [2]
    assert history.verify().ok


def test_nothing_is_missed_while_many_write(database: Database, scene: Scene, history: History) -> None:
    """Transactions overlap in every way; the order in which they began is not the order in which they commit."""
    done = Event()

    def write(seed: int) -> None:
        chance = Random(seed)
        with closing(database.connect()) as conn:
            for _ in range(25):
                with conn.transaction(force_rollback=chance.random() < 0.1):
                    for _ in range(chance.randint(1, 4)):
                        run(conn, jobs.enqueue(scene.workspace, [new_job()], ME), SERVES_ALL)

    def keep_sealing() -> None:
        while not done.is_set():
            history.seal()

    with ThreadPoolExecutor(9) as threads:
        sealing = threads.submit(keep_sealing)
        for future in [threads.submit(write, seed) for seed in range(8)]:
            future.result()
        done.set()
        sealing.result()
    history.seal()
    report = history.verify()
    assert report.findings == () and report.unsealed == 0
    assert report.seals > 5 and report.events == report.jobs > 200


def test_only_what_has_ended_is_sealed(database: Database, scene: Scene, history: History) -> None:
    scene.enqueue()
    with closing(database.connect()) as open_one:
        with open_one.transaction(force_rollback=True):
            run(open_one, jobs.enqueue(scene.workspace, [new_job()], ME), SERVES_ALL)
            history.seal()
            assert [seal.events for seal in history.anchor] == [1]
    scene.enqueue()
    history.seal()
    assert [(seal.number, seal.events) for seal in history.anchor] == [(1, 1), (2, 1)]
    first, second = history.anchor
    assert second.previous == chain.digest(first) and second.after_txid == first.up_to_txid
    assert history.verify().ok


def test_a_transaction_is_never_divided(scene: Scene, history: History) -> None:
    for many in (40, 30, 25, 70, 1):
        scene.enqueue_many(many)
    history.seal()
    assert [seal.events for seal in history.anchor] == [40, 55, 70, 1], "a batch has 60, or is one transaction"
    assert history.verify().ok


def test_each_workspace_has_its_own_seals(scene: Scene, history: History) -> None:
    scene.do(queues.open_workspace(OTHER, "other"))
    other = Scene(scene.conn, OTHER)
    scene.enqueue()
    other.enqueue_many(2)
    history.seal()
    scene.enqueue()
    history.seal()
    assert {(seal.workspace_id, seal.number, seal.events) for seal in history.anchor} == {
        (scene.workspace, 1, 1), (OTHER, 1, 2), (scene.workspace, 2, 1)
    }  # fmt: skip
    assert [seal.number for seal in run(scene.conn, seals.after(scene.workspace, 1), Scope.of(scene.workspace))] == [2]
    assert run(scene.conn, seals.after(scene.workspace), Scope.of(OTHER)) == [], "others do not see them"
    assert history.verify().ok


def test_a_second_sealer_does_nothing_and_waits_for_nobody(database: Database, scene: Scene) -> None:
    scene.enqueue()
    with closing(database.connect()) as first, first.transaction():
        assert len(sealed(first)) == 1
        assert run(scene.conn, seals.seal(KEY), SERVES_ALL) == seals.Sealed([])
    assert sealed(scene.conn) == []


def test_an_idle_sealer_writes_nothing(scene: Scene) -> None:
    scene.enqueue()
    assert len(sealed(scene.conn)) == 1
    before = count(scene.conn, "select pg_snapshot_xmax(pg_current_snapshot())::text::int8")
    for _ in range(5):
        assert run(scene.conn, seals.seal(KEY), SERVES_ALL) == seals.Sealed([])
    assert count(scene.conn, "select pg_snapshot_xmax(pg_current_snapshot())::text::int8") == before


def test_a_sealer_that_was_set_back_seals_nothing_twice(scene: Scene, admin: Connection, history: History) -> None:
    scene.enqueue_many(3)
    history.seal()
    admin.execute("update jobtrail.sealer set up_to_txid = 0, safe_at = '-infinity'")
    scene.enqueue()
    history.seal()
    assert [seal.events for seal in history.anchor] == [3, 1]
    assert history.verify().ok


def test_it_learns_which_days_it_need_not_look_into(scene: Scene, history: History) -> None:
    for _ in range(3):
        scene.enqueue()
        history.seal()
    assert count(
        scene.conn, "select count(*) from jobtrail.sealer where safe_at > jobtrail.clock() - interval '1 minute'"
    )


def test_it_looks_only_into_those_days_and_there_by_transaction(scene: Scene, owner: Connection, clock: Clock) -> None:
    """However long the history is, what a look at its end costs stays the same."""
    today = clock.now()
    clock.freeze(today - timedelta(days=20))
    scene.do(upkeep.make_partitions(7))
    clock.freeze(today)
    scene.enqueue_many(2_000)
    owner.execute("update jobtrail.sealer set safe_at = jobtrail.clock()")
    owner.execute("analyze jobtrail.events")
    scene.conn.execute("set plan_cache_mode = force_generic_plan")
    wanted = {(today + timedelta(days=n)).strftime("events_%Y%m%d") for n in range(-1, 8)} | {"events_rest"}
    for name, params in (("seal_leaves", "0, 1000000000"), ("seal_cut", "0, 1000000000, 60")):
        scene.conn.pgconn.prepare(name.encode(), query.statement(f"reads/{name}"))
        row = scene.conn.execute(f"explain (analyze, format json) execute {name}({params})".encode()).fetchone()
        assert row is not None
        looked = [node for node in nodes(row[0][0]["Plan"]) if node["Actual Loops"]]
        days = {node["Relation Name"] for node in looked if str(node.get("Relation Name")).startswith("events_")}
        assert days <= wanted and today.strftime("events_%Y%m%d") in days, f"{name} looked into {days}"
        found = {node["Index Name"] for node in looked if node["Actual Rows"] and "Index Name" in node}
        found = {name for name in found if name.startswith("events_")}
        assert found == {today.strftime("events_%Y%m%d_txid_idx")}


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from nodes(child)


def test_a_restored_dump_goes_on_where_the_trail_stands(
    scene: Scene, admin: Connection, owner: Connection, history: History
) -> None:
    """The ids of the new server are lower than those in the tables."""
    scene.enqueue_many(3)
    history.seal()
    far = 10**12
    admin.execute("update jobtrail.sealer set up_to_txid = %s", (far,))
    with pytest.raises(Misconfigured, match="run `jobtrail db up`"):
        sealed(scene.conn)
    owner.execute("select jobtrail.rebase_txids()")
    base = count(scene.conn, "select jobtrail.txid_base()")
    assert base > 10**11
    owner.execute("select jobtrail.rebase_txids()")
    assert count(scene.conn, "select jobtrail.txid_base()") == base, "once is enough"
    scene.enqueue()
    history.seal()
    assert [seal.events for seal in history.anchor] == [3, 1] and history.anchor[1].up_to_txid > far
    assert history.verify().ok


@pytest.mark.parametrize(
    "statement", ["delete from jobtrail.seals", "update jobtrail.seals set number = 9", "truncate jobtrail.seals"]
)
def test_nobody_takes_a_seal_back(scene: Scene, owner: Connection, statement: str) -> None:
    scene.enqueue()
    sealed(scene.conn)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        scene.conn.execute(statement.encode())
    with pytest.raises(psycopg.DatabaseError, match="append"):
        owner.execute(statement.encode())


def test_sealing_takes_a_connection_that_serves_all(scene: Scene) -> None:
    scene.enqueue()
    with pytest.raises(Misconfigured, match="all workspaces"):
        run(scene.conn, seals.seal(KEY), Scope.of(scene.workspace))
    assert len(sealed(scene.conn)) == 1


def test_a_lost_sealer_row_is_said(scene: Scene, admin: Connection) -> None:
    admin.execute("delete from jobtrail.sealer")
    with pytest.raises(Misconfigured, match="the row of jobtrail"):
        sealed(scene.conn)


def test_many_transactions_without_events_are_passed_quickly(scene: Scene, admin: Connection, history: History) -> None:
    scene.enqueue()
    admin.execute("update jobtrail.sealer set up_to_txid = -100000000")
    history.seal()
    assert [seal.events for seal in history.anchor] == [1]
