"""Folds the events of a job into the row that they must have left behind (L2), and tells where another row differs.

Says in Python what the triggers on `jobs` say in SQL; an attacker must bend both. No I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from jobtrail.core.chain import Link
from jobtrail.core.status import MOVES, JobStatus, holds_key

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LEGAL: Final = frozenset((move.source, move.target, move.event) for move in MOVES)

SETTINGS: Final[dict[str, Any]] = {
    "wait_reason": None, "stage": None, "progress": 0, "priority": None, "queue": None, "title": None, "tags": [],
    "scheduled_at": None, "cancel_at": None, "cancel_requested_at": None, "cancel_reason": None, "max_attempts": 3,
    "failure_count": 0, "loss_count": 0, "generation": 1, "error_code": None, "error_message": None,
    "estimated_seconds": None,
}  # fmt: skip
"""What may change beside the status, and how a job begins that says nothing of it."""

TERMS: Final[dict[str, Any]] = {
    "type": None, "backoff_type": "EXPONENTIAL", "backoff_delay_ms": 2_000, "backoff_max_ms": 3_600_000,
    "timeout_seconds": None, "idle_timeout_seconds": None, "queue_timeout_seconds": None, "unique_key": None,
    "concurrency_key": None, "traceparent": None, "checked": False,
    "project_id": None, "task_id": None, "parent_id": None, "rerun_of": None, "root_id": None, "schedule_id": None,
    "fork_of": None, "slots": 1, "concurrency_limit": 1, "unique_scope": "LIVE", "unique_until": None,
    "on_parent": "CANCEL", "depends_mode": "ALL", "on_dependency": "FAIL", "budgeted": False, "reserve_usd": None,
    "reserve_tokens": None,
}  # fmt: skip
"""What a job was accepted with and keeps."""

_TIMES: Final = frozenset({
    "scheduled_at", "cancel_at", "cancel_requested_at", "created_at", "updated_at", "queued_at", "started_at",
    "completed_at", "aborted_at", "unique_until",
})  # fmt: skip

_BEGINS: Final = frozenset({"step.started", "gate.started"})
_ENDS: Final = {
    "step.completed": "COMPLETED", "gate.passed": "COMPLETED", "step.failed": "FAILED", "gate.failed": "FAILED",
    "step.skipped": "SKIPPED",
}  # fmt: skip


@dataclass(slots=True)
class StepSaid:
    """What the trail says of a step: how it ended (None: it runs, or its attempt ended), its key, its output's digest."""

    status: str | None
    key: str | None
    output_sha256: str | None


@dataclass(slots=True)
class Folded:
    """What a job's events leave behind. A column that `row` does not have is one that they cannot vouch for."""

    row: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, StepSaid] = field(default_factory=dict)
    assets: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: dict[int, tuple[str, str | None]] = field(default_factory=dict)
    wrong: list[tuple[int, str]] = field(default_factory=list)


def microseconds(at: bytes) -> int:
    """A time as PostgreSQL sends it, in microseconds since 2000."""
    return int.from_bytes(at, "big", signed=True)


def instant(text: object) -> object:
    """A time as JSON has it, in microseconds since 2000; what is no time stays what it is."""
    if not isinstance(text, str):
        return text
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return since_epoch(at if at.tzinfo else at.replace(tzinfo=UTC))


def at_epoch(microseconds: int) -> datetime:
    """The time so many microseconds after 2000."""
    return _EPOCH + microseconds * _MICROSECOND


def since_epoch(at: datetime) -> int:
    """A time in microseconds since 2000."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def fold(trail: Sequence[Link]) -> Folded:
    """Folds events in order. When the first is not the job's first, only what they mention is known afterwards."""
    folded = Folded()
    if not trail:
        return folded
    first, status = trail[0], None
    if first.seq == 1:
        _accept(folded, first)
        status = first.status
        if (None, status, first.type) not in _LEGAL:
            folded.wrong.append((1, f"no job begins with {first.type} as {status}"))
    for event in trail[1:] if first.seq == 1 else trail:
        said = _said(folded, event)
        if said:
            _change(folded.row, said)
        if event.type == "job.started" and "attempt_count" in folded.row:
            folded.row["attempt_count"] += 1
        if event.status != status:
            _move(folded, event, status, said)
        _hold(folded.row, event, said)
        if status is not None and (status, event.status, event.type) not in _LEGAL:
            folded.wrong.append((event.seq, f"{event.type} may not lead from {status} to {event.status}"))
        status = event.status
        if (event.type in _ENDS or event.type in _BEGINS) and not said.get("told"):
            _step(folded, event, said)
        elif event.type == "job.updated" and isinstance(said.get("taken_over"), list):
            for step in (one for one in said["taken_over"] if isinstance(one, dict)):
                taken = StepSaid("COMPLETED", step.get("key"), step.get("output_sha256"))
                folded.steps[str(step.get("id"))] = taken
        elif event.type == "artifact.created":
            folded.assets[str(said.get("asset_id"))] = said
    _finish(folded, trail[-1])
    return folded


def differences(folded: Folded, row: dict[str, Any]) -> list[str]:
    """The columns of a row, as JSON, that are not as the events left them."""
    said = {**row, **{column: instant(row[column]) for column in _TIMES if row.get(column) is not None}}
    expected = folded.row
    if "actual_seconds" in expected and _same_seconds(expected["actual_seconds"], row.get("actual_seconds")):
        expected = {**expected, "actual_seconds": row.get("actual_seconds")}
    if expected == said:
        return []
    return [column for column, value in expected.items() if column not in said or said[column] != value]


def _accept(folded: Folded, event: Link) -> None:
    said, at = _said(folded, event), microseconds(event.at)
    row = {**SETTINGS, **TERMS}
    row.update((key, instant(said[key]) if key in _TIMES else said[key]) for key in TERMS if key in said)
    row.update(
        id=event.job_id, workspace_id=event.workspace_id, created_at=at, attempt_count=0, started_at=None,
        completed_at=None, aborted_at=None, queued_at=at if event.status == JobStatus.QUEUED else None,
        unique_hold=said.get("unique_key"), input_sha256=said.get("input_sha256"),
        created_by=said.get("created_by", f"{event.actor_type}:{event.actor_id or ''}"),
    )  # fmt: skip
    folded.row = row
    _change(row, said)


def _change(row: dict[str, Any], said: dict[str, Any]) -> None:
    for key, value in said.items():
        if key in SETTINGS:
            row[key] = instant(value) if key in _TIMES else value


def _move(folded: Folded, event: Link, was: str | None, said: dict[str, Any]) -> None:
    """What the database derives from a change of status. Unknown where the status before is unknown."""
    row, at = folded.row, microseconds(event.at)
    if was is None:
        return
    if event.status == JobStatus.RUNNING:
        if row.get("started_at", at) is None:
            row["started_at"] = at
    elif event.status == JobStatus.COMPLETED:
        row["completed_at"] = at
    else:
        if event.status == JobStatus.QUEUED:
            row["queued_at"] = at
        ended = at if event.status in (JobStatus.FAILED, JobStatus.CANCELLED) else None
        row["completed_at"] = row["aborted_at"] = ended
    if event.type in ("job.completed", "job.failed") and "generation" in row and was == JobStatus.RUNNING:
        folded.results[row["generation"]] = (event.type, said.get("result_sha256"))


def _hold(row: dict[str, Any], event: Link, said: dict[str, Any]) -> None:
    """Whether the job still has its unique key. One that was given up is taken again by a retry only."""
    if row.get("unique_key") is None or (row.get("unique_hold") is None and event.type != "job.retried"):
        return
    until = row["unique_until"]
    in_time = until is None or microseconds(event.at) < until
    taken = event.type in ("job.cancelled", "job.cancel_requested") and said.get("superseded_by") is not None
    holds = in_time and not taken and holds_key(row["unique_scope"], event.status)
    row["unique_hold"] = row["unique_key"] if holds else None


def _step(folded: Folded, event: Link, said: dict[str, Any]) -> None:
    known = folded.steps.get(event.step_id or "")
    key = said.get("key", known.key if known else None)
    folded.steps[event.step_id or ""] = StepSaid(_ENDS.get(event.type), key, said.get("output_sha256"))


def _finish(folded: Folded, last: Link) -> None:
    row = folded.row
    row.update(
        version=last.seq, updated_at=microseconds(last.at), event=last.type, status=last.status,
        attempt_id=last.attempt_id, step_id=last.step_id, actor_type=last.actor_type, actor_id=last.actor_id,
        note=last.payload, last_txid=last.txid, trail_hash="\\x" + last.hash.hex(),
    )  # fmt: skip
    if "started_at" in row and "completed_at" in row:
        started, completed = row["started_at"], row["completed_at"]
        row["actual_seconds"] = None if None in (started, completed) else (completed - started) / 1e6


def _said(folded: Folded, event: Link) -> dict[str, Any]:
    if event.payload is None:
        return {}
    try:
        said = msgspec.json.decode(event.payload)
    except (msgspec.DecodeError, UnicodeError):
        said = None
    if isinstance(said, dict):
        return said
    folded.wrong.append((event.seq, "its payload is no JSON object"))
    return {}


def _same_seconds(expected: object, found: object) -> bool:
    """Whether two durations are the same as far as the column (float4) can tell."""
    if not isinstance(expected, int | float) or not isinstance(found, int | float):
        return expected is found is None
    return abs(expected - found) <= abs(expected) * 2.0**-23
