"""The log of a job over HTTP: what to send, and how to read the answer. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

import msgspec

from jobtrail.client.talk import Ask, Talk
from jobtrail.core.loglines import LogLine
from jobtrail.core.status import LogLevel

_MOST: Final = 1_000


class _Page(msgspec.Struct, frozen=True):
    items: list[LogLine]
    next_cursor: str | None = None


def logs(
    job_id: UUID, from_line: int, attempt_id: UUID | None, step_id: UUID | None, levels: tuple[LogLevel, ...] | None
) -> Talk[list[LogLine]]:
    """Some lines of a job's log, from a line on. A page without lines may still have a next one."""
    query = _which(attempt_id, step_id, levels) | {"from_line": str(from_line), "limit": str(_MOST)}
    while True:
        page: _Page = yield _ask(job_id, query)
        if page.items or page.next_cursor is None:
            return page.items
        query |= {"cursor": page.next_cursor}


def last_lines(
    job_id: UUID, count: int, attempt_id: UUID | None, step_id: UUID | None, levels: tuple[LogLevel, ...] | None
) -> Talk[list[LogLine]]:
    """The last lines of a job's log, in order."""
    found: list[LogLine] = []
    query = _which(attempt_id, step_id, levels)
    while len(found) < count:
        wanted = min(count - len(found), _MOST)
        page: _Page = yield _ask(job_id, query | {"tail": str(wanted)})
        found = page.items + found
        if len(page.items) < wanted or found[0].number == 1:
            break
        query |= {"before_line": str(found[0].number)}
    return found


def _ask(job_id: UUID, query: Mapping[str, str]) -> Ask[_Page]:
    return Ask(method="GET", path=f"/jobs/{job_id}/logs", read=_read, query=query, again=True, missing=(_Page([]),))


def _read(body: bytes) -> _Page:
    return msgspec.json.decode(body, type=_Page)


def _which(attempt_id: UUID | None, step_id: UUID | None, levels: tuple[LogLevel, ...] | None) -> dict[str, str]:
    said = {
        "attempt_id": str(attempt_id or ""),
        "step_id": str(step_id or ""),
        "level": ",".join(levels or ()),
    }
    return {name: value for name, value in said.items() if value}
