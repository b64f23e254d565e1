"""The worker: claims as many jobs as it has free slots, runs each in a slot, and ends it as its outcome says."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import signal
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import psutil

from jobtrail.core.errors import JobtrailError
from jobtrail.core.fence import Fence
from jobtrail.core.model import Claimed
from jobtrail.runners import registry
from jobtrail.runners.protocol import Runner
from jobtrail.service import attempts, upkeep
from jobtrail.service.attempts import Completed
from jobtrail.service.workers import Beat, NewWorker
from jobtrail.store.files.local import LocalFiles
from jobtrail.store.identity import new_id
from jobtrail.store.pool import Dial
from jobtrail.store.wake import ORDERS, Listener
from jobtrail.worker import hand, host, post, prints
from jobtrail.worker.children import looked_after
from jobtrail.worker.claims import Claims
from jobtrail.worker.desk import Room
from jobtrail.worker.heart import Calls, Heart
from jobtrail.worker.journal import Journal
from jobtrail.worker.link import Finisher, Link
from jobtrail.worker.pause import until
from jobtrail.worker.plan import Plan
from jobtrail.worker.running import LOST, SHUTDOWN, Running
from jobtrail.worker.slot import Slot
from jobtrail.worker.tally import Tally
from jobtrail.worker.upkeep import house
from jobtrail.worker.upkeep.settler import Settler
from jobtrail.worker.validator import Validator

log = logging.getLogger("jobtrail.worker")

VERSION = "0.1.0"
_TICK_SECONDS = 0.1
_UNSURE_SECONDS = 65.0
"""How long a claim may still be at work in the database after its connection was lost: its statement's timeout."""


class Worker:
    """One worker in this process. `run` works until `stop` is called or a signal comes."""

    def __init__(self, dial: Dial, runners: Mapping[str, Runner], plan: Plan) -> None:
        self.id = new_id()
        self.name = host.worker_name(self.id.bytes)
        self.plan = plan
        self.runners = dict(runners)
        self.running: dict[UUID, Running] = {}
        self._dial = dial
        self._draining = asyncio.Event()
        self._at_once = asyncio.Event()
        self._wake = asyncio.Event()
        self._orders = asyncio.Event()
        self._timers = asyncio.Event()
        self._hinted: deque[str] = deque(plan.queues)
        self._free = plan.slots
        self._inbox: asyncio.Queue[Running] = asyncio.Queue()
        self._claims = Claims(self.id, tuple(runners), plan.slots)
        self._unsure_until: float | None = None
        self._looked_at = 0.0
        self._over = False
        self._validator: Validator | None = None
        self._settler: Settler | None = None
        self.ready = asyncio.Event()
        self.left_alone: frozenset[str] = frozenset()
        self._stops_when_idle = False

    def stop(self, *, at_once: bool = False) -> None:
        """Drains: takes no more, lets what runs end. A second call, or `at_once`, interrupts what runs."""
        if at_once or self._draining.is_set():
            self._at_once.set()
        self._draining.set()
        self._wake.set()

    async def run(self, *, handle_signals: bool = False) -> None:
        """Works until it is stopped. Raises what connecting raises when the database is not fit."""
        loop = asyncio.get_running_loop()
        if handle_signals:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.stop)
        hot = replace(self._dial, hot=True, name=f"jobtrail {self.name}")
        claims, ends, calls, checks = (Link(hot) for _ in range(4))
        upkeep_link = Link(replace(self._dial, name=f"jobtrail upkeep {self.name}"))  # reads by time, so not hot
        calls_for_heart = Calls(
            rescued=lambda _: loop.call_soon_threadsafe(self._hear, ""),
            declared_gone=lambda: loop.call_soon_threadsafe(self._declared_gone),
            told=lambda beat: loop.call_soon_threadsafe(self._be_told, beat),
        )
        heart = Heart(replace(self._dial, name=f"jobtrail heart {self.name}"), self._me(), self.plan.beat_seconds,
                      calls_for_heart)  # fmt: skip
        await asyncio.to_thread(heart.start)
        journal = Journal(calls.execute, self.id, self._drop)
        self._settler = settler = Settler(calls, self._hear)
        finisher = Finisher(ends, self._drop, self._ends_written)
        files = LocalFiles(self.plan.assets_dir)
        room = Room(calls.execute, journal, files, self.plan.asset_limit_bytes, self.plan.work_dir, self.plan.homes_dir,
                    os.environ, self._hear)  # fmt: skip
        post.hand_out(self.runners.values(), calls.execute, self.plan.outgoing, self.plan.public_url)
        hand.lend(self.runners.values(), calls.execute, self.id, self._hear)
        tally = Tally(calls.execute)
        slots = [Slot(room, self.runners, finisher, self.plan, tally) for _ in range(self.plan.slots)]
        self._validator = validator = Validator(room, checks, self.id, self.runners, self.plan, self._hear)
        listener = Listener(replace(self._dial, name=f"jobtrail hints {self.name}"), self._hear)
        background = [
            asyncio.create_task(work, name=name)
            for name, work in {
                "journal": journal.run(),
                "finisher": finisher.run(),
                "tally": tally.run(),
                **({} if self._dial.pgbouncer else {"listener": listener.listen()}),
                "orders": self._follow_orders(calls),
                "clock": self._watch_time(),
                "validator": validator.run(),
                "settler": settler.run(),
                **(
                    {"house": house.keep(upkeep_link, self.id, self.plan, self._hear, self._timers, heart.calm_seconds)}
                    if self.plan.upkeep
                    else {}
                ),
            }.items()
        ]
        working = [asyncio.create_task(self._work(slot), name=f"slot {n}") for n, slot in enumerate(slots)]
        for task in background + working:
            task.add_done_callback(self._broke)
        try:
            with prints.captured(), looked_after(self.id, self.runners):
                self.ready.set()
                await self._claim(claims, finisher)
                heart.draining = True
                await validator.close()
                await self._drain(finisher, calls)
        finally:
            self._over = True
            for task in background + working:
                task.remove_done_callback(self._broke)
                task.cancel()
            _, deaf = await asyncio.wait(background + working, timeout=self.plan.grace_seconds + 5.0)
            if deaf:
                log.critical("%d jobs do not stop, whatever they are told; end this process", len(deaf))
            with contextlib.suppress(JobtrailError):
                await calls.once(upkeep.resign(self.id))
            await asyncio.to_thread(heart.stop, "stopped")
            for link in (claims, ends, calls, checks, upkeep_link):
                await link.close()

    async def _claim(self, link: Link, finisher: Finisher) -> None:
        """Takes jobs while there are free slots; sleeps until a hint, a freed slot or the poll."""
        poll = self.plan.poll_seconds
        while not self._draining.is_set():
            await finisher.room()
            await self._give_back_strays(link, finisher)
            self._wake.clear()  # before it looks: a hint that comes meanwhile is not lost
            taken = False
            for queue in self._in_turn():
                if self._free > 0 and not self._claims.saves(self._free):
                    taken = await self._claim_from(link, queue) or taken
            if taken and self._free > 0 and not self._claims.saves(self._free):
                await asyncio.sleep(0)
                continue
            if self._free > 0:
                patience = self._claims.patience(poll * random.uniform(0.8, 1.2))  # noqa: S311  (no secret)
                await until(self._wake, patience)
            else:
                await self._wake.wait()

    async def _claim_from(self, link: Link, queue: str) -> bool:
        try:
            claimed: list[Claimed] = await self._claims.take(link.once, queue, self._free)
        except JobtrailError as error:
            log.warning("cannot claim from %s: %s", queue, error)
            self._unsure_until = time.monotonic() + _UNSURE_SECONDS
            await asyncio.sleep(min(self.plan.poll_seconds, 1.0))
            return False
        for job in claimed:
            self._free -= job.slots
            fence = Fence(job.workspace_id, job.job_id, job.attempt_id, self.id)
            runner = self.runners[job.type]
            running = Running(job, fence, kills_itself=getattr(runner, "kills_itself", False))
            self.running[fence.attempt_id] = running
            self._inbox.put_nowait(running)
        return bool(claimed)

    async def _give_back_strays(self, link: Link, finisher: Finisher) -> None:
        """A claim whose answer was lost may have opened attempts that nobody runs, or may do so yet: ready again."""
        now = time.monotonic()
        if self._unsure_until is None or now - self._looked_at < min(self.plan.poll_seconds, 1.0):
            return
        with contextlib.suppress(JobtrailError):
            strays = await link.once(attempts.strays(self.id, [*self.running, *finisher.unwritten]))
            if strays:
                await link.execute(attempts.interrupt(strays))
            self._looked_at = now
            if now > self._unsure_until:
                self._unsure_until = None

    async def _work(self, slot: Slot) -> None:
        """One slot: one attempt after the other."""
        while not self._over:
            running = await self._inbox.get()
            running.task = asyncio.current_task()
            try:
                await slot.run(running)
            finally:
                self.running.pop(running.fence.attempt_id, None)
                self._free += running.claimed.slots
                self._claims.ended(running.fence.workspace_id)
                self._wake.set()
                if self._settler is not None:
                    self._settler.wake.set()
                self._stop_if_idle()

    async def _follow_orders(self, link: Link) -> None:
        """Learns, once a second or on a hint, which attempts are to be cancelled or are no longer this worker's."""
        while True:
            await until(self._orders, 1.0)
            young = 0.0 if self._orders.is_set() else 0.02  # most end before anybody could order anything
            self._orders.clear()
            asked = [one.fence for one in self.running.values() if time.monotonic() - one.started_at >= young]
            if not asked:
                continue
            for order in await link.execute(attempts.orders(asked)):
                running = self.running.get(order.attempt_id)
                if running is not None and order.cancel:
                    running.stop("cancelled", order.reason or "cancelled")
                elif running is not None and not order.own:
                    running.stop(LOST, "the attempt is no longer this worker's")

    async def _watch_time(self) -> None:
        """Ends the time of attempts that have a limit, and interrupts those that do not stop by themselves.

        Notes what memory the process holds: for code inside the worker that is the nearest that can be measured.
        """
        own = psutil.Process()
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            now = time.monotonic()
            held = own.memory_info().rss if self.running else 0
            for running in list(self.running.values()):
                if running.task is None:
                    continue
                running.peak_bytes = max(running.peak_bytes or 0, held)
                over = running.overdue(now) if running.reason is None else None
                if over is not None:
                    running.stop(*over)
                limit = self.plan.grace_seconds * (8 if running.kills_itself else 1) + 5.0
                if running.stopped_at is not None and now - running.stopped_at > limit:
                    running.stopped_at = now
                    running.interrupt()

    async def _drain(self, finisher: Finisher, link: Link) -> None:
        """Lets what runs end; what is still running then goes back to its queue and uses no attempt."""
        waiting = asyncio.create_task(self._at_once.wait())
        deadline = time.monotonic() + self.plan.drain_seconds
        while self.running and not self._at_once.is_set() and time.monotonic() < deadline:
            self._wake.clear()
            awoken = asyncio.create_task(self._wake.wait())
            await asyncio.wait({awoken, waiting}, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
            awoken.cancel()
        waiting.cancel()
        unstarted = [one for one in self.running.values() if one.task is None]
        for running in unstarted:
            self.running.pop(running.fence.attempt_id, None)
        for running in list(self.running.values()):
            running.stop(SHUTDOWN, "its worker shut down")
        deadline = time.monotonic() + self.plan.grace_seconds
        while self.running and time.monotonic() < deadline:
            self._wake.clear()
            await until(self._wake, 0.5)
        left = [one.fence for one in [*self.running.values(), *unstarted]]
        if left:
            await link.execute(attempts.interrupt(left))
        await finisher.settled()

    def _me(self) -> NewWorker:
        return NewWorker(
            id=self.id,
            name=self.name,
            host=host.host_name(),
            host_id=host.host_id(),
            process_id=os.getpid(),
            process_started=host.process_started(),
            lock_key=0 if self._dial.pgbouncer else int.from_bytes(self.id.bytes[8:], "big") >> 1,
            lease_seconds=self.plan.lease_seconds,
            slots=self.plan.slots,
            version=VERSION,
            queues=self.plan.queues,
            types=tuple(sorted(self.runners)),
            described=registry.told(self.runners),
        )

    def _hear(self, queue: str) -> None:
        """A hint came. It says which queue to look at first, and nothing more."""
        if queue in ("", ORDERS):
            self._orders.set()
            self._timers.set()
        if queue in self._hinted and self._hinted[0] != queue:
            self._hinted.remove(queue)
            self._hinted.appendleft(queue)
        self._claims.hear(queue)
        self._wake.set()
        if self._validator is not None:
            self._validator.wake.set()

    def _ends_written(self, ends: Sequence[Completed]) -> None:
        """Others may wait for them; and where limits held jobs back, there is room."""
        if self._settler is not None:
            self._settler.wake.set()
        if self._claims.ended(*{one.fence.workspace_id for one in ends}):
            self._wake.set()

    def _in_turn(self) -> tuple[str, ...]:
        """The queues, each first in its turn."""
        order = tuple(self._hinted)
        self._hinted.rotate(-1)
        return tuple(queue for queue in order if queue not in self.left_alone)

    def _drop(self, attempt_id: UUID) -> None:
        running = self.running.get(attempt_id)
        if running is not None:
            running.stop(LOST, "the attempt is no longer this worker's")

    def _be_told(self, beat: Beat) -> None:
        """What somebody told this worker from afar: which queues to leave alone, or all of them, and whether to stop then."""
        self.left_alone = frozenset(self.plan.queues if beat.drains else beat.left_queues)
        if self._validator is not None:
            self._validator.left_alone = self.left_alone
        log.info(
            "told to %s", "drain" if beat.drains else f"leave {', '.join(sorted(self.left_alone)) or 'nothing'} alone"
        )
        self._stops_when_idle = beat.drains and beat.stops
        self._stop_if_idle()
        self._hear("")

    def _stop_if_idle(self) -> None:
        """Drained, and told to stop then: what runs may take as long as it takes."""
        if self._stops_when_idle and not self.running and not self._draining.is_set():
            self.stop()

    def _declared_gone(self) -> None:
        for running in list(self.running.values()):
            running.stop(LOST, "this worker was declared gone")
        self.stop(at_once=True)

    def _broke(self, task: asyncio.Task[None]) -> None:
        """A part of the worker ended on its own: a bug. Better no worker than half a worker."""
        if not task.cancelled() and task.exception() is not None:
            log.critical("the worker's %s broke", task.get_name(), exc_info=task.exception())
            self.stop(at_once=True)
