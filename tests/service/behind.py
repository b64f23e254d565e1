"""What really lies in the tables, read behind the back of every verb; and a reducer that tells a job from its events.

Both are the machine's own: neither the product's reads nor its fold are asked.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from database import Connection

TABLES = ("attempts", "steps", "gates", "results", "ready", "timers", "validations", "dependencies")
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
Row = dict[str, Any]

LOOK = b"""
select jsonb_build_object(
  'jobs', (select jsonb_agg(to_jsonb(x) order by x.id) from jobtrail.jobs x),
  'attempts', (select jsonb_agg(to_jsonb(x) order by x.number) from jobtrail.attempts x),
  'steps', (select jsonb_agg(to_jsonb(x) order by x.ordinal) from jobtrail.steps x),
  'gates', (select jsonb_agg(to_jsonb(x)) from jobtrail.gates x),
  'results', (select jsonb_agg(to_jsonb(x) order by x.generation) from jobtrail.results x),
  'ready', (select jsonb_agg(to_jsonb(x)) from jobtrail.ready x),
  'timers', (select jsonb_agg(to_jsonb(x)) from jobtrail.timers x),
  'validations', (select jsonb_agg(to_jsonb(x)) from jobtrail.validations x),
  'dependencies', (select jsonb_agg(to_jsonb(x)) from jobtrail.dependencies x),
  'events', (select jsonb_agg(to_jsonb(x) order by x.seq) from jobtrail.events x)
)::text"""

WIPE = b"""
set session_replication_role = replica;
truncate jobtrail.jobs, jobtrail.attempts, jobtrail.steps, jobtrail.gates, jobtrail.gate_decisions, jobtrail.results,
  jobtrail.ready, jobtrail.timers, jobtrail.events, jobtrail.usage, jobtrail.assets, jobtrail.log_chunks,
  jobtrail.queues, jobtrail.workers, jobtrail.idempotency_keys, jobtrail.tombstones, jobtrail.validations,
  jobtrail.limits, jobtrail.rate_starts, jobtrail.rate_buckets, jobtrail.claim_places, jobtrail.administration_events,
  jobtrail.dependencies, jobtrail.settlements, jobtrail.supersedings, jobtrail.breakers, jobtrail.type_outcomes,
  jobtrail.signals, jobtrail.waits, jobtrail.schedules, jobtrail.schedule_ticks, jobtrail.budgets, jobtrail.budget_holds,
  jobtrail.budget_waits cascade;
update jobtrail.workspaces set paused_at = null;
set session_replication_role = origin;
"""


class Behind:
    """Everything that hangs on each job, as it is now."""

    def __init__(self, admin: Connection) -> None:
        row = admin.execute(LOOK).fetchone()
        assert row is not None
        found = msgspec.json.decode(row[0])
        self.jobs: dict[UUID, Row] = {UUID(job["id"]): job for job in found["jobs"] or ()}
        self._of: dict[str, dict[str, list[Row]]] = {}
        for table in ("events", *TABLES):
            of = self._of[table] = {}
            for each in found[table] or ():
                of.setdefault(each["job_id"], []).append(each)

    def of(self, table: str, job: UUID) -> list[Row]:
        """The rows of a table that hang on a job."""
        return self._of[table].get(str(job), [])

    def all(self, table: str) -> list[str]:
        """The jobs that rows of a table hang on, once for each row."""
        return sorted(id for id, rows in self._of[table].items() for _ in rows)


def time_of(text: str | None) -> datetime | None:
    """A time as JSON has it."""
    return None if text is None else datetime.fromisoformat(text)


# telling a job from its events

TOLD: Row = {"wait_reason": None, "stage": None, "progress": 0, "priority": 5, "title": None, "tags": [],
        "scheduled_at": None, "cancel_at": None, "cancel_requested_at": None, "cancel_reason": None, "max_attempts": 3,
        "failure_count": 0, "loss_count": 0, "generation": 1, "error_code": None, "error_message": None}  # fmt: skip
"""What a row says that its events must be able to say again, and what is meant when they are silent."""


def reduced(events: list[Row]) -> Row:
    """The job that these events tell of."""
    job: Row = {
        **TOLD,
        "attempt_count": 0,
        "attempt_id": None,
        "queued_at": None,
        "started_at": None,
        "completed_at": None,
    }
    was = None
    for event in events:
        said = json.loads(event["payload"]) if event["payload"] else {}
        job.update((name, value) for name, value in said.items() if name in TOLD)
        at, status = event["at"], event["status"]
        if event["type"] == "job.started":
            job["attempt_count"] += 1
            job["started_at"] = job["started_at"] or at
        if status == "QUEUED" and was != "QUEUED":
            job["queued_at"] = at
        if status in ("COMPLETED", "FAILED", "CANCELLED"):
            job["completed_at"] = job["completed_at"] if was == status else at
        else:
            job["completed_at"] = None
        job.update(attempt_id=event["attempt_id"], version=event["seq"], status=status, updated_at=at)
        was = status
    return job


# the chain


def chain(events: list[Row]) -> bytes:
    """The hash that the last event must have, computed link by link from what the events say."""
    head = b""
    for event in events:
        actor = event["actor_id"] or ""
        fields = (event["workspace_id"], event["job_id"], event["seq"], event["type"], event["status"],
                  event["attempt_id"] or "", event["step_id"] or "", event["actor_type"], len(actor.encode()), actor,
                  event["payload"] or "")  # fmt: skip
        at = (datetime.fromisoformat(event["at"]) - EPOCH) // timedelta(microseconds=1)
        head = hashlib.sha256(head + at.to_bytes(8, "big", signed=True) + "|".join(map(str, fields)).encode()).digest()
        assert event["hash"] == "\\x" + head.hex(), f"event {event['seq']} of job {event['job_id']}"
    return head
