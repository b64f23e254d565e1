"""Routes by which a worker tells of its attempt: sign of life, progress, logs, usage, metrics, files. Nothing is written for
one that is no longer open. Its steps and its end are told elsewhere."""

from __future__ import annotations

import math
import mimetypes
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.errors import Invalid
from jobtrail.core.fence import Fence
from jobtrail.core.redact import Redactor
from jobtrail.core.status import TOLD, LogLevel, LogSource
from jobtrail.runners.protocol import LogLine
from jobtrail.service import assets, attempts, logs, reserving, trail, usage
from jobtrail.service.assets import NewAsset
from jobtrail.service.attempts import Held
from jobtrail.service.usage import Measured
from jobtrail.store.identity import new_id
from jobtrail.store.query import Steps, ask, atomic
from jobtrail.web import lenient, uploads
from jobtrail.web.api.assets import Digests, MediaType, Role
from jobtrail.web.api.worker import renewed
from jobtrail.web.runtime import Call
from jobtrail.web.views import Name, Time
from jobtrail.worker.journal import Book, chunks_of, written

T = TypeVar("T")

MOST_LINES: Final = 5_000
MESSAGE_BYTES: Final = 4_096
_MOST_TOKENS: Final = 1 << 52
_MOST_USD: Final = Decimal(10) ** 8
_LEAST_USD: Final = Decimal("0.000001")

redact: Final = Redactor(()).text
"""Hides what looks like a key or a password. A worker from afar has registered no secrets here."""

Tokens = Annotated[int, msgspec.Meta(ge=0, le=_MOST_TOKENS)]
Usd = Annotated[Decimal, msgspec.Meta(description="Dollars, as text or number; left out, the price is unknown.")]


class Whose(msgspec.Struct, frozen=True, kw_only=True):
    """Whose attempt it is: its job, and the worker that claimed it."""

    job_id: UUID
    worker_id: UUID


class Orders(msgspec.Struct, frozen=True):
    """Until when the lease runs, and whether the attempt is to be stopped and ended as cancelled."""

    lease_until: datetime
    cancel: bool
    reason: str | None


class ProgressBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How far it is, in percent, and what it is doing, in a word."""

    percent: Annotated[float, msgspec.Meta(ge=0, le=100)] | None = None
    stage: Annotated[str, msgspec.Meta(max_length=255)] | None = None


class Noted(msgspec.Struct, frozen=True):
    """`stored`: whether it was news. Whole percents are, at most once a second, and stages. And the standing order."""

    stored: bool
    cancel: bool
    reason: str | None


class LineBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line; `at`: when it was said, if not now."""

    message: str
    level: LogLevel = LogLevel.INFO
    source: LogSource = LogSource.USER
    component: str | None = None
    operation: str | None = None
    correlation_id: str | None = None
    details: dict[str, Any] | None = None
    at: Time | None = None


class LinesBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Lines in their order, as text or with more. What cannot be stored is replaced, what is too long is cut."""

    lines: Annotated[list[str | LineBody], msgspec.Meta(min_length=1, max_length=MOST_LINES)]
    step_id: UUID | None = None


class StoredLines(msgspec.Struct, frozen=True):
    """The numbers that the lines got."""

    first_line: int
    lines: int


Told = StrEnum("Told", {name.upper().replace(".", "_"): name for name in sorted(TOLD)})  # type: ignore[misc]
"""Events that a worker tells by itself; all others are written with what they are about."""


class EventBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An event of the trail, and what it is about. A note above 16 KiB is cut."""

    event: Told
    note: dict[str, Any] = msgspec.field(default_factory=dict)
    step_id: UUID | None = None


class IdentityBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which process the attempt is, and in which session of a model; what is left out stays as it is known."""

    process_id: Annotated[int, msgspec.Meta(ge=1, le=2_147_483_647)] | None = None
    session_id: Name | None = None


class UsageBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Tokens and money of one call of a model, counted once under its `number` in the attempt."""

    number: Annotated[int, msgspec.Meta(ge=1, le=2_147_483_647)]
    provider: Name
    model: Name
    input_tokens: Tokens = 0
    output_tokens: Tokens = 0
    cached_tokens: Tokens = 0
    reasoning_tokens: Tokens = 0
    cost_usd: Usd | None = None
    price_source: Name | None = None
    step_id: UUID | None = None


class MetricBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A measured value."""

    name: Name
    value: float
    unit: Name | None = None


class MetricsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Measured values."""

    values: Annotated[list[MetricBody], msgspec.Meta(min_length=1, max_length=1_000)]


class AssetQuery(Whose, frozen=True, kw_only=True):
    """What the file is."""

    name: Name
    role: Role = "output"
    media_type: MediaType | None = None
    step_id: UUID | None = None


class KeptAsset(msgspec.Struct, frozen=True):
    """A file that was stored whole."""

    id: UUID
    name: str
    role: str
    media_type: str
    byte_size: int
    sha256: str


def fence_of(call: Call, attempt_id: UUID, whose: Whose) -> Fence:
    """What every statement of an attempt names."""
    return Fence(call.workspace, whose.job_id, attempt_id, whose.worker_id)


async def held(
    call: Call, attempt_id: UUID, whose: Whose, work: Callable[[Fence, Held], Steps[T]], step_id: UUID | None = None
) -> T:
    """Runs statements for an attempt that is open. Raises NotFound, StaleAttempt."""
    fence = fence_of(call, attempt_id, whose)
    return await call.write(attempts.holding(fence, lambda held: work(fence, held), step_id=step_id))


async def beat_attempt(call: Call, attempt_id: UUID, query: Whose) -> Orders:
    """Renew the worker's lease, and hear whether this attempt must stop."""
    fence = fence_of(call, attempt_id, query)

    @atomic
    def beaten() -> Steps[Orders]:
        lease = (yield from renewed(fence.worker_id, fence.workspace_id)).lease_until
        held = yield from attempts.holding(fence, nothing).begin()
        return Orders(lease, held.cancel, held.reason)

    return await call.write(beaten())


async def tell_progress(call: Call, attempt_id: UUID, query: Whose, body: ProgressBody) -> Noted:
    """Tell how far the job is."""
    stage = None if not body.stage else redact(jsonguard.clean_text(body.stage, max_bytes=255))

    percent = None if body.percent is None else round(body.percent, 3)

    def work(fence: Fence, held: Held) -> Steps[Noted]:
        moved = percent is not None and int(percent) != int(held.progress) and not held.told_lately
        news = moved or (stage is not None and stage != held.stage)
        if news:
            yield from ask(attempts.progress(fence, percent, stage))
        return Noted(news, held.cancel, held.reason)

    return await held(call, attempt_id, query, work)


async def write_lines(call: Call, attempt_id: UUID, query: Whose) -> StoredLines:
    """Write lines into the job's log."""
    body = await lenient.told(call, LinesBody)
    lines = [written(_line(line), body.step_id, redact, _said_at(line)) for line in body.lines]

    def work(fence: Fence, _: Held) -> Steps[StoredLines]:
        first = yield from ask(logs.next_line(fence.workspace_id, fence.job_id))
        yield from ask(logs.append(chunks_of(Book(fence, first), lines)))
        return StoredLines(first, len(lines))

    return await held(call, attempt_id, query, work, body.step_id)


async def book_usage(call: Call, attempt_id: UUID, query: Whose, body: UsageBody) -> None:
    """Book tokens and money. Told again under the same number it counts once.

    Where that is more than was reserved, and a budget leaves no more, the attempt ends, and its job waits or fails.
    """
    used = usage.Call(
        provider=jsonguard.check_name(body.provider, "provider"),
        model=jsonguard.check_name(body.model, "model"),
        input_tokens=body.input_tokens,
        output_tokens=body.output_tokens,
        cached_tokens=body.cached_tokens,
        reasoning_tokens=body.reasoning_tokens,
        cost_usd=usd(body.cost_usd),
        price_source=None if body.price_source is None else jsonguard.check_name(body.price_source, "price_source"),
    )

    def work(fence: Fence, _: Held) -> Steps[None]:
        yield from reserving.used(fence, body.number, used, body.step_id).begin()

    await held(call, attempt_id, query, work, body.step_id)


async def tell_event(call: Call, attempt_id: UUID, query: Whose, body: EventBody) -> None:
    """Write an event into the trail."""
    note = redact(trail.note_of(body.note, body.event))

    def work(fence: Fence, _: Held) -> Steps[None]:
        yield from ask(trail.tell(fence, body.event, note, body.step_id))

    await held(call, attempt_id, query, work, body.step_id)


async def identify_attempt(call: Call, attempt_id: UUID, query: Whose, body: IdentityBody) -> None:
    """Tell which process and session the attempt is."""
    session = None if body.session_id is None else jsonguard.check_name(body.session_id, "session_id")

    def work(fence: Fence, _: Held) -> Steps[None]:
        yield from ask(attempts.identify(fence, process_id=body.process_id, session_id=session))

    await held(call, attempt_id, query, work)


async def measure_attempt(call: Call, attempt_id: UUID, query: Whose, body: MetricsBody) -> None:
    """Store measured values."""
    values = [
        (jsonguard.check_name(one.name, "name"), _finite(one.value), one.unit and jsonguard.clean_text(one.unit))
        for one in body.values
    ]

    def work(fence: Fence, held: Held) -> Steps[None]:
        measured = [
            Measured(workspace_id=fence.workspace_id, type=held.type, name=name, value=value, unit=unit,
                     job_id=fence.job_id, attempt_id=fence.attempt_id, queue=held.queue)
            for name, value, unit in values
        ]  # fmt: skip
        yield from ask(usage.measure(fence.worker_id, measured))

    await held(call, attempt_id, query, work)


async def keep_asset(call: Call, attempt_id: UUID, query: AssetQuery, headers: Digests) -> KeptAsset:
    """Store a file that the job made: its bytes are the body, and are streamed to the disk."""
    name = jsonguard.check_name(query.name, "name")
    fence, limit = fence_of(call, attempt_id, query), call.runtime.config.generated_asset_max_bytes
    digest = uploads.digest_of(headers.content_digest, headers.x_content_sha256)
    uploads.check_size(call.request, limit)
    await call.write(attempts.holding(fence, nothing, step_id=query.step_id))
    stored = await call.runtime.files.put_stream(uploads.arriving(call.request), limit=limit, sha256=digest)
    new = NewAsset(
        id=new_id(),
        name=name,
        byte_size=stored.byte_size,
        sha256=stored.sha256,
        storage_key=stored.key,
        role=query.role,
        media_type=query.media_type or mimetypes.guess_type(name)[0] or "application/octet-stream",
        step_id=query.step_id,
    )

    def work(fence: Fence, _: Held) -> Steps[None]:
        yield from ask(assets.keep(fence, new))

    await held(call, attempt_id, query, work)
    return KeptAsset(new.id, name, new.role, new.media_type, new.byte_size, new.sha256)


def nothing(held: Held) -> Steps[Held]:
    """For where holding the attempt is all that is wanted."""
    yield from ()
    return held


def _line(line: str | LineBody) -> LogLine:
    if isinstance(line, str):
        return LogLine(line)
    return LogLine(
        line.message, line.level, line.source, line.component, line.operation, line.correlation_id, line.details
    )


def _said_at(line: str | LineBody) -> datetime | None:
    return None if isinstance(line, str) else line.at


def usd(cost: Decimal | None) -> Decimal | None:
    """Money that can be booked. Raises Invalid."""
    if cost is not None and not (cost.is_finite() and 0 <= cost < _MOST_USD):
        raise Invalid(f"cost_usd must be from 0 to {_MOST_USD}, not {cost}", fields={"cost_usd": "out of range"})
    return None if cost is None else cost.quantize(_LEAST_USD)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise Invalid("a measured value must be a number", fields={"values": "not a finite number"})
    return value
