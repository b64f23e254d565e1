"""Routes of tasks and projects: what somebody wants done, and the folders of it."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from jobtrail.core import jsonguard
from jobtrail.core.model import Project, Task
from jobtrail.core.spent import ProjectDetail, TaskDetail
from jobtrail.core.status import TaskStatus
from jobtrail.service import projects, tasks
from jobtrail.service.tasks import NewTask, TaskChange, TaskFilter
from jobtrail.store.identity import new_id
from jobtrail.web import cursors
from jobtrail.web.routing import Page, Reply
from jobtrail.web.runtime import Call
from jobtrail.web.versions import Match, etag, version_of
from jobtrail.web.views import Cursor, Limit, Name, Priority, Tags, checked_tags

_Title = Annotated[str, msgspec.Meta(min_length=1, max_length=1_024)]
_Text = Annotated[str, msgspec.Meta(max_length=100_000)]
_Search = Annotated[str, msgspec.Meta(max_length=200)]


class NewTaskBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A task to make."""

    title: _Title
    project_id: UUID | None = None
    description: _Text | None = None
    prompt: _Text | None = None
    config: dict[str, Any] = msgspec.field(default_factory=dict)
    tags: Tags = msgspec.field(default_factory=list)
    status: TaskStatus = TaskStatus.BACKLOG
    priority: Priority = 5


class TaskBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """New values; what is left out stays, and null takes away what a task may do without."""

    title: _Title | UnsetType = UNSET
    project_id: UUID | UnsetType | None = UNSET
    description: _Text | UnsetType | None = UNSET
    prompt: _Text | UnsetType | None = UNSET
    config: dict[str, Any] | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    status: TaskStatus | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET


class TasksQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which tasks."""

    status: Annotated[list[TaskStatus], msgspec.Meta(max_length=100)] | None = None
    project_id: UUID | None = None
    tag: Annotated[list[str], msgspec.Meta(max_length=100)] | None = None
    text: _Search | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class ProjectBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A project."""

    name: Name


class ProjectsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which projects."""

    text: _Search | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


async def create_task(call: Call, body: NewTaskBody) -> Reply[Task]:
    """Make a task."""
    new = NewTask(
        id=new_id(),
        title=body.title,
        project_id=body.project_id,
        description=body.description,
        prompt=body.prompt,
        config=jsonguard.encode(body.config, at="config"),
        tags=checked_tags(body.tags),
        status=body.status,
        priority=body.priority,
    )
    made = await call.write(tasks.create(call.workspace, new))
    return _task(made, {"Location": f"{call.prefix}/api/v1/tasks/{made.id}"})


async def list_tasks(call: Call, query: TasksQuery) -> Page[Task]:
    """List tasks, newest first."""
    before = cursors.place(query.cursor, "tasks", UUID)
    filter = TaskFilter(
        statuses=tuple(query.status) if query.status else None,
        project_id=query.project_id,
        tags=tuple(query.tag) if query.tag else None,
        text=tuple(query.text.split()) if query.text and query.text.strip() else None,
    )
    found = await call.read(tasks.listed(call.workspace, filter, before=before, limit=query.limit + 1))
    items = found[: query.limit]
    return Page(items, cursors.cursor("tasks", items[-1].id) if len(found) > query.limit else None)


async def get_task(call: Call, task_id: UUID) -> Reply[TaskDetail]:
    """One task with what its jobs used."""
    found = await call.read(tasks.detail(call.workspace, task_id))
    return Reply(found, headers={"ETag": etag(found.version)})


async def change_task(call: Call, task_id: UUID, headers: Match, body: TaskBody) -> Reply[Task]:
    """Change a task; with If-Match only while it is as it was read."""
    said = {name: getattr(body, name) for name in body.__struct_fields__ if getattr(body, name) is not UNSET}
    empty = frozenset(name for name, value in said.items() if value is None)
    given = {name: value for name, value in said.items() if value is not None}
    if "config" in given:
        given["config"] = jsonguard.encode(given["config"], at="config")
    if "tags" in given:
        given["tags"] = checked_tags(given["tags"])
    change = TaskChange(**given, empty=empty)
    wanted = tasks.update(call.workspace, task_id, change, version=version_of(headers.if_match))
    return _task(await call.write(wanted))


async def remove_task(call: Call, task_id: UUID) -> None:
    """Remove a task on which nothing hangs."""
    await call.write(tasks.remove(call.workspace, task_id))


async def create_project(call: Call, body: ProjectBody) -> Reply[Project]:
    """Make a project."""
    made = await call.write(projects.create(call.workspace, new_id(), jsonguard.check_name(body.name, "name")))
    return Reply(made, headers={"Location": f"{call.prefix}/api/v1/projects/{made.id}"})


async def list_projects(call: Call, query: ProjectsQuery) -> Page[Project]:
    """List projects, newest first."""
    before = cursors.place(query.cursor, "projects", UUID)
    wanted = projects.listed(call.workspace, text=query.text or None, before=before, limit=query.limit + 1)
    found = await call.read(wanted)
    items = found[: query.limit]
    return Page(items, cursors.cursor("projects", items[-1].id) if len(found) > query.limit else None)


async def get_project(call: Call, project_id: UUID) -> ProjectDetail:
    """One project with what its jobs used."""
    return await call.read(projects.detail(call.workspace, project_id))


async def rename_project(call: Call, project_id: UUID, body: ProjectBody) -> Project:
    """Give a project another name."""
    return await call.write(projects.rename(call.workspace, project_id, jsonguard.check_name(body.name, "name")))


async def remove_project(call: Call, project_id: UUID) -> None:
    """Remove an empty project."""
    await call.write(projects.remove(call.workspace, project_id))


def _task(task: Task, more: dict[str, str] | None = None) -> Reply[Task]:
    return Reply(task, headers={"ETag": etag(task.version), **(more or {})})
