"""Pictures with the standard library alone: a canvas of convex shapes with smooth edges, PNG files, and animated ones."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from math import ceil, floor, sqrt
from typing import Final

Color = tuple[int, int, int]
Point = tuple[float, float]
Span = tuple[float, float]

PNG: Final = b"\x89PNG\r\n\x1a\n"
_FINE: Final = (0.125, 0.375, 0.625, 0.875)
"""Where each row of pixels is looked at, so that edges come out smooth."""


class Canvas:
    """A picture that is painted over and over. Three planes of bytes: a stretch of one colour is one slice."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._planes = [bytearray(width * height) for _ in range(3)]

    def shade(self, top: Color, bottom: Color, start: int, end: int) -> None:
        """Rows from `start` up to `end`, from one colour to another."""
        for y in range(max(start, 0), min(end, self.height)):
            part = (y - start) / max(end - start - 1, 1)
            for plane, one, other in zip(self._planes, top, bottom, strict=True):
                at = y * self.width
                plane[at : at + self.width] = bytes([round(one + (other - one) * part)]) * self.width

    def disc(self, middle: Point, radius: float, color: Color, opacity: float = 1.0) -> None:
        """A disc."""
        x, y = middle

        def span(at: float) -> Span | None:
            inside = radius * radius - (at - y) ** 2
            return (x - sqrt(inside), x + sqrt(inside)) if inside > 0 else None

        self._fill(span, y - radius, y + radius, color, opacity)

    def glow(self, middle: Point, radius: float, color: Color, opacity: float) -> None:
        """Light around a point."""
        rings = 20
        for ring in range(rings):
            self.disc(middle, radius * ((rings - ring) / rings) ** 1.4, color, opacity / rings * 1.8)

    def polygon(self, points: Sequence[Point], color: Color, opacity: float = 1.0) -> None:
        """A convex shape with straight sides."""
        sides = list(zip(points, [*points[1:], points[0]], strict=True))

        def span(at: float) -> Span | None:
            crossed = [
                x1 + (at - y1) * (x2 - x1) / (y2 - y1)
                for (x1, y1), (x2, y2) in sides if y1 != y2 and min(y1, y2) <= at < max(y1, y2)
            ]  # fmt: skip
            return (min(crossed), max(crossed)) if crossed else None

        self._fill(span, min(y for _, y in points), max(y for _, y in points), color, opacity)

    def bar(self, left: float, top: float, width: float, height: float, color: Color, opacity: float = 1.0) -> None:
        """A rectangle."""
        right, bottom = left + width, top + height
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], color, opacity)

    def line(self, start: Point, end: Point, width: float, color: Color, opacity: float = 1.0) -> None:
        """A straight line."""
        (x1, y1), (x2, y2) = start, end
        length = sqrt((x2 - x1) ** 2 + (y2 - y1) ** 2) or 1.0
        dx, dy = (y2 - y1) / length * width / 2, (x1 - x2) / length * width / 2
        self.polygon([(x1 + dx, y1 + dy), (x2 + dx, y2 + dy), (x2 - dx, y2 - dy), (x1 - dx, y1 - dy)], color, opacity)

    def rows(self) -> Iterator[bytes]:
        """The picture, as rows of RGB."""
        for at in range(0, self.width * self.height, self.width):
            row = bytearray(self.width * 3)
            for n, plane in enumerate(self._planes):
                row[n::3] = plane[at : at + self.width]
            yield bytes(row)

    def _fill(
        self, span: Callable[[float], Span | None], top: float, bottom: float, color: Color, opacity: float
    ) -> None:
        tables = [_mixing(value, opacity) for value in color]
        for y in range(max(floor(top), 0), min(ceil(bottom), self.height)):
            spans = [found for part in _FINE if (found := span(y + part))]
            if not spans:
                continue
            whole = len(spans) == len(_FINE)
            first = ceil(max(left for left, _ in spans)) if whole else self.width
            last = floor(min(right for _, right in spans)) if whole else 0
            first, last = max(first, 0), min(last, self.width)
            if first < last:
                at = y * self.width
                for plane, table in zip(self._planes, tables, strict=True):
                    plane[at + first : at + last] = plane[at + first : at + last].translate(table)
            self._edges(y, spans, (first, last), color, opacity)

    def _edges(self, y: int, spans: Sequence[Span], inner: tuple[int, int], color: Color, opacity: float) -> None:
        """The pixels of a row that the shape covers in part."""
        first, last = inner
        begin, end = max(floor(min(s[0] for s in spans)), 0), min(ceil(max(s[1] for s in spans)), self.width)
        for x in (*range(begin, min(first, end)), *range(max(last, begin), end)) if first < last else range(begin, end):
            covered = sum(max(min(right, x + 1) - max(left, x), 0.0) for left, right in spans) / len(_FINE) * opacity
            at = y * self.width + x
            for plane, value in zip(self._planes, color, strict=True):
                plane[at] = round(plane[at] + (value - plane[at]) * covered)


def png(rows: Iterable[bytes]) -> bytes:
    """A PNG from rows of RGB."""
    lines = list(rows)
    return PNG + _header(lines) + _chunk(b"IDAT", _packed(lines)) + _chunk(b"IEND", b"")


def animated(pictures: Sequence[bytes], milliseconds: int) -> bytes:
    """Pictures of one size (PNGs of `png`) as an animated PNG that repeats; programs that know no APNG show the first."""
    bodies = [dict(chunks(picture)) for picture in pictures]
    width, height = struct.unpack(">II", bodies[0][b"IHDR"][:8])
    parts = [PNG, _chunk(b"IHDR", bodies[0][b"IHDR"]), _chunk(b"acTL", struct.pack(">II", len(bodies), 0))]
    number = 0
    for body in bodies:
        control = struct.pack(">IIIIIHHBB", number, width, height, 0, 0, milliseconds, 1_000, 0, 0)
        parts.append(_chunk(b"fcTL", control))
        number += 1
        if number == 1:
            parts.append(_chunk(b"IDAT", body[b"IDAT"]))
            continue
        parts.append(_chunk(b"fdAT", struct.pack(">I", number) + body[b"IDAT"]))
        number += 1
    return b"".join([*parts, _chunk(b"IEND", b"")])


def size_of(picture: bytes) -> tuple[int, int]:
    """Width and height of a PNG. All of it is read: raises ValueError where a checksum or its length is wrong."""
    bodies = dict(chunks(picture))
    width, height = struct.unpack(">II", bodies[b"IHDR"][:8])
    if len(zlib.decompress(bodies[b"IDAT"])) != height * (width * 3 + 1):
        raise ValueError("the picture is not as large as it says")
    return width, height


def chunks(picture: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The parts of a PNG. Raises ValueError where a checksum is wrong."""
    at = len(PNG)
    while at < len(picture):
        length, name = struct.unpack(">I4s", picture[at : at + 8])
        body = picture[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack(">I", picture[at + 8 + length : at + 12 + length])
        if zlib.crc32(name + body) != checksum:
            raise ValueError(f"the checksum of {name!r} is wrong")
        yield name, body
        at += 12 + length


@lru_cache(maxsize=4_096)
def _mixing(value: int, opacity: float) -> bytes:
    """What becomes of each brightness when this one is laid over it."""
    return bytes(round(below + (value - below) * opacity) for below in range(256))


def _header(rows: Sequence[bytes]) -> bytes:
    return _chunk(b"IHDR", struct.pack(">IIBBBBB", len(rows[0]) // 3, len(rows), 8, 2, 0, 0, 0))


def _packed(rows: Sequence[bytes]) -> bytes:
    return zlib.compress(b"".join(b"\x00" + row for row in rows), 6)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
