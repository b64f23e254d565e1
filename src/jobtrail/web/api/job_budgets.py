"""Budgets over HTTP: the words for amounts, and the budget that a job is accepted with."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from jobtrail.core.budget_terms import MOST_TOKENS, Budget, money
from jobtrail.core.errors import Invalid, StaleAttempt
from jobtrail.core.fence import Fence
from jobtrail.core.model import Claimed
from jobtrail.service import reserving
from jobtrail.web.runtime import Call

Usd = Annotated[Decimal, msgspec.Meta(description="Dollars, as text or number.")]
Tokens = Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3_000_000_000)]
WarnAt = Annotated[float, msgspec.Meta(gt=0, le=1, description="From which part of it on people are told.")]


class JobBudgetBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the job and all that descends from it may use together, or each of its attempts by itself (`per`).

    When it is spent, people are asked for more at a gate, or (`stop`) it ends FAILED.
    """

    usd: Usd | None = None
    tokens: Annotated[int, msgspec.Meta(ge=1, le=MOST_TOKENS)] | None = None
    wall_seconds: Seconds | None = None
    per: Literal["tree", "attempt"] = "tree"
    warn_at: WarnAt = 0.8
    on_exceeded: Literal["gate", "stop"] = "gate"

    def budget(self, at: str = "") -> Budget:
        """The budget. Raises Invalid, which names the field below `at`."""
        try:
            return Budget(
                money(self.usd, "limit_usd"),
                tokens=self.tokens,
                wall=self.wall_seconds,
                per=self.per,
                warn_at=self.warn_at,
                on_exceeded=self.on_exceeded,
            )
        except Invalid as error:
            fields = {f"{at}{name.removeprefix('limit_')}": fault for name, fault in error.fields.items()}
            raise Invalid(error.message, fields=fields) from error


async def admitted(call: Call, claimed: Claimed, worker_id: UUID) -> bool:
    """Reserves for an attempt that was just claimed; false when its job waits or has failed, and the attempt is over."""
    fence = Fence(claimed.workspace_id, claimed.job_id, claimed.attempt_id, worker_id)
    try:
        permit = await call.write(reserving.reserved(fence))
    except StaleAttempt:
        return False
    return permit.waits is None and permit.refused is None
