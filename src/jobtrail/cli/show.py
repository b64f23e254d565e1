"""Data on stdout: a table for people, tab-separated text in a pipe, JSON for programs. What is said beside data is not here."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Generic, TypeVar
from uuid import UUID

from jobtrail.cli import words
from jobtrail.cli.flags import Flags
from jobtrail.core.ids import short

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column: what stands in it for programs, and for people if that is different. `style` names a colour."""

    title: str
    text: Callable[[T], object]
    people: Callable[[T], object] | None = None
    style: Callable[[T], str] | None = None
    right: bool = False
    rank: int = 0  # the higher, the sooner it is left out when the terminal is narrow


def is_terminal() -> bool:
    """Whether stdout is a terminal, so that people read it."""
    return sys.stdout.isatty()


def rows(items: Sequence[T], columns: Sequence[Column[T]], flags: Flags, *, empty: str = "nothing") -> None:
    """Many things of one sort."""
    if flags.output == "json":
        document([plain(item) for item in items])
    elif flags.output == "jsonl":
        for item in items:
            line(plain(item))
    elif not is_terminal():
        print("\t".join(column.title for column in columns))
        for item in items:
            print("\t".join(_cell(column.text(item)) for column in columns))
    elif items:
        _table(items, columns, flags)
    else:
        print(empty)
    sys.stdout.flush()


def thing(data: Mapping[str, object], lines: Callable[[], Iterable[tuple[str, object]]], flags: Flags) -> None:
    """One thing: all of it for programs; what matters, as name and value a line, for people."""
    if flags.output in ("json", "jsonl"):
        document(plain(data)) if flags.output == "json" else line(plain(data))
        return
    pairs = [(name, str(value)) for name, value in lines() if value not in (None, "")]
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        first, *rest = value.splitlines() or [""]
        print(f"{name:<{width}}  {words.harmless(first)}" if is_terminal() else f"{name}\t{first}")
        for more in rest:
            print(f"{'':<{width}}  {words.harmless(more)}" if is_terminal() else f"\t{more}")
    sys.stdout.flush()


def document(value: object) -> None:
    """One JSON document."""
    print(json.dumps(value, ensure_ascii=False, indent=2 if is_terminal() else None))
    sys.stdout.flush()


def line(value: object) -> None:
    """One JSON object in a line, for whoever reads along."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def plain(value: Any) -> Any:
    """A value as JSON has it; the names of its parts are a contract."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(part) for part in value]
    if isinstance(value, datetime):
        return words.absolute(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (UUID, Decimal, PurePath)):
        return str(value)
    return value


def colored(flags: Flags) -> bool:
    """Whether colour is wanted on stdout: --color, then NO_COLOR, then whether people look at it."""
    if flags.color in ("always", "never"):
        return flags.color == "always"
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and is_terminal()


def id_column(of: Callable[[T], UUID], title: str = "ID") -> Column[T]:
    """Ids: whole for programs, their last digits for people."""
    return Column(title, of, lambda item: short(of(item)))


def time_column(title: str, of: Callable[[T], datetime | None], rank: int = 0) -> Column[T]:
    """Times: absolute for programs, how long ago for people."""
    return Column(title, lambda item: words.absolute(of(item)), lambda item: words.ago(of(item)), rank=rank)


def status_column(of: Callable[[T], str]) -> Column[T]:
    """Statuses: the word, for people with its sign and colour."""
    return Column("STATUS", of, lambda item: f"{words.glyph(of(item))} {of(item)}", lambda item: words.color(of(item)))


def _cell(value: object) -> str:
    """Text that stays in its cell; times as JSON has them."""
    value = words.absolute(value) if isinstance(value, datetime) else value
    return "" if value is None else str(value).replace("\t", " ").replace("\n", " ").replace("\r", " ")


def _table(items: Sequence[T], columns: Sequence[Column[T]], flags: Flags) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(no_color=not colored(flags), highlight=False)
    cells = [[_people(column, item) for item in items] for column in columns]
    widths = [max(map(len, [column.title, *texts])) for column, texts in zip(columns, cells, strict=True)]
    filled = [n for n, texts in enumerate(cells) if any(texts)]
    shown = _that_fit(columns, widths, filled, console.width)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for number in shown:
        column = columns[number]
        table.add_column(column.title, justify="right" if column.right else "left", no_wrap=True, overflow="ellipsis",
                         min_width=min(widths[number], 12))  # fmt: skip
    for row, item in enumerate(items):
        styles = [columns[number].style for number in shown]
        table.add_row(*(
            Text(cells[number][row], style=style(item) if style else "", no_wrap=True)
            for number, style in zip(shown, styles, strict=True)
        ))  # fmt: skip
    console.print(table)


def _people(column: Column[T], item: T) -> str:
    return words.one_line(_cell((column.people or column.text)(item)), 200)


def _that_fit(columns: Sequence[Column[T]], widths: Sequence[int], filled: Sequence[int], room: int) -> list[int]:
    """The numbers of the columns to show: those that hold anything, the highest rank first to go for want of room."""
    shown = list(filled)
    while shown and sum(widths[n] + 2 for n in shown) > room:
        least = max(shown, key=lambda n: columns[n].rank)
        if columns[least].rank == 0:
            break
        shown.remove(least)
    return shown
