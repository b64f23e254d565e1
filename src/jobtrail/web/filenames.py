"""Names of files as a Content-Disposition may carry them: harmless on every system, in a header, and to the eye."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import quote

_LONGEST_BYTES: Final = 200
_NAMELESS: Final = "file"
_SEPARATORS: Final = re.compile("[/\\\\\u2044\u2215\u29f8\u29f9\u2216\ufe68\uff0f\uff3c]")
_DOTS: Final = str.maketrans(
    {"\u2024": ".", "\u2025": "..", "\u2026": "...", "\u3002": ".", "\ufe52": ".", "\uff0e": ".", "\uff61": "."}
)
_UNFIT: Final = re.compile(r'[<>:"|?*;%`$&]')
_NO_ASCII: Final = re.compile(r"[^A-Za-z0-9 ._()+,=@\[\]{}~^!#-]")
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)", re.IGNORECASE)


def safe(name: str) -> str:
    """The name without what could lead out of a folder, hide its ending, or mean something to a system.

    >>> safe("..\\\\..\\\\etc/passwd")
    'passwd'
    """
    plain = unicodedata.normalize("NFC", name).translate(_DOTS)
    last = [part for part in _SEPARATORS.split(plain) if part.strip(". ")]
    seen = "".join(char for char in (last[-1] if last else "") if unicodedata.category(char) not in _UNSEEN)
    fit = _UNFIT.sub("_", " ".join(seen.split())).strip(". ")
    if _RESERVED.match(fit):
        fit = f"_{fit}"
    return _cut(fit) or _NAMELESS


_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control characters, those that turn the direction or have no width, halves of characters, and what is none."""


def disposition(name: str, *, inline: bool) -> str:
    """The Content-Disposition of a file (RFC 6266): the name for old programs, and in UTF-8 for all others.

    >>> disposition("straße.pdf", inline=False)
    'attachment; filename="stra_e.pdf"; filename*=UTF-8\\'\\'stra%C3%9Fe.pdf'
    """
    fit = safe(name)
    plain = _NO_ASCII.sub("_", fit)
    kind = "inline" if inline else "attachment"
    extended = "" if plain == fit else f"; filename*=UTF-8''{quote(fit, safe='')}"
    return f'{kind}; filename="{plain}"{extended}'


def _cut(name: str) -> str:
    """At most so many bytes, the ending kept."""
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending.encode()) > 20:
        stem, dot, ending = name, "", ""
    room = _LONGEST_BYTES - len(f"{dot}{ending}".encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(". ") + dot + ending if name else ""
