"""What a browser has to do: to see a job for the first time, to draw much, and to keep up with what changes."""

from __future__ import annotations

import statistics
import threading
import time
from contextlib import closing
from typing import Any
from uuid import UUID, uuid4

import psycopg
from dashboard_month import BROAD, add_job, superuser
from dashboard_place import Place, addresses, browser, percentile
from lists import OURS

from jobtrail.core.fence import Fence
from jobtrail.core.status import Phase, StepType
from jobtrail.service import attempts, steps
from jobtrail.store.db import ALL, Scope, run
from jobtrail.store.identity import new_id
from jobtrail.store.pool import Dial, connect

EVERYWHERE = Scope(ALL, standing=True)


def measure_first(place: Place, rounds: int = 9) -> None:
    """The first view of a job in a browser that knows nothing: until it is all there, and how much was sent."""
    times, weights = [], []
    with browser() as contexts:
        path = addresses(place)["job"]
        for n in range(rounds):
            with closing(contexts()) as context:
                page = context.new_page()
                sent: list[float] = []
                session = context.new_cdp_session(page)
                session.send("Network.enable")
                session.on("Network.loadingFinished", lambda said, sent=sent: sent.append(said["encodedDataLength"]))
                began = time.perf_counter()
                page.goto(place.page(path[n]), wait_until="load")
                page.locator("h1").wait_for()
                times.append(time.perf_counter() - began)
                page.wait_for_timeout(300)
                weights.append(sum(sent) / 1_000)
    place.told.add("first view of a job, cold browser: median", statistics.median(times), "s", most=1.0)
    place.told.add("first view of a job, cold browser: slowest", max(times), "s")
    place.told.add("first view of a job, compressed", max(weights), "kB", most=150)


def metrics(session: Any) -> dict[str, float]:
    """What the main thread did so far, in seconds."""
    return {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}


def measure_bars(place: Place, rounds: int = 5) -> None:
    """The timeline of a job of 2 000 steps: scripts, and the layout after them."""
    scripts, tasks = [], []
    with browser() as contexts:
        for _ in range(rounds):
            with closing(contexts()) as context:
                page = context.new_page()
                session = context.new_cdp_session(page)
                session.send("Performance.enable")
                page.goto(place.page(f"/jobs/{BROAD}"), wait_until="load")
                page.wait_for_timeout(1_000)
                seen = metrics(session)
                scripts.append(seen["ScriptDuration"] * 1_000)
                tasks.append(seen["TaskDuration"] * 1_000)
    place.told.add("timeline of 2 000 steps: scripts", statistics.median(scripts), "ms", most=100)
    place.told.add("timeline of 2 000 steps: main thread in all", statistics.median(tasks), "ms")


# What changes while somebody looks.


class Worker:
    """Whoever works on jobs while somebody looks."""

    def __init__(self, place: Place) -> None:
        self.id = new_id()
        with superuser(place.server) as admin:
            add_job(admin, self.id, "RUNNING", 3, "goes on")
        self.conn = connect(Dial(url=place.server.app_url))
        (row,) = self.conn.execute("select worker_id from jobtrail.attempts where job_id = %s", (self.id,)).fetchall()
        self.fence = Fence(UUID(OURS), self.id, self.id, row[0])

    def do(self, work: Any) -> Any:
        """Runs a verb."""
        return run(self.conn, work, EVERYWHERE)

    def step(self, name: str) -> float:
        """A step that began: committed when this answers, at this time."""
        self.do(steps.begin(self.fence, new_id(), name, name, Phase.EXECUTION, StepType.COMMAND))
        return time.time()


SEEN = """
(name) => new Promise((seen) => {
  const there = () => document.querySelector("main").textContent.includes(name);
  const told = () => requestAnimationFrame(() => requestAnimationFrame(() => seen(Date.now() / 1000)));
  if (there()) { told(); return; }
  const eye = new MutationObserver(() => { if (there()) { eye.disconnect(); told(); } });
  eye.observe(document.querySelector("main"), { subtree: true, childList: true, characterData: true });
  setTimeout(() => { eye.disconnect(); seen(null); }, 10000);
})
"""


def measure_pixels(place: Place, rounds: int = 40) -> None:
    """From the commit of a step's beginning to the frame that shows it."""
    took, never = [], 0
    with browser() as contexts, closing(contexts()) as context:
        worker = Worker(place)
        page = context.new_page()
        page.goto(place.page(f"/jobs/{worker.id}"), wait_until="load")
        page.wait_for_timeout(2_000)
        for n in range(rounds):
            name = f"seen-{uuid4().hex[:8]}-{n}"
            page.evaluate(f"(name) => {{ window.eye = ({SEEN.strip()})(name); }}", name)
            committed = worker.step(name)
            seen = page.evaluate("window.eye")
            if seen is None:
                never += 1
            else:
                took.append((seen - committed) * 1_000)
            page.wait_for_timeout(700 + 137 * (n % 5))
        worker.conn.close()
    if took:
        place.told.add("commit to pixel, a step of the open job: median", statistics.median(took), "ms")
        place.told.add("commit to pixel, a step of the open job: p95", percentile(took, 95), "ms", most=500)
    place.told.add("steps that were never seen", never, "", most=0)


def _changing(place: Place, stop: threading.Event, done: list[int]) -> None:
    """A hundred changes a second of the newest jobs, for whoever looks at the list."""
    with closing(
        psycopg.connect(place.server.app_url, autocommit=True, options=f"-c jobtrail.workspace={ALL}")
    ) as conn:
        found = conn.execute("select workspace_id, job_id, id, worker_id from jobtrail.attempts where status = 'RUNNING'"
                             " and workspace_id = %s order by job_id desc limit 50", (OURS,)).fetchall()  # fmt: skip
        fences = [Fence(*row) for row in found]
        began, n = time.perf_counter(), 0
        while not stop.is_set():
            run(
                conn,
                attempts.progress(fences[n % len(fences)], percent=float(n // len(fences) % 100), stage=f"stage {n}"),
                EVERYWHERE,
            )
            n += 1
            stop.wait(max(0.0, began + n / 100 - time.perf_counter()))
        done.append(n)


def measure_busy(place: Place, seconds: float = 12.0) -> None:
    """How much of a tab's main thread goes into a hundred changes a second."""
    with browser() as contexts, closing(contexts()) as context:
        worker = Worker(place)
        for path in ("/jobs?q=status:running", "/", f"/jobs/{worker.id}"):
            page = context.new_page()
            session = context.new_cdp_session(page)
            session.send("Performance.enable")
            page.goto(place.page(path), wait_until="load")
            page.wait_for_timeout(1_500)
            stop, done = threading.Event(), list[int]()
            writer = threading.Thread(target=_changing, args=(place, stop, done))
            writer.start()
            page.wait_for_timeout(1_500)
            before, began = metrics(session)["TaskDuration"], time.perf_counter()
            page.wait_for_timeout(seconds * 1_000)
            share = (metrics(session)["TaskDuration"] - before) / (time.perf_counter() - began) * 100
            stop.set()
            writer.join()
            place.told.add(f"main thread of {path} at {done[0] / (seconds + 3):.0f} changes/s", share, "%", most=30)
            page.close()
