"""A desk in memory, which keeps what it is told and remembers steps over attempts, and ways to run a job at it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from jobtrail.core.approval import Rules
from jobtrail.core.budget import Grant
from jobtrail.core.errors import Misconfigured
from jobtrail.core.graph import JobEnd
from jobtrail.core.model import Asset
from jobtrail.core.outcome import Outcome
from jobtrail.core.status import TOLD, LogSource, Phase, StepStatus, StepType
from jobtrail.runners.command import CommandRunner
from jobtrail.runners.context import Context
from jobtrail.runners.protocol import Assignment, Begun, Decision, Earlier, LogLine, Signal
from jobtrail.service.accepting import NewJob
from jobtrail.service.usage import Call
from jobtrail.service.waits import Wanted


@dataclass
class Kept:
    """A file that was kept."""

    name: str
    content: bytes
    step: str


@dataclass
class Row:
    """A step as the database has it."""

    id: UUID
    key: str
    name: str
    status: StepStatus
    output: str | None = None
    error: str | None = None


@dataclass
class Memory:
    """What outlives an attempt: the job's steps by their keys, and its signals."""

    job_id: UUID = field(default_factory=uuid4)
    steps: dict[str, Row] = field(default_factory=dict)
    signals: dict[str, Signal] = field(default_factory=dict)

    def statuses(self) -> dict[str, str]:
        return {key: str(row.status) for key, row in self.steps.items()}


class FakeDesk:
    """One attempt's desk. `used` and `allowed` are what it answers of the job's past and of the workspace's policy."""

    used = Earlier(None, 0.0, 0, 0, 0, None, 0)
    allowed: Mapping[str, Any] = {}

    def __init__(self, folder: Path, memory: Memory, secrets: Mapping[str, str]) -> None:
        self.memory = memory
        self.lines: list[tuple[str, LogLine]] = []
        self.kept: list[Kept] = []
        self.history: list[str] = []
        self.percents: list[float] = []
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.identities: list[tuple[int | None, str | None]] = []
        self.signs_of_life = 0
        self.lost: BaseException | None = None
        self._folder = folder
        self._secrets = secrets
        self._reason: str | None = None
        self._stop = asyncio.Event()
        self._news = asyncio.Event()

    @property
    def stop_reason(self) -> str | None:
        return self._reason

    async def stopping(self) -> str:
        await self._stop.wait()
        return str(self._reason)

    def stop(self, reason: str) -> None:
        self._reason = reason
        self._stop.set()

    async def begin_step(self, key: str, name: str, phase: Phase, type: StepType) -> Begun:
        self._fence()
        row = self.memory.steps.setdefault(key, Row(uuid4(), key, name, StepStatus.RUNNING))
        if row.status is StepStatus.COMPLETED:
            return Begun(row.id, True, row.output)
        row.status, row.output, row.error = StepStatus.RUNNING, None, None
        self.history.append(f"begin {key}")
        return Begun(row.id, False)

    async def finish_step(self, step_id: UUID, status: StepStatus, output: str | None, error: str | None) -> None:
        self._fence()
        row = self._row(step_id)
        assert row.status is StepStatus.RUNNING, f"{row.key} is {row.status}"
        json.loads(output or "null")
        row.status, row.output, row.error = status, output, error
        self.history.append(f"{str(status).lower()} {row.key}")
        self._news.set()

    async def skip_step(self, key: str, name: str, phase: Phase, type: StepType, why: str) -> None:
        self._fence()
        self.memory.steps.setdefault(key, Row(uuid4(), key, name, StepStatus.SKIPPED, error=why))
        self.history.append(f"skip {key}")

    def log(self, line: LogLine, step_id: UUID | None = None) -> None:
        self._fence()
        self.lines.append((self._row(step_id).name if step_id is not None else "", line))
        self._news.set()

    def progress(self, percent: float, stage: str | None = None) -> None:
        self.percents.append(percent)

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
        raise AssertionError("a command asks nobody")

    async def wait(self, key: str, name: str, phase: Phase, wanted: Wanted) -> str:
        raise AssertionError("a command waits for nothing")

    async def children(
        self, key: str, name: str, phase: Phase, wanted: Sequence[NewJob], *, wakes: bool
    ) -> list[JobEnd]:
        raise AssertionError("a command starts no jobs")

    async def needed(self) -> dict[UUID, JobEnd]:
        return {}

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
        assert step_id is not None
        content = source if isinstance(source, bytes) else await asyncio.to_thread(source.read_bytes)
        self.kept.append(Kept(name, content, self._row(step_id).name))
        return Asset(uuid4(), None, None, step_id, name, role, "", len(content), "", "", datetime.now(UTC))

    async def use(self, call: Call, step_id: UUID | None) -> bool:
        raise AssertionError("a command uses no model")

    async def reserve(self, usd: Decimal | None, tokens: int | None, *, up_to: bool = False) -> Grant:
        return Grant()

    async def tell(self, event: str, note: Mapping[str, Any], step_id: UUID | None = None) -> None:
        self._fence()
        assert event in TOLD
        json.dumps(note)
        self.told.append((event, dict(note)))
        self._news.set()

    async def identify(self, *, process_id: int | None = None, session_id: str | None = None) -> None:
        self._fence()
        self.identities.append((process_id, session_id))

    async def earlier(self) -> Earlier:
        self._fence()
        return self.used

    async def policy(self) -> Mapping[str, Any]:
        return self.allowed

    async def signalled(self, name: str) -> Signal | None:
        return self.memory.signals.get(name)

    def home(self) -> Path:
        folder = self._folder.parent / "home"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def metric(self, name: str, value: float, unit: str | None) -> None:
        raise AssertionError("a command measures nothing")

    def alive(self) -> None:
        self.signs_of_life += 1
        self._news.set()

    def workdir(self) -> Path:
        return self._folder

    def secret(self, reference: str) -> str:
        if reference not in self._secrets:
            raise Misconfigured(f"this worker has no variable {reference}; set it where the worker is started")
        return self._secrets[reference]

    def printed(self, step: str | None = None, source: LogSource | None = None) -> list[str]:
        """The log, or what a step printed."""
        return [
            line.message
            for name, line in self.lines
            if (step is None or name == step) and (source or line.source) is line.source
        ]

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until it holds, looking when there is news."""
        async with asyncio.timeout(60):
            while not condition():
                self._news.clear()
                await self._news.wait()

    def everything(self) -> str:
        """All text that was stored."""
        steps = [f"{row.name} {row.output} {row.error}" for row in self.memory.steps.values()]
        return "\n".join([*(repr(line) for _, line in self.lines), *steps, *(kept.name for kept in self.kept)])

    def _row(self, step_id: UUID) -> Row:
        return next(row for row in self.memory.steps.values() if row.id == step_id)

    def _fence(self) -> None:
        if self.lost is not None:
            raise self.lost


class Bed:
    """A job with a folder on a machine; every `attempt` runs it once."""

    def __init__(self, folder: Path, input: object, *, secrets: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.input = input
        self.memory = Memory()
        self.secrets = secrets or {}
        self.number = 0
        self.desk: FakeDesk

    @property
    def work(self) -> Path:
        """Where its steps run."""
        return self.folder / "work"

    def attempt(
        self,
        meanwhile: Callable[[FakeDesk], Awaitable[None]] | None = None,
        *,
        runner: CommandRunner | None = None,
    ) -> Outcome:
        """Run the job; `meanwhile` happens beside it."""

        async def main() -> Outcome:
            self.number += 1
            self.desk = FakeDesk(self.folder, self.memory, self.secrets)
            given = Assignment(self.memory.job_id, uuid4(), uuid4(), "command", self.number, 1, json.dumps(self.input))
            running = asyncio.ensure_future((runner or CommandRunner()).run(Context(given, self.desk)))
            if meanwhile is not None:
                await meanwhile(self.desk)
            return await asyncio.wait_for(running, 60)

        return asyncio.run(main())
