"""The facts that the program tells while it works, each a small value. What they are read from is in `stream`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Init:
    """The program begins to work on a prompt."""

    session_id: str | None
    model: str | None = None
    mode: str | None = None
    version: str | None = None
    login: str | None = None
    tools: int = 0
    failed_servers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Words of the model. `error` is the program's word for a refusal of the API that it shows as an answer."""

    text: str
    error: str | None = None
    thought: bool = False
    parent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCalled:
    """The model calls a tool."""

    id: str
    name: str
    input: Mapping[str, Any]
    parent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEnded:
    """What a tool answered."""

    id: str
    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Tokens of one answer as its beginning tells them: a lower bound, for the output hardly counts yet."""

    message_id: str
    model: str
    input: int
    output: int
    cached: int
    parent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """News of the subscription's limit; `rejected` means that nothing goes until `resets_at`."""

    status: str
    resets_at: datetime | None = None
    kind: str | None = None

    @property
    def rejected(self) -> bool:
        """Whether nothing goes."""
        return self.status == "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRetry:
    """The API did not answer as it should, and the program tries again. `status` None: no answer at all."""

    attempt: int
    of: int
    status: int | None
    error: str
    delay_ms: int

    @property
    def unauthorized(self) -> bool:
        """Whether the key was refused, which no retry mends."""
        return self.status in (401, 403)


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """The program refused a tool call."""

    tool: str
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUse:
    """What one model used in an invocation. `cost` is the program's own estimate; None: it gave none."""

    model: str
    input: int = 0
    output: int = 0
    cached: int = 0
    created: int = 0
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The last line. `is_error` None: it does not say, and that is no evidence of success."""

    subtype: str
    is_error: bool | None
    text: str | None = None
    errors: tuple[str, ...] = ()
    session_id: str | None = None
    turns: int = 0
    duration_ms: int | None = None
    cost: Decimal | None = None
    models: tuple[ModelUse, ...] = ()
    denials: tuple[Mapping[str, Any], ...] = ()
    status: int | None = None
    terminal_reason: str | None = None
    structured: Any = None
    has_structured: bool = False

    @property
    def success(self) -> bool:
        """Whether it says that all went well."""
        return self.is_error is False and self.subtype == "success"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A line that says nothing to us."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotJson:
    """A line that is no JSON object."""

    text: str


Fact: TypeAlias = (
    Init | Said | ToolCalled | ToolEnded | Spent | Limited | ApiRetry | Denied | Result | Unknown | NotJson
)
