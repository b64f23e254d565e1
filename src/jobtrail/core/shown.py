"""How values look to people, on a terminal and on a page: statuses, lengths, sizes, money, times. No clock, no colour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from jobtrail.core.duration import show
from jobtrail.core.status import AttemptStatus, GateStatus, JobStatus, StepStatus

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
    GateStatus.WAITING: "◇",
    GateStatus.APPROVED: "✓",
    GateStatus.REJECTED: "✗",
    GateStatus.EXPIRED: "⊘",
}
UNKNOWN: Final = "—"
"""What stands where nothing is known: unknown is never zero."""

_KIB: Final = 1024


def glyph(status: str) -> str:
    """The sign of a status of a job, attempt, step or gate."""
    return GLYPHS.get(status, "·")


def length(seconds: float | None) -> str:
    """How long something took.

    >>> length(0.4), length(12), length(185)
    ('400 ms', '12.0 s', '3m5s')
    """
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return show(timedelta(seconds=round(seconds)))


def ago(at: datetime | None, now: datetime) -> str:
    """About how long ago, or in how long."""
    if at is None:
        return ""
    seconds = (now - at).total_seconds()
    return f"in {_about(-seconds)}" if seconds < -0.5 else f"{_about(max(seconds, 0))} ago"


def absolute(at: datetime | None) -> str:
    """A time as RFC 3339 has it, in UTC, to the millisecond."""
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def size(count: int | None) -> str:
    """Bytes in the unit that reads best.

    >>> size(412), size(41 << 20)
    ('412 B', '41.0 MiB')
    """
    if count is None:
        return ""
    amount, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < _KIB:
            break
        amount, unit = amount / _KIB, larger
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"


def money(usd: Decimal | None) -> str:
    """US dollars: cents, and more digits only where there is less than a cent. None is unknown, not zero.

    >>> money(Decimal("18.42")), money(Decimal("0.0041")), money(None)
    ('$18.42', '$0.0041', '—')
    """
    if usd is None:
        return UNKNOWN
    if usd == 0 or abs(usd) >= Decimal("0.01"):
        return f"${usd:,.2f}"
    return f"${usd:.2g}" if abs(usd) >= Decimal("0.0001") else f"${usd.normalize():f}"


def number(value: float | None) -> str:
    """A number with thin gaps between thousands.

    >>> number(1204)
    '1\u202f204'
    """
    if value is None:
        return UNKNOWN
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
    return text.replace(",", "\u202f")


def capped(count: int, cap: int = 10_000) -> str:
    """A count that was stopped at a cap.

    >>> capped(311), capped(10_001)
    ('311', '10k+')
    """
    if count <= cap:
        return number(count)
    return f"{cap // 1_000}k+" if cap >= 1_000 else f"{cap}+"


def one_line(text: str | None, most: int = 120) -> str:
    """The text in one line that is not longer than `most`, without control characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text or "").split())
    return line if len(line) <= most else line[: most - 1] + "…"


def counted(n: int, one: str, many: str | None = None) -> str:
    """1 job, 2 jobs."""
    return f"{number(n)} {one if n == 1 else many or one + 's'}"


def _about(seconds: float) -> str:
    for unit, per in (("s", 1), ("min", 60), ("h", 3600)):
        if seconds < per * 90:
            return f"{seconds / per:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"
