"""What a schedule may be, when it is due next, and what it becomes when it is changed: rules alone, the time is passed in."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from jobtrail.core import catch_up, jsonguard, schedule
from jobtrail.core.budget_terms import money
from jobtrail.core.errors import Invalid
from jobtrail.core.jsonguard import clean_text
from jobtrail.core.schedule import Planned
from jobtrail.core.schedules import JobOptions, NewSchedule, Schedule, ScheduleChange
from jobtrail.core.unique import OnConflict

MOST_PREVIEWED: Final = 100
_INPUT_BYTES: Final = 256 << 10
_TITLE_BYTES: Final = 1_024
_JITTER: Final = timedelta(days=1)


def planned(expression: str, zone: str, after: datetime, count: int, anchor: datetime | None = None) -> list[Planned]:
    """The next ticks of an expression. Raises Invalid."""
    if not 1 <= count <= MOST_PREVIEWED:
        raise Invalid(f"from 1 to {MOST_PREVIEWED} ticks are shown, not {count}", fields={"count": "out of range"})
    check_time("after", after)
    timing = schedule.parse(expression, zone, anchor or after.replace(microsecond=0))
    return schedule.preview(timing, zone, after, count)


def coming(of: Schedule, now: datetime, count: int) -> list[Planned]:
    """The next ticks of a schedule between its start and its end."""
    begin = now if of.starts_at is None else max(now, of.starts_at - timedelta(microseconds=1))
    found = planned(of.expression, of.zone, begin, count, of.anchor_at)
    return [one for one in found if of.ends_at is None or one.at <= of.ends_at]


def following(of: Schedule | NewSchedule, after: datetime, anchor: datetime | None = None) -> datetime | None:
    """The next tick after a time, between start and end; None: none."""
    anchored = anchor or (of.anchor_at if isinstance(of, Schedule) else after)
    timing = schedule.parse(of.expression, of.zone, anchored)
    begin = after if of.starts_at is None else max(after, of.starts_at - timedelta(microseconds=1))
    at = schedule.next_after(timing, begin)
    return None if at is None or (of.ends_at is not None and at > of.ends_at) else at


def jitter(of: Schedule, at: datetime) -> timedelta:
    """By how much a tick of a schedule is put off."""
    return schedule.jitter(of.id, at, of.jitter_seconds)


def merged(before: Schedule, change: ScheduleChange) -> NewSchedule:
    """A schedule as it is to be."""
    old: dict[str, Any] = {field.name: getattr(before, field.name) for field in fields(NewSchedule)}
    old |= {
        "input": jsonguard.encode(before.input, at="input"),
        "options": options_of(before.options),
    }
    said = {
        f.name: value for f in fields(change) if f.name != "empty" and (value := getattr(change, f.name)) is not None
    }
    return NewSchedule(**(old | said | dict.fromkeys(change.empty)))


def check(new: NewSchedule) -> None:
    """Whether a schedule can be as it is said. Raises Invalid, which names the field."""
    jsonguard.check_name(new.name, "name")
    jsonguard.check_name(new.type, "type")
    options_of(msgspec.to_builtins(new.options))
    for name in ("queue", "concurrency_key", "unique_key"):
        value = getattr(new.options, name)
        if value is not None:
            jsonguard.check_name(value, name)
    for tag in (*(new.options.tags or ()), *(new.options.unique_by or ())):
        jsonguard.check_name(tag, "tags and unique_by")
    _check_money(new.options)
    if new.type.startswith("jobtrail."):
        raise Invalid("type: types that begin with jobtrail. are the system's own", fields={"type": "reserved"})
    if len(new.input) > _INPUT_BYTES:
        raise Invalid(f"input: a schedule keeps at most {_INPUT_BYTES >> 10} KiB", fields={"input": "too large"})
    if new.title is not None and not 1 <= len(clean_text(new.title).encode()) <= _TITLE_BYTES:
        raise Invalid(f"title: a title has 1 to {_TITLE_BYTES} bytes", fields={"title": "out of range"})
    if not 1 <= new.catch_up_most <= catch_up.MOST_CAUGHT_UP:
        raise Invalid(
            f"catch_up_most: from 1 to {catch_up.MOST_CAUGHT_UP}, not {new.catch_up_most}",
            fields={"catch_up_most": "out of range"},
        )
    if not 0 <= new.jitter_seconds <= _JITTER.total_seconds():
        raise Invalid("jitter_seconds: from 0 to 86400 seconds", fields={"jitter_seconds": "out of range"})
    check_time("starts_at", new.starts_at)
    check_time("ends_at", new.ends_at)
    if new.starts_at is not None and new.ends_at is not None and new.ends_at <= new.starts_at:
        raise Invalid("ends_at: a schedule ends after it starts", fields={"ends_at": "before starts_at"})


def options_of(said: object) -> JobOptions:
    """The options of a schedule's jobs as they are kept. Raises Invalid for what no job could have."""
    try:
        return msgspec.convert(said, JobOptions)
    except msgspec.ValidationError as error:
        raise Invalid(f"options: {error}", fields={"options": str(error)}) from None


def _check_money(options: JobOptions) -> None:
    money(options.reserve_usd, "options.reserve_usd")
    if options.budget is not None:
        options.budget.budget()
    if options.on_conflict == OnConflict.DEBOUNCE and options.debounce_seconds is None:
        field = "options.debounce_seconds"
        raise Invalid(f"{field}: DEBOUNCE says how long it waits", fields={field: "missing"})


def check_time(name: str, at: datetime | None) -> None:
    """Whether a time is one that schedules know. Raises Invalid."""
    if at is not None and not 1970 < at.year < 2900:
        raise Invalid(f"{name}: a time between the years 1971 and 2899", fields={name: "out of range"})


def written(new: NewSchedule, now: datetime, anchor: datetime, same: Schedule | None = None) -> tuple[object, ...]:
    """The columns of a schedule, with when it is due next. Raises Invalid when it never is."""
    if same is not None:
        next_at, due_at = same.next_at, same.due_at
    else:
        next_at = following(new, now, anchor)
        if next_at is None:
            ended = new.ends_at is not None and new.ends_at <= now
            field = "ends_at" if ended else "expression"
            raise Invalid(
                f"{field}: {new.expression!r} in {new.zone} is never due again; say a time to come",
                fields={field: "it is never due again"},
            )
        due_at = next_at + schedule.jitter(new.id, next_at, new.jitter_seconds)
    return (
        new.name,
        new.type,
        " ".join(new.expression.split()),
        new.zone,
        new.input.decode(),
        None if new.title is None else clean_text(new.title),
        msgspec.json.encode(new.options).decode(),
        new.overlap,
        new.catch_up,
        new.catch_up_most,
        new.jitter_seconds,
        new.starts_at,
        new.ends_at,
        anchor,
        next_at,
        due_at,
    )
