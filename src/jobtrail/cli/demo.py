"""`jobtrail demo`: a real job, worker processes to kill, and the proof that nothing was lost or done twice."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Final
from uuid import UUID

from cyclopts import Parameter

from jobtrail.cli import audit, demo_app, exits, hands, place, show, words
from jobtrail.cli.demo_end import Death, Ending, lines_of, plain_of
from jobtrail.cli.dev import stopping
from jobtrail.cli.flags import NO_FLAGS, Flags
from jobtrail.cli.follow import View, follow
from jobtrail.cli.hands import Hand
from jobtrail.cli.place import Place
from jobtrail.cli.screen import screen
from jobtrail.cli.telling import notice, with_fix
from jobtrail.client import Client
from jobtrail.core.errors import JobtrailError, Unavailable
from jobtrail.core.ids import short
from jobtrail.core.model import Gate
from jobtrail.core.status import StepStatus

_APP: Final = "jobtrail.cli.demo_app:app"
_WORKERS: Final = 2
_START_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.02
_KILL_AT: Final = 6
_INTO_STEP_SECONDS: Final = 0.15
_LOG_TAIL: Final = 2_000


def demo(
    *,
    kill: Annotated[bool | None, Parameter(negative="--no-kill")] = None,
    approve: Annotated[bool | None, Parameter(negative="--no-approve")] = None,
    flags: Flags = NO_FLAGS,
) -> int:
    """A real job to break: a picture book of Python's standard library, made by two worker processes.

    Kill the one that works on it, and watch the other one go on where it was. It needs no network and no keys.

    Parameters
    ----------
    kill
        Kill a worker in the middle of a step by itself. Without a terminal it does.
    approve
        Answer the question at the end by itself. Without a terminal it does.
    """
    alone = not sys.stdin.isatty()
    config = place.configured(flags)
    began = time.monotonic()
    with stopping() as (halt, hurry), place.opened(config, make=True) as here, place.client_of(here) as client:
        stage = Stage(here, client, flags, halt)
        stage.say(f"✓ Database   {here.name}, ready after {words.length(time.monotonic() - began)}")
        try:
            view = stage.play(kill=alone if kill is None else kill, approve=alone if approve is None else approve)
        finally:
            hands.end(stage.hands, 3.0, hurry=hurry)
        if view is None or not view.ended:
            stage.say("stopped; the job is kept, and goes on when a worker serves queue demo")
            return exits.INTERRUPTED
        trail = client.events(view.job.id)
        ending = Ending(view, trail, stage.deaths, client.workers(), audit.verified(here), time.monotonic() - began)
    for line in lines_of(ending):
        stage.say(line)
    if flags.output in ("json", "jsonl"):
        show.document(show.plain(plain_of(ending)))
    return exits.OK if ending.good else exits.of_job(view.job.status) or exits.UNEXPECTED


@dataclass
class Stage:
    """The demo while it plays."""

    here: Place
    client: Client
    flags: Flags
    halt: threading.Event
    hands: list[Hand] = field(default_factory=list)
    deaths: list[Death] = field(default_factory=list)
    _asked: set[UUID] = field(default_factory=set)
    _tell: Callable[[str], None] = notice

    def say(self, line: str) -> None:
        """A line of the story: it is what was asked for, unless data is wanted."""
        print(line, file=sys.stderr if self.flags.output in ("json", "jsonl") else sys.stdout, flush=True)

    def play(self, *, kill: bool, approve: bool) -> View | None:
        """From the start of the workers to the end of the job."""
        began = time.monotonic()
        for _ in range(_WORKERS):
            self._start_worker()
        self._wait_for_workers()
        pids = " · ".join(f"pid {hand.pid}" for hand in self.hands)
        self.say(f"✓ Workers    {pids}, ready after {words.length(time.monotonic() - began)}")
        job_id = self.client.enqueue_all([demo_app.picture_book.new()]).ids[0]
        self.say(f"✓ Job        a picture book of Python's standard library: {short(job_id)}\n")
        if kill:
            self.say(f"  In the middle of a step this kills a worker: kill -9 {self.hands[0].pid} or its sibling.\n")
        else:
            self.say("  This is a real job. While it runs, try to break it, in another terminal:\n")
            self.say(f"    kill -9 {self.hands[0].pid}   or   kill -9 {self.hands[1].pid}\n")
        view: View | None = None
        with (
            screen(self.flags, data=True) as shown,
            self._beside(lambda over: self._look_after(job_id, over, kill=kill)),
        ):
            self._tell = shown.say
            for view in follow(self.client, job_id, halt=self.halt):
                shown.see(view)
                for gate in view.gates:
                    self._decide(gate, by_itself=approve)
        return view

    def _start_worker(self) -> None:
        log = self.here.config.home / "demo-worker.log"
        self.hands.append(
            hands.start(self.here, _APP, "--queues", demo_app.QUEUE, "--processes", "1", "--slots", "1", log=log)
        )

    def _wait_for_workers(self) -> None:
        """Until both are known to the database. Raises when one cannot start."""
        deadline = time.monotonic() + _START_SECONDS
        while not self.halt.is_set():
            known = {worker.process_id for worker in self.client.workers() if worker.stopped_at is None}
            if all(hand.pid in known for hand in self.hands):
                return
            if any(hand.ended() is not None for hand in self.hands) or time.monotonic() > deadline:
                log = (self.here.config.home / "demo-worker.log").read_text("utf-8", "replace")[-_LOG_TAIL:]
                raise with_fix(JobtrailError(f"a worker did not start:\n{log}"), "jobtrail doctor")
            self.halt.wait(_LOOK_SECONDS)

    def _look_after(self, job_id: UUID, over: threading.Event, *, kill: bool) -> None:
        """Sees workers die, starts others in their place, and kills one when that is wanted."""
        killed: int | None = None
        while not over.wait(_LOOK_SECONDS):
            for hand in list(self.hands):
                if hand.ended() is not None:
                    self.hands.remove(hand)
                    self.deaths.append(Death(hand.pid, time.time(), by_us=hand.pid == killed))
                    self._start_worker()
            if kill and killed is None:
                try:
                    killed = self._kill_at_work(job_id)
                except Unavailable as error:
                    self._tell(f"! {error.message}")

    def _kill_at_work(self, job_id: UUID) -> int | None:
        """Kills the process that is in the middle of a step, if it is far enough; answers its id."""
        steps = self.client.steps(job_id)
        now = [step for step in steps if step.status == StepStatus.RUNNING and step.ordinal >= _KILL_AT]
        if not now or (words.between(now[0].started_at, None) or 0) < _INTO_STEP_SECONDS:
            return None
        attempt = self.client.attempts(job_id)[-1]
        pid = next((worker.process_id for worker in self.client.workers() if worker.id == attempt.worker_id), None)
        if pid is None or pid not in {hand.pid for hand in self.hands}:
            return None
        self._tell(f'⚡ kill -9 {pid}, in the middle of "{now[0].name}"')
        os.kill(pid, signal.SIGKILL)
        return pid

    def _decide(self, gate: Gate, *, by_itself: bool) -> None:
        if gate.id in self._asked:
            return
        self._asked.add(gate.id)
        if by_itself:
            self._tell(f"◇ {gate.question}  Nobody is asked here, so the demo approves.")
            self.client.decide(gate.id, approve=True, comment="approved by the demo")
            return
        self._tell(f"◇ {gate.question}  Press Enter, or in another terminal: jobtrail gate approve @last")
        threading.Thread(target=self._wait_for_enter, args=(gate,), daemon=True).start()

    def _wait_for_enter(self, gate: Gate) -> None:
        while not self.halt.is_set():
            if select.select([sys.stdin], [], [], 0.2)[0] and sys.stdin.readline():
                try:
                    self.client.decide(gate.id, approve=True, comment="approved in the demo's terminal")
                except JobtrailError as error:  # somebody was faster, in another terminal
                    self._tell(error.message)
                return

    @contextmanager
    def _beside(self, work: Callable[[threading.Event], None]) -> Iterator[None]:
        over = threading.Event()
        thread = threading.Thread(target=work, args=(over,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
