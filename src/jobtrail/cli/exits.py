"""Which exit code says what: one table from the families of errors, one from how a job ended."""

from __future__ import annotations

from typing import Final

from jobtrail.core import errors
from jobtrail.core.status import JobStatus

OK: Final = 0
UNEXPECTED: Final = 1
USAGE: Final = 2
FAILED: Final = 3
DENIED: Final = 4
MISSING: Final = 5
CONFLICT: Final = 6
CANCELLED: Final = 7
PENDING: Final = 8
PARTLY: Final = 9
UNREACHABLE: Final = 69
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141

FAMILIES: Final[tuple[tuple[type[BaseException], int], ...]] = (
    (errors.Invalid, USAGE),
    (errors.Limited, USAGE),
    (errors.Misconfigured, USAGE),
    (errors.Denied, DENIED),
    (errors.NotFound, MISSING),
    (errors.Conflict, CONFLICT),
    (errors.Unavailable, UNREACHABLE),
    (TimeoutError, PENDING),
    (KeyboardInterrupt, INTERRUPTED),
    (BrokenPipeError, PIPE_CLOSED),
)

_ENDS: Final = {
    JobStatus.COMPLETED: OK,
    JobStatus.FAILED: FAILED,
    JobStatus.CANCELLED: CANCELLED,
}


def of_error(error: BaseException) -> int:
    """The exit code for an error: that of its family."""
    return next((code for family, code in FAMILIES if isinstance(error, family)), UNEXPECTED)


def of_job(status: str) -> int:
    """The exit code that tells how a job stands: 0, 3 or 7 after its end, 8 before."""
    return _ENDS.get(JobStatus(status), PENDING)


def of_jobs(statuses: list[str]) -> int:
    """The exit code for several jobs: the one that all have; 8 while one has not ended; 9 when they ended differently."""
    codes = {of_job(status) for status in statuses}
    if len(codes) <= 1:
        return codes.pop() if codes else OK
    return PENDING if PENDING in codes else PARTLY
