"""Ids: UUIDv7 (RFC 9562) that only grow within a process, and how people write them. Clock and chance are passed in."""

from __future__ import annotations

import re
import uuid
from array import array
from collections.abc import Callable
from itertools import accumulate
from threading import Lock
from typing import Any
from uuid import UUID

from jobtrail.core.errors import Invalid

SHORT = 8
MIN_SHORT = 4
_LOW = (1 << 62) - 1
_SEED = (1 << 73) - 1  # 74 bits are free; the first starts as 0, so that steps have room before they reach the clock
_FORM = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)

# The constructor of UUID checks its arguments, which costs twice the rest of `many`. These fill its two slots instead.
_blank: Callable[[type[UUID]], UUID] = object.__new__
_set_int: Callable[[UUID, int], None] = vars(UUID)["int"].__set__
_set_safe: Callable[[UUID, Any], None] = vars(UUID)["is_safe"].__set__
_unknown = uuid.SafeUUID.unknown


class Uuid7:
    """A source of ids in ascending order, for any number of threads.

    The 122 free bits are one counter: milliseconds, then 74 bits that start at random in each millisecond and go on in
    random steps, so ids neither repeat nor tell how many there are. A clock that is set back does not stop them.
    After a fork the child must make a source of its own: one that was copied goes on from the parent's last id.
    """

    def __init__(self, clock_ms: Callable[[], int], random_bytes: Callable[[int], bytes]) -> None:
        self._clock_ms = clock_ms
        self._random_bytes = random_bytes
        self._last = 0
        self._lock = Lock()

    def new(self) -> UUID:
        """One id, larger than all before."""
        with self._lock:
            self._last = counter = self._next()
        return _made(_laid_out(counter))

    def many(self, n: int) -> list[UUID]:
        """Several ids, ascending and larger than all before; much cheaper than one by one."""
        if n < 1:
            return []
        with self._lock:
            first = self._next()
            steps = array("I", self._random_bytes(array("I").itemsize * (n - 1)))
            self._last = first + sum(steps) + n - 1
            last = self._last
        counters = accumulate(steps, initial=first)
        if last >> 62 != first >> 62:  # the steps reach the other half of the id: about once in 2**20 calls
            return [_made(_laid_out(counter + i)) for i, counter in enumerate(counters)]
        shift = _laid_out(first) - first
        return [_made(counter + i) for i, counter in enumerate(counters, shift)]

    def _next(self) -> int:
        now = self._clock_ms() << 74
        if now > self._last:
            return now | int.from_bytes(self._random_bytes(10), "big") & _SEED
        return self._last + 1 + int.from_bytes(self._random_bytes(4), "big")


def parse_id(text: str | UUID, what: str) -> UUID:
    """Read an id in its long form; `what` says whose id it is in the error.

    >>> parse_id("01890a5d-ac96-774b-bcce-b302099a8057", "job")
    UUID('01890a5d-ac96-774b-bcce-b302099a8057')
    """
    if isinstance(text, UUID):
        return text
    if isinstance(text, str) and _FORM.fullmatch(text):
        return UUID(text)
    shown = repr(text)[:60]
    wrong = f"{shown} is not an id; an id looks like 01890a5d-ac96-774b-bcce-b302099a8057"
    raise Invalid(f"{what}: {wrong}", fields={what: wrong})


def short(id: UUID) -> str:
    """The form for people: the last eight digits. Ids made in the same minutes begin alike; their tails are random.

    >>> short(UUID("01890a5d-ac96-774b-bcce-b302099a8057"))
    '099a8057'
    """
    return id.hex[-SHORT:]


def _laid_out(counter: int) -> int:
    """Put version and variant between the bits of the counter: 48 clock, 4 version, 12, 2 variant, 62."""
    high = counter >> 62
    return (high >> 12) << 80 | 0x7 << 76 | (high & 0xFFF) << 64 | 0b10 << 62 | counter & _LOW


def _made(number: int) -> UUID:
    made = _blank(UUID)
    _set_int(made, number)
    _set_safe(made, _unknown)
    return made
