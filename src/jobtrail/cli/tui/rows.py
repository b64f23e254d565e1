"""Rows that can be walked through and marked. They stand where they stood: who is in them is decided elsewhere."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from jobtrail.cli.tui.painted import Painted
from jobtrail.cli.tui.spans import Column, Line, Span, fitted, widths

_GUTTER: Final = 2
_GAP: Final = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One thing. `faint`: it is here only so that nothing jumps."""

    key: Hashable
    cells: tuple[Span, ...]
    faint: bool = False


class Rows(Painted, ScrollView, can_focus=True):
    """A head, and a row a line below it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "leaf(-1)", show=False),
        Binding("pagedown", "leaf(1)", show=False),
        Binding("end", "last", show=False),
        Binding("enter,d", "choose", show=False),
        Binding("space", "mark", show=False),
        Binding("asterisk", "mark_all", show=False),
    ]
    DEFAULT_CSS = """
    Rows { height: 1fr; width: 1fr; overflow: hidden auto; scrollbar-size-vertical: 1;
           scrollbar-color: $line; scrollbar-background: $background; }
    """

    class Chosen(Message):
        """Enter, or a double click."""

    class Moved(Message):
        """The cursor stands elsewhere, or something was marked."""

    def __init__(self, columns: Sequence[Column], *, marks: bool = False, **more: Any) -> None:
        super().__init__(**more)
        self.columns = tuple(columns)
        self.rows: list[Row] = []
        self.marked: set[Hashable] = set()
        self.cursor = 0
        self.empty: Sequence[Line] = ((("reading …", "dim"),),)
        self._marks = marks
        self._wanted = [0] * len(self.columns)
        self._widths: list[int] = []

    @property
    def current(self) -> Hashable | None:
        """The key of the row under the cursor."""
        return self.rows[self.cursor].key if self.cursor < len(self.rows) else None

    @property
    def seen(self) -> tuple[int, int]:
        """The numbers of the first row that is seen, and of the one after the last."""
        first = round(self.scroll_y)
        return first, min(first + max(self.size.height - 1, 1), len(self.rows))

    def show_rows(self, rows: Sequence[Row], *, anew: bool = False) -> None:
        """Shows these rows; the cursor stays on its thing. `anew`: they are another list."""
        key = None if anew else self.current
        self.rows = list(rows)
        there = {row.key: number for number, row in enumerate(self.rows)}
        self.marked &= there.keys()
        self.cursor = there.get(key, 0 if anew else min(self.cursor, max(len(self.rows) - 1, 0)))
        if anew:
            self._wanted = [0] * len(self.columns)
            self.scroll_to(y=0, animate=False)
        self._measure()
        self.virtual_size = Size(self._room, len(self.rows) + 1)
        self.refresh()

    def go(self, number: int) -> None:
        """Puts the cursor on a row, and the row on the screen."""
        self.cursor = max(0, min(number, len(self.rows) - 1))
        first, after = round(self.scroll_y), round(self.scroll_y) + max(self.size.height - 1, 1)
        if self.cursor < first:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= after:
            self.scroll_to(y=self.cursor - (after - first) + 1, animate=False)
        self.refresh()
        self.post_message(self.Moved())

    def unmark(self) -> None:
        """Takes all marks away."""
        self.marked.clear()
        self.refresh()
        self.post_message(self.Moved())

    def action_move(self, by: int) -> None:
        """The next row, or the one before."""
        self.go(self.cursor + by)

    def action_leaf(self, by: int) -> None:
        """A screen further, or back."""
        self.go(self.cursor + by * max(self.size.height - 2, 1))

    def action_last(self) -> None:
        """The last row."""
        self.go(len(self.rows) - 1)

    def action_choose(self) -> None:
        """Opens what is under the cursor."""
        if self.rows:
            self.post_message(self.Chosen())

    def action_mark(self) -> None:
        """Marks the row or takes its mark away, and goes to the next."""
        if self._marks and self.rows:
            self.marked ^= {self.current}
            self.go(self.cursor + 1)

    def action_mark_all(self) -> None:
        """Marks every row that is here, or takes all marks away."""
        if self._marks and self.rows:
            everything = {row.key for row in self.rows}
            self.marked = set() if self.marked == everything else everything
            self.refresh()
            self.post_message(self.Moved())

    def on_click(self, event: events.Click) -> None:
        """The row that was clicked; twice: opened."""
        number = event.y - 1 + round(self.scroll_y)
        if event.y >= 1 and number < len(self.rows):
            self.go(number)
            if event.chain > 1:
                self.action_choose()

    def on_resize(self) -> None:
        """Another room, other columns."""
        self._measure()
        self.virtual_size = Size(self._room, len(self.rows) + 1)

    def render_line(self, y: int) -> Strip:
        width = self._room
        if y == 0:
            return self.strip(self._line("", [(column.title, "head") for column in self.columns]), width)
        number = y - 1 + round(self.scroll_y)
        if number >= len(self.rows):
            hint = y - 2
            return self.strip(self.empty[hint] if not self.rows and 0 <= hint < len(self.empty) else (), width)
        row = self.rows[number]
        here = number == self.cursor
        signs = (">" if here else " ") + ("*" if row.key in self.marked else " ")
        cells = [(text, "dim" if row.faint else how) for text, how in row.cells]
        return self.strip(self._line(signs, cells), width, "cursor" if here else "")

    def _line(self, signs: str, cells: Sequence[Span]) -> Line:
        parts: list[Span] = [(f"{signs:<{_GUTTER}}", "new")]
        for (text, how), column, width in zip(cells, self.columns, self._widths, strict=False):
            if width:
                parts.append((fitted(text, width, right=column.right) + " " * _GAP, how))
        return tuple(parts)

    @property
    def _room(self) -> int:
        return self.scrollable_content_region.width

    def _measure(self) -> None:
        """Columns only get wider while the list is the same: they do not dance."""
        for number, column in enumerate(self.columns):
            longest = max((cell_len(row.cells[number][0]) for row in self.rows), default=0)
            if longest:
                self._wanted[number] = max(self._wanted[number], longest, len(column.title))
        wanted = self._wanted if self.rows else [len(column.title) for column in self.columns]
        self._widths = widths(self.columns, wanted, self._room - _GUTTER, _GAP)
