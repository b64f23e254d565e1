"""Versions as ETags, so that an edit of what has changed meanwhile is refused."""

from __future__ import annotations

from typing import Annotated

import msgspec

from jobtrail.core.errors import Invalid


class Match(msgspec.Struct, frozen=True):
    """The version that was read, as its ETag."""

    if_match: Annotated[str, msgspec.Meta(max_length=64)] | None = None


def etag(version: int) -> str:
    """The version as an ETag."""
    return f'"{version}"'


def version_of(if_match: str | None) -> int | None:
    """The version that an If-Match names; None where any will do. Raises Invalid."""
    if if_match is None or if_match.strip() == "*":
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if not text.isdecimal() or not text.isascii() or len(text) > 9:
        raise Invalid('If-Match must be an ETag that was answered, such as "7"', fields={"If-Match": "not an ETag"})
    return int(text)
