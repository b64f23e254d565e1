"""What a job's code waits for without a slot: a time, or a signal. The desk keeps and ends the waits; here they are put in
words and what came is read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from jobtrail.core import duration
from jobtrail.core.errors import Invalid, SignalTimedOut
from jobtrail.core.status import Phase
from jobtrail.runners.protocol import Desk
from jobtrail.service.waits import Wanted, is_over

SIGNAL_STEP = "signal "
"""How the step that waits for a signal is called, before the signal's name."""


async def sleep(
    desk: Desk, key: str, name: str, phase: Phase, delay: str | float | timedelta | None, until: datetime | None
) -> None:
    """Sleeps for a time, or until a moment. Raises Invalid unless just one of them is given."""
    if (delay is None) == (until is None):
        raise Invalid('sleep takes a time, such as "2d", or until=…, and not both', fields={"delay": "or until"})
    seconds = None if delay is None else duration.parse(delay).total_seconds()
    await desk.wait(key, name, phase, Wanted(seconds=seconds, until=until))


async def hear(
    desk: Desk,
    key: str,
    name: str,
    phase: Phase,
    wanted: type[Any] | Any,
    timeout: str | float | timedelta | None,
    dec_hook: Any,
) -> Any:
    """Waits for a signal; answers what was said, as the wanted type. Raises SignalTimedOut, and Invalid when it does not fit."""
    signal = key.removeprefix(SIGNAL_STEP)
    seconds = None if timeout is None else duration.parse(timeout).total_seconds()
    output = await desk.wait(key, name, phase, Wanted(signal=signal, seconds=seconds))
    if is_over(output):
        term = "" if timeout is None else f" within {duration.show(duration.parse(timeout))}"
        raise SignalTimedOut(f"nobody said {signal!r} to this job{term}; retried, it waits once more")
    payload = msgspec.json.decode(output)["payload"]
    try:
        return msgspec.json.decode(msgspec.json.encode(payload), type=wanted, dec_hook=dec_hook)
    except msgspec.ValidationError as error:
        fit = getattr(wanted, "__name__", str(wanted))
        raise Invalid(f"signal {signal!r} does not fit {fit}: {error}", fields={"payload": str(error)}) from error
