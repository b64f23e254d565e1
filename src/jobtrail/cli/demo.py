"""`jobtrail demo`: a real job, worker processes to kill, the dashboard beside them, and the proof that nothing was lost or
done twice."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Final
from uuid import UUID

from cyclopts import Parameter

from jobtrail.cli import audit, dashboard, demo_app, exits, hands, place, show, words
from jobtrail.cli.demo_end import Death, Ending, lines_of, plain_of
from jobtrail.cli.demo_tale import Tale
from jobtrail.cli.dev import stopping
from jobtrail.cli.flags import NO_FLAGS, Flags
from jobtrail.cli.follow import View, follow
from jobtrail.cli.hands import Hand
from jobtrail.cli.place import Place
from jobtrail.cli.screen import Screen, screen
from jobtrail.cli.telling import notice, with_fix
from jobtrail.client import Client
from jobtrail.core.errors import JobtrailError, Unavailable
from jobtrail.core.ids import short
from jobtrail.core.model import Gate, Worker
from jobtrail.core.status import StepStatus

_APP: Final = "jobtrail.cli.demo_app:app"
_WORKERS: Final = 3
_START_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.02
_INTO_STEP_SECONDS: Final = 0.15
_LOG_TAIL: Final = 2_000
_DRAIN_SECONDS: Final = 3.0


def demo(
    *,
    kill: Annotated[bool | None, Parameter(negative="--no-kill")] = None,
    approve: Annotated[bool | None, Parameter(negative="--no-approve")] = None,
    pace: float | None = None,
    open_: Annotated[bool | None, Parameter(name="--open", negative="--no-open")] = None,
    stay: Annotated[bool | None, Parameter(negative="--no-stay")] = None,
    flags: Flags = NO_FLAGS,
) -> int:
    """A real job to break: a storyboard of twelve frames with a voice-over, made by one of three worker processes.

    Kill the one that works on it, and watch another one go on where it was. It needs no network and no keys, and no money
    is spent. The dashboard shows it meanwhile.

    Parameters
    ----------
    kill
        Kill a worker in the middle of a step by itself. Without a terminal it does.
    approve
        Answer the question at the end by itself. Without a terminal it does.
    pace
        1 for people who watch (the default at a terminal), 0 for as fast as this machine can (without one).
    open_
        Open the job's page in a browser. At a terminal of this machine it does.
    stay
        Keep the dashboard after the end, until Ctrl-C. At a terminal it does.
    """
    alone = not sys.stdin.isatty()
    config = place.configured(flags)
    began = time.monotonic()
    with stopping() as (halt, hurry), place.opened(config, make=True) as here, place.client_of(here) as client:
        stage = Stage(here, client, flags, halt, wants_browser=open_, pace=pace_of(pace, alone=alone))
        stage.say(f"✓ Database   {here.name}, ready after {words.length(time.monotonic() - began)}")
        try:
            with dashboard.served(here, demo_app.app.defaults, lambda: list(stage.hands)) as address:
                job_id = stage.begin(address)
                view = stage.play(job_id, kill=_or(kill, alone), approve=_or(approve, alone))
                if view is None or not view.ended:
                    stage.say("stopped; the job is kept, and goes on when a worker serves queue demo: jobtrail demo")
                    return exits.INTERRUPTED
                ending = stage.ended(view, time.monotonic() - began)
                if _or(stay, not alone and flags.output in (None, "table")):
                    stage.stay(job_id)
        finally:
            hands.end(stage.hands, _DRAIN_SECONDS, hurry=hurry)
    if flags.output in ("json", "jsonl"):
        show.document(show.plain(plain_of(ending)))
    return exits.OK if ending.good else exits.of_job(view.job.status) or exits.UNEXPECTED


def pace_of(given: float | None, *, alone: bool) -> float:
    """How slow the job is made so that people can follow. Without anybody: not at all."""
    if given is None:
        return 0.0 if alone else 1.0
    return min(max(given, 0.0), 10.0)


def _or(said: bool | None, otherwise: bool) -> bool:  # noqa: FBT001  (it is the answer, not an option)
    return otherwise if said is None else said


@dataclass
class Stage:
    """The demo while it plays."""

    here: Place
    client: Client
    flags: Flags
    halt: threading.Event
    wants_browser: bool | None = None
    pace: float = 0.0
    hands: list[Hand] = field(default_factory=list)
    deaths: list[Death] = field(default_factory=list)
    _address: str = ""
    _asked: set[UUID] = field(default_factory=set)
    _tell: Callable[[str], None] = notice

    def say(self, line: str) -> None:
        """A line of the story: it is what was asked for, unless data is wanted."""
        print(line, file=sys.stderr if self.flags.output in ("json", "jsonl") else sys.stdout, flush=True)

    def begin(self, address: str) -> UUID:
        """Starts the workers, hands in the job, shows it; answers its id."""
        began = time.monotonic()
        self._address = address
        for _ in range(_WORKERS):
            self._start_worker()
        names = " · ".join(f"{one.name} pid {one.process_id}" for one in self._wait_for_workers())
        self.say(f"✓ Workers    {names}, ready after {words.length(time.monotonic() - began)}")
        job_id = self.client.enqueue_all([demo_app.storyboard.new(pace=self.pace)]).ids[0]
        if other := dashboard.taken(address, self.here.config.port):
            self.say(f"! Port       {other}")
        url, opens = self._url(job_id), dashboard.wants_browser(choice=self.wants_browser)
        self.say(f"✓ Dashboard  {url}{'   opening your browser' if opens else ''}")
        if opens:
            dashboard.open_browser(url)
        elif tunnel := dashboard.from_afar(address):
            self.say(f"             on the machine where your browser is, first: {tunnel}")
        self.say(f'✓ Job        "{demo_app.TITLE}"    {short(job_id)}\n')
        return job_id

    def play(self, job_id: UUID, *, kill: bool, approve: bool) -> View | None:
        """From the hand-in of the job to its end; None where somebody stopped it before anything was seen."""
        pids = [hand.pid for hand in self.hands]
        self.say("  This is a real job. It runs offline, without keys, and no money is spent.")
        if kill:
            self.say(f"  In the middle of a frame this kills a worker: kill -9 {pids[0]} or one of its siblings.\n")
        else:
            self.say("  While it runs, try to break it. Press ⚡ in the dashboard, or in another terminal:\n")
            self.say(f"    kill -9 {pids[0]}   or {' or '.join(str(pid) for pid in pids[1:])}: whichever works on it\n")
        view: View | None = None
        with self._screen(job_id) as shown, self._beside(lambda over: self._look_after(job_id, over, kill=kill)):
            self._tell = shown.say
            for view in follow(self.client, job_id, logs=self.flags.output == "jsonl", halt=self.halt):
                shown.see(view)
                for gate in view.gates:
                    self._decide(gate, by_itself=approve)
        self._tell = self.say
        return view

    def ended(self, view: View, seconds: float) -> Ending:
        """The end of the story, and what it proves."""
        job = view.job.id
        ending = Ending(
            view, self.client.events(job), self.client.usage(job), self.client.assets(job), self.deaths,
            self.client.workers(), audit.verified(self.here), seconds,
        )  # fmt: skip
        for line in lines_of(ending):
            self.say(line)
        return ending

    def stay(self, job_id: UUID) -> None:
        """Until Ctrl-C: the dashboard stays, and so do the workers, for whoever presses Retry."""
        self.say(f"\nThe dashboard stays: {self._url(job_id)}     Stop: Ctrl-C (everything is kept)")
        with self._beside(lambda over: self._look_after(job_id, over, kill=False)):
            self.halt.wait()

    def _url(self, job_id: UUID) -> str:
        return f"{self._address}/w/{self.here.config.workspace}/jobs/{job_id}"

    def _screen(self, job_id: UUID) -> Screen:
        if self.flags.output == "jsonl":
            return screen(self.flags, data=True)
        out = sys.stderr if self.flags.output == "json" else sys.stdout
        return Tale(self.flags, out, lambda: self.client.usage(job_id))

    def _start_worker(self) -> None:
        log = self.here.config.home / "demo-worker.log"
        self.hands.append(
            hands.start(self.here, _APP, "--queues", demo_app.QUEUE, "--processes", "1", "--slots", "1", log=log)
        )

    def _wait_for_workers(self) -> list[Worker]:
        """Until all are known to the database. Raises when one cannot start."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            known = {worker.process_id: worker for worker in self.client.workers() if worker.stopped_at is None}
            if self.halt.is_set() or all(hand.pid in known for hand in self.hands):
                return [known[hand.pid] for hand in self.hands if hand.pid in known]
            if any(hand.ended() is not None for hand in self.hands) or time.monotonic() > deadline:
                log = (self.here.config.home / "demo-worker.log").read_text("utf-8", "replace")[-_LOG_TAIL:]
                raise with_fix(JobtrailError(f"a worker did not start:\n{log}"), "jobtrail doctor")
            self.halt.wait(_LOOK_SECONDS)

    def _look_after(self, job_id: UUID, over: threading.Event, *, kill: bool) -> None:
        """Sees workers die, starts others in their place, and kills one when that is wanted."""
        while not over.wait(_LOOK_SECONDS):
            for hand in list(self.hands):
                if (code := hand.ended()) is not None:
                    self.hands.remove(hand)
                    self.deaths.append(Death(hand.pid, time.time()))
                    self._start_worker()
                    how = f"was killed (signal {-code})" if code < 0 else f"ended with exit code {code}"
                    self._tell(f"  ▚ {self._name(hand.pid)} {how}; another one starts in its place")
            if kill:
                with contextlib.suppress(Unavailable):  # it comes back, or whoever follows the job says so
                    kill = not self._kill_at_work(job_id)

    def _name(self, pid: int) -> str:
        """What the worker of a process is called, while that can be asked."""
        with contextlib.suppress(JobtrailError):
            known = (worker for worker in self.client.workers() if worker.process_id == pid)
            return next((f"{worker.name} (pid {pid})" for worker in known), f"the worker with pid {pid}")
        return f"the worker with pid {pid}"

    def _kill_at_work(self, job_id: UUID) -> bool:
        """Kills the process that draws the frame that takes longest, once it is in the middle of it."""
        hard = f"frame {demo_app.HARD_FRAME}"
        now = [step for step in self.client.steps(job_id) if step.status == StepStatus.RUNNING and step.name == hard]
        if not now or (words.between(now[0].started_at, None) or 0) < _INTO_STEP_SECONDS + self.pace / 2:
            return False
        attempt = self.client.attempts(job_id)[-1]
        pid = next((worker.process_id for worker in self.client.workers() if worker.id == attempt.worker_id), 0)
        if not dashboard.killer_of(lambda: list(self.hands)).kill(pid):
            return False
        self._tell(f'  ⚡ kill -9 {pid}, in the middle of "{hard}"')
        return True

    def _decide(self, gate: Gate, *, by_itself: bool) -> None:
        if gate.id in self._asked:
            return
        self._asked.add(gate.id)
        if by_itself:
            self._tell(f'  ◇ "{gate.question}"  Nobody is asked here, so the demo approves.')
            self.client.decide(gate.id, approve=True, comment="approved by the demo")
            return
        self._tell(f'  ◇ "{gate.question}"  → dashboard, or Enter here, or: jobtrail gate approve @last')
        threading.Thread(target=self._wait_for_enter, args=(gate,), daemon=True).start()

    def _wait_for_enter(self, gate: Gate) -> None:
        while not self.halt.is_set():
            if select.select([sys.stdin], [], [], 0.2)[0]:
                if not os.read(sys.stdin.fileno(), 1_024):
                    return  # there is nobody who could press anything
                with contextlib.suppress(JobtrailError):  # somebody was faster, in the dashboard or another terminal
                    self.client.decide(gate.id, approve=True, comment="approved in the demo's terminal")
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
