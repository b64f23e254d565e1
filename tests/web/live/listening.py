"""Who listens in these tests: reads a stream as a browser would, may be cut off anywhere, and goes on where it was."""

from __future__ import annotations

import asyncio
import base64
import random
import re
from array import array
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from database import Connection, Database

from jobtrail.store.pool import Dial
from jobtrail.web.live.hub import Hub, StillAllowed
from jobtrail.web.live.listener import Limits

PATIENCE_SECONDS = 30.0
QUICK = Limits(poll_seconds=0.02, eager_seconds=0.005)
Stream = AsyncGenerator[bytes, None]


@dataclass(frozen=True, slots=True)
class Frame:
    """One server-sent event. `id` None: it had none."""

    id: str | None
    event: str
    data: Any


def frames_in(text: bytes) -> tuple[list[Frame], bytes]:
    """The whole frames at the beginning of a piece of a stream, and what is left; comments and `retry` are no frames."""
    *blocks, rest = text.split(b"\n\n")
    found = []
    for block in blocks:
        lines = [line.split(b": ", 1) for line in block.split(b"\n") if line and not line.startswith(b":")]
        named = {name.decode(): value.decode() for name, value in lines if name != b"data"}
        data = b"\n".join(value for name, value in lines if name == b"data")
        if data:
            found.append(Frame(named.get("id"), named["event"], msgspec.json.decode(data)))
    return found, rest


@dataclass
class Ear:
    """Reads a stream in the background, and keeps what it heard."""

    stream: Stream
    frames: list[Frame] = field(default_factory=list)
    raw: bytes = b""
    ended: bool = False
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    def open(self) -> Ear:
        self._task = asyncio.create_task(self._listen())
        return self

    async def _listen(self) -> None:
        rest = b""
        try:
            async for data in self.stream:
                self.raw += data
                found, rest = frames_in(rest + data)
                self.frames += found
                self._changed.set()
        finally:
            self.ended = True
            self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until it is so. A stream that ends before is a failure."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                assert not self.ended, f"it ended before: {self.frames[-1:]}"
                self._changed.clear()
                await self._changed.wait()

    async def heard(self, event: str, times: int = 1) -> list[Frame]:
        """Waits for so many frames of a name; answers all of them."""
        await self.until(lambda: len(self.of(event)) >= times)
        return self.of(event)

    async def end(self) -> None:
        """Waits for the end of the stream."""
        assert self._task is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._task

    def of(self, event: str) -> list[Frame]:
        return [frame for frame in self.frames if frame.event == event]

    @property
    def stored(self) -> list[Frame]:
        """The frames of stored events."""
        return [frame for frame in self.frames if frame.id is not None]

    @property
    def seqs(self) -> list[int]:
        return [frame.data["seq"] for frame in self.stored]

    @property
    def last_id(self) -> str | None:
        return self.stored[-1].id if self.stored else None

    async def cut(self) -> None:
        """The connection is lost."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self.stream.aclose()


@asynccontextmanager
async def a_hub(
    database: Database, limits: Limits = QUICK, still_allowed: StillAllowed | None = None, *, hints: bool = False
) -> AsyncIterator[Hub]:
    """A hub at work."""
    dial = Dial(url=database.app_url)
    asked = {} if still_allowed is None else {"still_allowed": still_allowed}
    hub = Hub(dial, limits=limits, hints=hints, **asked)
    await hub.start()
    try:
        yield hub
    finally:
        await hub.aclose()


def place(id: str) -> bytes:
    """What a workspace cursor says of the place: transaction, job and seq; its other parts may differ."""
    return base64.urlsafe_b64decode(id)[4:32]


def trail(conn: Connection) -> list[bytes]:
    """The place of every event that there is, in order."""
    rows = conn.execute(
        "select int8send(txid) || uuid_send(job_id) || int4send(seq) from jobtrail.events order by txid, job_id, seq"
    )
    return [bytes(row[0]) for row in rows]


_ID = re.compile(rb"^id: (\S+)$", re.MULTILINE)


async def unsteady(
    hub: Hub,
    workspace: UUID,
    start: str,
    random_: random.Random,
    cut_bytes: float,
    everything: list[bytes],
    known: dict[bytes, int],
) -> tuple[array[int], int]:
    """Listens, is cut off after some bytes, in the middle of a frame too, and comes back where it was, until it heard as
    much as there is in `everything` once that is filled. Answers the places that it heard, as numbers in `known` (many
    millions of objects would keep the garbage collector busy), and how often it was cut."""
    heard = array("I")
    cursor, cuts = start, -1
    while not everything or len(heard) < len(everything):
        cuts += 1
        left, text = int(random_.expovariate(1 / cut_bytes)) + 1, b""
        async with aclosing(hub.workspace(workspace, cursor=cursor)) as stream:
            async for data in stream:
                text += data[:left]
                left -= len(data)
                whole, end, text = text.rpartition(b"\n\n")
                for id in _ID.findall(whole + end):
                    cursor = id.decode()
                    heard.append(known.setdefault(place(cursor), len(known)))
                if left <= 0 or (everything and len(heard) >= len(everything)):
                    break
    return heard, cuts


def heard_all(heard: array[int], everything: list[bytes], known: dict[bytes, int]) -> bool:
    """Whether a listener heard everything, once and in order; there may be more after it."""
    return heard[: len(everything)] == array("I", [known.get(place, 0) for place in everything])
