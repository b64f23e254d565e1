"""A real worker on a real database, in a thread with an event loop of its own, and an app whose jobs it runs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from database import Database

from jobtrail.app import App, Handle
from jobtrail.client import Client
from jobtrail.core.model import Attempt, Job
from jobtrail.store.pool import Dial
from jobtrail.worker.plan import Plan
from jobtrail.worker.worker import Worker

PATIENCE_SECONDS = 60.0


def wait_until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Looks again and again until it is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.01)


class AtWork:
    """A worker that works."""

    def __init__(self, url: str, app: App, plan: Plan) -> None:
        self._url, self._app, self._plan = url, app, plan
        self._known = threading.Event()
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.thread = threading.Thread(target=self._live, name="worker")
        self.worker: Worker | None = None

    def start(self) -> None:
        self.thread.start()
        assert self._known.wait(PATIENCE_SECONDS), "the worker did not start"
        if self._error is not None:
            raise self._error

    def stop(self, *, at_once: bool = False) -> None:
        """Says stop, and waits for nothing."""
        worker, loop = self.worker, self._loop
        assert worker is not None and loop is not None
        if self.thread.is_alive():
            loop.call_soon_threadsafe(lambda: worker.stop(at_once=at_once))

    def soon(self, call: Callable[[], object]) -> None:
        """Calls something in the worker's event loop."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(call)

    def join(self, seconds: float = PATIENCE_SECONDS) -> None:
        self.thread.join(seconds)
        assert not self.thread.is_alive(), f"the worker did not end within {seconds} s"
        if self._error is not None:
            raise self._error

    def _live(self) -> None:
        try:
            asyncio.run(self._work())
        except BaseException as error:  # noqa: BLE001  it is raised where the test waits
            self._error = error
        finally:
            self._known.set()

    async def _work(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.worker = Worker(Dial(url=self._url), self._app.runners, self._plan)
        running = asyncio.create_task(self.worker.run())
        ready = asyncio.create_task(self.worker.ready.wait())
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        self._known.set()
        ready.cancel()
        await running


@dataclass(frozen=True)
class Scene:
    """An app on a database, and workers for it."""

    database: Database
    app: App
    client: Client
    folder: Path

    @contextmanager
    def work(self, **plan: Any) -> Iterator[AtWork]:
        """A worker for the length of a block; then it is stopped at once."""
        usual = {"slots": 4, "poll_seconds": 0.05, "grace_seconds": 1.0, "lease_seconds": 10.0, "beat_seconds": 0.5,
                 "validation_again_seconds": 0.05}  # fmt: skip
        folders = {f"{each}_dir": self.folder / each for each in ("assets", "work", "homes")}
        at_work = AtWork(self.database.app_url, self.app, Plan(**{**usual, **folders, **plan}))
        at_work.start()
        try:
            yield at_work
        finally:
            at_work.stop(at_once=True)
            at_work.join()

    def ends(self, handle: Handle[Any], *, within: float = PATIENCE_SECONDS) -> Job:
        """The job after its end."""
        return handle.wait(timeout=within)

    def until(self, handle: Handle[Any], status: str, *, within: float = PATIENCE_SECONDS) -> Job:
        """The job as soon as it has this status."""
        wait_until(lambda: handle.job().status == status, f"{handle.id} becomes {status}", within)
        return handle.job()

    def attempts(self, handle: Handle[Any]) -> list[Attempt]:
        return self.client.attempts(handle.id)

    def told(self, handle: Handle[Any]) -> list[str]:
        """The trail in single words."""
        return [event.type for event in self.client.events(handle.id)]

    def log(self, handle: Handle[Any]) -> list[dict[str, Any]]:
        """The lines of the job's log."""
        return [asdict(line) for line in self.client.logs(handle.id)]

    def gate(self, handle: Handle[Any]) -> UUID:
        """The gate at which the job waits."""
        (gate,) = self.client.gates(job_id=handle.id)
        return gate.id


@contextmanager
def scene(database: Database, folder: Path) -> Iterator[Scene]:
    """An app of the test's own."""
    app = App(database.app_url)
    with Client(database.app_url) as client:
        app.connect(client)
        yield Scene(database, app, client, folder)
