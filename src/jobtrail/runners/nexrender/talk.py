"""One attempt's talk with its server: it waits out what is away, hands in once, and hears when the job is to stop."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any, Final, Self, TypeVar

from jobtrail.core import duration
from jobtrail.core.errors import Denied, Unavailable
from jobtrail.core.nexrender import QUEUED
from jobtrail.core.status import LogLevel, LogSource
from jobtrail.runners.nexrender.wire import Server, Summary
from jobtrail.runners.protocol import Desk, LogLine

T = TypeVar("T")

LONGEST_PAUSE_SECONDS: Final = 60.0
COMPONENT: Final = "nexrender"


class Told(Exception):  # noqa: N818
    """The job is to stop; the desk knows why."""


class Away(Exception):  # noqa: N818
    """The server did not answer for as long as a render may stand still."""


class Talk:
    """The talk about one render. `patience`: for how long the server may be away."""

    def __init__(
        self, desk: Desk, server: Server, uid: str, *, patience: timedelta, poll: float, now: Callable[[], float]
    ) -> None:
        self.desk, self.server, self.uid = desk, server, uid
        self._patience, self._poll, self.now = patience, poll, now
        self._stop: asyncio.Future[str] | None = None
        self._answered = False

    async def __aenter__(self) -> Self:
        self._stop = asyncio.ensure_future(self.desk.stopping())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._stop is not None:
            self._stop.cancel()

    def say(self, message: str, level: LogLevel = LogLevel.INFO, **details: Any) -> None:
        """Logs a line."""
        self.desk.log(LogLine(message, level, LogSource.SYSTEM, component=COMPONENT, details=details or None))

    async def pause(self, seconds: float | None = None) -> None:
        """Waits until it is time to look again. Raises Told."""
        if self._stop is not None:
            await asyncio.wait({self._stop}, timeout=self._poll if seconds is None else seconds)
        self.hear()

    def hear(self) -> None:
        """Raises Told when the job is to stop."""
        if self._stop is not None and self._stop.done():
            raise Told

    async def find(self) -> Summary | None:
        """What the server knows of the render; None: nothing. Waits while the server is away. Raises Away, Told, and
        Denied when it refuses the very first question."""
        since = self.now()
        trouble = 0
        while True:
            try:
                found = await self._ask(self.server.find(self.uid))
            except (Unavailable, Denied) as error:
                if isinstance(error, Denied) and not self._answered:
                    raise
                if self.now() - since >= self._patience.total_seconds():
                    raise Away(error.message) from error
                if not trouble:
                    self.say(
                        f"the render server is away, the render may go on meanwhile: {error.message}", LogLevel.WARN
                    )
                trouble += 1
                await self.pause(_backoff(self._poll, trouble))
                continue
            if trouble:
                self.say(f"the render server answers again, after {duration.show(self._rounded(since))}")
            self._answered = True
            self.desk.alive()
            return found

    async def hand_in(self, document: Mapping[str, Any], *, doubtful: bool = False) -> None:
        """Hands the document in, once: where nobody knows whether it arrived, it is looked for before it is sent again.

        `doubtful`: it may still be on its way from elsewhere, so that it has to be looked whether it is there twice.
        Raises Away, Told, Refused, Denied.
        """
        since, again = self.now(), 0
        while True:
            try:
                await self._ask(self.server.hand_in(document))
                break
            except Unavailable as error:
                if self.now() - since >= self._patience.total_seconds():
                    raise Away(error.message) from error
                again += 1
                self.say(f"nobody knows whether the render was handed in: {error.message}", LogLevel.WARN)
                await self.pause(_backoff(self._poll, again))
            if await self.find() is not None:
                break
        self._answered = True
        if again or doubtful:
            await self._only_one()

    async def _only_one(self) -> None:
        """A document that arrived twice was taken twice: all but one are taken out again while no node has them."""
        try:
            copies = await self._ask(self.server.copies(self.uid))
            while copies > 1:
                newest = await self._ask(self.server.find(self.uid))
                if newest is None or newest.state != QUEUED:
                    self.say("the render is at its server twice, and a node has taken it", LogLevel.WARN)
                    return
                await self._ask(self.server.remove(self.uid))
                copies -= 1
                self.say("the render arrived twice at its server; one was removed", LogLevel.WARN)
        except Unavailable as error:
            self.say(f"nobody knows whether the render arrived twice: {error.message}", LogLevel.WARN)

    async def _ask(self, asked: Coroutine[Any, Any, T]) -> T:
        """Asks, and stops asking when the job is to stop. Raises Told."""
        call = asyncio.ensure_future(asked)
        try:
            waiting: set[asyncio.Future[Any]] = {call} if self._stop is None else {call, self._stop}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if not call.done():
                raise Told
            return call.result()
        finally:
            call.cancel()

    def _rounded(self, since: float) -> timedelta:
        return timedelta(seconds=round(self.now() - since))


def _backoff(poll: float, trouble: int) -> float:
    """Seconds until the next try: doubled each time, up to a minute, and never at the same moment as all others."""
    longest = max(poll, LONGEST_PAUSE_SECONDS)
    return min(poll * float(1 << min(trouble, 10)), longest) * (0.5 + random.random() / 2)  # noqa: S311  (jitter, no secret)
