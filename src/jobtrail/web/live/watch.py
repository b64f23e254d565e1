"""Job streams: one look at all watched jobs serves everybody who watches. Events, log lines and progress in one order."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID

from jobtrail.core.errors import JobtrailError
from jobtrail.core.status import FINAL, JobStatus
from jobtrail.service import streams
from jobtrail.service.streams import Chunk, Told, Watched
from jobtrail.web.live import frame
from jobtrail.web.live.listener import ENDED, Counts, Limits, Listener
from jobtrail.web.live.pulse import Pulse
from jobtrail.web.live.reader import Patience, Reader

GONE: Final = "gone"
"""The job is not there, or retention has removed it."""

EVENTS: Final = 500
CHUNKS: Final = 8
_JOBS_AT_ONCE: Final = 50
_PROGRESS_SECONDS: Final = 0.25

_MAY_SPEAK: Final = FINAL | {JobStatus.RUNNING}
"""The statuses in which there may be something to tell although there is no new event: lines, or the end."""

Name = tuple[UUID, UUID]
"""Workspace and job: whoever enqueues chooses the id, so another workspace may have a job of the same."""


@dataclass(slots=True, eq=False)
class Watcher:
    """A listener of a job's stream. It was told all events up to `seq` and all lines before `line`; None: no lines."""

    listener: Listener
    name: Name
    seq: int
    line: int | None
    told: tuple[float, str | None, UUID | None] | None = None
    told_at: float = 0.0


class Item(NamedTuple):
    """A frame of an event (`seq` above 0) or of a log line (`number` above 0)."""

    seq: int
    number: int
    data: bytes


@dataclass(slots=True)
class News:
    """What is new of a job, in the order in which it was stored; `more`: there was too much for one look."""

    job: Watched
    items: list[Item] = field(default_factory=list)
    more: bool = False


class Watch:
    """Looks at every watched job, and tells each watcher what it was not told yet."""

    def __init__(self, reader: Reader, limits: Limits, counts: Counts, pulse: Pulse) -> None:
        self._reader, self._limits, self._counts, self._pulse = reader, limits, counts, pulse
        self._watchers: defaultdict[Name, set[Watcher]] = defaultdict(set)

    async def run(self) -> None:
        """Looks while anybody watches, until it is cancelled."""
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

    async def begin(self, watcher: Watcher, *, resumed: bool) -> None:
        """Tells a listener what it missed, at its own pace, and lets it watch on. `resumed`: its `seq` is a reader's,
        so that the lines go on where that event was stored, or shortly before."""
        patience = Patience()
        while watcher.listener.closed is None:
            await watcher.listener.room()
            try:
                async with self._reader.past:
                    found = await self._reader.read(streams.watched([watcher.name]))
                    if not found:
                        watcher.listener.close(GONE)
                        return
                    if resumed:
                        await self._resume(watcher, found[0])
                        resumed = False
                        continue
                    (news,) = await self._look(found, {watcher.name: {watcher}})
            except JobtrailError as error:
                await patience.after(error)
                continue
            patience.over()
            self._tell(watcher, news)
            if not news.more:
                self._watchers[watcher.name].add(watcher)
                self._pulse.want(on=True)
                return

    def leave(self, watcher: Watcher) -> None:
        """Lets a listener go."""
        if (watchers := self._watchers.get(watcher.name)) is not None:
            watchers.discard(watcher)
            if not watchers:
                del self._watchers[watcher.name]
        self._pulse.want(on=bool(self._watchers))

    async def _resume(self, watcher: Watcher, job: Watched) -> None:
        if watcher.seq > job.version:
            watcher.listener.push(self._gap(watcher, "ahead", job.version), 1)
            watcher.seq = job.version
        if watcher.line == 0:
            watcher.line = await self._reader.read(streams.line_since(*watcher.name, watcher.seq))

    async def _tick(self) -> bool:
        self._let_go()
        watched = {name: set(watchers) for name, watchers in self._watchers.items()}  # who joins now waits for the next
        jobs = await self._reader.read(streams.watched(list(watched)))
        for name in watched.keys() - {job[:2] for job in jobs}:
            for watcher in watched[name]:
                watcher.listener.close(GONE)
        found = False
        moved = [job for job in jobs if job.status in _MAY_SPEAK or _behind(job, watched[job[:2]])]
        for at in range(0, len(moved), _JOBS_AT_ONCE):
            for news in await self._look(moved[at : at + _JOBS_AT_ONCE], watched):
                found = found or bool(news.items)
                for watcher in watched[news.job[:2]]:
                    self._tell(watcher, news)
        return found

    def _let_go(self) -> None:
        """Forgets listeners that are closed: their readers may take long to notice."""
        closed = [w for watchers in self._watchers.values() for w in watchers if w.listener.closed is not None]
        for watcher in closed:
            self.leave(watcher)

    async def _look(self, jobs: Sequence[Watched], watched: dict[Name, set[Watcher]]) -> list[News]:
        """Events first and lines after: then no line is missing that was stored before one of these events."""
        after = {job[:2]: min((w.seq for w in watched[job[:2]]), default=job.version) for job in jobs}
        lines = {
            job[:2]: min(from_line)
            for job in jobs
            if (from_line := [w.line for w in watched[job[:2]] if w.line is not None])
        }
        moved = [job[:2] for job in jobs if job.version > after[job[:2]]]
        events: defaultdict[Name, list[Told]] = defaultdict(list)
        chunks: defaultdict[Name, list[Chunk]] = defaultdict(list)
        if moved:
            for told in await self._reader.read(streams.events_of(moved, [after[name] for name in moved], EVENTS)):
                events[told.workspace_id, told.job_id].append(told)
        if lines:
            for chunk in await self._reader.read(streams.chunks_of(list(lines), list(lines.values()), CHUNKS)):
                chunks[chunk.workspace_id, chunk.job_id].append(chunk)
        return [_merged(job, events[job[:2]], chunks[job[:2]]) for job in jobs]

    def _tell(self, watcher: Watcher, news: News) -> None:
        """Hands on what this watcher was not told yet, and the end when there is no more to come."""
        job, frames = news.job, list[bytes]()
        for item in news.items:
            if item.seq > watcher.seq:
                if item.seq > watcher.seq + 1:
                    frames.append(self._gap(watcher, "retention", item.seq - 1))
                watcher.seq = item.seq
                frames.append(item.data)
            elif watcher.line is not None and item.number >= watcher.line:
                watcher.line = item.number + 1
                frames.append(item.data)
        if watcher.seq < job.version and not news.more:
            frames.append(self._gap(watcher, "retention", job.version))
            watcher.seq = job.version
        frames += _progress(watcher, job)
        ended = job.status in FINAL and watcher.seq == job.version and not news.more
        if ended:
            frames.append(frame.complete(job))
        if frames:
            watcher.listener.push(b"".join(frames), len(frames))
        if ended:
            watcher.listener.close(ENDED)

    def _gap(self, watcher: Watcher, reason: str, seq: int) -> bytes:
        self._counts.gaps += 1
        return frame.gap(reason, job_id=watcher.name[1], after=watcher.seq, goes_on_after=seq)


def _progress(watcher: Watcher, job: Watched) -> list[bytes]:
    """The latest only, and not too often: the next look comes soon."""
    now, told = time.monotonic(), (job.progress, job.stage, job.attempt_id)
    if job.status != JobStatus.RUNNING or told == watcher.told or now - watcher.told_at < _PROGRESS_SECONDS:
        return []
    watcher.told, watcher.told_at = told, now
    return [frame.progress(job)]


def _behind(job: Watched, watchers: set[Watcher]) -> bool:
    return any(watcher.seq != job.version for watcher in watchers)


def _merged(job: Watched, events: list[Told], chunks: list[Chunk]) -> News:
    """Both in the order of their times. Where one of them was cut off by its limit, the other is cut there as well."""
    cuts = [max(e.at for e in events)] if len(events) == EVENTS else []
    cuts += [max(c.at for c in chunks)] if len(chunks) == CHUNKS else []
    news = News(job, more=bool(cuts))
    kept = [told for told in events if not cuts or told.at <= min(cuts)]
    for chunk in chunks:
        if cuts and chunk.at > min(cuts):
            break
        while kept and kept[0].at < chunk.at:
            news.items.append(_of_event(kept.pop(0)))
        news.items += [Item(0, number, data) for number, data in enumerate(frame.log_lines(chunk), chunk.first_line)]
    news.items += [_of_event(told) for told in kept]
    return news


def _of_event(told: Told) -> Item:
    return Item(told.seq, 0, frame.event(told, str(told.seq)))
