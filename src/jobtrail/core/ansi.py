"""What programs print for terminals, as pages can show it: colours become names of classes, addresses become links, and
all else that would drive a terminal is taken away. Nothing here is markup: whoever shows a span escapes its text."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

_ESCAPE: Final = re.compile(
    r"(?:\x1b\[|\x9b)(?P<params>[0-?]*)[ -/]*(?P<final>[@-~])"  # CSI: colours, and moves of the cursor
    r"|(?:\x1b\]|\x9d)(?P<command>[^\x07\x1b\x9c\x9d\n]*)(?:\x07|\x1b\\|\x9c)"  # OSC: titles, links
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x90\x98\x9c\x9e\x9f\n]*(?:\x1b\\|\x9c)"  # DCS, SOS, PM, APC: texts for devices
    r"|\x1b[ -/]*[0-~]?"  # two characters, or what an escape sequence that was cut off has left
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"  # controls that stand alone
)
_QUICK: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"'`{}|\\^\u2028\u2029]+", re.IGNORECASE)
_SCHEMES: Final = ("http", "https")
_ENDS: Final = ".,;:!?*_~"
_PAIRS: Final = {")": "(", "]": "["}
_STEPS: Final = (0, 95, 135, 175, 215, 255)
_LONGEST_ADDRESS: Final = 2_000
MOST_LOOKS: Final = 400
"""How often one text may change its looks: what comes after is shown without, so that a line made of nothing else cannot
keep a service busy for long."""
MOST_LINKS: Final = 100
"""How many bare addresses of one text become links."""


@dataclass(frozen=True, slots=True)
class Span:
    """Some text that looks alike. `classes`: as a class attribute has them. `href`: an http or https address."""

    text: str
    classes: str = ""
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A text in spans. `folded`: how many states of progress bars, drawn over each other, were left out."""

    spans: tuple[Span, ...]
    folded: int = 0

    @property
    def text(self) -> str:
        """All of it without looks."""
        return "".join(span.text for span in self.spans)


@dataclass(frozen=True, slots=True)
class _Pen:
    """How the next character looks. Colours are numbers of the 256."""

    fg: int | None = None
    bg: int | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    strike: bool = False
    inverse: bool = False

    def classes(self) -> str:
        """The names of its looks."""
        fg, bg = _named("fg", self.fg), _named("bg", self.bg)
        if self.inverse:
            fg, bg = _named("fg", self.bg, "paper"), _named("bg", self.fg, "ink")
        kinds = ("bold", "dim", "italic", "underline", "strike")
        return " ".join([name for name in (fg, bg) if name] + [f"ansi-{name}" for name in kinds if getattr(self, name)])


_PLAIN: Final = _Pen()
_SWITCHES: Final[dict[int, dict[str, bool]]] = {
    1: {"bold": True}, 2: {"dim": True}, 3: {"italic": True}, 4: {"underline": True}, 7: {"inverse": True},
    9: {"strike": True}, 21: {"underline": True}, 22: {"bold": False, "dim": False}, 23: {"italic": False},
    24: {"underline": False}, 27: {"inverse": False}, 29: {"strike": False},
}  # fmt: skip


def plain(text: str) -> str:
    """The text without escape sequences and control characters; of a line that was drawn over, the last state.

    >>> plain("\\x1b[31mred\\x1b[0m"), plain("10%\\r20%\\r"), plain("a\\r\\nb")
    ('red', '20%', 'a\\nb')
    """
    if _QUICK.search(text) is None:
        return text
    return shown(text, links=False).text if "\r" in text else _ESCAPE.sub("", text)


def shown(text: str, *, links: bool = True) -> Shown:
    """The text as a page shows it. `links`: bare addresses become links too.

    >>> shown("\\x1b[1;31mno\\x1b[0m way").spans
    (Span(text='no', classes='ansi-fg-1 ansi-bold', href=None), Span(text=' way', classes='', href=None))
    """
    if _QUICK.search(text) is None:
        spans, folded = [Span(text)] if text else [], 0
    else:
        spans, folded = _drawn(text)
    return Shown(tuple(_linked(spans) if links else spans), folded)


class _Paper:
    """What has been drawn: finished lines, and the one that a carriage return may yet draw over."""

    def __init__(self) -> None:
        self.done: list[Span] = []
        self.line: list[Span] = []
        self.returned = False
        self.folded = 0

    def write(self, text: str, classes: str, href: str | None) -> None:
        """Text without escape sequences; it may hold line ends and carriage returns."""
        for part in re.split(r"(\r\n|\n|\r)", text):
            if part == "\r":
                self.returned = bool(self.line)
            elif part in ("\n", "\r\n"):
                self.done += [*self.line, Span("\n")]
                self.line, self.returned = [], False
            elif part:
                if self.returned:
                    self.folded += 1
                    self.line, self.returned = [], False
                self.line.append(Span(part, classes, href))


def _drawn(text: str) -> tuple[list[Span], int]:
    """The spans, and how many states were drawn over."""
    paper, pen, href, at = _Paper(), _PLAIN, None, 0
    for found in islice(_ESCAPE.finditer(text), MOST_LOOKS):
        paper.write(text[at : found.start()], pen.classes(), href)
        at = found.end()
        if found["final"] == "m":
            pen = _dipped(pen, found["params"])
        elif (command := found["command"]) is not None and command.startswith("8;"):
            href = address(command.split(";", 2)[-1])
    paper.write(_ESCAPE.sub("", text[at:]), pen.classes(), href)
    return _joined(paper.done + paper.line), paper.folded


def _joined(spans: list[Span]) -> list[Span]:
    """Neighbours that look alike as one."""
    joined: list[Span] = []
    for span in spans:
        last = joined[-1] if joined else None
        if last is not None and (last.classes, last.href) == (span.classes, span.href):
            joined[-1] = replace(last, text=last.text + span.text)
        else:
            joined.append(span)
    return joined


def _dipped(pen: _Pen, params: str) -> _Pen:
    """The pen after a colour sequence (SGR). What is not known changes nothing."""
    if params.startswith(("<", "=", ">", "?")):
        return pen
    codes = iter(params.split(";"))
    for code in codes:
        first, *parts = code.split(":")
        number = _number(first)
        if number in (38, 48, 58):
            colour = _colour(iter(parts[:1] + parts[-3:] if len(parts) > 4 else parts) if parts else codes)
            if number != 58:
                pen = replace(pen, fg=colour) if number == 38 else replace(pen, bg=colour)
        elif number == 4 and parts:
            pen = replace(pen, underline=parts[0] != "0")
        else:
            pen = _switched(pen, number)
    return pen


def _switched(pen: _Pen, code: int) -> _Pen:
    if code == 0:
        return _PLAIN
    if code in _SWITCHES:
        return replace(pen, **_SWITCHES[code])
    for first, bright in ((30, 0), (90, 8)):
        if first <= code < first + 8:
            return replace(pen, fg=code - first + bright)
        if first + 10 <= code < first + 18:
            return replace(pen, bg=code - first - 10 + bright)
    if code == 39:
        return replace(pen, fg=None)
    return replace(pen, bg=None) if code == 49 else pen


def _colour(codes: Iterator[str]) -> int | None:
    """`5;n`, or `2;r;g;b` as the one of the 256 that is nearest."""
    mode = next(codes, "")
    if mode == "5":
        return min(_number(next(codes, "")), 255)
    if mode == "2":
        red, green, blue = (min(_number(next(codes, "")), 255) for _ in range(3))
        return nearest(red, green, blue)
    return None


def nearest(red: int, green: int, blue: int) -> int:
    """Of the 256 colours the one that comes nearest: of its cube, or of its greys.

    >>> nearest(255, 0, 0), nearest(118, 118, 118), nearest(0, 0, 0)
    (196, 243, 16)
    """
    wanted = (red, green, blue)
    places = [min(range(6), key=lambda step: abs(_STEPS[step] - part)) for part in wanted]
    cube = tuple(_STEPS[place] for place in places)
    grey = min(max(round((sum(wanted) / 3 - 8) / 10), 0), 23)
    if _distance(wanted, (8 + grey * 10,) * 3) < _distance(wanted, cube):
        return 232 + grey
    return 16 + 36 * places[0] + 6 * places[1] + places[2]


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _named(ground: str, colour: int | None, otherwise: str | None = None) -> str:
    if colour is None:
        return f"ansi-{ground}-{otherwise}" if otherwise else ""
    return f"ansi-{ground}-{colour}"


def _number(text: str) -> int:
    """A number of a sequence; nothing is 0, and so is what is too long to be one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0


def address(text: str) -> str | None:
    """The text where it is an http or https address that a page may link to; else None."""
    if not text.isprintable() or " " in text or len(text) > _LONGEST_ADDRESS:
        return None
    try:
        parts = urlsplit(text)
        return text if parts.scheme in _SCHEMES and parts.hostname else None
    except ValueError:
        return None


def _linked(spans: list[Span]) -> Iterator[Span]:
    """The same text, in which bare addresses are links, also where their colour changes on the way."""
    places = deque(islice(_addresses("".join(span.text for span in spans)), MOST_LINKS))
    end = 0
    for span in spans:
        at, begin, end = end, end, end + len(span.text)
        while places and places[0][0] < end:
            first, last, href = places[0]
            if first > at:
                yield replace(span, text=span.text[at - begin : first - begin])
                at = first
            stop = min(last, end)
            yield replace(span, text=span.text[at - begin : stop - begin], href=span.href or href)
            at = stop
            if last > end:
                break
            places.popleft()
        if at < end:
            yield replace(span, text=span.text[at - begin :])


def _addresses(text: str) -> Iterator[tuple[int, int, str]]:
    """Where bare addresses stand, without the full stop that ends their sentence."""
    for found in _ADDRESS.finditer(text):
        bare = found[0]
        if len(bare) > _LONGEST_ADDRESS:
            continue
        while bare[-1] in _ENDS or (bare[-1] in _PAIRS and bare.count(bare[-1]) > bare.count(_PAIRS[bare[-1]])):
            bare = bare[:-1]
        if (href := address(bare)) is not None:
            yield found.start(), found.start() + len(bare), href
