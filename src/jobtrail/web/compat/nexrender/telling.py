"""What happens when a nexrender worker takes a render, and when somebody says something of one: verbs put together."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from jobtrail.core import jsonguard, nexrender
from jobtrail.core.errors import Conflict, NotFound
from jobtrail.core.fence import Fence
from jobtrail.core.model import Actor
from jobtrail.core.retry import Backoff, delay_after
from jobtrail.core.scopes import ApiScope
from jobtrail.core.status import FINAL, JobStatus
from jobtrail.service import attempts, jobs, renders, workers
from jobtrail.service.attempts import Completed, Failed, Held
from jobtrail.service.jobs import Change
from jobtrail.service.renders import QUEUE, TYPE, Render, Wanted
from jobtrail.service.workers import NewWorker
from jobtrail.store.identity import new_id
from jobtrail.store.query import Steps, ask, atomic
from jobtrail.web.api.attempts import MESSAGE_BYTES, redact
from jobtrail.web.compat.nexrender import document
from jobtrail.web.principal import Principal

PRESENT_SECONDS: Final = 300.0
"""How long a worker that asked for a render counts as one that is there: it asks every half minute, if not told otherwise."""
FIRST_SECONDS: Final = 60.0
"""How soon a worker must say that it has begun; it says so at once, unless the answer never reached it."""
_FAILED: Final = "render_failed"
_STALE_PLACES: Final = 1_000
_BEGINS: Final = frozenset({nexrender.PICKED, "started"})
_GIVES_BACK: Final = frozenset({nexrender.QUEUED, "created"})
_CHANGEABLE: Final = frozenset({"priority", "tags"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A worker or client of nexrender's: whose key it has, what it is called, where it is, and which program it is."""

    principal: Principal
    name: str
    host: str
    program: str

    @property
    def actor(self) -> Actor:
        """Who it is for the trail."""
        return self.principal.actor

    @property
    def asking(self) -> str:
        """What tells it from others of its name, while it asks for renders."""
        return f"nexrender {self.principal.name}"

    @property
    def rendering(self) -> str:
        """The same, while it renders: one worker row for each render, so that each has a lease of its own."""
        return f"nexrender render {self.principal.name}"


@dataclass(frozen=True, slots=True)
class Told:
    """A render after something was said of it. `refused`: why it was not done; `queued`: it is ready again."""

    render: Render
    refused: str | None = None
    queued: bool = False


@atomic
def picked(workspace: UUID, caller: Caller, wanted: Wanted) -> Steps[Render | None]:
    """Hands a render to a worker, with an attempt and a lease of its own; None when there is none that it wants."""
    yield from _here(workspace, caller)
    return (yield from _taken(workspace, caller, wanted))


def _here(workspace: UUID, caller: Caller) -> Steps[None]:
    """Makes known that somebody asks for renders, so that one can say why a render waits."""
    known = yield from ask(renders.known_worker(workspace, caller.asking, caller.name))
    if known is None or (yield from ask(renders.lend(known, PRESENT_SECONDS))) is None:
        yield from ask(workers.register(_worker(workspace, caller, new_id(), caller.asking, PRESENT_SECONDS)))


def _taken(workspace: UUID, caller: Caller, wanted: Wanted) -> Steps[Render | None]:
    worker_id = new_id()
    for _ in range(_STALE_PLACES):
        stamp, nonce = f"{time.time_ns() // 1_000_000:012x}7", secrets.token_hex(16)
        found = yield from ask(renders.pick(workspace, worker_id, wanted, stamp, nonce))
        if found is None:
            return None
        if found.attempt_id is None:
            continue
        yield from ask(workers.register(_worker(workspace, caller, worker_id, caller.rendering, FIRST_SECONDS)))
        render = yield from _read(workspace, found.job_id)
        said = {name: value for name, value in render.said.items() if name not in document.UNTIL_PICKED}
        said["executor"] = document.executor(caller.name, found.attempt_id)
        return (yield from _keep(workspace, render, said))
    return None


@atomic
def told(workspace: UUID, uid: str, said: Mapping[str, Any], caller: Caller, lease_seconds: float) -> Steps[Told]:
    """Takes what was said of a render. Only its own worker moves it; what comes from others, or too late, changes
    nothing. Raises NotFound, Denied."""
    render = yield from found(workspace, uid)
    fence = render.fence(workspace)
    if fence is not None and _is_own(render, said, caller):
        # The worker's row before the job's, as everywhere.
        lent = yield from ask(renders.lend(fence.worker_id, lease_seconds))
        held = yield from ask(attempts.hold(fence))
        if lent is not None and held is not None and held.open:
            return (yield from _of_worker(workspace, fence, held, said))
    return (yield from _of_others(workspace, render, said, caller))


def found(workspace: UUID, uid: str) -> Steps[Render]:
    """A render by its uid. Raises NotFound."""
    render = yield from ask(renders.get(workspace, uid))
    if render is None:
        raise NotFound(f"there is no job {uid!r} here")
    return render


@atomic
def removed(workspace: UUID, uid: str, actor: Actor) -> Steps[None]:
    """Cancels a render and hides it from nexrender's clients; its history stays. One that is not there is removed as well."""
    render = yield from ask(renders.get(workspace, uid))
    if render is None or render.removed:
        return
    status = yield from ask(renders.hold(workspace, render.job_id))
    if status is not None and JobStatus(status) not in FINAL:
        yield from jobs.cancel(workspace, render.job_id, actor, "removed by a client of nexrender").begin()
    render = yield from _read(workspace, render.job_id)
    yield from ask(renders.say(workspace, render.job_id, document.storable(render.said), removed=True))


def _of_worker(workspace: UUID, fence: Fence, held: Held, said: Mapping[str, Any]) -> Steps[Told]:
    """Its own worker's word, while its attempt is open and held."""
    state = _state(said)
    render = yield from _read(workspace, fence.job_id)
    render = yield from _keep(workspace, render, document.said_more(render, said))
    refused = None
    if held.cancel:
        yield from attempts.end_cancelled(fence, held.reason or "cancelled").begin()
        refused = "it was cancelled" if state in _BEGINS else None
    elif state == nexrender.FINISHED:
        yield from attempts.complete([Completed(fence, _output(render), ms=held.ms)]).begin()
    elif state == nexrender.ERROR:
        yield from attempts.fail(_failed(fence, held, said)).begin()
    elif state in _GIVES_BACK:
        yield from ask(attempts.interrupt([fence]))
    else:
        yield from _going_on(fence, held, said, state)
        return Told((yield from _read(workspace, fence.job_id)))
    yield from ask(workers.stop([fence.worker_id], "its render is over"))
    render = yield from _read(workspace, fence.job_id)
    return Told(render, refused, queued=render.status == JobStatus.QUEUED)


def _going_on(fence: Fence, held: Held, said: Mapping[str, Any], state: str | None) -> Steps[None]:
    percent = document.progress_in(said)
    moved = percent is not None and int(percent) != int(held.progress)
    staged = state is not None and state != held.stage
    if staged or (moved and not held.told_lately):
        yield from ask(attempts.progress(fence, percent if moved else None, state))


def _of_others(workspace: UUID, render: Render, said: Mapping[str, Any], caller: Caller) -> Steps[Told]:
    """The word of a client, or of a worker that lost the render: a worker hears of it only where it can bear it."""
    state, status = _state(said), JobStatus(render.status)
    if state in _BEGINS:
        if status is JobStatus.QUEUED and document.fence_in(said) is None:
            taken = yield from _taken(workspace, caller, Wanted(job_id=render.job_id))
            if taken is not None:
                return (yield from told(workspace, taken.uid, {**said, "executor": taken.said["executor"]}, caller,
                                        FIRST_SECONDS).begin())  # fmt: skip
        return Told(render, f"it is not yours to render: it is {status.lower()}")
    of_worker = document.fence_in(said) is not None and "template" not in said  # clients send back what they fetched
    if of_worker or (state is not None and state not in _GIVES_BACK):
        return Told(render)
    if state in _GIVES_BACK and status in (JobStatus.FAILED, JobStatus.CANCELLED) and not render.removed:
        caller.principal.require(ApiScope.JOBS_RETRY)
        yield from jobs.retry(workspace, render.job_id, caller.actor).begin()
        return Told((yield from _read(workspace, render.job_id)), queued=True)
    return (yield from _changed(workspace, render, said, caller))


def _changed(workspace: UUID, render: Render, said: Mapping[str, Any], caller: Caller) -> Steps[Told]:
    """A client changes a render that waits: its priority and tags, and nothing else of what it was accepted with."""
    different = document.changes(document.document(render), said)
    more, waits = different - _CHANGEABLE, render.status in (JobStatus.QUEUED, JobStatus.PENDING)
    if more or not waits:
        what = f"{', '.join(sorted(more))} cannot be changed" if more and waits else f"it is {render.status.lower()}"
        return Told(render, f"{what}; remove it and create another one")
    change = Change(
        priority=document.priority_of(said["priority"]) if "priority" in different else None,
        tags=document.tags_of(said["tags"]) if "tags" in different else None,
    )
    if change != Change():
        caller.principal.require(ApiScope.JOBS_UPDATE)
        yield from jobs.update(workspace, render.job_id, change, caller.actor).begin()
        kept = {name: said[name] for name in different}
        render = yield from _read(workspace, render.job_id)
        render = yield from _keep(workspace, render, document.said_more(render, kept))
    return Told(render)


def _is_own(render: Render, said: Mapping[str, Any], caller: Caller) -> bool:
    """Whether it speaks for the attempt that is open. Workers name it without knowing; who names none is known by name."""
    named = document.fence_in(said)
    if named is not None:
        return named == render.attempt_id
    return (render.worker_host, render.worker_name) == (caller.rendering, caller.name)


def _read(workspace: UUID, job_id: UUID) -> Steps[Render]:
    """By its job alone: another render may have this id as its uid."""
    render = yield from ask(renders.of_job(workspace, job_id))
    if render is None:
        raise Conflict(f"job {job_id} was removed by retention")
    return render


def _keep(workspace: UUID, render: Render, said: dict[str, Any]) -> Steps[Render]:
    yield from ask(renders.say(workspace, render.job_id, document.storable(said)))
    return replace(render, said=said)


def _output(render: Render) -> str:
    """The result of a render: where its worker says that the output is, and how long each state took."""
    shown = document.document(render)
    made = {name: shown.get(name) for name in ("uid", "output", "executor", "timings", "startedAt", "finishedAt")}
    return jsonguard.clean_value({name: value for name, value in made.items() if value})[0].decode()


def _failed(fence: Fence, held: Held, said: Mapping[str, Any]) -> Failed:
    message = redact(jsonguard.clean_text(document.errors_in(said), max_bytes=MESSAGE_BYTES))
    again: timedelta = delay_after(
        Backoff(held.backoff_type),
        timedelta(milliseconds=held.backoff_delay_ms),
        held.failure_count + 1,
        random.random(),  # noqa: S311  (jitter, no secret)
        max_delay=timedelta(milliseconds=held.backoff_max_ms),
    )
    return Failed(fence, _FAILED, message, retry_in=again, ms=held.ms)


def _state(said: Mapping[str, Any]) -> str | None:
    state = said.get("state")
    return redact(jsonguard.clean_text(state, max_bytes=255)) if isinstance(state, str) and state else None


def _worker(workspace: UUID, caller: Caller, id: UUID, host_id: str, lease_seconds: float) -> NewWorker:
    return NewWorker(
        id=id,
        name=caller.name,
        host=caller.host,
        host_id=host_id,
        process_id=0,
        process_started=0.0,
        lock_key=0,
        lease_seconds=lease_seconds,
        slots=1,
        version=caller.program,
        queues=(QUEUE,),
        types=(TYPE,),
        workspace_id=workspace,
    )
