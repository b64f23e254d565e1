"""`jobtrail limit list`, `set`, `clear`, and `queue limit`: how much may run at once, and how much may start in a time."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from jobtrail.cli import place, show, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain, Switch
from jobtrail.cli.telling import Usage, notice
from jobtrail.core.errors import Invalid, NotFound
from jobtrail.core.limits import KeyUse, LimitScope, LimitUse, Rate, parse_rate, rate_text

LimitRef = Annotated[str, Plain]
"""What is limited, as people name it: queue:io, type:render, key:customer-7, key:* (each key), workspace."""


def limits(*, keys: Annotated[bool, Switch] = False, flags: Flags = NO_FLAGS) -> int:
    """The limits, and how much of each is used now.

    Parameters
    ----------
    keys
        Show the concurrency keys of which jobs run, and how many wait for each.
    """
    with place.client(flags) as client:
        if keys:
            _key_rows(client.limits.keys(), flags)
        else:
            _rows(client.limits.list(), flags)
    return 0


def set_(
    what: LimitRef,
    /,
    *,
    slots: int | None = None,
    rate: str | None = None,
    burst: int | None = None,
    reason: Annotated[str | None, Parameter(alias="-m")] = None,
    flags: Flags = NO_FLAGS,
) -> int:
    """Limit a queue, a type, a concurrency key or the whole workspace, from the next claim on. What runs goes on.

    Parameters
    ----------
    what
        queue:NAME, type:NAME, key:NAME, key:* (each key that has no limit of its own), or workspace.
    slots
        So many slots at once (of a key: jobs); 0 lets nothing start.
    rate
        So many starts in a time: 60/m, 5/10s, 1000/h.
    burst
        With --rate: so many at once after a pause, and the others evenly.
    reason
        Why; whoever asks what a job waits for is told.
    """
    scope, name = parsed(what)
    with place.client(flags) as client:
        client.limits.set(scope, name, max_slots=slots, rate=_rate(rate, burst), reason=reason)
        _rows([one for one in client.limits.list() if (one.scope, one.name) == (scope, name)], flags)
    return 0


def clear(what: LimitRef, /, *, flags: Flags = NO_FLAGS) -> int:
    """Take a limit away.

    Parameters
    ----------
    what
        What is limited, as `jobtrail limit list` names it.
    """
    scope, name = parsed(what)
    with place.client(flags) as client:
        found = [one for one in client.limits.list() if (one.scope, one.name, one.source) == (scope, name, "USER")]
        if not found:
            raise NotFound(f"there is no limit on {what}; jobtrail limit list shows those that there are")
        client.limits.remove(found[0].id)
    notice(f"{what} is no longer limited")
    return 0


def of_queue(
    queue: Annotated[str, Plain],
    /,
    *,
    slots: int | None = None,
    rate: str | None = None,
    burst: int | None = None,
    reason: Annotated[str | None, Parameter(alias="-m")] = None,
    clear: Annotated[bool, Switch] = False,
    flags: Flags = NO_FLAGS,
) -> int:
    """Limit a queue, take its limit away, or with neither show what limits it and who waits.

    Parameters
    ----------
    queue
        The name of the queue.
    slots
        So many slots at once; 0 lets nothing start.
    rate
        So many starts in a time: 60/m, 5/10s, 1000/h.
    burst
        With --rate: so many at once after a pause, and the others evenly.
    reason
        Why; whoever asks what a job waits for is told.
    clear
        Take the limit of the queue away.
    """
    if clear and (slots, rate, burst) != (None, None, None):
        raise Usage("--clear goes alone: a new limit replaces the old one by itself")
    if clear:
        return _cleared(f"queue:{queue}", flags=flags)
    if (slots, rate, burst) != (None, None, None):
        return set_(f"queue:{queue}", slots=slots, rate=rate, burst=burst, reason=reason, flags=flags)
    with place.client(flags) as client:
        found = [one for one in client.limits.list() if one.scope != LimitScope.QUEUE or one.name == queue]
        _rows(found, flags)
        if flags.output == "table" and (keys := client.limits.keys(queue)):
            _key_rows(keys, flags)
    return 0


_cleared = clear  # where a flag has its name


def parsed(what: str) -> tuple[LimitScope, str]:
    """The scope and the name of what is limited. Raises Invalid."""
    scope, colon, name = what.partition(":")
    known = {"queue": LimitScope.QUEUE, "type": LimitScope.TYPE, "key": LimitScope.KEY}
    if what == "workspace":
        return LimitScope.WORKSPACE, ""
    if scope not in known or not colon or not name:
        raise Invalid(f"{what!r} cannot be limited; write queue:NAME, type:NAME, key:NAME, key:* or workspace")
    return known[scope], name


def _rate(rate: str | None, burst: int | None) -> Rate | None:
    if rate is None and burst is not None:
        raise Usage("--burst goes with --rate")
    return None if rate is None else parse_rate(rate, burst)


def _rows(found: list[LimitUse], flags: Flags) -> None:
    columns: list[show.Column[LimitUse]] = [
        show.Column("LIMIT", named),
        show.Column("SLOTS", _slots, right=True, style=lambda o: "yellow" if o.full else ""),
        show.Column("RATE", _rate_of, right=True),
        show.Column("BY", lambda one: one.set_by, rank=1),
        show.Column("SINCE", lambda one: one.set_at, lambda one: words.ago(one.set_at), rank=1),
        show.Column("WHY", lambda one: one.reason, lambda one: words.one_line(one.reason or "", 60), rank=2),
    ]
    show.rows(found, columns, flags, empty="nothing is limited; limit a queue: jobtrail queue limit QUEUE --slots 10")


def named(one: LimitUse) -> str:
    """What is limited, as it is typed."""
    if one.scope == LimitScope.WORKSPACE:
        return "workspace"
    return f"{one.scope.lower()}:{one.name}" + (" (breaker)" if one.source == "BREAKER" else "")


def _slots(one: LimitUse) -> str:
    return "" if one.max_slots is None else f"{one.used_slots} of {one.max_slots}"


def _rate_of(one: LimitUse) -> str:
    if one.rate_count is None or one.rate_seconds is None:
        return ""
    return f"{rate_text(one.rate_count, one.rate_seconds)}, {one.starts_left} left"


def _key_rows(found: list[KeyUse], flags: Flags) -> None:
    columns: list[show.Column[KeyUse]] = [
        show.Column("KEY", lambda one: one.key),
        show.Column("RUN", lambda one: one.running, lambda one: f"{one.running} of {one.limit}", right=True),
        show.Column("WAIT", lambda one: one.waiting, right=True),
    ]
    show.rows(found, columns, flags, empty="no job with a concurrency key runs")
