"""Verbs on deliveries: dispatch what is new in the trail, say what to send and how it went, list, send again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from jobtrail.core.errors import Conflict, Misconfigured, NotFound
from jobtrail.core.ids import short
from jobtrail.core.model import Actor
from jobtrail.core.status import ActorType, DeliveryStatus
from jobtrail.core.webhooks import QUEUE, TYPE, Delivery, Letter, Try
from jobtrail.service import administration, jobs
from jobtrail.service.jobs import NewJob, Options
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, atomic

NewIds = Callable[[int], Sequence[UUID]]

BATCH: Final = 2_000
"""More than a workspace may have webhooks, so that one event always fits."""
_STRIDE: Final = 10_000
_FEW: Final = 8
"""Transactions that are looked at again rather than marked as seen: else an idle dispatcher would write for ever."""
_FIRST: Final = UUID(int=0)

DISPATCHER: Final = Actor(ActorType.SYSTEM, "webhooks")
OPTIONS: Final = Options(
    type=TYPE,
    queue=QUEUE,
    max_attempts=16,
    backoff_type="EXPONENTIAL",
    backoff_delay_ms=5_000,
    backoff_max_ms=6 * 3_600_000,
    timeout_seconds=120.0,
)
"""How deliveries are tried: 16 times within a day at most, half a day as a rule."""


class Told(NamedTuple):
    """An event, and a webhook that wants it."""

    txid: int
    workspace_id: UUID
    webhook_id: UUID
    job_id: UUID
    seq: int
    event: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Dispatched:
    """How many deliveries were made, and whether there may be more to dispatch at once."""

    made: int
    more: bool = False


class _Start(NamedTuple):
    """Where the dispatcher stands."""

    txid: int
    job_id: UUID
    seq: int
    settled_txid: int
    wanted: bool
    serves_all: bool


@atomic
def dispatch(new_ids: NewIds, *, batch: int = BATCH) -> Steps[Dispatched]:
    """Makes a delivery, with its job, for each new event that a webhook wants, up to `batch` of them.

    Takes the trail in the order of (transaction, job, seq), and only transactions that have ended together with all
    before them, so none is passed over that commits late. Deliveries, jobs and the mark are written in one transaction:
    a dispatcher that dies has dispatched all or nothing. Two at once are harmless: the second does nothing. The
    connection must serve all workspaces.
    """
    if not (yield from ask(Query("verbs/dispatch_alone", (), query.scalar))):
        return Dispatched(0)
    start = yield from ask(Query("reads/dispatch_from", (), query.one_of(_Start)))
    if start is None or not start.serves_all:
        raise Misconfigured("the dispatcher of webhooks must see all workspaces; run it with the scope of a worker")
    if start.settled_txid < start.txid:
        return Dispatched(0)
    if not start.wanted:
        if start.settled_txid - start.txid >= _STRIDE:
            yield _mark(start.settled_txid + 1, _FIRST, 0)
        return Dispatched(0)
    up_to = min(start.settled_txid, start.txid + _STRIDE)
    yield Query("verbs/settle_deliveries", (start.txid, up_to), query.nothing)
    params = (start.txid, start.job_id, start.seq, up_to, batch)
    found = yield from ask(Query("reads/dispatch_events", params, query.many_of(Told)))
    kept = _whole(found, batch)
    made = yield from _deliver(kept, new_ids)
    more = len(found) == batch or up_to < start.settled_txid
    if len(found) == batch:
        yield _mark(kept[-1].txid, kept[-1].job_id, kept[-1].seq)
    elif made or more or up_to - start.txid >= _FEW:
        yield _mark(up_to + 1, _FIRST, 0)
    return Dispatched(made, more)


def letter(workspace: UUID, delivery_id: UUID, delivery_job_id: UUID) -> Query[Letter | None]:
    """What a delivery's job is to send; None when the delivery is another job's by now, or was removed."""
    return Query("reads/letter", (workspace, delivery_id, delivery_job_id), query.one_of(Letter))


@atomic
def keep_try(workspace: UUID, job_id: UUID, attempt_id: UUID, tried: Try) -> Steps[int | None]:
    """Notes how one try went, and disables the webhook if it says so; None: the attempt is stale."""
    params = (
        workspace,
        job_id,
        attempt_id,
        tried.http_status,
        tried.error,
        tried.body_sha256,
        tried.delivered,
        tried.disable,
    )
    row = yield from ask(Query("verbs/keep_try", params, query.one))
    if row is None:
        return None
    if tried.disable is not None:
        said = {"reason": tried.disable}
        yield administration.tell(workspace, "webhook.disabled", DISPATCHER, "webhook", str(row[0]), said)
    return int(row[1])


def get(workspace: UUID, delivery_id: UUID) -> Query[Delivery | None]:
    """One delivery, or None."""
    return Query("reads/delivery", (workspace, delivery_id), query.one_of(Delivery))


def listed(
    workspace: UUID,
    webhook_id: UUID | None = None,
    *,
    before: UUID | None = None,
    statuses: tuple[DeliveryStatus, ...] | None = None,
    job_id: UUID | None = None,
    limit: int = 50,
) -> Query[list[Delivery]]:
    """A page of deliveries, newest first; `before` is the id of the last one of the page before."""
    wanted = None if statuses is None else [str(status) for status in statuses]
    params = (workspace, webhook_id, before, wanted, job_id, limit)
    return Query("reads/deliveries", params, query.many_of(Delivery))


@atomic
def replay(workspace: UUID, delivery_id: UUID, new_job_id: UUID, actor: Actor) -> Steps[UUID]:
    """Sends a delivery that has ended once more, under the same message id; answers the id of the job that does it.

    Raises NotFound, or Conflict when it is still under way or its webhook is disabled.
    """
    delivery = yield from ask(get(workspace, delivery_id))
    if delivery is None:
        raise NotFound(f"there is no delivery {delivery_id} in this workspace")
    again = [_Again(delivery.id, delivery.job_id, delivery.seq, delivery.event)]
    if not (yield from _redeliver(workspace, again, [new_job_id], actor)):
        raise Conflict(
            f"delivery {delivery.id} is not sent again: it is under way, or webhook {delivery.webhook_id} is disabled"
        )
    return new_job_id


@atomic
def replay_since(
    workspace: UUID, webhook_id: UUID, since: datetime, new_ids: NewIds, actor: Actor, *, limit: int = 1_000
) -> Steps[int]:
    """Sends what a webhook did not get since a time: deliveries that failed, and events that it was never told of.

    Up to `limit` of each, the oldest first; answers how many. Raises NotFound, or Conflict when it is disabled.
    """
    row = yield from ask(Query("reads/webhook_state", (workspace, webhook_id), query.one))
    if row is None:
        raise NotFound(f"there is no webhook {webhook_id} in this workspace")
    if row[0]:
        raise Conflict(f"webhook {webhook_id} is disabled; enable it first")
    params = (workspace, webhook_id, since, limit)
    failed = yield from ask(Query("reads/failed_deliveries", params, query.many_of(_Again)))
    again = yield from _redeliver(workspace, failed, new_ids(len(failed)), actor)
    missed = yield from ask(Query("reads/missed_events", params, query.many_of(Told)))
    return again + (yield from _deliver(missed, new_ids, actor))


def forget(before: datetime, limit: int = 1_000) -> Query[int]:
    """Forgets up to `limit` deliveries older than a time; answers how many."""
    return Query("verbs/forget_deliveries", (before, limit), query.count)


class _Again(NamedTuple):
    """A delivery that is to be made again."""

    id: UUID
    job_id: UUID
    seq: int
    event: str


def _whole(found: Sequence[Told], batch: int) -> Sequence[Told]:
    """Without the last event, if the batch may have ended between the webhooks that want it."""
    if len(found) < batch:
        return found
    last = found[-1]
    return [told for told in found if (told.job_id, told.seq) != (last.job_id, last.seq)]


def _deliver(found: Sequence[Told], new_ids: NewIds, actor: Actor = DISPATCHER) -> Steps[int]:
    """Makes the deliveries that are not there yet, with their jobs; answers how many."""
    by_workspace: dict[UUID, list[Told]] = {}
    for told in found:
        by_workspace.setdefault(told.workspace_id, []).append(told)
    made = 0
    for workspace, tolds in sorted(by_workspace.items()):
        ids, job_ids = new_ids(len(tolds)), new_ids(len(tolds))
        columns = (
            [told.webhook_id for told in tolds],
            [told.job_id for told in tolds],
            [told.seq for told in tolds],
            [told.event for told in tolds],
            [told.at for told in tolds],
        )
        params = (workspace, list(ids), *columns, list(job_ids))
        new = set((yield from ask(Query("verbs/keep_deliveries", params, _ids))))
        wanted = [
            _job(job_id, _Again(id, told.job_id, told.seq, told.event))
            for id, job_id, told in zip(ids, job_ids, tolds, strict=True)
            if id in new
        ]
        yield from _enqueue(workspace, wanted, actor)
        made += len(wanted)
    return made


def _redeliver(workspace: UUID, again: Sequence[_Again], job_ids: Sequence[UUID], actor: Actor) -> Steps[int]:
    params = (workspace, [one.id for one in again], list(job_ids))
    taken = set((yield from ask(Query("verbs/redeliver", params, _ids))))
    wanted = [_job(job_id, one) for job_id, one in zip(job_ids, again, strict=True) if one.id in taken]
    yield from _enqueue(workspace, wanted, actor)
    return len(wanted)


def _enqueue(workspace: UUID, wanted: Sequence[NewJob], actor: Actor) -> Steps[None]:
    if wanted:
        yield from jobs.enqueue(workspace, wanted, actor).begin()


def _job(id: UUID, one: _Again) -> NewJob:
    input = {"delivery_id": one.id, "event": one.event, "job_id": one.job_id, "seq": one.seq}
    return NewJob(id, msgspec.json.encode(input), OPTIONS, f"{one.event} of job {short(one.job_id)}")


def _mark(txid: int, job_id: UUID, seq: int) -> Query[None]:
    return Query("verbs/dispatch_move", (txid, job_id, seq), query.nothing)


def _ids(rows: Iterable[query.Row]) -> list[UUID]:
    return [row[0] for row in rows]
