"""`jobtrail error redrive`, `mute`, `resolve`, `reopen`: what is done and said about an error as a whole."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from jobtrail.cli import exits, place, show
from jobtrail.cli.bulk import rate_of
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain, Switch
from jobtrail.cli.telling import notice
from jobtrail.core.bulk import Action, Order
from jobtrail.core.filter import Filter
from jobtrail.core.ids import short
from jobtrail.core.status import JobStatus

Note = Annotated[str | None, Parameter(alias="-m")]


def redrive(
    fingerprint: Annotated[str, Plain],
    /,
    *,
    rate: str | None = None,
    dry_run: Annotated[bool, Switch] = False,
    flags: Flags = NO_FLAGS,
) -> int:
    """Put all jobs that failed with an error back to their queues, in waves if a rate is given, by a job of its own.

    Parameters
    ----------
    fingerprint
        As `jobtrail error list` shows it.
    rate
        At most so many: 100/m, 5/s, 30/h.
    dry_run
        Only count them.
    """
    order = Order(
        action=Action.REDRIVE,
        filter=Filter(statuses=(JobStatus.FAILED,), error=(fingerprint,)),
        rate_per_minute=rate_of(rate),
    )
    with place.client(flags) as client:
        client.error(fingerprint)
        if dry_run:
            counted = client.operations.count(order)
            show.thing(show.plain(counted), lambda: [("jobs", counted.changing)], flags)
            return exits.OK
        done = client.operations.order(order)
    assert done.job_id is not None  # noqa: S101  (it was not only counted)
    show.thing({"job_id": done.job_id} | show.plain(done.counted), lambda: [("job", done.job_id)], flags)
    notice(f"follow it: jobtrail job watch {short(done.job_id)}; stop it: jobtrail job cancel {short(done.job_id)}")
    return exits.OK


def mute(fingerprint: Annotated[str, Plain], /, *, reason: Note = None, flags: Flags = NO_FLAGS) -> int:
    """Say that people know of an error: it calls for attention no more.

    Parameters
    ----------
    fingerprint
        As `jobtrail error list` shows it.
    reason
        What there is to say about it: where it is being mended, since when it is.
    """
    with place.client(flags) as client:
        client.operations.mute(fingerprint, reason)
    return _told(fingerprint, "muted", flags)


def resolve(fingerprint: Annotated[str, Plain], /, *, reason: Note = None, flags: Flags = NO_FLAGS) -> int:
    """Say that an error is mended: it calls for attention when it is seen again.

    Parameters
    ----------
    fingerprint
        As `jobtrail error list` shows it.
    reason
        What there is to say about it: where it is being mended, since when it is.
    """
    with place.client(flags) as client:
        client.operations.resolve(fingerprint, reason)
    return _told(fingerprint, "resolved", flags)


def reopen(fingerprint: Annotated[str, Plain], /, *, flags: Flags = NO_FLAGS) -> int:
    """Take back that an error is muted or resolved.

    Parameters
    ----------
    fingerprint
        As `jobtrail error list` shows it.
    """
    with place.client(flags) as client:
        client.operations.reopen(fingerprint)
    return _told(fingerprint, "open again", flags)


def _told(fingerprint: str, what: str, flags: Flags) -> int:
    if flags.output in ("json", "jsonl"):
        show.line({"error": fingerprint, "state": what})
    undo = "" if what == "open again" else f"; undo: jobtrail error reopen {fingerprint}"
    notice(f"error {fingerprint} is {what}{undo}")
    return exits.OK
