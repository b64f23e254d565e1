"""Keeps a worker's lease from a thread with a connection of its own, which user code cannot block, and looks after the
other workers: whose process is gone loses its jobs to those that live, at once."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import psycopg

from jobtrail.core.errors import JobtrailError
from jobtrail.service import workers
from jobtrail.service.workers import NO_CALM, Beat, NewWorker
from jobtrail.store.db import Connection, run
from jobtrail.store.pool import Dial, connect
from jobtrail.worker.host import is_running

log = logging.getLogger("jobtrail.worker")

TICK_SECONDS = 0.25
"""How often siblings on this host are looked at: a kill -9 is noticed within this time."""
SILENCE_SECONDS = 2.0
"""When the database has not answered for so long, nobody is blamed for a lease that ran out meanwhile."""


@dataclass(frozen=True, slots=True)
class Calls:
    """What the heart tells the worker, from its own thread."""

    rescued: Callable[[int], object]
    declared_gone: Callable[[], object]
    told: Callable[[Beat], object]


class Heart:
    """The thread. `start` registers the worker and returns when it is known; `stop` ends it."""

    def __init__(self, dial: Dial, me: NewWorker, beat_seconds: float, calls: Calls) -> None:
        self._dial, self._me, self._beat, self._calls = dial, me, beat_seconds, calls
        self._halt = threading.Event()
        self._suspects: set[UUID] = set()
        self._conn: Connection | None = None
        self._away_since: float | None = None
        self._calm_since = self._heard_at = time.monotonic()
        self._told = (False, False, frozenset[str]())
        self._thread = threading.Thread(target=self._live, name="jobtrail-heart", daemon=True)
        self.draining = False

    def start(self) -> None:
        """Registers the worker. Raises what connecting raises."""
        conn = self._connected()
        run(conn, workers.register(self._me), self._dial.scope)
        self._thread.start()

    def calm_seconds(self) -> float:
        """For how long the database has answered all the time."""
        now = time.monotonic()
        return 0.0 if now - self._heard_at > SILENCE_SECONDS else now - self._calm_since

    def stop(self, reason: str) -> None:
        """Marks the worker as stopped and ends the thread."""
        self._halt.set()
        self._thread.join(timeout=5.0)
        with contextlib.suppress(JobtrailError, psycopg.Error):
            conn = self._connected()
            run(conn, workers.stop([self._me.id], reason), self._dial.scope)
        if self._conn is not None:
            self._conn.close()

    def _live(self) -> None:
        next_beat = 0.0
        while not self._halt.wait(TICK_SECONDS):
            try:
                conn = self._connected()
                if time.monotonic() >= next_beat:
                    next_beat = time.monotonic() + self._beat
                    self._renew(conn)
                self._look_after_others(conn)
                self._away_since = None
                self._heard()
            except (JobtrailError, psycopg.Error) as error:
                if self._away_since is None:
                    self._away_since = time.monotonic()
                    log.warning("the heartbeat does not reach the database: %s", error)
                next_beat = 0.0
                if self._conn is not None:
                    self._conn.close()
                self._conn = None

    def _heard(self) -> None:
        now = time.monotonic()
        if now - self._heard_at > SILENCE_SECONDS:
            self._calm_since = now
        self._heard_at = now

    def _connected(self) -> Connection:
        if self._conn is None or self._conn.closed:
            self._conn = connect(self._dial)
            if self._me.lock_key and not self._dial.pgbouncer:
                run(self._conn, workers.hold_session(self._me.lock_key), self._dial.scope)
        return self._conn

    def _renew(self, conn: Connection) -> None:
        beat = run(conn, workers.heartbeat(self._me.id, draining=self.draining), self._dial.scope)
        if beat is None:
            if not self._halt.is_set():
                log.error("this worker was declared gone; it stops what it runs")
                self._calls.declared_gone()
            return
        told = (beat.drains, beat.stops, frozenset(beat.left_queues))
        if told != self._told:
            self._told = told
            self._calls.told(beat)

    def _look_after_others(self, conn: Connection) -> None:
        """A process of this host is looked at directly; one elsewhere is gone when its session lock is free twice in
        a row while its heartbeat is late."""
        scope = self._dial.scope
        siblings = run(conn, workers.siblings(self._me.host_id, self._me.id), scope)
        gone = {
            s.id: "its process is gone (killed?)" for s in siblings if not is_running(s.process_id, s.process_started)
        }
        free: set[UUID] = set()
        if not self._dial.pgbouncer:
            unlocked = run(conn, workers.unlocked(self._me.host_id), scope)
            free.update(unlocked)
        gone |= dict.fromkeys(free & self._suspects, "its session is closed and its heartbeat is late")
        self._suspects = free
        for id, why in gone.items():
            if run(conn, workers.stop([id], why), scope):
                log.warning("worker %s is gone: %s", id, why)
        if gone:
            self._calls.rescued(len(run(conn, workers.rescue(list(gone), NO_CALM), scope)))
