"""Passwords: what is accepted as one, its slow hash as text that describes itself, and whether one fits. No chance, no I/O."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from jobtrail.core.errors import Invalid

MIN_LENGTH: Final = 12
MAX_BYTES: Final = 1024
SALT_BYTES: Final = 16
_DIGEST_BYTES: Final = 32
_MEMORY_BYTES: Final = 256 * 1024 * 1024
"""As much as any stored hash may ask for: 8 times what ours do."""

_FORM: Final = re.compile(
    r"scrypt\$n=([0-9]{1,9}),r=([0-9]{1,3}),p=([0-9]{1,3})\$([\w+/]{22,88})\$([\w+/]{43})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hash costs: `n` blocks in a row, of `r` times 128 bytes, `p` times."""

    n: int = 2**15
    r: int = 8
    p: int = 1


COST: Final = Cost()
"""32 MiB and about 60 ms."""


def check_password(password: str) -> str:
    """The password, if it may be one: 12 characters at least, 1024 bytes at most, any characters. Raises Invalid."""
    if len(_as_typed(password)) < MIN_LENGTH:
        wrong = f"must have {MIN_LENGTH} characters at least"
    elif len(_encoded(password)) > MAX_BYTES:
        wrong = f"must have {MAX_BYTES} bytes of UTF-8 at most"
    else:
        return password
    raise Invalid(f"the password {wrong}", fields={"password": wrong})


def hash_password(password: str, salt: bytes, cost: Cost = COST) -> str:
    """What to store of a password. `salt`: 16 random bytes. Raises Invalid when it may not be a password."""
    check_password(password)
    if len(salt) < SALT_BYTES:
        raise Invalid(f"the salt of a password is {SALT_BYTES} random bytes, not {len(salt)}")
    made = _scrypt(_encoded(password), salt, cost)
    return f"scrypt$n={cost.n},r={cost.r},p={cost.p}${_text(salt)}${_text(made)}"


def verify_password(password: str, stored: str | None) -> bool:
    """Whether it is the password. With None stored, or with what cannot be read, it is not, and takes as long."""
    given = _encoded(password)
    if len(given) > MAX_BYTES:
        return False
    read = _read(stored) if stored is not None else None
    if read is None:
        _scrypt(given, bytes(SALT_BYTES), COST)
        return False
    cost, salt, made = read
    return hmac.compare_digest(_scrypt(given, salt, cost), made)


def needs_rehash(stored: str) -> bool:
    """Whether the password should be hashed anew when it is next known: it was hashed at another cost than ours."""
    read = _read(stored)
    return read is None or read[0] != COST


def _scrypt(password: bytes, salt: bytes, cost: Cost) -> bytes:
    return hashlib.scrypt(password, salt=salt, n=cost.n, r=cost.r, p=cost.p, maxmem=_MEMORY_BYTES, dklen=_DIGEST_BYTES)


def _read(stored: str) -> tuple[Cost, bytes, bytes] | None:
    found = _FORM.fullmatch(stored)
    if found is None:
        return None
    cost = Cost(int(found[1]), int(found[2]), int(found[3]))
    if 128 * cost.n * cost.r * max(cost.p, 1) >= _MEMORY_BYTES or cost.n & (cost.n - 1) or min(cost.r, cost.p) < 1:
        return None
    return cost, _bytes(found[4]), _bytes(found[5])


def _as_typed(password: str) -> str:
    """The same characters whichever keyboard they come from."""
    return unicodedata.normalize("NFKC", password)


def _encoded(password: str) -> bytes:
    return _as_typed(password).encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return base64.b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))
