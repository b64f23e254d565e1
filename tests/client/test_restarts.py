"""One idempotency key is one job, whatever happens to server and database in between; and every key has its job.

JOBTRAIL_DEEP=1 takes 10 000 keys and restarts both again and again.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx2
import psycopg
import pytest
from scene import new_job
from store.embedded_server import a_home

from jobtrail.client.remote import RemoteClient
from jobtrail.core.errors import Unavailable
from jobtrail.store import embedded, migrate

log = logging.getLogger(__name__)

DEEP = bool(os.environ.get("JOBTRAIL_DEEP"))
THREADS = 64
KEYS = 10_000 if DEEP else 200
RESTARTS = 20 if DEEP else 2
SECONDS = 60.0
PATIENCE = timedelta(seconds=30)


@dataclass(slots=True)
class House:
    """A database and a server in processes of their own, both to be killed."""

    database: embedded.Server
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    kills: int = field(default=0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self) -> None:
        """Starts the server."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("JOBTRAIL_")}
        environment |= {"JOBTRAIL_DATABASE_URL": self.database.app_url, "JOBTRAIL_KEY_REQUESTS_PER_SECOND": "0"}
        argv = [sys.executable, "-m", "jobtrail", "serve", "--port", str(self.port), "--no-login"]
        self.process = subprocess.Popen(argv, cwd=self.folder, env=environment, stderr=subprocess.DEVNULL)

    def answers(self) -> bool:
        """Whether the server reaches the database."""
        try:
            return httpx2.get(f"{self.url}/api/v1/queues", timeout=5).status_code == 200
        except httpx2.TransportError:
            return False

    def kill_both(self) -> None:
        """kill -9 for server and database, and both come again."""
        assert self.process is not None
        found = embedded.status(self.database.data_dir.parent)
        self.process.kill()
        self.process.wait()
        if found is not None:
            os.kill(found.pid, signal.SIGKILL)
        self.kills += 1
        embedded.ensure(self.database)
        self.serve()
        until(self.answers)

    def jobs(self) -> dict[UUID, str]:
        """The jobs that there are: id and title."""
        with closing(psycopg.connect(self.database.owner_url, options="-c jobtrail.workspace=*")) as admin:
            return dict(admin.execute("select id, title from jobtrail.jobs").fetchall())


def until(condition: Callable[[], bool]) -> None:
    never, deadline = threading.Event(), time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        never.wait(0.05)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with a_home() as home, embedded.running(home) as database:
        with closing(psycopg.connect(database.owner_url, autocommit=True)) as owner:
            migrate.up(owner)
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        house = House(database, tmp_path_factory.mktemp("served"), port)
        house.serve()
        try:
            until(house.answers)
            yield house
        finally:
            if house.process is not None:
                house.process.kill()
                house.process.wait()


def handed_in(client: RemoteClient, key: str) -> tuple[UUID, bool]:
    """Enqueues under a key; whoever is told that nobody knows asks again with the same key."""
    wanted = new_job(title=key)
    for _ in range(10):
        try:
            return client.enqueue_once(wanted, key)
        except Unavailable:
            continue
    raise AssertionError(f"{key}: the server was away all the time")


@pytest.mark.timeout(1_800 if DEEP else 300)
def test_64_threads_with_one_key_make_one_job_while_server_and_database_are_killed(house: House) -> None:
    before = set(house.jobs())
    over = threading.Event()

    told: list[tuple[UUID, bool]] = []

    def hand_in() -> bool:
        first = handed_in(client, "the one key")
        told.append(first)
        while not over.is_set():
            told.append(handed_in(client, "the one key"))
        return first[1]

    with RemoteClient(house.url, patience=PATIENCE) as client, ThreadPoolExecutor(THREADS) as threads:
        futures = [threads.submit(hand_in) for _ in range(THREADS)]
        try:
            for _ in range(RESTARTS):
                house.kill_both()
                heard = len(told)
                until(lambda: len(told) >= heard + THREADS)  # noqa: B023  (it is over before the next round)
        finally:
            over.set()
        new = [future.result() for future in futures]
    made = set(house.jobs()) - before
    assert len(made) == 1
    assert {job_id for job_id, _ in told} == made
    assert sum(new) == 1, "the one whose job it is knows that it is new, and nobody else"
    log.info("%d answers to %d threads, %d kills of server and database: 1 job", len(told), THREADS, RESTARTS)


@pytest.mark.timeout(1_800 if DEEP else 300)
def test_every_key_has_one_job_though_each_is_handed_in_twice_while_both_are_killed(house: House) -> None:
    before, kills = set(house.jobs()), house.kills
    keys = [f"key {n}" for n in range(KEYS)] * 2
    random.Random(7).shuffle(keys)
    begun = time.monotonic()
    over = threading.Event()

    def kill() -> None:
        for n in range(RESTARTS):
            if n and over.wait(2.0):
                return
            house.kill_both()

    killer = threading.Thread(target=kill)
    with RemoteClient(house.url, patience=PATIENCE) as client, ThreadPoolExecutor(THREADS) as threads:
        killer.start()
        told = list(zip(keys, threads.map(lambda key: handed_in(client, key), keys), strict=True))
        over.set()
    killer.join()
    made = {job_id: title for job_id, title in house.jobs().items() if job_id not in before}
    assert Counter(made.values()) == Counter(dict.fromkeys(keys, 1))
    assert all(made[job_id] == key for key, (job_id, _) in told), "each was told the job of its key"
    assert Counter(key for key, (_, is_new) in told if is_new) == Counter(dict.fromkeys(keys, 1))
    log.info(
        "%d keys, %d requests, %d kills of both: %d jobs, %.1f s",
        KEYS, len(told), house.kills - kills, len(made), time.monotonic() - begun,
    )  # fmt: skip
