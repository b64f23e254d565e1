"""What a child process is told at its start, before it can speak: where to call, and what to run."""

from __future__ import annotations

from dataclasses import dataclass

from jobtrail.runners.protocol import Assignment


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """What the child reads from its stdin, before anything else: where to call, and what to run. `file` is tried when
    the module cannot be imported by its name. `path` is the worker's path of imports."""

    socket: str
    token: str
    path: list[str]
    module: str
    file: str | None
    qualname: str
    assignment: Assignment
