"""`jobtrail usage`: tokens and money of a time, by what one wants to know."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from jobtrail.cli import place, show, task_refs, words
from jobtrail.cli.flags import NO_FLAGS, Flags
from jobtrail.cli.since import time_of
from jobtrail.cli.telling import notice
from jobtrail.core.model import UsageTotal
from jobtrail.core.spent import Spent
from jobtrail.service.usage import UsageKey


def usage(
    *,
    by: Annotated[UsageKey, Parameter(alias="-b")] = "model",
    since: str = "1d",
    until: str | None = None,
    flags: Flags = NO_FLAGS,
) -> int:
    """Tokens and money that jobs used, the dearest first, and all together.

    Parameters
    ----------
    by
        By job, task, project, model, provider, day, type or queue.
    since
        From when on: how long ago (12h, 7d), or a time. The last day, if not said otherwise.
    until
        Until when, alike; until now, if not said otherwise.
    """
    to = datetime.now(UTC) if until is None else time_of(until, "--until")
    with place.client(flags) as client:
        found = client.usage_totals(time_of(since, "--since"), to, by)
    if flags.output == "json":
        show.document(show.plain({"items": found.items, "total": found.total}))
        return 0
    show.rows(
        found.items,
        [
            show.Column(by.upper(), lambda one: one.key, lambda one: one.key or "(none)"),
            show.Column("CALLS", lambda one: one.calls, right=True, rank=2),
            show.Column("INPUT", lambda one: one.input_tokens, lambda one: f"{one.input_tokens:,}", right=True),
            show.Column("OUTPUT", lambda one: one.output_tokens, lambda one: f"{one.output_tokens:,}", right=True),
            show.Column("CACHED", lambda one: one.cached_tokens, lambda one: f"{one.cached_tokens:,}", right=True,
                        rank=1),
            show.Column("USD", lambda one: one.cost_usd, _cost, right=True),
            show.Column("UNPRICED", lambda one: one.unpriced_calls, lambda one: one.unpriced_calls or "", right=True,
                        rank=3),
        ],
        flags,
        empty="nothing was used in this time",
    )  # fmt: skip
    if found.total.calls:
        notice(f"together: {task_refs.used(found.total)}")
    if found.total.unpriced_calls:
        notice(f"of {words.counted(found.total.unpriced_calls, 'call')} nobody knows the price")
    return 0


def _cost(one: UsageTotal) -> str:
    return task_refs.cost(Spent(calls=one.calls, cost_usd=one.cost_usd, unpriced_calls=one.unpriced_calls))
