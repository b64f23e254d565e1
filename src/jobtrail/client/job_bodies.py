"""A job as the routes take it: what of it is said over HTTP, and what is left to the server."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from jobtrail.core.budget_terms import spoken
from jobtrail.core.unique import OnConflict
from jobtrail.service.jobs import NewJob, Options


def body_of(job: NewJob) -> dict[str, Any]:
    """A job as the route takes it. What is None is left to the server, which may know a default of the type; so is whether
    its input is checked first, for the server sees the workers, and whatever of its terms is as usual."""
    said: dict[str, Any] = {
        name: value
        for name, usual in _USUAL.items()
        if (value := getattr(job.options, name)) != usual or name in _ALWAYS_SAID
    }
    if (by := job.options.unique_by) is not None:
        said["unique_by"] = by or "input"
    if job.options.on_conflict == OnConflict.DEBOUNCE:
        said["unique_scope"] = job.options.unique_scope  # the server would take another as meant
    if (budget := job.options.budget) is not None:
        said["budget"] = spoken(budget)
    said |= {
        "id": job.id,
        "input": msgspec.Raw(job.input),
        "title": job.title,
        "unique_key": job.unique_key,
        "after": job.after or None,
    }
    return {name: value for name, value in said.items() if value is not None}


_ELSEWHERE: Final = ("checked", "depends", "budget", "budgeted")
"""What of the options is said otherwise, or follows from what is."""
_USUAL: Final = {name: field.default for name, field in Options.__dataclass_fields__.items() if name not in _ELSEWHERE}
_ALWAYS_SAID: Final = frozenset(
    ["type", "queue", "priority", "tags", "max_attempts", "backoff_type", "backoff_delay_ms", "backoff_max_ms"]
)
"""What a client says of its jobs even where it is as usual: a type's default on the server may be another."""
