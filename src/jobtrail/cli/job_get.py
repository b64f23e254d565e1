"""`jobtrail job get`, `events` and `why`: one job, its trail, and the sentence that says why it is where it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from cyclopts import Parameter

from jobtrail.cli import exits, job_follow, place, refs, saying, show, task_refs, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Ref, Switch
from jobtrail.cli.follow import LOOK_SECONDS
from jobtrail.client import JobsClient
from jobtrail.core import why as reasons
from jobtrail.core.model import Attempt, Event, Job, Result, Step
from jobtrail.core.spent import Spent
from jobtrail.core.status import FINAL, JobStatus, WaitReason, allowed_actions

_PAGE = 1_000


def get(job: Ref = "@last", /, *, exit_status: Annotated[bool, Switch] = False, flags: Flags = NO_FLAGS) -> int:
    """One job with its steps, attempts and result.

    Parameters
    ----------
    job
        An id, four or more digits of its start or end, @last or @failed.
    exit_status
        Exit with the outcome of the job, 8 while it has none.
    """
    with place.client(flags) as client:
        found = client.get(refs.job_id(client, job))
        steps, attempts, result = client.steps(found.id), client.attempts(found.id), client.result(found.id)
        said = reasons.sentence(client.facts(found.id))
        spent = task_refs.together(client.usage(found.id))
        budget = _budget(client, found, result)
    waits = None if found.wait_reason is None else WaitReason(found.wait_reason)
    data = {
        "job": found,
        "why": said,
        "allowed_actions": allowed_actions(JobStatus(found.status), waits),
        "steps": steps,
        "attempts": attempts,
        "result": result,
        "usage": spent,
        "budget": budget,
    }
    show.thing(data, lambda: _lines(found, said, steps, attempts, result, _money(spent, budget)), flags)
    return exits.of_job(found.status) if exit_status else exits.OK


def why(job: Ref = "@last", /, *, flags: Flags = NO_FLAGS) -> int:
    """One sentence: why a job waits, runs, failed or was lost.

    Parameters
    ----------
    job
        An id, four or more digits of its start or end, @last or @failed.
    """
    with place.client(flags) as client:
        job_id = refs.job_id(client, job)
        facts = client.facts(job_id)
    said = reasons.sentence(facts)
    if flags.output in ("json", "jsonl"):
        show.line(show.plain({"id": job_id, "why": said, "facts": facts}))
    else:
        print(said)
    return exits.OK


def events(
    job: Ref = "@last",
    /,
    *,
    after: int = 0,
    follow: Annotated[bool, Parameter(alias="-f", negative=())] = False,
    flags: Flags = NO_FLAGS,
) -> int:
    """The trail of a job, in order.

    Parameters
    ----------
    job
        An id, four or more digits of its start or end, @last or @failed.
    after
        Only events after this number.
    follow
        Go on until the job has ended; one line, or one JSON object a line, for each event.
    """
    with place.client(flags) as client:
        job_id = refs.job_id(client, job)
        if not follow:
            found = [event for page in _pages(client, client.get(job_id), after) for event in page]
            _show(found, flags)
            return exits.OK
        line_by_line = Flags(output="jsonl" if flags.output == "json" else flags.output)
        with job_follow.detaching() as halt:
            while True:
                ended = client.get(job_id).status in FINAL  # read first, so that nothing comes after the last page
                for page in _pages(client, client.get(job_id), after):
                    _show(page, line_by_line)
                    after = page[-1].seq
                if ended:
                    return exits.OK
                if halt.wait(LOOK_SECONDS):
                    return exits.INTERRUPTED


def _pages(client: JobsClient, job: Job, after: int) -> Iterator[list[Event]]:
    while page := client.events(job.id, after=after, limit=_PAGE):
        yield page
        after = page[-1].seq


def _show(found: list[Event], flags: Flags) -> None:
    show.rows(
        found,
        [
            show.Column("SEQ", lambda e: e.seq, right=True),
            show.Column("AT", lambda e: words.absolute(e.at)),
            show.Column("EVENT", lambda e: e.type),
            show.status_column(lambda e: e.status),
            show.Column("ACTOR", lambda e: f"{e.actor_type}:{e.actor_id or ''}", _actor, rank=1),
            show.Column("SAYS", _says, lambda e: words.one_line(_says(e), 100), rank=2),
        ],
        flags,
    )


def _actor(event: Event) -> str:
    return (
        saying.worker_of(event.actor_id)
        if event.actor_type == "worker"
        else f"{event.actor_type} {event.actor_id or ''}"
    )


def _says(event: Event) -> str:
    note = event.payload if isinstance(event.payload, dict) else {}
    return " ".join(f"{key}={value}" for key, value in note.items())


def _lines(
    job: Job,
    said: str,
    steps: list[Step],
    attempts: list[Attempt],
    result: Result | None,
    money: Iterable[tuple[str, object]],
) -> Iterator[tuple[str, object]]:
    yield "id", job.id
    yield "type", job.type
    yield "title", job.title
    yield "status", f"{words.glyph(job.status)} {job.status}"
    yield "why", said
    yield "queue", f"{job.queue}, priority {job.priority}"
    if job.unique_key is not None:
        until = "" if job.unique_until is None else f", until {words.absolute(job.unique_until)} at most"
        yield "unique key", f"{job.unique_key} ({job.unique_scope}{until})"
    yield "progress", f"{job.progress:.0f} %{'  ' + job.stage if job.stage else ''}" if job.progress else None
    yield "tags", ", ".join(job.tags)
    yield "made", f"{words.absolute(job.created_at)} by {job.created_by}"
    yield "started", words.absolute(job.started_at)
    yield "ended", words.absolute(job.completed_at)
    yield "took", words.length(job.actual_seconds)
    yield "error", f"{job.error_code}: {job.error_message}" if job.error_message else job.error_code
    yield from money
    yield "input", _json(job.input)
    yield "result", _json(result.output) if result else None
    yield "attempts", "\n".join(map(_attempt, attempts))
    yield "steps", "\n".join(map(_step, steps))


def _money(spent: Spent, budget: Mapping[str, Any] | None) -> Iterator[tuple[str, object]]:
    """What was used, and what of the budget, a limit a line."""
    yield "used", task_refs.used(spent)
    pairs = [(name, pair) for name, pair in (budget or {}).items() if isinstance(pair, dict)]
    lines = (f"{pair.get('used')} of {pair.get('limit')} {name}" for name, pair in pairs)
    yield "budget", "\n".join(words.one_line(line) for line in lines)


def _budget(client: JobsClient, job: Job, result: Result | None) -> Mapping[str, Any] | None:
    """What was spent of a job's budget, as its result tells, or else the newest event about it; None where none does."""
    output = result.output if result is not None else None
    if isinstance(output, dict) and isinstance(output.get("budget"), dict):
        return dict(output["budget"])
    if not isinstance(job.input, dict) or not job.input.get("budget"):
        return None
    newest = client.events(job.id, after=max(0, job.version - _PAGE), limit=_PAGE)
    told = [event.payload.get("budget") for event in newest
            if event.type.startswith("budget.") and isinstance(event.payload, dict)]  # fmt: skip
    return told[-1] if told and isinstance(told[-1], dict) else None


def _attempt(attempt: Attempt) -> str:
    took = words.length(words.between(attempt.started_at, attempt.ended_at))
    why = words.one_line(attempt.error_message or attempt.error_code, 120)
    where = saying.worker_of(attempt.worker_id)
    return f"{attempt.number}  {words.glyph(attempt.status)} {attempt.status}  {took}  {where}  {why}".rstrip()


def _step(step: Step) -> str:
    took = "" if step.duration_ms is None else words.length(step.duration_ms / 1000)
    why = words.one_line(step.error_message, 120)
    return f"{words.glyph(step.status)} {words.one_line(step.name, 60)}  {step.status}  {took}  {why}".rstrip()


def _json(value: object) -> str | None:
    import json

    return None if value in (None, {}) else json.dumps(show.plain(value), ensure_ascii=False)
