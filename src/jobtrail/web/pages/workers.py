"""Who works: workers that live, are silent or were lost, what each of them runs, and what became of the jobs of those gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from starlette.responses import Response

from jobtrail.core.errors import NotFound
from jobtrail.core.figures import LostWorker, RunningJob
from jobtrail.core.model import Worker
from jobtrail.core.scopes import ApiScope
from jobtrail.service import overview, workers
from jobtrail.store.query import Steps, ask, flow
from jobtrail.web.killing import killable
from jobtrail.web.pages.page import page
from jobtrail.web.pages.shared import shared
from jobtrail.web.runtime import Call

_MOST: Final = 200
_RUNNING: Final = 200
_SILENT_SECONDS: Final = 5.0
"""A worker beats each second or two: one that has not for so long is called silent."""
_DAY: Final = timedelta(hours=24)

State = Literal["working", "draining", "silent", "lost", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A worker as it stands, what it runs, and, when it was lost, what became of its jobs."""

    worker: Worker
    state: State
    running: Sequence[RunningJob]
    lost: LostWorker | None

    @property
    def is_gone(self) -> bool:
        """Whether it does not work any more."""
        return self.state in ("stopped", "lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """All workers of the last day. `vanished`: those that were lost and are forgotten already."""

    alive: Sequence[Seen]
    gone: Sequence[Seen]
    vanished: Sequence[LostWorker] = field(default=())

    def count(self, *states: State) -> int:
        """How many are in one of these states."""
        return sum(one.state in states for one in (*self.alive, *self.gone))


async def show_workers(call: Call) -> Response:
    """All workers, those alive first."""
    crew = await _crew(call)
    near = killable(call.runtime.service.killer, (one.worker for one in crew.alive))
    return await page(call, "workers.html", "Workers", crew=_told(crew, near), killable=near)


async def show_worker(call: Call, worker_id: UUID) -> Response:
    """One worker."""
    crew = await _crew(call)
    near = killable(call.runtime.service.killer, (one.worker for one in crew.alive))
    told = _told(crew, near)
    found = next((one for one in (*told.alive, *told.gone) if one.worker.id == worker_id), None)
    if found is None:
        raise NotFound(f"there is no worker {worker_id} here; those that are gone are forgotten after a while")
    return await page(call, "worker.html", found.worker.name, one=found, killable=near)


async def _crew(call: Call) -> Crew:
    call.principal.require(ApiScope.JOBS_READ)
    return await shared(call, "crew", _read(call.workspace, datetime.now(UTC) - _DAY))


@flow
def _read(workspace: UUID, since: datetime) -> Steps[Crew]:
    known = yield from ask(workers.listed(_MOST))
    running: dict[UUID, list[RunningJob]] = {}
    for job in (yield from ask(overview.running(workspace, _RUNNING))):
        running.setdefault(job.worker_id, []).append(job)
    lost = {one.worker_id: one for one in (yield from ask(overview.lost_workers(workspace, since, _MOST)))}
    seen = [
        Seen(worker=one, state=_state(one), running=running.get(one.id, []), lost=lost.get(one.id))
        for one in known
        if one.stopped_at is None or one.stopped_at >= since
    ]
    names = {one.worker.id for one in seen}
    return Crew(
        alive=[one for one in seen if not one.is_gone],
        gone=[one for one in seen if one.is_gone],
        vanished=[one for id, one in lost.items() if id not in names],
    )


def _state(worker: Worker) -> State:
    if worker.stopped_at is not None:
        return "stopped"
    if not worker.leased:
        return "lost"
    if worker.silent_seconds > _SILENT_SECONDS:
        return "silent"
    return "draining" if worker.draining_at is not None else "working"


def _told(crew: Crew, near: frozenset[UUID]) -> Crew:
    """The same, without telling where workers run that serve all workspaces, unless it is this very terminal's."""
    return replace(crew, alive=list(_hidden(crew.alive, near)), gone=list(_hidden(crew.gone, near)))


def _hidden(seen: Iterable[Seen], near: frozenset[UUID]) -> Iterable[Seen]:
    for one in seen:
        shown = one.worker.workspace_id is not None or one.worker.id in near
        yield one if shown else replace(one, worker=replace(one.worker, host="", process_id=0))
