"""Bulk operations as values: an action on all jobs that a filter lets through, what a page of them came to, the account.

A bulk operation is a job of type `jobtrail.bulk`; its input is the order, its result the account.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

from jobtrail.core.errors import Invalid
from jobtrail.core.filter import Filter

TYPE: Final = "jobtrail.bulk"
QUEUE: Final = "default"
PAGE: Final = 500
"""So many jobs are acted on in one transaction."""
SLOWEST: Final = 0.01
FASTEST: Final = 1_000_000.0
_NAMES: Final = frozenset(field.name for field in fields(Filter))
_TOLD: Final = 1_000
"""So many of the jobs that were left out are named in the account."""


class Action(StrEnum):
    """What is done with each job."""

    CANCEL = "cancel"
    RETRY = "retry"
    RERUN = "rerun"
    PRIORITIZE = "prioritize"
    REDRIVE = "redrive"
    START_NOW = "start_now"


RATED: Final = frozenset({Action.RETRY, Action.RERUN, Action.REDRIVE, Action.START_NOW})
"""Actions that give workers something to do, and can do so bit by bit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An action on all jobs of a filter. `priority` is for PRIORITIZE, 1 to 10; `reason` for CANCEL; `rate_per_minute`, at
    most so many jobs a minute, for what makes work. Raises Invalid."""

    action: Action
    filter: Filter
    priority: int | None = None
    reason: str | None = None
    rate_per_minute: float | None = None

    def __post_init__(self) -> None:
        if (self.priority is not None) != (self.action is Action.PRIORITIZE):
            wrong = "it is needed" if self.priority is None else f"{self.action} takes none"
            raise Invalid(f"priority: {wrong}", fields={"priority": wrong})
        if self.priority is not None and not 1 <= self.priority <= 10:
            raise Invalid(f"priority must be 1 to 10, not {self.priority}", fields={"priority": "1 to 10"})
        if self.reason is not None and self.action is not Action.CANCEL:
            raise Invalid(f"reason: {self.action} takes none", fields={"reason": f"{self.action} takes none"})
        if self.rate_per_minute is not None and self.action not in RATED:
            raise Invalid(
                f"rate_per_minute: {self.action} takes none", fields={"rate_per_minute": f"{self.action} takes none"}
            )
        if self.rate_per_minute is not None and not SLOWEST <= self.rate_per_minute <= FASTEST:
            wrong = f"{SLOWEST:g} to {FASTEST:g}"
            raise Invalid(f"rate_per_minute must be {wrong}", fields={"rate_per_minute": wrong})

    @property
    def wave(self) -> tuple[int, float]:
        """How many jobs are acted on at once, and how many seconds later the next ones may be."""
        if self.rate_per_minute is None:
            return PAGE, 0.0
        size = max(1, min(PAGE, round(self.rate_per_minute)))
        return size, 60.0 * size / self.rate_per_minute


@dataclass(frozen=True, slots=True)
class Skipped:
    """A job that was left as it is, and why."""

    job_id: UUID
    why: str


@dataclass(frozen=True, slots=True)
class BulkPage:
    """What one page came to. `queues` have new work; `next_before` is where the next page begins, None after the last."""

    done: int
    skipped: tuple[Skipped, ...] = ()
    queues: frozenset[str] = frozenset()
    next_before: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a bulk operation came to so far. `why` counts the skipped by reason; `skipped_jobs` names the first 1 000."""

    done: int = 0
    skipped: int = 0
    why: dict[str, int] = field(default_factory=dict)
    skipped_jobs: tuple[Skipped, ...] = ()

    def plus(self, page: BulkPage) -> Account:
        """The account with one more page."""
        why = dict(self.why)
        for one in page.skipped:
            why[one.why] = why.get(one.why, 0) + 1
        return replace(
            self,
            done=self.done + page.done,
            skipped=self.skipped + len(page.skipped),
            why=why,
            skipped_jobs=(*self.skipped_jobs, *page.skipped)[:_TOLD],
        )


def encode(order: Order) -> bytes:
    """The order as the input of its job; what is not set is left out."""
    set_fields = {name: getattr(order.filter, name) for name in sorted(order.filter.asks_for)}
    parts = {"action": order.action, "filter": set_fields, "priority": order.priority, "reason": order.reason,
             "rate_per_minute": order.rate_per_minute}  # fmt: skip
    return msgspec.json.encode({name: value for name, value in parts.items() if value is not None})


def decode(input: object) -> Order:
    """The order that a job's input is. Raises Invalid."""
    try:
        order = msgspec.convert(input, Order, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        raise Invalid(f"this is no bulk order: {error}", fields={"input": str(error)}) from None
    strange = sorted(set(input["filter"]) - _NAMES) if isinstance(input, dict) else []
    if strange:  # a condition that is not understood must not become an action on all jobs
        wrong = f"a filter has no {strange[0]!r}"
        raise Invalid(f"this is no bulk order: {wrong}", fields={"filter": wrong})
    return order
