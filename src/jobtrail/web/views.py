"""What the API shows of the nouns, where it is not the noun's own row: public words, bytes as text."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.model import Attempt, Event, Job, Result, Step
from jobtrail.core.spent import Spent

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=500, description="How many at most.")]
Cursor = Annotated[str, msgspec.Meta(max_length=512, description="`next_cursor` of the page before.")]
Time = Annotated[datetime, msgspec.Meta(tz=True)]
Reason = Annotated[str, msgspec.Meta(max_length=1_024)]
Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Tags = Annotated[list[Tag], msgspec.Meta(max_length=100)]
Priority = Annotated[int, msgspec.Meta(ge=1, le=10, description="From 1 to 10; the higher runs sooner.")]


class EventView(msgspec.Struct, frozen=True):
    """One line of the trail; `hash` is the SHA-256 of the one before and of this one, in hex."""

    job_id: UUID
    seq: int
    type: str
    status: str
    step_id: UUID | None
    attempt_id: UUID | None
    actor_type: str
    actor_id: str | None
    payload: Any
    at: datetime
    hash: str


class JobDetail(msgspec.Struct, frozen=True):
    """A job with what hangs on it: `why` says in a sentence what it waits for, or how it ended.

    `usage` is what all its attempts used; a cost of null is unknown, and with `unpriced_calls` it is too little.
    """

    job: Job
    why: str
    allowed_actions: list[str]
    steps: list[Step]
    attempts: list[Attempt]
    events: list[EventView]
    result: Result | None
    usage: Spent


def event_view(event: Event) -> EventView:
    """An event as the API shows it."""
    return EventView(
        event.job_id,
        event.seq,
        event.type,
        event.status,
        event.step_id,
        event.attempt_id,
        event.actor_type,
        event.actor_id,
        event.payload,
        event.at,
        event.hash.hex(),
    )


def checked_tags(tags: list[str], at: str = "") -> tuple[str, ...]:
    """Tags as the verbs take them, each once. Raises Invalid."""
    return tuple(dict.fromkeys(jsonguard.check_name(tag, f"{at}tags") for tag in tags))
