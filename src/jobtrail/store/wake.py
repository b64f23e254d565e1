"""Hints that something changed: sent beside the transaction, at most ten a second, and never needed for correctness."""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Callable, Iterable
from typing import Final

import psycopg

from jobtrail.core.errors import JobtrailError
from jobtrail.store.db import arun, run
from jobtrail.store.pool import Dial, aconnect, connect
from jobtrail.store.query import Query, nothing, scalar

ORDERS: Final = "!"
"""The hint for what already runs (a cancel) and for upkeep (a new timer)."""

GAP_SECONDS: Final = 0.1
PROBE_SECONDS: Final = 10.0


class Nudger:
    """Sends hints from a thread with a connection of its own. `nudge` never blocks and never raises."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._wanted: set[str] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._ended = threading.Event()

    def nudge(self, queues: Iterable[str]) -> None:
        """Asks for a hint for these queues; many asked for within 100 ms become one."""
        if self._wanted.issuperset(queues := set(queues)) and self._thread is not None:
            return
        with self._changed:
            self._wanted.update(queues)
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._send, name="jobtrail-nudge", daemon=True)
                self._thread.start()
                atexit.register(self.close)
            self._changed.notify()

    def close(self) -> None:
        """Sends what is still wanted and ends the thread."""
        with self._changed:
            self._closing = True
            self._ended.set()
            self._changed.notify()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(timeout=2.0)
            atexit.unregister(self.close)

    def _send(self) -> None:
        conn = None
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted or self._closing)
                wanted, self._wanted = self._wanted, set()
                if self._closing and not wanted:
                    break
            try:
                conn = conn if conn is not None and not conn.closed else connect(self._dial)
                for queue in wanted:
                    run(conn, Query("verbs/nudge", (queue,), nothing), self._dial.scope)
            except JobtrailError:
                conn = None  # a lost hint costs one poll interval, never a job
            self._ended.wait(GAP_SECONDS)
        if conn is not None:
            conn.close()


class Listener:
    """The one subscription of a process: calls back with the queue that a hint names, and "" after a reconnect.

    Tests itself every 10 s, because a subscription can be lost without an error.
    """

    def __init__(self, dial: Dial, heard: Callable[[str], None]) -> None:
        self._dial = dial
        self._heard = heard

    async def listen(self) -> None:
        """Listens until it is cancelled; reconnects with backoff."""
        wait = 0.1
        while True:
            try:
                async with await aconnect(self._dial) as conn:
                    await arun(conn, Query("reads/listen", (), nothing), self._dial.scope)
                    self._heard("")
                    wait = 0.1
                    while True:
                        async for notify in conn.notifies(timeout=PROBE_SECONDS):
                            self._heard(notify.payload)
                        if not await arun(conn, Query("reads/listening", (), scalar), self._dial.scope):
                            break
            except (JobtrailError, psycopg.Error):
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)
