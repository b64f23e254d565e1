"""What an event of a job is called in front of people: one line each. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from jobtrail.cli import words
from jobtrail.cli.follow import View
from jobtrail.core.ids import short
from jobtrail.core.model import Event
from jobtrail.core.status import JobStatus
from jobtrail.worker.host import worker_name


def of_event(event: Event, view: View) -> str | None:
    """The line for an event; None for those that people need not see."""
    note: Mapping[str, Any] = event.payload if isinstance(event.payload, dict) else {}
    subject, _, verb = event.type.partition(".")
    if subject == "step":
        return _step(verb, note)
    if subject == "gate":
        return _gate(event, verb, note)
    if subject == "budget":
        said = words.one_line(str(note.get("message", "")), 200)
        return f"  $ {'nearly used up' if verb == 'warned' else 'used up'}{': ' + said if said else ''}"
    if subject == "job":
        return _job(event, verb, note, view)
    return None


def of_end(view: View) -> str:
    """The last line: how it ended, and what it took."""
    job = view.job
    parts = [f"{words.glyph(job.status)} {job.status}"]
    if job.actual_seconds is not None:
        parts[0] += f" in {words.length(job.actual_seconds)}"
    done = sum(step.status == JobStatus.COMPLETED for step in view.steps)
    if view.steps:
        parts.append(f"{done} of {words.counted(len(view.steps), 'step')}")
    if job.attempt_count > 1:
        parts.append(words.counted(job.attempt_count, "attempt"))
    if job.loss_count:
        parts.append(f"{words.counted(job.loss_count, 'worker')} lost")
    why = job.error_message if job.status == JobStatus.FAILED else job.cancel_reason
    if job.status != JobStatus.COMPLETED and (why or job.error_message):
        parts.append(words.one_line(why or job.error_message, 300))
    return " · ".join(parts)


def worker_of(id: UUID | str | None) -> str:
    """The name of a worker; it follows from its id."""
    try:
        return worker_name(UUID(str(id)).bytes)
    except ValueError:
        return "a worker"


def _step(verb: str, note: Mapping[str, Any]) -> str | None:
    name = words.one_line(str(note.get("step", "")))
    ms = note.get("duration_ms")
    took = "" if ms is None else f"  {words.length(ms / 1000)}"
    match verb:
        case "started":
            return f"  ● {name}"
        case "completed":
            return f"  ✓ {name}{took}"
        case "failed":
            return f"  ✗ {name}{took}  {words.one_line(note.get('error'), 200)}".rstrip()
        case "skipped":
            why = words.one_line(note.get("why") or note.get("error"), 200)
            return f"  - {name}  skipped{': ' + why if why else ''}"
    return None


def _gate(event: Event, verb: str, note: Mapping[str, Any]) -> str | None:
    name = words.one_line(str(note.get("step", "")))
    match verb:
        case "requested":
            question = words.one_line(note.get("question"), 200)
            job = short(event.job_id)
            return f"  ◇ {question}  → jobtrail gate approve {job}  or  jobtrail gate reject {job}"
        case "approved" | "rejected":
            comment = words.one_line(note.get("comment"), 200)
            return f"  ◆ {verb} by {event.actor_id}{': ' + comment if comment else ''}"
        case "expired":
            return "  ◆ nobody decided in time"
        case "passed":
            return f"  ✓ {name}"
        case "failed":
            return f"  ✗ {name}  {words.one_line(note.get('error'), 200)}".rstrip()
    return None


def _job(event: Event, verb: str, note: Mapping[str, Any], view: View) -> str | None:
    job = view.job
    match verb:
        case "created":
            title = f'  "{words.one_line(job.title, 60)}"' if job.title else ""
            return f"{short(job.id)} {job.type}{title}  accepted in queue {job.queue}"
        case "started":
            number = next((a.number for a in view.attempts if a.id == event.attempt_id), None)
            again = f"attempt {number} " if number and number > 1 else ""
            return f"▶ {again}on {worker_of(event.actor_id)}"
        case "lost":
            return f"▚ {words.one_line(note.get('error_message'), 200) or 'its worker is gone'}; it runs again at once"
        case "interrupted":
            return "↷ given back by a worker that shuts down; it runs again at once"
        case "retry_scheduled":
            why = words.one_line(note.get("error_message") or job.error_message, 200)
            return f"↻ failed: {why}; tried again {_when(note.get('scheduled_at'), event.at)}"
        case "snoozed":
            return f"… snoozed; goes on {_when(note.get('scheduled_at'), event.at)}"
        case "cancel_requested":
            reason = words.one_line(job.cancel_reason, 200)
            return f"⊘ cancel requested by {event.actor_id}{': ' + reason if reason else ''}"
        case "retried":
            return f"↻ retried by {event.actor_id}; finished steps are kept"
        case "progress":
            stage = words.one_line(note.get("stage"), 80)
            percent = note.get("progress")
            return None if percent is None else f"    {percent:.0f} %{'  ' + stage if stage else ''}"
    return None


def _when(at: Any, now: datetime) -> str:
    try:
        return words.ago(datetime.fromisoformat(str(at)), now)
    except ValueError:
        return "later"
