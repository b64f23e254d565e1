"""Times and spans as they stand in a sentence. Pure; the moment is passed in."""

from __future__ import annotations

from datetime import datetime, timedelta


def when(at: datetime | None, now: datetime) -> str:
    """When something is to happen: `in 3 s (at 12:00:03 UTC)`, or that it is late."""
    if at is None:
        return "at a time that is not known"
    if at <= now:
        late = now - at
        return "now" if late < timedelta(seconds=2) else f"now; it was due {span(late)} ago"
    return f"in {span(at - now)} (at {clock(at, now)})"


def ago(at: datetime, now: datetime) -> str:
    """How long ago something was."""
    return f"{span(now - at)} ago"


def clock(at: datetime, now: datetime) -> str:
    """A time of today, or with its date."""
    return at.strftime("%H:%M:%S UTC" if at.date() == now.date() else "%Y-%m-%d %H:%M UTC")


def span(length: timedelta) -> str:
    """About how long, in at most two units."""
    seconds = max(0, round(length.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s" if seconds and minutes < 10 else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"
