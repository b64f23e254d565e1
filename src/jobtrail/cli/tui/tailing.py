"""The end of a log, found without reading all of it, and lines of a log as they are shown. Nothing is drawn here."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from jobtrail.cli import words
from jobtrail.cli.screen import log_text
from jobtrail.cli.tui.spans import Line
from jobtrail.client import JobsClient
from jobtrail.core.loglines import LogLine
from jobtrail.core.status import LogLevel

_LONGEST: Final = 2_000
_LOOKS: Final[dict[str, str]] = {
    LogLevel.DEBUG: "dim",
    LogLevel.WARN: "warn",
    LogLevel.ERROR: "bad",
    LogLevel.FATAL: "bad",
}


def last_number(client: JobsClient, job_id: UUID, from_line: int = 1) -> int:
    """The number of the last line of a log; 0 when it has none, and `from_line - 1` when there is none from there on.

    It leaps forward, each time twice as far, and halves what it leapt over: a long log takes a few dozen reads.
    """
    last, leap = from_line - 1, 1
    beyond: int | None = None
    while beyond is None or last + 1 < beyond:
        probe = last + leap if beyond is None else (last + 1 + beyond) // 2
        lines = client.logs(job_id, from_line=probe)
        if lines:
            last, leap = lines[-1].number, leap * 2
        elif probe == last + 1:
            return last
        else:
            beyond = probe
    return last


def lines_from(client: JobsClient, job_id: UUID, number: int, most: int) -> list[LogLine]:
    """At most about so many lines from a number on."""
    found: list[LogLine] = []
    while len(found) < most and (lines := client.logs(job_id, from_line=number)):
        found += lines
        number = lines[-1].number + 1
    return found


def shown(line: LogLine) -> Line:
    """A line of a log with its number, time and level."""
    how = _LOOKS.get(line.level, "")
    at = line.at.astimezone().strftime("%H:%M:%S.%f")[:-3]
    return ((f"{line.number:>6} ", "dim"), (f"{at} ", "dim"), (f"{line.level:<5} ", how or "dim"), (text_of(line), how))


def text_of(line: LogLine) -> str:
    """What it says, harmless and not too long; of a bar that was drawn over itself, what was drawn last."""
    text = log_text(line, with_level=False).rstrip("\r").rpartition("\r")[2]
    cut = "" if len(text) <= _LONGEST else f"… + {words.size(len(text) - _LONGEST)}"
    return words.harmless(text[:_LONGEST]).replace("\t", "    ") + cut
