"""Tasks are made, read, listed, changed while they are as they were read, and removed while nothing hangs on them."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Any
from uuid import UUID

import pytest
from database import Database
from scene import ME, SERVES_ALL, Scene, ids, new_job

from jobtrail.core.errors import ConcurrentUpdate, Conflict, Invalid, NotFound
from jobtrail.core.model import Task
from jobtrail.core.status import TaskStatus
from jobtrail.service import jobs, projects, queues, tasks
from jobtrail.service.tasks import NewTask, TaskChange, TaskFilter
from jobtrail.store.db import Scope, run

OTHER = UUID("00000000-0000-7000-8000-0000000000bb")


def made(scene: Scene, title: str = "paint the fence", **wanted: Any) -> Task:
    return scene.do(tasks.create(scene.workspace, NewTask(id=ids.new(), title=title, **wanted)))


def project(scene: Scene, name: str = "garden") -> UUID:
    return scene.do(projects.create(scene.workspace, ids.new(), name)).id


def test_a_task_is_read_as_it_was_made(scene: Scene) -> None:
    folder = project(scene)
    task = made(
        scene, "t", project_id=folder, description="d", prompt="p", config=b'{"a": [1]}', tags=("x", "y"),
        status=TaskStatus.READY, priority=8,
    )  # fmt: skip
    assert task == scene.do(tasks.get(scene.workspace, task.id))
    assert (task.project_id, task.config, task.tags, task.status, task.version) == (
        folder,
        {"a": [1]},
        ["x", "y"],
        "READY",
        1,
    )
    assert scene.do(tasks.get(scene.workspace, ids.new())) is None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"title": ""}, "title"), ({"title": " "}, "title"), ({"title": "x" * 1_025}, "title"),
     ({"priority": 11}, "priority"), ({"project_id": ids.new()}, "project_id")],
)  # fmt: skip
def test_what_is_wrong_with_a_task_is_told_by_field(scene: Scene, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        made(scene, **wrong)
    assert field in refused.value.fields
    task = made(scene)
    with pytest.raises(Invalid) as refused:
        scene.do(tasks.update(scene.workspace, task.id, TaskChange(**wrong)))
    assert field in refused.value.fields


def test_a_task_is_made_once(scene: Scene) -> None:
    task = made(scene)
    with pytest.raises(Conflict, match=str(task.id)):
        scene.do(tasks.create(scene.workspace, NewTask(id=task.id, title="again")))


def test_a_list_of_tasks_shows_what_is_asked_for_page_by_page(scene: Scene) -> None:
    folder = project(scene)
    plain = made(scene)
    other = made(scene, "100% Ready", project_id=folder, tags=("x",), status=TaskStatus.DONE, description="Soon")

    def shown(**said: Any) -> list[UUID]:
        return [task.id for task in scene.do(tasks.listed(scene.workspace, TaskFilter(**said)))]

    assert shown() == [other.id, plain.id]
    assert shown(statuses=(TaskStatus.DONE, TaskStatus.REVIEW)) == shown(project_id=folder) == shown(tags=("x", "z"))
    assert shown(tags=("x",)) == shown(text=("0% r", "SOON")) == [other.id]
    assert shown(text=("0_ r",)) == shown(text=("ready", "never")) == []
    first = scene.do(tasks.listed(scene.workspace, limit=1))
    assert first == [other]
    assert scene.do(tasks.listed(scene.workspace, before=first[0].id)) == [plain]


def test_a_change_of_a_task_names_the_version_that_it_read(scene: Scene) -> None:
    task = made(scene, description="d", tags=("x",))
    change = TaskChange(title="u", status=TaskStatus.IN_PROGRESS, config=b'{"b": 1}', empty=frozenset({"description"}))
    changed = scene.do(tasks.update(scene.workspace, task.id, change, version=1))
    assert (changed.title, changed.status, changed.config, changed.description) == ("u", "IN_PROGRESS", {"b": 1}, None)
    assert (changed.version, changed.tags, changed.prompt) == (2, ["x"], None)
    with pytest.raises(ConcurrentUpdate, match="version 2, not 1"):
        scene.do(tasks.update(scene.workspace, task.id, TaskChange(title="v"), version=1))
    assert scene.do(tasks.update(scene.workspace, task.id, TaskChange(tags=()))).tags == []
    with pytest.raises(NotFound):
        scene.do(tasks.update(scene.workspace, ids.new(), TaskChange(title="v")))
    with pytest.raises(Invalid, match="title"):
        scene.do(tasks.update(scene.workspace, task.id, TaskChange(empty=frozenset({"title"}))))


def test_a_task_goes_while_nothing_hangs_on_it(scene: Scene) -> None:
    task = made(scene)
    job = scene.enqueue(task_id=task.id)
    with pytest.raises(Conflict, match="still has jobs"):
        scene.do(tasks.remove(scene.workspace, task.id))
    assert [found.id for found in scene.do(jobs.listed(scene.workspace, jobs.Filter(task_id=task.id)))] == [job]
    free = made(scene)
    scene.do(tasks.remove(scene.workspace, free.id))
    assert scene.do(tasks.get(scene.workspace, free.id)) is None
    with pytest.raises(NotFound):
        scene.do(tasks.remove(scene.workspace, free.id))
    with pytest.raises(Invalid, match="names a task or project that is not there"):
        scene.enqueue(task_id=free.id)


def test_a_job_that_is_being_hung_on_a_task_keeps_it(database: Database, scene: Scene) -> None:
    """Removing waits for the job's transaction and then finds the job."""
    task = made(scene)
    refused: list[Exception] = []

    def remove() -> None:
        with closing(database.connect(application="remover")) as conn:
            try:
                run(conn, tasks.remove(scene.workspace, task.id), SERVES_ALL)
            except Conflict as error:
                refused.append(error)

    with closing(database.connect()) as writer, closing(database.as_admin()) as admin:
        with writer.transaction():
            run(writer, jobs.enqueue(scene.workspace, [new_job(task_id=task.id)], ME), SERVES_ALL)
            remover = threading.Thread(target=remove)
            remover.start()
            waits = b"select from pg_stat_activity where application_name = 'remover' and wait_event_type = 'Lock'"
            while admin.execute(waits).fetchone() is None:
                assert remover.is_alive(), "it did not wait for the job"
        remover.join(30)
    assert [type(error) for error in refused] == [Conflict]
    assert scene.do(tasks.get(scene.workspace, task.id)) is not None


def test_a_task_of_another_workspace_is_not_there(database: Database, scene: Scene) -> None:
    scene.do(queues.open_workspace(OTHER, "other"))
    folder = scene.do(projects.create(OTHER, ids.new(), "theirs"))
    task = scene.do(tasks.create(OTHER, NewTask(id=ids.new(), title="theirs", project_id=folder.id)))
    ours = Scope(str(scene.workspace), standing=True)
    with closing(database.connect(str(scene.workspace))) as conn:
        for workspace in (scene.workspace, OTHER):
            assert run(conn, tasks.get(workspace, task.id), ours) is None
            assert run(conn, tasks.listed(workspace), ours) == []
            with pytest.raises(NotFound):
                run(conn, tasks.update(workspace, task.id, TaskChange(title="mine")), ours)
            with pytest.raises(NotFound):
                run(conn, tasks.remove(workspace, task.id), ours)
        with pytest.raises(Invalid):
            run(conn, tasks.create(scene.workspace, NewTask(id=ids.new(), title="t", project_id=folder.id)), ours)
    assert scene.do(tasks.get(OTHER, task.id)) == task
