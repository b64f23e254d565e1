"""A desk in memory for the parts of the agent's runner: it also answers questions, or lets the job wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

from runners.desk import FakeDesk, Kept, Memory

from jobtrail.core.approval import Rules
from jobtrail.core.model import Asset
from jobtrail.core.outcome import Waits
from jobtrail.core.status import Phase
from jobtrail.runners.protocol import Decision

T = TypeVar("T")


class AskingDesk(FakeDesk):
    """One attempt's desk. `decisions` are what people decided, by key; a question without one waits and is in `asked`."""

    def __init__(
        self, folder: Path, memory: Memory | None = None, decisions: Mapping[str, Decision] | None = None
    ) -> None:
        super().__init__(folder, memory or Memory(), {"TOKEN": "s3cret-s3cret-s3cret"})
        self.decisions = dict(decisions or {})
        self.asked: list[tuple[str, str]] = []

    async def ask(
        self,
        key: str,
        question: str,
        *,
        phase: Phase,
        approvers: tuple[str, ...],
        needed: int,
        form: str | None,
        expires: timedelta | None,
        rules: Rules = Rules(),
    ) -> Decision:
        if key in self.decisions:
            return self.decisions[key]
        self.asked.append((key, question))
        raise Waits(uuid4())

    async def keep(
        self,
        name: str,
        source: Path | bytes | AsyncIterator[bytes],
        role: str,
        media_type: str | None,
        step_id: UUID | None,
    ) -> Asset:
        self._fence()
        assert isinstance(source, (Path, bytes))
        content = source if isinstance(source, bytes) else await asyncio.to_thread(source.read_bytes)
        step = "" if step_id is None else self._row(step_id).name
        self.kept.append(Kept(name, content, step))
        return Asset(uuid4(), None, None, step_id, name, role, "", len(content), "", "", datetime.now(UTC))

    def file(self, name: str) -> bytes:
        """The last file that was kept under this name."""
        return [each.content for each in self.kept if each.name == name][-1]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The notes of the events of this name that were told."""
        return [note for event, note in self.told if event == name]


def now(work: Coroutine[Any, Any, T]) -> T:
    """Does it, within a minute."""

    async def main() -> T:
        return await asyncio.wait_for(work, 60)

    return asyncio.run(main())
