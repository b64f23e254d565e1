"""How values look on a terminal, beyond what `core.shown` says of them everywhere: colours, bars, times until now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from jobtrail.core import shown
from jobtrail.core.shown import absolute, counted, glyph, length, one_line, size
from jobtrail.core.status import AttemptStatus, JobStatus

__all__ = ["absolute", "ago", "bar", "between", "color", "counted", "glyph", "harmless", "length", "one_line", "size"]

COLORS: Final[dict[str, str]] = {
    JobStatus.QUEUED: "cyan",
    JobStatus.RUNNING: "blue",
    JobStatus.COMPLETED: "green",
    JobStatus.FAILED: "red",
    JobStatus.CANCELLED: "yellow",
    AttemptStatus.TIMED_OUT: "red",
    AttemptStatus.LOST: "magenta",
    AttemptStatus.INTERRUPTED: "yellow",
}
"""Only a help for the eye: the word always stands beside it."""


def color(status: str) -> str:
    """The colour of a status; "" for none."""
    return COLORS.get(status, "")


def between(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds from one time to another; to now when it has not ended."""
    if start is None:
        return None
    return ((end or datetime.now(UTC)) - start).total_seconds()


def ago(at: datetime | None, now: datetime | None = None) -> str:
    """About how long ago, or in how long."""
    return shown.ago(at, now or datetime.now(UTC))


def bar(percent: float, width: int = 20) -> str:
    """A bar that is full at 100."""
    full = round(min(max(percent, 0.0), 100.0) / 100 * width)
    return "█" * full + "░" * (width - full)


def harmless(text: str) -> str:
    """A printed line without what could drive the terminal: escape sequences show as what they are."""
    return "".join(c if c.isprintable() or c == "\t" else f"\\x{ord(c):02x}" for c in text)
