"""Addresses that a job gives away: the token in one names its workspace and job and is signed. Pure; where they are kept, and
how long each is good for, is known elsewhere."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from jobtrail.core.errors import NotFound

PREFIX: Final = "cb_"
PATH: Final = "/api/v1/callbacks/"
MOST_BYTES: Final = 1 << 20
"""How long what is called back may be."""
_ID: Final = 16
_MAC: Final = 32


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says: for which job it is, and the signature that proves under which name."""

    workspace: UUID
    job_id: UUID
    mac: bytes = field(repr=False)


def token(workspace: UUID, job_id: UUID, name: str, secret: bytes) -> str:
    """The token of one name of a job. The same four make the same token."""
    raw = workspace.bytes + job_id.bytes + _signed(workspace, job_id, name, secret)
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


def fits(given: Token, name: str, secret: bytes) -> bool:
    """Whether a token was made for this name with this secret."""
    return hmac.compare_digest(given.mac, _signed(given.workspace, given.job_id, name, secret))


def unknown() -> NotFound:
    """What is said of every token that opens nothing, whatever is wrong with it."""
    return NotFound("there is no such callback address; it must be used as it was given, character by character")


def _signed(workspace: UUID, job_id: UUID, name: str, secret: bytes) -> bytes:
    return hmac.digest(secret, workspace.bytes + job_id.bytes + name.encode(), hashlib.sha256)
