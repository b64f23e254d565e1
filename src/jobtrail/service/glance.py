"""The verb that tells how a workspace stands at a glance: what is shown around every page."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from jobtrail.core.figures import Glance
from jobtrail.store import query
from jobtrail.store.query import Query

CAP: Final = 100


def read(workspace: UUID, cap: int = CAP) -> Query[Glance | None]:
    """Counts, each up to `cap`."""
    return Query("reads/glance", (workspace, cap), query.one_of(Glance))
