"""What limits and fairness cost a claim, how even the shares are, and how long a few jobs wait beside a crowd.

.venv/bin/python benchmarks/claims.py [--crowd 1000000] [--jobs 10000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path
from uuid import UUID

import jobtrail as jt
from jobtrail.client import DEFAULT_WORKSPACE, Client
from jobtrail.core.fairness import Turn
from jobtrail.core.fence import Fence
from jobtrail.core.limits import LimitScope
from jobtrail.core.model import Claimed
from jobtrail.service import attempts
from jobtrail.store import embedded, migrate
from jobtrail.store.db import ALL, Connection, Scope, run
from jobtrail.store.identity import new_id
from jobtrail.store.pool import Dial, connect
from jobtrail.store.query import statement
from jobtrail.worker.claims import BATCH, Claims
from jobtrail.worker.plan import Plan
from jobtrail.worker.worker import Worker

OTHER = UUID("00000000-0000-7000-8000-000000000002")
QUEUE, FEW, SLOTS = "claims", 100, 20
EVERYTHING = Scope(ALL, standing=True)
app = jt.App()


@app.job("short", queue=QUEUE)
async def short() -> None:
    """As long as a small call to somewhere."""
    await asyncio.sleep(0.01)


def main() -> None:
    """Measures, and prints what it saw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crowd", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="jobtrail-claims-") as name:
        os.chmod(name, 0o755)  # noqa: S103  (the server's account passes; what is in it is 0700)
        with embedded.running(Path(name) / "home") as server:
            with connect(Dial(url=server.owner_url)) as conn:
                migrate.up(conn)
            measure(server.app_url, Path(name), asked)


def measure(url: str, folder: Path, asked: argparse.Namespace) -> None:
    """All of it, on one database."""
    with Client(url) as ours, Client(url, workspace=OTHER) as theirs, closing(connect(Dial(url=url, hot=True))) as conn:
        run_costs(conn, ours, asked.jobs, asked.rounds)
        run_shares(conn, ours, theirs, asked.jobs)
        alone = [waits(url, folder, theirs) for _ in range(3)]
        fill(ours, asked.crowd)
        explained(conn, ours)
        beside = [waits(url, folder, theirs) for _ in range(3)]
        for percent in (50, 99):
            one, many = (statistics.median(at(some, percent) for some in each) for each in (alone, beside))
            print(
                f"wait of {FEW} jobs, p{percent}: alone {one:.0f} ms, beside {asked.crowd} {many:.0f} ms, x {many / one:.2f}"
            )


def fill(client: Client, number: int, **options: object) -> None:
    """So many jobs more."""
    for begin in range(0, number, 5_000):
        client.enqueue_all([short.using(**options).new() for _ in range(begin, min(begin + 5_000, number))])  # type: ignore[arg-type]


def run_costs(conn: Connection, client: Client, number: int, rounds: int) -> None:
    """Claims, and claims with their ends, per second: as ever, under a limit, and with keys; in turns."""
    seen: dict[str, list[tuple[float, float]]] = {"plain": [], "limited": [], "keyed": []}
    for _ in range(rounds):
        for what, figures in seen.items():
            keys = {"concurrency_key": "k", "concurrency_limit": 10_000} if what == "keyed" else {}
            fill(client, number, **keys)
            if what == "limited":
                client.limits.set(LimitScope.QUEUE, QUEUE, max_slots=100_000)
            figures.append(drained(conn, limited=what != "plain"))
            for one in client.limits.list():
                client.limits.remove(one.id)
    base = [statistics.median(one) for one in zip(*seen["plain"], strict=True)]
    for what, figures in seen.items():
        claims, drains = (statistics.median(one) for one in zip(*figures, strict=True))
        beside = f"x {claims / base[0]:.2f}, with their ends {drains:9,.0f}/s x {drains / base[1]:.2f}"
        print(f"{what:8} claims {claims:9,.0f}/s {beside}")


def drained(conn: Connection, *, limited: bool) -> tuple[float, float]:
    """Jobs per second by the time in claims, and by all time, in a bare loop."""
    worker, claiming, done, began = new_id(), 0.0, 0, time.perf_counter()
    while True:
        before = time.perf_counter()
        taken = claim(conn, worker, limited=limited)
        claiming += time.perf_counter() - before
        if not taken:
            return done / claiming, done / (time.perf_counter() - began)
        done += len(taken)
        end(conn, worker, taken)


def claim(conn: Connection, worker: UUID, *, limited: bool) -> list[Claimed]:
    """A batch."""
    taker = attempts.Taker(worker, QUEUE, ["short"], f"{time.time_ns() // 1_000_000:012x}7", secrets.token_hex(16))
    if limited:
        return run(conn, attempts.claim_limited(taker, DEFAULT_WORKSPACE, BATCH, BATCH, BATCH), EVERYTHING).jobs
    return run(conn, attempts.claim(taker, BATCH, [Turn(DEFAULT_WORKSPACE, BATCH)]), EVERYTHING)


def end(conn: Connection, worker: UUID, taken: list[Claimed]) -> None:
    """Ends a batch."""
    fences = [Fence(one.workspace_id, one.job_id, one.attempt_id, worker) for one in taken]
    run(conn, attempts.complete([attempts.Completed(fence) for fence in fences]), EVERYTHING)


def run_shares(conn: Connection, ours: Client, theirs: Client, number: int) -> None:
    """Two workspaces with jobs without end, weights 3 and 1, and a worker whose slots fall free one by one."""
    for client in (ours, theirs):
        fill(client, number)
    conn.execute("insert into jobtrail.workspaces (id, name) values (%s, 'other') on conflict do nothing", (OTHER,))
    conn.execute("update jobtrail.workspaces set weight = 3 where id = %s", (DEFAULT_WORKSPACE,))
    worker = new_id()
    got = asyncio.run(_shares(conn, worker, number))
    conn.execute("update jobtrail.workspaces set weight = 1")
    print(f"weights 3 : 1 give {got[DEFAULT_WORKSPACE]} : {got[OTHER]}, {got[DEFAULT_WORKSPACE] / got[OTHER]:.3f}")
    while sum(asyncio.run(_shares(conn, worker, 2_000)).values()):
        pass


async def _shares(conn: Connection, worker: UUID, number: int) -> dict[UUID, int]:
    claims, got = Claims(worker, ["short"], SLOTS), {DEFAULT_WORKSPACE: 0, OTHER: 0}

    async def once(work: object) -> object:
        return run(conn, work, EVERYTHING)  # type: ignore[arg-type]

    claims.hear("")
    rounds = [1, 2, 5, 1, 3] * (number // 12)
    for n, free in enumerate(rounds):
        if n == len(rounds) // 5:  # at first each is given what it is owed for having been away
            got = dict.fromkeys(got, 0)
        taken = await claims.take(once, QUEUE, free)
        for one in taken:
            got[one.workspace_id] += 1
        if taken:
            end(conn, worker, taken)
    return got


def waits(url: str, folder: Path, client: Client) -> list[float]:
    """How many ms each of a few jobs waits for its start, beside whatever else there is to do."""
    return asyncio.run(_waits(url, folder, client))


async def _waits(url: str, folder: Path, client: Client) -> list[float]:
    plan = Plan(queues=(QUEUE,), slots=SLOTS, upkeep=False, assets_dir=folder, work_dir=folder, homes_dir=folder)
    worker = Worker(Dial(url=url), app.runners, plan)
    running = asyncio.create_task(worker.run())
    await worker.ready.wait()
    await asyncio.sleep(1.0)
    done = await asyncio.to_thread(client.enqueue_all, [short.new() for _ in range(FEW)])
    jobs = [await asyncio.to_thread(client.wait, id) for id in done.ids]
    worker.stop()
    await running
    return [1_000 * (one.job.started_at - one.job.created_at).total_seconds() for one in jobs if one.job.started_at]


def at(values: list[float], percent: int) -> float:
    """A percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(len(ordered) * percent / 100))]


def explained(conn: Connection, client: Client) -> None:
    """What PostgreSQL does for a claim where so many wait; and how long the function takes that sees to limits."""
    stamp = f"{time.time_ns() // 1_000_000:012x}7"
    nil = UUID(int=0)
    params = (new_id(), QUEUE, ["short"], BATCH, [DEFAULT_WORKSPACE], [BATCH], [-(1 << 62)], [nil], stamp, "0" * 32)
    for _ in range(2):
        with conn.transaction(force_rollback=True):
            rows = conn.pgconn.exec_params(
                b"explain (analyze, buffers, costs off) " + statement("verbs/claim"), [_text(one) for one in params]
            )
            lines = [(rows.get_value(n, 0) or b"").decode() for n in range(rows.ntuples)]
    print(
        "\n".join(
            line for line in lines if "ready" in line or "Time" in line or "LockRows" in line or "Buffers" in line
        )
    )
    client.limits.set(LimitScope.QUEUE, QUEUE, max_slots=100_000)
    began = time.perf_counter()
    claim(conn, new_id(), limited=True)
    print(f"the same under a limit: {1_000 * (time.perf_counter() - began):.1f} ms")
    for one in client.limits.list():
        client.limits.remove(one.id)


def _text(value: object) -> bytes:
    if isinstance(value, list):
        return ("{" + ",".join(str(one) for one in value) + "}").encode()
    return str(value).encode()


if __name__ == "__main__":
    main()
