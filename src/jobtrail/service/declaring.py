"""Schedules that stand in the code of an app: what may be said there, and how it is applied to those that there are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, TypedDict
from uuid import UUID

import msgspec

from jobtrail.core import duration, schedule
from jobtrail.core.errors import Invalid
from jobtrail.core.model import Actor
from jobtrail.core.schedule import CatchUp, Overlap
from jobtrail.core.schedule_rules import check
from jobtrail.core.schedules import EMPTIED, JobOptions, NewSchedule, ScheduleChange
from jobtrail.service import ticking
from jobtrail.service.jobs import Options
from jobtrail.service.schedules import create, named, update
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, atomic

_NOBODY: Final = UUID(int=0)


class Times(TypedDict, total=False):
    """What may be said of a schedule in code beside its expression and zone. `name`: its type if not said otherwise;
    `input`: the arguments of the function, in whose texts {tick} and {tick.date} stand for the time of the tick."""

    name: str
    input: Mapping[str, Any]
    title: str
    overlap: Literal["SKIP", "QUEUE", "REPLACE", "ALLOW"]
    catch_up: Literal["SKIP", "LAST", "ALL"]
    catch_up_most: int
    jitter: str | float | timedelta
    starts_at: datetime
    ends_at: datetime


def planned(
    expression: str, zone: str, said: Times, options: Options, input: bytes, unique_key: str | None = None
) -> NewSchedule:
    """A schedule as code says it. Raises Invalid, for what no time to come will make right."""
    given: dict[str, Any] = {key: value for key, value in said.items() if key not in ("name", "input", "jitter")}
    job = ticking.with_defaults(JobOptions(unique_key=unique_key), options)
    new = NewSchedule(
        id=_NOBODY,
        name=said.get("name", options.type),
        type=options.type,
        expression=expression,
        zone=zone,
        input=input,
        options=job,
        **given,
        jitter_seconds=duration.parse(said.get("jitter", 0)).total_seconds(),
    )
    check(new)
    schedule.parse(expression, zone, datetime(2026, 1, 1, tzinfo=UTC))
    for name, words in (("overlap", Overlap), ("catch_up", CatchUp)):
        if getattr(new, name) not in set(words):
            raise Invalid(f"{name}: one of {', '.join(words)}, not {getattr(new, name)!r}", fields={name: "unknown"})
    return new


@atomic
def declare(workspace: UUID, app: str, new: NewSchedule, id: UUID, actor: Actor) -> Steps[bool]:
    """Makes a schedule what the code of an app says, by its name; answers whether that changed anything. What people changed
    stays until the code says something else. `id`: for one that is not there yet.

    Raises Invalid for one that is never due again, Conflict when another one made it at this moment.
    """
    digest = _digest(new)
    found = yield from ask(named(workspace, new.name))
    if found is None:
        yield from create(workspace, replace(new, id=id), actor, {new.type}).begin()
    else:
        id = found.id
        said = yield from ask(Query("reads/schedule_declaration", (workspace, id), query.scalar))
        if said is not None and bytes(said) == digest:
            if found.undeclared_at is not None or found.declared_by != app:
                yield from ask(Query("verbs/declare_schedule", (workspace, id, app, digest), query.nothing))
            return False
        values = {one.name: getattr(new, one.name) for one in fields(new) if one.name not in ("id", "name")}
        change = ScheduleChange(**values, empty=frozenset(name for name in EMPTIED if values[name] is None))
        yield from update(workspace, id, change, actor, known={new.type}).begin()
    yield from ask(Query("verbs/declare_schedule", (workspace, id, app, digest), query.nothing))
    return True


def _digest(new: NewSchedule) -> bytes:
    """Of what is said, and of nothing that stands at its default: a default more in a later version is no change."""
    plain = NewSchedule(id=_NOBODY, name="", type="", expression="")
    said = {
        one.name: value
        for one in fields(new)
        if one.name != "id" and (value := getattr(new, one.name)) != getattr(plain, one.name)
    }
    return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).digest()


def undeclare(workspace: UUID, app: str, kept: Sequence[str]) -> Query[list[str]]:
    """Marks the schedules of an app that its code no longer has; they go on. Answers their names."""
    return Query("verbs/undeclare_schedules", (workspace, app, list(kept)), lambda rows: [row[0] for row in rows])
