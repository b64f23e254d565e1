"""How a job looks in a row: one function a cell. Nothing is drawn here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from jobtrail.cli import words
from jobtrail.cli.tui.spans import Column, Span, safe, status
from jobtrail.core.ids import short
from jobtrail.core.model import Job
from jobtrail.core.status import JobStatus

COLUMNS: Final = (
    Column("ID"),
    Column("STATUS"),
    Column("TYPE", rank=3, widest=18),
    Column("TITLE", widest=120, grows=True),
    Column("STAGE", rank=4, widest=14),
    Column("PROGRESS", rank=2),
    Column("TRIES", right=True, rank=6),
    Column("QUEUE", rank=7, widest=14),
    Column("TIME", right=True, rank=5),
    Column("MADE", right=True, rank=1),
)
_BAR: Final = 7
_FEW: Final = 3


def cells(job: Job) -> tuple[Span, ...]:
    """A job as the cells of COLUMNS."""
    ran = job.actual_seconds
    if job.status == JobStatus.RUNNING:
        ran = words.between(job.started_at, None)
    return (
        (short(job.id), "strong"),
        _status(job),
        (safe(job.type), ""),
        title(job),
        (safe(job.stage) if job.status == JobStatus.RUNNING else "", "dim"),
        (progress(job, _BAR), "run"),
        (f"{job.attempt_count}/{job.max_attempts}" if job.attempt_count else "", "dim"),
        (safe(job.queue), "dim"),
        (words.length(ran), "dim"),
        (words.ago(job.created_at).removesuffix(" ago"), "dim"),
    )


def title(job: Job) -> Span:
    """The title, or what stands first in its input; of one that went wrong, what went wrong."""
    name = safe(job.title, 200) or _first_of(job)
    wrong = {JobStatus.FAILED: job.error_message or job.error_code, JobStatus.CANCELLED: job.cancel_reason}
    why = safe(wrong.get(JobStatus(job.status)), 200)
    if why:
        return (f"{name} · {why}" if name else why, "")
    return (name, "" if job.title else "dim")


def progress(job: Job, width: int) -> str:
    """A bar and the percent of a job that runs or ran."""
    if job.status != JobStatus.RUNNING or job.progress <= 0:
        return ""
    return f"{words.bar(job.progress, width)} {job.progress:3.0f}%"


def _status(job: Job) -> Span:
    text, how = status(job.status)
    if job.status == JobStatus.PENDING and job.wait_reason:
        return (f"{text} {safe(job.wait_reason).lower()}", how)
    if job.status == JobStatus.RUNNING and job.cancel_requested_at is not None:
        return (f"{text} stopping", "warn")
    return (text, how)


def _first_of(job: Job) -> str:
    if not isinstance(job.input, Mapping):
        return ""
    plain = [(name, value) for name, value in job.input.items() if isinstance(value, str | int | float | bool)]
    return " ".join(f"{safe(name, 30)}={safe(value, 60)}" for name, value in plain[:_FEW])
