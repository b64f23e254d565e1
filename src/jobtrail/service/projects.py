"""Verbs on projects, the folders of tasks and jobs: create, get, list, rename, remove when empty."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from jobtrail.core.errors import Conflict, Invalid, NotFound
from jobtrail.core.filter import pattern
from jobtrail.core.model import Project
from jobtrail.core.spent import ProjectDetail
from jobtrail.service import usage
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, atomic, flow

_HIGHEST: Final = UUID(int=(1 << 128) - 1)
_LONGEST: Final = 255


@flow
def create(workspace: UUID, id: UUID, name: str) -> Steps[Project]:
    """Makes a project. Raises Invalid, or Conflict when another one has the name."""
    made = yield from ask(Query("verbs/create_project", (workspace, id, _checked(name)), query.one_of(Project)))
    if made is None:
        raise _taken(name)
    return made


def get(workspace: UUID, id: UUID) -> Query[Project | None]:
    """One project, or None."""
    return Query("reads/project", (workspace, id), query.one_of(Project))


@flow
def detail(workspace: UUID, id: UUID) -> Steps[ProjectDetail]:
    """One project with what its jobs used. Raises NotFound."""
    project = yield from ask(get(workspace, id))
    if project is None:
        raise _missing(id)
    spent = yield from ask(usage.of(workspace, "project", id))
    return ProjectDetail(**{name: getattr(project, name) for name in Project.__slots__}, usage=spent)


def listed(
    workspace: UUID, *, text: str | None = None, before: UUID | None = None, limit: int = 50
) -> Query[list[Project]]:
    """A page of projects, newest first; `text` is a part of the name, `before` the last id of the page before."""
    params = (workspace, before or _HIGHEST, None if text is None else pattern(text), limit)
    return Query("reads/projects", params, query.many_of(Project))


@flow
def rename(workspace: UUID, id: UUID, name: str) -> Steps[Project]:
    """Gives it another name. Raises Invalid, NotFound, or Conflict when another one has the name."""
    changed = yield from ask(Query("verbs/rename_project", (workspace, id, _checked(name)), query.one_of(Project)))
    if changed is None:
        if (yield from ask(get(workspace, id))) is None:
            raise _missing(id)
        raise _taken(name)
    return changed


@atomic
def remove(workspace: UUID, id: UUID) -> Steps[None]:
    """Removes an empty project. Raises NotFound, or Conflict while tasks or jobs are in it."""
    if (yield from ask(Query("verbs/hold_project", (workspace, id), query.one))) is None:
        raise _missing(id)
    gone, jobs, tasks = yield from ask(Query("verbs/remove_project", (workspace, id), lambda rows: rows[0]))
    if not gone:
        left = " and ".join(what for what, there in (("tasks", tasks), ("jobs", jobs)) if there)
        raise Conflict(f"project {id} still has {left}; only an empty project is removed")


def _checked(name: str) -> str:
    if not 1 <= len(name.encode("utf-8", "surrogatepass")) <= _LONGEST or not name.strip():
        raise Invalid(f"name: a project's name has 1 to {_LONGEST} bytes", fields={"name": f"1 to {_LONGEST} bytes"})
    return name


def _taken(name: str) -> Conflict:
    return Conflict(f"there is a project {name!r} already; choose another name", fields={"name": "it is taken"})


def _missing(id: UUID) -> NotFound:
    return NotFound(f"there is no project {id} in this workspace")
