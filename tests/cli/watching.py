"""`jobtrail top` for tests: what stands on its screen, and keys that are pressed until something is seen."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from scene import Scene
from textual.pilot import Pilot

from jobtrail.cli.tui.app import Top
from jobtrail.client import JobsClient
from jobtrail.core.fence import Fence
from jobtrail.core.status import LogLevel
from jobtrail.service import logs
from jobtrail.service.logs import NewChunk

SECONDS = 60.0
_PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Watched:
    """The program, and who sits before it."""

    app: Top
    pilot: Pilot[None]

    @property
    def lines(self) -> list[str]:
        """What stands on the screen that is in front."""
        return [strip.text for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        """The same as one text."""
        return "\n".join(self.lines)

    async def press(self, *keys: str) -> None:
        """Presses keys, one after the other."""
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Types a text."""
        names = {" ": "space", ":": "colon", "/": "slash"}
        await self.pilot.press(*(names.get(letter, letter) for letter in text))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until something is so."""
        for _ in range(int(SECONDS / _PAUSE)):
            if condition():
                return
            await self.pilot.pause(_PAUSE)
        raise AssertionError(f"it did not happen: {self.app.fault!r}\n{self.text}")

    async def sees(self, *texts: str) -> None:
        """Waits until all of these stand on the screen."""
        await self.until(lambda: all(text in self.text for text in texts))

    async def sees_no(self, text: str) -> None:
        """Waits until this stands there no longer."""
        await self.until(lambda: text not in self.text)

    def row(self, text: str) -> str:
        """The line in which a text stands."""
        return next((line for line in self.lines if text in line), "")


@asynccontextmanager
async def watched(
    client: JobsClient, *, size: tuple[int, int] = (120, 30), search: str = "", tab: str = "jobs"
) -> AsyncIterator[Watched]:
    """The program for the length of a block. It must not have ended by a fault."""
    app = Top(client, "default", search, tab)
    async with app.run_test(size=size) as pilot:
        yield Watched(app, pilot)
    assert app.fault is None, app.fault


def write(scene: Scene, fence: Fence, messages: Sequence[str], first: int = 1, level: LogLevel = LogLevel.INFO) -> None:
    """Lines of a job's log."""
    said = [{"level": level, "source": "STDOUT", "message": m, "at": "2026-01-31T12:00:00+00:00"} for m in messages]
    body = "\n".join(map(json.dumps, said))
    scene.do(logs.append([NewChunk(fence, None, first, len(said), (level,), (), body)]))
