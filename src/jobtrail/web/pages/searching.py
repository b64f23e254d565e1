"""Searches that pages link to, written in the filter language."""

from __future__ import annotations

import re
from typing import Final

from jobtrail.core.filter_language import Term, Value

_PLAIN: Final = re.compile(r'[^\s",]+')


def search(*terms: tuple[str, str] | str) -> str:
    """A search of some conditions, each a key with its value (quoted where it must be), or as it stands.

    >>> search("status:QUEUED", ("queue", "a b"))
    'status:QUEUED queue:"a b"'
    """
    return " ".join(
        one if isinstance(one, str) else str(Term(one[0], ":", (_value(one[1]),), negated=False, position=1))
        for one in terms
    )


def _value(text: str) -> Value:
    return Value(text, quoted=_PLAIN.fullmatch(text) is None)
