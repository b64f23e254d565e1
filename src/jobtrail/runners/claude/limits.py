"""What the program's words say of a subscription's limit and when it is over. Pure: the time now is given."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from jobtrail.runners.claude.stream import moment

_REACHED = re.compile(
    r"usage limit reached|(?:hit|reached) your (?:specified )?(?:[\w .-]{1,40} )?limits?\b|session limit|weekly limit",
    re.IGNORECASE,
)
_EPOCH = re.compile(r"limit reached\|([0-9]{9,13})", re.IGNORECASE)
_RESETS = re.compile(
    r"resets?(?: at| on)?\s+(?:(?P<month>[A-Z][a-z]{2})[a-z]*\s+(?P<day>\d{1,2})(?:,\s*(?P<year>\d{4}))?(?:,| at)?\s+)?"
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d{2}))?\s*(?P<half>[ap]m)(?:\s*\((?P<zone>[\w/+-]{1,40})\))?",
    re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def is_reached(text: str) -> bool:
    """Whether these words say that a limit of the subscription was reached, and not of one minute's requests.

    >>> is_reached("Claude AI usage limit reached|1795312800"), is_reached("API Error: 429 rate limited")
    (True, False)
    """
    return _REACHED.search(text) is not None


def reset_in(text: str, now: datetime) -> datetime | None:
    """When the limit is over, as far as the words say it; the next such time after now.

    >>> from datetime import UTC
    >>> str(reset_in("You've hit your session limit · resets 3:30pm (UTC)", datetime(2026, 5, 1, 12, tzinfo=UTC)))
    '2026-05-01 15:30:00+00:00'
    """
    if epoch := _EPOCH.search(text):
        return moment(epoch[1])
    if (found := _RESETS.search(text)) is None:
        return None
    here = now.astimezone(_zone(found["zone"], now))
    hour = int(found["hour"]) % 12 + (12 if found["half"].lower() == "pm" else 0)
    at = {"hour": hour, "minute": int(found["minute"] or 0), "second": 0, "microsecond": 0}
    try:
        if found["month"] is None:
            then = here.replace(**at)  # type: ignore[arg-type]  # all of them are numbers
            return then if then > here else then + timedelta(days=1)
        day = {"month": _MONTHS.index(found["month"].lower()) + 1, "day": int(found["day"])}
        then = here.replace(year=int(found["year"] or here.year), **day, **at)  # type: ignore[arg-type]
        return then if then > here or found["year"] else then.replace(year=here.year + 1)
    except ValueError:
        return None


def _zone(name: str | None, now: datetime) -> tzinfo | None:
    """The zone that the words name; the one of `now` if they name none that is known."""
    try:
        return ZoneInfo(name) if name else now.tzinfo
    except (OSError, ValueError, KeyError):
        return now.tzinfo
