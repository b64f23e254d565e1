"""Where contenders meet: each has a thread and a connection of its own, and all start on the same job at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from database import Connection, Database
from scene import Scene

from jobtrail.core.errors import JobtrailError
from jobtrail.store.pool import Dial, connect

T = TypeVar("T")
Contender = Callable[[Scene, T], object]

DEEP = bool(os.environ.get("JOBTRAIL_DEEP"))
ROUNDS = 5_000 if DEEP else 300
"""How many rounds a race has. Each must end well; the deep run looks longer for the one that does not."""

CONTENDER = "contender"


@dataclass(frozen=True, slots=True)
class Arena:
    """A database whose server looks for deadlocks often, and one connection that takes no part in the races."""

    database: Database
    admin: Connection

    @contextmanager
    def scene(self, name: str = "looks on", *, hot: bool = False) -> Iterator[Scene]:
        """A scene on a connection of its own; `hot`: with the settings that a worker's connection has."""
        dial = Dial(url=self.database.app_url, name=name, hot=hot)
        with closing(connect(dial)) as conn:
            yield Scene(conn)

    def race(self, prizes: Sequence[T], *contenders: Contender[T], hot: bool = True) -> list[list[Any]]:
        """Lets the contenders go for one prize after the other; answers, for each prize, what each of them got."""
        start = threading.Barrier(len(contenders))

        def compete(contender: Contender[T], scene: Scene) -> list[Any]:
            got: list[Any] = []
            try:
                for prize in prizes:
                    start.wait(30)
                    got.append(_outcome(contender, scene, prize))
            except BaseException:
                start.abort()
                raise
            return got

        with ExitStack() as stack, ThreadPoolExecutor(len(contenders)) as threads:
            scenes = [stack.enter_context(self.scene(CONTENDER, hot=hot)) for _ in contenders]
            races = [threads.submit(compete, *pair) for pair in zip(contenders, scenes, strict=True)]
            got = [one.result() for one in races]
        self._wait_until_gone()
        return [list(each) for each in zip(*got, strict=True)]

    def deadlocks(self) -> int:
        """How many deadlocks there were in this database since it was made, those included that were tried again."""
        found: int = self._scalar("select deadlocks from pg_stat_database where datname = current_database()")
        return found

    def unsound(self) -> dict[str, list[Any]]:
        """Everything in the database that should never be, by the name of what is wrong."""
        found = {what: self.admin.execute(query.encode()).fetchall() for what, query in UNSOUND.items()}
        return {what: rows for what, rows in found.items() if rows}

    def _wait_until_gone(self) -> None:
        """A server process hands in its statistics when it ends."""
        never = threading.Event()
        for _ in range(1_000):
            if not self._scalar(
                "select count(*) from pg_stat_activity "
                "where application_name = 'contender' and datname = current_database()"
            ):
                return
            never.wait(0.01)
        raise AssertionError("the contenders do not leave")

    def _scalar(self, query: str) -> Any:
        row = self.admin.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def _outcome(contender: Contender[T], scene: Scene, prize: T) -> object:
    """What a contender got; an error that a verb names in its promise is an answer too."""
    try:
        return contender(scene, prize)
    except JobtrailError as error:
        return type(error).__name__
    except psycopg.Error as error:
        return f"{type(error).__name__}: {error}"


UNSOUND = {
    "a trail with a gap": """
        select j.id, j.version, count(*), max(e.seq) from jobtrail.jobs j join jobtrail.events e on e.job_id = j.id
        group by j.id, j.version having not (count(*) = j.version and max(e.seq) = j.version and min(e.seq) = 1)""",
    "a job that runs without an open attempt, or has one and does not run": """
        select j.id, j.status, j.attempt_id, a.id from jobtrail.jobs j
        left join jobtrail.attempts a on a.job_id = j.id and a.ended_at is null
        where (j.status = 'RUNNING') <> (a.id is not null) or a.id <> j.attempt_id""",
    "a job that ended twice in one generation": """
        select e.job_id, array_agg(e.type) from jobtrail.events e join jobtrail.jobs j on j.id = e.job_id
        where e.type in ('job.completed', 'job.failed', 'job.cancelled') group by e.job_id, j.generation
        having count(*) > j.generation""",
    "a result too many": """
        select job_id from jobtrail.results group by job_id, generation having count(*) > 1""",
    "a queued job that nobody can claim": """
        select j.id from jobtrail.jobs j where j.status = 'QUEUED' and not exists (
          select from jobtrail.ready r where r.job_id = j.id and r.workspace_id = j.workspace_id)""",
    "a job that waits to be checked and that nobody can take, or a check of no such job": """
        select coalesce(j.id, v.job_id), j.status, j.wait_reason, v.worker_id from jobtrail.jobs j
        full join jobtrail.validations v on v.job_id = j.id and v.workspace_id = j.workspace_id
        where (j.wait_reason is not distinct from 'VALIDATION') <> (v.job_id is not null)
          or (j.status = 'VALIDATING') <> (v.worker_id is not null)
          or (j.status = 'VALIDATING' and j.wait_reason is distinct from 'VALIDATION')""",
    "a gate that waits for nobody": """
        select g.id, g.status, j.status, j.wait_reason from jobtrail.gates g join jobtrail.jobs j on j.id = g.job_id
        where (g.status = 'WAITING') <> (j.status = 'PENDING' and j.wait_reason is not distinct from 'GATE')
          and (g.status = 'WAITING' or g.asked_at = (select max(asked_at) from jobtrail.gates x where x.job_id = j.id))""",
    "a chain that is broken": """
        select j.id from jobtrail.jobs j join jobtrail.events e on e.job_id = j.id and e.seq = j.version
        where e.hash <> j.trail_hash or e.status <> j.status""",
}


def ids_of(fences: Sequence[Any]) -> list[UUID]:
    """The jobs that these attempts are of."""
    return [one.job_id for one in fences]
