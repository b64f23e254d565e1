"""The verbs on tasks and projects as HTTP requests: what to send, and how to read the answer. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import msgspec

from jobtrail.client.talk import Ask, Talk
from jobtrail.core.model import Project, Task
from jobtrail.core.spent import ComparedJob, ProjectDetail, TaskDetail
from jobtrail.service.agent_tasks import FollowUp, Start, Started
from jobtrail.service.jobs import Options
from jobtrail.service.tasks import NewTask, TaskChange, TaskFilter

I = TypeVar("I")  # noqa: E741  (an item)

_PAGE: Final = 500


class _Page(msgspec.Struct, Generic[I], frozen=True):
    items: list[I]
    next_cursor: str | None = None


class _Accepted(msgspec.Struct, frozen=True):
    id: UUID
    existed: bool


class TaskAsks:
    """Each verb as the server's route takes it."""

    def create_task(self, task: NewTask) -> Ask[Task]:
        """Makes a task; the server gives it an id."""
        body = {name: getattr(task, name) for name in NewTask.__slots__ if name != "id"}
        return _post("/tasks", Task, body | {"config": msgspec.Raw(task.config)})

    def get_task(self, id: UUID) -> Ask[TaskDetail]:
        """One task."""
        return _get(f"/tasks/{id}", TaskDetail)

    def list_tasks(self, filter: TaskFilter, limit: int) -> Talk[list[Task]]:
        """The newest tasks."""
        said = {
            "status": ",".join(filter.statuses or ()),
            "project_id": str(filter.project_id or ""),
            "tag": ",".join(filter.tags or ()),
            "text": " ".join(filter.text or ()),
        }
        return _pages("/tasks", Task, said, limit)

    def update_task(self, id: UUID, change: TaskChange, version: int | None) -> Ask[Task]:
        """Changes a task."""
        names = [name for name in TaskChange.__slots__ if name != "empty"]
        body: dict[str, Any] = {name: value for name in names if (value := getattr(change, name)) is not None}
        if change.config is not None:
            body["config"] = msgspec.Raw(change.config)
        body |= dict.fromkeys(change.empty)
        headers = {} if version is None else {"If-Match": f'"{version}"'}
        return Ask(
            method="PATCH", path=f"/tasks/{id}", read=_reader(Task), body=msgspec.json.encode(body), headers=headers,
            again=version is not None,
        )  # fmt: skip

    def remove_task(self, id: UUID) -> Ask[None]:
        """Removes a task."""
        return Ask(method="DELETE", path=f"/tasks/{id}", read=_nothing)

    def start_task(self, id: UUID, wanted: Start, key: str | None, types: Mapping[str, Options] | None) -> Ask[Started]:
        """Starts a task; the server knows the types itself."""
        body = {name: value for name in Start.__slots__ if (value := getattr(wanted, name)) is not None}
        return _started(f"/tasks/{id}/start", body, key)

    def follow_up_task(self, id: UUID, wanted: FollowUp, key: str | None) -> Ask[Started]:
        """Goes on with a session."""
        return _started(f"/tasks/{id}/follow-up", {name: getattr(wanted, name) for name in FollowUp.__slots__}, key)

    def compare_task(self, id: UUID, limit: int) -> Ask[list[ComparedJob]]:
        """The jobs of a task side by side."""

        def read(body: bytes) -> list[ComparedJob]:
            return msgspec.json.decode(body, type=_Page[ComparedJob]).items

        return Ask(method="GET", path=f"/tasks/{id}/compare", read=read, query={"limit": str(limit)}, again=True)

    def create_project(self, name: str) -> Ask[Project]:
        """Makes a project."""
        return _post("/projects", Project, {"name": name})

    def get_project(self, id: UUID) -> Ask[ProjectDetail]:
        """One project."""
        return _get(f"/projects/{id}", ProjectDetail)

    def list_projects(self, text: str | None, limit: int) -> Talk[list[Project]]:
        """The newest projects."""
        return _pages("/projects", Project, {"text": text or ""}, limit)

    def rename_project(self, id: UUID, name: str) -> Ask[Project]:
        """Gives a project another name."""
        body = msgspec.json.encode({"name": name})
        return Ask(method="PATCH", path=f"/projects/{id}", read=_reader(Project), body=body, again=True)

    def remove_project(self, id: UUID) -> Ask[None]:
        """Removes a project."""
        return Ask(method="DELETE", path=f"/projects/{id}", read=_nothing)


def _pages(path: str, item: type[I], said: Mapping[str, str], limit: int) -> Talk[list[I]]:
    """Pages, until there are as many items as are wanted."""
    found: list[I] = []
    query = {name: value for name, value in said.items() if value}
    while True:
        size = min(limit - len(found), _PAGE)
        page: _Page[I] = yield Ask(
            method="GET", path=path, read=_reader(_Page[item]), query=query | {"limit": str(size)}, again=True  # type: ignore[valid-type]  # a type at run time
        )  # fmt: skip
        found += page.items
        if page.next_cursor is None or len(found) >= limit:
            return found
        query["cursor"] = page.next_cursor


def _started(path: str, body: Mapping[str, Any], key: str | None) -> Ask[Started]:
    """Under a key it may be sent again; without one a lost answer is told, for a second job would cost."""

    def read(raw: bytes) -> Started:
        items = msgspec.json.decode(raw, type=_Page[_Accepted]).items
        return Started(tuple(one.id for one in items), frozenset(one.id for one in items if one.existed), "")

    headers = {} if key is None else {"Idempotency-Key": key}
    return Ask(
        method="POST", path=path, read=read, body=msgspec.json.encode(body), headers=headers, again=key is not None
    )


def _get(path: str, wanted: type[I]) -> Ask[I]:
    return Ask(method="GET", path=path, read=_reader(wanted), again=True)


def _post(path: str, wanted: type[I], body: Mapping[str, Any]) -> Ask[I]:
    return Ask(method="POST", path=path, read=_reader(wanted), body=msgspec.json.encode(body))


def _reader(wanted: type[I]) -> Any:
    return lambda body: msgspec.json.decode(body, type=wanted)


def _nothing(_body: bytes) -> None:
    return None
