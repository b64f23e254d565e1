"""What a file is by its first bytes, for the few formats that a browser may show. Nobody's word is taken for it."""

from __future__ import annotations

import codecs
import re
from typing import Final

HEAD_BYTES: Final = 4_096
"""So many bytes are enough to tell."""

OCTETS: Final = "application/octet-stream"
_PLAIN: Final = "text/plain; charset=utf-8"
_MAGIC: Final = (
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/gif", re.compile(rb"GIF8[79]a")),
    ("image/webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("video/mp4", re.compile(rb"....ftyp(?:isom|iso[2-9]|mp4[12]|avc1|M4V |dash|MSNV)", re.DOTALL)),
    ("video/webm", re.compile(rb"\x1a\x45\xdf\xa3.{0,64}\x42\x82.{1,8}webm", re.DOTALL)),
)
_TEXTS: Final = frozenset({"text/plain", "text/csv", "text/markdown"})
_NOT_IN_TEXT: Final = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_MARKUP: Final = re.compile(r"\s*(?:<|%PDF|%!PS|#!|\{\\rtf)", re.IGNORECASE)


def shown_as(head: bytes, media_type: str) -> str | None:
    """The Content-Type under which a browser may show a file; None: it is to be saved, never shown.

    The name that it was given counts only where its first bytes agree with it.
    """
    given = media_type.partition(";")[0].strip().lower()
    if given in _TEXTS:
        return _PLAIN if _is_plain(head) else None
    return next((kind for kind, magic in _MAGIC if kind == given and magic.match(head)), None)


def _is_plain(head: bytes) -> bool:
    """Whether it is UTF-8 that no program takes for markup, a document or a script."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head[:HEAD_BYTES], final=len(head) < HEAD_BYTES)
    except UnicodeDecodeError:
        return False
    return _NOT_IN_TEXT.search(text) is None and _MARKUP.match(text.removeprefix("\ufeff")) is None
