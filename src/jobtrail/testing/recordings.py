"""Recordings in tests: one that was read as a whole, and an agent program that says once more what was recorded."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec

from jobtrail.core.errors import Invalid, NotFound
from jobtrail.core.loglines import LogLine
from jobtrail.core.model import Attempt, Event, Job, Result, Step, Usage
from jobtrail.core.recording import End, Header, Part, read
from jobtrail.testing import agent_program

_COMPONENT: Final = "claude"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One run of the agent program: the lines of stream-json that it printed, and the exit code it is replayed with."""

    lines: tuple[str, ...]
    exit_code: int

    @property
    def result(self) -> dict[str, Any] | None:
        """Its last `result` line, None when it had none."""
        found = [said for said in map(_said, self.lines) if said.get("type") == "result"]
        return found[-1] if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A job as it was recorded. `complete`: it had ended by then."""

    job: Job
    attempts: tuple[Attempt, ...]
    steps: tuple[Step, ...]
    events: tuple[Event, ...]
    lines: tuple[LogLine, ...]
    usage: tuple[Usage, ...]
    result: Result | None
    complete: bool

    @property
    def invocations(self) -> tuple[Invocation, ...]:
        """What the agent of a `claude` job printed, invocation by invocation; none for jobs of other types."""
        codes = {attempt.id: attempt.exit_code for attempt in self.attempts}
        found: list[tuple[list[str], int | None]] = []
        before: UUID | None = None
        for attempt, raw in _raw_lines(self.lines):
            if attempt != before or _begins(raw):
                found.append(([], codes.get(attempt)))
            before = attempt
            found[-1][0].append(raw)
        return tuple(Invocation(lines=tuple(lines), exit_code=_exit_code(lines, code)) for lines, code in found)


def recording(path: str | Path) -> Recording:
    """Reads a recording that `jobtrail job record` wrote. Raises NotFound, or Invalid with the line that is wrong."""
    try:
        with Path(path).open("rb") as file:
            parts = list(read(file))
    except FileNotFoundError:
        raise NotFound(f"there is no recording {path}") from None
    header, end = parts[0], parts[-1]
    if not isinstance(header, Header) or not isinstance(end, End):
        raise Invalid(f"{path} is no whole recording")
    return Recording(
        job=header.job,
        attempts=_of(parts, Attempt),
        steps=_of(parts, Step),
        events=_of(parts, Event),
        lines=_of(parts, LogLine),
        usage=_of(parts, Usage),
        result=next(iter(_of(parts, Result)), None),
        complete=end.complete,
    )


def fake_agent(what: Recording | str | Path, folder: str | Path) -> Path:
    """Writes a program `claude` into a folder that says, invocation by invocation, what was recorded; answers its path.

    The n-th time it is run it prints what the n-th recorded invocation printed, as of the session that it is run with, and
    exits alike. It uses no tools and no network. Set JOBTRAIL_CLAUDE_PATH to it. Raises Invalid for a recording in which no
    agent spoke.
    """
    found = what if isinstance(what, Recording) else recording(what)
    invocations = found.invocations
    if not invocations:
        raise Invalid(f"no agent spoke in the recording of job {found.job.id}: it is of type {found.job.type}")
    here = Path(folder)
    here.mkdir(parents=True, exist_ok=True)
    script = here / "claude.recorded.json"
    turns = [{"lines": one.lines, "exit_code": one.exit_code} for one in invocations]
    script.write_text(json.dumps({"turns": turns}))
    script.with_suffix(".said").unlink(missing_ok=True)
    program = here / "claude"
    words = [sys.executable, "-I", str(Path(agent_program.__file__).resolve()), str(script.resolve())]
    program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    program.chmod(0o755)
    return program


def _of(parts: Sequence[Part], wanted: type[Any]) -> tuple[Any, ...]:
    return tuple(part for part in parts if isinstance(part, wanted))


def _raw_lines(lines: Sequence[LogLine]) -> list[tuple[UUID, str]]:
    """The lines of the program as they were, long ones put together again, each with its attempt."""
    found: list[tuple[UUID, str]] = []
    for line in lines:
        raw = line.details.get("raw") if isinstance(line.details, dict) else None
        if line.component != _COMPONENT or not isinstance(raw, str):
            continue
        if line.details.get("part", 1) != 1 and found:
            attempt, before = found[-1]
            found[-1] = attempt, before + raw
        else:
            found.append((line.attempt_id, raw))
    return found


def _begins(raw: str) -> bool:
    said = _said(raw)
    return said.get("type") == "system" and said.get("subtype") == "init"


def _exit_code(lines: Sequence[str], code: int | None) -> int:
    """As its result says, for an attempt has one exit code and may have had several invocations."""
    results = [said for said in map(_said, lines) if said.get("type") == "result"]
    if results:
        return 1 if results[-1].get("is_error") else 0
    return code if code is not None and 0 < code < 256 else 1


def _said(raw: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
