"""Routes by which somebody outside says something to a job: with a key, or at an address that the job gave away."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.callbacks import MOST_BYTES
from jobtrail.service import jobs, signals
from jobtrail.web import reading
from jobtrail.web.runtime import Call
from jobtrail.web.views import Name


class SignalBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said, under which name."""

    name: Name
    payload: Any = None


class SignalStanding(msgspec.Struct, frozen=True):
    """`is_new`: it is the first of its name, and counts; `resumed`: the job waited for it and goes on."""

    job_id: UUID
    name: str
    is_new: bool
    resumed: bool


class SignalList(msgspec.Struct, frozen=True):
    """Signals, the first one first."""

    items: list[signals.Heard]


class CalledBack(msgspec.Struct, frozen=True):
    """`is_new`: nobody had called back before; only the first call counts."""

    is_new: bool


async def signal_job(call: Call, job_id: UUID, body: SignalBody) -> SignalStanding:
    """Say something to a job that waits for it, or will."""
    payload = jsonguard.encode(body.payload, at="payload")
    done = await call.write(signals.signal(call.workspace, job_id, body.name, payload, call.principal.actor))
    if done.resumed:
        call.runtime.nudger.nudge([done.queue])
    return SignalStanding(job_id, body.name, done.is_new, done.resumed)


async def list_signals(call: Call, job_id: UUID) -> SignalList:
    """What was said to a job, in its order."""
    await call.found(jobs.get(call.workspace, job_id), f"job {job_id}")
    return SignalList(await call.read(signals.listed(call.workspace, job_id)))


async def call_back(call: Call, token: str) -> CalledBack:
    """Answer a job at the address that it gave away: JSON if the Content-Type says so, else text; 1 MiB at most."""
    address = call.request.client.host if call.request.client is not None else ""
    call.runtime.strangers.take(address, "callbacks from this address")
    raw = await reading.body_bytes(call.request, MOST_BYTES)
    media = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == "application/json" or media.endswith("+json"):
        body: Any = jsonguard.decode(raw, at="body") if raw.strip() else None
    else:
        body = jsonguard.clean_text(raw)
    payload = jsonguard.encode({"body": body, "media_type": jsonguard.clean_text(media, max_bytes=255) or None}, at="body",
                               max_bytes=2 * MOST_BYTES)  # fmt: skip
    _, done = await call.across(signals.call_back(token, payload))
    if done.resumed:
        call.runtime.nudger.nudge([done.queue])
    return CalledBack(done.is_new)
