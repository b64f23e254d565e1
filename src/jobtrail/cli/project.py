"""`jobtrail project create`, `list`, `get`, `rename` and `remove`: the folders of tasks and jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from cyclopts import Parameter

from jobtrail.cli import place, show, task_refs, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain
from jobtrail.cli.task_refs import ProjectRef
from jobtrail.cli.telling import Usage
from jobtrail.core.model import Project
from jobtrail.core.spent import ProjectDetail


def create(name: Annotated[str, Plain], /, *, flags: Flags = NO_FLAGS) -> int:
    """Make a project.

    Parameters
    ----------
    name
        What it is called; no other project of the workspace may have the name.
    """
    with place.client(flags) as client:
        made = client.projects.create(name)
    show.thing({"project": made}, lambda: _lines(made), flags)
    return 0


def listed(
    text: Annotated[str | None, Plain] = None,
    /,
    *,
    limit: Annotated[int, Parameter(alias="-n")] = 50,
    flags: Flags = NO_FLAGS,
) -> int:
    """Projects, newest first.

    Parameters
    ----------
    text
        Only those with this in their name.
    limit
        At most so many, 50 if not said otherwise.
    """
    if not 1 <= limit <= task_refs.SEARCHED:
        raise Usage(f"--limit must be 1 to {task_refs.SEARCHED}, not {limit}")
    with place.client(flags) as client:
        found = client.projects.list(text, limit=limit)
    show.rows(
        found,
        [
            show.id_column(lambda project: project.id, "PROJECT"),
            show.Column("NAME", lambda project: project.name, lambda project: words.one_line(project.name, 60)),
            show.time_column("MADE", lambda project: project.created_at),
        ],
        flags,
        empty="no projects; make one: jobtrail project create NAME",
    )
    return 0


def get(project: ProjectRef, /, *, flags: Flags = NO_FLAGS) -> int:
    """One project, and what its jobs used.

    Parameters
    ----------
    project
        Its name, its id, or four or more digits of its start or end.
    """
    with place.client(flags) as client:
        found = client.projects.get(task_refs.project_id(client, project))
    show.thing({"project": found}, lambda: _lines(found), flags)
    return 0


def rename(project: ProjectRef, name: Annotated[str, Plain], /, *, flags: Flags = NO_FLAGS) -> int:
    """Give a project another name.

    Parameters
    ----------
    project
        Its name, its id, or four or more digits of its start or end.
    name
        The new name.
    """
    with place.client(flags) as client:
        changed = client.projects.rename(task_refs.project_id(client, project), name)
    show.thing({"project": changed}, lambda: _lines(changed), flags)
    return 0


def remove(project: ProjectRef, /, *, flags: Flags = NO_FLAGS) -> int:
    """Remove a project in which nothing is.

    Parameters
    ----------
    project
        Its name, its id, or four or more digits of its start or end.
    """
    with place.client(flags) as client:
        id = task_refs.project_id(client, project)
        client.projects.remove(id)
    show.thing({"id": id, "removed": True}, lambda: [("removed", id)], flags)
    return 0


def _lines(project: Project) -> Iterator[tuple[str, object]]:
    yield "id", project.id
    yield "name", project.name
    yield "made", words.absolute(project.created_at)
    if isinstance(project, ProjectDetail):
        yield "used", task_refs.used(project.usage)
