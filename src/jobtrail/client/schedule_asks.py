"""The verbs on schedules as HTTP requests: what to send, and how to read the answer. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import msgspec

from jobtrail.client.talk import Ask, Talk
from jobtrail.core.schedule import Planned
from jobtrail.core.schedules import NewSchedule, ScheduleChange, ScheduleFilter, ScheduleView, Tick
from jobtrail.service.jobs import Options
from jobtrail.service.ticking import Backfill, Made

I = TypeVar("I")  # noqa: E741  (an item)

_PAGE: Final = 500


class _Page(msgspec.Struct, Generic[I], frozen=True):
    items: list[I]
    next_cursor: str | None = None


class _Run(msgspec.Struct, frozen=True):
    job_id: UUID


class ScheduleAsks:
    """Each verb as the server's route takes it."""

    def create_schedule(self, new: NewSchedule, known: Mapping[str, Options] | None) -> Ask[ScheduleView]:
        """Makes a schedule; the server gives it an id, and knows the types itself."""
        body = {name: getattr(new, name) for name in NewSchedule.__slots__ if name != "id"}
        return _post("/schedules", ScheduleView, body | {"input": msgspec.Raw(new.input)})

    def get_schedule(self, id: UUID) -> Ask[ScheduleView]:
        """One schedule."""
        return _get(f"/schedules/{id}", ScheduleView)

    def list_schedules(self, filter: ScheduleFilter, limit: int) -> Talk[list[ScheduleView]]:
        """Schedules by name."""
        said = {"text": filter.text or "", "paused": "" if filter.paused is None else str(filter.paused).lower()}
        return _pages("/schedules", ScheduleView, said, limit)

    def update_schedule(
        self, id: UUID, change: ScheduleChange, version: int | None, known: Mapping[str, Options] | None
    ) -> Ask[ScheduleView]:
        """Changes a schedule."""
        names = [name for name in ScheduleChange.__slots__ if name != "empty"]
        body: dict[str, Any] = {name: value for name in names if (value := getattr(change, name)) is not None}
        if change.input is not None:
            body["input"] = msgspec.Raw(change.input)
        body |= dict.fromkeys(change.empty)
        headers = {} if version is None else {"If-Match": f'"{version}"'}
        return Ask(
            method="PATCH", path=f"/schedules/{id}", read=_reader(ScheduleView), body=msgspec.json.encode(body),
            headers=headers, again=version is not None,
        )  # fmt: skip

    def pause_schedule(self, id: UUID, reason: str | None) -> Ask[ScheduleView]:
        """Pauses a schedule."""
        return _post(f"/schedules/{id}/pause", ScheduleView, {"reason": reason})

    def resume_schedule(self, id: UUID) -> Ask[ScheduleView]:
        """Lets it go on."""
        return _post(f"/schedules/{id}/resume", ScheduleView, None)

    def remove_schedule(self, id: UUID) -> Ask[None]:
        """Removes a schedule."""
        return Ask(method="DELETE", path=f"/schedules/{id}", read=_nothing)

    def run_schedule(self, id: UUID) -> Ask[Made]:
        """Makes a job at once. A lost answer is told, for a second job would cost."""

        def read(body: bytes) -> Made:
            return Made((msgspec.json.decode(body, type=_Run).job_id,))

        return Ask(method="POST", path=f"/schedules/{id}/run", read=read)

    def backfill_schedule(
        self, id: UUID, since: datetime, until: datetime, most: int, *, dry_run: bool
    ) -> Ask[Backfill]:
        """Makes the jobs of past ticks; sent again it makes none twice."""
        body = {"since": since, "until": until, "limit": most, "dry_run": dry_run}
        return Ask(
            method="POST", path=f"/schedules/{id}/backfill", read=_reader(Backfill), body=msgspec.json.encode(body),
            again=True,
        )  # fmt: skip

    def list_ticks(self, id: UUID, limit: int) -> Talk[list[Tick]]:
        """The newest ticks."""
        return _pages(f"/schedules/{id}/ticks", Tick, {}, limit)

    def list_next(self, id: UUID, count: int) -> Ask[list[Planned]]:
        """The next ticks."""
        return _planned(f"/schedules/{id}/next", {"count": str(count)})

    def preview(self, expression: str, zone: str, count: int, after: datetime | None) -> Ask[list[Planned]]:
        """The next ticks of an expression."""
        said = {"expression": expression, "zone": zone, "count": str(count)}
        return _planned("/schedules/preview", said | ({} if after is None else {"after": after.isoformat()}))


def _planned(path: str, said: Mapping[str, str]) -> Ask[list[Planned]]:
    def read(body: bytes) -> list[Planned]:
        return msgspec.json.decode(body, type=_Page[Planned]).items

    return Ask(method="GET", path=path, read=read, query=said, again=True)


def _pages(path: str, item: type[I], said: Mapping[str, str], limit: int) -> Talk[list[I]]:
    """Pages, until there are as many items as are wanted."""
    found: list[I] = []
    query = {name: value for name, value in said.items() if value}
    while True:
        size = min(limit - len(found), _PAGE)
        page: _Page[I] = yield Ask(
            method="GET", path=path, read=_reader(_Page[item]), query=query | {"limit": str(size)}, again=True  # type: ignore[valid-type]  # a type at run time
        )  # fmt: skip
        found += page.items
        if page.next_cursor is None or len(found) >= limit:
            return found
        query["cursor"] = page.next_cursor


def _get(path: str, wanted: type[I]) -> Ask[I]:
    return Ask(method="GET", path=path, read=_reader(wanted), again=True)


def _post(path: str, wanted: type[I], body: Mapping[str, Any] | None) -> Ask[I]:
    raw = None if body is None else msgspec.json.encode(body)
    return Ask(method="POST", path=path, read=_reader(wanted), body=raw)


def _reader(wanted: type[I]) -> Any:
    return lambda body: msgspec.json.decode(body, type=wanted)


def _nothing(_body: bytes) -> None:
    return None
