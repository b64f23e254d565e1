"""From the raw bytes that a process printed to log lines. Pure: no file, no clock, no process, no level or redaction.

A line is never refused (law L12): what is not UTF-8 and every NUL becomes U+FFFD, and a line beyond `limit` bytes is
cut into parts. A progress bar that redraws itself with carriage returns leaves only its last state. ANSI colours are kept.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

LIMIT = 16 * 1024
MARK = "…"


class Source(StrEnum):
    """Which of its two streams a process wrote to; the words of a log line's source."""

    STDOUT = "STDOUT"
    STDERR = "STDERR"


class Line(NamedTuple):
    """One line, or one part of a line that was too long. `more`: the line goes on in the next `Line` of this source.

    A tuple, not a dataclass: making these is most of the time that splitting takes.
    """

    source: Source
    text: str
    more: bool = False

    @property
    def shown(self) -> str:
        """The text as people see it, with the mark of a cut line."""
        return self.text + MARK if self.more else self.text


def _cut(data: bytes | bytearray, limit: int) -> int:
    """Where to cut bytes longer than `limit` without tearing a character apart (if it is one)."""
    for at in range(limit, max(limit - 4, 0), -1):
        if data[at] & 0xC0 != 0x80:
            return at
    return limit


def _clean(data: bytes | bytearray) -> str:
    return data.decode("utf-8", "replace").replace("\0", "\ufffd")


class LineSplitter:
    """Splits one stream. The lines do not depend on how the bytes were cut into chunks.

    Of the states of one line that carriage returns separate, only the last one that is not empty is kept; a state
    longer than `limit` is cut into parts at once and stays.

    >>> out = LineSplitter(Source.STDOUT)
    >>> [line.text for line in out.feed(b"10%\\r50%\\r100%\\nhel")], [line.text for line in out.feed(b"lo\\n")]
    (['100%'], ['hello'])
    """

    __slots__ = ("_limit", "_open", "_parted", "_redrawn", "_said", "source")

    def __init__(self, source: Source, limit: int = LIMIT) -> None:
        if limit < 4:
            raise ValueError("a part of a line must have room for one character: limit is at least 4 bytes")
        self.source = source
        self._limit = limit
        self._open = bytearray()  # the state being written, without the parts that were cut off
        self._parted = False  # parts of this state were cut off
        self._redrawn = b""  # the last state that a carriage return ended
        self._said = False  # this line gave a line already

    def feed(self, chunk: bytes) -> list[Line]:
        """The lines that this chunk completes."""
        lines: list[Line] = []
        end = chunk.rfind(b"\n") + 1
        begin = 0
        if end and (self._open or self._redrawn or self._said):
            begin = chunk.find(b"\n") + 1
            self._extend(chunk[: begin - 1], lines)
            self._end(lines)
        if begin < end:
            self._whole(chunk[begin : end - 1], lines)
        if end < len(chunk):
            self._extend(chunk[end:], lines)
        return lines

    def flush(self) -> list[Line]:
        """The last line, if the stream ended without a line end."""
        lines: list[Line] = []
        if self._open or self._redrawn:
            self._end(lines)
        self._said = False
        return lines

    def _whole(self, block: bytes, lines: list[Line]) -> None:
        """Lines that begin and end in this block: the fast way, for nearly everything that is ever printed."""
        if len(block) > self._limit:
            raw = block.split(b"\n")
            if max(map(len, raw)) > self._limit:
                for line in raw:
                    self._extend(line, lines)
                    self._end(lines)
                return
        texts = _clean(block).split("\n")
        if b"\r" in block:
            texts = [text.rstrip("\r").rpartition("\r")[2] if "\r" in text else text for text in texts]
        source = self.source
        lines.extend([Line(source, text) for text in texts])

    def _extend(self, piece: bytes, lines: list[Line]) -> None:
        """More of the line being written, without a line end: exact for any length and any carriage return."""
        if b"\r" in piece:
            *states, piece = piece.split(b"\r")
            for state in states:
                self._write(state, lines)
                self._redraw(lines)
        self._write(piece, lines)

    def _write(self, piece: bytes, lines: list[Line]) -> None:
        self._open += piece
        while len(self._open) > self._limit:
            at = _cut(self._open, self._limit)
            lines.append(Line(self.source, _clean(self._open[:at]), more=True))
            del self._open[:at]
            self._parted = self._said = True
            self._redrawn = b""

    def _redraw(self, lines: list[Line]) -> None:
        """A carriage return: what was written is the line's last state so far; a state cut into parts stays."""
        if self._parted:
            lines.append(Line(self.source, _clean(self._open)))
            self._parted = False
        elif self._open:
            self._redrawn = bytes(self._open)
        self._open.clear()

    def _end(self, lines: list[Line]) -> None:
        text = self._open or self._redrawn
        if text or not self._said:
            lines.append(Line(self.source, _clean(text)))
        self._open.clear()
        self._redrawn = b""
        self._parted = self._said = False
