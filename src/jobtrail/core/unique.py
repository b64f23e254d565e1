"""Unique keys: what happens when another job has the key already, and how a key follows from a type and its input."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, Literal

import msgspec

from jobtrail.core import duration
from jobtrail.core.errors import Invalid
from jobtrail.core.status import JobStatus, UniqueScope

Span = str | float | timedelta
By = Literal["input"] | Sequence[str]
LONGEST: Final = timedelta(days=365)
WAITING: Final = frozenset({JobStatus.PENDING, JobStatus.VALIDATING, JobStatus.QUEUED})


class OnConflict(StrEnum):
    """What a new job does when another one holds its unique key."""

    EXISTING = "EXISTING"
    REFUSE = "REFUSE"
    REPLACE = "REPLACE"
    SUPERSEDE = "SUPERSEDE"
    DEBOUNCE = "DEBOUNCE"
    RESCHEDULE = "RESCHEDULE"


TAKES: Final = frozenset({OnConflict.REPLACE, OnConflict.SUPERSEDE, OnConflict.DEBOUNCE})
"""Answers that take the key from the job that holds it, so that the new one is accepted."""


@dataclass(frozen=True, slots=True, init=False)
class Unique:
    """How jobs of a type are kept from being there twice. Times as "10s", seconds or timedelta; seconds afterwards.

    `by`: "input", or the names of the fields of the input that make the key; None: each call names its key. `throttle` is
    short for at most one job a key in that time; `debounce` starts a job when no other came for so long, `max_wait` after
    the first at the latest; its key is free when it starts, unless a scope is named. Raises Invalid.

    >>> Unique("input", window="1h").window_seconds
    3600.0
    """

    by: tuple[str, ...] | None
    scope: UniqueScope
    window_seconds: float | None
    on_conflict: OnConflict
    debounce_seconds: float | None
    debounce_max_seconds: float | None

    def __init__(
        self,
        by: By | None = None,
        *,
        scope: UniqueScope | str | None = None,
        window: Span | None = None,
        on_conflict: OnConflict | str | None = None,
        throttle: Span | None = None,
        debounce: Span | None = None,
        max_wait: Span | None = None,
    ) -> None:
        terms = terms_of(
            scope=scope, window=window, on_conflict=on_conflict, throttle=throttle, debounce=debounce, max_wait=max_wait
        )
        object.__setattr__(self, "by", None if by is None else fields_of(by))
        object.__setattr__(self, "scope", UniqueScope(terms.get("unique_scope", UniqueScope.LIVE)))
        object.__setattr__(self, "window_seconds", terms.get("unique_window_seconds"))
        object.__setattr__(self, "on_conflict", OnConflict(terms.get("on_conflict", OnConflict.EXISTING)))
        object.__setattr__(self, "debounce_seconds", terms.get("debounce_seconds"))
        object.__setattr__(self, "debounce_max_seconds", terms.get("debounce_max_seconds"))

    @property
    def terms(self) -> dict[str, Any]:
        """The same as options of a job."""
        return {
            "unique_scope": self.scope.value,
            "unique_window_seconds": self.window_seconds,
            "on_conflict": self.on_conflict.value,
            "debounce_seconds": self.debounce_seconds,
            "debounce_max_seconds": self.debounce_max_seconds,
        }


def terms_of(
    *,
    scope: str | None = None,
    window: Span | None = None,
    on_conflict: str | None = None,
    throttle: Span | None = None,
    debounce: Span | None = None,
    max_wait: Span | None = None,
) -> dict[str, Any]:
    """What is said of a unique key as options of a job; only what is said. Raises Invalid with what does not go together."""
    if throttle is not None and not (scope is window is on_conflict is debounce is None):
        raise Invalid("throttle says scope ANY with a window and answers the job that is there; leave those out")
    if debounce is not None and str(on_conflict or OnConflict.DEBOUNCE).upper() != OnConflict.DEBOUNCE:
        raise Invalid(f"debounce says on_conflict DEBOUNCE; leave out on_conflict={on_conflict!r}")
    if max_wait is not None and debounce is None:
        raise Invalid("max_wait says how long a debounce may put a job off at most; name debounce, too")
    if debounce is None and str(on_conflict or "").upper() == OnConflict.DEBOUNCE:
        raise Invalid("on_conflict DEBOUNCE needs debounce: for how long no other job may come before one starts")
    said: dict[str, Any] = {}
    if throttle is not None:
        said |= {"unique_scope": UniqueScope.ANY.value, "unique_window_seconds": _seconds("throttle", throttle)}
    if scope is not None:
        said["unique_scope"] = _word("unique_scope", UniqueScope, scope)
    if window is not None:
        said["unique_window_seconds"] = _seconds("unique_window", window)
    if on_conflict is not None:
        said["on_conflict"] = _word("on_conflict", OnConflict, on_conflict)
    if debounce is not None:  # what comes while a job runs is news to it, so it must not be answered with that job
        said |= {"on_conflict": OnConflict.DEBOUNCE.value, "debounce_seconds": _seconds("debounce", debounce)}
        said.setdefault("unique_scope", UniqueScope.WAITING.value)
    if max_wait is not None:
        said["debounce_max_seconds"] = _seconds("max_wait", max_wait)
    return said


def fields_of(by: By) -> tuple[str, ...]:
    """The fields that make a key; none: all of the input. Raises Invalid."""
    if by == "input":
        return ()
    names = tuple(by)
    if isinstance(by, str) or not names or not all(isinstance(name, str) and name for name in names):
        raise Invalid(f'a unique key follows from "input" or from names of its fields, not from {by!r}')
    return tuple(sorted(set(names)))


def key_of(type: str, input: bytes, fields: Sequence[str] = ()) -> str:
    """The unique key of a job by its type and its input (JSON that passed the door), or by some fields of that.

    The order of the fields does not matter; one that is not there counts as null. Raises Invalid when the input is no
    object and fields are named.

    >>> key_of("sync", b'{"a": 1, "b": 2}') == key_of("sync", b'{"b": 2, "a": 1}')
    True
    """
    value = msgspec.json.decode(input)
    if fields:
        if not isinstance(value, dict):
            raise Invalid(f"the input of a {type} must be an object: its unique key follows from {', '.join(fields)}")
        value = {name: value.get(name) for name in fields}
    digest = hashlib.sha256(msgspec.json.encode([type, value], order="sorted")).hexdigest()
    return f"{type[:100]}:{digest[:32]}"


def _seconds(name: str, span: Span) -> float:
    wait = duration.parse(span)
    if not timedelta(0) < wait <= LONGEST:
        raise Invalid(f"{name} must be above 0 and at most {duration.show(LONGEST)}, not {duration.show(wait)}")
    return wait.total_seconds()


def _word(name: str, words: type[UniqueScope | OnConflict], value: str) -> str:
    try:
        return words(str(value).upper()).value
    except ValueError:
        raise Invalid(f"{name} must be {', '.join(words)}, not {value!r}", fields={name: "unknown"}) from None
