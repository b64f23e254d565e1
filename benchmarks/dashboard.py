"""The dashboard on a month of history: how quick its pages are, how heavy, how fast a change is seen, and what looking
costs those who work.

.venv/bin/python benchmarks/dashboard.py [--jobs 1000000] [--only pages,first,bars,pixels,busy,drain] [--home FOLDER]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import dashboard_month
import httpx2
from dashboard_month import BROAD, superuser
from dashboard_place import Place, Told, addresses, browser, looked, percentile, served, worked
from dashboard_views import measure_bars, measure_busy, measure_first, measure_pixels
from lists import fill
from playwright.sync_api import BrowserContext, Page

from jobtrail.cli.bench import Bench
from jobtrail.store import embedded, migrate
from jobtrail.store.pool import Dial, connect


def measure_pages(place: Place, rounds: int = 40) -> None:
    """All pages in turn, by one client, each so many times: until the last byte, and for how long processors were at it."""
    times: dict[str, list[tuple[float, float]]] = {}
    wanted = addresses(place)
    with httpx2.Client(base_url=place.url, timeout=60) as client:
        for n in range(rounds + 3):
            for what, paths in wanted.items():
                before, began = worked(place), time.perf_counter()
                answer = client.get(f"/w/default{paths[n % len(paths)]}")
                took = (time.perf_counter() - began) * 1_000
                if answer.status_code != 200:
                    times.setdefault(f"{what}: answered {answer.status_code}", [])
                elif n >= 3:
                    times.setdefault(what, []).append((took, worked(place) - before))
    for what, each in times.items():
        if each:
            walls, works = ([pair[side] for pair in each] for side in (0, 1))
            waited = f"waited {statistics.median(walls):.0f}, p95 {percentile(walls, 95):.0f}"
            said = f"page {what}: processors, p95 (median {statistics.median(works):.0f}; {waited})"
            place.told.add(said, percentile(works, 95), "ms", most=100)
        else:
            print(f"    page {what}", flush=True)


def measure_drain(place: Place, number: int, rounds: int) -> None:
    """Jobs a second through one worker process, with ten dashboards open and with none, in turn."""
    with browser(nice=True) as contexts, closing(contexts()) as context:
        bench = Bench(place.server.app_url, place.folder, number, print)
        bench.drain(1)
        pairs, shares = [], []
        for _ in range(rounds):
            alone = bench.drain(1)
            pages = _ten(place, context)
            before, began = looked(place), time.perf_counter()
            watched = bench.drain(1)
            shares.append((looked(place) - before) / (time.perf_counter() - began) / 10)
            for page in pages:
                page.close()
            pairs.append((alone, watched))
            print(f"    alone {alone:,.0f}/s, watched {watched:,.0f}/s", flush=True)
        bench.close()
    alone, watched = (statistics.median(each) for each in zip(*pairs, strict=True))
    place.told.add("what ten dashboards take of a processor meanwhile", statistics.median(shares), "%")
    place.told.add("drain with ten dashboards open, beside none", watched / alone, "", least=0.98)


def _ten(place: Place, context: BrowserContext) -> list[Page]:
    """Ten tabs of what people look at."""
    pages = []
    for path in (
        "/jobs",
        "/",
        "/queues",
        "/workers",
        f"/jobs/{BROAD}",
        "/jobs?q=status:running",
        "/errors",
        "/cost",
        "/approvals",
        "/files",
    ):
        page = context.new_page()
        page.goto(place.page(path), wait_until="load")
        pages.append(page)
    return pages


def main() -> None:
    """Fills, measures, and leaves nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5, help="of the drain")
    parser.add_argument("--drained", type=int, default=20_000, help="jobs in a round of the drain")
    parser.add_argument("--only", default="pages,first,bars,pixels,busy,drain")
    parser.add_argument(
        "--home", type=Path, help="where to make the database: about 5 GB a million jobs; it is kept, and used again"
    )
    asked = parser.parse_args()
    with ExitStack() as stack:
        home = asked.home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jobtrail-dashboard-")))
        home.mkdir(parents=True, exist_ok=True)
        os.chmod(home, 0o755)  # noqa: S103  (the server's account passes; what is in it is 0700)
        settings = {"shared_buffers": "1GB", "max_wal_size": "8GB", "synchronous_commit": "on"}
        server = stack.enter_context(embedded.running(home / "home", settings=settings))
        _prepare(server, asked.jobs)
        url, serving = stack.enter_context(served(server.app_url, home / "files"))
        place = Place(server, url, Told([]), home, serving)
        _measure(place, asked)
        bad = [row for row in place.told.rows if not row[3]]
        print(f"{len(place.told.rows) - len(bad)} of {len(place.told.rows)} as they should be")


def _prepare(server: embedded.Server, jobs: int) -> None:
    """Makes the history, unless it is there."""
    with closing(connect(Dial(url=server.owner_url))) as owner:
        migrate.up(owner)
    with superuser(server) as admin:
        if admin.execute("select from jobtrail.jobs limit 1").fetchone() is None:
            began = time.perf_counter()
            fill(admin, jobs, 5_000)
            dashboard_month.add(admin)
            print(f"{jobs:,} jobs in {time.perf_counter() - began:.0f} s", flush=True)


def _measure(place: Place, asked: argparse.Namespace) -> None:
    """What was asked for."""
    known: dict[str, Callable[[], None]] = {
        "pages": lambda: measure_pages(place),
        "first": lambda: measure_first(place),
        "bars": lambda: measure_bars(place),
        "pixels": lambda: measure_pixels(place),
        "busy": lambda: measure_busy(place),
        "drain": lambda: measure_drain(place, asked.drained, asked.rounds),
    }
    for name in filter(None, asked.only.split(",")):
        known[name]()


if __name__ == "__main__":
    main()
