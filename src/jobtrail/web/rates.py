"""How often a key, a workspace or an address may come: token buckets in the memory of this process."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from jobtrail.core.errors import TooOften

_MOST: int = 10_000  # buckets; the one that was not used for longest goes first, and is full again


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Rates:
    """Buckets of one size: `per_second` on average, `burst` at once. 0 per second: no limit."""

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._clock = per_second, max(burst, 1.0), clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, name: str, what: str, tokens: float = 1.0) -> None:
        """Takes tokens from a bucket. Raises TooOften, with the seconds until there is room again."""
        if self._per_second <= 0:
            return
        bucket = self._bucket(name)
        if bucket.tokens < min(tokens, self._burst):
            wait = (min(tokens, self._burst) - bucket.tokens) / self._per_second
            raise TooOften(f"{what} came too often: at most {self._per_second:g} requests a second", wait)
        bucket.tokens -= tokens

    def _bucket(self, name: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(self._burst, now)
            if len(self._buckets) > _MOST:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(name)
            bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._per_second)
            bucket.at = now
        return bucket
