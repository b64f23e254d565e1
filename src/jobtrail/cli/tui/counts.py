"""The figures of the head: how many jobs stand where, and how many gates wait. Capped, from a database or a server alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from jobtrail.cli import words
from jobtrail.cli.tui.spans import Line, Span, lengths, look
from jobtrail.client import Client, JobsClient
from jobtrail.client.remote import RemoteClient
from jobtrail.client.talk import Ask
from jobtrail.core.model import StatusCount
from jobtrail.core.status import GateStatus, JobStatus
from jobtrail.service import jobs

_BEFORE: Final = (JobStatus.PENDING, JobStatus.QUEUED, JobStatus.RUNNING)
_MOST_GATES: Final = 100


class _Counts(msgspec.Struct, frozen=True):
    items: list[StatusCount]


@dataclass(frozen=True, slots=True)
class Figures:
    """What the head says."""

    counts: tuple[StatusCount, ...] = ()
    gates: int | None = None

    def line(self, room: int) -> Line:
        """The figures as signs with numbers and words; for want of room without what is nought, then without words."""
        lines = (self._line(with_words=True, zeros=True), self._line(with_words=True, zeros=False))
        return next((line for line in lines if lengths(line) <= room), self._line(with_words=False, zeros=True))

    def _line(self, *, with_words: bool, zeros: bool) -> Line:
        told = {one.status: self._told(one, with_words=with_words) for one in self.counts if one.jobs or zeros}
        gates: Line = ()
        if self.gates is not None and (self.gates or zeros):
            word = (" gate" if self.gates == 1 else " gates") if with_words else ""
            number = f"{_MOST_GATES}+" if self.gates >= _MOST_GATES else str(self.gates)
            gates = ((f"◇ {number}{word}  ", look(GateStatus.WAITING) if self.gates else "dim"),)
        before = tuple(told[status] for status in _BEFORE if status in told)
        after = tuple(told[status] for status in (JobStatus.FAILED,) if status in told)
        return (*before, *gates, *after)

    def _told(self, one: StatusCount, *, with_words: bool) -> Span:
        word = f" {one.status.lower()}" if with_words else ""
        return (f"{words.glyph(one.status)} {_capped(one)}{word}  ", look(one.status) if one.jobs else "dim")


def read(client: JobsClient) -> Figures:
    """The figures as they are now."""
    return Figures(tuple(_counts(client)), len(client.gates()))


def _counts(client: JobsClient) -> list[StatusCount]:
    if isinstance(client, Client):
        return client.run(jobs.counts(client.workspace))
    if isinstance(client, RemoteClient):
        return client.run(Ask(method="GET", path="/counts", read=_items, again=True))
    return []


def _items(body: bytes) -> list[StatusCount]:
    return msgspec.json.decode(body, type=_Counts).items


def _capped(count: StatusCount) -> str:
    if not count.capped:
        return f"{count.jobs:,}".replace(",", " ")
    return f"{count.jobs // 1000}k+" if count.jobs >= 1000 else f"{count.jobs}+"
