"""Kills workers (or PostgreSQL) with signal 9 in the middle of a step, and tells how long their jobs stood still.

.venv/bin/python benchmarks/kills.py [--kills 50] [--postgres]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import jobtrail as jt
from jobtrail.client import Client
from jobtrail.core.status import StepStatus
from jobtrail.service import audit
from jobtrail.store import embedded, migrate
from jobtrail.store.pool import Dial, connect
from jobtrail.worker.plan import Plan
from jobtrail.worker.worker import Worker

app = jt.App()


async def pause(seconds: float) -> float:
    """A step."""
    await asyncio.sleep(seconds)
    return seconds


@app.job("stepped", queue="kills")
async def stepped(ctx: jt.Context, n: int) -> int:
    """Three steps; the kill comes in the second."""
    await ctx.step("a", pause, 0.01)
    await ctx.step("b", pause, 0.4)
    await ctx.step("c", pause, 0.01)
    return n


def main() -> None:
    """Kills, and prints what it saw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--postgres", action="store_true", help="kill the database server instead of the worker")
    parser.add_argument("--work", metavar="URL", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        work(asked.work)
        return
    with tempfile.TemporaryDirectory(prefix="jobtrail-kills-") as name:
        os.chmod(name, 0o755)  # noqa: S103  (the server's account passes; what is in it is 0700)
        with embedded.running(Path(name) / "home") as server:
            with connect(Dial(url=server.owner_url)) as conn:
                migrate.up(conn)
            killing(server, asked.kills, postgres=asked.postgres)


def work(url: str) -> None:
    """A worker process."""
    folder = Path(tempfile.mkdtemp())
    plan = Plan(queues=("kills",), slots=4, assets_dir=folder, work_dir=folder, homes_dir=folder)
    asyncio.run(Worker(Dial(url=url), app.runners, plan).run(handle_signals=True))


def killing(server: embedded.Server, kills: int, *, postgres: bool) -> None:
    """One job after the other; each loses its worker (or its database) in step b."""
    client = Client(server.app_url)
    app.connect(client)
    halt = threading.Event()
    threading.Thread(target=embedded.watch, args=(server, halt), daemon=True).start()
    argv = [sys.executable, __file__, "--work", server.app_url]
    workers = [subprocess.Popen(argv, stderr=subprocess.DEVNULL) for _ in range(2)]
    while sum(worker.leased for worker in client.workers()) < len(workers):
        time.sleep(0.05)
    stood_still, repeated = [], 0
    for n in range(kills):
        job = stepped.enqueue(n=n)
        holder = wait_for_step(client, job.id)
        victim = next(worker for worker in workers if worker.pid == holder)
        killed_at = time.time()
        if postgres:
            os.kill(embedded.status(server.data_dir.parent).pid, signal.SIGKILL)  # type: ignore[union-attr]
        else:
            victim.kill()
        stood_still.append(wait_for_more(client, job.id, killed_at, attempts=1 if postgres else 2))
        repeated += wait_for_end(client, job.id)
        if not postgres:
            victim.wait()
            workers[workers.index(victim)] = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
    ordered = sorted(stood_still)
    print(f"{kills} kills of {'postgres' if postgres else 'workers'}: stood still p50 {ordered[kills // 2]:.3f} s, "
          f"p99 {ordered[min(kills - 1, round(kills * 0.99))]:.3f} s; finished steps run again: {repeated}")  # fmt: skip
    report = client.run(audit.verify())
    print(f"the trail verifies: {report.ok} ({report.jobs} jobs, {report.events} events)")
    halt.set()
    for worker in workers:
        worker.terminate()
        worker.wait()
    client.close()


def patiently(call: object) -> object:
    """A read that outlives the database's absence."""
    while True:
        try:
            return call()  # type: ignore[operator]
        except jt.JobtrailError:
            time.sleep(0.01)


def wait_for_step(client: Client, job_id: object) -> int:
    """Until step b runs; answers the process of its worker."""
    while True:
        steps = {step.key: step.status for step in patiently(lambda: client.steps(job_id))}  # type: ignore[attr-defined,arg-type]
        if steps.get("b") == StepStatus.RUNNING:
            running = {worker.running: worker.process_id for worker in client.workers() if worker.running}
            return running[max(running)]
        time.sleep(0.005)


def wait_for_more(client: Client, job_id: object, killed_at: float, *, attempts: int) -> float:
    """Seconds from the kill until the job goes on: its next attempt, or its next event."""
    while True:
        found = patiently(lambda: client.events(job_id))  # type: ignore[arg-type]
        later = [event for event in found if event.at.timestamp() > killed_at]  # type: ignore[attr-defined]
        if attempts > 1:
            later = [event for event in later if event.type == "job.started"]
        if later:
            return float(later[0].at.timestamp() - killed_at)
        time.sleep(0.005)


def wait_for_end(client: Client, job_id: object) -> int:
    """Until the job completed; answers how many finished steps ran again."""
    while patiently(lambda: client.get(job_id)).status != "COMPLETED":  # type: ignore[attr-defined,arg-type]
        time.sleep(0.01)
    done, again = set(), 0
    for event in client.events(job_id):  # type: ignore[arg-type]
        key = (event.payload or {}).get("key")
        if event.type == "step.completed":
            done.add(key)
        again += event.type == "step.started" and key in done
    return again


if __name__ == "__main__":
    main()
