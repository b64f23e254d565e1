"""`jobtrail job watch` and `wait`: follow jobs to their end, and exit with their outcome."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated
from uuid import UUID

from cyclopts import Parameter

from jobtrail.cli import exits, place, refs, saying, show, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Ref, Switch
from jobtrail.cli.follow import LOOK_SECONDS, View, follow
from jobtrail.cli.screen import screen
from jobtrail.cli.telling import notice
from jobtrail.client import JobsClient
from jobtrail.core import duration
from jobtrail.core.ids import short
from jobtrail.core.model import Job, Result
from jobtrail.core.status import FINAL, JobStatus


def watch(
    job: Ref, /, *, logs: Annotated[bool, Switch] = False, timeout: str | None = None, flags: Flags = NO_FLAGS
) -> int:
    """Follow a job: its steps, progress and attempts. Exits with its outcome; Ctrl-C lets it run on.

    Parameters
    ----------
    job
        An id, four or more digits of its start or end, @last or @failed.
    logs
        Show the lines of its log, too.
    timeout
        How long to watch at most; then exit with 8.
    """
    patience = None if timeout is None else duration.parse(timeout).total_seconds()
    with place.client(flags) as client:
        job_id = refs.job_id(client, job)
        return to_the_end(client, job_id, flags, logs=logs, timeout=patience, data=True)


def wait(*jobs: Ref, timeout: Annotated[str | None, Parameter(alias="-t")] = None, flags: Flags = NO_FLAGS) -> int:
    """Wait for the end of jobs. Exits with their outcome, 9 when they ended differently, 8 when the time is over.

    Parameters
    ----------
    jobs
        Ids, four or more digits of their start or end, @last or @failed.
    timeout
        How long to wait at most: 30s, 10m.
    """
    patience = None if timeout is None else duration.parse(timeout).total_seconds()
    with place.client(flags) as client:
        return all_to_the_end(client, refs.job_ids(client, jobs or ("@last",)), flags, timeout=patience)


def all_to_the_end(client: JobsClient, ids: list[UUID], flags: Flags, *, timeout: float | None = None) -> int:
    """Waits for the end of jobs, shows how they ended, and answers their exit code. Ctrl-C detaches."""
    with detaching() as halt:
        found = _until_ended(client, ids, timeout, halt)
    show.rows(
        found,
        [show.id_column(lambda j: j.id), show.Column("TYPE", lambda j: j.type), show.status_column(lambda j: j.status),
         show.Column("TIME", lambda j: j.actual_seconds, lambda j: words.length(j.actual_seconds)),
         show.Column("ERROR", lambda j: j.error_message or j.cancel_reason)],
        flags,
    )  # fmt: skip
    if halt.is_set():
        return exits.INTERRUPTED
    return exits.of_jobs([job.status for job in found])


def to_the_end(
    client: JobsClient,
    job_id: UUID,
    flags: Flags,
    *,
    quiet: bool = False,
    logs: bool = True,
    timeout: float | None = None,
    data: bool = False,
) -> int:
    """Follows one job on the screen, tells what it made, and answers its exit code. Ctrl-C detaches."""
    last = View(client.get(job_id))
    with detaching() as halt:
        if quiet:
            found = _until_ended(client, [job_id], timeout, halt)
            last = View(found[0])
            last.steps = client.steps(job_id)
            if last.ended:
                notice(saying.of_end(last))
        else:
            views = follow(client, job_id, logs=logs, timeout=timeout, halt=halt)
            last = shown(views, flags, data=data) or last
        if halt.is_set():
            notice(f"detached; job {short(job_id)} runs on: jobtrail job watch {short(job_id)}")
            return exits.INTERRUPTED
    tell_result(client, last.job, flags, quiet=data)
    if not last.ended:
        notice(f"the time is over; job {short(job_id)} is still {last.job.status}")
    return exits.of_job(last.job.status)


def shown(views: Iterable[View], flags: Flags, *, data: bool) -> View | None:
    """Shows views, wherever they come from, on the screen that suits; answers the last one.

    `data`: what is followed is what was asked for, so it goes to stdout.
    """
    last = None
    with screen(flags, data=data) as here:
        for last in views:
            here.see(last)
    return last


def tell_result(client: JobsClient, job: Job, flags: Flags, *, quiet: bool) -> None:
    """What the job made, on stdout: JSON with everything, or the result alone for people."""
    tell_made(job, client.result(job.id) if job.status in FINAL else None, flags, quiet=quiet)


def tell_made(job: Job, result: Result | None, flags: Flags, *, quiet: bool) -> None:
    """The same where the result is known."""
    if flags.output == "json":
        show.document(show.plain({"job": job, "result": result}))
    elif flags.output == "jsonl":
        show.line(show.plain({"result": result}))
    elif result is not None and not quiet and job.status == JobStatus.COMPLETED:
        _print_result(result)


def _print_result(result: Result) -> None:
    if isinstance(result.output, str):
        print(words.harmless(result.output) if show.is_terminal() else result.output)
    elif result.output is not None:
        show.document(result.output)
    sys.stdout.flush()


def _until_ended(client: JobsClient, ids: list[UUID], timeout: float | None, halt: threading.Event) -> list[Job]:
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        found = [client.get(id) for id in ids]
        left = LOOK_SECONDS if deadline is None else min(LOOK_SECONDS, deadline - time.monotonic())
        if all(job.status in FINAL for job in found) or left <= 0 or halt.wait(left):
            return found


@contextmanager
def detaching() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets, for whoever only looks on. Outside of the main thread, Ctrl-C is not ours."""
    halt = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield halt
        return

    def detach(_number: int, _frame: FrameType | None) -> None:
        halt.set()

    before = signal.signal(signal.SIGINT, detach)
    try:
        yield halt
    finally:
        signal.signal(signal.SIGINT, before)
