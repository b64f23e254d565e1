"""`jobtrail type breakers` and `breaker`: what lets the jobs of a type wait while what they need is down."""

from __future__ import annotations

from typing import Annotated, Literal

from jobtrail.cli import place, show, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain
from jobtrail.cli.telling import Usage, notice
from jobtrail.core import duration
from jobtrail.core.breaker import Breaker, BreakerMode, BreakerPolicy
from jobtrail.core.errors import NotFound

_MODES = {"auto": BreakerMode.AUTO, "open": BreakerMode.OPEN, "close": BreakerMode.CLOSED}
_COLOURS = {"OPEN": "red", "HALF_OPEN": "yellow"}


def breakers(*, flags: Flags = NO_FLAGS) -> int:
    """The breakers of types: which are open, and what they count. A type without one always starts its jobs."""
    with place.client(flags) as client:
        _rows(client.breakers.list(), flags)
    return 0


def breaker(
    type: Annotated[str, Plain],
    to: Literal["auto", "open", "close", "off"] | None = None,
    /,
    *,
    failures: int | None = None,
    ratio: float | None = None,
    window: str | None = None,
    open_for: str | None = None,
    probes: int | None = None,
    reason: str | None = None,
    flags: Flags = NO_FLAGS,
) -> int:
    """Show or set the breaker of a type. While it is open its jobs wait in their queues and use up no attempt.

    Parameters
    ----------
    type
        The type of job.
    to
        auto: it opens when too many attempts fail, and closes by itself. open, close: it stays so until auto. off: none.
    failures
        It opens at so many failed attempts within the window; 10 by default.
    ratio
        And at this share of all attempts: 0.5 by default.
    window
        How far back it counts: 60s by default, 10s to 1h.
    open_for
        After this time some jobs are let through to see: 30s by default.
    probes
        How many of them; when as many complete it closes. 1 by default.
    reason
        Why; whoever asks what a job waits for is told.
    """
    policy = BreakerPolicy(
        min_failures=failures,
        failure_ratio=ratio,
        window_seconds=_seconds(window),
        open_seconds=_seconds(open_for),
        probes=probes,
    )
    if to in (None, "off") and (policy != BreakerPolicy() or reason is not None):
        raise Usage("say what it is to be, too: jobtrail type breaker TYPE auto --failures 10")
    with place.client(flags) as client:
        if to == "off":
            client.breakers.remove(type)
            notice(f"type {type} has no breaker any more")
        elif to is not None:
            _rows([client.breakers.set(type, _MODES[to], policy=policy, reason=reason)], flags)
        else:
            _rows(_found(client.breakers.list(), type), flags)
    return 0


def _found(breakers: list[Breaker], type: str) -> list[Breaker]:
    found = [one for one in breakers if one.type == type]
    if not found:
        raise NotFound(f"type {type!r} has no breaker; give it one: jobtrail type breaker {type} auto")
    return found


def _seconds(length: str | None) -> int | None:
    return None if length is None else round(duration.parse(length).total_seconds())


def _rows(found: list[Breaker], flags: Flags) -> None:
    columns: list[show.Column[Breaker]] = [
        show.Column("TYPE", lambda b: b.type),
        show.Column("STATE", lambda b: b.state, style=lambda b: _COLOURS.get(b.state, "")),
        show.Column("MODE", lambda b: b.mode),
        show.Column("SINCE", lambda b: b.state_at, lambda b: words.ago(b.state_at)),
        show.Column(
            "OF LATE", lambda b: b.failed, lambda b: f"{b.failed} of {b.failed + b.completed} failed", right=True
        ),
        show.Column("OPENS AT", lambda b: b.min_failures, _opens, rank=1),
        show.Column("WHY", lambda b: b.reason, lambda b: words.one_line(b.reason or "", 80), rank=1),
    ]
    show.rows(found, columns, flags, empty="no type has a breaker; give one: jobtrail type breaker TYPE auto")


def _opens(one: Breaker) -> str:
    return f"{one.min_failures} and {one.failure_ratio:.0%} in {one.window_seconds} s"
