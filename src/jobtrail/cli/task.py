"""`jobtrail task create`, `list`, `get`, `update` and `remove`: what somebody wants done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from cyclopts import Parameter

from jobtrail.cli import job_list, place, show, task_refs, values, words
from jobtrail.cli.flags import NO_FLAGS, Dash, Flags, Pair, Plain, Whole
from jobtrail.cli.office import parts
from jobtrail.cli.show import Column
from jobtrail.cli.task_refs import TaskRef
from jobtrail.cli.telling import Usage, notice
from jobtrail.core import jsonguard
from jobtrail.core.filter import Filter
from jobtrail.core.ids import short
from jobtrail.core.model import Task
from jobtrail.core.spent import TaskDetail
from jobtrail.core.status import TaskStatus
from jobtrail.core.terms import priority_of
from jobtrail.service.tasks import EMPTIED, NewTask, TaskChange, TaskFilter
from jobtrail.store.identity import new_id

Several = Annotated[tuple[str, ...], Parameter(negative=())]
Text = Annotated[str | None, Dash]


def create(
    title: Annotated[str, Plain],
    /,
    *pairs: Pair,
    prompt: Text = None,
    description: Text = None,
    type: Annotated[str | None, Parameter(alias="-t")] = None,
    config: Whole = None,
    project: Annotated[str | None, Parameter(alias="-p")] = None,
    tag: Several = (),
    priority: str | None = None,
    status: str | None = None,
    flags: Flags = NO_FLAGS,
) -> int:
    """Write down what is to be done. Nothing runs until it is started.

    Parameters
    ----------
    title
        What it is called.
    pairs
        What the input of its jobs has: name=value for text, name:=JSON for JSON.
    prompt
        What to say to the agent; @FILE, or - for stdin.
    description
        What people should know; @FILE, or - for stdin.
    type
        The type of its jobs; claude if not said otherwise.
    config
        How it is to run, as a JSON object with type, input, queue, max_attempts and the like: @FILE, - or JSON.
    project
        The project it belongs to: a name, or an id.
    tag
        A word to find it by; may be given several times.
    priority
        1 to 10, or LOW, MEDIUM, HIGH, URGENT; its jobs have it, too.
    status
        BACKLOG, unless it is READY.
    """
    plan: dict[str, Any] = values.read((), config, None)
    plan |= {"type": type} if type else {}
    if pairs:
        plan["input"] = {**plan.get("input", {}), **values.read(pairs, None, None)}
    with place.client(flags) as client:
        new = NewTask(
            id=new_id(),
            title=title,
            project_id=None if project is None else task_refs.project_id(client, project),
            description=task_refs.text(description),
            prompt=task_refs.text(prompt),
            config=jsonguard.encode(plan, at="config"),
            tags=tuple(parts(tag)),
            status=TaskStatus.BACKLOG if status is None else _status(status),
            priority=5 if priority is None else priority_of(priority),
        )
        made = client.tasks.create(new)
    show.thing({"task": made}, lambda: _lines(made), flags)
    notice(f"start it: jobtrail task start {short(made.id)}")
    return 0


def listed(
    *search: str,
    status: Annotated[tuple[str, ...], Parameter(alias="-s", negative=())] = (),
    project: Annotated[str | None, Parameter(alias="-p")] = None,
    tag: Several = (),
    limit: Annotated[int, Parameter(alias="-n")] = 50,
    flags: Flags = NO_FLAGS,
) -> int:
    """Tasks, newest first.

    Parameters
    ----------
    search
        Words that title or description have, all of them.
    status
        Only of these statuses: BACKLOG, READY, IN_PROGRESS, REVIEW, DONE, CANCELLED.
    project
        Only of this project: a name, or an id.
    tag
        Only with one of these tags.
    limit
        At most so many, 50 if not said otherwise.
    """
    _check_limit(limit)
    with place.client(flags) as client:
        filter = TaskFilter(
            statuses=tuple(_status(one) for one in parts(status)) or None,
            project_id=None if project is None else task_refs.project_id(client, project),
            tags=tuple(parts(tag)) or None,
            text=tuple(" ".join(search).split()) or None,
        )
        found = client.tasks.list(filter, limit=limit)
    columns: list[Column[Task]] = [
        show.id_column(lambda task: task.id, "TASK"),
        Column("STATUS", lambda task: task.status),
        Column("TITLE", lambda task: task.title, lambda task: words.one_line(task.title, 60)),
        Column("PRIORITY", lambda task: task.priority, right=True, rank=3),
        Column("TAGS", lambda task: ",".join(task.tags), rank=2),
        Column("TYPE", _type, rank=4),
        show.time_column("MADE", lambda task: task.created_at, rank=1),
    ]
    show.rows(found, columns, flags, empty="no tasks; write one down: jobtrail task create TITLE --prompt TEXT")
    return 0


def get(task: TaskRef = "@last", /, *, flags: Flags = NO_FLAGS) -> int:
    """One task, and what its jobs used.

    Parameters
    ----------
    task
        An id, four or more digits of its start or end, or @last.
    """
    with place.client(flags) as client:
        found = client.tasks.get(task_refs.task_id(client, task))
    show.thing({"task": found}, lambda: _lines(found), flags)
    return 0


def update(
    task: TaskRef,
    /,
    *,
    title: str | None = None,
    prompt: Text = None,
    description: Text = None,
    config: Whole = None,
    project: Annotated[str | None, Parameter(alias="-p")] = None,
    tag: Several = (),
    priority: str | None = None,
    status: Annotated[str | None, Parameter(alias="-s")] = None,
    without: Several = (),
    flags: Flags = NO_FLAGS,
) -> int:
    """Change a task; what is not said stays.

    Parameters
    ----------
    task
        An id, four or more digits of its start or end, or @last.
    title
        Another title.
    prompt
        Another prompt; @FILE, or - for stdin.
    description
        Another description; @FILE, or - for stdin.
    config
        Another config, all of it: @FILE, - for stdin, or JSON.
    project
        Another project: a name, or an id.
    tag
        Other tags, all of them.
    priority
        1 to 10, or LOW, MEDIUM, HIGH, URGENT.
    status
        BACKLOG, READY, IN_PROGRESS, REVIEW, DONE or CANCELLED.
    without
        What to take away: prompt, description, project_id.
    """
    empty = frozenset(parts(without))
    if strange := empty - EMPTIED:
        raise Usage(f"{', '.join(sorted(strange))} cannot be taken away; only {', '.join(sorted(EMPTIED))} can")
    with place.client(flags) as client:
        change = TaskChange(
            title=title,
            project_id=None if project is None else task_refs.project_id(client, project),
            description=task_refs.text(description),
            prompt=task_refs.text(prompt),
            config=None if config is None else jsonguard.encode(values.read((), config, None), at="config"),
            tags=tuple(parts(tag)) or None,
            status=None if status is None else _status(status),
            priority=None if priority is None else priority_of(priority),
            empty=empty,
        )
        if change == TaskChange():
            raise Usage("nothing is to change; say what, as --status REVIEW")
        changed = client.tasks.update(task_refs.task_id(client, task), change)
    show.thing({"task": changed}, lambda: _lines(changed), flags)
    return 0


def remove(task: TaskRef, /, *, flags: Flags = NO_FLAGS) -> int:
    """Remove a task on which nothing hangs.

    Parameters
    ----------
    task
        An id, or four or more digits of its start or end.
    """
    with place.client(flags) as client:
        id = task_refs.task_id(client, task)
        client.tasks.remove(id)
    show.thing({"id": id, "removed": True}, lambda: [("removed", id)], flags)
    return 0


def jobs(
    task: TaskRef = "@last", /, *, limit: Annotated[int, Parameter(alias="-n")] = 50, flags: Flags = NO_FLAGS
) -> int:
    """The jobs of a task, newest first.

    Parameters
    ----------
    task
        An id, four or more digits of its start or end, or @last.
    limit
        At most so many, 50 if not said otherwise.
    """
    _check_limit(limit)
    with place.client(flags) as client:
        id = client.tasks.get(task_refs.task_id(client, task)).id
        found = client.list_jobs(Filter(task_id=id), limit=limit)
    job_list.show_jobs(found, flags)
    return 0


def _lines(task: Task) -> Iterator[tuple[str, object]]:
    yield "id", task.id
    yield "title", task.title
    yield "status", task.status
    yield "project", task.project_id
    yield "priority", task.priority
    yield "tags", ", ".join(task.tags)
    yield "type", _type(task)
    yield "made", words.absolute(task.created_at)
    yield "description", task.description
    yield "prompt", task.prompt
    yield "config", jsonguard.encode(task.config).decode() if task.config else None
    if isinstance(task, TaskDetail):
        yield "used", task_refs.used(task.usage)


def _type(task: Task) -> str:
    said = task.config.get("type") if isinstance(task.config, dict) else None
    return said if isinstance(said, str) else "claude"


def _status(given: str) -> TaskStatus:
    try:
        return TaskStatus(given.upper())
    except ValueError:
        raise Usage(f"{given!r} is no status of a task; there are {', '.join(TaskStatus)}") from None


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= task_refs.SEARCHED:
        raise Usage(f"--limit must be 1 to {task_refs.SEARCHED}, not {limit}")
