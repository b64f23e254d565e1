"""Reads of metrics, the values that were measured over time."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from jobtrail.core.model import Metric
from jobtrail.store import query
from jobtrail.store.query import Query


def listed(
    workspace: UUID,
    metric_type: str,
    metric_name: str,
    *,
    since: datetime,
    until: datetime,
    job_id: UUID | None = None,
    limit: int = 1_000,
) -> Query[list[Metric]]:
    """Values of one metric from `since` on, before `until`; the newest first."""
    params = (workspace, metric_type, metric_name, since, until, job_id, limit)
    return Query("reads/metrics", params, query.many_of(Metric))


def names(workspace: UUID, limit: int = 200) -> Query[list[tuple[str, str]]]:
    """The types and names of the metrics that there are."""
    return Query("reads/metric_names", (workspace, limit), lambda rows: [(row[0], row[1]) for row in rows])
