"""What tasks, projects and jobs cost, and the jobs of a task side by side. The fields stand in the order of the columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from jobtrail.core.model import Project, Task, UsageTotal


@dataclass(frozen=True, slots=True)
class Spent:
    """What calls of models used together. `cost_usd` sums the known costs: None when none is known, and too little by
    what `unpriced_calls` cost."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: Decimal | None = None
    unpriced_calls: int = 0


@dataclass(frozen=True, slots=True)
class UsageSummary:
    """What was used in a time, by a key, the dearest first, and all together. A cost of None is unknown, not zero."""

    items: list[UsageTotal]
    total: Spent


@dataclass(frozen=True, slots=True)
class TaskDetail(Task):
    """A task with what all its jobs used."""

    usage: Spent


@dataclass(frozen=True, slots=True)
class ProjectDetail(Project):
    """A project with what all its jobs used."""

    usage: Spent


@dataclass(frozen=True, slots=True)
class ComparedJob:
    """A job of a task beside the others. What it did not tell is None; `differs` is what only its input has.

    Tokens and cost are those of all attempts. A cost of None is unknown; with `unpriced_calls` it is too little.
    """

    id: UUID
    type: str
    status: str
    wait_reason: str | None
    title: str | None
    rerun_of: UUID | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    seconds: float | None
    attempts: int
    error_code: str | None
    error_message: str | None
    session_id: str | None
    model: str | None
    turns: int | None
    continuations: int | None
    calls: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost_usd: Decimal | None
    unpriced_calls: int
    checks: int | None
    checks_passed: int | None
    changed_files: int | None
    insertions: int | None
    deletions: int | None
    denials: int | None
    summary: str | None
    differs: Any
