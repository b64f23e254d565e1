"""Opaque cursors of pages: where a list goes on, of which list. They hold nothing secret, and prove nothing."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final, TypeVar

import msgspec

from jobtrail.core.errors import Invalid

T = TypeVar("T")

_MOST_CHARACTERS: Final = 512


def cursor(of: str, place: Any) -> str:
    """The text of a cursor: `of` names the list, `place` is what the list's statement goes on after."""
    return base64.urlsafe_b64encode(msgspec.json.encode([of, place])).decode().rstrip("=")


def place(text: str | None, of: str, wanted: type[T]) -> T | None:
    """Where the list `of` goes on; None at its beginning. Raises Invalid for what no list answered."""
    if text is None:
        return None
    try:
        if len(text) > _MOST_CHARACTERS:
            raise ValueError
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        of_list, found = msgspec.json.decode(raw, type=tuple[str, msgspec.Raw])
        if of_list != of:
            raise ValueError
        return msgspec.json.decode(found, type=wanted)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        message = "this is no cursor of this list; send the next_cursor of a page, or none to begin"
        raise Invalid(message, fields={"cursor": "not a cursor of this list"}) from error
