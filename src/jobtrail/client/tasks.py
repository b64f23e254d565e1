"""Tasks and Projects: the verbs on them that every client has, blocking and awaited. What a verb is, on the database or over
HTTP, is said elsewhere; here it is run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeAlias, TypeVar
from uuid import UUID

from jobtrail.client.talk import Ask, Talk
from jobtrail.core.model import Project, Task
from jobtrail.core.spent import ComparedJob, ProjectDetail, TaskDetail
from jobtrail.service.agent_tasks import FollowUp, Start, Started
from jobtrail.service.jobs import Enqueued, Options
from jobtrail.service.tasks import NewTask, TaskChange, TaskFilter
from jobtrail.store.query import Flow, Query

T = TypeVar("T")

Work: TypeAlias = Query[T] | Flow[T] | Ask[T] | Talk[T]
"""A verb as a value, as one of the clients runs it."""


class Runs(Protocol):
    """How a client runs a verb."""

    def __call__(self, work: Work[T], /) -> T: ...


class Awaits(Protocol):
    """How a client for async code runs a verb."""

    def __call__(self, work: Work[T], /) -> Awaitable[T]: ...


class Says(Protocol):
    """Each verb as a value: what is to be done, on the database or over HTTP."""

    def create_task(self, task: NewTask) -> Work[Task]: ...
    def get_task(self, id: UUID) -> Work[TaskDetail]: ...
    def list_tasks(self, filter: TaskFilter, limit: int) -> Work[list[Task]]: ...
    def update_task(self, id: UUID, change: TaskChange, version: int | None) -> Work[Task]: ...
    def remove_task(self, id: UUID) -> Work[None]: ...
    def start_task(
        self, id: UUID, wanted: Start, key: str | None, types: Mapping[str, Options] | None
    ) -> Work[Started]: ...
    def follow_up_task(self, id: UUID, wanted: FollowUp, key: str | None) -> Work[Started]: ...
    def compare_task(self, id: UUID, limit: int) -> Work[list[ComparedJob]]: ...
    def create_project(self, name: str) -> Work[Project]: ...
    def get_project(self, id: UUID) -> Work[ProjectDetail]: ...
    def list_projects(self, text: str | None, limit: int) -> Work[list[Project]]: ...
    def rename_project(self, id: UUID, name: str) -> Work[Project]: ...
    def remove_project(self, id: UUID) -> Work[None]: ...


Tells: TypeAlias = Callable[[Sequence[str]], None]
"""Wakes the workers of some queues."""


class Tasks:
    """The verbs on tasks, blocking."""

    def __init__(self, say: Says, run: Runs, tell: Tells) -> None:
        self._say, self._run, self._tell = say, run, tell

    def create(self, task: NewTask) -> Task:
        """Makes a task. Raises Invalid, which names the field."""
        return self._run(self._say.create_task(task))

    def get(self, id: UUID) -> TaskDetail:
        """One task with what its jobs used. Raises NotFound."""
        return self._run(self._say.get_task(id))

    def list(self, filter: TaskFilter = TaskFilter(), *, limit: int = 50) -> list[Task]:
        """The newest tasks that fit."""
        return self._run(self._say.list_tasks(filter, limit))

    def update(self, id: UUID, change: TaskChange, *, version: int | None = None) -> Task:
        """Changes a task; with `version` only while it is as it was read. Raises NotFound, Invalid, ConcurrentUpdate."""
        return self._run(self._say.update_task(id, change, version))

    def remove(self, id: UUID) -> None:
        """Removes a task on which nothing hangs. Raises NotFound, Conflict."""
        self._run(self._say.remove_task(id))

    def start(
        self,
        id: UUID,
        wanted: Start = Start(),
        *,
        key: str | None = None,
        types: Mapping[str, Options] | None = None,
    ) -> Enqueued:
        """Accepts a job of the task, or one a variant. `types`: the defaults of types, which a server knows itself.

        Raises NotFound, Invalid, Conflict, IdempotencyConflict.
        """
        return _told(self._run(self._say.start_task(id, wanted, key, types)), self._tell)

    def follow_up(self, id: UUID, wanted: FollowUp, *, key: str | None = None) -> Enqueued:
        """Accepts a job that goes on with the session of an earlier one. Raises NotFound, Invalid, Conflict."""
        return _told(self._run(self._say.follow_up_task(id, wanted, key)), self._tell)

    def compare(self, id: UUID, *, limit: int = 20) -> Sequence[ComparedJob]:
        """The newest jobs of a task side by side. Raises NotFound."""
        return self._run(self._say.compare_task(id, limit))


class AsyncTasks:
    """The verbs on tasks, awaited; each does what the one of its name does in Tasks."""

    def __init__(self, say: Says, run: Awaits, tell: Tells) -> None:
        self._say, self._run, self._tell = say, run, tell

    async def create(self, task: NewTask) -> Task:
        """Makes a task. Raises Invalid, which names the field."""
        return await self._run(self._say.create_task(task))

    async def get(self, id: UUID) -> TaskDetail:
        """One task with what its jobs used. Raises NotFound."""
        return await self._run(self._say.get_task(id))

    async def list(self, filter: TaskFilter = TaskFilter(), *, limit: int = 50) -> list[Task]:
        """The newest tasks that fit."""
        return await self._run(self._say.list_tasks(filter, limit))

    async def update(self, id: UUID, change: TaskChange, *, version: int | None = None) -> Task:
        """Changes a task; with `version` only while it is as it was read. Raises NotFound, Invalid, ConcurrentUpdate."""
        return await self._run(self._say.update_task(id, change, version))

    async def remove(self, id: UUID) -> None:
        """Removes a task on which nothing hangs. Raises NotFound, Conflict."""
        await self._run(self._say.remove_task(id))

    async def start(
        self,
        id: UUID,
        wanted: Start = Start(),
        *,
        key: str | None = None,
        types: Mapping[str, Options] | None = None,
    ) -> Enqueued:
        """Accepts a job of the task, or one a variant. Raises NotFound, Invalid, Conflict, IdempotencyConflict."""
        return _told(await self._run(self._say.start_task(id, wanted, key, types)), self._tell)

    async def follow_up(self, id: UUID, wanted: FollowUp, *, key: str | None = None) -> Enqueued:
        """Accepts a job that goes on with the session of an earlier one. Raises NotFound, Invalid, Conflict."""
        return _told(await self._run(self._say.follow_up_task(id, wanted, key)), self._tell)

    async def compare(self, id: UUID, *, limit: int = 20) -> Sequence[ComparedJob]:
        """The newest jobs of a task side by side. Raises NotFound."""
        return await self._run(self._say.compare_task(id, limit))


class Projects:
    """The verbs on projects, blocking."""

    def __init__(self, say: Says, run: Runs) -> None:
        self._say, self._run = say, run

    def create(self, name: str) -> Project:
        """Makes a project. Raises Invalid, or Conflict when another one has the name."""
        return self._run(self._say.create_project(name))

    def get(self, id: UUID) -> ProjectDetail:
        """One project with what its jobs used. Raises NotFound."""
        return self._run(self._say.get_project(id))

    def list(self, text: str | None = None, *, limit: int = 50) -> list[Project]:
        """The newest projects, of those whose name has this text in it."""
        return self._run(self._say.list_projects(text, limit))

    def rename(self, id: UUID, name: str) -> Project:
        """Gives it another name. Raises Invalid, NotFound, or Conflict when another one has the name."""
        return self._run(self._say.rename_project(id, name))

    def remove(self, id: UUID) -> None:
        """Removes an empty project. Raises NotFound, Conflict."""
        self._run(self._say.remove_project(id))


class AsyncProjects:
    """The verbs on projects, awaited; each does what the one of its name does in Projects."""

    def __init__(self, say: Says, run: Awaits) -> None:
        self._say, self._run = say, run

    async def create(self, name: str) -> Project:
        """Makes a project. Raises Invalid, or Conflict when another one has the name."""
        return await self._run(self._say.create_project(name))

    async def get(self, id: UUID) -> ProjectDetail:
        """One project with what its jobs used. Raises NotFound."""
        return await self._run(self._say.get_project(id))

    async def list(self, text: str | None = None, *, limit: int = 50) -> list[Project]:
        """The newest projects, of those whose name has this text in it."""
        return await self._run(self._say.list_projects(text, limit))

    async def rename(self, id: UUID, name: str) -> Project:
        """Gives it another name. Raises Invalid, NotFound, or Conflict when another one has the name."""
        return await self._run(self._say.rename_project(id, name))

    async def remove(self, id: UUID) -> None:
        """Removes an empty project. Raises NotFound, Conflict."""
        await self._run(self._say.remove_project(id))


def _told(done: Started, tell: Tells) -> Enqueued:
    tell([done.queue])
    return Enqueued(ids=done.ids, existed=done.existed)
