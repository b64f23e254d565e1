"""Filter: which jobs a list shows or a bulk action takes, as a value. How the jobs are found is not said here."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from jobtrail.core.errors import Invalid
from jobtrail.core.status import JobStatus

SEARCHED: Final = 100_000
"""How many jobs are looked through for what no index knows; a list that ends there says so."""

FINGERPRINT: Final = re.compile(r"fp_[0-9a-f]{8}")
"""How an error of a group is named that is more than a code or a piece of a message."""
MOST_IDS: Final = 1_000
"""So many jobs may be named one by one."""
_DIGITS: Final = re.compile(r"[0-9a-f]{1,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a list shows; None: everything. A tuple means one of these, `all_…` each of them, `exclude_…` none of them.

    Times are of the making: from `created_after` on, before `created_before`. `text` are pieces of title, type, error
    and reason of the cancel that must all occur, `error` codes, fingerprints or pieces of messages; both without regard
    to case. `input` are pieces of JSON: one of each tuple must be contained. Seconds are those that a job ran or has
    been running. `id_prefix` and `id_suffix` are hex digits, `ids` at most 1 000 jobs by their names. Raises Invalid.
    """

    types: tuple[str, ...] | None = None
    exclude_types: tuple[str, ...] | None = None
    statuses: tuple[JobStatus, ...] | None = None
    exclude_statuses: tuple[JobStatus, ...] | None = None
    queues: tuple[str, ...] | None = None
    exclude_queues: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    all_tags: tuple[str, ...] | None = None
    exclude_tags: tuple[str, ...] | None = None
    task_id: UUID | None = None
    project_id: UUID | None = None
    parent_id: UUID | None = None
    ids: tuple[UUID, ...] | None = None
    id_prefix: str | None = None
    id_suffix: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    priority: tuple[int, ...] | None = None
    wait_reason: tuple[str, ...] | None = None
    exclude_wait_reason: tuple[str, ...] | None = None
    stage: tuple[str, ...] | None = None
    exclude_stage: tuple[str, ...] | None = None
    error: tuple[str, ...] | None = None
    exclude_error: tuple[str, ...] | None = None
    text: tuple[str, ...] | None = None
    exclude_text: tuple[str, ...] | None = None
    input: tuple[tuple[str, ...], ...] | None = None
    exclude_input: tuple[str, ...] | None = None
    min_attempts: int | None = None
    max_attempts: int | None = None
    min_seconds: float | None = None
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        for field, digits in (("id_prefix", self.id_prefix), ("id_suffix", self.id_suffix)):
            if digits is not None and not _DIGITS.fullmatch(digits):
                wrong = f"{digits[:40]!r} is not 1 to 32 lower-case hex digits of an id"
                raise Invalid(f"{field}: {wrong}", fields={field: wrong})
        if self.ids is not None and len(self.ids) > MOST_IDS:
            wrong = f"at most {MOST_IDS} ids may be given, not {len(self.ids)}"
            raise Invalid(f"ids: {wrong}", fields={"ids": wrong})
        for field, time in (("created_after", self.created_after), ("created_before", self.created_before)):
            if time is not None and time.tzinfo is None:
                wrong = "a time needs its offset from UTC, as in 2026-01-31T12:00:00Z"
                raise Invalid(f"{field}: {wrong}", fields={field: wrong})

    @property
    def asks_for(self) -> frozenset[str]:
        """The names of the fields that are set."""
        return frozenset(field.name for field in fields(self) if getattr(self, field.name) is not None)

    @property
    def allowed(self) -> frozenset[JobStatus]:
        """The statuses that it lets through."""
        wanted = frozenset(JobStatus if self.statuses is None else self.statuses)
        return wanted - frozenset(self.exclude_statuses or ())


_ONE_OF: Final = ("types", "statuses", "queues", "priority", "wait_reason", "stage", "ids")
_EACH: Final = ("all_tags", "text", "input", *(name for name in Filter.__slots__ if name.startswith("exclude_")))
_LARGER: Final = ("created_after", "min_attempts", "min_seconds")
_SMALLER: Final = ("created_before", "max_attempts", "max_seconds")


def both(one: Filter, other: Filter) -> Filter:
    """What passes both filters. Raises Invalid for the two things that no Filter can say."""
    wanted: dict[str, Any] = {}
    for field in fields(Filter):
        name = field.name
        mine, yours = getattr(one, name), getattr(other, name)
        if mine is None or yours is None or mine == yours:
            wanted[name] = yours if mine is None else mine
        elif name in _ONE_OF:
            wanted[name] = tuple(value for value in mine if value in yours)
        elif name in _EACH:
            wanted[name] = tuple(dict.fromkeys((*mine, *yours)))
        elif name in _LARGER or name in _SMALLER:
            wanted[name] = max(mine, yours) if name in _LARGER else min(mine, yours)
        elif name in ("tags", "error"):
            shorter, wanted[name] = sorted((mine, yours), key=len)
            if name == "error" or len(shorter) > 1:
                wrong = f"two sets of {name} cannot be asked for at once; join them with commas to ask for one of all"
                raise Invalid(wrong, fields={name: wrong})
        else:
            wanted[name] = max(mine, yours, key=lambda value: len(str(value)))
    if one.tags and other.tags and one.tags != other.tags:
        alone = min(one.tags, other.tags, key=len)
        wanted["all_tags"] = tuple(dict.fromkeys((*(wanted["all_tags"] or ()), *alone)))
    if _exclude_each_other(one, other):
        wanted["statuses"] = ()
    return Filter(**wanted)


def _exclude_each_other(one: Filter, other: Filter) -> bool:
    """Whether no job passes both, for what a job has only one of."""
    owners = ((one.task_id, other.task_id), (one.project_id, other.project_id), (one.parent_id, other.parent_id))
    starts = sorted((one.id_prefix or "", other.id_prefix or ""), key=len)
    ends = sorted((one.id_suffix or "", other.id_suffix or ""), key=len)
    return (
        any(mine and yours and mine != yours for mine, yours in owners)
        or not starts[1].startswith(starts[0])
        or not ends[1].endswith(ends[0])
    )


def pattern(piece: str) -> str:
    """What LIKE finds a piece of text with, wherever it stands in a text in lower case.

    >>> pattern("50%")
    '%50\\\\%%'
    """
    return "%" + piece.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
