"""What somebody wants done: tasks by their status, one with its jobs side by side, and the projects they lie in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from starlette.responses import Response

from jobtrail.core.errors import Invalid
from jobtrail.core.filter import Filter
from jobtrail.core.model import Job, Project, Task
from jobtrail.core.scopes import ApiScope
from jobtrail.core.spent import ComparedJob, ProjectDetail, TaskDetail
from jobtrail.core.status import FINAL, JobStatus, TaskStatus
from jobtrail.service import agent_tasks, jobs, projects, tasks
from jobtrail.service.tasks import TaskFilter
from jobtrail.store.query import Steps, ask, flow
from jobtrail.web.pages.page import page
from jobtrail.web.runtime import Call

_PAGE: Final = 50
_PROJECTS: Final = 100
_COMPARED: Final = 30
_JOBS: Final = 20


class TasksQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which tasks: `text` are words of title and description."""

    status: TaskStatus | None = None
    project_id: UUID | None = None
    text: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    before: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A page of tasks, and the projects that there are."""

    tasks: list[Task]
    projects: dict[UUID, Project]
    older: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPage:
    """A task, its project, and its newest jobs side by side. `type`: of which type its jobs are, None where its config
    cannot be read: then `wrong` says why."""

    task: TaskDetail
    project: Project | None
    projects: list[Project]
    jobs: list[ComparedJob]
    type: str | None
    wrong: str | None

    @property
    def is_over(self) -> bool:
        """Whether nothing more is started of it."""
        return self.task.status in (TaskStatus.DONE, TaskStatus.CANCELLED)

    @property
    def sessions(self) -> list[ComparedJob]:
        """Its jobs that have a session to go on with."""
        return [one for one in self.jobs if one.session_id is not None and JobStatus(one.status) in FINAL]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectPage:
    """A project with its newest tasks and jobs."""

    project: ProjectDetail
    tasks: list[Task]
    jobs: list[Job]


async def show_tasks(call: Call, query: TasksQuery) -> Response:
    """Tasks, newest first."""
    call.principal.require(ApiScope.PROJECTS_READ)
    words = tuple((query.text or "").split()) or None
    statuses = None if query.status is None else (query.status,)
    wanted = TaskFilter(statuses=statuses, project_id=query.project_id, text=words)
    board = await call.read(_board(call.workspace, wanted, query.before))
    said: dict[str, Any] = {"status": query.status, "project_id": query.project_id, "text": query.text or None}
    return await page(call, "tasks.html", "Tasks", board=board, query=query, said=said, statuses=list(TaskStatus))


async def show_task(call: Call, task_id: UUID) -> Response:
    """One task."""
    call.principal.require(ApiScope.JOBS_READ)
    call.principal.require(ApiScope.PROJECTS_READ)
    one = await call.read(_task(call.workspace, task_id))
    return await page(call, "task.html", one.task.title, one=one, statuses=list(TaskStatus))


async def show_project(call: Call, project_id: UUID) -> Response:
    """One project."""
    call.principal.require(ApiScope.JOBS_READ)
    call.principal.require(ApiScope.TASKS_READ)
    one = await call.read(_project(call.workspace, project_id))
    return await page(call, "project.html", one.project.name, one=one)


@flow
def _board(workspace: UUID, wanted: TaskFilter, before: UUID | None) -> Steps[Board]:
    found = yield from ask(tasks.listed(workspace, wanted, before=before, limit=_PAGE + 1))
    known = yield from ask(projects.listed(workspace, limit=_PROJECTS))
    by_id = {one.id: one for one in known}
    for id in {one.project_id for one in found if one.project_id is not None} - by_id.keys():
        project = yield from ask(projects.get(workspace, id))
        if project is not None:
            by_id[id] = project
    older = found[_PAGE - 1].id if len(found) > _PAGE else None
    return Board(tasks=found[:_PAGE], projects=by_id, older=older)


@flow
def _task(workspace: UUID, id: UUID) -> Steps[TaskPage]:
    task = yield from tasks.detail(workspace, id).begin()
    project = None
    if task.project_id is not None:
        project = yield from ask(projects.get(workspace, task.project_id))
    type, wrong = _type(task)
    return TaskPage(
        task=task,
        project=project,
        projects=(yield from ask(projects.listed(workspace, limit=_PROJECTS))),
        jobs=(yield from ask(agent_tasks.compare(workspace, id, limit=_COMPARED))),
        type=type,
        wrong=wrong,
    )


@flow
def _project(workspace: UUID, id: UUID) -> Steps[ProjectPage]:
    project = yield from projects.detail(workspace, id).begin()
    inside = yield from ask(tasks.listed(workspace, TaskFilter(project_id=id), limit=_PAGE))
    made = yield from jobs.listed(workspace, Filter(project_id=id), limit=_JOBS, inputs=False).begin()
    return ProjectPage(project=project, tasks=inside, jobs=made)


def _type(task: Task) -> tuple[str | None, str | None]:
    try:
        return agent_tasks.type_of(task), None
    except Invalid as error:
        return None, error.message
