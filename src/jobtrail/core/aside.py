"""What lists and pages show of jobs, steps and types beside their own rows. The fields stand in the order of the columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Aside:
    """What a job used so far, and who works on it, or worked on it last. `cost_usd` None is unknown; with `unpriced_calls`
    it is too little. `silent_seconds`: since the worker's last sign, of jobs that run. `brief`: the first plain values of the
    input of a job without a title."""

    id: UUID
    cost_usd: Decimal | None
    unpriced_calls: int
    worker: str | None
    silent_seconds: float | None
    brief: str | None


@dataclass(frozen=True, slots=True)
class StepOutput:
    """What a step left behind. `bytes`: how long it is as JSON; `output` is None where it is too long to come by itself."""

    id: UUID
    ordinal: int
    name: str
    phase: str
    status: str
    bytes: int
    output: Any


@dataclass(frozen=True, slots=True)
class TypeFigures:
    """How the newest jobs of a type went; seconds are those of completed ones."""

    type: str
    jobs: int
    completed: int
    failed: int
    cancelled: int
    open: int
    middle_seconds: float | None
    slow_seconds: float | None
    queues: list[str]
    newest_at: datetime | None
