"""Verbs of checking inputs before their jobs take a slot: take some, end each, give back, see what is still one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from jobtrail.core import jsonguard
from jobtrail.core.status import JobStatus
from jobtrail.store import query
from jobtrail.store.query import Query

TRIES: Final = 3
"""So often a check may break before its job is FAILED."""
_MESSAGE_BYTES: Final = 4_096
_SHOWN: Final = 20
_FAULT: Final = 1_000


@dataclass(frozen=True, slots=True)
class Validation:
    """A job whose input one worker checks, under a token that is the fence. `input` is JSON text; `tries` broke before."""

    workspace_id: UUID
    job_id: UUID
    token: UUID
    queue: str
    type: str
    input: str
    generation: int
    tries: int


def take(worker_id: UUID, queues: Sequence[str], types: Sequence[str], limit: int) -> Query[list[Validation]]:
    """Takes up to `limit` jobs to check: VALIDATING from now on, until the check or the worker ends."""
    params = (worker_id, list(queues), list(types), limit)
    return Query("verbs/validate", params, query.many_of(Validation))


def passed(one: Validation, worker_id: UUID) -> Query[JobStatus | None]:
    """The input is valid: the job is QUEUED. Answers None when the validation is no longer this worker's."""
    return _end(one, worker_id, "VALID")


def refused(one: Validation, worker_id: UUID, faults: Mapping[str, str]) -> Query[JobStatus | None]:
    """The input is not: the job is FAILED, with the faults by field path. Answers None as `passed` does."""
    some = {field: fault[:_FAULT] for field, fault in list(faults.items())[:_SHOWN]}
    said = "; ".join(f"{field}: {fault}" for field, fault in some.items())
    note = jsonguard.clean_value({"faults": some})[0].decode()
    return _end(one, worker_id, "INVALID", "invalid_input", f"its input is not valid: {said}", note=note)


def broke(one: Validation, worker_id: UUID, why: str, again_in: timedelta) -> Query[JobStatus | None]:
    """The check itself broke: it is done again, until it broke `TRIES` times; then the job is FAILED."""
    note = jsonguard.clean_value({"error": why[:_MESSAGE_BYTES], "try": one.tries + 1})[0].decode()
    return _end(one, worker_id, "BROKEN", "validator_failed", f"the check of its input broke: {why}", again_in, note)


def give_back(one: Validation, worker_id: UUID) -> Query[JobStatus | None]:
    """The worker stops: somebody else checks it."""
    return _end(one, worker_id, "BACK")


def held(worker_id: UUID, tokens: Sequence[UUID]) -> Query[set[UUID]]:
    """Those of its validations that are still a worker's own: not cancelled, not lost."""
    return Query("reads/held_validations", (worker_id, list(tokens)), lambda rows: {row[0] for row in rows})


def strays(worker_id: UUID, known: Sequence[UUID]) -> Query[list[Validation]]:
    """Validations of this worker that it does not know of, because the answer that handed them out was lost."""
    return Query("reads/stray_validations", (worker_id, list(known)), query.many_of(Validation))


def checked_types() -> Query[dict[tuple[str, str], bool]]:
    """The types that live workers run, by queue, and whether the inputs of each are checked first there."""
    return Query("reads/checked_types", (), lambda rows: {(row[0], row[1]): row[2] for row in rows})


def _end(
    one: Validation,
    worker_id: UUID,
    how: str,
    code: str | None = None,
    message: str | None = None,
    again_in: timedelta = timedelta(0),
    note: str | None = None,
) -> Query[JobStatus | None]:
    said = None if message is None else jsonguard.clean_text(message, max_bytes=_MESSAGE_BYTES)
    fence = (one.workspace_id, one.job_id, one.token, str(worker_id))
    params = (*fence, how, code, said, TRIES, again_in.total_seconds(), note)
    return Query("verbs/end_validation", params, lambda rows: JobStatus(rows[0][0]) if rows else None)
