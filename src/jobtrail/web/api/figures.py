"""Routes of figures: how many jobs stand where, how queues did, what was used, what was measured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.errors import Invalid
from jobtrail.core.figures import UsageOfDay
from jobtrail.core.model import Metric, QueueMinute, StatusCount
from jobtrail.core.spent import UsageSummary
from jobtrail.service import jobs, metrics, queues, usage
from jobtrail.service.usage import UsageKey
from jobtrail.web.runtime import Call
from jobtrail.web.views import Name, Time

_LONGEST: Final = timedelta(days=400)
_DAY: Final = timedelta(days=1)
_MONTH: Final = timedelta(days=30)


class CountList(msgspec.Struct, frozen=True):
    """How many jobs stand at each status; where `capped`, there are more."""

    items: list[StatusCount]


class MinuteList(msgspec.Struct, frozen=True):
    """How a queue stood, minute by minute, oldest first."""

    items: list[QueueMinute]


class MetricList(msgspec.Struct, frozen=True):
    """Measured values, newest first."""

    items: list[Metric]


class MetricName(msgspec.Struct, frozen=True):
    """A metric that there is."""

    metric_type: str
    metric_name: str


class MetricNames(msgspec.Struct, frozen=True):
    """The metrics that there are."""

    items: list[MetricName]


class SpanQuery(msgspec.Struct, frozen=True, kw_only=True):
    """From when on, and before when: the last day if nothing is said."""

    since: Time | None = None
    until: Time | None = None


class UsageQuery(SpanQuery, frozen=True, kw_only=True):
    """When, and summed by what."""

    by: UsageKey = "model"


class DaysQuery(SpanQuery, frozen=True, kw_only=True):
    """Which days, the last 30 if nothing is said, and how many models by themselves."""

    models: Annotated[int, msgspec.Meta(ge=0, le=50)] = 6


class DayList(msgspec.Struct, frozen=True):
    """What was used on each day (in UTC) of each model, the first day first; `model` null: of all others."""

    items: list[UsageOfDay]


class MetricsQuery(SpanQuery, frozen=True, kw_only=True):
    """Which metric, and when."""

    metric_type: Name
    metric_name: Name
    job_id: UUID | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1_000


async def count_jobs(call: Call) -> CountList:
    """How many jobs stand at each status, counted up to 10 000."""
    return CountList(await call.read(jobs.counts(call.workspace)))


async def list_queue_stats(call: Call, queue: Name, query: SpanQuery) -> MinuteList:
    """How a queue stood, minute by minute."""
    since, until = _span(query)
    name = jsonguard.check_name(queue, "queue")
    return MinuteList(await call.read(queues.stats(call.workspace, name, since, until)))


async def list_usage_totals(call: Call, query: UsageQuery) -> UsageSummary:
    """Tokens and money of a time, summed by model, provider, day, job, type, queue, tag, task or project.

    The 1 000 dearest are listed; the total counts all.
    """
    since, until = _span(query)
    return await call.read(usage.summary(call.workspace, since, until, query.by))


async def list_usage_days(call: Call, query: DaysQuery) -> DayList:
    """Money of each day, by model: the dearest ones by themselves, all others together."""
    since, until = _span(query, _MONTH)
    return DayList(await call.read(usage.days(call.workspace, since, until, query.models)))


async def list_metrics(call: Call, query: MetricsQuery) -> MetricList:
    """Values of one metric."""
    since, until = _span(query)
    work = metrics.listed(
        call.workspace,
        query.metric_type,
        query.metric_name,
        since=since,
        until=until,
        job_id=query.job_id,
        limit=query.limit,
    )
    return MetricList(await call.read(work))


async def list_metric_names(call: Call) -> MetricNames:
    """The metrics that there are."""
    found = await call.read(metrics.names(call.workspace))
    return MetricNames([MetricName(type, name) for type, name in found])


def _span(query: SpanQuery, length: timedelta = _DAY) -> tuple[datetime, datetime]:
    until = query.until or datetime.now(UTC)
    try:
        since = query.since or until - length
        too_long = until - since > _LONGEST
    except OverflowError:
        too_long = True
    if too_long or since > until:
        raise Invalid(
            f"since must lie before until, by {_LONGEST.days} days at most", fields={"since": "not before until"}
        )
    return since, until
