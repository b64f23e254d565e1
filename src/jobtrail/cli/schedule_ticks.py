"""`jobtrail schedule run`, `next`, `ticks` and `backfill`: the ticks of schedules, to come and past."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from jobtrail.cli import place, schedule_refs, show, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Switch
from jobtrail.cli.schedule_refs import ScheduleRef
from jobtrail.cli.show import Column
from jobtrail.cli.telling import Usage, notice
from jobtrail.core.ids import short
from jobtrail.core.schedule import Planned
from jobtrail.core.schedules import Tick, TickOutcome


def run(schedule: ScheduleRef, /, *, flags: Flags = NO_FLAGS) -> int:
    """Make a job of a schedule at once, paused or not, whatever else of it runs.

    Parameters
    ----------
    schedule
        Its name, its id, or four or more digits of that.
    """
    with place.client(flags) as client:
        job = client.get(client.schedules.run(schedule_refs.id_of(client, schedule)))
    show.thing(
        {"job": job},
        lambda: [("id", job.id), ("type", job.type), ("queue", job.queue), ("status", job.status)],
        flags,
    )
    notice(f"follow it: jobtrail job watch {short(job.id)}")
    return 0


def following(
    schedule: ScheduleRef,
    /,
    *,
    count: Annotated[int, Parameter(alias="-n")] = 10,
    zone: str | None = None,
    flags: Flags = NO_FLAGS,
) -> int:
    """When a schedule is due next, with what is special where clocks change. An expression does as well: '0 9 * * MON'.

    Parameters
    ----------
    schedule
        Its name, its id, or four or more digits of that; or an expression that no schedule has yet.
    count
        How many ticks, 10 if not said otherwise.
    zone
        The time zone of an expression; UTC if not said otherwise.
    """
    with place.client(flags) as client:
        if zone is not None or schedule.startswith("@") or " " in schedule:
            home = zone or "UTC"
            found = client.schedules.preview(schedule, home, count)
        else:
            one = schedule_refs.meant(client, schedule)
            home, found = one.zone, client.schedules.next(one.id, count)
    columns: list[Column[Planned]] = [
        Column("LOCAL", lambda tick: f"{tick.local:%Y-%m-%d %H:%M:%S}"),
        Column("ZONE", lambda tick: f"{home} ({tick.local:%z})"),
        Column("UTC", lambda tick: words.absolute(tick.at)),
        Column("IN", lambda tick: words.ago(tick.at), rank=2),
        Column("NOTE", lambda tick: tick.note, rank=1),
    ]
    show.rows(found, columns, flags, empty="it is never due again")
    return 0


def ticks(
    schedule: ScheduleRef,
    /,
    *,
    limit: Annotated[int, Parameter(alias="-n")] = 30,
    flags: Flags = NO_FLAGS,
) -> int:
    """What came of the ticks of a schedule, newest first: the job of each, or why it made none.

    Parameters
    ----------
    schedule
        Its name, its id, or four or more digits of that.
    limit
        At most so many, 30 if not said otherwise.
    """
    if not 1 <= limit <= 10_000:
        raise Usage(f"--limit is from 1 to 10000, not {limit}")
    with place.client(flags) as client:
        one = schedule_refs.meant(client, schedule)
        found = client.schedules.ticks(one.id, limit=limit)
    columns: list[Column[Tick]] = [
        Column("TICK", lambda tick: words.absolute(tick.at), lambda tick: schedule_refs.local(tick.at, one.zone)),
        Column("OUTCOME", _outcome),
        Column("JOB", lambda tick: tick.job_id, lambda tick: "" if tick.job_id is None else short(tick.job_id)),
        Column("WHY", lambda tick: tick.reason, rank=1),
        Column("BY", lambda tick: tick.made_by if tick.manual else "", rank=2),
        show.time_column("MADE", lambda tick: tick.made_at, rank=3),
    ]
    show.rows(found, columns, flags, empty="no tick yet; run it now: jobtrail schedule run " + schedule_refs.undo(one))
    return 0


def backfill(
    schedule: ScheduleRef,
    /,
    *,
    since: Annotated[str, Parameter(name=["--from", "--since"])],
    until: Annotated[str, Parameter(name=["--to", "--until"])],
    limit: Annotated[int, Parameter(alias="-n")] = 100,
    dry_run: Annotated[bool, Switch] = False,
    flags: Flags = NO_FLAGS,
) -> int:
    """Make the jobs of all ticks of a past time that have none, one after another.

    Parameters
    ----------
    schedule
        Its name, its id, or four or more digits of that.
    since
        From this time on, in the schedule's zone unless it names one: 2027-01-31.
    until
        Before this time.
    limit
        At most so many; if there are more, none is made.
    dry_run
        Only count them.
    """
    with place.client(flags) as client:
        one = schedule_refs.meant(client, schedule)
        begin = schedule_refs.time_in(since, one.zone, "--from")
        end = schedule_refs.time_in(until, one.zone, "--to")
        done = client.schedules.backfill(one.id, begin, end, most=limit, dry_run=dry_run)
    show.thing(
        {"backfill": done},
        lambda: [
            ("ticks", done.ticks),
            ("first", schedule_refs.local(done.first_at, one.zone)),
            ("last", schedule_refs.local(done.last_at, one.zone)),
            ("jobs made", len(done.jobs)),
        ],
        flags,
    )
    if dry_run and done.ticks:
        notice("nothing was made; leave out --dry-run to make them")
    return 0


def _outcome(tick: Tick) -> str:
    if tick.outcome == TickOutcome.JOB:
        return tick.status or "JOB (removed)"
    if tick.ticks == 1:
        return tick.outcome
    return f"{tick.outcome} ({'many' if tick.ticks is None else tick.ticks} ticks)"
