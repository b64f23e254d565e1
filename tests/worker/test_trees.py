"""Trees and graphs of jobs in which some fail: all end, each as its policy says, and the trail tells it.

A few hundred jobs always; ten thousand with JOBTRAIL_DEEP=1.
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
import scene as quick
from database import Connection, Database
from worker import trees
from worker.at_work import Scene, wait_until
from worker.trees import Place

from jobtrail.client import Client
from jobtrail.core.audit import Report
from jobtrail.service import audit, jobs, settling
from jobtrail.service.attempts import Completed, Failed, complete, fail
from jobtrail.store.db import ALL, Scope, run

log = logging.getLogger("trees")
DEEP = os.environ.get("JOBTRAIL_DEEP") == "1"
WIDTHS = [10, 10, 99] if DEEP else [4, 5, 14]
GRAPH = 10_000 if DEEP else 400
FINAL = {"COMPLETED", "FAILED", "CANCELLED"}


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Iterator[Scene]:
    with Client(database.app_url) as client:
        trees.app.connect(client)
        yield Scene(database, trees.app, client, tmp_path)
    trees.app.connect(None)


def rows(conn: Connection) -> dict[tuple[int, ...], dict[str, Any]]:
    """All jobs, by their places."""
    said = "id", "parent_id", "status", "error_code", "root_id"
    found = conn.execute(f"select input -> 'place' -> 'path', {', '.join(said)} from jobtrail.jobs").fetchall()
    return {tuple(row[0]): dict(zip(said, row[1:], strict=True)) for row in found}


def verified(conn: Connection) -> Report:
    return run(conn, audit.verify([b"k" * 32]), Scope.of(ALL))


def test_a_tree_in_which_some_fail_ends_as_its_policies_say(scene: Scene, conn: Connection) -> None:
    """Below a node that failed, what had not ended goes with it; everywhere else each job ends as it must."""
    handle = trees.node.enqueue(Place([], WIDTHS))
    began = time.monotonic()
    with scene.work(slots=16, grace_seconds=5.0):
        scene.ends(handle, within=900)
        wait_until(lambda: all(one["status"] in FINAL for one in rows(conn).values()), "all end", 300)
        wait_until(lambda: not settled(conn), "all is settled", 60)
    log.info("%s", f"{len(rows(conn))} jobs in {time.monotonic() - began:.1f} s")
    found = rows(conn)
    broken = {path for path, one in found.items() if one["status"] in ("FAILED", "CANCELLED")}
    for path, widths in trees.places(WIDTHS):
        place = tuple(path)
        if any(place[:length] in broken for length in range(len(place))):
            assert place not in found or found[place]["status"] in FINAL
            continue
        wanted = "FAILED" if trees.expected(path, widths) is None else "COMPLETED"
        assert found[place]["status"] == wanted, (place, found[place])
        assert found[place]["parent_id"] == (found[place[:-1]]["id"] if place else None)
    cancelled = [path for path, one in found.items() if one["status"] == "CANCELLED"]
    assert all(any(path[:length] in broken for length in range(len(path))) for path in cancelled)
    assert handle.result() == trees.expected([], WIDTHS)
    assert {one["root_id"] for path, one in found.items() if path} == {handle.id}
    assert (report := verified(conn)).ok, report.findings


def test_a_tree_is_cancelled_from_its_root_to_its_leaves(scene: Scene, conn: Connection) -> None:
    """The leaves wait in a queue that nobody serves, and their parents for them."""
    handle = trees.node.enqueue(Place([], WIDTHS))
    many = 1 + WIDTHS[0] + WIDTHS[0] * WIDTHS[1] * (1 + WIDTHS[2])
    leaves = trees.app.runners.pop("tree.leaf")
    try:
        with scene.work(slots=16):
            wait_until(lambda: len(rows(conn)) == many, "the tree has grown", 300)
            wait_until(
                lambda: statuses(conn) == {"PENDING": many - leaves_of(), "QUEUED": leaves_of()}, "it waits", 120
            )
            began = time.monotonic()
            scene.client.cancel(handle.id, "enough")
            wait_until(lambda: statuses(conn) == {"CANCELLED": many}, "all are cancelled", 300)
            log.info("%s", f"{many} jobs cancelled in {time.monotonic() - began:.1f} s")
            wait_until(lambda: not settled(conn), "all is settled", 60)
    finally:
        trees.app.runners["tree.leaf"] = leaves
    assert (report := verified(conn)).ok, report.findings


def test_a_graph_in_which_some_fail_ends_as_its_policies_say(conn: Connection) -> None:
    """Each job waits for up to three of those before it, under any mode and policy; what must become of it follows."""
    scene, chance = quick.Scene(conn), Random(GRAPH)
    wanted: list[jobs.NewJob] = []
    says: dict[UUID, tuple[tuple[UUID, ...], str, str, bool]] = {}
    for number in range(GRAPH):
        needs = tuple(chance.sample([one.id for one in wanted], min(number, chance.randrange(4))))
        mode, policy = chance.choice(("ALL", "ANY")), chance.choice(("FAIL", "CANCEL", "RUN", "RUN"))
        job = quick.new_job(depends_mode=mode, on_dependency=policy, max_attempts=1)._replace(after=needs)
        wanted.append(job)
        says[job.id] = (needs, mode, policy, chance.random() < 0.1)
    began = time.monotonic()
    for start in range(0, GRAPH, 1_000):
        scene.do(jobs.enqueue(scene.workspace, wanted[start : start + 1_000], quick.ME))
    while work(scene, says) or scene.do(settling.page()).taken:
        pass
    log.info("%s", f"{GRAPH} jobs in {time.monotonic() - began:.1f} s")
    found = dict(conn.execute("select id, status::text from jobtrail.jobs").fetchall())
    for id, (needs, mode, policy, breaks) in says.items():
        assert found[id] == ends([found[need] for need in needs], mode, policy, breaks=breaks), id
    assert (report := verified(conn)).ok, report.findings


def work(scene: quick.Scene, says: dict[UUID, tuple[tuple[UUID, ...], str, str, bool]]) -> int:
    """Claims some jobs and ends them well, or badly where they are to break."""
    claimed = scene.claim(limit=200)
    fences = [quick.fence_of(one, scene.worker) for one in claimed]
    if good := [Completed(fence) for fence in fences if not says[fence.job_id][3]]:
        scene.do(complete(good))
    for fence in fences:
        if says[fence.job_id][3]:
            scene.do(fail(Failed(fence, "boom", "it broke")))
    return len(claimed)


def ends(needs: list[str], mode: str, policy: str, *, breaks: bool) -> str:
    """What must become of a job that waits for others."""
    bad = [status for status in needs if status != "COMPLETED"]
    runs = not needs or policy == "RUN" or (not bad if mode == "ALL" else len(bad) < len(needs))
    if not runs:
        return "CANCELLED" if policy == "CANCEL" else "FAILED"
    return "FAILED" if breaks else "COMPLETED"


def statuses(conn: Connection) -> Counter[str]:
    return Counter(dict(conn.execute("select status::text, count(*) from jobtrail.jobs group by 1").fetchall()))


def settled(conn: Connection) -> bool:
    return bool(conn.execute("select 1 from jobtrail.settlements limit 1").fetchone())


def leaves_of() -> int:
    return WIDTHS[0] * WIDTHS[1] * WIDTHS[2]
