"""A time as people type it: as a time, or as how long ago that was."""

from __future__ import annotations

from datetime import UTC, datetime

from jobtrail.core import duration
from jobtrail.core.errors import Invalid


def time_of(given: str, option: str) -> datetime:
    """A time, from a time or from how long ago; without a zone it is local. Raises Invalid."""
    try:
        return datetime.fromisoformat(given).astimezone(UTC)
    except ValueError:
        pass
    try:
        return datetime.now(UTC) - duration.parse(given)
    except (Invalid, OverflowError) as wrong:
        raise Invalid(f"{option} {given!r} is neither a time nor a length of time; write 7d, or 2026-01-31") from wrong
