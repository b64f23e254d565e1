"""The job of `jobtrail demo`: a picture book of Python's own standard library, made from the files on this machine.

Every page is a step with real work: sources are read, split into tokens and counted, and drawn as a PNG.
"""

from __future__ import annotations

import asyncio
import hashlib
import html
import io
import struct
import sysconfig
import tokenize
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jobtrail as jt

app = jt.App()

PAGES: Final = 8
MOST_BYTES: Final = 14_000_000
"""How much of the library is read, so that the book takes some seconds on any machine."""

LEFT_OUT: Final = frozenset({"idlelib", "lib2to3", "site-packages", "__pycache__"})
QUEUE: Final = "demo"
TYPE: Final = "demo.picture-book"
QUESTION: Final = "Publish the book?"
WIDTH: Final = 960
PNG: Final = b"\x89PNG\r\n\x1a\n"
_ROW: Final = 4
_COLORS: Final[Mapping[str, tuple[int, int, int]]] = {
    "NAME": (91, 141, 239),
    "OP": (120, 130, 150),
    "STRING": (120, 190, 110),
    "NUMBER": (230, 150, 70),
    "COMMENT": (150, 150, 150),
}
_OTHER: Final = (60, 66, 80)
_PAPER: Final = (24, 27, 34)


@dataclass(frozen=True)
class Chapter:
    """The files of one page."""

    title: str
    files: list[str]


@dataclass(frozen=True)
class Page:
    """One chapter's page: what was counted, and the digest of its picture."""

    chapter: str
    files: int
    lines: int
    tokens: int
    longest: str
    sha256: str
    height: int


@app.job(TYPE, queue=QUEUE, timeout="5m", title="A picture book of the standard library")
async def picture_book(ctx: jt.Context, library: str | None = None) -> dict[str, int]:
    """Thirteen steps. What has finished is not done again, whatever happens to the worker."""
    async with ctx.phase("SETUP"):
        chapters = await ctx.step("find the sources", find_sources, library)
    pages = []
    for number, chapter in enumerate(chapters, 1):
        pages.append(await ctx.step(f"draw page {number}: {chapter.title}", draw_page, ctx, chapter))
        ctx.progress(number * 80 / len(chapters), "drawing")
    cover = await ctx.step("draw the cover", draw_cover, ctx, pages)
    async with ctx.phase("VALIDATION"):
        checked = await ctx.step("read pictures back", read_back, chapters, pages)
        ctx.progress(90, "waiting for a decision")
        await ctx.gate(QUESTION)
    await ctx.step("bind the book", bind, ctx, pages, cover)
    ctx.progress(100, "done")
    return {"pages": len(pages), "lines": sum(page.lines for page in pages), "pictures_checked": checked}


def find_sources(library: str | None) -> list[Chapter]:
    """The library's .py files in the order of their names, in as many chapters of about the same size."""
    folder = Path(library or sysconfig.get_paths()["stdlib"])
    files = [path for path in sorted(folder.rglob("*.py")) if not LEFT_OUT.intersection(path.relative_to(folder).parts)]
    wanted = min(sum(path.stat().st_size for path in files), MOST_BYTES)
    parts: list[list[str]] = [[] for _ in range(PAGES)]
    seen = 0
    for path in files:
        if seen >= wanted:
            break
        parts[seen * PAGES // wanted].append(str(path))
        seen += path.stat().st_size
    return [Chapter(_title(folder, part), part) for part in parts if part]


async def draw_page(ctx: jt.Context, chapter: Chapter) -> Page:
    """Counts a chapter and draws it: a line for each file, a cell for each token, a colour for each sort."""
    page, picture = await asyncio.to_thread(_page, chapter)
    await ctx.asset(f"{chapter.title}.png", picture, media_type="image/png")
    ctx.log.info("drawn", files=page.files, lines=page.lines, tokens=page.tokens, longest=page.longest)
    return page


async def draw_cover(ctx: jt.Context, pages: list[Page]) -> str:
    """Bars: how long each chapter is."""
    most = max(page.lines for page in pages) or 1
    rows: list[bytes] = []
    for page in pages:
        length = page.lines * (WIDTH - 40) // most
        rows += [_band([(20, _PAPER), (length, _COLORS["NAME"]), (WIDTH - 20 - length, _PAPER)])] * 28
        rows += [_band([(WIDTH, _PAPER)])] * 8
    picture = png(rows)
    await ctx.asset("cover.png", picture, media_type="image/png")
    return hashlib.sha256(picture).hexdigest()


def read_back(chapters: list[Chapter], pages: list[Page]) -> int:
    """Draws a page once more and holds its digest against what was remembered: same input, same picture."""
    for chapter, page in list(zip(chapters, pages, strict=True))[:1]:
        again, picture = _page(chapter)
        if again.sha256 != page.sha256 or size_of(picture) != (WIDTH, page.height):
            raise ValueError(f"the page of {page.chapter} came out differently the second time")
    return 1


async def bind(ctx: jt.Context, pages: list[Page], cover: str) -> str:
    """The book itself: one HTML file with a table of what was counted."""
    rows = "".join(
        f"<tr><td><img src='{html.escape(page.chapter)}.png' width=240></td><td>{html.escape(page.chapter)}</td>"
        f"<td>{page.files} files</td><td>{page.lines} lines</td><td>{page.tokens} tokens</td>"
        f"<td>longest: {html.escape(page.longest)}</td><td><code>{page.sha256[:12]}</code></td></tr>"
        for page in pages
    )
    book = (
        "<!doctype html><meta charset=utf-8><title>The standard library</title><h1>The standard library</h1>"
        f"<p><img src='cover.png' width=480><br><code>{cover[:12]}</code></p><table>{rows}</table>"
    )
    await ctx.asset("book.html", book.encode(), media_type="text/html")
    return hashlib.sha256(book.encode()).hexdigest()


def png(rows: Sequence[bytes]) -> bytes:
    """A PNG from rows of RGB bytes."""
    raw = b"".join(b"\x00" + row for row in rows)
    header = struct.pack(">IIBBBBB", len(rows[0]) // 3, len(rows), 8, 2, 0, 0, 0)
    return PNG + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(raw, 9)) + _chunk(b"IEND", b"")


def size_of(picture: bytes) -> tuple[int, int]:
    """Width and height of a PNG, all of whose bytes are read and held against their checksums."""
    at, size, raw = len(PNG), (0, 0), b""
    while at < len(picture):
        length, name = struct.unpack(">I4s", picture[at : at + 8])
        body = picture[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack(">I", picture[at + 8 + length : at + 12 + length])
        if zlib.crc32(name + body) != checksum:
            raise ValueError(f"the checksum of {name!r} is wrong")
        if name == b"IHDR":
            size = struct.unpack(">II", body[:8])
        raw += body if name == b"IDAT" else b""
        at += 12 + length
    if len(zlib.decompress(raw)) != size[1] * (size[0] * 3 + 1):
        raise ValueError("the picture is not as large as it says")
    return size


def _page(chapter: Chapter) -> tuple[Page, bytes]:
    lines = tokens = 0
    sizes: Counter[str] = Counter()
    rows: list[bytes] = []
    for path in chapter.files:
        text = Path(path).read_bytes()
        names = list(_sorts(text))
        lines += text.count(b"\n")
        tokens += len(names)
        sizes[Path(path).name] = text.count(b"\n")
        rows += [_line(names)] * _ROW + [_band([(WIDTH, _PAPER)])] * 2
    rows = rows or [_band([(WIDTH, _PAPER)])]
    picture = png(rows)
    longest = sizes.most_common(1)[0][0] if sizes else ""
    digest = hashlib.sha256(picture).hexdigest()
    return Page(chapter.title, len(chapter.files), lines, tokens, longest, digest, len(rows)), picture


def _title(folder: Path, paths: Sequence[str]) -> str:
    """From which module to which a chapter goes."""
    names = [".".join(Path(path).relative_to(folder).with_suffix("").parts[:2]) for path in (paths[0], paths[-1])]
    return " to ".join(dict.fromkeys(names))


def _sorts(text: bytes) -> Iterable[str]:
    """The sort of each token; a file that is no Python (there are some, for tests) has none."""
    try:
        for token in tokenize.tokenize(io.BytesIO(text).readline):
            yield tokenize.tok_name[token.type]
    except (tokenize.TokenError, SyntaxError, UnicodeDecodeError):
        return


def _line(names: Sequence[str]) -> bytes:
    """A file as one row of pixels: as many cells as fit, each with the mean colour of the tokens that fall into it."""
    if not names:
        return _band([(WIDTH, _PAPER)])
    row = bytearray()
    for x in range(WIDTH):
        part = names[x * len(names) // WIDTH : max((x + 1) * len(names) // WIDTH, x * len(names) // WIDTH + 1)]
        colors = [_COLORS.get(name, _OTHER) for name in part]
        row += bytes(sum(color[channel] for color in colors) // len(colors) for channel in range(3))
    return bytes(row)


def _band(parts: Sequence[tuple[int, tuple[int, int, int]]]) -> bytes:
    return b"".join(bytes(color) * width for width, color in parts)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
