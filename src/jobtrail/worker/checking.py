"""The desk of a check: what a runner may ask for while it looks at an input, before there is an attempt. Nothing is written."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

from jobtrail.core.approval import Rules
from jobtrail.core.budget import Grant
from jobtrail.core.errors import Invalid
from jobtrail.core.graph import JobEnd
from jobtrail.core.model import Asset
from jobtrail.core.redact import Redactor
from jobtrail.core.status import Phase, StepStatus, StepType
from jobtrail.runners.protocol import Begun, Decision, Earlier, LogLine, Signal
from jobtrail.service import workspaces
from jobtrail.service.usage import Call
from jobtrail.service.validations import Validation
from jobtrail.service.waits import Wanted
from jobtrail.service.wanted import NewJob
from jobtrail.worker.desk import Room, home_of, secret_of

log = logging.getLogger("jobtrail.worker")


@dataclass(slots=True)
class CheckDesk:
    """The desk of one check. Attempts, steps, files and usage are for `run`: asking for them raises Invalid."""

    room: Room
    validation: Validation
    secrets: list[str] = field(default_factory=list)

    @property
    def stop_reason(self) -> str | None:
        """A check is interrupted, not told."""
        return None

    async def stopping(self) -> str:
        """A check is interrupted, not told."""
        return await asyncio.Future()

    async def policy(self) -> Mapping[str, Any]:
        """What the workspace allows its runners."""
        return await self.room.execute(workspaces.policy(self.validation.workspace_id)) or {}

    def home(self) -> Path:
        """A private folder of this workspace on this machine."""
        return home_of(self.room, self.validation.workspace_id)

    def secret(self, reference: str) -> str:
        """The value of an environment variable. Raises Invalid when it is not set."""
        value = secret_of(self.room, reference)
        self.secrets.append(value)
        return value

    def redact(self, text: str) -> str:
        """Text without the secrets that were handed out."""
        return Redactor(self.secrets).text(text) if self.secrets else text

    def log(self, line: LogLine, step_id: UUID | None = None) -> None:
        """Goes into the worker's own log."""
        log.info("check of job %s: %s", self.validation.job_id, self.redact(line.message))

    def alive(self) -> None:
        """A check has a limit of time and no other."""

    def progress(self, percent: float, stage: str | None = None) -> None:
        """A check has none."""

    def metric(self, name: str, value: float, unit: str | None) -> None:
        """A check has none."""

    def workdir(self) -> Path:
        """Belongs to attempts."""
        _not_here()

    async def begin_step(self, key: str, name: str, phase: Phase, type: StepType) -> Begun:
        """Belongs to attempts."""
        _not_here()

    async def finish_step(self, step_id: UUID, status: StepStatus, output: str | None, error: str | None) -> None:
        """Belongs to attempts."""
        _not_here()

    async def skip_step(self, key: str, name: str, phase: Phase, type: StepType, why: str) -> None:
        """Belongs to attempts."""
        _not_here()

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
        """Belongs to attempts."""
        _not_here()

    async def wait(self, key: str, name: str, phase: Phase, wanted: Wanted) -> str:
        """Belongs to attempts."""
        _not_here()

    async def children(
        self, key: str, name: str, phase: Phase, wanted: Sequence[NewJob], *, wakes: bool
    ) -> list[JobEnd]:
        """Belongs to attempts."""
        _not_here()

    async def needed(self) -> dict[UUID, JobEnd]:
        """Belongs to attempts."""
        _not_here()

    async def keep(
        self,
        name: str,
        source: Path | bytes | AsyncIterator[bytes],
        role: str,
        media_type: str | None,
        step_id: UUID | None,
    ) -> Asset:
        """Belongs to attempts."""
        _not_here()

    async def use(self, call: Call, step_id: UUID | None) -> bool:
        """Belongs to attempts."""
        _not_here()

    async def reserve(self, usd: Decimal | None, tokens: int | None, *, up_to: bool = False) -> Grant:
        """Belongs to attempts."""
        _not_here()

    async def tell(self, event: str, note: Mapping[str, Any], step_id: UUID | None = None) -> None:
        """Belongs to attempts."""
        _not_here()

    async def identify(self, *, process_id: int | None = None, session_id: str | None = None) -> None:
        """Belongs to attempts."""
        _not_here()

    async def earlier(self) -> Earlier:
        """Belongs to attempts."""
        _not_here()

    async def signalled(self, name: str) -> Signal | None:
        """Belongs to attempts."""
        _not_here()


def _not_here() -> NoReturn:
    raise Invalid(
        "while an input is checked there is no attempt: only input, policy(), home() and secret() are there; "
        "do this in `run`"
    )
