"""Schedules of the scene: one with ticks that made no job, one that cannot go on, one of an app's code. None makes a job,
for other pages count them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any
from uuid import UUID

from scene import ids
from serving import Served

from jobtrail.core.model import Actor
from jobtrail.core.schedules import NewSchedule
from jobtrail.core.status import ActorType
from jobtrail.service import declaring, schedules, ticking
from jobtrail.store.identity import new_ids

SAID: dict[str, Any] = {"expression": "30 2 * * *", "zone": "Europe/Berlin", "overlap": "QUEUE", "jitter_seconds": 90}


def stage_schedules(
    web: Served,
    workspace: UUID,
    made: Callable[..., dict[str, Any]],
    do: Callable[[Any], Any],
    say: Callable[[str, str], str],
    type: str,
) -> dict[str, str]:
    """The ids of the schedules, by what they show."""
    title = say("schedule title", "Cut of {tick.date}")
    new = {**SAID, "type": type, "title": title, "input": {"name": say("schedule input", "cut")}}
    options = {"queue": say("schedule queue", "nights"), "tags": [say("schedule tag", "night")], "priority": 8}
    whole = made("schedules", name=say("schedule name", "nightly-cut"), options=options, **new)["id"]
    broken = made("schedules", name=say("schedule name", "weekly"), **new | {"expression": "@weekly"})["id"]
    system = Actor(ActorType.SYSTEM, "scheduler")
    do(schedules.pause(workspace, UUID(broken), system, say("schedule reason", "its project is gone")))
    paused = made("schedules", name=say("schedule name", "paused"), **new | {"expression": "every 6h", "zone": "UTC"})[
        "id"
    ]
    made(f"schedules/{paused}/pause", 200, reason=say("schedule reason", "the source is away"))
    code = NewSchedule(id=ids.new(), name="of-code", type=type, expression="0 9 * * MON-FRI", zone="Europe/Berlin")
    do(declaring.declare(workspace, "app:app", code, code.id, Actor(ActorType.SYSTEM, "app:app")))
    do(declaring.undeclare(workspace, "app:app", []))
    with closing(web.database.connect()) as conn:
        conn.execute(
            "update jobtrail.schedules set next_at = next_at - interval '5 days', due_at = due_at - interval '5 days' "
            "where id = %s", (whole,)
        )  # fmt: skip
    do(ticking.make(workspace, UUID(whole), new_ids, refused=say("schedule reason", "the key is held")))
    return {"schedule": whole, "broken schedule": broken, "schedule of code": str(code.id)}
