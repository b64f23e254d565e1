"""What monitoring reads of the whole installation, and the look at the database that says a service is ready."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from jobtrail.store import query
from jobtrail.store.query import Query

CAP: Final = 100_000


@dataclass(frozen=True, slots=True)
class Gauges:
    """How the installation stands; counts stop at `CAP`. `oldest_ready_seconds` is that of the next job to be claimed."""

    ready: int
    running: int
    gates_waiting: int
    oldest_ready_seconds: float | None
    workers: int
    workers_late: int
    slots: int
    sessions: int


def read(cap: int = CAP) -> Query[Gauges | None]:
    """Reads them. Needs a scope that sees all."""
    return Query("reads/gauges", (cap,), query.one_of(Gauges))


def look() -> Query[int]:
    """Fetches the head of the queue, as a claim does; answers a number that does not matter."""
    return Query("reads/look", (), query.count)
