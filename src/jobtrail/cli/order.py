"""From a command line to a job that can be enqueued: its type, its input as the type wants it, its options."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from cyclopts import Parameter

from jobtrail.cli import apps, refs, values
from jobtrail.cli.apps import Project
from jobtrail.cli.telling import Usage
from jobtrail.client import JobsClient
from jobtrail.core import duration, graph, jsonguard
from jobtrail.core.described import KnownType
from jobtrail.core.errors import Invalid, UnknownType
from jobtrail.core.ids import short
from jobtrail.core.terms import Terms, key_of, options_of, priority_of
from jobtrail.runners import registry
from jobtrail.runners.protocol import Runner
from jobtrail.runners.python import PythonRunner
from jobtrail.service.jobs import NewJob, Options
from jobtrail.store.identity import new_id

_FILES: Final = (".toml", ".json")
_PRIVATE: Final = re.compile(r"run-[0-9a-f]{8}")


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How the job is to run, as it is typed; None: as its type has it."""

    queue: Annotated[str | None, Parameter(alias="-q")] = None
    "Another queue than the type's own."
    priority: str | None = None
    "1 to 10, or LOW, MEDIUM, HIGH, URGENT; the higher runs sooner."
    delay: str | None = None
    "Start after this time: 90s, 5m, 1h30m."
    at: str | None = None
    "Start at this time: 2026-01-31T18:30, local unless it has a zone."
    unique_key: str | None = None
    "While a job with this key has not ended, that job is answered instead of a new one."
    unique: str | None = None
    "Make the key from the input: `input` for all of it, or names of its fields with commas."
    unique_scope: str | None = None
    "For how long a job holds its key: WAITING, LIVE (to its end), COMPLETED (unless it failed), ANY."
    unique_window: str | None = None
    "Hold the key for this time at most: 90s, 5m, 1h30m."
    on_conflict: str | None = None
    "Where a job holds the key: EXISTING answers it, REFUSE, REPLACE it if it waits, SUPERSEDE it, RESCHEDULE it."
    throttle: str | None = None
    "At most one job with this key in this time."
    debounce: str | None = None
    "Start when no other job with this key came for this time; the newest one runs."
    max_wait: str | None = None
    "With --debounce: start this time after the first one at the latest."
    expires: str | None = None
    "Cancel it when it has not ended after this time."
    after: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    "Start when this job has completed: an id, its digits or @last. Say it again for more."
    depends_mode: str | None = None
    "With --after: ALL of them, or ANY."
    on_dependency: str | None = None
    "With --after, when they do not complete: FAIL, CANCEL, or RUN all the same."
    concurrency_key: str | None = None
    "Jobs with the same key run one after the other."
    concurrency_limit: int | None = None
    "So many of them at once instead."
    slots: int | None = None
    "How many of its worker's slots it takes."
    budget: str | None = None
    "What it and all that descends from it may spend, in dollars."
    reserve: str | None = None
    "What an attempt of it reserves of the budgets that hold it, in dollars."
    reserve_tokens: int | None = None
    "The same, in tokens."
    idempotency_key: str | None = None
    "The same key with the same request answers the same job, also after its end."
    tag: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    "A word to find it by; may be given several times."
    title: str | None = None
    "What people see beside the id."


NO_WISHES: Final = Wishes()


def of_type(
    project: Project,
    type: str,
    pairs: Sequence[str],
    given: str | None,
    wishes: Wishes = NO_WISHES,
    told: KnownType | None = None,
) -> NewJob:
    """A job of a type that the project may know. Raises Invalid when it knows it and the input does not fit.

    `told`: what workers tell of it, which counts where the project does not know it.
    """
    runner = project.runner(type)
    there = told.input_schema if told is not None and isinstance(told.input_schema, Mapping) else None
    input = values.read(pairs, given, apps.schema_of(runner) or there)
    check_fits(runner, type, input)
    checked = bool(told and told.has_check) if runner is None else registry.has_check(runner)
    options = replace(project.options(type), checked=checked)
    if options.concurrency_key is not None:
        known = runner.named(jsonguard.encode(input, at="input")) if isinstance(runner, PythonRunner) else {}
        options = replace(options, concurrency_key=key_of(options.concurrency_key, known or input))
    return _job(input, options, wishes)


def check_fits(runner: Runner | None, type: str, input: dict[str, Any]) -> None:
    """Raises Invalid, with every fault that the runner can tell before it runs."""
    if wrong := dict(apps.check_input(runner, input)):
        raise Invalid(f"the input does not fit {type}: {'; '.join(_said(wrong))}", fields=wrong)


def known_as(client: JobsClient, project: Project, type: str) -> tuple[Runner | None, Mapping[str, Any] | None]:
    """The runner of a type if it is known here, and the schema of its input, which workers may tell, too."""
    if (runner := project.runner(type)) is not None:
        return runner, apps.schema_of(runner)
    told = client.get_type(type)
    return None, told.input_schema if told is not None and isinstance(told.input_schema, Mapping) else None


def of_file(path: Path, pairs: Sequence[str], given: str | None, wishes: Wishes = NO_WISHES) -> NewJob:
    """A job that a file describes. Raises NotFound, or Invalid with everything that is wrong."""
    from jobtrail.runners.pipeline.parse import load_file

    file = load_file(path, values.read(pairs, given, None))
    runner = registry.load((file.type,)).get(file.type)
    options = Options(type=file.type, checked=runner is not None and registry.has_check(runner), **file.options)
    return _job(file.input, options, replace(wishes, title=wishes.title or file.title))


def is_file(target: str) -> bool:
    """Whether what is to run is a file rather than a type."""
    return target.endswith(_FILES)


def hand_in(client: JobsClient, job: NewJob, key: str | None) -> tuple[UUID, bool]:
    """Enqueues it, under an idempotency key if one is given; answers which job stands for it, and whether it is new."""
    if key is not None:
        return client.enqueue_once(job, key)
    done = client.enqueue_all([job])
    return done.ids[0], not done.existed


def known_to(client: JobsClient, project: Project, type: str) -> KnownType | None:
    """What workers tell of a type that the project does not know. Raises UnknownType unless the project or a live worker
    knows it."""
    if type in project.types:
        return None
    told = client.get_type(type)
    if told is not None and told.workers:
        return told
    elsewhere = {
        one for worker in client.workers() if worker.leased and worker.stopped_at is None for one in worker.types
    }
    if type not in elsewhere:
        raise apps.unknown(type, project.types, elsewhere)
    return None


def check_known(project: Project, type: str) -> None:
    """Raises UnknownType unless the project knows the type, so that it can run here."""
    if type not in project.types:
        error: UnknownType = apps.unknown(type, project.types)
        raise error


def _job(input: dict[str, Any], options: Options, wishes: Wishes) -> NewJob:
    when = start_at(wishes.delay, wishes.at)
    if wishes.queue is not None:
        options = replace(options, queue=jsonguard.check_name(wishes.queue, "a queue's name"))
    if wishes.priority is not None:
        options = replace(options, priority=priority_of(wishes.priority))
    if when is not None:
        options = replace(options, scheduled_at=when)
    if wishes.tag:
        options = replace(options, tags=tuple(dict.fromkeys((*options.tags, *wishes.tag))))
    options = replace(options, **options_of(_terms(wishes)))
    if wishes.on_conflict is not None and wishes.unique_key is None and options.unique_by is None:
        raise Usage("--on-conflict says what happens where a key is held: name --unique-key or --unique, too")
    return NewJob(
        id=new_id(),
        input=jsonguard.encode(input, at="input"),
        options=options,
        title=wishes.title,
        unique_key=wishes.unique_key,
    )


def needing(client: JobsClient, job: NewJob, wishes: Wishes) -> NewJob:
    """The job with those that it is to wait for: that are named, and to whose results its input refers."""
    needs = [refs.job_id(client, one) for one in wishes.after]
    if graph.may_refer(text := job.input.decode()):
        needs += graph.references(msgspec.json.decode(text))
    return job._replace(after=tuple(dict.fromkeys(needs))) if needs else job


def _terms(wishes: Wishes) -> Terms:
    """What is said of its key and its end, as Python's keyword arguments say it."""
    said: Any = {name: value for name in Terms.__annotations__ if (value := getattr(wishes, name, None)) is not None}
    if wishes.unique not in (None, "input"):
        said["unique"] = [name.strip() for name in str(wishes.unique).split(",")]
    terms: Terms = said
    return terms


def start_at(delay: str | None, at: str | None) -> datetime | None:
    """When to start, from a length of time or a time; a time without a zone is local."""
    if delay is not None and at is not None:
        raise Usage("--delay and --at say the same; give one of them")
    if delay is not None:
        return datetime.now(UTC) + duration.parse(delay)
    if at is None:
        return None
    try:
        return datetime.fromisoformat(at).astimezone(UTC)
    except ValueError as error:
        raise Invalid(
            f"--at {at!r} is not a time; write for example 2026-01-31T18:30 or 2026-01-31T18:30:00Z"
        ) from error


def _said(wrong: dict[str, str]) -> list[str]:
    return [f"{field}: {what}" for field, what in wrong.items()]


def is_private(queue: str) -> bool:
    """Whether a queue was made by `jobtrail run` for one job."""
    return _PRIVATE.fullmatch(queue) is not None


def private_queue(job_id: UUID) -> str:
    """The queue of a job that `jobtrail run` works itself, so that it takes nobody else's and nobody takes its."""
    return f"run-{short(job_id)}"
