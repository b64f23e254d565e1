"""`jobtrail worker start` and `list`: one worker in this process, or several processes under this one."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from typing import Annotated, Final

from cyclopts import Parameter

from jobtrail.cli import apps, exits, hands, loggers, place, repeat, show, words
from jobtrail.cli.apps import Project
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain, Switch
from jobtrail.cli.place import Place
from jobtrail.cli.plans import plan_of
from jobtrail.cli.telling import Usage, with_fix
from jobtrail.client import DEFAULT_WORKSPACE
from jobtrail.core import duration
from jobtrail.core.config import Config
from jobtrail.core.errors import Misconfigured
from jobtrail.core.model import Worker as Known
from jobtrail.service import queues
from jobtrail.store.db import ALL
from jobtrail.store.pool import Database
from jobtrail.worker import declared
from jobtrail.worker.fleet import Fleet
from jobtrail.worker.link import Link
from jobtrail.worker.worker import Worker

log = logging.getLogger("jobtrail.worker")

_LOOK_SECONDS: Final = 0.25


def start(
    app: Annotated[str | None, Plain] = None,
    /,
    *,
    queues: Annotated[str | None, Parameter(alias="-q")] = None,
    slots: int | None = None,
    processes: int | None = None,
    drain_timeout: str | None = None,
    once: Annotated[bool, Switch] = False,
    while_parent: Annotated[int | None, Parameter(show=False)] = None,
    flags: Flags = NO_FLAGS,
) -> int:
    """Work on queues until told to stop: SIGTERM or Ctrl-C drains, a second one stops at once.

    It needs JOBTRAIL_DATABASE_URL; for an embedded database there is `jobtrail dev`.

    Parameters
    ----------
    app
        The app, as module:attribute or app.py; found in this folder if it is not named.
    queues
        Which queues, commas between them; those of the app's types, `default` and `webhooks` if none are named.
    slots
        How many jobs each process runs at the same time.
    processes
        How many processes.
    drain_timeout
        How long what runs may run on when told to stop; then it goes back to its queue.
    once
        Stop when no ready job is left.
    """
    drain = None if drain_timeout is None else duration.parse(drain_timeout).total_seconds()
    config = place.configured(
        flags, {"queues": queues, "slots": slots, "processes": processes, "app": None, "drain_seconds": drain}
    )
    if not config.database_url:
        raise with_fix(
            Misconfigured("a worker needs the database that it works for"),
            "set JOBTRAIL_DATABASE_URL=postgresql://user@host/database",
            "to try things out, with a database of its own: jobtrail dev",
        )
    loggers.listen(config.log_format)
    if config.processes > 1:
        if once:
            raise Usage("--once goes with one process")
        return _fleet(config, app)
    project = apps.project(config, app)
    if not project.types:
        raise with_fix(Misconfigured("there is no type of job that this worker could run"), "jobtrail init")
    with place.opened(config) as here:
        return asyncio.run(_work(here, project, once=once, parent=while_parent))


def workers(*, watch: Annotated[bool, Parameter(alias="-w", negative=())] = False, flags: Flags = NO_FLAGS) -> int:
    """The workers, those alive first.

    Parameters
    ----------
    watch
        Show them again whenever something changed.
    """
    with place.client(flags) as client:
        if watch:
            return repeat.show_changes(client.workers, lambda found: _show(found, flags), flags)
        _show(client.workers(), flags)
    return exits.OK


def served(config: Config, project: Project) -> tuple[str, ...]:
    """The queues that a worker serves: those of the settings, or what the project's types use."""
    return config.queues or project.queues


async def _work(here: Place, project: Project, *, once: bool, parent: int | None) -> int:
    names = served(here.config, project)
    worker = Worker(here.dial(ALL, "jobtrail"), project.runners(), plan_of(here, names))
    await _declare(here, project)
    watching = [asyncio.create_task(_until_orphaned(worker, parent))] if parent else []
    watching += [asyncio.create_task(_until_empty(worker, here, names))] if once else []
    log.info(
        "worker %s (pid %d), %s on %s, knows %s", worker.name, os.getpid(),
        words.counted(here.config.slots, "slot"), ", ".join(names), ", ".join(sorted(worker.runners)),
    )  # fmt: skip
    try:
        await worker.run(handle_signals=True)
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
    log.info("worker %s has stopped", worker.name)
    hands.leave_if_threads_hang()
    return exits.OK


async def _declare(here: Place, project: Project) -> None:
    """Applies the schedules of the app, where it says in which workspace it is: there."""
    if project.app is None or project.spec is None:
        return
    workspace = project.app.workspace
    link = Link(here.dial(ALL, "jobtrail schedules"))
    try:
        ours = place.workspace_id(here) if workspace == DEFAULT_WORKSPACE else workspace
        await declared.apply(link, ours, project.spec, list(project.app.schedules.values()))
    finally:
        await link.close()


async def _until_orphaned(worker: Worker, parent: int) -> None:
    """Drains when the process that started this one is gone, however it went."""
    while os.getppid() == parent:
        await asyncio.sleep(_LOOK_SECONDS)
    log.warning("the process that started this worker is gone; it drains")
    worker.stop()


async def _until_empty(worker: Worker, here: Place, names: Sequence[str]) -> None:
    """Drains when nothing is ready in its queues and nothing runs, seen twice in a row."""
    await worker.ready.wait()
    with Database(here.dial(str(place.workspace_id(here)), "jobtrail once"), size=1) as database:
        quiet = 0
        while quiet < 2:
            await asyncio.sleep(_LOOK_SECONDS)
            depths = await asyncio.to_thread(database.run, queues.depths(place.workspace_id(here)))
            waits = any(one.depth for one in depths if one.queue in names and one.paused_at is None)
            quiet = 0 if worker.running or waits else quiet + 1
    worker.stop()


def _fleet(config: Config, app: str | None) -> int:
    more = ["--processes", "1", "--slots", str(config.slots), "--drain-timeout", f"{config.drain_seconds:g}s"]
    more += ["--queues", ",".join(config.queues)] if config.queues else []
    argv = hands.worker_argv(app, *more, parent=os.getpid())
    log.info("%s of %s", words.counted(config.processes, "process", "processes"), words.counted(config.slots, "slot"))

    async def run() -> int:
        return await Fleet(argv, config.processes, hands.environment(config)).run()

    return exits.OK if asyncio.run(run()) == 0 else exits.UNEXPECTED


def _show(found: list[Known], flags: Flags) -> None:
    columns: list[show.Column[Known]] = [
        show.id_column(lambda w: w.id),
        show.Column("NAME", lambda w: w.name),
        show.Column("STATE", _state),
        show.Column("HOST", lambda w: w.host, rank=3),
        show.Column("PID", lambda w: w.process_id, right=True),
        show.Column("RUNS", lambda w: f"{w.running}/{w.slots}", right=True),
        show.Column("QUEUES", lambda w: ",".join(_queue(w, queue) for queue in w.queues)),
        show.Column("TYPES", lambda w: ",".join(w.types), rank=4),
        show.time_column("STARTED", lambda w: w.started_at, rank=2),
        show.Column("BEAT", lambda w: f"{w.silent_seconds:.1f}", lambda w: f"{w.silent_seconds:.0f} s ago", rank=5),
        show.Column("WHY", lambda w: w.stop_reason or w.drain_reason, rank=6),
    ]
    show.rows(found, columns, flags, empty="no worker has ever been here; start one: jobtrail worker start")


def _queue(worker: Known, queue: str) -> str:
    """One that it was told to leave alone is marked."""
    return f"-{queue}" if queue in worker.left_queues else queue


def _state(worker: Known) -> str:
    if worker.stopped_at is not None:
        return "stopped"
    if not worker.leased:
        return "lost"
    return "draining" if worker.draining_at is not None else "working"
