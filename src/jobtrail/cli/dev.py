"""`jobtrail dev`: database, worker and dashboard in one terminal. The worker is replaced when the code changes or it dies."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

from cyclopts import Parameter

from jobtrail.cli import apps, dashboard, exits, hands, keys, place, saying, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain
from jobtrail.cli.follow import View
from jobtrail.cli.hands import Hand
from jobtrail.cli.place import Place
from jobtrail.cli.seat import Holder, Seat, seat_of
from jobtrail.cli.telling import notice
from jobtrail.client import Client
from jobtrail.core import duration
from jobtrail.core.errors import Misconfigured, Unavailable
from jobtrail.core.ids import short
from jobtrail.core.model import Job
from jobtrail.core.status import FINAL, JobStatus
from jobtrail.store import embedded

_LOOK_SECONDS: Final = 0.3
_DRAIN_SECONDS: Final = 5.0
_SKIPPED: Final = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist"})
_MOST_FILES: Final = 5_000
_SHOWN: Final = 30


def dev(
    app: Annotated[str | None, Plain] = None,
    /,
    *,
    processes: int = 1,
    slots: int | None = None,
    queues: str | None = None,
    drain_timeout: str | None = None,
    open_: Annotated[bool | None, Parameter(name="--open", negative="--no-open")] = None,
    flags: Flags = NO_FLAGS,
) -> int:
    """Database, worker, dashboard and HTTP API in one terminal. The worker is replaced when a .py file of this folder
    changes. A second one in the same folder starts nothing, and shows what the first one does.

    Ctrl-C drains: what runs may end. A second Ctrl-C stops now. The data stays either way. At a terminal, keys: r restarts
    the workers, o opens the dashboard, k kills a worker (kill -9) to see what becomes of its jobs, q quits.

    Parameters
    ----------
    app
        The app, as module:attribute or app.py; found in this folder if it is not named.
    processes
        How many worker processes.
    slots
        How many jobs each of them runs at the same time.
    queues
        Which queues, commas between them; all that are used here if none are named.
    drain_timeout
        How long what runs may run on when a worker is replaced or stopped (default 5s); then it goes back to its queue.
    open_
        Open the dashboard in a browser. At a terminal of this machine it does.
    """
    config = place.configured(flags, {"slots": slots, "queues": queues})
    drain = _DRAIN_SECONDS if drain_timeout is None else duration.parse(drain_timeout).total_seconds()
    with stopping() as (halt, hurry), place.opened(config, make=True) as here, place.client_of(here) as client:
        notice(f"✓ {here.name}")
        with seat_of(config.home) as seat:
            if seat.holder is not None:
                return _attached(seat, client, halt, choice=open_)
            crew = Crew(here, client, app, processes, drain)
            with (
                _watched(here),
                _served(here, app, crew, choice=open_) as address,
                keys.heard(_keys(crew, address, halt)),
            ):
                seat.tell(address)
                try:
                    crew.work(halt, address)
                finally:
                    notice("draining; Ctrl-C again stops now" if not hurry.is_set() else "stopping")
                    hands.end(crew.all(), drain + 1.0, hurry=hurry)
    notice("stopped; everything is kept in " + str(config.home) if here.server else "stopped")
    return exits.OK


class Crew:
    """The worker processes of this terminal."""

    def __init__(self, here: Place, client: Client, app: str | None, count: int, drain: float) -> None:
        self._here, self._client, self._app, self._count, self._drain = here, client, app, count, drain
        self._hands: list[Hand] = []
        self._retired: list[Hand] = []
        self._extra: set[str] = set()
        self._broken = False
        self._wanted: list[str] = []

    def restart(self) -> None:
        """Asks for new workers, from any thread."""
        self._wanted.append("restart")

    def kill(self) -> None:
        """Kills the worker that started last, from any thread: what runs on it goes on elsewhere."""
        if self._hands:
            dashboard.killer_of(self.all).kill(self._hands[-1].pid)

    def all(self) -> list[Hand]:
        """Those that work and those that still drain."""
        return [*self._hands, *self._retired]

    def work(self, halt: threading.Event, address: str | None = None) -> None:
        """Keeps workers running, and tells what becomes of jobs, until `halt` is set. `address`: that of the dashboard."""
        folder = Path.cwd()
        files = dict(_python_files(folder))
        jobs = Jobs(self._client, address)
        self._start()
        while not halt.wait(_LOOK_SECONDS):
            changed = dict(_python_files(folder))
            if self._wanted:
                self._wanted.clear()
                notice("↺ new workers; what runs may end on the old")
                self._replace()
            elif changed != files:
                names = sorted(str(path.relative_to(folder)) for path, _ in changed.items() ^ files.items())
                notice(f"↺ {names[0]} changed: new code for new jobs; what runs may end on the old")
                files = changed
                self._replace()
            self._look_after()
            try:
                jobs.tell()
                self._serve_more()
            except Unavailable as error:
                notice(f"! {error.message}")

    def _start(self) -> None:
        named = ["--queues", ",".join(sorted(self._queues()))] if self._extra else []
        slots = ["--slots", str(self._here.config.slots)]
        if self._here.config.queues and not named:
            named = ["--queues", ",".join(self._here.config.queues)]
        for _ in range(self._count):
            more = (*named, *slots, "--processes", "1", "--drain-timeout", f"{self._drain:g}s")
            self._hands.append(hands.start(self._here, self._app, *more))
        self._broken = False

    def _replace(self) -> None:
        for hand in self._hands:
            hand.tell(signal.SIGTERM)
        self._retired += self._hands
        self._hands = []
        self._start()

    def _look_after(self) -> None:
        """A worker that was killed is replaced at once; one that cannot start waits for the code to change."""
        self._retired = [hand for hand in self._retired if hand.ended() is None]
        for hand in list(self._hands):
            code = hand.ended()
            if code is None:
                continue
            self._hands.remove(hand)
            if code < 0:
                notice(f"▚ worker pid {hand.pid} was killed (signal {-code}); another one takes over")
                self._count_up()
            elif not self._broken:
                self._broken = True
                notice(f"! the worker ended with exit code {code}; it starts again when a file changes")

    def _count_up(self) -> None:
        wanted, self._count = self._count, 1
        self._start()
        self._count = wanted

    def _serve_more(self) -> None:
        """Jobs may be handed in for queues that no type names: in development every queue is served."""
        if self._here.config.queues or self._broken:
            return
        known = {queue for worker in self._client.workers() if worker.stopped_at is None for queue in worker.queues}
        waiting = {one.queue for one in self._client.queues() if one.depth and one.paused_at is None}
        if known and (new := {queue for queue in waiting - known - self._extra if not queue.startswith("run-")}):
            self._extra |= new | known
            notice(f"↺ {', '.join(sorted(new))}: a new queue with jobs; serving it, too")
            self._replace()

    def _queues(self) -> set[str]:
        return {*self._extra, "default"}


class Jobs:
    """Tells when jobs start, wait and end: those that it sees change. `address`: where the dashboard is."""

    def __init__(self, client: Client, address: str | None) -> None:
        self._client, self._address = client, address
        self._seen = {job.id: job.status for job in client.list_jobs(limit=_SHOWN)}

    def tell(self) -> None:
        """What changed since the last call. Of jobs that are not among the newest any more, nothing is remembered."""
        jobs = self._client.list_jobs(limit=_SHOWN)
        known, self._seen = self._seen, {job.id: job.status for job in jobs}
        for job in reversed(jobs):
            before = known.get(job.id)
            if job.status != before and (line := _line(job)):
                notice(line)
                if job.status == JobStatus.FAILED and self._address is not None:
                    notice(f"      {self._address}/j/{short(job.id)}")


def _line(job: Job) -> str | None:
    name = f"{short(job.id)} {job.type}"
    if job.status in FINAL:
        return f"  {name}  {saying.of_end(View(job))}"
    if job.status == JobStatus.PENDING:
        why = words.one_line(job.error_message, 100)
        return f"  {name}  ◌ waits: {job.wait_reason}{'  ' + why if why else ''}"
    return f"  {name}  {words.glyph(job.status)} {job.status}"


def _python_files(folder: Path) -> Iterator[tuple[Path, int]]:
    """The project's .py files with the times of their last change; environments and hidden folders are left out."""
    left = _MOST_FILES
    for top, folders, names in os.walk(folder):
        folders[:] = [
            name for name in folders
            if not name.startswith(".") and name not in _SKIPPED and not (Path(top) / name / "pyvenv.cfg").exists()
        ]  # fmt: skip
        for name in names:
            if name.endswith(".py") and left > 0:
                left -= 1
                path = Path(top) / name
                try:
                    yield path, path.stat().st_mtime_ns
                except OSError:  # it went while we looked; that is a change, too
                    continue


@contextmanager
def _served(here: Place, app: str | None, crew: Crew, *, choice: bool | None) -> Iterator[str]:
    """The dashboard and the HTTP API on this machine, for whoever is on it; answers the address."""
    try:
        project = apps.project(here.config, app)
    except Misconfigured:  # the workers say what is wrong with the app
        project = apps.Project()
    with dashboard.served(here, project.app.defaults if project.app else {}, crew.all) as address:
        if other := dashboard.taken(address, here.config.port):
            notice(f"! {other}")
        _show(address, choice)
        notice(f"✓ API on {address}/api/v1, for this machine without a key")
        if keys.can_hear():
            notice("  r restart · o open · k kill -9 a worker · q quit")
        yield address


def _show(address: str, choice: bool | None) -> None:  # noqa: FBT001  (what was said, not an option of its own)
    """Says where the dashboard is, and opens it for whoever sits here."""
    opens = dashboard.wants_browser(choice=choice)
    notice(f"✓ dashboard on {address}{'   opening your browser' if opens else ''}")
    if opens:
        dashboard.open_browser(address)
    elif tunnel := dashboard.from_afar(address):
        notice(f"  on the machine where your browser is, first: {tunnel}")


def _attached(seat: Seat, client: Client, halt: threading.Event, *, choice: bool | None) -> int:
    """Shows what becomes of jobs while another `jobtrail dev` works in this folder."""
    holder = seat.holder or Holder()
    notice(
        f"✓ jobtrail dev works in this folder already (pid {holder.process_id or 'unknown'}); this one only looks on"
    )
    if holder.address is not None:
        _show(holder.address, choice)
    notice("  Ctrl-C leaves the other one running; to run other code here, end that one first")
    jobs = Jobs(client, holder.address)
    while not halt.wait(_LOOK_SECONDS):
        if not seat.is_held():
            notice("the other jobtrail dev has ended; start this again to work on")
            break
        try:
            jobs.tell()
        except Unavailable as error:
            notice(f"! {error.message}")
    return exits.OK


def _keys(crew: Crew, address: str, halt: threading.Event) -> dict[str, Callable[[], None]]:
    """What the keys of this terminal do."""
    return {"r": crew.restart, "o": lambda: dashboard.open_browser(address), "k": crew.kill, "q": halt.set}


@contextmanager
def _watched(here: Place) -> Iterator[None]:
    """The embedded server is started again if it dies."""
    if here.server is None:
        yield
        return
    over = threading.Event()
    thread = threading.Thread(target=embedded.watch, args=(here.server, over, notice), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def stopping() -> Iterator[tuple[threading.Event, threading.Event]]:
    """Two events: the first Ctrl-C or SIGTERM sets one, the second both."""
    halt, hurry = threading.Event(), threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        (hurry if halt.is_set() else halt).set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield halt, hurry
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
