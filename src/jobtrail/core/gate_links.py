"""Addresses at which one person may answer one question: the token in one names its workspace and link and is signed. Pure;
where they are kept, and for how long each is good, is known elsewhere."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from jobtrail.core.errors import Invalid, NotFound

PREFIX: Final = "gl_"
PATH: Final = "/g/"
ACTOR: Final = "link:"
LONGEST: Final = timedelta(days=30)
MOST_OF_A_GATE: Final = 100
_ID: Final = 16
_MAC: Final = 32


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says: which link it is, and the signature that proves it."""

    workspace: UUID
    link_id: UUID
    mac: bytes = field(repr=False)


def token(workspace: UUID, link_id: UUID, gate_id: UUID, secret: bytes) -> str:
    """The token of a link. The same four make the same token."""
    raw = workspace.bytes + link_id.bytes + _signed(b"open", workspace, link_id, gate_id, secret)
    return PREFIX + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def parse(text: str) -> Token:
    """Reads a token; nothing is proven by that. Raises NotFound for what is none."""
    coded = text.removeprefix(PREFIX)
    try:
        raw = base64.b64decode(coded + "=" * (-len(coded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not text.startswith(PREFIX) or len(raw) != 2 * _ID + _MAC:
        raise unknown()
    return Token(UUID(bytes=raw[:_ID]), UUID(bytes=raw[_ID : 2 * _ID]), raw[2 * _ID :])


def fits(given: Token, gate_id: UUID, secret: bytes) -> bool:
    """Whether a token was made for this gate with this secret."""
    return hmac.compare_digest(given.mac, _signed(b"open", given.workspace, given.link_id, gate_id, secret))


def form_token(given: Token, gate_id: UUID, secret: bytes) -> str:
    """What the form of the page carries: who sends it has seen the page, and did not only follow the address."""
    return _signed(b"decide", given.workspace, given.link_id, gate_id, secret).hex()


def form_fits(said: str, given: Token, gate_id: UUID, secret: bytes) -> bool:
    """Whether the form was the page's own."""
    return hmac.compare_digest(said.encode("utf-8", "replace"), form_token(given, gate_id, secret).encode())


def check_term(term: timedelta) -> timedelta:
    """For how long a link is to be good. Raises Invalid for no time at all, and for more than 30 days."""
    if not timedelta(0) < term <= LONGEST:
        raise Invalid("a link is good for more than no time and at most 30 days", fields={"expires": "out of range"})
    return term


def unknown() -> NotFound:
    """What is said of every token that opens nothing, whatever is wrong with it."""
    return NotFound("this link opens nothing; it must be used as it was given, character by character")


def _signed(what: bytes, workspace: UUID, link_id: UUID, gate_id: UUID, secret: bytes) -> bytes:
    return hmac.digest(secret, what + workspace.bytes + link_id.bytes + gate_id.bytes, hashlib.sha256)
