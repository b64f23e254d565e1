"""New ids for this process: UUIDv7 from its clock and the system's randomness, drawn in blocks because a draw is slow.
Secrets are drawn here too, each by itself."""

from __future__ import annotations

import os
import threading
import time

from jobtrail.core.ids import Uuid7

_BLOCK_BYTES = 4096


class _Randomness:
    """Random bytes from a block; a forked child starts a block of its own."""

    def __init__(self) -> None:
        self._block = b""
        self._at = 0
        self._lock = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        """Drops what is left of the block."""
        self._lock = threading.Lock()
        self._block, self._at = b"", 0

    def take(self, n: int) -> bytes:
        """`n` bytes that nobody had before."""
        if n > _BLOCK_BYTES // 4:
            return os.urandom(n)
        with self._lock:
            if self._at + n > len(self._block):
                self._block, self._at = os.urandom(_BLOCK_BYTES), 0
            taken = self._block[self._at : self._at + n]
            self._at += n
            return taken


_ids = Uuid7(lambda: time.time_ns() // 1_000_000, _Randomness().take)

new_id = _ids.new
new_ids = _ids.many


def new_secret(n: int = 32) -> bytes:
    """`n` random bytes for a key, a token or a salt, straight from the system: no block keeps a copy."""
    return os.urandom(n)
