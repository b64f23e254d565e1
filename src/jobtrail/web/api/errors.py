"""Routes of errors: failed jobs in groups that failed alike. Act on a group with `error:<fingerprint>` in `POST /bulk`."""

from __future__ import annotations

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.figures import ErrorGroups
from jobtrail.service import failures
from jobtrail.web.runtime import Call
from jobtrail.web.views import Name, Time


class ErrorsQuery(msgspec.Struct, frozen=True):
    """Since when; all that is known if nothing is said."""

    since: Time | None = None


async def list_errors(call: Call, query: ErrorsQuery) -> ErrorGroups:
    """What failed, in groups that failed alike: the 200 groups that were seen last.

    The newest 10 000 failed jobs are looked at; `made_since` says how far back that is where there are more.
    """
    return await call.read(failures.groups(call.workspace, query.since))


async def get_error(call: Call, fingerprint: Name, query: ErrorsQuery) -> ErrorGroups:
    """One group of jobs that failed alike, in the form of the list."""
    return await call.read(
        failures.group(call.workspace, jsonguard.check_name(fingerprint, "fingerprint"), query.since)
    )
