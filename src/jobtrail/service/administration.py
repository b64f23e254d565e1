"""The record of administration: read, verify, and write for verbs that have no statement of their own for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from jobtrail.core import jsonguard
from jobtrail.core.access import AdministrationEvent, BrokenLink
from jobtrail.core.model import Actor
from jobtrail.store import query
from jobtrail.store.query import Query

INSTALLATION: Final = UUID(int=0)
"""Stands for a workspace where people and logins as such are recorded. Only a scope that sees all reads it."""


def listed(workspace: UUID, *, before: int | None = None, limit: int = 50) -> Query[list[AdministrationEvent]]:
    """A page of the record, newest first; `before` is the number of the last line of the page before."""
    return Query("reads/administration", (workspace, before, limit), query.many_of(AdministrationEvent))


def breaks(workspace: UUID | None = None, *, limit: int = 100) -> Query[list[BrokenLink]]:
    """Verifies the chain of a workspace, or of all that the scope sees: where it does not hold. Nothing: it is whole.

    An edit, a deletion or a swap is found, but not that the newest lines are gone.
    """
    return Query("reads/administration_breaks", (workspace, limit), query.many_of(BrokenLink))


def tell(
    workspace: UUID,
    type: str,
    actor: Actor,
    subject_type: str,
    subject_id: str,
    payload: Mapping[str, Any] | None = None,
) -> Query[None]:
    """Records one thing that was done (`webhook.created`), in the transaction that does it."""
    said = jsonguard.encode(dict(payload or {})).decode()
    return Query(
        "verbs/tell_administration",
        (workspace, type, actor.type, actor.id, subject_type, subject_id, said),
        query.nothing,
    )
