"""How values look to people: times, lengths, sizes, statuses. Nothing is read or printed here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from jobtrail.core.duration import show
from jobtrail.core.status import AttemptStatus, JobStatus, StepStatus

GLYPHS: Final[dict[str, str]] = {
    JobStatus.PENDING: "◌",
    JobStatus.VALIDATING: "◌",
    JobStatus.QUEUED: "○",
    JobStatus.RUNNING: "●",
    JobStatus.COMPLETED: "✓",
    JobStatus.FAILED: "✗",
    JobStatus.CANCELLED: "⊘",
    StepStatus.SKIPPED: "-",
    AttemptStatus.INITIALIZING: "●",
    AttemptStatus.TIMED_OUT: "✗",
    AttemptStatus.INTERRUPTED: "↷",
    AttemptStatus.LOST: "▚",
}

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

_KIB: Final = 1024


def glyph(status: str) -> str:
    """The sign of a status of a job, attempt or step."""
    return GLYPHS.get(status, "·")


def color(status: str) -> str:
    """The colour of a status; "" for none."""
    return COLORS.get(status, "")


def length(seconds: float | None) -> str:
    """How long something took: 0.4 s, 12 s, 3m05s."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return show(timedelta(seconds=round(seconds)))


def between(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds from one time to another; to now when it has not ended."""
    if start is None:
        return None
    return ((end or datetime.now(UTC)) - start).total_seconds()


def ago(at: datetime | None, now: datetime | None = None) -> str:
    """About how long ago, or in how long."""
    if at is None:
        return ""
    seconds = ((now or datetime.now(UTC)) - at).total_seconds()
    return f"in {_about(-seconds)}" if seconds < -0.5 else f"{_about(max(seconds, 0))} ago"


def absolute(at: datetime | None) -> str:
    """A time as RFC 3339 has it, in UTC, to the millisecond."""
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def size(count: int | None) -> str:
    """Bytes in the unit that reads best."""
    if count is None:
        return ""
    amount, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < _KIB:
            break
        amount, unit = amount / _KIB, larger
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"


def bar(percent: float, width: int = 20) -> str:
    """A bar that is full at 100."""
    full = round(min(max(percent, 0.0), 100.0) / 100 * width)
    return "█" * full + "░" * (width - full)


def one_line(text: str | None, most: int = 120) -> str:
    """The text in one line that is not longer than `most`; control characters cannot reach the terminal."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text or "").split())
    return line if len(line) <= most else line[: most - 1] + "…"


def harmless(text: str) -> str:
    """A printed line without what could drive the terminal: escape sequences show as what they are."""
    return "".join(c if c.isprintable() or c == "\t" else f"\\x{ord(c):02x}" for c in text)


def counted(number: int, one: str, many: str | None = None) -> str:
    """1 job, 2 jobs."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def _about(seconds: float) -> str:
    for unit, per in (("s", 1), ("min", 60), ("h", 3600)):
        if seconds < per * 90:
            return f"{seconds / per:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"
