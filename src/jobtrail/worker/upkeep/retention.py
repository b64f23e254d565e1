"""Bounds history, each class by its own age: days of the trail, of logs and of metrics; jobs; keys, workers and logins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from jobtrail.service import deliveries, login_sessions, schedules, upkeep
from jobtrail.worker.link import Link
from jobtrail.worker.plan import Retention

KEYS = timedelta(days=2)
WORKERS = timedelta(days=7)
LOGINS = timedelta(days=7)
DELIVERIES = timedelta(days=30)
TICKS = timedelta(days=90)
_BATCH = 500


async def make_days(link: Link) -> None:
    """Makes the days to come, a week ahead."""
    await link.once(upkeep.make_partitions(7))


async def remove(link: Link, keep: Retention) -> dict[str, int]:
    """Removes what is past its age, in small bites; answers how much of what."""
    now = datetime.now(UTC)
    removed = {}
    for table, age in (("events", keep.trail), ("log_chunks", keep.logs), ("metrics", keep.metrics)):
        if age is not None:
            removed[table] = len(await link.once(upkeep.drop_partitions(table, now - age)))
    if keep.jobs is not None:
        removed["jobs"] = 0
        while gone := await link.once(upkeep.remove_jobs(now - keep.jobs, _BATCH)):
            removed["jobs"] += gone
    await link.once(upkeep.forget_keys(now - KEYS))
    await link.once(upkeep.forget_workers(now - WORKERS))
    await link.once(login_sessions.forget(now - LOGINS))
    while await link.once(deliveries.forget(now - DELIVERIES, _BATCH)):
        pass
    while await link.once(schedules.forget_ticks(now - TICKS, _BATCH)):
        pass
    return removed
