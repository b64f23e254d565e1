"""Verbs on steps: begin, finish, skip, list. A step that completed is remembered and never begun again."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from jobtrail.core.aside import StepOutput
from jobtrail.core.fence import Fence
from jobtrail.core.model import Step
from jobtrail.core.status import Phase, StepStatus, StepType
from jobtrail.store import query
from jobtrail.store.query import Query


def begin(fence: Fence, step_id: UUID, key: str, name: str, phase: Phase, type: StepType) -> Query[UUID | bool | None]:
    """Starts a step under its key, unique in the job. Answers its id, False when it completed before, None when stale."""
    params = (*fence.named, step_id, key, name, phase, type, str(fence.worker_id))
    return Query("verbs/step_begin", params, _begun)


def finish(
    fence: Fence,
    step_id: UUID,
    status: StepStatus,
    *,
    output: str | None = None,
    error: str | None = None,
    tokens_input: int = 0,
    tokens_output: int = 0,
    cost_usd: Decimal | None = None,
) -> Query[int | None]:
    """Ends a step with its output (JSON); answers the job's version, None when the attempt is stale."""
    params = (
        *fence.named,
        step_id,
        status,
        output,
        error,
        tokens_input,
        tokens_output,
        cost_usd,
        str(fence.worker_id),
    )
    return Query("verbs/step_finish", params, query.scalar)


def skip(fence: Fence, step_id: UUID, key: str, name: str, phase: Phase, type: StepType, why: str) -> Query[int | None]:
    """Records that a step does not run in this attempt; None when stale or when the step is known already."""
    params = (*fence.named, step_id, key, name, phase, type, why, str(fence.worker_id))
    return Query("verbs/step_skip", params, query.scalar)


def listed(workspace: UUID, job_id: UUID) -> Query[list[Step]]:
    """The steps of a job in their order."""
    return Query("reads/steps", (workspace, job_id), query.many_of(Step))


def _begun(rows: list[query.Row]) -> UUID | bool | None:
    if not rows:
        return None
    begun: UUID | None = rows[0][0]
    return False if begun is None else begun


def outputs(
    workspace: UUID, job_id: UUID, *, most_bytes: int, whole: UUID | None = None, limit: int = 200
) -> Query[list[StepOutput]]:
    """What the steps of a job left behind; an output that is longer comes only if its step is named by `whole`."""
    return Query("reads/step_outputs", (workspace, job_id, limit, most_bytes, whole), query.many_of(StepOutput))
