"""Verbs on tasks, what somebody wants done: create, get, list, update, remove while nothing hangs on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from jobtrail.core.errors import ConcurrentUpdate, Conflict, Invalid, NotFound
from jobtrail.core.filter import SEARCHED, pattern
from jobtrail.core.model import Task
from jobtrail.core.spent import TaskDetail
from jobtrail.core.status import TaskStatus
from jobtrail.service import usage
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, atomic, flow

_HIGHEST: Final = UUID(int=(1 << 128) - 1)
_LONGEST: Final = 1_024
EMPTIED: Final = frozenset({"project_id", "description", "prompt"})
"""The fields that a task may do without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task to make. `config` is JSON that passed the door."""

    id: UUID
    title: str
    project_id: UUID | None = None
    description: str | None = None
    prompt: str | None = None
    config: bytes = b"{}"
    tags: tuple[str, ...] = ()
    status: TaskStatus = TaskStatus.BACKLOG
    priority: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskChange:
    """New values of a task; None leaves a field as it is, `empty` names fields of EMPTIED to take away."""

    title: str | None = None
    project_id: UUID | None = None
    description: str | None = None
    prompt: str | None = None
    config: bytes | None = None
    tags: tuple[str, ...] | None = None
    status: TaskStatus | None = None
    priority: int | None = None
    empty: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """What a list of tasks shows; None: everything. A tuple means one of these; `text` are parts of title and
    description that must all occur, without regard to case."""

    statuses: tuple[TaskStatus, ...] | None = None
    project_id: UUID | None = None
    tags: tuple[str, ...] | None = None
    text: tuple[str, ...] | None = None


@flow
def create(workspace: UUID, task: NewTask) -> Steps[Task]:
    """Makes a task. Raises Invalid, which names the field."""
    _check(task.title, task.priority)
    yield from _check_project(workspace, task.project_id)
    params = (
        workspace,
        task.id,
        task.project_id,
        task.title,
        task.description,
        task.prompt,
        task.config.decode(),
        list(task.tags),
        task.status,
        task.priority,
    )
    made = yield from ask(Query("verbs/create_task", params, query.one_of(Task)))
    if made is None:
        raise Conflict(f"there is a task {task.id} already")
    return made


def get(workspace: UUID, id: UUID) -> Query[Task | None]:
    """One task, or None."""
    return Query("reads/task", (workspace, id), query.one_of(Task))


@flow
def detail(workspace: UUID, id: UUID) -> Steps[TaskDetail]:
    """One task with what its jobs used. Raises NotFound."""
    task = yield from ask(get(workspace, id))
    if task is None:
        raise _missing(id)
    spent = yield from ask(usage.of(workspace, "task", id))
    return TaskDetail(**{name: getattr(task, name) for name in Task.__slots__}, usage=spent)


def listed(
    workspace: UUID, filter: TaskFilter = TaskFilter(), *, before: UUID | None = None, limit: int = 50
) -> Query[list[Task]]:
    """A page of tasks, newest first, among the newest 100 000; `before` is the last id of the page before."""
    params = (
        workspace,
        before or _HIGHEST,
        SEARCHED,
        _array(filter.statuses),
        filter.project_id,
        _array(filter.tags),
        None if filter.text is None else [pattern(piece) for piece in filter.text],
        limit,
    )
    return Query("reads/tasks", params, query.many_of(Task))


@flow
def update(workspace: UUID, id: UUID, change: TaskChange, *, version: int | None = None) -> Steps[Task]:
    """Changes a task; with `version`, only while it is still as it was read.

    Raises Invalid, which names the field, NotFound, or ConcurrentUpdate when somebody else changed it since.
    """
    _check(change.title, change.priority)
    if not change.empty <= EMPTIED:
        raise Invalid(
            f"a task cannot do without {', '.join(sorted(change.empty - EMPTIED))}",
            fields=dict.fromkeys(change.empty - EMPTIED, "it cannot be empty"),
        )
    yield from _check_project(workspace, change.project_id)
    params = (
        workspace,
        id,
        version,
        change.title,
        change.project_id,
        change.description,
        change.prompt,
        None if change.config is None else change.config.decode(),
        _array(change.tags),
        change.status,
        change.priority,
        sorted(change.empty),
    )
    changed = yield from ask(Query("verbs/update_task", params, query.one_of(Task)))
    if changed is None:
        task = yield from ask(get(workspace, id))
        if task is None:
            raise _missing(id)
        raise ConcurrentUpdate(f"task {id} is at version {task.version}, not {version}; read it and try again")
    return changed


@atomic
def remove(workspace: UUID, id: UUID) -> Steps[None]:
    """Removes a task. Raises NotFound, or Conflict while jobs or files hang on it."""
    if (yield from ask(Query("verbs/hold_task", (workspace, id), query.one))) is None:
        raise _missing(id)
    gone, jobs, assets = yield from ask(Query("verbs/remove_task", (workspace, id), lambda rows: rows[0]))
    if not gone:
        left = " and ".join(what for what, there in (("jobs", jobs), ("files", assets)) if there)
        raise Conflict(f"task {id} still has {left}; set it to CANCELLED or DONE instead")


def _check(title: str | None, priority: int | None) -> None:
    if title is not None and not (1 <= len(title.encode("utf-8", "surrogatepass")) <= _LONGEST and title.strip()):
        raise Invalid(f"title: a title has 1 to {_LONGEST} bytes", fields={"title": f"1 to {_LONGEST} bytes"})
    if priority is not None and not 1 <= priority <= 10:
        raise Invalid(f"priority must be 1 to 10, not {priority}", fields={"priority": "1 to 10"})


def _check_project(workspace: UUID, id: UUID | None) -> Steps[None]:
    if id is not None and not (yield from ask(Query("reads/project", (workspace, id), query.rows))):
        raise Invalid(
            f"project_id: there is no project {id} in this workspace", fields={"project_id": "it is not there"}
        )


def _array(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else [str(value) for value in values]


def _missing(id: UUID) -> NotFound:
    return NotFound(f"there is no task {id} in this workspace")
