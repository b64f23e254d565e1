"""Runs jobs of type `http`: one guarded call of a URL, whose answer is kept, or comes later at an address given along."""

from __future__ import annotations

import mimetypes
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any, Final, Protocol

import msgspec

from jobtrail.core import duration, jsonguard
from jobtrail.core.errors import Denied, Invalid, JobtrailError, Misconfigured, Unavailable
from jobtrail.core.outcome import Done, Dropped, Fail, Outcome, Wait
from jobtrail.core.status import WaitReason
from jobtrail.outgoing import client, guard
from jobtrail.outgoing.client import Answer, Request
from jobtrail.outgoing.guard import Rules, Target
from jobtrail.outgoing.retry_after import retry_after
from jobtrail.runners.context import Context
from jobtrail.runners.http.order import PLACE, HttpInput, Order, Secret, read
from jobtrail.runners.protocol import Assignment, Desk

TYPE: Final = "http"
INLINE_BYTES: Final = 64 << 10
"""Longer answers become files of the job."""
_AGAIN: Final = frozenset({408, 425, 429})
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_HIDDEN: Final = frozenset({"set-cookie", "set-cookie2", "www-authenticate", "proxy-authenticate", "authorization"})
_MOST_HEADERS: Final = 50
_HEADER_BYTES: Final = 1_024
_SAID_BYTES: Final = 300
_NEARLY: Final = timedelta(seconds=0.5)

Send = Callable[[Request, Rules], Awaitable[Answer]]


class Post(Protocol):
    """What this runner asks of its worker: whom it may call, and addresses at which it may be answered."""

    rules: Rules
    public_url: str | None

    async def callback(self, assignment: Assignment, name: str, expires: timedelta) -> str | None:
        """An address, good for so long; None when the attempt is stale. Raises Misconfigured."""


class _Failed(Exception):  # noqa: N818  (it unwinds the step that failed)
    """A call that did not do what was wanted."""

    def __init__(self, outcome: Fail) -> None:
        self.outcome = outcome
        super().__init__(f"{outcome.code}: {outcome.message}")


class HttpRunner:
    """The runner. The worker gives it its post before the first job."""

    type = TYPE
    description = "Calls a URL and keeps the answer; can wait for a later answer at an address of its own."

    def __init__(self, *, send: Send = client.send, now: Callable[[], float] = time.time) -> None:
        self._send, self._now = send, now
        self._post: Post | None = None

    def carry(self, post: Post) -> None:
        """Works with this post from now on."""
        self._post = post

    def schema(self) -> dict[str, Any]:
        """The JSON schema of an input."""
        return msgspec.json.schema(HttpInput)

    def validate(self, input: Any) -> Mapping[str, str]:
        """What is wrong with an input, by field."""
        try:
            read(input)
        except Invalid as error:
            return error.fields
        return {}

    async def check(self, context: Context) -> Mapping[str, str]:
        """Whether the host may be called, the variables are there, and the service can be called back; nothing is sent."""
        try:
            order = read(context.input)
            await self._allowed(order, context.desk)
        except (Invalid, Denied) as error:
            return error.fields or {"url": error.message}
        try:
            await _headers(order, context.desk)
        except (Invalid, Misconfigured) as error:
            return {"headers": error.message}
        if order.waits is not None and (self._post is None or self._post.public_url is None):
            return {"callback": "this worker does not know how others reach the service; set JOBTRAIL_PUBLIC_URL there"}
        return {}

    async def run(self, context: Context) -> Outcome:
        """One attempt: the call if it has not been made, then the answer, now or later."""
        try:
            order = read(context.input)
        except Invalid as error:
            return Fail("invalid", error.message, final=True)
        generation = context.assignment.generation
        names = ("request", "callback") if generation == 1 else (f"request {generation}", f"callback {generation}")
        try:
            answered = await context.step(names[0], self._request, context, order, names[1])
        except _Failed as failed:
            return failed.outcome
        until = answered.pop("waits_until", None)
        if order.waits is None or until is None:
            return Done(answered)
        return await self._called_back(context, order, answered, names[1], datetime.fromisoformat(until))

    async def _called_back(
        self, context: Context, order: Order, answered: dict[str, Any], name: str, until: datetime
    ) -> Outcome:
        """The later answer, if it is there; else the job waits for it without a slot."""
        signal = await context.desk.signalled(name)
        if signal is not None:
            said = signal.payload if isinstance(signal.payload, dict) else {"body": signal.payload}
            return Done({**answered, "callback": {**said, "at": signal.at.isoformat()}})
        left = until - datetime.fromtimestamp(self._now(), UTC)
        if left <= _NEARLY:
            waited = duration.show(order.waits or timedelta(0))
            return Fail(
                "callback_timeout", f"{order.host} did not call back within {waited}", final=True, output=answered
            )
        message = f"waits for {order.host} to call back, until {until:%Y-%m-%d %H:%M:%S} UTC"
        return Wait(WaitReason.SIGNAL, left, message, {"signal": name})

    async def _request(self, context: Context, order: Order, name: str) -> dict[str, Any]:
        """The call, and what is kept of its answer. Raises _Failed."""
        try:
            rules, redirects = await self._allowed(order, context.desk)
            callback_url = None if order.waits is None else await self._address(context, name, order.waits)
            made = replace(await self._made(order, context, callback_url), redirects=redirects)
            answer = _without(callback_url, await self._send(made, rules))
        except Misconfigured as error:
            raise _Failed(Fail("misconfigured", error.message, final=True)) from error
        except (Denied, Invalid, Unavailable) as error:
            raise _Failed(_not_sent(error)) from error
        if answer.cut:
            most = order.given.max_response_bytes
            message = f"{order.host} answered {answer.status} with more than {most} bytes; raise max_response_bytes"
            raise _Failed(Fail("too_large", message, final=True))
        if not _expected(answer.status, order.given.expect):
            raise _Failed(self._refused(order, answer))
        kept = await _kept(context, answer)
        if order.waits is not None:
            kept["waits_until"] = (datetime.fromtimestamp(self._now(), UTC) + order.waits).isoformat()
        return kept

    async def _made(self, order: Order, context: Context, callback_url: str | None) -> Request:
        given = order.given
        body, media_type = order.body(callback_url)
        headers = {"user-agent": f"jobtrail/{version('jobtrail')}", **await _headers(order, context.desk)}
        if media_type is not None and "content-type" not in {name.lower() for name in headers}:
            headers["content-type"] = media_type
        key = given.idempotency_key
        if key is not False and (key is not True or given.method not in _READS):
            headers["idempotency-key"] = str(context.job_id) if key is True else str(key)
        if callback_url is not None:
            headers["jobtrail-callback"] = callback_url
        return Request(
            url=order.url,
            method=given.method,
            headers=tuple(headers.items()),
            body=body,
            timeout_seconds=order.timeout.total_seconds(),
            answer_max_bytes=given.max_response_bytes,
        )

    async def _address(self, context: Context, name: str, waits: timedelta) -> str:
        if self._post is None:
            raise Misconfigured("callbacks are opened by workers only")
        found = await self._post.callback(context.assignment, name, waits)
        if found is None:
            raise Dropped
        return found

    async def _allowed(self, order: Order, desk: Desk) -> tuple[Rules, int]:
        """Whom this call may reach, and how many redirects it may follow. Raises Invalid, Denied.

        The installation opens its own network; a workspace can only narrow to whom its jobs speak, and then to where
        they are led as well: a redirect is another host that nobody listed.
        """
        rules = self._post.rules if self._post is not None else Rules()
        target, hosts = guard.target(order.url, rules), (await desk.policy()).get(TYPE, {}).get("hosts")
        if hosts is None:
            return rules, order.given.follow_redirects
        if not isinstance(hosts, list) or not any(_names(one, target) for one in hosts):
            raise Denied(f"{target.host} is none of the hosts that the workspace's policy lists in {TYPE}.hosts",
                         fields={"url": "is none of the hosts that the policy lists"})  # fmt: skip
        return rules, 0

    def _refused(self, order: Order, answer: Answer) -> Fail:
        """A status that was not wanted: what may pass is tried again, when the other side says or as the job has it."""
        said = f"{order.host} answered {answer.status}"
        if text := jsonguard.clean_text(answer.body, max_bytes=_SAID_BYTES).strip():
            said += f": {text}"
        if 300 <= answer.status < 400:
            said += "; redirects are followed of GET and HEAD, as many as follow_redirects says"
        again = answer.status in _AGAIN or answer.status >= 500
        wait = retry_after(answer.header("retry-after"), self._now()) if again else None
        seen = {"status": answer.status, "headers": _headers_of(answer)}
        return Fail("http_status", said, retry_in=wait, final=not again, output=seen)


def _names(entry: object, target: Target) -> bool:
    """Whether an entry of the policy means this host: `host`, `host:port`, `*.example.org`."""
    said = str(entry).lower()
    under = said.startswith("*.") and target.host.endswith(said[1:])
    return under or said in (target.host, f"{target.host}:{target.port}")


def _without(callback_url: str | None, answer: Answer) -> Answer:
    """An answer as it may be shown: who echoes what was sent to it would tell everybody where the job is answered."""
    if callback_url is None:
        return answer
    headers = tuple((name, value.replace(callback_url, PLACE)) for name, value in answer.headers)
    return replace(answer, headers=headers, body=answer.body.replace(callback_url.encode(), PLACE.encode()))


def _expected(status: int, wanted: list[int]) -> bool:
    return status in wanted if wanted else 200 <= status < 300


def _not_sent(error: JobtrailError) -> Fail:
    """Why nobody answered. What may pass is tried again."""
    if isinstance(error, Denied):
        return Fail("refused_address", error.message, final=True)
    if isinstance(error, Invalid):
        return Fail("invalid", error.message, final=True)
    return Fail("timeout" if isinstance(error.__cause__, TimeoutError) else "unreachable", error.message)


async def _headers(order: Order, desk: Desk) -> dict[str, str]:
    """The headers with the values of the variables, which from now on are hidden. Raises Misconfigured, Denied."""
    named = (await desk.policy()).get(TYPE, {}).get("secrets")
    found = {}
    for name, value in order.headers.items():
        if isinstance(value, Secret) and named is not None and not (isinstance(named, list) and value.name in named):
            raise Misconfigured(f"the policy of this workspace does not let jobs of type {TYPE} send {value.name}")
        found[name] = desk.secret(value.name) if isinstance(value, Secret) else value
    return found


async def _kept(context: Context, answer: Answer) -> dict[str, Any]:
    """What stays of an answer: JSON or text in the result, and what is long or neither as a file."""
    said = (answer.header("content-type") or "").partition(";")[0].strip().lower()
    media = jsonguard.clean_text(said, max_bytes=255)
    kept: dict[str, Any] = {"status": answer.status, "headers": _headers_of(answer)}
    if len(answer.body) <= INLINE_BYTES:
        if media == "application/json" or media.endswith("+json"):
            try:
                return kept | {"json": jsonguard.decode(answer.body)}
            except JobtrailError:
                context.log.warning("the answer is no JSON, though it says so", media_type=media)
        text = _text(answer.body, media)
        if text is not None:
            return kept | ({"text": text} if text else {})
    name = f"response{mimetypes.guess_extension(media) or '.bin'}"
    asset = await context.asset(name, answer.body, media_type=media or "application/octet-stream")
    return kept | {"asset": {"id": str(asset.id), "name": name, "media_type": media, "byte_size": len(answer.body)}}


def _text(body: bytes, media: str) -> str | None:
    """A body as text; None for what is none."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return jsonguard.clean_text(body) if media.startswith("text/") else None
    return None if "\x00" in text else text


def _headers_of(answer: Answer) -> dict[str, str]:
    """The headers that are kept: not cookies and what else is between the two sides, and not without end."""
    kept = [(name, value) for name, value in answer.headers if name not in _HIDDEN][:_MOST_HEADERS]
    return {jsonguard.clean_text(name): jsonguard.clean_text(value, max_bytes=_HEADER_BYTES) for name, value in kept}
