"""Why a job is where it is, in one sentence for people. Pure: what is asked of the database comes in as Facts."""

from __future__ import annotations

from shlex import quote
from typing import assert_never

from jobtrail.core import why_waits
from jobtrail.core.facts import Facts
from jobtrail.core.ids import short
from jobtrail.core.spoken import ago, span, when
from jobtrail.core.status import JobStatus, WaitReason

_COUNTED = 10_000
_LONGEST = 300

_WAITS_FOR = {
    WaitReason.QUOTA: "It waits for the quota of its provider",
    WaitReason.BUDGET: "Its budget is spent",
    WaitReason.PAUSED: "It is paused",
    WaitReason.LIMIT: "As many jobs like it run as its limit allows",
}


def sentence(facts: Facts) -> str:
    """Why the job waits, runs, failed or ended as it did, and what helps, if something does.

    The facts are those of one moment; the sentence is true for that moment.
    """
    status = JobStatus(facts.status)
    match status:
        case JobStatus.PENDING:
            return _pending(facts)
        case JobStatus.VALIDATING:
            where = f"on worker {facts.worker}" if facts.worker else "on a worker that is gone; another takes over soon"
            return f"Its input is being checked before it takes a slot, {where}."
        case JobStatus.QUEUED:
            return _queued(facts)
        case JobStatus.RUNNING:
            return _running(facts)
        case JobStatus.COMPLETED:
            return "It is done."
        case JobStatus.FAILED:
            return _failed(facts)
        case JobStatus.CANCELLED:
            return f"It was cancelled{_because(facts)}."
        case _:
            assert_never(status)


def _pending(facts: Facts) -> str:
    reason = None if facts.wait_reason is None else WaitReason(facts.wait_reason)
    if reason is None:
        return "It was accepted and goes to its queue at once."
    if reason is WaitReason.RETRY:
        tries = f"It failed ({_failure(facts)}){_because(facts)}"
        return f"{tries}; it is tried again {when(facts.scheduled_at, facts.now)}."
    if reason is WaitReason.SCHEDULE:
        said = f"; its code said: {_cut(facts.said)}" if facts.said else ""
        return f"It is scheduled to start {when(facts.scheduled_at, facts.now)}{said}."
    if reason is WaitReason.VALIDATION:
        return _unchecked(facts)
    if reason is WaitReason.GATE:
        return _asked(facts)
    if reason is WaitReason.BUDGET and (spent := why_waits.budget(facts)) is not None:
        return spent
    known = f"it waits for the signal {facts.signal}"  # what is said anyway
    said = f" ({_cut(facts.said)})" if facts.said and facts.said != known else ""
    return f"{_waits_for(reason, facts)}{said}{_again(reason, facts)}."


def _waits_for(reason: WaitReason, facts: Facts) -> str:
    if reason is WaitReason.DEPENDENCY:
        return why_waits.needs(facts, started=False)
    if reason is WaitReason.CHILD:
        return f"{why_waits.needs(facts, started=True)}; it holds no slot meanwhile"
    if reason is WaitReason.SIGNAL:
        which = "a signal" if facts.signal is None else f"the signal {_cut(facts.signal)}"
        return f"It waits for {which} and holds no slot meanwhile"
    return _WAITS_FOR[reason]


def _asked(facts: Facts) -> str:
    asked = f' on "{_cut(facts.question)}"' if facts.question else ""
    many = facts.gate_needed or 1
    so_far = f" ({facts.gate_approved or 0} of {many} have approved)" if many > 1 else ""
    decide = f"decide with `jobtrail gate approve {_job(facts)}` or `jobtrail gate reject {_job(facts)}`"
    return f"It waits for a decision{asked}{so_far}; {decide}."


def _job(facts: Facts) -> str:
    """What to type for the job."""
    return "JOB" if facts.id is None else short(facts.id)


def _again(reason: WaitReason, facts: Facts) -> str:
    """What ends the wait."""
    at = None if facts.scheduled_at is None else when(facts.scheduled_at, facts.now)
    match reason:
        case WaitReason.QUOTA if at is not None:
            return f", which comes back {at}"
        case WaitReason.QUOTA:
            return "; start it when there is some"
        case WaitReason.BUDGET if at is not None:
            return f"; raise the budget and start it, or it goes on {at}"
        case WaitReason.BUDGET:
            return "; raise the budget and start it"
        case WaitReason.SIGNAL if facts.signal is not None:
            said = f"; say it with `jobtrail job signal {_job(facts)} {quote(facts.signal)}`"
            return said if at is None else f"{said}, or it goes on without one {at}"
        case _:
            return "" if at is None else f"; it is tried {at} if nothing comes"


def _unchecked(facts: Facts) -> str:
    waits = "Its input waits to be checked"
    if facts.error_message and facts.error_code in ("validator_failed", "lost"):
        again = f", {when(facts.scheduled_at, facts.now)}" if facts.error_code == "validator_failed" else ""
        return f"{waits} once more ({_cut(facts.error_message)}){again}."
    if facts.workers_of_type == 0:
        return f"{waits}, and no worker that serves its queue {facts.queue} knows its type {facts.type}; start one."
    return f"{waits} before it takes a slot."


def _queued(facts: Facts) -> str:
    queue = f"queue {facts.queue}"
    if (stopped := why_waits.paused(facts)) is not None:
        return stopped
    if facts.workers_of_queue == 0:
        return f"No worker serves its {queue}; start one with `jobtrail worker start -q {quote(facts.queue)}`."
    if facts.workers_of_type == 0:
        workers = _counted(facts.workers_of_queue, "worker serves", "workers serve")
        return f"{workers} its {queue}, but none knows its type {facts.type}; start one whose app has it."
    for stopped in (why_waits.away(facts), why_waits.too_large(facts), why_waits.held(facts)):
        if stopped is not None:
            return stopped
    if facts.ahead:
        before = _counted(facts.ahead, "job is", "jobs are")
        return f"{before} ahead of it in {queue}{_waited(facts)}{why_waits.estimate(facts)}."
    return f"It is the next of {queue} and starts as soon as a worker has a free slot{_waited(facts)}."


def _running(facts: Facts) -> str:
    where = f"on worker {facts.worker}" if facts.worker else "on a worker that is gone; another takes over soon"
    if facts.cancel_requested_at is not None:
        return f"It is being cancelled (asked {ago(facts.cancel_requested_at, facts.now)}) and still runs {where}."
    if facts.worker and facts.failure_count:
        return f"It runs {where}, after {_counted(facts.failure_count, 'failure', 'failures')}."
    return f"It runs {where}."


def _failed(facts: Facts) -> str:
    if facts.error_code == "quarantined":
        return (
            f"It was put aside because its worker was lost each time that it ran{_because(facts)}; "
            "when the cause is found, use `jobtrail job retry`."
        )
    if facts.failure_count > 1:
        return f"It failed {facts.failure_count} times{_because(facts)}."
    return f"It failed{_because(facts)}."


def _failure(facts: Facts) -> str:
    return f"failure {facts.failure_count} of {facts.max_attempts}"


def _because(facts: Facts) -> str:
    """The error as the end of a clause. Messages of exceptions often begin with the code that we have already."""
    message, code = _cut(facts.error_message), facts.error_code
    if message and code and not message.startswith(code):
        return f": {code}: {message}"
    return f": {message or code}" if message or code else ""


def _waited(facts: Facts) -> str:
    return "" if facts.queued_at is None else f"; it has been ready for {span(facts.now - facts.queued_at)}"


def _counted(number: int, one: str, many: str) -> str:
    if number > _COUNTED:
        return f"More than {_COUNTED} {many}"
    return f"{number} {one if number == 1 else many}"


def _cut(text: str | None) -> str:
    """One line, not too long, and without a full stop, for it stands inside a sentence."""
    line = " ".join((text or "").split()).rstrip(".")
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
