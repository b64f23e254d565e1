"""Keys as text, `jt_<id>_<secret>`: made from bytes, read, and held against what is stored. No chance, clock or I/O."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Final
from uuid import UUID

from jobtrail.core.access import KeyFacts
from jobtrail.core.errors import Denied, Invalid
from jobtrail.core.scopes import SCOPES_OF, ApiScope, Role

SECRET_BYTES: Final = 32
_FORM: Final = re.compile(r"jt_([0-9a-f]{32})_([A-Za-z0-9_-]{43})", re.ASCII)
_LONGEST: Final = 128
_NOBODYS: Final = bytes(hashlib.sha256().digest_size)
_KNOWN: Final = frozenset(str(scope) for scope in ApiScope)


def make(key_id: UUID, random: bytes) -> str:
    """The key as its owner gets it, once. `random`: 32 bytes that nobody had before.

    >>> make(UUID("01890a5d-ac96-774b-bcce-b302099a8057"), bytes(32))[:40]
    'jt_01890a5dac96774bbcceb302099a8057_AAAA'
    """
    if len(random) != SECRET_BYTES:
        raise Invalid(f"the secret of a key is {SECRET_BYTES} random bytes, not {len(random)}")
    return f"jt_{key_id.hex}_{base64.urlsafe_b64encode(random).rstrip(b'=').decode()}"


def parse(text: str) -> tuple[UUID, str]:
    """The id and the secret of a key. Raises Denied when it does not look like one; what it held is not repeated."""
    found = _FORM.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise Denied("this is not a key; a key looks like jt_<32 hex digits>_<43 characters>")
    return UUID(found[1]), found[2]


def digest(secret: str) -> bytes:
    """What is stored of a secret. It has 256 random bits, so no slow hash is needed."""
    return hashlib.sha256(secret.encode()).digest()


def admitted(facts: KeyFacts | None, secret: str) -> frozenset[ApiScope]:
    """What the key may do now: its scopes, of those its person has. Raises Denied.

    Whoever does not know the secret learns nothing, neither from the words nor from the time: not even whether there
    is such a key.
    """
    stored = _NOBODYS if facts is None else facts.secret_hash
    if not hmac.compare_digest(digest(secret), stored) or facts is None:
        raise Denied("there is no such key")
    if facts.revoked_at is not None:
        raise Denied(f"key {facts.name!r} was revoked; create another: jobtrail key create")
    if facts.expires_at is not None and facts.expires_at <= facts.now:
        raise Denied(f"key {facts.name!r} has expired; create another: jobtrail key create")
    scopes = frozenset(ApiScope(scope) for scope in facts.scopes if scope in _KNOWN)
    if facts.user_id is None:
        return scopes
    if facts.user_disabled or facts.role is None:
        raise Denied(f"the person of key {facts.name!r} may not enter this workspace any more")
    return scopes & SCOPES_OF[Role(facts.role)]
