"""A bulk operation: how far it is, what it left out and why. It is a job, and is stopped like one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

import msgspec
from starlette.responses import Response

from jobtrail.core import bulk
from jobtrail.core.bulk import Account, Order
from jobtrail.core.errors import NotFound
from jobtrail.core.filter import Filter
from jobtrail.core.model import Job
from jobtrail.core.status import JobStatus, WaitReason, allowed_actions
from jobtrail.service import jobs
from jobtrail.store.query import Steps, ask, flow
from jobtrail.web.pages.page import page
from jobtrail.web.runtime import Call

_TOLD: Final = 200
_DOES: Final = {"cancel": "Cancel", "retry": "Retry", "rerun": "Rerun", "prioritize": "Change the priority of"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A bulk operation. `account` is None until it has ended by itself."""

    job: Job
    order: Order
    account: Account | None
    allowed: Sequence[str]

    @property
    def does(self) -> str:
        """What it does, in words."""
        said = f" to {self.order.priority}" if self.order.priority is not None else ""
        return f"{_DOES[self.order.action]} jobs{said}"

    @property
    def conditions(self) -> list[tuple[str, str]]:
        """Which jobs it takes, field by field."""
        return [(name.replace("_", " "), _words(value)) for name, value in _said(self.order.filter)]


async def show_operation(call: Call, operation_id: UUID) -> Response:
    """A bulk operation. Raises NotFound, also for other jobs."""
    operation = await call.read(_read(call.workspace, operation_id))
    told = () if operation.account is None else operation.account.skipped_jobs[:_TOLD]
    return await page(call, "operation.html", operation.does, operation=operation, job=operation.job, told=told)


@flow
def _read(workspace: UUID, job_id: UUID) -> Steps[Operation]:
    job = yield from ask(jobs.get(workspace, job_id))
    if job is None or job.type != bulk.TYPE:
        raise NotFound(f"there is no bulk operation {job_id} in this workspace")
    result = yield from ask(jobs.result(workspace, job_id))
    account = None
    if result is not None and result.output is not None:
        account = msgspec.convert(result.output, Account, strict=False)
    waits = None if job.wait_reason is None else WaitReason(job.wait_reason)
    allowed = allowed_actions(JobStatus(job.status), waits)
    return Operation(job=job, order=bulk.decode(job.input), account=account, allowed=allowed)


def _said(filter: Filter) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in asdict(filter).items() if value is not None]


def _words(value: Any) -> str:
    if isinstance(value, tuple):
        shown = [_words(one) for one in value[:20]]
        return ", ".join(shown) + (f" and {len(value) - 20} more" if len(value) > 20 else "")
    return str(value)
