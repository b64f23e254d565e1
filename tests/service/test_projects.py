"""Projects are made, read, listed and renamed, and removed when they are empty."""

from __future__ import annotations

from contextlib import closing
from uuid import UUID

import pytest
from database import Database
from scene import Scene, ids

from jobtrail.core.errors import Conflict, Invalid, NotFound
from jobtrail.core.model import Project
from jobtrail.service import jobs, projects, queues, tasks
from jobtrail.store.db import Scope, run

OTHER = UUID("00000000-0000-7000-8000-0000000000bb")


def made(scene: Scene, name: str) -> Project:
    return scene.do(projects.create(scene.workspace, ids.new(), name))


def test_projects_are_listed_newest_first_page_by_page(scene: Scene) -> None:
    old, new = made(scene, "Garden_1"), made(scene, "House")
    assert scene.do(projects.get(scene.workspace, old.id)) == old
    assert scene.do(projects.listed(scene.workspace)) == [new, old]
    assert scene.do(projects.listed(scene.workspace, limit=1)) == [new]
    assert scene.do(projects.listed(scene.workspace, before=new.id)) == [old]
    assert scene.do(projects.listed(scene.workspace, text="den_")) == [old]
    assert scene.do(projects.listed(scene.workspace, text="d%n")) == []


def test_a_name_belongs_to_one_project(scene: Scene) -> None:
    garden, house = made(scene, "garden"), made(scene, "house")
    with pytest.raises(Conflict, match="'garden'"):
        made(scene, "garden")
    with pytest.raises(Conflict, match="'garden'"):
        scene.do(projects.rename(scene.workspace, house.id, "garden"))
    assert scene.do(projects.rename(scene.workspace, garden.id, "garden")).name == "garden"
    assert scene.do(projects.rename(scene.workspace, house.id, "flat")).name == "flat"
    with pytest.raises(NotFound):
        scene.do(projects.rename(scene.workspace, ids.new(), "attic"))


@pytest.mark.parametrize("name", ["", "  ", "x" * 256, "ü" * 128])
def test_a_name_that_cannot_be_stored_is_told_by_field(scene: Scene, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        made(scene, name)
    assert "name" in refused.value.fields


def test_only_an_empty_project_goes(scene: Scene) -> None:
    folder, empty = made(scene, "full"), made(scene, "empty")
    task = scene.do(tasks.create(scene.workspace, tasks.NewTask(id=ids.new(), title="t", project_id=folder.id)))
    with pytest.raises(Conflict, match="still has tasks;"):
        scene.do(projects.remove(scene.workspace, folder.id))
    job = scene.enqueue(project_id=folder.id)
    with pytest.raises(Conflict, match="tasks and jobs"):
        scene.do(projects.remove(scene.workspace, folder.id))
    scene.do(tasks.remove(scene.workspace, task.id))
    with pytest.raises(Conflict, match="still has jobs"):
        scene.do(projects.remove(scene.workspace, folder.id))
    assert [one.id for one in scene.do(jobs.listed(scene.workspace, jobs.Filter(project_id=folder.id)))] == [job]
    scene.do(projects.remove(scene.workspace, empty.id))
    with pytest.raises(NotFound):
        scene.do(projects.remove(scene.workspace, empty.id))


def test_a_project_of_another_workspace_is_not_there(database: Database, scene: Scene) -> None:
    scene.do(queues.open_workspace(OTHER, "other"))
    theirs = scene.do(projects.create(OTHER, ids.new(), "same name"))
    made(scene, "same name")
    ours = Scope(str(scene.workspace), standing=True)
    with closing(database.connect(str(scene.workspace))) as conn:
        for workspace in (scene.workspace, OTHER):
            assert run(conn, projects.get(workspace, theirs.id), ours) is None
            with pytest.raises(NotFound):
                run(conn, projects.rename(workspace, theirs.id, "mine"), ours)
            with pytest.raises(NotFound):
                run(conn, projects.remove(workspace, theirs.id), ours)
        assert run(conn, projects.listed(OTHER), ours) == []
    assert scene.do(projects.get(OTHER, theirs.id)) == theirs
