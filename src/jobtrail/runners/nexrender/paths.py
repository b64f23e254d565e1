"""Paths of render nodes, of POSIX and of Windows, compared as text: a node's disk cannot be looked at from here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_DRIVE: Final = re.compile(r"[A-Za-z]:/")
_NEVER: Final = re.compile(r"[\x00-\x1f\x7f$%*?\"<>|]")
"""Control characters; what nodes expand as variables; what no file on Windows may be called."""


def rooted(path: str) -> bool:
    """Whether it is a whole path, of either kind, and not one below the folder of a render.

    >>> rooted("D:\\\\out\\\\a.mov"), rooted("a.mov")
    (True, False)
    """
    plain = path.replace("\\", "/")
    return plain.startswith("/") or plain[1:2] == ":"


def wrong_name(name: str) -> str | None:
    """Why this is no plain name of a file; None: it is one."""
    if not name or name.strip(". ") == "" or "/" in name or "\\" in name or ":" in name or _NEVER.search(name):
        return "must be the plain name of a file"
    return None


def wrong_relative(path: str) -> str | None:
    """Why this does not stay below the folder of a render; None: it does."""
    parts = path.replace("\\", "/").split("/")
    if rooted(path) or not path or any(part == ".." or _odd(part) for part in parts) or path.startswith("~"):
        return "must stay in the folder of the render: a relative path without .. and variables"
    return None


def in_one_of(path: str, roots: Iterable[str]) -> str | None:
    """Why this path is in none of these folders; None: it is in one.

    >>> in_one_of("/renders/a.mov", ["/renders"]) is None
    True
    >>> in_one_of("/renders/../etc/passwd", ["/renders"])
    'must be a whole path without .. and variables'
    """
    parts = _parts(path)
    if parts is None:
        return "must be a whole path without .. and variables"
    shown = []
    for root in roots:
        wanted = _parts(root)
        if wanted is not None and len(parts) > len(wanted) and parts[: len(wanted)] == wanted:
            return None
        if wanted == parts:
            return None
        shown.append(root)
    return f"is in none of the folders that are open: {', '.join(shown) or 'there is none'}"


def _parts(path: str) -> list[str] | None:
    """A whole path as its parts, its root first; None when it is none, or may lead elsewhere. Windows does not care for
    case, so a path with a drive or a share has none."""
    plain = path.replace("\\", "/")
    if _DRIVE.match(plain):
        root, rest = plain[:2].lower(), plain[3:].lower()
    elif plain.startswith("//"):
        root, rest = "//", plain[2:].lower()
    elif plain.startswith("/"):
        root, rest = "/", plain[1:]
        if "\\" in path:
            return None
    else:
        return None
    parts = [part for part in rest.split("/") if part not in ("", ".")]
    if any(part == ".." or _odd(part) for part in parts) or (root != "/" and ":" in rest):
        return None
    return [root, *parts]


def _odd(part: str) -> bool:
    return _NEVER.search(part) is not None or (part != part.rstrip(". ") and part not in (".", ""))
