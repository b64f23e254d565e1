"""`jobtrail task start`, `follow-up` and `compare`: the jobs of a task, and how they did beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from cyclopts import Parameter

from jobtrail.cli import apps, exits, job_follow, order, place, show, task_refs, values, words
from jobtrail.cli import refs as job_refs
from jobtrail.cli.flags import NO_FLAGS, Dash, Flags, Pair, Plain, Switch, Whole
from jobtrail.cli.show import Column
from jobtrail.cli.task_refs import TaskRef
from jobtrail.cli.telling import Usage, notice
from jobtrail.client import JobsClient
from jobtrail.core.errors import Invalid
from jobtrail.core.ids import short
from jobtrail.core.spent import ComparedJob, Spent
from jobtrail.service import agent_tasks
from jobtrail.service.agent_tasks import MOST_COMPARED, MOST_VARIANTS, FollowUp, Start
from jobtrail.service.jobs import Enqueued

_WIDE: Final = 60


def start(
    task: TaskRef,
    /,
    *pairs: Pair,
    variant: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    input: Whole = None,
    type: Annotated[str | None, Parameter(alias="-t")] = None,
    queue: Annotated[str | None, Parameter(alias="-q")] = None,
    idempotency_key: str | None = None,
    watch: Annotated[bool, Parameter(alias="-w", negative=())] = False,
    wait: Annotated[bool, Switch] = False,
    flags: Flags = NO_FLAGS,
) -> int:
    """Hand in a job of a task, or several that differ, and set the task to IN_PROGRESS.

    Parameters
    ----------
    task
        An id, four or more digits of its start or end, or @last.
    pairs
        What the input has beside what the task says: name=value for text, name:=JSON for JSON.
    variant
        One job more that has this, name=value, name:=JSON or a JSON object; may be given up to 20 times.
    input
        The same for all, as @FILE, - for stdin, or JSON. Values that are named besides win.
    type
        Another type than the task's.
    queue
        Another queue than the type's own.
    idempotency_key
        The same key with the same request answers the same jobs.
    watch
        Follow the job to its end, and exit with its outcome; for one job.
    wait
        Wait for the end of all without showing more than that, and exit with their outcome.
    """
    if len(variant) > MOST_VARIANTS:
        raise Usage(f"at most {MOST_VARIANTS} variants are started at once, not {len(variant)}")
    if watch and len(variant) > 1:
        raise Usage("--watch follows one job; to wait for several: --wait")
    config = place.configured(flags)
    project = apps.project(config)
    with place.reached(config, flags) as client:
        found = client.tasks.get(task_refs.task_id(client, task))
        runner, schema = order.known_as(client, project, type or agent_tasks.type_of(found))
        wanted = Start(
            input=values.read(pairs, input, schema),
            variants=tuple(_variant(one, schema) for one in variant),
            type=type,
            queue=queue,
        )
        for each in agent_tasks.inputs(found, wanted):
            order.check_fits(runner, type or agent_tasks.type_of(found), each)
        types = None if project.app is None else project.app.defaults
        done = client.tasks.start(found.id, wanted, key=idempotency_key, types=types)
        return _after(client, done, flags, watch=watch, wait=wait)


def follow_up(
    task: TaskRef,
    prompt: Annotated[str, Plain, Dash],
    /,
    *,
    job: str | None = None,
    fork: Annotated[bool, Switch] = False,
    idempotency_key: str | None = None,
    watch: Annotated[bool, Parameter(alias="-w", negative=())] = False,
    wait: Annotated[bool, Switch] = False,
    flags: Flags = NO_FLAGS,
) -> int:
    """Say something more on the session of a job that has ended: a new job like it goes on from there.

    Parameters
    ----------
    task
        An id, four or more digits of its start or end, or @last.
    prompt
        What to say; @FILE, or - for stdin.
    job
        On the session of this job; on that of the newest one that has one, if not said otherwise.
    fork
        On a copy of the session, so that the session itself stays as it is.
    idempotency_key
        The same key with the same request answers the same job.
    watch
        Follow the job to its end, and exit with its outcome.
    wait
        Wait for its end without showing more than that, and exit with its outcome.
    """
    with place.client(flags) as client:
        id = task_refs.task_id(client, task)
        wanted = FollowUp(
            prompt=task_refs.text(prompt) or "",
            job_id=None if job is None else job_refs.job_id(client, job),
            fork=fork,
        )
        done = client.tasks.follow_up(id, wanted, key=idempotency_key)
        return _after(client, done, flags, watch=watch, wait=wait)


def compare(
    task: TaskRef = "@last", /, *, limit: Annotated[int, Parameter(alias="-n")] = 20, flags: Flags = NO_FLAGS
) -> int:
    """The jobs of a task side by side: what differs in their input, how they ended, what they cost and changed.

    Parameters
    ----------
    task
        An id, four or more digits of its start or end, or @last.
    limit
        The newest so many, 20 if not said otherwise; at most 50.
    """
    if not 1 <= limit <= MOST_COMPARED:
        raise Usage(f"--limit must be 1 to {MOST_COMPARED}, not {limit}")
    with place.client(flags) as client:
        found = client.tasks.compare(task_refs.task_id(client, task), limit=limit)
    columns: list[Column[ComparedJob]] = [
        show.id_column(lambda job: job.id, "JOB"),
        show.status_column(lambda job: job.status),
        Column("DIFFERS", _differs, lambda job: words.one_line(_differs(job), _WIDE)),
        Column("MODEL", lambda job: job.model, rank=4),
        Column("COST", _cost, right=True),
        Column("TOKENS", lambda job: task_refs.tokens(_spent(job)), rank=5),
        Column("TIME", lambda job: job.seconds, lambda job: words.length(job.seconds), right=True),
        Column("TURNS", lambda job: job.turns, right=True, rank=6),
        Column("ROUNDS", lambda job: job.continuations, right=True, rank=8),
        Column("TRIES", lambda job: job.attempts, right=True, rank=7),
        Column("CHECKS", _checks),
        Column("CHANGES", _changes),
        Column("DENIED", lambda job: job.denials or None, right=True, rank=3),
        Column("SAYS", _says, lambda job: words.one_line(_says(job), _WIDE), rank=2),
    ]
    show.rows(found, columns, flags, empty="this task has no jobs; start it: jobtrail task start TASK")
    return 0


def _after(client: JobsClient, done: Enqueued, flags: Flags, *, watch: bool, wait: bool) -> int:
    """Tells which jobs there are, or follows them."""
    if done.existed:
        notice(f"{words.counted(len(done.existed), 'job')} stood for it already")
    if watch:
        return job_follow.to_the_end(client, done.ids[0], flags)
    if wait:
        return job_follow.all_to_the_end(client, list(done.ids), flags)
    found = [client.get(id) for id in done.ids]
    show.rows(
        found,
        [show.id_column(lambda job: job.id, "JOB"), Column("TYPE", lambda job: job.type),
         show.status_column(lambda job: job.status), Column("QUEUE", lambda job: job.queue),
         Column("TITLE", lambda job: job.title, lambda job: words.one_line(job.title, _WIDE))],
        flags,
    )  # fmt: skip
    notice("follow them: jobtrail job watch " + short(done.ids[-1]))
    return exits.OK


def _variant(given: str, schema: Mapping[str, Any] | None) -> dict[str, object]:
    """A variant as it is typed: a pair, or a JSON object."""
    if given.startswith("{"):
        return values.read((), given, None)
    try:
        return values.read((given,), None, schema)
    except Invalid as wrong:
        raise Usage(f"--variant {wrong.message}") from wrong


def _spent(job: ComparedJob) -> Spent:
    return Spent(job.calls, job.input_tokens, job.output_tokens, job.cached_tokens, 0, job.cost_usd, job.unpriced_calls)


def _cost(job: ComparedJob) -> str:
    return task_refs.cost(_spent(job))


def _differs(job: ComparedJob) -> str:
    said = job.differs if isinstance(job.differs, dict) else {}
    return ", ".join(f"{name}={value}" for name, value in said.items())


def _checks(job: ComparedJob) -> str:
    return f"{job.checks_passed}/{job.checks}" if job.checks else ""


def _changes(job: ComparedJob) -> str:
    if job.changed_files is None:
        return ""
    return f"{words.counted(job.changed_files, 'file')} +{job.insertions or 0} -{job.deletions or 0}"


def _says(job: ComparedJob) -> str:
    return (job.error_message or job.error_code if job.error_code else job.summary) or ""
