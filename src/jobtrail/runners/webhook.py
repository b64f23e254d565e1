"""Runs jobs of type `jobtrail.webhook`: each sends one signed event to one URL, through the guarded client only."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from typing import Any, Final, Protocol
from uuid import UUID

from jobtrail.core import signatures, webhooks
from jobtrail.core.errors import Denied, Invalid, JobtrailError, Unavailable
from jobtrail.core.ids import parse_id
from jobtrail.core.jsonguard import clean_text
from jobtrail.core.outcome import Cancel, Done, Dropped, Fail, Outcome
from jobtrail.core.status import DeliveryStatus
from jobtrail.core.webhooks import TYPE, Letter, Try
from jobtrail.outgoing import client
from jobtrail.outgoing.client import Answer, Request
from jobtrail.outgoing.guard import Rules
from jobtrail.outgoing.retry_after import retry_after
from jobtrail.runners.context import Context
from jobtrail.runners.protocol import Assignment

TIMEOUT_SECONDS: Final = 20.0
_GONE: Final = 410
_ASKS_TO_WAIT: Final = frozenset({429, 503})
_SAID_BYTES: Final = 300

Send = Callable[[Request, Rules], Awaitable[Answer]]


class Post(Protocol):
    """What this runner asks of the worker, and no other runner does: letters to send, and a place for how it went."""

    rules: Rules

    async def letter(self, assignment: Assignment, delivery_id: UUID) -> Letter | None:
        """What this job is to send; None when the delivery is not this job's."""

    async def keep(self, assignment: Assignment, tried: Try) -> bool:
        """Notes how a try went; False when the attempt is stale."""


class WebhookRunner:
    """The runner. The worker gives it its post before the first job."""

    type = TYPE

    def __init__(self, *, send: Send = client.send, now: Callable[[], float] = time.time) -> None:
        self._send, self._now = send, now
        self._post: Post | None = None

    def carry(self, post: Post) -> None:
        """Works with this post from now on."""
        self._post = post

    def validate(self, input: Any) -> Mapping[str, str]:
        """What is wrong with an input, by field."""
        try:
            _delivery(input)
        except Invalid as error:
            return error.fields
        return {}

    async def run(self, context: Context) -> Outcome:
        """One try."""
        if self._post is None:
            return Fail("misconfigured", "webhooks are sent by workers only", final=True)
        letter = await self._post.letter(context.assignment, _delivery(context.input))
        idle = _nothing_to_send(letter)
        if idle is not None or letter is None:
            return idle or Cancel("there is nothing to send")
        body = webhooks.body(context.assignment.workspace_id, letter)
        tried, outcome = await self._try(letter, body, self._post.rules)
        if not await self._post.keep(context.assignment, tried):
            raise Dropped
        return outcome

    async def _try(self, letter: Letter, body: bytes, rules: Rules) -> tuple[Try, Outcome]:
        now = self._now()
        signed = signatures.headers(letter.secrets, f"msg_{letter.delivery_id.hex}", int(now), body)
        headers = {**signed, "content-type": "application/json", "user-agent": f"jobtrail/{version('jobtrail')}"}
        request = Request(
            url=letter.url, method="POST", headers=tuple(headers.items()), body=body, timeout_seconds=TIMEOUT_SECONDS
        )
        digest = hashlib.sha256(body).hexdigest()
        try:
            answer = await self._send(request, rules)
        except (Denied, Invalid, Unavailable) as error:
            return Try(None, _said(error), digest), Fail(_code(error), _said(error))
        return _judged(answer, digest, now)


def _nothing_to_send(letter: Letter | None) -> Outcome | None:
    """How it ends without a try; None: there is something to send."""
    if letter is None:
        return Cancel("the delivery was removed, or another job makes it")
    if letter.delivery_status == DeliveryStatus.DELIVERED:
        return Done({"delivered": "before"})
    if letter.disabled_at is not None:
        return Cancel(f"webhook {letter.webhook_id} is disabled")
    if letter.event is None or letter.type is None:
        return Fail("event_gone", f"event {letter.seq} of job {letter.job_id} is past its retention", final=True)
    return None


def _judged(answer: Answer, digest: str, now: float) -> tuple[Try, Outcome]:
    """What an answer means."""
    if 200 <= answer.status < 300:
        return Try(answer.status, None, digest, delivered=True), Done({"http_status": answer.status})
    said = f"the receiver answered {answer.status}"
    if text := clean_text(answer.body, max_bytes=_SAID_BYTES).strip():
        said += f": {text}"
    if answer.status == _GONE:
        tried = Try(answer.status, said, digest, disable="the receiver answered 410 Gone")
        return tried, Fail("webhook_gone", f"{said}; the webhook is disabled", final=True)
    if 300 <= answer.status < 400:
        said += "; redirects are not followed: give the webhook the URL that it leads to"
    wait = retry_after(answer.header("retry-after"), now) if answer.status in _ASKS_TO_WAIT else None
    return Try(answer.status, said, digest), Fail("webhook_refused", said, retry_in=wait)


def _code(error: JobtrailError) -> str:
    return "webhook_unreachable" if isinstance(error, Unavailable) else "webhook_denied"


def _said(error: JobtrailError) -> str:
    return clean_text(error.message, max_bytes=1_024)


def _delivery(input: Any) -> UUID:
    """The id in a job's input. Raises Invalid."""
    given = input.get("delivery_id") if isinstance(input, dict) else None
    return parse_id(given if isinstance(given, str) else "", "delivery_id")
