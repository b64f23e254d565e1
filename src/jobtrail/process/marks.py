"""How a process says to which attempt and worker it belongs, wherever it went and whoever its parent is now.

Two marks, both inherited by every descendant. The environment names the attempt and the worker in words; a program may
start others without it, or write over it. So on Linux there is a second one that costs nothing and hardly anything
touches: the limit on unbroken real-time CPU, set to a number of decades that is different for each attempt.
"""

from __future__ import annotations

import hashlib
import resource
import sys
from collections.abc import Mapping
from typing import NamedTuple

ATTEMPT = "JOBTRAIL_ATTEMPT"
WORKER = "JOBTRAIL_WORKER"

_SOFT, _HARD = 1 << 60, 1 << 61  # microseconds: 36 000 years and more, so no program ever meets the limit


class Brand(NamedTuple):
    """The second mark: the soft limit stands for the attempt, the hard one for the worker."""

    attempt: int
    worker: int


def _digest(name: str, base: int) -> int:
    number = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")
    return base | (number % _SOFT)


def brand_of(attempt: str, worker: str) -> Brand:
    """The numbers for an attempt and a worker."""
    return Brand(_digest(attempt, _SOFT), _digest(worker, _HARD))


def marked(env: Mapping[str, str], attempt: str, worker: str) -> dict[str, str]:
    """The environment with the marks in words."""
    marks = {ATTEMPT: attempt, WORKER: worker} if worker else {ATTEMPT: attempt}
    return {**env, **marks}


def read_brand(pid: int) -> Brand | None:
    """The brand of a process, a zombie's too; None if it has none or is not ours to ask."""
    if sys.platform != "linux":
        return None
    try:
        soft, hard = resource.prlimit(pid, resource.RLIMIT_RTTIME)
    except OSError:
        return None
    return Brand(soft, hard) if soft >= _SOFT and hard >= _HARD else None
