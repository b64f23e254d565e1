"""Which types have their input checked before a slot: by what live workers say, else by what is installed here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from jobtrail.core.errors import JobtrailError
from jobtrail.runners import registry
from jobtrail.service.jobs import NewJob, Options

GOOD_SECONDS: Final = 5.0
"""How long an answer of the database counts; a type that is checked since a moment ago may run unchecked meanwhile."""
_MOST: Final = 1_000

Known = dict[tuple[str, str], bool]
"""By type and queue: a worker that checks a type in one queue does nothing for a job in another."""
Read = Callable[[UUID], Awaitable[Known]]


class Checks:
    """What one process knows of it, by workspaces."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._known: dict[UUID, tuple[float, Known]] = {}
        self._installed: dict[str, bool] = {}

    async def marked(self, workspace: UUID, wanted: Sequence[NewJob]) -> list[NewJob]:
        """The jobs, those marked whose input is to be checked. Where nobody can tell, none is."""
        places = {(job.options.type, job.options.queue) for job in wanted}
        checked = {place: await self._is_checked(workspace, place) for place in places}
        options: dict[int, Options] = {}
        for job in wanted:
            if id(job.options) not in options:  # they share few
                said = checked[job.options.type, job.options.queue]
                now = job.options.checked if said is None else said
                same = job.options.checked is now
                options[id(job.options)] = job.options if same else replace(job.options, checked=now)
        return [job._replace(options=options[id(job.options)]) for job in wanted]

    async def _is_checked(self, workspace: UUID, place: tuple[str, str]) -> bool | None:
        """None: nobody says."""
        until, known = self._known.get(workspace, (0.0, {}))
        if time.monotonic() >= until:
            try:
                known = await self._read(workspace)
            except (
                JobtrailError
            ):  # the job is accepted or not by what comes next; its runner looks once more when it runs
                return None
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[workspace] = time.monotonic() + GOOD_SECONDS, known
        type, _ = place
        if place not in known and type not in self._installed:
            if len(self._installed) >= _MOST:
                self._installed.clear()
            self._installed[type] = await asyncio.to_thread(_is_checked_here, type)
        return known[place] if place in known else (self._installed[type] or None)


def _is_checked_here(type: str) -> bool:
    entry = registry.discover().get(type)
    try:
        return entry is not None and registry.has_check(registry.made(entry))
    except JobtrailError:  # what cannot be loaded here may run elsewhere
        return False
