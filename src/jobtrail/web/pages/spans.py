"""Windows of time that screens of figures offer: how far back, and in how long parts it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

Window = Literal["1h", "6h", "24h", "7d"]
WINDOWS: Final[tuple[Window, ...]] = ("1h", "6h", "24h", "7d")
_LENGTHS: Final[dict[Window, tuple[int, int]]] = {
    "1h": (3_600, 60),
    "6h": (6 * 3_600, 300),
    "24h": (86_400, 1_800),
    "7d": (7 * 86_400, 3 * 3_600),
}


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` to `until`, in parts of `seconds`; the last part may still go on."""

    since: datetime
    until: datetime
    seconds: int

    @property
    def parts(self) -> list[datetime]:
        """Where the parts begin."""
        length = timedelta(seconds=self.seconds)
        count = -(-int((self.until - self.since).total_seconds()) // self.seconds)
        return [self.since + length * number for number in range(count)]

    def label(self, at: datetime) -> str:
        """When a part begins, in UTC."""
        return at.strftime("%H:%M" if self.until - self.since < timedelta(days=2) else "%d %b %H:%M")


def span(window: Window, now: datetime | None = None) -> Span:
    """The window that ends now; its parts begin at whole multiples of their length."""
    now = now or datetime.now(UTC)
    length, seconds = _LENGTHS[window]
    end = int(now.timestamp()) // seconds * seconds
    since = datetime.fromtimestamp(end - length + (0 if end == now.timestamp() else seconds), UTC)
    return Span(since, now, seconds)
