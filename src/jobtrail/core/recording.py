"""Recordings: a job as lines of JSON, all that happened to it in the order of its happening, to be replayed or tested with.

Line by line: `header` with the job, its `attempt`s and `step`s; then `event`, `log` and `usage`, each with the microseconds
since the job was made; then its `result` and an `end` that counts them. Nothing is read or written here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeAlias, TypeVar
from uuid import UUID

import msgspec

from jobtrail.core.errors import Invalid
from jobtrail.core.loglines import LogLine
from jobtrail.core.model import Attempt, Event, Job, Result, Step, Usage
from jobtrail.core.status import FINAL, JobStatus

T = TypeVar("T")

VERSION: Final = 1
MEDIA_TYPE: Final = "application/x-ndjson"
PAGE: Final = 500
_MICROSECOND: Final = timedelta(microseconds=1)
_NOBODY: Final = UUID(int=0)
"""Whose a job is that was read from a recording: a recording does not tell."""


class What(StrEnum):
    """What a recorder needs of a job."""

    ATTEMPTS = "attempts"
    STEPS = "steps"
    USAGE = "usage"
    EVENTS = "events"
    LINES = "lines"
    RESULT = "result"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Something that is to be looked up. Events come after the seq `after`, lines after the number `after`: some, or all
    that there are; an empty list means the end."""

    what: What
    after: int = 0


@dataclass(frozen=True, slots=True)
class Header:
    """The first line. `job` is as it was when it was recorded."""

    job: Job


@dataclass(frozen=True, slots=True)
class End:
    """The last line: how many there were of each, and whether the job had ended."""

    events: int
    lines: int
    usage: int
    complete: bool


Happening: TypeAlias = Event | LogLine | Usage
Part: TypeAlias = Header | Attempt | Step | Happening | Result | End

Recorder: TypeAlias = Generator[Wanted | bytes, Any, None]
"""Yields the lines, and between them what it wants: it is sent what was found."""


def record(job: Job) -> Recorder:
    """The recording of a job as it stands. The same job gives the same bytes."""
    yield _line("header", {"version": VERSION, "job": _facts(job)})
    attempts: list[Attempt] = yield Wanted(What.ATTEMPTS)
    for attempt in attempts:
        yield _line("attempt", attempt)
    steps: list[Step] = yield Wanted(What.STEPS)
    for step in steps:
        yield _line("step", step)
    used: list[Usage] = yield Wanted(What.USAGE)
    counts = yield from _happenings(job, used)
    result: Result | None = yield Wanted(What.RESULT)
    if result is not None:
        yield _line("result", result)
    complete = JobStatus(job.status) in FINAL
    yield _line("end", {**counts, "complete": complete})


def _happenings(job: Job, used: Sequence[Usage]) -> Generator[Wanted | bytes, Any, dict[str, int]]:
    """Events, lines and usage by their times; but no line before its attempt has begun, or after it has ended: lines have
    the time of the worker's clock, events of the database's."""
    counts = {"events": 0, "lines": 0, "usage": 0}
    begun: set[UUID] = set()
    events: deque[Event] = deque()
    lines: deque[LogLine] = deque()
    usage = deque(used)
    seq = number = 0
    more_events = more_lines = True
    while True:
        if not events and more_events:
            found = [event for event in (yield Wanted(What.EVENTS, seq)) if event.seq <= job.version]
            more_events = bool(found)
            seq = found[-1].seq if found else seq
            events.extend(found)
        if not lines and more_lines:
            lines.extend((yield Wanted(What.LINES, number)))
            more_lines = bool(lines)
            number = lines[-1].number if lines else number
        if usage and _is_first(usage[0].at, events, lines):
            one = usage.popleft()
            counts["usage"] += 1
            yield _happening("usage", job, one.at, one, without=("job_id",))
        elif lines and _may_come(lines[0], events, begun):
            line = lines.popleft()
            counts["lines"] += 1
            yield _happening("log", job, line.at, line)
        elif events:
            event = events.popleft()
            counts["events"] += 1
            if event.attempt_id is not None:
                begun.add(event.attempt_id)
            yield _happening("event", job, event.at, event, without=("job_id",))
        else:
            return counts


def _is_first(at: datetime, events: Sequence[Event], lines: Sequence[LogLine]) -> bool:
    return all(at <= heads[0].at for heads in (events, lines) if heads)


def _may_come(line: LogLine, events: Sequence[Event], begun: set[UUID]) -> bool:
    if not events:
        return True
    if line.attempt_id not in begun:
        return False
    event = events[0]
    ends = event.attempt_id == line.attempt_id and event.status != JobStatus.RUNNING
    return ends or line.at <= event.at


def _happening(name: str, job: Job, at: datetime, what: Happening, *, without: Sequence[str] = ()) -> bytes:
    said = {name: value for name, value in _fields(what).items() if name not in ("at", *without) and value is not None}
    if isinstance(what, Event):
        said["hash"] = what.hash.hex()
    return _line(name, {"offset_us": (at - job.created_at) // _MICROSECOND} | said)


def _facts(job: Job) -> dict[str, Any]:
    return {name: value for name, value in _fields(job).items() if name != "workspace_id"}


def _fields(what: Any) -> dict[str, Any]:
    return {name: getattr(what, name) for name in what.__slots__}


def _line(name: str, value: object) -> bytes:
    return msgspec.json.encode({name: value}) + b"\n"


def read(lines: Iterable[bytes | str]) -> Iterator[Part]:
    """The parts of a recording, in order. Raises Invalid with the line that cannot be read, or when it is cut off."""
    number, job, ended = 0, None, False
    for number, raw in enumerate(lines, 1):
        if ended:
            raise Invalid(f"line {number} of the recording comes after its end")
        try:
            said = msgspec.json.decode(raw)
            ((name, value),) = said.items()
            part = _header(value) if job is None else _part(name, value, job)
        except (
            msgspec.MsgspecError,
            ValueError,
            AttributeError,
            TypeError,
            KeyError,
            OverflowError,
            RecursionError,
        ) as wrong:
            raise Invalid(f"line {number} cannot be read as one of a recording: {wrong}") from wrong
        if part is None:
            continue
        if isinstance(part, Header):
            job = part.job
        ended = isinstance(part, End)
        yield part
    if not ended:
        raise Invalid(f"the recording is cut off after line {number}")


def _header(value: dict[str, Any]) -> Header:
    if value["version"] != VERSION:
        raise ValueError(f"it is of version {value['version']}, and only {VERSION} is known here")
    return Header(msgspec.convert({**value["job"], "workspace_id": _NOBODY}, Job))


def _part(name: str, value: dict[str, Any], job: Job) -> Part | None:
    """None for what a later program may write and this one does not know."""
    match name:
        case "attempt":
            return msgspec.convert(value, Attempt)
        case "step":
            return msgspec.convert(value, Step)
        case "event":
            blank = dict.fromkeys(("step_id", "attempt_id", "actor_id", "payload"))
            return _timed(blank | value | {"hash": bytes.fromhex(value["hash"]), "job_id": job.id}, Event, job)
        case "log":
            return _timed({"step_id": None} | value, LogLine, job)
        case "usage":
            blank = dict.fromkeys(("step_id", "cost_usd", "price_source"))
            return _timed(blank | value | {"job_id": job.id}, Usage, job)
        case "result":
            return msgspec.convert(value, Result)
        case "end":
            return msgspec.convert(value, End)
    return None


def _timed(value: dict[str, Any], wanted: type[T], job: Job) -> T:
    at = job.created_at + value["offset_us"] * _MICROSECOND
    return msgspec.convert({**value, "at": at}, wanted)
