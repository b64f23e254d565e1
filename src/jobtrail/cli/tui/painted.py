"""Widgets that paint lines of spans: bars of a fixed height, and a page that scrolls. Text reaches the screen as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.theme import Theme
from textual.widget import Widget

from jobtrail.cli.tui.spans import LOOKS, Line, Span

_DARK: Final = {
    "ok": "#5fd38d", "bad": "#ff7b72", "run": "#6cb6ff", "wait": "#56c8d8", "warn": "#e3b341", "lost": "#d2a8ff",
    "dim": "#8b98a9", "row": "#24364d", "bar": "#161f2c", "line": "#2b3a4d",
}  # fmt: skip
_LIGHT: Final = {
    "ok": "#116329", "bad": "#b3261e", "run": "#0a53a8", "wait": "#0b6470", "warn": "#7d4e00", "lost": "#6f3cc3",
    "dim": "#57606a", "row": "#cfe2fb", "bar": "#e8edf3", "line": "#c3ccd6",
}  # fmt: skip
THEMES: Final = (
    Theme(name="jobtrail-dark", primary="#6cb6ff", background="#0e141c", surface="#0e141c", panel="#161f2c",
          foreground="#dbe4ee", dark=True, variables=_DARK),
    Theme(name="jobtrail-light", primary="#0a53a8", background="#ffffff", surface="#ffffff", panel="#eef2f6",
          foreground="#1b232c", dark=False, variables=_LIGHT),
)  # fmt: skip

LOOKS_CSS: Final = """
Painted {
    & > .look--dim { color: $dim; }
    & > .look--strong { text-style: bold; }
    & > .look--ok { color: $ok; }
    & > .look--bad { color: $bad; }
    & > .look--run { color: $run; }
    & > .look--wait { color: $wait; }
    & > .look--warn { color: $warn; }
    & > .look--lost { color: $lost; }
    & > .look--key { color: $run; text-style: bold; }
    & > .look--new { color: $warn; text-style: bold; }
    & > .look--head { color: $dim; text-style: bold; }
    & > .look--cursor { background: $row; }
    & > .look--here { color: $run; background: $row; text-style: bold; }
    & > .look--found { color: $background; background: $warn; }
}
"""


class Painted(Widget):
    """Something that paints lines itself."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"look--{name}" for name in LOOKS}
    DEFAULT_CSS = LOOKS_CSS
    ALLOW_SELECT = False

    def strip(self, line: Line, width: int, ground: str = "") -> Strip:
        """A line as the terminal takes it, in exactly so many cells; `ground`: the look of the whole line."""
        under = self.rich_style + self.paint(ground)
        segments = [Segment(text, under + self.paint(how)) for text, how in line if text]
        return Strip(segments).adjust_cell_length(width, under)

    def paint(self, how: str) -> Style:
        """The style of a look; the widget's own shines through."""
        return self.get_component_rich_style(f"look--{how}", partial=True) if how else Style.null()


class Bar(Painted):
    """Some lines, one below the other, as high as they are many."""

    DEFAULT_CSS = "Bar { height: auto; width: 100%; }"

    def __init__(self, lines: Sequence[Line] = (), **more: Any) -> None:
        super().__init__(**more)
        self.lines = tuple(lines)

    def say(self, *lines: Line) -> None:
        """Shows other lines."""
        if lines != self.lines:
            high = len(lines) != len(self.lines)
            self.lines = lines
            self.refresh(layout=high)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(len(self.lines), 1)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return container.width

    def render_line(self, y: int) -> Strip:
        return self.strip(self.lines[y] if y < len(self.lines) else (), self.size.width)


class Lines(Painted, ScrollView, can_focus=True):
    """Lines that scroll both ways. `top`: the number of the first line that is seen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "top", show=False),
        Binding("end", "bottom", show=False),
        Binding("space", "page_down", show=False),
    ]
    DEFAULT_CSS = """
    Lines { height: 1fr; width: 1fr; overflow: auto auto; scrollbar-size-horizontal: 0;
            scrollbar-size-vertical: 1; scrollbar-color: $line; scrollbar-background: $background; }
    """

    class WentUp(Message):
        """Somebody scrolled back."""

    def __init__(self, lines: Sequence[Line] = (), **more: Any) -> None:
        super().__init__(**more)
        self._lines: list[Line] = []
        self.show_lines(lines)

    @property
    def text(self) -> str:
        """What stands here, without looks."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    @property
    def top(self) -> int:
        """The number of the line that is seen first."""
        return round(self.scroll_y)

    @property
    def at_end(self) -> bool:
        """Whether the last line is seen."""
        return self.scroll_y >= self.max_scroll_y - 0.5

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Shows these lines, from the same place on."""
        self._lines = list(lines)
        longest = max((sum(len(text) for text, _ in line) for line in self._lines), default=0)
        self.virtual_size = Size(longest, len(self._lines))
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Who scrolls back is told of; a page that became shorter is not."""
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value <= self.max_scroll_y:
            self.post_message(self.WentUp())

    def add(self, lines: Sequence[Line]) -> None:
        """Shows more lines, after the others."""
        self._lines += lines
        longest = max((sum(len(text) for text, _ in line) for line in lines), default=0)
        self.virtual_size = Size(max(self.virtual_size.width, longest), len(self._lines))
        self.refresh()

    def put(self, number: int, line: Line) -> None:
        """Shows one line differently."""
        self._lines[number] = line
        self.refresh()

    def action_top(self) -> None:
        """The first line."""
        self.scroll_to(y=0, animate=False)

    def action_bottom(self) -> None:
        """The last line."""
        self.scroll_to(y=self.virtual_size.height, animate=False)

    def render_line(self, y: int) -> Strip:
        left, top, width = round(self.scroll_x), round(self.scroll_y), self.scrollable_content_region.width
        number = top + y
        if number >= len(self._lines):
            return self.strip((), width)
        whole = self.strip(self._lines[number], max(self.virtual_size.width, width + left))
        return whole.crop(left, left + width)


def plain(text: str) -> Line:
    """A line without looks."""
    return ((text, ""),) if text else ()


def pair(name: str, *value: Span) -> Line:
    """A name and its value."""
    return ((f"{name:<10}", "dim"), *value)
