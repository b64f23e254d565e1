"""What a verb over HTTP may want done: a request, a pause, a look at a stream. Nothing is done here."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

_COMPLETE: Final = "stream.complete"
_CLOSED: Final = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Generic[T]):
    """One request and how its answer is read. `again`: to send it twice does no more than to send it once.

    `missing`: what a 404 means where that is an answer; where it is not set, it is NotFound.
    """

    method: str
    path: str
    read: Callable[[bytes], T]
    again: bool = False
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    missing: tuple[T, ...] = ()


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so long before going on."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Watch:
    """Read the stream of a job from after an event, until it is complete, it is cut off, or the time is over."""

    path: str
    last_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Watched:
    """How far a stream was read. `complete`: it said that the job has ended."""

    last_id: str
    complete: bool


class Reading:
    """Reads the lines of a stream. Only an event that was told whole counts as seen."""

    def __init__(self, last_id: str) -> None:
        self._last_id, self._id, self._name = last_id, "", ""

    def ends_with(self, line: str) -> bool:
        """Takes a line; answers whether the stream has said all that it will say."""
        field, _, value = line.partition(": ")
        if field == "id":
            self._id = value
        elif field == "event":
            self._name = value
        elif not line:
            self._last_id, self._id = self._id or self._last_id, ""
            return self._name in (_COMPLETE, _CLOSED)
        return False

    def watched(self) -> Watched:
        """How far it came."""
        return Watched(self._last_id, complete=self._name == _COMPLETE)


Talk = Generator[Ask[Any] | Pause | Watch, Any, T]
"""A verb that takes several requests: it yields each, and is sent what the answer was read to."""
