"""`jobtrail job logs`: what a job printed and wrote."""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Annotated, Final
from uuid import UUID

from cyclopts import Parameter

from jobtrail.cli import exits, job_follow, place, refs, show, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Ref, Switch
from jobtrail.cli.follow import LOOK_SECONDS
from jobtrail.cli.screen import log_text
from jobtrail.cli.telling import Usage
from jobtrail.client import JobsClient
from jobtrail.core.errors import Invalid, NotFound
from jobtrail.core.loglines import LogLine
from jobtrail.core.status import FINAL, LogLevel

_LEVELS: Final = tuple(LogLevel)


def logs(
    job: Ref = "@last",
    /,
    *,
    follow: Annotated[bool, Parameter(alias="-f", negative=())] = False,
    attempt: int | None = None,
    step: str | None = None,
    level: str | None = None,
    grep: str | None = None,
    tail: int | None = None,
    raw: Annotated[bool, Switch] = False,
    flags: Flags = NO_FLAGS,
) -> int:
    """What a job printed and wrote, in order.

    Parameters
    ----------
    job
        An id, four or more digits of its start or end, @last or @failed.
    follow
        Go on until the job has ended.
    attempt
        Only of the attempt of this number.
    step
        Only of the step of this name.
    level
        Only lines that matter at least so much: DEBUG, INFO, WARN, ERROR, FATAL.
    grep
        Only lines in which this regular expression is found.
    tail
        Only the last so many lines.
    raw
        Only the messages, without time and level.
    """
    wanted = _levels(level)
    pattern = _pattern(grep)
    with place.client(flags) as client:
        job_id = refs.job_id(client, job)
        source = _Source(client, job_id, _attempt(client, job_id, attempt), _step(client, job_id, step), wanted)
        if tail is not None and pattern is None:
            found: Iterable[LogLine] = source.last(max(tail, 0))
        else:
            found = (line for line in source.new() if _fits(line, wanted, pattern))
            found = found if tail is None else deque(found, maxlen=max(tail, 0))
        if flags.output == "json" and not follow:
            show.document([show.plain(line) for line in found])
            return exits.OK
        _print(found, flags, raw=raw)
        if not follow:
            return exits.OK
        with job_follow.detaching() as halt:
            while True:
                ended = client.get(job_id).status in FINAL
                _print((line for line in source.new() if _fits(line, wanted, pattern)), flags, raw=raw)
                if ended:
                    return exits.OK
                if halt.wait(LOOK_SECONDS):
                    return exits.INTERRUPTED


class _Source:
    """The log of a job; each call answers what is new."""

    def __init__(
        self,
        client: JobsClient,
        job_id: UUID,
        attempt_id: UUID | None,
        step_id: UUID | None,
        levels: tuple[LogLevel, ...] | None,
    ) -> None:
        self._client, self._job_id = client, job_id
        self._attempt_id, self._step_id, self._levels = attempt_id, step_id, levels
        self._next = 1

    def last(self, count: int) -> list[LogLine]:
        """The last lines, without those before them; what comes later is new."""
        end = self._client.logs(self._job_id, tail=1)
        lines = self._client.logs(
            self._job_id, tail=count, attempt_id=self._attempt_id, step_id=self._step_id, levels=self._levels
        )
        self._next = max([line.number for line in (*end, *lines[-1:])], default=0) + 1
        return lines

    def new(self) -> Iterator[LogLine]:
        """Lines that were not answered yet."""
        while lines := self._client.logs(
            self._job_id,
            from_line=self._next,
            attempt_id=self._attempt_id,
            step_id=self._step_id,
            levels=self._levels,
        ):
            yield from lines
            self._next = lines[-1].number + 1


def _print(found: Iterable[LogLine], flags: Flags, *, raw: bool) -> None:
    for line in found:
        if flags.output in ("json", "jsonl"):
            show.line(show.plain(line))
        elif raw:
            print(line.message)
        else:
            text = log_text(line, with_level=False)
            at = line.at.astimezone().strftime("%H:%M:%S.%f")[:-3] if show.is_terminal() else words.absolute(line.at)
            print(f"{at}  {line.level:<5}  {words.harmless(text) if show.is_terminal() else text}")
    sys.stdout.flush()


def _fits(line: LogLine, levels: tuple[LogLevel, ...] | None, pattern: re.Pattern[str] | None) -> bool:
    return (levels is None or line.level in levels) and (pattern is None or bool(pattern.search(line.message)))


def _levels(level: str | None) -> tuple[LogLevel, ...] | None:
    if level is None:
        return None
    if level.upper() not in _LEVELS:
        raise Usage(f"--level must be one of {', '.join(_LEVELS)}, not {level}")
    return _LEVELS[_LEVELS.index(LogLevel(level.upper())) :]


def _pattern(grep: str | None) -> re.Pattern[str] | None:
    try:
        return None if grep is None else re.compile(grep)
    except re.error as error:
        raise Invalid(f"--grep {grep!r} is no regular expression: {error}") from error


def _attempt(client: JobsClient, job_id: UUID, number: int | None) -> UUID | None:
    if number is None:
        return None
    found = {attempt.number: attempt.id for attempt in client.attempts(job_id)}
    if number not in found:
        raise NotFound(f"job {job_id} has no attempt {number}; it has {words.counted(len(found), 'attempt')}")
    return found[number]


def _step(client: JobsClient, job_id: UUID, name: str | None) -> UUID | None:
    if name is None:
        return None
    steps = client.steps(job_id)
    for step in steps:
        if name in (step.key, step.name):
            return step.id
    there = ", ".join(repr(step.key) for step in steps) or "none"
    raise NotFound(f"job {job_id} has no step {name!r}; it has {there}")
