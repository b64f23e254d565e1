"""Reads for the pages of one job: what stands above all of them, where it failed, the jobs beside it, its timeline."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from jobtrail.core.headline import FailingStep, Headline, Moment, Related, Usual
from jobtrail.core.model import Event, Step
from jobtrail.core.spent import Spent
from jobtrail.store import query
from jobtrail.store.query import Query

CAP: Final = 10_001
MOMENTS: Final = 400
_LOOKED_AT: Final = 200
_SAMPLE: Final = 50


def read(workspace: UUID, job_id: UUID) -> Query[Headline | None]:
    """What hangs on a job, and the worker that it runs on; None where there is no such job."""
    return Query("reads/headline", (workspace, job_id, CAP), query.one_of(Headline))


def failing_step(workspace: UUID, job_id: UUID) -> Query[FailingStep | None]:
    """The step that failed last in the last attempt; None where none did."""
    return Query("reads/failing_step", (workspace, job_id), query.one_of(FailingStep))


def related(workspace: UUID, job_id: UUID, limit: int = 50) -> Query[list[Related]]:
    """The jobs that were rerun from one or started by it, the newest first."""
    return Query("reads/related_jobs", (workspace, job_id, limit), query.many_of(Related))


def moments(workspace: UUID, job_id: UUID, version: int, most: int = MOMENTS) -> Query[list[Moment]]:
    """Up to `most` events of a job of so many, evenly spread over its trail, the last among them."""
    step = max(version / most, 1.0)
    seqs = sorted({version - round(number * step) for number in range(min(version, most))})
    return Query("reads/moments", (workspace, job_id, seqs), query.many_of(Moment))


def worker_names(ids: Collection[UUID]) -> Query[dict[UUID, str]]:
    """What some workers are called; those that were forgotten are left out."""
    return Query("reads/worker_names", (list(ids),), lambda rows: {row[0]: row[1] for row in rows})


def usual(workspace: UUID, type: str) -> Query[Usual | None]:
    """How long the last 50 completed of the newest 200 jobs of a type took."""
    return Query("reads/usual_seconds", (workspace, type, _LOOKED_AT, _SAMPLE), query.one_of(Usual))


def events(workspace: UUID, job_id: UUID, limit: int) -> Query[list[Event]]:
    """The events of a job that begin or end something that lasts, without their hashes."""
    return Query("reads/span_events", (workspace, job_id, limit), query.many_of(Event))


def steps(workspace: UUID, job_id: UUID, limit: int) -> Query[list[Step]]:
    """The steps of a job in their order, without their outputs."""
    return Query("reads/step_lines", (workspace, job_id, limit), query.many_of(Step))


def spent(workspace: UUID, job_id: UUID, until: datetime | None = None) -> Query[dict[UUID | None, Spent]]:
    """What each step of a job used until a time, or until now; under None what its own code used."""
    return Query("reads/spent_by_step", (workspace, job_id, until), _by_step)


def _by_step(rows: list[query.Row]) -> dict[UUID | None, Spent]:
    return {row[0]: Spent(*row[1:]) for row in rows}
