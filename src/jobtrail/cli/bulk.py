"""`jobtrail bulk`: an action on all jobs that a search finds, done by a job of its own."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final

from cyclopts import Parameter

from jobtrail.cli import exits, job_follow, place, show, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain, Switch
from jobtrail.cli.telling import Usage, notice
from jobtrail.core.bulk import Action, Order
from jobtrail.core.filter_language import parse
from jobtrail.core.ids import short
from jobtrail.service.bulk import Counted

_RATE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)/(s|m|h)")
_PER_MINUTE: Final = {"s": 60.0, "m": 1.0, "h": 1 / 60}


def bulk(
    action: Annotated[str, Plain],
    /,
    *search: Annotated[str, Plain],
    all: Annotated[bool, Switch] = False,
    rate: str | None = None,
    priority: int | None = None,
    reason: Annotated[str | None, Parameter(alias="-m")] = None,
    dry_run: Annotated[bool, Switch] = False,
    watch: Annotated[bool, Parameter(alias="-w", negative=())] = False,
    flags: Flags = NO_FLAGS,
) -> int:
    """Act on all jobs that a search finds. A job of its own does it, and its result says what was skipped and why.

    Stop it with `jobtrail job cancel`, and let it go on with `jobtrail job retry`: what was done stays done.

    Parameters
    ----------
    action
        cancel, retry, redrive (retry what FAILED, nothing that was cancelled), rerun, start_now or prioritize.
    search
        Which jobs, as `jobtrail job list` takes it: 'status:failed error:fp_1a2b3c4d'.
    all
        Really all jobs: for an empty search.
    rate
        At most so many, in waves: 100/m, 5/s, 30/h. For what makes work.
    priority
        The new priority, 1 to 10: for prioritize.
    reason
        Why: for cancel.
    dry_run
        Only count what would be touched.
    watch
        Follow the operation to its end, and exit with its outcome.
    """
    text = " ".join(search)
    filter = parse(text).filter(datetime.now(UTC))
    if not filter.asks_for and not all:
        raise Usage("this search lets all jobs through; say --all if that is meant")
    order = Order(
        action=_action(action), filter=filter, priority=priority, reason=reason, rate_per_minute=rate_of(rate)
    )
    with place.client(flags) as client:
        if dry_run:
            _show(client.operations.count(order), flags)
            return exits.OK
        done = client.operations.order(order)
        assert done.job_id is not None  # noqa: S101  (it was not only counted)
        notice(f"{_told(done.counted)}; job {short(done.job_id)} does it")
        if watch:
            return job_follow.to_the_end(client, done.job_id, flags)
    show.thing({"job_id": done.job_id} | show.plain(done.counted), lambda: [("job", done.job_id)], flags)
    notice(f"follow it: jobtrail job watch {short(done.job_id)}; stop it: jobtrail job cancel {short(done.job_id)}")
    return exits.OK


def rate_of(text: str | None) -> float | None:
    """So many a minute, from 100/m, 5/s or 30/h. Raises Usage."""
    if text is None:
        return None
    found = _RATE.fullmatch(text)
    if found is None:
        raise Usage(f"--rate must be like 100/m, 5/s or 30/h, not {text!r}")
    return float(found[1]) * _PER_MINUTE[found[2]]


def _action(text: str) -> Action:
    try:
        return Action(text.replace("-", "_"))
    except ValueError:
        raise Usage(f"there is no action {text!r}; there are {', '.join(Action)}") from None


def _show(counted: Counted, flags: Flags) -> None:
    show.thing(show.plain(counted), lambda: [("matching", counted.matching), ("changing", counted.changing)], flags)
    notice(f"{_told(counted)}; nothing was changed")


def _told(counted: Counted) -> str:
    more = "more than " if counted.capped else ""
    return f"{more}{words.counted(counted.matching, 'job')} found, {more}{counted.changing} to change"
