"""`jobtrail schedule list`, `show`, `create`, `update`, `pause`, `resume` and `delete`: what makes jobs at times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

import msgspec
from cyclopts import Parameter

from jobtrail.cli import apps, order, place, schedule_refs, show, values, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Pair, Plain, Switch, Whole
from jobtrail.cli.office import parts
from jobtrail.cli.schedule_refs import ScheduleRef, time_in
from jobtrail.cli.show import Column
from jobtrail.cli.telling import Usage, notice
from jobtrail.client import JobsClient
from jobtrail.core import duration, jsonguard, schedule_words
from jobtrail.core.errors import Invalid
from jobtrail.core.schedule import CatchUp, Overlap
from jobtrail.core.schedules import EMPTIED, JobOptions, NewSchedule, ScheduleChange, ScheduleFilter, ScheduleView
from jobtrail.core.terms import priority_of
from jobtrail.store.identity import new_id

Several = Annotated[tuple[str, ...], Parameter(negative=())]
E = TypeVar("E", Overlap, CatchUp)


def schedules(
    text: Annotated[str | None, Plain] = None,
    /,
    *,
    paused: Annotated[bool, Switch] = False,
    limit: Annotated[int, Parameter(alias="-n")] = 100,
    flags: Flags = NO_FLAGS,
) -> int:
    """What makes jobs at times, by name.

    Parameters
    ----------
    text
        A part of name or type.
    paused
        Only those that are paused.
    limit
        At most so many, 100 if not said otherwise.
    """
    if not 1 <= limit <= 10_000:
        raise Usage(f"--limit is from 1 to 10000, not {limit}")
    with place.client(flags) as client:
        found = client.schedules.list(ScheduleFilter(text=text, paused=True if paused else None), limit=limit)
    columns: list[Column[ScheduleView]] = [
        show.id_column(lambda one: one.id, "SCHEDULE"),
        Column("NAME", lambda one: one.name, lambda one: words.one_line(one.name, 40)),
        Column("WHEN", lambda one: one.words, rank=2),
        Column("EXPRESSION", lambda one: one.expression, rank=3),
        Column("ZONE", lambda one: one.zone),
        Column("NEXT", lambda one: words.absolute(_next(one)), lambda one: words.ago(_next(one))),
        Column("LAST", schedule_refs.strip, rank=4),
        Column("TYPE", lambda one: one.type, rank=1),
        Column("STATE", schedule_refs.state),
    ]
    hint = "no schedule; make one: jobtrail schedule create NAME TYPE '0 9 * * MON-FRI' --zone Europe/Berlin"
    show.rows(found, columns, flags, empty=hint)
    return 0


def show_schedule(schedule: ScheduleRef, /, *, flags: Flags = NO_FLAGS) -> int:
    """One schedule, and how its newest ticks went.

    Parameters
    ----------
    schedule
        Its name, its id, or four or more digits of that.
    """
    with place.client(flags) as client:
        _show(schedule_refs.meant(client, schedule), flags)
    return 0


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """How a schedule goes on, as it is typed; None: as it is, or as by default."""

    title: str | None = None
    "What people see beside its jobs; {tick} and {tick.date} as in the input."
    overlap: str | None = None
    "While a job of it has not ended: SKIP the tick, QUEUE its job, REPLACE the one there is, or ALLOW both."
    catch_up: str | None = None
    "Of ticks that nobody made in time: SKIP them, make the LAST one, or ALL."
    catch_up_most: int | None = None
    "With ALL, the newest so many."
    jitter: str | None = None
    "Put each tick off by up to this time, so that not all begin at once: 5m."
    starts: str | None = None
    "No tick before this time, and intervals count from it."
    ends: str | None = None
    "No tick after this time."
    options: Whole = None
    "How its jobs are to run, as a JSON object: queue, priority, tags, max_attempts, timeout_seconds, unique_key."

    def said(self, zone: str) -> dict[str, Any]:
        """What was typed, as the verbs take it. Raises Usage, Invalid."""
        said: dict[str, Any] = {
            "title": self.title,
            "overlap": None if self.overlap is None else _one_of(Overlap, self.overlap, "--overlap"),
            "catch_up": None if self.catch_up is None else _one_of(CatchUp, self.catch_up, "--catch-up"),
            "catch_up_most": self.catch_up_most,
            "jitter_seconds": None if self.jitter is None else duration.parse(self.jitter).total_seconds(),
            "starts_at": None if self.starts is None else time_in(self.starts, zone, "--starts"),
            "ends_at": None if self.ends is None else time_in(self.ends, zone, "--ends"),
            "options": None if self.options is None else values.read((), self.options, None, at="options"),
        }
        return {name: value for name, value in said.items() if value is not None}


NO_PLANS: Final = Plans()


def create(
    name: Annotated[str, Plain],
    type: Annotated[str, Plain],
    expression: Annotated[str, Plain],
    /,
    *pairs: Pair,
    zone: str = "UTC",
    input: Whole = None,
    queue: Annotated[str | None, Parameter(alias="-q")] = None,
    priority: str | None = None,
    tag: Several = (),
    plans: Plans = NO_PLANS,
    flags: Flags = NO_FLAGS,
) -> int:
    """Make jobs at times from now on.

    Parameters
    ----------
    name
        What it is called; each name is had once.
    type
        The type of its jobs.
    expression
        Five fields ('0 9 * * MON-FRI'), six with seconds first, @hourly @daily @weekly @monthly @yearly, 'every 15m',
        or 'at 2027-01-31T18:00'.
    pairs
        The input of its jobs: name=value, name:=JSON. {tick} stands for the time of the tick, {tick.date} for its day.
    zone
        The time zone in which the expression is meant, by its IANA name: Europe/Berlin. UTC if not said otherwise.
    input
        The whole input: @FILE, - for stdin, or JSON.
    queue
        The queue of its jobs.
    priority
        1 to 10, or LOW, MEDIUM, HIGH, URGENT; the higher runs sooner.
    tag
        A word to find its jobs by; may be given several times.
    """
    said = plans.said(zone)
    options = said.pop("options", {})
    options |= {"queue": queue} if queue is not None else {}
    options |= {"priority": priority_of(priority)} if priority is not None else {}
    options |= {"tags": parts(tag)} if tag else {}
    config = place.configured(flags)
    project = apps.project(config)
    wanted = _valid(options)
    with place.reached(config, flags) as client:
        raw = _input(client, project, type, {}, pairs, input)
        new = NewSchedule(
            id=new_id(), name=name, type=type, expression=expression, zone=zone, input=raw, options=wanted, **said
        )
        made = client.schedules.create(new, known={one: project.options(one) for one in project.types})
    _show(made, flags)
    notice(f"see what comes: jobtrail schedule next {schedule_refs.undo(made)}")
    return 0


def update(
    schedule: ScheduleRef,
    /,
    *pairs: Pair,
    name: str | None = None,
    type: Annotated[str | None, Parameter(alias="-t")] = None,
    expression: Annotated[str | None, Parameter(alias="-e")] = None,
    zone: str | None = None,
    input: Whole = None,
    plans: Plans = NO_PLANS,
    without: Several = (),
    flags: Flags = NO_FLAGS,
) -> int:
    """Change a schedule; what is not said stays. It counts from the next tick on.

    Parameters
    ----------
    schedule
        Its name, its id, or four or more digits of that.
    pairs
        Parts of its input to set: name=value, name:=JSON. The others stay.
    name
        Another name.
    type
        Another type of its jobs.
    expression
        When it is due, as for create.
    zone
        The time zone in which that is meant.
    input
        Another whole input: @FILE, - for stdin, or JSON.
    without
        Take away: title, starts_at, ends_at.
    """
    config = place.configured(flags)
    project = apps.project(config)
    with place.reached(config, flags) as client:
        found = schedule_refs.meant(client, schedule)
        said = plans.said(zone or found.zone)
        if "options" in said:
            said["options"] = _valid(said["options"])
        if pairs or input is not None:
            before = {} if input is not None or not isinstance(found.input, dict) else found.input
            said["input"] = _input(client, project, type or found.type, before, pairs, input)
        change = ScheduleChange(name=name, type=type, expression=expression, zone=zone, empty=_emptied(without), **said)
        known = {one: project.options(one) for one in project.types}
        changed = client.schedules.update(found.id, change, version=found.version, known=known)
    _show(changed, flags)
    return 0


def pause(
    schedule: ScheduleRef,
    /,
    *,
    reason: Annotated[str | None, Parameter(alias="-m")] = None,
    flags: Flags = NO_FLAGS,
) -> int:
    """Let a schedule make no more jobs; those that there are go on.

    Parameters
    ----------
    schedule
        Its name, its id, or four or more digits of that.
    reason
        Why; whoever looks at it is told.
    """
    with place.client(flags) as client:
        paused = client.schedules.pause(schedule_refs.id_of(client, schedule), reason)
    _show(paused, flags)
    notice(f"paused {paused.name}; undo: jobtrail schedule resume {schedule_refs.undo(paused)}")
    return 0


def resume(schedule: ScheduleRef, /, *, flags: Flags = NO_FLAGS) -> int:
    """Let a paused schedule go on with its next tick; what the pause left out is not made up for.

    Parameters
    ----------
    schedule
        Its name, its id, or four or more digits of that.
    """
    with place.client(flags) as client:
        resumed = client.schedules.resume(schedule_refs.id_of(client, schedule))
    _show(resumed, flags)
    notice(f"resumed {resumed.name}: {schedule_words.words(resumed.expression)}, {resumed.zone}")
    return 0


def delete(schedule: ScheduleRef, /, *, flags: Flags = NO_FLAGS) -> int:
    """Remove a schedule with the list of its ticks; its jobs stay, with all that happened to them.

    Parameters
    ----------
    schedule
        Its name, its id, or four or more digits of that.
    """
    with place.client(flags) as client:
        found = schedule_refs.meant(client, schedule)
        client.schedules.remove(found.id)
    notice(f"removed schedule {found.name}")
    return 0


def _next(one: ScheduleView) -> Any:
    return one.next_at if one.paused_at is None else None


def _show(found: ScheduleView, flags: Flags) -> None:
    show.thing({"schedule": found}, lambda: schedule_refs.lines(found), flags)


def _one_of(words: type[E], given: str, option: str) -> E:
    try:
        return words(given.upper())
    except ValueError:
        raise Usage(f"{option} is {', '.join(words)}, not {given!r}") from None


def _input(
    client: JobsClient,
    project: apps.Project,
    type: str,
    before: dict[str, Any],
    pairs: Sequence[str],
    given: str | None,
) -> bytes:
    """The input of the jobs, read as their type wants it; checked here unless a part of it is known at the tick only.
    Raises Invalid."""
    runner, schema = order.known_as(client, project, type)
    input = {**before, **values.read(pairs, given, schema)}
    raw = jsonguard.encode(input, at="input")
    if b"{tick" not in raw and b"{schedule}" not in raw:
        order.check_fits(runner, type, input)
    return raw


def _valid(options: dict[str, Any]) -> JobOptions:
    """The options, if all of them may be as they are. Raises Invalid."""
    try:
        return msgspec.convert(options, JobOptions)
    except msgspec.ValidationError as error:
        raise Invalid(f"options: {error}", fields={"options": str(error)}) from None


def _emptied(without: tuple[str, ...]) -> frozenset[str]:
    empty = frozenset(parts(without))
    if not empty <= EMPTIED:
        raise Usage(f"--without takes {', '.join(sorted(EMPTIED))}, not {', '.join(sorted(empty - EMPTIED))}")
    return empty
