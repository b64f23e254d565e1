"""`jobtrail job cancel`, `retry`, `start` and `rerun`: verbs on jobs, one after the other; what went wrong with one is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from cyclopts import Parameter

from jobtrail.cli import apps, exits, job_follow, order, place, refs, show, telling, values
from jobtrail.cli.flags import NO_FLAGS, Flags, Pair, Ref, Switch, Whole
from jobtrail.cli.telling import Usage, notice
from jobtrail.client import JobsClient, rerun_of
from jobtrail.core.errors import JobtrailError
from jobtrail.core.ids import short
from jobtrail.core.status import JobStatus


def cancel(*jobs: Ref, reason: Annotated[str | None, Parameter(alias="-m")] = None, flags: Flags = NO_FLAGS) -> int:
    """Cancel jobs: what waits at once, what runs by asking its worker.

    Parameters
    ----------
    jobs
        Ids, four or more digits of their start or end, @last or @failed.
    reason
        Why; it is kept with the job.
    """

    def act(client: JobsClient, job_id: UUID) -> str:
        if client.cancel(job_id, reason) == JobStatus.RUNNING:
            return "its worker was asked to stop it"
        return "cancelled; undo: jobtrail job retry " + short(job_id)

    return _each(jobs, act, flags)


def retry(*jobs: Ref, flags: Flags = NO_FLAGS) -> int:
    """Try failed or cancelled jobs again: the same job, finished steps kept.

    Parameters
    ----------
    jobs
        Ids, four or more digits of their start or end, @last or @failed.
    """

    def act(client: JobsClient, job_id: UUID) -> str:
        client.retry(job_id)
        job = client.get(job_id)
        if order.is_private(job.queue):
            return f"queued in {job.queue}; run it here: jobtrail run --resume {short(job_id)}"
        return f"queued in {job.queue}"

    return _each(jobs, act, flags)


def start(*jobs: Ref, flags: Flags = NO_FLAGS) -> int:
    """Start jobs that wait for a time, another try, a quota or a budget without waiting any longer.

    Parameters
    ----------
    jobs
        Ids, four or more digits of their start or end, @last or @failed.
    """

    def act(client: JobsClient, job_id: UUID) -> str:
        client.start_now(job_id)
        return f"waits no longer, in {client.get(job_id).queue}"

    return _each(jobs, act, flags)


def rerun(
    job: Ref,
    /,
    *pairs: Pair,
    input: Whole = None,
    queue: Annotated[str | None, Parameter(alias="-q")] = None,
    watch: Annotated[bool, Parameter(alias="-w", negative=())] = False,
    dry_run: Annotated[bool, Switch] = False,
    flags: Flags = NO_FLAGS,
) -> int:
    """A new job like this one, with the same input or with another.

    Parameters
    ----------
    job
        An id, four or more digits of its start or end, @last or @failed.
    pairs
        What of its input is to be different: name=value or name:=JSON.
    input
        A whole new input: @FILE, - for stdin, or JSON.
    queue
        Another queue than the job's.
    watch
        Follow the new job to its end, and exit with its outcome.
    dry_run
        Show the input that the new job would have, and enqueue nothing.
    """
    config = place.configured(flags)
    with place.reached(config, flags) as client:
        old = client.get(refs.job_id(client, job))
        project = apps.project(config)
        runner = project.runner(old.type)
        new = values.read(pairs, input, apps.schema_of(runner))
        if pairs and input is None and isinstance(old.input, dict):
            new = {**old.input, **new}
        wanted = rerun_of(old, new if pairs or input is not None else None)
        if queue is not None or order.is_private(old.queue):
            usual = project.options(old.type).queue
            wanted = wanted._replace(options=replace(wanted.options, queue=queue or usual))
        if dry_run:
            print(wanted.input.decode())
            return exits.OK
        job_id = client.enqueue_all([wanted]).ids[0]
        if watch:
            return job_follow.to_the_end(client, job_id, flags)
    show.thing({"id": job_id, "rerun_of": old.id}, lambda: [("id", job_id), ("rerun of", old.id)], flags)
    notice(f"follow it: jobtrail job watch {short(job_id)}")
    return exits.OK


def _each(given: tuple[str, ...], act: Callable[[JobsClient, UUID], str], flags: Flags) -> int:
    """Acts on every job that is named. One that cannot be acted on keeps no other from it; the exit code tells."""
    if not given:
        raise Usage("which job? Name at least one: an id, four or more digits of it, @last or @failed")
    codes: list[int] = []
    with place.client(flags) as client:
        for job_id in refs.job_ids(client, given):
            try:
                said = act(client, job_id)
            except JobtrailError as error:
                codes.append(telling.tell(error, output=flags.output or "table", debug=flags.debug))
                continue
            codes.append(exits.OK)
            job = client.get(job_id)
            show.thing({"job": job}, list, flags)
            notice(f"job {short(job_id)}: {said}")
    if len(set(codes)) == 1:
        return codes[0]
    return exits.PARTLY
