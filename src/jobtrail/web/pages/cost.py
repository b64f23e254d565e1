"""What jobs cost: by day and model, by what one wants to know, the dearest jobs. Unknown prices are told apart, never as zero."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

import msgspec
from starlette.responses import Response

from jobtrail.core.budget import BudgetStanding
from jobtrail.core.figures import CostOfType, DearJob, UsageOfDay, Waste
from jobtrail.core.model import UsageTotal
from jobtrail.core.scopes import ApiScope
from jobtrail.core.shown import money
from jobtrail.core.spent import Spent
from jobtrail.service import budgets, usage
from jobtrail.store.query import Steps, ask, flow
from jobtrail.web.pages.charts import Bucket, Chart, Series
from jobtrail.web.pages.page import Frame, page
from jobtrail.web.pages.searching import search
from jobtrail.web.pages.shared import shared
from jobtrail.web.runtime import Call

By = Literal["type", "model", "queue", "tag", "project", "task"]
Days = Literal["1d", "7d", "30d", "90d"]
BYS: Final[tuple[By, ...]] = ("type", "model", "queue", "tag", "project", "task")
DAYS: Final[tuple[Days, ...]] = ("1d", "7d", "30d", "90d")
MODELS: Final = 6
_LOOKS: Final = ("c-accent", "c-ok", "c-warn", "c-lost", "c-soft", "c-bad")
_OTHERS: Final = Series("others", "c-wait")
_SECONDS: Final = 15.0
_LISTED: Final = 100


class CostQuery(msgspec.Struct, frozen=True):
    """Of how many days, today included, and summed by what."""

    days: Days = "7d"
    by: By = "type"


@dataclass(frozen=True, slots=True)
class Cost:
    """What was spent from `since` on, before `until`."""

    since: datetime
    until: datetime
    total: Spent
    waste: Waste
    days: list[UsageOfDay]
    totals: list[UsageTotal]
    types: list[CostOfType]
    dearest: list[DearJob]
    budgets: list[BudgetStanding]

    @property
    def wasted_percent(self) -> float | None:
        """Which part of the known costs was wasted; None where nothing is known."""
        if not self.total.cost_usd or self.waste.wasted_usd is None:
            return None
        return float(self.waste.wasted_usd / self.total.cost_usd * 100)


async def show_cost(call: Call, query: CostQuery) -> Response:
    """Money of some days."""
    call.principal.require(ApiScope.JOBS_READ)
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    since = midnight - timedelta(days=int(query.days[:-1]) - 1)
    found = await shared(call, ("cost", query), _read(call, since, now, query.by), _SECONDS)
    url = Frame(prefix=call.prefix, path="", principal=call.principal).url
    return await page(call, "cost.html", "Cost", found=found, query=query, chart_of_days=_chart(found, url), bys=BYS,
                      day_choices=DAYS, search_of=lambda key, value: search((key, value)))  # fmt: skip


@flow
def _read(call: Call, since: datetime, until: datetime, by: By) -> Steps[Cost]:
    workspace = call.workspace
    of_types = by == "type"
    return Cost(
        since=since,
        until=until,
        total=(yield from ask(usage.total(workspace, since, until))),
        waste=(yield from ask(usage.waste(workspace, since, until))),
        days=(yield from ask(usage.days(workspace, since, until, MODELS))),
        totals=[] if of_types else (yield from ask(usage.totals(workspace, since, until, by, _LISTED))),
        types=(yield from ask(usage.by_type(workspace, since, until, _LISTED))) if of_types else [],
        dearest=(yield from ask(usage.dearest(workspace, since, until))),
        budgets=(yield from budgets.listed(workspace, limit=_LISTED).begin()),
    )


def _chart(found: Cost, url: Callable[..., str]) -> Chart:
    names = list(dict.fromkeys(one.model for one in found.days if one.model is not None))
    spent = {
        name: sum((one.cost_usd or Decimal() for one in found.days if one.model == name), Decimal()) for name in names
    }
    names.sort(key=lambda name: spent[name], reverse=True)
    series = [Series(name, look) for name, look in zip(names, _LOOKS, strict=False)]
    if any(one.model is None for one in found.days):
        series.append(_OTHERS)
    known = {(one.day, one.model): None if one.cost_usd is None else float(one.cost_usd) for one in found.days}
    buckets = [_bucket(day, series, known, url) for day in _days(found.since, found.until)]
    first, last = buckets[0].label, f"{buckets[-1].label} (UTC)"
    return Chart(
        "days",
        "Cost by day",
        tuple(series) or (Series("cost", "c-accent"),),
        tuple(buckets),
        _usd,
        first=first,
        last=last,
    )


def _bucket(
    day: datetime, series: Sequence[Series], known: dict[tuple[str, str | None], float | None], url: Callable[..., str]
) -> Bucket:
    name = day.strftime("%Y-%m-%d")
    values = tuple(known.get((name, None if one is _OTHERS else one.name), 0.0) for one in series) or (0.0,)
    until = (day + timedelta(days=1)).strftime("%Y-%m-%d")
    return Bucket(day, day.strftime("%d %b"), values, url("/jobs", t=f"{name}T00:00:00Z..{until}T00:00:00Z"))


def _days(since: datetime, until: datetime) -> list[datetime]:
    return [since + timedelta(days=number) for number in range((until - since).days + 1)]


def _usd(value: float) -> str:
    return money(Decimal(str(round(value, 8))))
