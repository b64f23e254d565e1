"""A render job at a desk in memory: every attempt runs once, and what must outlive it does."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from nexrender.imitation import Imitation
from runners.desk import FakeDesk, Kept, Memory

from jobtrail.core.model import Asset
from jobtrail.core.outcome import Outcome
from jobtrail.core.status import Phase, StepStatus, StepType
from jobtrail.outgoing import guard
from jobtrail.runners.context import Context
from jobtrail.runners.nexrender.rules import Installation
from jobtrail.runners.nexrender.runner import NexrenderRunner
from jobtrail.runners.protocol import Assignment, Begun, Earlier

Meanwhile = Callable[["RenderDesk"], Awaitable[None]]
DOCUMENT = {"template": {"src": "https://assets.example.org/a.aep", "composition": "main"}}


class RenderDesk(FakeDesk):
    """As strict as the real one: a step that has completed in this attempt is not begun again."""

    def __init__(self, folder: Path, memory: Memory, secrets: Mapping[str, str], sessions: list[str]) -> None:
        super().__init__(folder, memory, secrets)
        self.sessions, self.completed, self.metrics = sessions, set[UUID](), dict[str, float]()
        self.stages: list[str | None] = []
        self.when_completed: dict[str, Callable[[], None]] = {}

    async def begin_step(self, key: str, name: str, phase: Phase, type: StepType) -> Begun:
        known = self.memory.steps.get(key)
        assert known is None or known.id not in self.completed, f"{key} is begun twice in one attempt"
        return await super().begin_step(key, name, phase, type)

    async def finish_step(self, step_id: UUID, status: StepStatus, output: str | None, error: str | None) -> None:
        await super().finish_step(step_id, status, output, error)
        if status is StepStatus.COMPLETED:
            self.completed.add(step_id)

    async def keep(
        self,
        name: str,
        source: Path | bytes | AsyncIterator[bytes],
        role: str,
        media_type: str | None,
        step_id: UUID | None,
    ) -> Asset:
        assert not isinstance(source, (Path, bytes)) and step_id is not None
        content = b"".join([piece async for piece in source])
        self.kept.append(Kept(name, content, self._row(step_id).name))
        digest = hashlib.sha256(content).hexdigest()
        now = datetime.now(UTC)
        return Asset(uuid4(), None, None, step_id, name, role, media_type or "", len(content), digest, "", now)

    async def identify(self, *, process_id: int | None = None, session_id: str | None = None) -> None:
        await super().identify(process_id=process_id, session_id=session_id)
        if session_id is not None:
            self.sessions.append(session_id)

    async def earlier(self) -> Earlier:
        return replace(self.used, session_id=self.sessions[-1] if self.sessions else None)

    def progress(self, percent: float, stage: str | None = None) -> None:
        super().progress(percent, stage)
        self.stages.append(stage)
        self._news.set()

    def metric(self, name: str, value: float, unit: str | None) -> None:
        self.metrics[name] = value


@dataclass
class RenderBed:
    """The job. `policy` is the workspace's; the imitation and the folder are what the installation opened."""

    server: Imitation
    folder: Path
    input: dict[str, Any] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    servers: tuple[str, ...] | None = None
    patience: timedelta = timedelta(0)
    memory: Memory = field(default_factory=Memory)
    sessions: list[str] = field(default_factory=list)
    number: int = 0
    run_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.input = {"document": DOCUMENT, "poll_seconds": 0.05, "output": str(self.output), **self.input}
        self.desk = self.new_desk()

    @property
    def output(self) -> Path:
        """Where the node leaves what it has rendered."""
        return self.folder / "renders" / "out.mp4"

    @property
    def uid(self) -> str:
        """What the newest render is called."""
        return self.sessions[-1].partition(" ")[0]

    def new_desk(self) -> RenderDesk:
        desk = RenderDesk(self.folder, self.memory, self.secrets, self.sessions)
        desk.allowed = {"nexrender": self.policy} if self.policy else {}
        desk.used = replace(desk.used, seconds=self.run_seconds)
        return desk

    def context(self) -> Context:
        given = Assignment(self.memory.job_id, uuid4(), uuid4(), "nexrender", self.number, 1, json.dumps(self.input))
        return Context(given, self.desk)

    def runner(self, **more: Any) -> NexrenderRunner:
        (self.folder / "renders").mkdir(exist_ok=True)
        installation = Installation(
            servers=(self.server.url,) if self.servers is None else self.servers,
            roots=(str(self.folder / "renders"),),
            outgoing=guard.rules([f"127.0.0.1:{self.server.port}"]) if more.pop("open", False) else guard.Rules(),
        )
        return NexrenderRunner(installation=installation, patience=self.patience, **more)

    def attempt(self, meanwhile: Meanwhile | None = None, **more: Any) -> Outcome:
        """Runs the job; `meanwhile` happens beside it."""

        async def main() -> Outcome:
            self.number += 1
            self.desk = self.new_desk()
            running = asyncio.ensure_future(self.runner(**more).run(self.context()))
            try:
                if meanwhile is not None:
                    await meanwhile(self.desk)
                return await asyncio.wait_for(running, 60)
            finally:
                running.cancel()

        return asyncio.run(main())

    def crashes(self, when: Meanwhile) -> None:
        """An attempt whose worker is gone from one moment to the next: nothing more of it is written."""

        async def main() -> None:
            self.number += 1
            self.desk = self.new_desk()
            running = asyncio.ensure_future(self.runner().run(self.context()))
            await when(self.desk)
            self.desk.lost = asyncio.CancelledError()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

        asyncio.run(main())

    def check(self, **more: Any) -> dict[str, str]:
        """What the check before the queue says."""
        self.desk = self.new_desk()
        return dict(asyncio.run(self.runner(**more).check(self.context())))
