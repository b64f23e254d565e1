"""Trees: the verbs on what jobs have to do with each other that every client has, on the database and over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import msgspec

from jobtrail.client.talk import Ask
from jobtrail.client.tasks import Runs, Work
from jobtrail.core.graph import Branch, Dependency, TreeTotal
from jobtrail.service import dependencies
from jobtrail.store.query import Flow, Query


class SaysTrees(Protocol):
    """Each verb as a value: what is to be done, on the database or over HTTP."""

    def tree(self, job_id: UUID, limit: int) -> Work[tuple[list[Branch], TreeTotal]]: ...
    def dependencies(self, job_id: UUID) -> Work[list[Dependency]]: ...


class Trees:
    """The verbs, blocking."""

    def __init__(self, say: SaysTrees, run: Runs) -> None:
        self._say, self._run = say, run

    def get(self, job_id: UUID, *, limit: int = 200) -> tuple[list[Branch], TreeTotal]:
        """A job and those below it, level by level, with what each cost; and the sums. Raises NotFound."""
        return self._run(self._say.tree(job_id, limit))

    def dependencies(self, job_id: UUID) -> list[Dependency]:
        """What a job waits for or waited for, and who waits for it."""
        return self._run(self._say.dependencies(job_id))


@dataclass(frozen=True, slots=True)
class TreeFlows:
    """Each verb for one workspace."""

    workspace: UUID

    def tree(self, job_id: UUID, limit: int) -> Flow[tuple[list[Branch], TreeTotal]]:
        """The tree."""
        return dependencies.whole(self.workspace, job_id, limit)

    def dependencies(self, job_id: UUID) -> Query[list[Dependency]]:
        """Both directions."""
        return dependencies.listed(self.workspace, job_id)


class TreeAsks:
    """Each verb as the server's route takes it."""

    def tree(self, job_id: UUID, limit: int) -> Ask[tuple[list[Branch], TreeTotal]]:
        """The tree."""
        return Ask(method="GET", path=f"/jobs/{job_id}/tree", read=_tree, query={"limit": str(limit)}, again=True)

    def dependencies(self, job_id: UUID) -> Ask[list[Dependency]]:
        """Both directions."""
        return Ask(method="GET", path=f"/jobs/{job_id}/dependencies", read=_items, again=True)


class _Tree(msgspec.Struct, frozen=True):
    items: list[Branch]
    total: TreeTotal


class _Dependencies(msgspec.Struct, frozen=True):
    items: list[Dependency]


def _tree(body: bytes) -> tuple[list[Branch], TreeTotal]:
    told = msgspec.json.decode(body, type=_Tree)
    return told.items, told.total


def _items(body: bytes) -> list[Dependency]:
    return msgspec.json.decode(body, type=_Dependencies).items
