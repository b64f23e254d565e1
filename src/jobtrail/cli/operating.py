"""`jobtrail worker drain`, `undrain` and `jobtrail workspace pause`, `resume`: telling workers from afar what to take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated, cast
from uuid import UUID

from cyclopts import Parameter

from jobtrail.cli import place, refs, show
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain, Switch
from jobtrail.cli.telling import notice, with_fix
from jobtrail.client import Client, JobsClient
from jobtrail.client.operating import Operations
from jobtrail.client.operating_flows import OperatingFlows
from jobtrail.client.tasks import Runs
from jobtrail.core.access import Workspace
from jobtrail.core.errors import Invalid, NotFound
from jobtrail.core.ids import short
from jobtrail.core.model import Worker
from jobtrail.service.workers import Told
from jobtrail.store.db import ALL
from jobtrail.store.pool import Database

Why = Annotated[str | None, Parameter(alias="-m")]


def drain(
    worker: Annotated[str, Plain],
    /,
    *,
    stop: Annotated[bool, Switch] = False,
    reason: Why = None,
    flags: Flags = NO_FLAGS,
) -> int:
    """Tell a worker to take no more jobs; what it runs goes on. It hears of it within seconds.

    Parameters
    ----------
    worker
        Its name, its id, or four or more digits of that.
    stop
        End the worker when what it runs has ended; else it stays, and `worker undrain` lets it go on.
    reason
        Why; whoever looks at the worker is told.
    """
    with commanding(flags) as (client, operations):
        one = worker_of(client, worker)
        told = operations.drain(one.id, reason, stop=stop)
    _tell(told, one, flags)
    ends = "ends when what it runs has ended" if stop else "takes no more jobs"
    notice(f"worker {one.name} {ends}; undo: jobtrail worker undrain {short(one.id)}")
    return 0


def undrain(worker: Annotated[str, Plain], /, *, flags: Flags = NO_FLAGS) -> int:
    """Let a worker that was told to drain take jobs again.

    Parameters
    ----------
    worker
        Its name, its id, or four or more digits of that.
    """
    with commanding(flags) as (client, operations):
        one = worker_of(client, worker)
        told = operations.undrain(one.id)
    _tell(told, one, flags)
    notice(f"worker {one.name} takes jobs again")
    return 0


def pause(*, reason: Why = None, flags: Flags = NO_FLAGS) -> int:
    """Let workers take none of the workspace's jobs; what runs goes on, and jobs go on coming in.

    Parameters
    ----------
    reason
        Why; whoever asks what a job waits for is told.
    """
    with place.client(flags) as client:
        found = client.operations.pause_workspace(reason)
    _show(found, flags)
    notice(f"paused the workspace {found.name}; undo: jobtrail workspace resume")
    return 0


def resume(*, flags: Flags = NO_FLAGS) -> int:
    """Let workers take the workspace's jobs again."""
    with place.client(flags) as client:
        found = client.operations.resume_workspace()
    _show(found, flags)
    notice(f"resumed the workspace {found.name}")
    return 0


def leave(worker: str, queue: str, flags: Flags, *, take: bool) -> int:
    """Tells one worker to leave a queue alone, or to take of it again."""
    with commanding(flags) as (client, operations):
        one = worker_of(client, worker)
        told = operations.leave_queue(one.id, queue, leave=not take)
    _tell(told, one, flags)
    notice(f"worker {one.name} takes {'jobs' if take else 'no more'} of {queue}" + (" again" if take else ""))
    return 0


@contextmanager
def commanding(flags: Flags) -> Iterator[tuple[JobsClient, Operations]]:
    """A client, and the verbs of those who operate: with the database itself also for workers that serve all workspaces."""
    config = place.configured(flags)
    if place.server_of(config, flags) is not None:
        with place.reached(config, flags) as client:
            yield client, client.operations
        return
    with (
        place.opened(config) as here,
        place.client_of(here) as client,
        Database(here.dial(ALL, "jobtrail"), size=1) as everywhere,
    ):
        yield client, _everywhere(client, everywhere)


def _everywhere(client: Client, database: Database) -> Operations:
    flows = OperatingFlows(client.workspace, client.actor)
    return Operations(flows, cast("Runs", partial(_run, database)), client.nudger.nudge)


def _run(database: Database, work: object) -> object:
    return database.run(work)  # type: ignore[arg-type]  # a verb for the database, as OperatingFlows makes them


def worker_of(client: JobsClient, said: str) -> Worker:
    """The worker that is meant, one that lives before those that are gone. Raises NotFound, Invalid."""
    known = client.workers()
    alive = [one for one in known if one.stopped_at is None and one.leased]
    for among in (alive, known):
        named = [one for one in among if said in (one.name, str(one.id))]
        id: UUID | None = refs.one_of([one.id for one in among], said) if not named else None
        named = named or [one for one in among if one.id == id]
        if len(named) > 1:
            raise with_fix(Invalid(f"{len(named)} workers are named {said}"), "give the id; jobtrail worker list")
        if named:
            return named[0]
    raise with_fix(NotFound(f"there is no worker {said!r} here"), "jobtrail worker list")


def _tell(told: Told, worker: Worker, flags: Flags) -> None:
    if flags.output in ("json", "jsonl"):
        show.line({"worker": str(worker.id), "name": told.name, "changed": told.changed})
    elif not told.changed:
        notice("it was told so before")


def _show(found: Workspace, flags: Flags) -> None:
    if flags.output in ("json", "jsonl"):
        show.line(show.plain(found))
