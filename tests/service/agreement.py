"""What must hold after every step: the rows are as the model says, and the events can say it all again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from service.behind import TOLD, Behind, Row, chain, reduced, time_of
from service.pure_model import World
from service.pure_nouns import Work

from jobtrail.core.status import MOVES

LEGAL = {(move.source, move.target, move.event) for move in MOVES}

REASONS = {
    "superseded by job": "superseded",
    "its parent ": "its parent was stopped",
    "job ": "what it needs did not complete",
}
"""How reasons begin that name a job, and what the model calls them."""


def check(world: World, behind: Behind) -> None:
    """Raises where database and model disagree, or where a row is not what its events say."""
    assert set(behind.jobs) == set(world.works)
    for id, work in world.works.items():
        row, events = behind.jobs[id], behind.of("events", id)
        assert row_seen(row) == row_expected(work), f"job {id}"
        assert attempts_seen(behind, id) == [(str(t.id), t.status, t.number) for t in work.tries]
        assert steps_seen(behind, id) == steps_expected(work)
        assert gates_seen(behind, id) == {(str(q.id), q.status) for q in work.questions.values()}
        assert {r["generation"]: r["status"] for r in behind.of("results", id)} == work.results
        check_trail(row, events, work)
        needs = {UUID(one["needs_id"]): one["met_as"] for one in behind.of("dependencies", id)}
        assert needs == work.needs, f"job {id}"
    queued = sorted(str(id) for id, work in world.works.items() if work.status == "QUEUED")
    assert behind.all("ready") == queued
    check_timers(world, behind)
    check_validations(world, behind)


def row_seen(row: Row) -> dict[str, Any]:
    """The columns that the model knows, as it has them."""
    plain = ("status", "wait_reason", "version", "generation", "failure_count", "loss_count", "max_attempts",
             "priority", "progress", "stage", "title", "error_code", "unique_key", "unique_hold", "queue", "type")  # fmt: skip
    times = ("scheduled_at", "cancel_at", "cancel_requested_at", "queued_at", "started_at", "completed_at", "updated_at",
             "created_at")  # fmt: skip
    seen = {name: row[name] for name in plain} | {name: time_of(row[name]) for name in times}
    reason = row["cancel_reason"]
    seen["cancel_reason"] = next((said for start, said in REASONS.items() if (reason or "").startswith(start)), reason)
    return seen | {"attempt_count": row["attempt_count"], "attempt_id": row["attempt_id"]}


def row_expected(work: Work) -> dict[str, Any]:
    """The same, as the model has it."""
    names = ("status", "wait_reason", "version", "generation", "failure_count", "loss_count", "max_attempts",
             "priority", "progress", "stage", "title", "error_code", "unique_key", "queue", "type",
             "scheduled_at", "cancel_at", "cancel_requested_at", "queued_at", "started_at", "completed_at", "updated_at",
             "created_at")  # fmt: skip
    return {name: getattr(work, name) for name in names} | {
        "unique_hold": work.holds,
        "cancel_reason": work.cancel_reason,
        "attempt_count": len(work.tries),
        "attempt_id": str(work.tries[-1].id) if work.tries else None,
    }


def attempts_seen(behind: Behind, id: UUID) -> list[tuple[str, str, int]]:
    rows = behind.of("attempts", id)
    assert all((row["ended_at"] is None) == (row["status"] in ("INITIALIZING", "RUNNING")) for row in rows)
    return [(row["id"], row["status"], row["number"]) for row in rows]


def steps_seen(behind: Behind, id: UUID) -> list[tuple[Any, ...]]:
    rows = behind.of("steps", id)
    return [
        (r["id"], r["key"], r["type"], r["ordinal"], r["status"], r["tokens_input"], bool(r["output"])) for r in rows
    ]


def steps_expected(work: Work) -> list[tuple[Any, ...]]:
    parts = work.parts.values()
    return [(str(p.id), p.key, p.type, p.ordinal, p.status, p.tokens, bool(p.output)) for p in parts]


def gates_seen(behind: Behind, id: UUID) -> set[tuple[str, str]]:
    return {(row["id"], row["status"]) for row in behind.of("gates", id)}


def check_trail(row: Row, events: list[Row], work: Work) -> None:
    """One event for each version, all moves legal, the chain whole, and the row told again by its events."""
    assert [event["seq"] for event in events] == list(range(1, row["version"] + 1))
    assert [(event["type"], event["status"]) for event in events] == work.events
    was = None
    for event in events:
        assert (was, event["status"], event["type"]) in LEGAL, event
        assert event["type"].startswith("job.") <= (event["step_id"] is None), event
        was = event["status"]
    told = reduced(events)
    names = (*TOLD, "attempt_count", "attempt_id", "queued_at", "started_at", "completed_at", "version", "status",
             "updated_at")  # fmt: skip
    assert {name: told[name] for name in names} == {name: row[name] for name in names}
    assert row["trail_hash"] == "\\x" + chain(events).hex()


def check_timers(world: World, behind: Behind) -> None:
    """Nothing waits for a time that no timer keeps, so that nothing is stuck."""
    for id, work in world.works.items():
        kept = {(timer["type"], time_of(timer["due_at"])) for timer in behind.of("timers", id)}
        if (
            work.status == "PENDING"
            and work.scheduled_at
            and work.wait_reason not in ("GATE", "VALIDATION", "DEPENDENCY")
        ):
            assert ("START", work.scheduled_at) in kept, f"job {id} waits for ever"
        if work.cancel_at and work.status not in ("COMPLETED", "FAILED", "CANCELLED") and not work.cancel_requested_at:
            assert ("CANCEL", work.cancel_at) in kept, f"job {id} is never cancelled"
        for question in work.questions.values():
            if question.status == "WAITING" and question.expires_at:
                assert ("GATE", question.expires_at) in kept, f"gate {question.id} never expires"


def check_validations(world: World, behind: Behind) -> None:
    """Who waits for a check, or is being checked, has one row of it, and nobody else has."""
    wanted = {
        str(id): (str(work.check.token) if work.check else None, work.check_tries, work.check_due, work.priority)
        for id, work in world.works.items()
        if work.waits_for_check or work.status == "VALIDATING"
    }
    found = {id: behind.of("validations", UUID(id)) for id in behind.all("validations")}
    assert {id: len(rows) for id, rows in found.items()} == dict.fromkeys(wanted, 1)
    for id, (row,) in found.items():
        token, tries, due, priority = wanted[id]
        assert (row["token"], row["tries"], time_of(row["due_at"])) == (token, tries, due)
        assert row["token"] is not None or row["priority"] == priority, "who waits is in order"
        assert (row["worker_id"] is None) == (row["token"] is None)
