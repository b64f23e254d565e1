"""Runs jobs of type `jobtrail.bulk`: an action on all jobs that a filter lets through, page by page, each page a step."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec

from jobtrail.core.bulk import TYPE, Account, BulkPage, decode
from jobtrail.core.errors import Invalid
from jobtrail.core.outcome import Done, Fail, Outcome, Snooze, Stopped
from jobtrail.core.shown import number
from jobtrail.core.status import ResultStatus
from jobtrail.runners.context import Context
from jobtrail.runners.protocol import Assignment
from jobtrail.service.bulk import Counted

_LONGEST_HELD_SECONDS: Final = 5.0
"""An operation that waits longer for its next wave gives its slot back meanwhile."""


class Hand(Protocol):
    """What this runner asks of the worker, and no other runner does: to act on other jobs, for whoever ordered it."""

    async def count(self, assignment: Assignment) -> Counted:
        """What the order would touch, up to a cap."""

    async def page(self, assignment: Assignment, before: UUID | None) -> BulkPage:
        """Acts on the next jobs. Raises Dropped when the attempt is stale."""


class BulkRunner:
    """The runner. The worker lends it a hand before the first job."""

    type = TYPE

    def __init__(self) -> None:
        self._hand: Hand | None = None

    def borrow(self, hand: Hand) -> None:
        """Works with this hand from now on."""
        self._hand = hand

    def validate(self, input: Any) -> Mapping[str, str]:
        """What is wrong with an input, by field."""
        try:
            decode(input)
        except Invalid as error:
            return error.fields or {"input": error.message}
        return {}

    async def run(self, context: Context) -> Outcome:
        """All pages that are left; those of attempts before this one are remembered."""
        hand, assignment = self._hand, context.assignment
        if hand is None:
            return Fail("misconfigured", "bulk operations are worked on by workers only", final=True)

        async def count() -> Counted:
            return await hand.count(assignment)

        async def page(before: UUID | None) -> BulkPage:
            worked.append(True)
            return await hand.page(assignment, before)

        worked: list[bool] = []  # whether this attempt did a page: those that are remembered are not waited for
        total = await context.step("count", count)
        account, before, began = Account(), None, time.monotonic()
        _, pause = decode(msgspec.json.decode(assignment.input)).wave
        while not context.cancelled:
            done = await context.step("page", page, before)
            account, before = account.plus(done), done.next_before
            context.progress(_percent(account.done + account.skipped, total), _stage(account, total))
            if before is None:
                status = ResultStatus.PARTIAL if account.skipped else ResultStatus.SUCCESS
                return Done(asdict(account), status, summary=_told(account))
            if worked and done.done:
                worked.clear()
                if pause > _LONGEST_HELD_SECONDS:
                    return Snooze(timedelta(seconds=pause), f"{_told(account)}; the next wave comes by its rate")
                await asyncio.sleep(began + pause - time.monotonic())
                began = time.monotonic()
        return Stopped()


def _told(account: Account) -> str:
    return f"{number(account.done)} done, {number(account.skipped)} skipped"


def _stage(account: Account, total: Counted) -> str:
    """The account so far."""
    return f"{_told(account)}, of {'more than ' if total.capped else ''}{number(total.matching)}"


def _percent(seen: int, total: Counted) -> float:
    """Of a total that is known; else it only tells that something moves."""
    if total.capped or total.matching == 0:
        return 0.0
    return min(100.0 * seen / total.matching, 100.0)
