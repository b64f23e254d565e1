"""The verbs on tasks and projects as values for the database. Nothing is run here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from jobtrail.core.model import Actor, Project, Task
from jobtrail.core.spent import ComparedJob, ProjectDetail, TaskDetail
from jobtrail.service import agent_tasks, projects, tasks
from jobtrail.service.agent_tasks import FollowUp, Start, Started
from jobtrail.service.jobs import Options
from jobtrail.service.tasks import NewTask, TaskChange, TaskFilter
from jobtrail.store.identity import new_id, new_ids
from jobtrail.store.query import Flow, Query


@dataclass(frozen=True, slots=True)
class TaskFlows:
    """Each verb for one workspace, by one actor."""

    workspace: UUID
    actor: Actor

    def create_task(self, task: NewTask) -> Flow[Task]:
        """Makes a task."""
        return tasks.create(self.workspace, task)

    def get_task(self, id: UUID) -> Flow[TaskDetail]:
        """One task."""
        return tasks.detail(self.workspace, id)

    def list_tasks(self, filter: TaskFilter, limit: int) -> Query[list[Task]]:
        """The newest tasks."""
        return tasks.listed(self.workspace, filter, limit=limit)

    def update_task(self, id: UUID, change: TaskChange, version: int | None) -> Flow[Task]:
        """Changes a task."""
        return tasks.update(self.workspace, id, change, version=version)

    def remove_task(self, id: UUID) -> Flow[None]:
        """Removes a task."""
        return tasks.remove(self.workspace, id)

    def start_task(
        self, id: UUID, wanted: Start, key: str | None, types: Mapping[str, Options] | None
    ) -> Flow[Started]:
        """Starts a task."""
        return agent_tasks.start(self.workspace, id, wanted, new_ids(wanted.jobs), self.actor, types=types, key=key)

    def follow_up_task(self, id: UUID, wanted: FollowUp, key: str | None) -> Flow[Started]:
        """Goes on with a session."""
        return agent_tasks.follow_up(self.workspace, id, wanted, new_id(), self.actor, key=key)

    def compare_task(self, id: UUID, limit: int) -> Flow[list[ComparedJob]]:
        """The jobs of a task side by side."""
        return agent_tasks.compared(self.workspace, id, limit=limit)

    def create_project(self, name: str) -> Flow[Project]:
        """Makes a project."""
        return projects.create(self.workspace, new_id(), name)

    def get_project(self, id: UUID) -> Flow[ProjectDetail]:
        """One project."""
        return projects.detail(self.workspace, id)

    def list_projects(self, text: str | None, limit: int) -> Query[list[Project]]:
        """The newest projects."""
        return projects.listed(self.workspace, text=text, limit=limit)

    def rename_project(self, id: UUID, name: str) -> Flow[Project]:
        """Gives a project another name."""
        return projects.rename(self.workspace, id, name)

    def remove_project(self, id: UUID) -> Flow[None]:
        """Removes a project."""
        return projects.remove(self.workspace, id)
