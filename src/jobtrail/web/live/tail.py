"""Workspace streams: one tail of the trail for all of them. A listener reads the past by itself, then joins the tail."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final
from uuid import UUID

from jobtrail.core.errors import Invalid, JobtrailError
from jobtrail.core.filter import Filter
from jobtrail.service import streams
from jobtrail.service.streams import Place, Standing, Told
from jobtrail.web.live import frame
from jobtrail.web.live.changes import Changes
from jobtrail.web.live.cursor import LONG_AGO, NOWHERE, Cursor, Since, beginning, not_older, read_cursor, since_of
from jobtrail.web.live.listener import Counts, Limits, Listener
from jobtrail.web.live.pulse import Pulse
from jobtrail.web.live.reader import Patience, Reader

PAGE: Final = 1_000
_STRIDE: Final = 4_096
_SLOW_SECONDS: Final = 0.25
_KNOWN: Final = frozenset(
    [
        "types",
        "exclude_types",
        "statuses",
        "exclude_statuses",
        "queues",
        "exclude_queues",
        "tags",
        "all_tags",
        "exclude_tags",
        "task_id",
        "project_id",
    ]
)


_EVERYTHING: Final = Filter()


def check_filter(filter: Filter) -> None:
    """Raises Invalid for what a list can be filtered by and a stream cannot."""
    unknown = [f.name for f in fields(filter) if f.name not in _KNOWN and getattr(filter, f.name) is not None]
    if unknown:
        raise Invalid(
            "a stream is filtered by status, type, queue, task, project and tag only",
            fields=dict.fromkeys(unknown, "not for streams"),
        )


def wants(filter: Filter, told: Told) -> bool:
    """Whether an event passes: its own status, and the rest of its job as it is now."""
    f, tags = filter, told.tags
    return (
        (f.types is None or told.job_type in f.types)
        and (f.exclude_types is None or told.job_type not in f.exclude_types)
        and (f.statuses is None or told.status in f.statuses)
        and (f.exclude_statuses is None or told.status not in f.exclude_statuses)
        and (f.queues is None or told.queue in f.queues)
        and (f.exclude_queues is None or told.queue not in f.exclude_queues)
        and (f.tags is None or not set(f.tags).isdisjoint(tags))
        and (f.all_tags is None or set(f.all_tags).issubset(tags))
        and (f.exclude_tags is None or set(f.exclude_tags).isdisjoint(tags))
        and (f.task_id is None or told.task_id == f.task_id)
        and (f.project_id is None or told.project_id == f.project_id)
    )


def place_of(told: Told) -> Place:
    """Where an event stands."""
    return told.txid, told.job_id, told.seq


class Scan:
    """Reads on from a place, a page at a time and no more transactions at once than can be looked through quickly."""

    def __init__(self, reader: Reader, place: Place, since: datetime, workspace: UUID | None) -> None:
        self._reader, self._workspace = reader, workspace
        self.place, self.since = place, since
        self._stride = _STRIDE

    async def page(self, horizon: int) -> list[Told]:
        """The next events below the horizon. Raises a JobtrailError like `Reader.read`; then nothing was passed."""
        end = min(horizon, self.place[0] + self._stride)
        query = streams.tail(self.place, end, not_older(self.since), self._workspace, PAGE)
        try:
            page = await self._reader.read(query)
        except JobtrailError:
            self._stride = max(self._stride // 8, 1)
            raise
        if self._reader.took > _SLOW_SECONDS:
            self._stride = max(self._stride // 2, _STRIDE // 16)
        elif len(page) < PAGE and end < horizon:
            self._stride *= 2
        self.place = place_of(page[-1]) if len(page) == PAGE else (end, NOWHERE, 0)
        if page:
            self.since = since_of(page[-1].at, self.since)
        return page


@dataclass(slots=True, eq=False)
class Follower:
    """A listener of a workspace's stream. `place`: up to where it was told everything."""

    listener: Listener
    workspace: UUID
    filter: Filter
    place: Place = (0, NOWHERE, 0)
    changes: Changes | None = None  # takes the events themselves, in the place of frames


@dataclass(slots=True)
class _Past:
    """How far a listener that reads the past has come. `oldest_day`: what was kept when it was told of a gap last."""

    scan: Scan
    oldest_day: datetime | None = None


class Tail:
    """Reads every event once and hands it to all who follow its workspace, in the order of transactions."""

    def __init__(self, reader: Reader, limits: Limits, counts: Counts, pulse: Pulse) -> None:
        self._reader, self._limits, self._counts, self._pulse = reader, limits, counts, pulse
        self._groups: defaultdict[UUID, dict[Filter, set[Follower]]] = defaultdict(dict)
        self._followers: set[Follower] = set()
        self._epoch = ""
        self._since = Since()
        self._scan = Scan(reader, (0, NOWHERE, 0), LONG_AGO, None)

    async def run(self) -> None:
        """Reads while anybody follows, until it is cancelled."""
        patience = Patience()
        while True:
            await self._pulse.wanted()
            try:
                found = await self._tick()
            except JobtrailError as error:
                await patience.after(error)
                continue
            patience.over()
            await self._pulse.pause(self._limits.eager_seconds if found else self._limits.poll_seconds)

    async def begin(self, follower: Follower, text: str | None) -> None:
        """Tells a listener everything after its cursor, at its own pace, and lets it join the tail."""
        patience, past = Patience(), None
        while follower.listener.closed is None:
            await follower.listener.room()
            try:
                async with self._reader.past:
                    standing = await self._reader.standing()
                    past = past or self._located(follower, text, standing)
                    self._forgotten(follower, past, standing)
                    if follower.listener.waiting and past.scan.place < beginning(standing):
                        continue  # what was just said goes first
                    page = await past.scan.page(standing.horizon)
            except JobtrailError as error:
                await patience.after(error)
                continue
            patience.over()
            self._tell([follower], page, standing.epoch, past.scan.since)
            if past.scan.place >= beginning(standing) and self._joined(follower, past.scan, standing):
                return

    def leave(self, follower: Follower) -> None:
        """Lets a listener go."""
        self._followers.discard(follower)
        group = self._groups.get(follower.workspace, {})
        if (members := group.get(follower.filter)) is not None:
            members.discard(follower)
            if not members:
                del group[follower.filter]
            if not group:
                del self._groups[follower.workspace]
        self._pulse.want(on=bool(self._followers))

    def _located(self, follower: Follower, text: str | None, standing: Standing) -> _Past:
        now = Cursor(standing.epoch, beginning(standing), since_of(standing.now, LONG_AGO))
        cursor = now if text is None else read_cursor(text)
        reason = None
        if cursor is None:
            reason = "unreadable"
        elif cursor.epoch != standing.epoch:
            reason = "restored"
        elif cursor.place > now.place:
            reason = "ahead"
        if cursor is None or reason is not None:
            cursor = now
        follower.place = cursor.place
        if reason is not None:
            self._gap(follower.listener, reason, cursor, standing.now)
        elif text is None:
            follower.listener.push(frame.opened(now.text()), 1)
        return _Past(Scan(self._reader, cursor.place, cursor.since, follower.workspace))

    def _forgotten(self, follower: Follower, past: _Past, standing: Standing) -> None:
        """Tells of days that retention has dropped before they were read."""
        oldest = standing.oldest_day
        if oldest is None or oldest == past.oldest_day:
            return
        if past.scan.since < oldest:
            cursor = Cursor(standing.epoch, past.scan.place, oldest)
            self._gap(follower.listener, "retention", cursor, oldest)
            past.scan.since = oldest
        past.oldest_day = oldest

    def _gap(self, listener: Listener, reason: str, cursor: Cursor, at: datetime) -> None:
        self._counts.gaps += 1
        listener.push(frame.gap(reason, cursor=cursor.text(), at=at), 1)

    def _joined(self, follower: Follower, scan: Scan, standing: Standing) -> bool:
        """Joins, unless the tail has read on meanwhile. Nothing is awaited between the last page and this."""
        if not self._followers:
            if self._epoch != standing.epoch:
                self._epoch, self._since = standing.epoch, Since()
            self._scan = Scan(self._reader, scan.place, self._since.at, None)
        elif scan.place < self._scan.place or self._epoch != standing.epoch:
            return False
        follower.place = scan.place
        self._followers.add(follower)
        self._groups[follower.workspace].setdefault(follower.filter, set()).add(follower)
        self._pulse.want(on=True)
        return True

    async def _tick(self) -> bool:
        standing = await self._reader.standing()
        if self._epoch != standing.epoch and self._followers:
            self._begin_anew(standing)
        self._since.see(self._scan.place[0], standing)
        scan, found = self._scan, False
        while scan.place < beginning(standing) and self._followers:
            scan.since = self._since.at
            page = await scan.page(standing.horizon)
            if scan is not self._scan:
                return found  # all left meanwhile, and somebody came
            found = found or bool(page)
            for workspace, told in _by_workspace(page, self._groups).items():
                for members in list(self._groups[workspace].values()):
                    self._tell(list(members), told, standing.epoch, self._since.at)
        return found

    def _begin_anew(self, standing: Standing) -> None:
        """The server is another one, so no place of the old one means anything."""
        self._epoch, self._since = standing.epoch, Since()
        self._scan = Scan(self._reader, beginning(standing), LONG_AGO, None)
        cursor = Cursor(standing.epoch, beginning(standing), since_of(standing.now, LONG_AGO))
        for follower in self._followers:
            follower.place = cursor.place
            self._gap(follower.listener, "restored", cursor, standing.now)

    def _tell(self, followers: list[Follower], page: list[Told], epoch: str, since: datetime) -> None:
        """Hands a page to listeners that share a filter; it is written once for all of them."""
        if not page or not followers:
            return
        filter = followers[0].filter
        wanted = page if filter == _EVERYTHING else [told for told in page if wants(filter, told)]
        if not wanted:
            return
        for follower in followers:
            if follower.changes is not None:
                follower.changes.take([told for told in wanted if place_of(told) > follower.place])
        followers = [follower for follower in followers if follower.changes is None]
        if not followers:
            return
        frames = [frame.event(told, Cursor(epoch, place_of(told), since_of(told.at, since)).text()) for told in wanted]
        whole, first = b"".join(frames), place_of(wanted[0])
        for follower in followers:
            if follower.place < first:
                follower.listener.push(whole, len(frames))
            else:
                new = [f for told, f in zip(wanted, frames, strict=True) if place_of(told) > follower.place]
                if new:
                    follower.listener.push(b"".join(new), len(new))


def _by_workspace(page: list[Told], known: Iterable[UUID]) -> dict[UUID, list[Told]]:
    found: dict[UUID, list[Told]] = {workspace: [] for workspace in known}
    for told in page:
        if told.workspace_id in found:
            found[told.workspace_id].append(told)
    return found
