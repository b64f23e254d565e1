"""What changed, for pages: of each job only the last thing that happened, told at most four times a second."""

from __future__ import annotations

import asyncio
from typing import Any, Final
from uuid import UUID

import msgspec

from jobtrail.service.streams import Told
from jobtrail.web.live.frame import framed
from jobtrail.web.live.listener import Listener

PACE_SECONDS: Final = 0.25
MOST_JOBS: Final = 500
"""So many jobs are named in one telling; `more` says that there were others."""

_encode: Final = msgspec.json.Encoder().encode


class Changes:
    """Takes events as the tail reads them, and tells a listener now and then which jobs they were about."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._last: dict[UUID, tuple[int, str, str, str | None]] = {}
        self._events = 0
        self._created = 0
        self._told_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def take(self, events: list[Told]) -> None:
        """Events in their order. The first ones after a quiet time are told at once."""
        for told in events:
            self._last[told.job_id] = (told.seq, told.status, told.type, told.job_type)
            self._created += told.type == "job.created"
        self._events += len(events)
        if self._timer is None and events:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(self._told_at + PACE_SECONDS, loop.time()), self._tell)

    def stop(self) -> None:
        """Tells nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def _tell(self) -> None:
        self._told_at, self._timer = asyncio.get_running_loop().time(), None
        named = list(self._last.items())[-MOST_JOBS:]
        said: dict[str, Any] = {
            "jobs": [(job_id, *what) for job_id, what in named],
            "more": len(self._last) > len(named),
            "events": self._events,
            "created": self._created,
        }
        self._last, self._events, self._created = {}, 0, 0
        self._listener.push(framed("changes", _encode(said)), 1)
