"""The screen of errors: jobs that failed alike, in groups, those of the last day."""

from __future__ import annotations

import shlex
from collections.abc import Hashable, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from jobtrail.cli import words
from jobtrail.cli.tui.spans import INSIDE, Column, Line, Span, safe
from jobtrail.cli.tui.things import ThingsScreen
from jobtrail.client import JobsClient
from jobtrail.core.figures import ErrorGroup, ErrorGroups

_SINCE: Final = timedelta(days=1)
_BARS: Final = "▁▂▃▄▅▆▇█"
_TREND: Final = 12


class ErrorsScreen(ThingsScreen[ErrorGroup]):
    """What failed, the last seen first."""

    name_of_tab = "errors"
    nothing = "no job failed in the last 24 hours"
    pace: ClassVar[float] = 5.0
    hints = (("↵", "its jobs, to retry them"), ("y", "copy fingerprint"), ("Y", "as command"), ("/", "filter"),
             ("Home", "in order"))  # fmt: skip
    columns = (
        Column("ERROR", widest=28),
        Column("JOBS", right=True),
        Column("MESSAGE", widest=160, grows=True),
        Column("TYPES", rank=3, widest=24),
        Column("TREND", rank=2),
        Column("FIRST", right=True, rank=4),
        Column("LAST", right=True, rank=1),
        Column(""),
    )

    def __init__(self) -> None:
        super().__init__()
        self._bound = ""

    def read(self, client: JobsClient) -> list[ErrorGroup]:
        found = client.errors(datetime.now(UTC) - _SINCE)
        self._bound = _bound(found)
        return found.items

    def key(self, thing: ErrorGroup) -> Hashable:
        return thing.fingerprint

    def cells(self, thing: ErrorGroup) -> tuple[Span, ...]:
        return (
            (safe(thing.error_code or "error"), "lost" if thing.infrastructure else "bad"),
            (str(thing.jobs), ""),
            (safe(thing.message, 300), ""),
            (safe(" ".join(f"{type} {count}" for type, count in thing.types.items()), 60), "dim"),
            (spark(thing.trend, _TREND), "warn"),
            (words.ago(thing.first_at).removesuffix(" ago"), "dim"),
            (words.ago(thing.last_at).removesuffix(" ago"), ""),
            ("NEW", "new") if thing.is_new else ("worker" if thing.infrastructure else "", "dim"),
        )

    def crumbs(self) -> Line:
        return (*super().crumbs(), INSIDE, (f"last 24 h{self._bound}", "dim"))

    def twin(self) -> str:
        return f"jobtrail job list {shlex.quote(self._search())}"

    def copied(self) -> str | None:
        return None if self.current is None else self.current.fingerprint

    def on_rows_chosen(self) -> None:
        """Enter: its jobs, where they can be retried."""
        self.top.open_jobs(self._search())

    def _search(self) -> str:
        return "status:failed" if self.current is None else f"status:failed error:{self.current.fingerprint}"


def spark(values: Sequence[int], width: int) -> str:
    """Numbers as a row of bars, several numbers a bar where there is not room for each."""
    each = max(-(-len(values) // width), 1)
    sums = [sum(values[start : start + each]) for start in range(0, len(values), each)]
    most = max(sums, default=0)
    return "".join(_BARS[0] if not one else _BARS[1 + one * (len(_BARS) - 2) // most] for one in sums)


def _bound(found: ErrorGroups) -> str:
    """How far was looked, where that is not all."""
    looked = f", among the newest {found.looked_at:,} failed jobs" if found.made_since is not None else ""
    return looked + (f", {len(found.items)} of {found.groups} groups" if found.groups > len(found.items) else "")
