"""What Prometheus scrapes: counters of this process, and gauges of the installation. No name of a tenant's things."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jobtrail.core.errors import JobtrailError
from jobtrail.service.gauges import Gauges

log = logging.getLogger("jobtrail.web")

_FRESH_SECONDS: Final = 5.0
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_SHOWN: Final = (
    ("ready", "jobtrail_jobs_ready", "Jobs that wait for a worker, counted up to 100 000."),
    ("running", "jobtrail_attempts_open", "Attempts that run now."),
    ("gates_waiting", "jobtrail_gates_waiting", "Gates that wait for people."),
    ("oldest_ready_seconds", "jobtrail_oldest_ready_seconds", "How long the next job to be claimed has waited."),
    ("workers", "jobtrail_workers_alive", "Workers whose lease holds."),
    ("workers_late", "jobtrail_workers_late", "Workers whose lease ran out, and that nobody has stopped yet."),
    ("slots", "jobtrail_worker_slots", "Slots of all workers alive."),
    ("sessions", "jobtrail_database_sessions", "Sessions on the database, of whomever."),
)


_COUNTED: Final = {
    "frames": "Frames that were handed to listeners.",
    "bytes": "Bytes that were handed to listeners.",
    "dropped": "Listeners that were dropped because they were too slow.",
    "closed": "Streams that ended for any other reason than that everything was said.",
    "gaps": "Listeners that were told of a gap.",
}


class Meters:
    """The meters of one service, in a registry of their own, so that two services in a process do not clash."""

    def __init__(self, read: Callable[[], Awaitable[Gauges | None]]) -> None:
        self._read = read
        self._gauges: Gauges | None = None
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self.registry = CollectorRegistry()
        self.registry.register(_Installation(lambda: self._gauges))
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "jobtrail_http_requests",
            "Requests that were answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "jobtrail_http_request_duration_seconds",
            "Time from a request to the first byte of its answer.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.open = Gauge("jobtrail_http_requests_open", "Requests that are being answered.", registry=self.registry)

    async def text(self) -> bytes:
        """All meters in the text format of Prometheus; those of the database are at most 5 s old."""
        async with self._reading:
            if time.monotonic() - self._read_at > _FRESH_SECONDS:
                try:
                    self._gauges = await self._read()
                except JobtrailError as error:
                    log.warning("the database could not be measured: %s", error.message)
                    self._gauges = None
                self._read_at = time.monotonic()
        return generate_latest(self.registry)


class _Installation(Collector):
    """The gauges that the database answers, and whether it does."""

    def __init__(self, gauges: Callable[[], Gauges | None]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        gauges = self._gauges()
        yield GaugeMetricFamily(
            "jobtrail_database_up", "Whether the database answered when it was last asked.", float(gauges is not None)
        )
        if gauges is None:
            return
        for field, name, says in _SHOWN:
            value = getattr(gauges, field)
            yield GaugeMetricFamily(name, says, float(value or 0))


class Streams(Collector):
    """What the streams of this process count."""

    def __init__(self, open: Callable[[], int], counts: Callable[[], dict[str, int]]) -> None:
        self._open, self._counts = open, counts

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("jobtrail_streams_open", "Streams that somebody reads.", self._open())
        for name, value in self._counts().items():
            yield CounterMetricFamily(f"jobtrail_stream_{name}", _COUNTED[name], value)
