"""The verbs as HTTP requests: what to send, and how to read the answer. Nothing is sent here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote
from uuid import UUID

import msgspec

from jobtrail.client.job_bodies import body_of
from jobtrail.client.talk import Ask, Pause, Talk, Watch, Watched
from jobtrail.client.verbs import Ended, rerun_of
from jobtrail.core import jsonguard
from jobtrail.core.described import KnownType
from jobtrail.core.errors import Invalid, TooLarge
from jobtrail.core.facts import Facts
from jobtrail.core.model import Asset, Attempt, Event, Gate, Job, QueueDepth, Result, Step, Usage, Worker
from jobtrail.core.spent import UsageSummary
from jobtrail.core.status import FINAL, GateStatus, JobStatus
from jobtrail.service.jobs import Change, Enqueued, Filter, NewJob, Page
from jobtrail.service.usage import UsageKey

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741  (an item)

MOST_AT_ONCE: Final = 10_000
_PAGE: Final = 500
_MOST_EVENTS: Final = 1_000
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 1.0
_NO_BODY: Final = b"{}"


class _Page(msgspec.Struct, Generic[I], frozen=True):
    items: list[I]
    next_cursor: str | None = None


class _Jobs(msgspec.Struct, frozen=True):
    items: list[Job]
    next_cursor: str | None
    searched_to: UUID | None


class _Signalled(msgspec.Struct, frozen=True):
    is_new: bool


class _Accepted(msgspec.Struct, frozen=True):
    id: UUID


class _Detail(msgspec.Struct, frozen=True):
    job: Job
    result: Result | None


class _Told(msgspec.Struct, frozen=True):
    """An event as it is sent: its hash in hex."""

    job_id: UUID
    seq: int
    type: str
    status: str
    step_id: UUID | None
    attempt_id: UUID | None
    actor_type: str
    actor_id: str | None
    payload: Any
    at: datetime
    hash: str


class _File(msgspec.Struct, frozen=True):
    """An asset as it is sent: where it lies is the server's affair."""

    id: UUID
    job_id: UUID | None
    attempt_id: UUID | None
    step_id: UUID | None
    source_task_id: UUID | None
    name: str
    role: str
    media_type: str
    byte_size: int
    sha256: str
    created_by: str | None
    created_at: datetime


class _Why(msgspec.Struct, frozen=True):
    facts: Facts


class _Decided(msgspec.Struct, frozen=True):
    status: GateStatus


def enqueue_all(wanted: Sequence[NewJob]) -> Talk[Enqueued]:
    """Accepts jobs, all or none. Each goes with its id, so that it is harmless to send them again."""
    if not wanted:
        return Enqueued(ids=())
    done: list[_Accepted] = [(yield _enqueue(wanted[0], {}))] if len(wanted) == 1 else (yield _together(wanted))
    ids = [one.id for one in done]
    stood = frozenset(id for id, job in zip(ids, wanted, strict=True) if id != job.id)
    return Enqueued(ids=tuple(ids), existed=stood)


def enqueue_once(wanted: NewJob, key: str) -> Talk[tuple[UUID, bool]]:
    """Accepts a job under an idempotency key; answers its id and whether it is new."""
    jsonguard.check_name(key, "an idempotency key")
    if not key.isascii() or not key.isprintable() or key != key.strip():
        raise Invalid("over HTTP an idempotency key is printable ASCII", fields={"idempotency_key": "not ASCII"})
    done = yield _enqueue(wanted, {"Idempotency-Key": key})
    return done.id, done.id == wanted.id


def get(job_id: UUID) -> Ask[Job]:
    """One job. Raises NotFound."""
    return _get(f"/jobs/{job_id}", lambda body: msgspec.json.decode(body, type=_Detail).job)


def page(filter: Filter, before: UUID | None, limit: int) -> Talk[Page]:
    """A page of jobs, newest first, put together from those that the server gives."""
    wanted = {} if filter == Filter() else {"filter": _said(filter)}
    found: list[Job] = []
    while True:
        size = min(limit - len(found), _PAGE)
        got: _Jobs = yield _get("/jobs", _reader(_Jobs), wanted | _given(limit=size, before=before))
        found += got.items
        before = None if got.next_cursor is None else got.searched_to or found[-1].id
        if before is None or got.searched_to is not None or len(found) >= limit:
            return Page(found, got.searched_to, before)


def find(digits: str) -> Ask[list[UUID]]:
    """At most 3 ids that start or end with some hex digits."""
    return _items("/job-ids", UUID, {"digits": digits.lower()})


def result(job_id: UUID) -> Ask[Result | None]:
    """What a job made, None while it has made nothing."""
    return Ask(method="GET", path=f"/jobs/{job_id}/result", read=_reader(Result), again=True, missing=(None,))


def attempts(job_id: UUID) -> Ask[list[Attempt]]:
    """The attempts of a job."""
    return _items(f"/jobs/{job_id}/attempts", Attempt)


def steps(job_id: UUID) -> Ask[list[Step]]:
    """The steps of a job."""
    return _items(f"/jobs/{job_id}/steps", Step)


def events(job_id: UUID, after: int, limit: int) -> Ask[list[Event]]:
    """The trail of a job after a sequence number."""
    query = {"after": str(after), "limit": str(min(limit, _MOST_EVENTS))}

    def read(body: bytes) -> list[Event]:
        return [_event(told) for told in msgspec.json.decode(body, type=_Page[_Told]).items]

    return Ask(method="GET", path=f"/jobs/{job_id}/events", read=read, query=query, again=True, missing=([],))


def usage(job_id: UUID) -> Ask[list[Usage]]:
    """What a job used."""
    return _items(f"/jobs/{job_id}/usage", Usage)


def usage_totals(since: datetime, until: datetime, by: UsageKey) -> Ask[UsageSummary]:
    """What was used in a time, summed by a key."""
    return _get("/usage", _reader(UsageSummary), _given(since=since.isoformat(), until=until.isoformat(), by=by))


def assets(job_id: UUID) -> Talk[list[Asset]]:
    """The files of a job in the order of their making; the server tells the newest first."""
    found: list[Asset] = []
    query = {"limit": str(_PAGE)}
    while True:
        page: _Page[_File] = yield Ask(
            method="GET", path=f"/jobs/{job_id}/assets", read=_reader(_Page[_File]), query=query, again=True,
            missing=(_Page([]),),
        )  # fmt: skip
        found += [Asset(**msgspec.structs.asdict(one), storage_key=one.sha256) for one in page.items]
        if page.next_cursor is None:
            return found[::-1]
        query |= {"cursor": page.next_cursor}


def gates(waiting: bool, job_id: UUID | None) -> Ask[list[Gate]]:  # noqa: FBT001  (as the verb has it)
    """Gates, oldest question first."""
    return _items("/gates", Gate, _given(waiting=str(waiting).lower(), job_id=job_id))


def queues() -> Ask[list[QueueDepth]]:
    """How the queues stand."""
    return _items("/queues", QueueDepth)


def admitted() -> Ask[None]:
    """Whether the server lets this key in. Raises Unauthenticated."""
    return _get("/me", _nothing)


def workers() -> Ask[list[Worker]]:
    """The workers, those alive first."""
    return _items("/workers", Worker)


def types() -> Ask[list[KnownType]]:
    """The types of jobs that are known; without the schemas of their inputs."""
    return _items("/types", KnownType)


def get_type(type: str) -> Ask[KnownType | None]:
    """One type with the schema of its input."""
    path = f"/types/{_name(type, 'type')}"
    return Ask(method="GET", path=path, read=_reader(KnownType), again=True, missing=(None,))


def facts(job_id: UUID) -> Ask[Facts]:
    """What keeps a job from running. Raises NotFound."""
    return _get(f"/jobs/{job_id}/why", lambda body: msgspec.json.decode(body, type=_Why).facts)


def cancel(job_id: UUID, reason: str | None) -> Ask[JobStatus]:
    """Cancels a job, or asks the worker that runs it to. Raises NotFound, Conflict."""
    body = msgspec.json.encode({"reason": reason})
    return _post(f"/jobs/{job_id}/cancel", lambda raw: JobStatus(msgspec.json.decode(raw, type=Job).status), body)


def signal(job_id: UUID, name: str, payload: object) -> Ask[bool]:
    """Says something to a job under a name; answers whether it is the first of that name. Raises NotFound, Conflict."""
    body = msgspec.json.encode({"name": name, "payload": msgspec.Raw(jsonguard.encode(payload, at="payload"))})
    return _post(f"/jobs/{job_id}/signal", lambda raw: msgspec.json.decode(raw, type=_Signalled).is_new, body)


def retry(job_id: UUID) -> Ask[int]:
    """Tries a FAILED or CANCELLED job again. Raises NotFound, IllegalMove."""
    return _post(f"/jobs/{job_id}/retry", _version)


def start_now(job_id: UUID) -> Ask[int]:
    """Starts a job that waits for a time. Raises NotFound, IllegalMove."""
    return _post(f"/jobs/{job_id}/start", _version)


def rerun(job_id: UUID, input: object) -> Talk[UUID]:
    """A new job like this one, under an id of our own, so that a lost answer makes no second one."""
    done: Enqueued = yield from enqueue_all([rerun_of((yield get(job_id)), input)])
    return done.ids[0]


def update(job_id: UUID, change: Change, version: int | None) -> Ask[int]:
    """Changes a job; with `version` only while it is as it was read. Raises NotFound, ConcurrentUpdate."""
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    body = {name: value for name in Change.__slots__ if (value := getattr(change, name)) is not None}
    return Ask(
        method="PATCH", path=f"/jobs/{job_id}", read=_version, body=msgspec.json.encode(body), headers=headers
    )  # fmt: skip


def decide(gate_id: UUID, approve: bool, comment: str | None, form: object) -> Talk[GateStatus]:  # noqa: FBT001  (as the verb has it)
    """Approves or rejects. Raises NotFound, Denied, Conflict."""
    gate: Gate = yield _get(f"/gates/{gate_id}", _reader(Gate))
    path = f"/jobs/{gate.job_id}/gates/{gate_id}/{'approve' if approve else 'reject'}"
    raw = b"null" if form is None else jsonguard.encode(form, at="form")
    body = msgspec.json.encode({"comment": comment, "form": msgspec.Raw(raw)})
    status: GateStatus = yield _post(path, lambda told: msgspec.json.decode(told, type=_Decided).status, body)
    return status


def pause(queue: str, reason: str | None) -> Ask[None]:
    """Lets workers take no more of a queue."""
    return _post(f"/queues/{_name(queue)}/pause", _nothing, msgspec.json.encode({"reason": reason}), again=True)


def resume(queue: str) -> Ask[None]:
    """Lets workers take of a queue again. Raises Conflict."""
    return _post(f"/queues/{_name(queue)}/resume", _nothing)


def wait(job_id: UUID, timeout: timedelta | None, now: Callable[[], float]) -> Talk[Ended]:
    """Waits for a job's end: by its stream, and where there is none, by looking less and less often.

    Raises NotFound, TimeoutError.
    """
    deadline = None if timeout is None else now() + timeout.total_seconds()
    pause, last_id = _FIRST_PAUSE_SECONDS, ""
    while True:
        seen: _Detail = yield _get(f"/jobs/{job_id}", _reader(_Detail))
        if seen.job.status in FINAL:
            return Ended(seen.job, seen.result)
        left = math.inf if deadline is None else deadline - now()
        if left <= 0:
            raise TimeoutError(f"job {job_id} is still {seen.job.status}")
        watched: Watched = yield Watch(f"/jobs/{job_id}/stream", last_id or str(seen.job.version), left)
        last_id = watched.last_id
        if not watched.complete:
            yield Pause(max(0.0, min(pause, left)))
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)


def _enqueue(job: NewJob, headers: Mapping[str, str]) -> Ask[_Accepted]:
    body = msgspec.json.encode(body_of(job))
    headers = {**headers, **_trace(job)}
    return Ask(method="POST", path="/jobs", read=_reader(_Accepted), body=body, headers=headers, again=True)


def _together(wanted: Sequence[NewJob]) -> Ask[list[_Accepted]]:
    if len(wanted) > MOST_AT_ONCE:
        raise TooLarge(f"over HTTP at most {MOST_AT_ONCE} jobs are accepted together, not {len(wanted)}; send several")
    body = msgspec.json.encode({"jobs": [body_of(job) for job in wanted]})

    def read(raw: bytes) -> list[_Accepted]:
        return msgspec.json.decode(raw, type=_Page[_Accepted]).items

    return Ask(method="POST", path="/jobs/batch", read=read, body=body, headers=_trace(wanted[0]), again=True)


def _trace(job: NewJob) -> dict[str, str]:
    """The caller's span, of which the server's becomes a child; the jobs of a batch are made in one."""
    return {} if job.traceparent is None else {"traceparent": job.traceparent}


def _said(filter: Filter) -> str:
    """A filter as JSON, without what it does not ask for."""
    return msgspec.json.encode({name: getattr(filter, name) for name in filter.asks_for}).decode()


def _get(path: str, read: Callable[[bytes], T], query: Mapping[str, str] | None = None) -> Ask[T]:
    return Ask(method="GET", path=path, read=read, query=query or {}, again=True)


def _post(path: str, read: Callable[[bytes], T], body: bytes = _NO_BODY, *, again: bool = False) -> Ask[T]:
    return Ask(method="POST", path=path, read=read, body=body, again=again)


def _items(path: str, item: type[I], query: Mapping[str, str] | None = None) -> Ask[list[I]]:
    def read(body: bytes) -> list[I]:
        return msgspec.json.decode(body, type=_Page[item]).items  # type: ignore[valid-type]  # a type at run time

    return Ask(method="GET", path=path, read=read, query=query or {}, again=True, missing=([],))


def _reader(wanted: type[T]) -> Callable[[bytes], T]:
    return lambda body: msgspec.json.decode(body, type=wanted)


def _version(body: bytes) -> int:
    return msgspec.json.decode(body, type=Job).version


def _nothing(_body: bytes) -> None:
    return None


def _given(**values: object) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None}


def _name(text: str, of: str = "queue") -> str:
    if jsonguard.check_name(text, f"a {of}'s name") in (".", ".."):
        raise Invalid(f"over HTTP a {of} of the name {text!r} cannot be named", fields={of: "not over HTTP"})
    return quote(text, safe="")


def _event(told: _Told) -> Event:
    return Event(**msgspec.structs.asdict(told) | {"hash": bytes.fromhex(told.hash)})
