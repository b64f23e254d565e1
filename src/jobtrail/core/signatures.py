"""Signs what is sent and checks what comes, as the Standard Webhooks do. Clock and chance are passed in."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from jobtrail.core.errors import Denied, Invalid

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
TOLERANCE_SECONDS: Final = 300
SECRET_BYTES: Final = 32

_PREFIX: Final = "whsec_"
_VERSION: Final = "v1,"
_SHORTEST, _LONGEST = 24, 64
_MOST_SIGNATURES: Final = 16


def new_secret(random: bytes) -> str:
    """A secret as people copy it, from 24 to 64 random bytes.

    >>> new_secret(bytes(24))
    'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
    """
    if not _SHORTEST <= len(random) <= _LONGEST:
        raise ValueError(f"a secret has {_SHORTEST} to {_LONGEST} bytes, not {len(random)}")
    return _PREFIX + base64.b64encode(random).decode()


def check_secret(text: str) -> str:
    """The secret, if it is one. Raises Invalid, which does not repeat it."""
    _key(text)
    return text


def sign(secrets: Sequence[str], id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: one signature a secret, so that receivers can change over while both hold.

    `timestamp` is in Unix seconds. Raises Invalid when a secret is none.
    """
    return " ".join(_VERSION + base64.b64encode(_digest(each, id, timestamp, body)).decode() for each in secrets)


def headers(secrets: Sequence[str], id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a signed message."""
    return {ID: id, TIMESTAMP: str(timestamp), SIGNATURE: sign(secrets, id, timestamp, body)}


def verify(
    secrets: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    now: float,
    *,
    tolerance_seconds: float = TOLERANCE_SECONDS,
) -> str:
    """For receivers: the id of a message that one of the secrets signed at about `now` (Unix seconds).

    Handle each id once: a message that was not answered in time comes again under the same id. Takes the same time
    whatever is wrong with a signature. Raises Invalid when a header is missing or unreadable, Denied when the
    signature or the time is not right.
    """
    found = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in (ID, TIMESTAMP, SIGNATURE) if not found.get(name)]
    if missing:
        raise Invalid(f"the message is not signed: {', '.join(missing)} is missing")
    stamp = found[TIMESTAMP]
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise Invalid("webhook-timestamp is no whole number of seconds")
    given = [one.removeprefix(_VERSION) for one in found[SIGNATURE].split() if one.startswith(_VERSION)]
    wanted = [base64.b64encode(_digest(each, found[ID], int(stamp), body)) for each in secrets]
    pairs = [(one.encode(), right) for one in given[:_MOST_SIGNATURES] for right in wanted]
    same = [hmac.compare_digest(one, right) for one, right in pairs]  # all of them: no early end tells which fits
    if not any(same):
        raise Denied(f"message {found[ID]} is not signed with a known secret, or was changed on the way")
    if abs(now - int(stamp)) > tolerance_seconds:
        raise Denied(
            f"message {found[ID]} was signed more than {tolerance_seconds:g} s ago, or ahead: clocks or a replay"
        )
    return found[ID]


def _digest(secret: str, id: str, timestamp: int, body: bytes) -> bytes:
    return hmac.new(_key(secret), f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
        raise Invalid(f"a secret is {_PREFIX} and the base64 of {_SHORTEST} to {_LONGEST} bytes")
    return key
