"""Lets jobs that wait for a budget go on when it reaches again: it was raised, its period turned, others gave back; and has
those that run stopped where it is spent and says so."""

from __future__ import annotations

from collections.abc import Callable

from jobtrail.service import budgets
from jobtrail.store.query import Query, nothing
from jobtrail.worker.link import Link


async def stir(link: Link, hear: Callable[[str], None]) -> None:
    """Looks at budgets that somebody waits for, or that stop somebody, each in a transaction of its own."""
    found = await link.once(budgets.stirring())
    for workspace, budget_id in found:
        await link.once(budgets.stop_running(workspace, budget_id))
        for queue in await link.once(budgets.stir(workspace, budget_id)):
            hear(queue)
            await link.once(Query("verbs/nudge", (queue,), nothing))
    if found:
        await link.once(budgets.forget_waits())
