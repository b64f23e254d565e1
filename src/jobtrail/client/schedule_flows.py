"""The verbs on schedules as values for the database. Nothing is run here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from jobtrail.core.model import Actor
from jobtrail.core.schedule import Planned
from jobtrail.core.schedules import NewSchedule, ScheduleChange, ScheduleFilter, ScheduleView, Tick
from jobtrail.service import schedules, ticking
from jobtrail.service.jobs import Options
from jobtrail.service.ticking import Backfill, Made
from jobtrail.store.identity import new_ids
from jobtrail.store.query import Flow


@dataclass(frozen=True, slots=True)
class ScheduleFlows:
    """Each verb for one workspace, by one actor."""

    workspace: UUID
    actor: Actor

    def create_schedule(self, new: NewSchedule, known: Mapping[str, Options] | None) -> Flow[ScheduleView]:
        """Makes a schedule."""
        types = known or {}
        options = ticking.with_defaults(new.options, types.get(new.type))
        return schedules.create(self.workspace, replace(new, options=options), self.actor, frozenset(types))

    def get_schedule(self, id: UUID) -> Flow[ScheduleView]:
        """One schedule."""
        return schedules.detail(self.workspace, id)

    def list_schedules(self, filter: ScheduleFilter, limit: int) -> Flow[list[ScheduleView]]:
        """Schedules by name."""
        return schedules.listed(self.workspace, filter, limit=limit)

    def update_schedule(
        self, id: UUID, change: ScheduleChange, version: int | None, known: Mapping[str, Options] | None
    ) -> Flow[ScheduleView]:
        """Changes a schedule."""
        types = frozenset(known or {})
        return schedules.update(self.workspace, id, change, self.actor, version=version, known=types)

    def pause_schedule(self, id: UUID, reason: str | None) -> Flow[ScheduleView]:
        """Pauses a schedule."""
        return schedules.pause(self.workspace, id, self.actor, reason)

    def resume_schedule(self, id: UUID) -> Flow[ScheduleView]:
        """Lets it go on."""
        return schedules.resume(self.workspace, id, self.actor)

    def remove_schedule(self, id: UUID) -> Flow[None]:
        """Removes a schedule."""
        return schedules.remove(self.workspace, id, self.actor)

    def run_schedule(self, id: UUID) -> Flow[Made]:
        """Makes a job at once."""
        return ticking.run_now(self.workspace, id, new_ids, self.actor)

    def backfill_schedule(
        self, id: UUID, since: datetime, until: datetime, most: int, *, dry_run: bool
    ) -> Flow[Backfill]:
        """Makes the jobs of past ticks."""
        return ticking.backfill(self.workspace, id, since, until, new_ids, self.actor, most=most, dry_run=dry_run)

    def list_ticks(self, id: UUID, limit: int) -> Flow[list[Tick]]:
        """The newest ticks."""
        return schedules.history(self.workspace, id, limit=limit)

    def list_next(self, id: UUID, count: int) -> Flow[list[Planned]]:
        """The next ticks."""
        return schedules.upcoming(self.workspace, id, count)

    def preview(self, expression: str, zone: str, count: int, after: datetime | None) -> Flow[list[Planned]]:
        """The next ticks of an expression."""
        return schedules.preview(expression, zone, count, after)
