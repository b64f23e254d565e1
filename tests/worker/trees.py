"""A tree of jobs in which some fail, and what must become of each of them; the same in the worker and in the test."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import jobtrail as jt

app = jt.App()

Path = list[int]


def chance(path: Path, what: str, of: int) -> bool:
    """One time in `of`, always the same for a place and a question."""
    said = f"{what} {path}".encode()
    return hashlib.sha256(said).digest()[0] % of == 0


def fails(path: Path) -> bool:
    """Whether the leaf there fails for good."""
    return chance(path, "fails", 40)


def keeps(path: Path) -> bool:
    """Whether the node there goes on without those below it that failed."""
    return chance(path, "keeps", 2) or len(path) < 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job stands in the tree, and how many stand below it on each level."""

    path: Path
    widths: Path


@app.job("tree.leaf", retry=jt.Retry(max_attempts=2, delay="1ms"))
async def leaf(ctx: jt.Context, place: Place) -> int:
    """One of some fails once, and one of more for good."""
    if fails(place.path) or (ctx.attempt == 1 and chance(place.path, "stumbles", 20)):
        raise ValueError(f"{place.path} fails")
    return 1


@app.job("tree.node", retry=1)
async def node(ctx: jt.Context, place: Place) -> int:
    """How many leaves below it completed."""
    width, *rest = place.widths
    below = [Place([*place.path, each], rest) for each in range(width)]
    wanted = node if rest else leaf
    if keeps(place.path):
        return sum(one for one in await ctx.map(wanted, below, on_failure="keep") if isinstance(one, int))
    return sum(await ctx.map(wanted, below))


def expected(path: Path, widths: Path) -> int | None:
    """How many leaves a node counts; None: it fails."""
    if not widths:
        return None if fails(path) else 1
    below = [expected([*path, each], widths[1:]) for each in range(widths[0])]
    if None in below and not keeps(path):
        return None
    return sum(one for one in below if one is not None)


def places(widths: Path, path: Path | None = None) -> Iterator[tuple[Path, Path]]:
    """All places of a tree."""
    path = path or []
    yield path, widths
    for each in range(widths[0] if widths else 0):
        yield from places(widths[1:], [*path, each])
