"""Schedules and AsyncSchedules: the verbs on them that every client has, blocking and awaited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias
from uuid import UUID

from jobtrail.client.tasks import Awaits, Runs, Tells, Work
from jobtrail.core.schedule import Planned
from jobtrail.core.schedules import NewSchedule, ScheduleChange, ScheduleFilter, ScheduleView, Tick
from jobtrail.service.jobs import Options
from jobtrail.service.ticking import Backfill, Made

Known: TypeAlias = Mapping[str, Options] | None
"""Types that are known here with their defaults; a server knows them itself."""


class Says(Protocol):
    """Each verb as a value: what is to be done, on the database or over HTTP."""

    def create_schedule(self, new: NewSchedule, known: Known) -> Work[ScheduleView]: ...
    def get_schedule(self, id: UUID) -> Work[ScheduleView]: ...
    def list_schedules(self, filter: ScheduleFilter, limit: int) -> Work[list[ScheduleView]]: ...
    def update_schedule(
        self, id: UUID, change: ScheduleChange, version: int | None, known: Known
    ) -> Work[ScheduleView]: ...
    def pause_schedule(self, id: UUID, reason: str | None) -> Work[ScheduleView]: ...
    def resume_schedule(self, id: UUID) -> Work[ScheduleView]: ...
    def remove_schedule(self, id: UUID) -> Work[None]: ...
    def run_schedule(self, id: UUID) -> Work[Made]: ...
    def backfill_schedule(
        self, id: UUID, since: datetime, until: datetime, most: int, *, dry_run: bool
    ) -> Work[Backfill]: ...
    def list_ticks(self, id: UUID, limit: int) -> Work[list[Tick]]: ...
    def list_next(self, id: UUID, count: int) -> Work[list[Planned]]: ...
    def preview(self, expression: str, zone: str, count: int, after: datetime | None) -> Work[list[Planned]]: ...


class Schedules:
    """The verbs on schedules, blocking."""

    def __init__(self, say: Says, run: Runs, tell: Tells) -> None:
        self._say, self._run, self._tell = say, run, tell

    def create(self, new: NewSchedule, *, known: Known = None) -> ScheduleView:
        """Makes a schedule. Raises Invalid, which names the field, UnknownType, Conflict when the name is taken, Limited."""
        return self._run(self._say.create_schedule(new, known))

    def get(self, id: UUID) -> ScheduleView:
        """One schedule in words, with how its newest ticks went. Raises NotFound."""
        return self._run(self._say.get_schedule(id))

    def list(self, filter: ScheduleFilter = ScheduleFilter(), *, limit: int = 50) -> list[ScheduleView]:
        """Schedules by name."""
        return self._run(self._say.list_schedules(filter, limit))

    def update(
        self, id: UUID, change: ScheduleChange, *, version: int | None = None, known: Known = None
    ) -> ScheduleView:
        """Changes a schedule; with `version` only while it is as it was read. Raises NotFound, Invalid, ConcurrentUpdate."""
        return self._run(self._say.update_schedule(id, change, version, known))

    def pause(self, id: UUID, reason: str | None = None) -> ScheduleView:
        """Lets a schedule make no more jobs. Raises NotFound."""
        return self._run(self._say.pause_schedule(id, reason))

    def resume(self, id: UUID) -> ScheduleView:
        """Lets a paused schedule go on with its next tick. Raises NotFound, Conflict."""
        return self._run(self._say.resume_schedule(id))

    def remove(self, id: UUID) -> None:
        """Removes a schedule; its jobs stay. Raises NotFound."""
        self._run(self._say.remove_schedule(id))

    def run(self, id: UUID) -> UUID:
        """Makes a job of a schedule at once; answers its id. Raises NotFound, Conflict."""
        made = self._run(self._say.run_schedule(id))
        self._tell([made.queue])
        return made.jobs[0]

    def backfill(
        self, id: UUID, since: datetime, until: datetime, *, most: int = 100, dry_run: bool = False
    ) -> Backfill:
        """Makes the jobs of ticks of a past time that have none. Raises NotFound, Invalid, Limited."""
        done = self._run(self._say.backfill_schedule(id, since, until, most, dry_run=dry_run))
        self._tell([done.queue])
        return done

    def ticks(self, id: UUID, *, limit: int = 50) -> Sequence[Tick]:
        """The newest ticks of a schedule: the job of each, or why it made none. Raises NotFound."""
        return self._run(self._say.list_ticks(id, limit))

    def next(self, id: UUID, count: int = 10) -> Sequence[Planned]:
        """The next ticks of a schedule. Raises NotFound."""
        return self._run(self._say.list_next(id, count))

    def preview(
        self, expression: str, zone: str = "UTC", count: int = 10, after: datetime | None = None
    ) -> Sequence[Planned]:
        """The next ticks of an expression that no schedule has yet. Raises Invalid."""
        return self._run(self._say.preview(expression, zone, count, after))


class AsyncSchedules:
    """The verbs on schedules, awaited; each does what the one of its name does in Schedules."""

    def __init__(self, say: Says, run: Awaits, tell: Tells) -> None:
        self._say, self._run, self._tell = say, run, tell

    async def create(self, new: NewSchedule, *, known: Known = None) -> ScheduleView:
        """Makes a schedule. Raises Invalid, UnknownType, Conflict, Limited."""
        return await self._run(self._say.create_schedule(new, known))

    async def get(self, id: UUID) -> ScheduleView:
        """One schedule. Raises NotFound."""
        return await self._run(self._say.get_schedule(id))

    async def list(self, filter: ScheduleFilter = ScheduleFilter(), *, limit: int = 50) -> list[ScheduleView]:
        """Schedules by name."""
        return await self._run(self._say.list_schedules(filter, limit))

    async def update(
        self, id: UUID, change: ScheduleChange, *, version: int | None = None, known: Known = None
    ) -> ScheduleView:
        """Changes a schedule. Raises NotFound, Invalid, ConcurrentUpdate."""
        return await self._run(self._say.update_schedule(id, change, version, known))

    async def pause(self, id: UUID, reason: str | None = None) -> ScheduleView:
        """Lets a schedule make no more jobs. Raises NotFound."""
        return await self._run(self._say.pause_schedule(id, reason))

    async def resume(self, id: UUID) -> ScheduleView:
        """Lets a paused schedule go on. Raises NotFound, Conflict."""
        return await self._run(self._say.resume_schedule(id))

    async def remove(self, id: UUID) -> None:
        """Removes a schedule; its jobs stay. Raises NotFound."""
        await self._run(self._say.remove_schedule(id))

    async def run(self, id: UUID) -> UUID:
        """Makes a job of a schedule at once; answers its id. Raises NotFound, Conflict."""
        made = await self._run(self._say.run_schedule(id))
        self._tell([made.queue])
        return made.jobs[0]

    async def backfill(
        self, id: UUID, since: datetime, until: datetime, *, most: int = 100, dry_run: bool = False
    ) -> Backfill:
        """Makes the jobs of ticks of a past time that have none. Raises NotFound, Invalid, Limited."""
        done = await self._run(self._say.backfill_schedule(id, since, until, most, dry_run=dry_run))
        self._tell([done.queue])
        return done

    async def ticks(self, id: UUID, *, limit: int = 50) -> Sequence[Tick]:
        """The newest ticks of a schedule. Raises NotFound."""
        return await self._run(self._say.list_ticks(id, limit))

    async def next(self, id: UUID, count: int = 10) -> Sequence[Planned]:
        """The next ticks of a schedule. Raises NotFound."""
        return await self._run(self._say.list_next(id, count))

    async def preview(
        self, expression: str, zone: str = "UTC", count: int = 10, after: datetime | None = None
    ) -> Sequence[Planned]:
        """The next ticks of an expression that no schedule has yet. Raises Invalid."""
        return await self._run(self._say.preview(expression, zone, count, after))
