"""Screens of short lists: queues, workers, gates, errors. Their rows stay where they are until one asks for order."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial
from typing import ClassVar, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from jobtrail.cli import words
from jobtrail.cli.tui.frame import Framed, Plan, Seen
from jobtrail.cli.tui.rows import Row, Rows
from jobtrail.cli.tui.spans import INSIDE, Column, Line, Span, safe
from jobtrail.client import JobsClient

T = TypeVar("T")


class ThingsScreen(Framed, Generic[T]):
    """A list that is read whole. What is there no longer stays, faint, so that nothing jumps under the cursor."""

    columns: ClassVar[tuple[Column, ...]] = ()
    nothing: ClassVar[str] = "nothing"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "order", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._things: dict[Hashable, T] = {}
        self._there: set[Hashable] = set()
        self.rows = Rows(self.columns)
        self._words = ""
        self._in_order = True
        self._loaded = False

    def read(self, client: JobsClient) -> list[T]:
        """Reads the things, in their order."""
        raise NotImplementedError

    def missed(self, client: JobsClient, thing: T) -> T:
        """What became of a thing that is in the list no longer."""
        return thing

    def key(self, thing: T) -> Hashable:
        """What a thing is known by."""
        raise NotImplementedError

    def cells(self, thing: T) -> tuple[Span, ...]:
        """A thing as a row."""
        raise NotImplementedError

    @property
    def current(self) -> T | None:
        """The thing under the cursor."""
        key = self.rows.current
        return None if key is None else self._things.get(key)

    def body(self) -> Widget:
        return self.rows

    def plan(self) -> Plan:
        return partial(self._read, dict(self._things), set(self._there))

    def _read(self, before: dict[Hashable, T], there: set[Hashable], client: JobsClient) -> Seen:
        found = {self.key(thing): thing for thing in self.read(client)}
        left = {key: self.missed(client, thing) for key, thing in before.items() if key in there and key not in found}
        return partial(self._show, found, left)

    def _show(self, found: dict[Hashable, T], left: dict[Hashable, T]) -> None:
        self._loaded = True
        self._things = {**self._things, **left, **found}
        self._there = set(found)
        self._in_order = [key for key in self._things if key in found] == list(found) and not left
        self._draw()

    def _draw(self) -> None:
        shown = [
            Row(key, cells, faint=key not in self._there)
            for key, thing in self._things.items()
            if self._fits(cells := self.cells(thing))
        ]
        if self._loaded:
            hint = f"nothing here says “{safe(self._words, 40)}”" if self._things else self.nothing
            self.rows.empty = (((hint, "dim"),),)
        self.rows.show_rows(shown)
        self.tell()

    def _fits(self, cells: tuple[Span, ...]) -> bool:
        return not self._words or self._words.casefold() in " ".join(text for text, _ in cells).casefold()

    def crumbs(self) -> Line:
        said = (INSIDE, (safe(self._words, 40), "key")) if self._words else ()
        return ((self.name_of_tab, "strong"), *said)

    def aside_of_crumbs(self) -> Line:
        return (*self.disorder(), (self.told(), "dim")) if self._loaded else ()

    def told(self) -> str:
        """How many there are."""
        return words.counted(len(self._there), self.name_of_tab.removesuffix("s"))

    def disorder(self) -> Line:
        """Says that the order is an older one."""
        return () if self._in_order else (("↕ <Home> orders anew  ", "new"),)

    def on_rows_moved(self) -> None:
        """The bars may say something of the row."""
        self.tell()

    def action_order(self) -> None:
        """Orders the list anew, without what is gone."""
        self._things = {}
        self.turn += 1
        self.rows.go(0)
        self.top.hurry()

    def find(self) -> None:
        """Asks for a word."""
        self.prompt.open("/", self._words, self._filter)

    def _filter(self, text: str) -> None:
        self._words = text.strip()
        self._draw()

    def action_back(self) -> None:
        """Everything again."""
        self._filter("")
