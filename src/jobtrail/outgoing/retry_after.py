"""How long a server asks its caller to wait. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_WAIT: Final = timedelta(hours=6)


def retry_after(value: str | None, now: float) -> timedelta | None:
    """What a Retry-After header asks for, from a second to 6 hours; None when it asks for nothing readable.

    >>> retry_after("120", 0.0)
    datetime.timedelta(seconds=120)
    """
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        wait = timedelta(seconds=min(int(value[:9]), 1_000_000))
    else:
        try:
            at = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.fromtimestamp(now, UTC)
    return min(max(wait, timedelta(seconds=1)), LONGEST_WAIT)
