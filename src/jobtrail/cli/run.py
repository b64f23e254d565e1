"""`jobtrail run`: hands in one job, works it in this process to its end, and exits with its outcome."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated
from uuid import UUID

from cyclopts import Parameter

from jobtrail.cli import apps, exits, hands, job_follow, order, place, refs, words
from jobtrail.cli.apps import Project
from jobtrail.cli.flags import NO_FLAGS, Flags, Pair, Plain, Whole
from jobtrail.cli.follow import View, follow
from jobtrail.cli.place import Place
from jobtrail.cli.plans import plan_of
from jobtrail.cli.screen import Screen, screen
from jobtrail.cli.telling import Usage, notice, with_fix
from jobtrail.client import Client
from jobtrail.core.config import Config
from jobtrail.core.errors import Conflict, JobtrailError
from jobtrail.core.ids import short
from jobtrail.core.model import Job
from jobtrail.core.status import FINAL, JobStatus
from jobtrail.runners import registry
from jobtrail.service.jobs import NewJob
from jobtrail.store.db import ALL
from jobtrail.worker.worker import Worker


def run(
    target: Annotated[str | None, Plain] = None,
    /,
    *values: Pair,
    input: Whole = None,
    title: str | None = None,
    tag: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    resume: str | None = None,
    flags: Flags = NO_FLAGS,
) -> int:
    """Run one job here to its end, and exit with its outcome: 0 completed, 3 failed, 7 cancelled.

    The job gets a queue of its own, so that this takes nobody else's work and nobody takes its. What it prints and what
    it returns goes to stdout. Ctrl-C cancels it; a second one leaves at once.

    Parameters
    ----------
    target
        A file that describes a job (.toml, .json), or the type of a job.
    values
        Its input: name=value as the type wants it, name:=JSON for JSON.
    input
        The whole input: @FILE, - for stdin, or JSON. Values that are named besides win.
    title
        What people see beside the id.
    tag
        A word to find it by; may be given several times.
    resume
        Go on with a job that an earlier run left, instead of a new one; finished steps are kept.
    """
    if (target is None) == (resume is None):
        raise Usage("name a file or a type to run, or a job with --resume")
    config = place.configured(flags)
    wishes = order.Wishes(title=title, tag=tag)
    made = None if target is None else _made(config, target, values, input, wishes)
    with place.opened(config, make=resume is None) as here, place.client_of(here) as client:
        if made is not None:
            project, wanted = made
            wanted = wanted._replace(options=replace(wanted.options, queue=order.private_queue(wanted.id)))
            job = client.get(client.enqueue_all([wanted]).ids[0])
        else:
            job = _left(client, refs.job_id(client, str(resume)))
            project = _project_for(config, job.type)
        return _to_the_end(here, client, project, job, flags)


def _made(
    config: Config, target: str, pairs: tuple[str, ...], given: str | None, wishes: order.Wishes
) -> tuple[Project, NewJob]:
    if order.is_file(target):
        wanted = order.of_file(Path(target), pairs, given, wishes)
        return _project_for(config, wanted.options.type), wanted
    project = _project_for(config, target)
    return project, order.of_type(project, target, pairs, given, wishes)


def _project_for(config: Config, type: str) -> Project:
    """The project that knows the type. An app that cannot be imported is in nobody's way who does not need it."""
    installed = Project(None, None, tuple(sorted(registry.discover())))
    if type in installed.types and config.app is None:
        with contextlib.suppress(JobtrailError):
            return apps.project(config)
        return installed
    project = apps.project(config)
    order.check_known(project, type)
    return project


def _left(client: Client, job_id: UUID) -> Job:
    """A job that an earlier `run` left; it is retried if it has ended badly."""
    job = client.get(job_id)
    if not order.is_private(job.queue):
        raise with_fix(
            Conflict(f"job {job_id} was not made by `jobtrail run`: the workers of queue {job.queue} go on with it"),
            f"jobtrail job retry {short(job_id)}",
        )
    if job.status == JobStatus.COMPLETED:
        raise with_fix(Conflict(f"job {job_id} is done"), f"jobtrail job rerun {short(job_id)}")
    if job.status in FINAL:
        client.retry(job_id)
    return client.get(job_id)


def _to_the_end(here: Place, client: Client, project: Project, job: Job, flags: Flags) -> int:
    runner = project.runner(job.type)
    if runner is None:
        raise apps.unknown(job.type, project.types)
    shown = screen(flags, data=False)  # before the worker catches what is printed
    worker = Worker(here.dial(ALL, "jobtrail run"), {job.type: runner}, plan_of(here, (job.queue,), slots=1))
    ends = Ends(client, job.id, worker, shown.say)
    try:
        view = asyncio.run(_work(worker, client, job.id, shown, ends))
    finally:
        if ends.asked > 1:
            hands.leave_if_threads_hang()
    job_follow.tell_result(client, view.job, flags, quiet=False)
    if not view.ended:
        notice(f"job {short(job.id)} is {view.job.status}; go on with it: jobtrail run --resume {short(job.id)}")
    elif files := client.assets(job.id):
        notice(f"{words.counted(len(files), 'file')}: jobtrail file list {short(job.id)}")
    return exits.INTERRUPTED if ends.asked else exits.of_job(view.job.status)


@dataclass(slots=True)
class Ends:
    """What Ctrl-C and SIGTERM do to a run: cancel first, leave at once the second time; SIGTERM gives the job back."""

    client: Client
    job_id: UUID
    worker: Worker
    say: Callable[[str], None]
    halt: threading.Event = field(default_factory=threading.Event)
    asked: int = 0

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.asked += 1
        if self.asked == 1:
            self.say("cancelling; press Ctrl-C again to leave at once")
            threading.Thread(target=self._cancel, daemon=True).start()
            return
        self.halt.set()
        self.worker.stop(at_once=True)

    def terminate(self) -> None:
        """SIGTERM: the job goes back to its queue, and uses up no attempt."""
        self.asked += 1
        self.halt.set()
        self.worker.stop(at_once=True)

    def _cancel(self) -> None:
        try:
            self.client.cancel(self.job_id, "interrupted with Ctrl-C")
        except JobtrailError as error:  # it ended meanwhile, or the database is away: then only leaving helps
            self.say(f"it cannot be cancelled: {error.message}")


async def _work(worker: Worker, client: Client, job_id: UUID, shown: Screen, ends: Ends) -> View:
    """The worker and the onlooker side by side, until the job has ended or we are to leave."""

    def look() -> View:
        view = View(client.get(job_id))
        with shown:
            for view in follow(client, job_id, halt=ends.halt):
                shown.see(view)
        return view

    with _signals({signal.SIGINT: ends.interrupt, signal.SIGTERM: ends.terminate}):
        working = asyncio.create_task(worker.run())
        looking = asyncio.create_task(asyncio.to_thread(look))
        await asyncio.wait({working, looking}, return_when=asyncio.FIRST_COMPLETED)
        if working.done() and not looking.done() and working.exception() is not None:
            ends.halt.set()
        worker.stop()
        try:
            await working
        finally:
            if not looking.done() and not ends.halt.is_set():
                ends.halt.set()
        return await looking


@contextmanager
def _signals(handlers: dict[signal.Signals, Callable[[], None]]) -> Iterator[None]:
    """Handles signals in this loop; outside of the main thread they are not ours."""
    loop = asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
