"""Tokens of logins: made from bytes, what is stored of one, and what a form must carry along with it. No chance, no I/O."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final

from jobtrail.core.errors import Invalid

TOKEN_BYTES: Final = 32


def make(random: bytes) -> str:
    """The token as the browser keeps it. `random`: 32 bytes that nobody had before."""
    if len(random) != TOKEN_BYTES:
        raise Invalid(f"the token of a login is {TOKEN_BYTES} random bytes, not {len(random)}")
    return _text(random)


def digest(token: str) -> bytes:
    """What is stored of a token, and what it is found by."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def csrf_of(token: str) -> str:
    """What a form of this login carries: whoever lacks the token cannot make it, and the token cannot be had from it."""
    return _text(hmac.digest(token.encode("utf-8", "surrogatepass"), b"jobtrail form", "sha256"))


def csrf_fits(token: str, given: str) -> bool:
    """Whether a form came from a page of this login."""
    return hmac.compare_digest(csrf_of(token).encode(), given.encode("utf-8", "surrogatepass"))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
