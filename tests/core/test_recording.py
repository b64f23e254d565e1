"""A recording is read as it was written, has everything in the order of its happening, and tells when it is cut off."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from jobtrail.core.errors import Invalid
from jobtrail.core.loglines import LogLine
from jobtrail.core.model import Attempt, Event, Job, Result, Step, Usage
from jobtrail.core.recording import End, Header, Part, Wanted, What, read, record

START = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
FIRST, SECOND, STEP, WORKER = (uuid4() for _ in range(4))
JOB = Job(
    id=uuid4(), workspace_id=uuid4(), project_id=None, task_id=None, parent_id=None, rerun_of=None, type="demo",
    queue="default", status="COMPLETED", wait_reason=None, stage=None, priority=5, title="a title", tags=["x"],
    input={"deep": [1, {"a": None}]}, version=4, generation=1, progress=100.0, attempt_id=SECOND, attempt_count=2,
    failure_count=1, loss_count=0, max_attempts=3, backoff_type="FIXED", backoff_delay_ms=0, backoff_max_ms=0,
    timeout_seconds=None, idle_timeout_seconds=1.5, queue_timeout_seconds=None, scheduled_at=None, cancel_at=None,
    cancel_requested_at=None, cancel_reason=None, estimated_seconds=None, actual_seconds=3.25, error_code=None,
    error_message=None, unique_key=None, concurrency_key=None, created_by="user:me", created_at=START,
    queued_at=START, started_at=START, completed_at=START + timedelta(seconds=9), updated_at=START,
)  # fmt: skip


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def event(seq: int, seconds: float, type: str, status: str, attempt: UUID | None = None) -> Event:
    return Event(
        JOB.id, seq, type, status, None, attempt, "worker", str(WORKER), {"n": seq}, at(seconds), bytes([seq] * 32)
    )


def line(number: int, seconds: float, attempt: UUID = FIRST) -> LogLine:
    return LogLine(number, at(seconds), "INFO", "STDOUT", f"line {number}", attempt, None, details={"raw": "{}"})


EVENTS = (
    event(1, 0, "job.created", "QUEUED"),
    event(2, 1, "job.started", "RUNNING", FIRST),
    event(3, 5, "job.retry_scheduled", "PENDING", FIRST),
    event(4, 9, "job.completed", "COMPLETED", SECOND),
)
ATTEMPT = Attempt(FIRST, JOB.id, 1, "FAILED", WORKER, 7, "s", 0.0, 1.5, 1, 2, 3, "boom", "it", "stack", at(1), at(5))
RAN = Step(STEP, JOB.id, FIRST, 1, "k", "n", "EXECUTION", "COMMAND", "COMPLETED", [1], 1, 2, Decimal("0.5"), None, at(1),
           at(2), 1_000)  # fmt: skip
USED = Usage(JOB.id, FIRST, 1, None, "p", "m", 1, 2, 3, 4, None, None, at(2))
MADE = Result(JOB.id, 1, "SUCCESS", "fine", {"a": 1}, 5, 7, Decimal("0.25"), at(9))


def recorded(
    job: Job = JOB,
    *,
    events: Sequence[Event] = EVENTS,
    lines: Sequence[LogLine] = (),
    usage: Sequence[Usage] = (USED,),
    result: Result | None = MADE,
    page: int = 2,
) -> list[bytes]:
    """The lines of a recording whose events and lines are read `page` at a time."""
    answers: dict[What, Callable[[Wanted], Any]] = {
        What.ATTEMPTS: lambda _: [ATTEMPT],
        What.STEPS: lambda _: [RAN],
        What.USAGE: lambda _: list(usage),
        What.EVENTS: lambda wanted: [one for one in events if one.seq > wanted.after][:page],
        What.LINES: lambda wanted: [one for one in lines if one.number > wanted.after][:page],
        What.RESULT: lambda _: result,
    }
    found: list[bytes] = []
    course, answer = record(job), None
    while True:
        try:
            said = course.send(answer)
        except StopIteration:
            return found
        answer = None
        if isinstance(said, bytes):
            found.append(said)
        else:
            answer = answers[said.what](said)


def order(parts: Sequence[Part]) -> list[str]:
    """What happened, in short."""
    names = {
        Event: lambda one: f"e{one.seq}",
        LogLine: lambda one: f"l{one.number}",
        Usage: lambda one: f"u{one.number}",
    }
    return [names[type(part)](part) for part in parts if type(part) in names]


def test_a_recording_is_read_as_it_was_written() -> None:
    lines = [line(1, 1.5), line(2, 2.5)]
    parts = list(read(recorded(lines=lines)))
    assert parts[0] == Header(replace(JOB, workspace_id=UUID(int=0)))
    assert parts[1:3] == [ATTEMPT, RAN]
    assert parts[3:] == [
        EVENTS[0], EVENTS[1], lines[0], USED, lines[1], EVENTS[2], EVENTS[3], MADE, End(4, 2, 1, complete=True),
    ]  # fmt: skip


def test_the_times_of_what_happened_are_told_from_the_beginning_of_the_job() -> None:
    told = [json.loads(raw) for raw in recorded()]
    assert [list(one) for one in told][:3] == [["header"], ["attempt"], ["step"]]
    assert [one["event"]["offset_us"] for one in told if "event" in one] == [0, 1_000_000, 5_000_000, 9_000_000]
    assert "workspace_id" not in told[0]["header"]["job"]


@pytest.mark.parametrize("page", [1, 2, 3, 100])
def test_however_it_is_read_the_bytes_are_the_same(page: int) -> None:
    lines = [line(n, n / 2) for n in range(1, 9)]
    assert recorded(lines=lines, page=page) == recorded(lines=lines)


def test_no_line_comes_before_its_attempt_began_or_after_it_ended_whatever_the_clocks_say() -> None:
    early, late = [line(1, -3), line(2, 7)], [line(3, 2, SECOND), line(4, 20, SECOND)]
    events = (
        *EVENTS[:3],
        event(4, 6, "job.started", "RUNNING", SECOND),
        event(5, 9, "job.completed", "COMPLETED", SECOND),
    )
    parts = list(read(recorded(replace(JOB, version=5), events=events, lines=[*early, *late], usage=())))
    assert order(parts) == ["e1", "e2", "l1", "l2", "e3", "e4", "l3", "l4", "e5"]


def test_lines_of_an_attempt_of_which_no_event_tells_come_at_the_end() -> None:
    parts = list(read(recorded(lines=[line(1, 0, UUID(int=5))], usage=())))
    assert order(parts) == ["e1", "e2", "e3", "e4", "l1"]


def test_what_happened_after_the_job_was_read_is_left_out() -> None:
    job = replace(JOB, version=2, status="RUNNING")
    parts = list(read(recorded(job, result=None, usage=())))
    assert order(parts) == ["e1", "e2"]
    assert parts[-1] == End(2, 0, 0, complete=False)


def test_what_a_later_program_writes_is_passed_over() -> None:
    raw = recorded()
    assert list(read([*raw[:3], b'{"dream": {"of": 1}}\n', *raw[3:]])) == list(read(raw))


def test_a_recording_that_is_cut_off_says_so_after_what_there_is() -> None:
    raw = recorded()
    for cut in range(len(raw)):
        found: list[Part] = []
        with pytest.raises(Invalid, match="cut off"):
            found.extend(read(raw[:cut]))
        assert len(found) == cut
    with pytest.raises(Invalid, match=f"line {len(raw)} cannot be read"):
        list(read([*raw[:-1], raw[-1][:-5]]))
    with pytest.raises(Invalid, match="after its end"):
        list(read([*raw, raw[1]]))


@pytest.mark.parametrize(
    "wrong",
    [
        b"", b"[]\n", b"7\n", b"{}\n", b'{"header": 1}\n', b'{"header": {"version": 9, "job": {}}}\n',
        b'{"header": {"version": 1, "job": {}}}\n', b'{"event": {}}\n', b"\xff\n", b'{"a": 1, "b": 2}\n',
    ],
)  # fmt: skip
def test_what_is_no_recording_is_refused(wrong: bytes) -> None:
    with pytest.raises(Invalid, match="line 1 "):
        list(read([wrong]))


@pytest.mark.parametrize(
    "wrong",
    [
        '{"event": {}}', '{"event": {"offset_us": "x", "hash": ""}}', '{"log": {"offset_us": 1e300}}', '{"log": []}',
        '{"usage": null}', '{"attempt": {"id": 7}}', '{"end": {}}', '{"event": {"offset_us": 99999999999999999999}}',
        '{"event": ' + "[" * 100_000,
    ],
)  # fmt: skip
def test_a_line_that_is_wrong_is_named(wrong: str) -> None:
    with pytest.raises(Invalid, match="line 2 "):
        list(read([recorded()[0], wrong]))
