"""How a workspace stands, in one read: counts, the last hour, money, what runs, and what somebody should look at."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from jobtrail.core.attention import attention
from jobtrail.core.figures import LostWorker, Overview, RecentEnds, RunningJob
from jobtrail.core.schedules import SCHEDULER
from jobtrail.service import breakers, budgets, failures, gates, health, jobs, queues, schedules, usage
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, flow

CAP: Final = 10_001
GATES: Final = 101
"""So many gates are counted; more are shown as `100+`."""
RUNNING: Final = 20
BUDGETS: Final = 100
_ATTEMPTS: Final = 10_000
_FAILURES: Final = 2_000
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_NO_ENDS: Final = RecentEnds(0, 0, 0, 0, 0, capped=False)


@flow
def read(workspace: UUID, now: datetime) -> Steps[Overview]:
    """How the workspace stands at `now`."""
    minute = now.replace(second=0, microsecond=0)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    minutes = yield from ask(queues.parts(workspace, None, minute - _HOUR, now, 60))
    figures = yield from ask(queues.figures(workspace, now))
    asked = yield from ask(gates.listed(workspace, waiting=True, limit=GATES))
    errors = yield from ask(failures.groups(workspace, now - _DAY, looked_at=_FAILURES))
    lost = yield from ask(lost_workers(workspace, now - _HOUR))
    unserved = yield from ask(health.unserved())
    oldest = [one.oldest_queued_at for one in figures if one.oldest_queued_at is not None]
    return Overview(
        at=now,
        counts=(yield from ask(jobs.counts(workspace))),
        completed=sum(one.jobs_out for one in minutes),
        ends=(yield from ask(ends(workspace, now - _HOUR))) or _NO_ENDS,
        minutes=minutes,
        queues=figures,
        oldest_queued_at=min(oldest, default=None),
        gates_waiting=len(asked),
        today=(yield from ask(usage.total(workspace, midnight, now))),
        yesterday=(yield from ask(usage.total(workspace, midnight - _DAY, midnight))),
        waste=(yield from ask(usage.waste(workspace, midnight, now))),
        attention=attention(
            now,
            unserved={(one.queue, one.type): one.jobs for one in unserved},
            queues=figures,
            errors=errors.items,
            lost=lost,
            gates=asked,
            schedules=(yield from ask(schedules.wrong(workspace, SCHEDULER))),
            budgets=(yield from budgets.listed(workspace, limit=BUDGETS).begin()),
            breakers=(yield from ask(breakers.listed(workspace))),
        ),
        running=(yield from ask(running(workspace))),
    )


def running(workspace: UUID, limit: int = RUNNING) -> Query[list[RunningJob]]:
    """The newest running jobs."""
    return Query("reads/running", (workspace, limit), query.many_of(RunningJob))


def ends(workspace: UUID, since: datetime, looked_at: int = _ATTEMPTS) -> Query[RecentEnds | None]:
    """What ended since then, other than by completing."""
    return Query("reads/recent_ends", (workspace, since, looked_at), query.one_of(RecentEnds))


def lost_workers(workspace: UUID, since: datetime, limit: int = 20) -> Query[list[LostWorker]]:
    """Workers that were lost since then, the last first."""
    return Query("reads/lost_workers", (workspace, since, _ATTEMPTS, limit), query.many_of(LostWorker))
