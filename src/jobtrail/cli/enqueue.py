"""`jobtrail enqueue`: hands in a job; waits for it or watches it when told to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from jobtrail.cli import apps, job_follow, order, place, show, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Pair, Plain, Switch, Whole
from jobtrail.cli.telling import Usage, notice
from jobtrail.core import duration
from jobtrail.core.ids import short


def enqueue(
    type: Annotated[str, Plain],
    /,
    *values: Pair,
    input: Whole = None,
    queue: Annotated[str | None, Parameter(alias="-q")] = None,
    priority: str | None = None,
    delay: str | None = None,
    at: str | None = None,
    unique_key: str | None = None,
    idempotency_key: str | None = None,
    tag: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    title: str | None = None,
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
        The type of the job, or a pipeline file (.toml, .json).
    values
        Its input: name=value as the type wants it, name:=JSON for JSON.
    input
        The whole input: @FILE, - for stdin, or JSON. Pair that are named besides win.
    queue
        Another queue than the type's own.
    priority
        1 to 10, or LOW, MEDIUM, HIGH, URGENT; the higher runs sooner.
    delay
        Start after this time: 90s, 5m, 1h30m.
    at
        Start at this time: 2026-01-31T18:30, local unless it has a zone.
    unique_key
        While a job with this key has not ended, that job is answered instead of a new one.
    idempotency_key
        The same key with the same request answers the same job, also after its end.
    tag
        A word to find it by; may be given several times.
    title
        What people see beside the id.
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
    wishes = order.Wishes(
        queue=queue, priority=priority, delay=delay, at=at, unique_key=unique_key, tags=tag, title=title
    )
    project = apps.project(config) if not order.is_file(type) or check else apps.Project()
    with place.opened(config) as here, place.client_of(here) as client:
        if order.is_file(type):
            job = order.of_file(Path(type), values, input, wishes)
        else:
            if check:
                order.known_to(client, project, type)
            job = order.of_type(project if check else apps.Project(), type, values, input, wishes)
        if idempotency_key is None:
            done = client.enqueue_all([job])
            job_id, is_new = done.ids[0], not done.existed
        else:
            job_id, is_new = client.enqueue_once(job, idempotency_key)
        if not is_new:
            notice(f"job {job_id} stands for it already")
        if watch or wait:
            return job_follow.to_the_end(client, job_id, flags, quiet=not watch, timeout=patience)
        found = client.get(job_id)
    show.thing(
        {"job": found, "created": is_new},
        lambda: [("id", found.id), ("type", found.type), ("queue", found.queue), ("status", found.status),
                 ("starts", words.absolute(found.scheduled_at)), ("title", found.title)],
        flags,
    )  # fmt: skip
    notice(f"follow it: jobtrail job watch {short(job_id)}")
    return 0
