"""`jobtrail enqueue`: hands in a job; waits for it or watches it when told to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from jobtrail.cli import apps, job_follow, order, place, show, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Pair, Plain, Switch, Whole
from jobtrail.cli.order import NO_WISHES, Wishes
from jobtrail.cli.seat import dashboard_in
from jobtrail.cli.telling import Usage, notice
from jobtrail.core import duration
from jobtrail.core.ids import short
from jobtrail.core.model import Job


def enqueue(
    type: Annotated[str, Plain],
    /,
    *values: Pair,
    input: Whole = None,
    wishes: Wishes = NO_WISHES,
    watch: Annotated[bool, Parameter(alias="-w", negative=())] = False,
    wait: Annotated[bool, Switch] = False,
    timeout: str | None = None,
    check: bool = True,
    flags: Flags = NO_FLAGS,
) -> int:
    """Hand in a job for the workers. When it answers, the job is never lost.

    Parameters
    ----------
    type
        The type of the job, or a file that describes a job (.toml, .json).
    values
        Its input: name=value as the type wants it, name:=JSON for JSON.
    input
        The whole input: @FILE, - for stdin, or JSON. Values that are named besides win.
    watch
        Follow it to its end, and exit with its outcome.
    wait
        Wait for its end without showing more than that, and exit with its outcome.
    timeout
        How long to watch or wait at most; then exit with 8.
    check
        Refuse a type that neither the app here nor a live worker knows, and input that does not fit.
    """
    if timeout is not None and not (watch or wait):
        raise Usage("--timeout goes with --watch or --wait")
    patience = None if timeout is None else duration.parse(timeout).total_seconds()
    config = place.configured(flags)
    project = apps.project(config) if check else apps.Project()
    with place.reached(config, flags) as client:
        if order.is_file(type):
            job = order.of_file(Path(type), values, input, wishes)
        else:
            told = order.known_to(client, project, type) if check else None
            job = order.of_type(project, type, values, input, wishes, told)
        job = order.needing(client, job, wishes)
        job_id, is_new = order.hand_in(client, job, wishes.idempotency_key)
        if not is_new:
            notice(f"job {job_id} stands for it already")
        if flags.database_url is None and (dashboard := dashboard_in(config.home)):
            notice(f"on the dashboard: {dashboard}/j/{short(job_id)}")
        if watch or wait:
            return job_follow.to_the_end(client, job_id, flags, quiet=not watch, timeout=patience)
        _tell(client.get(job_id), flags, is_new=is_new)
    return 0


def _tell(job: Job, flags: Flags, *, is_new: bool) -> None:
    show.thing(
        {"job": job, "created": is_new},
        lambda: [
            ("id", job.id),
            ("type", job.type),
            ("queue", job.queue),
            ("status", job.status),
            ("starts", words.absolute(job.scheduled_at)),
            ("title", job.title),
        ],
        flags,
    )
    notice(f"follow it: jobtrail job watch {short(job.id)}")
