"""The parts of a file that a Range header asks for (RFC 9110, section 14). No file is touched here."""

from __future__ import annotations

import re
from typing import Final

MOST: Final = 5
"""A header that asks for more ranges is answered as if it were not there."""

_LONGEST: Final = 1_024
_RANGES: Final = re.compile(r"bytes=([0-9\-,\t ]+)", re.IGNORECASE | re.ASCII)
_RANGE: Final = re.compile(r"([0-9]{0,19})-([0-9]{0,19})", re.ASCII)


def wanted(header: str, size: int) -> list[tuple[int, int]] | None:
    """The parts as [first, end), in order, those that touch put together; none: no range meets the file.

    None instead of a list: the whole file, as what cannot be read, or asks for too much, is ignored.

    >>> wanted("bytes=0-99, 200-, -10", 1_000)
    [(0, 100), (200, 1000)]
    """
    match = _RANGES.fullmatch(header.strip()) if len(header) <= _LONGEST else None
    if match is None:
        return None
    given = [part.strip() for part in match[1].split(",") if part.strip()]
    if not given or len(given) > MOST:
        return None
    found = []
    for part in given:
        one = _RANGE.fullmatch(part)
        if one is None or part == "-" or (one[1] and one[2] and int(one[1]) > int(one[2])):
            return None
        first = int(one[1]) if one[1] else max(0, size - int(one[2]))
        end = min(size, int(one[2]) + 1) if one[1] and one[2] else size
        if first < end:
            found.append((first, end))
    return _joined(sorted(found))


def _joined(parts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, end in parts:
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((first, end))
    return joined
