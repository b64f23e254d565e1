"""A pipeline as people write it: the keys and their types, and nothing of what they mean."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import field

from jobtrail.core.status import Phase, StepType

Span = str | int | float
Output = Literal["stdout_json", "stdout_line"]


class EnvReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`{"env": "NAME"}`: the value of the worker's variable NAME, which is a secret."""

    env: str


EnvValue = str | EnvReference


class StepRetry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often a step's command is tried in all, and how long it waits in between."""

    max_attempts: int = 3
    delay: Span = "1s"


class StepSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One step. `rerun_when_moved` None: as its phase and type have it; the rest is said in `plan.Planned`."""

    name: str
    phase: Phase = Phase.EXECUTION
    type: StepType = StepType.COMMAND
    run: list[str] | str | None = None
    shell: bool = False
    cwd: str | None = None
    env: dict[str, EnvValue] = field(default_factory=dict)
    stdin: str | None = None
    timeout: Span | None = None
    idle_timeout: Span | None = None
    if_: str | None = field(name="if", default=None)
    retry: int | StepRetry | None = None
    artifacts: list[str] = field(default_factory=list)
    continue_on_error: bool = False
    output: Output | None = None
    remember: bool = True
    rerun_when_moved: bool | None = None


class PipelineSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The input of a `command` job that has steps. `input` holds the values that "{input.repo}" stands for."""

    title: str | None = None
    env: dict[str, EnvValue] = field(default_factory=dict)
    input: dict[str, Any] = field(default_factory=dict)
    steps: list[Any]


class CommandSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The input of a `command` job that is one command. It is taken literally: braces are just braces."""

    run: list[str] | str
    shell: bool = False
    cwd: str | None = None
    env: dict[str, EnvValue] = field(default_factory=dict)
    stdin: str | None = None
    timeout: Span | None = None
    idle_timeout: Span | None = None
    artifacts: list[str] = field(default_factory=list)


class JobRetry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a file's job is tried again as a whole; the words of `jobtrail.Retry`."""

    max_attempts: int | None = None
    backoff: str | None = None
    delay: Span | None = None
    max_delay: Span | None = None


class FileSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file that describes a job: its type and options, the defaults of its input, and its steps, if it is a pipeline."""

    type: str = "command"
    title: str | None = None
    queue: str | None = None
    priority: int | str | None = None
    tags: list[str] = field(default_factory=list)
    timeout: Span | None = None
    idle_timeout: Span | None = None
    retry: int | JobRetry | None = None
    env: dict[str, EnvValue] = field(default_factory=dict)
    input: dict[str, Any] = field(default_factory=dict)
    steps: list[Any] | None = None
