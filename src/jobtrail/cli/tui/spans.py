"""Lines of text with looks, cut to the cells of a terminal. Nothing is drawn here, and no text is ever read as markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len, set_cell_size

from jobtrail.cli import words
from jobtrail.core.status import AttemptStatus, GateStatus, JobStatus, StepStatus

Span = tuple[str, str]
"""A text and its look, "" for the plain one."""
Line = tuple[Span, ...]

LOOKS: Final = (
    "dim",
    "strong",
    "ok",
    "bad",
    "run",
    "wait",
    "warn",
    "lost",
    "key",
    "new",
    "head",
    "cursor",
    "found",
    "here",
)
"""What a text may look like; colours are given in `painted.py`, and the word always stands beside them."""

INSIDE: Final[Span] = (" \u203a ", "dim")
"""Between crumbs."""

_LOOK_OF: Final[dict[str, str]] = {
    JobStatus.PENDING: "wait",
    JobStatus.VALIDATING: "wait",
    JobStatus.QUEUED: "wait",
    JobStatus.RUNNING: "run",
    JobStatus.COMPLETED: "ok",
    JobStatus.FAILED: "bad",
    JobStatus.CANCELLED: "warn",
    StepStatus.SKIPPED: "dim",
    AttemptStatus.INITIALIZING: "run",
    AttemptStatus.TIMED_OUT: "bad",
    AttemptStatus.INTERRUPTED: "warn",
    AttemptStatus.LOST: "lost",
    GateStatus.WAITING: "new",
    GateStatus.APPROVED: "ok",
    GateStatus.REJECTED: "bad",
    GateStatus.EXPIRED: "warn",
}
_GATES: Final[dict[str, str]] = {
    GateStatus.WAITING: "◇",
    GateStatus.APPROVED: "✓",
    GateStatus.REJECTED: "✗",
    GateStatus.EXPIRED: "⊘",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of rows: at most `widest` cells; the higher its rank, the sooner it goes when there is no room."""

    title: str
    right: bool = False
    rank: int = 0
    widest: int = 24
    grows: bool = False


def look(status: str) -> str:
    """The look of a status of a job, attempt, step or gate."""
    return _LOOK_OF.get(status, "")


def status(word: str) -> Span:
    """A status as sign and word."""
    return (f"{_GATES.get(word) or words.glyph(word)} {word}", look(word))


def safe(text: object, most: int = 2_000) -> str:
    """One line of text that cannot drive a terminal."""
    return words.one_line(str(text), most) if text is not None else ""


def fitted(text: str, width: int, *, right: bool = False) -> str:
    """The text in exactly so many cells; what does not fit is cut with a mark."""
    if width <= 0:
        return ""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1).rstrip() + "…" + " " * (width - 1 - cell_len(_cut(text, width)))
    return " " * (width - length) + text if right else text + " " * (width - length)


def _cut(text: str, width: int) -> str:
    return set_cell_size(text, width - 1).rstrip()


def lengths(line: Line) -> int:
    """How many cells a line takes."""
    return sum(cell_len(text) for text, _ in line)


def apart(left: Line, right: Line, width: int) -> Line:
    """Two lines in one: the left one is cut where the right one needs the room."""
    room = max(width - lengths(right) - 1, 0)
    kept: list[Span] = []
    used = 0
    for text, how in left:
        length = cell_len(text)
        if used + length > room:
            kept.append((fitted(text, room - used), how))
            used = room
            break
        kept.append((text, how))
        used += length
    return (*kept, (" " * max(width - used - lengths(right), 0), ""), *right)


def widths(columns: Sequence[Column], wanted: Sequence[int], room: int, gap: int = 2) -> list[int]:
    """How wide each column is, 0 for one that has to go: the highest rank first; the one that grows takes what is left."""
    found = [min(want, column.widest) for column, want in zip(columns, wanted, strict=True)]
    least = [min(width, 26) if column.grows else width for column, width in zip(columns, found, strict=True)]
    shown = [number for number, width in enumerate(wanted) if width]
    while shown and sum(least[n] + gap for n in shown) - gap > room:
        last = max(shown, key=lambda n: columns[n].rank)
        if columns[last].rank == 0:
            break
        shown.remove(last)
    given = [least[n] if n in shown else 0 for n in range(len(columns))]
    left = room - sum(given[n] + gap for n in shown) + gap
    for number in shown:
        if columns[number].grows and left > 0:
            given[number] += left
            break
    return given


def keys(pairs: Iterable[tuple[str, str]], room: int = 10_000) -> Line:
    """What keys do, as many as there is room for: `<l>logs  <r>retry`."""
    found: list[Span] = []
    for key, does in pairs:
        room -= cell_len(key) + cell_len(does) + 4
        if room < -2:
            break
        found += [(f"<{key}>", "key"), (f"{does}  ", "")]
    return tuple(found)
