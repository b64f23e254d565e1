"""Reads of types of jobs: what workers run, and what they say of it. What is installed is for the runners' room to find."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from jobtrail.core.aside import TypeFigures
from jobtrail.core.described import KnownType
from jobtrail.store import query
from jobtrail.store.query import Query

NEWEST: Final = 200
"""Of so many jobs of a type its figures are made."""


def listed(workspace: UUID) -> Query[list[KnownType]]:
    """The types that workers who serve this workspace run, or ran before they stopped; without the schemas of inputs."""
    return Query("reads/types", (workspace,), query.many_of(KnownType))


def get(workspace: UUID, type: str) -> Query[KnownType | None]:
    """One of them, with the schema of its input; None when none of them knows it."""
    return Query("reads/type", (workspace, type), query.one_of(KnownType))


def figures(workspace: UUID, types: Sequence[str], newest: int = NEWEST) -> Query[list[TypeFigures]]:
    """How the newest jobs of some types went."""
    return Query("reads/type_figures", (workspace, list(types), newest), query.many_of(TypeFigures))
