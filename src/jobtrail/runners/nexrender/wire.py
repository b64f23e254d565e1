"""Speaks to a nexrender server, through the guarded client, and believes little of what comes back.

The contract is loose: an unknown render is an empty body or an error 500, mistakes are stack traces in plain text, and a
second document of the same name is taken as well.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from jobtrail.core.errors import Denied, Invalid, Unavailable
from jobtrail.core.jsonguard import clean_text
from jobtrail.outgoing import client
from jobtrail.outgoing.client import Answer, Request
from jobtrail.outgoing.guard import Rules

Send = Callable[[Request, Rules], Awaitable[Answer]]

ASK_SECONDS: Final = 15.0
HAND_IN_SECONDS: Final = 60.0
_SUMMARY_BYTES: Final = 1 << 20
_LIST_BYTES: Final = 32 << 20
_SAID_BYTES: Final = 600
_UID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_REFUSED: Final = frozenset({401, 403})
_LATER: Final = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Summary:
    """What a server says of a render. `state` is any word; times are as it wrote them, `timings` in ms since 1970."""

    state: str
    progress: float | None = None
    error: str | None = None
    node: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    timings: Mapping[str, float] = field(default_factory=dict)


class Refused(Exception):  # noqa: N818
    """The server does not take the document."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class Server:
    """A render server. `url` has no slash at its end; `secret` goes along as its header `nexrender-secret`."""

    url: str
    rules: Rules
    secret: str | None = field(default=None, repr=False)
    send: Send = client.send

    async def healthy(self) -> None:
        """Returns when it is there. Raises Unavailable or Denied when not."""
        answer = await self._ask("GET", "/health")
        if answer.status != 200:
            raise Unavailable(f"{self.url} answers {answer.status} to /api/v1/health: is it a nexrender server?")

    async def find(self, uid: str) -> Summary | None:
        """What it knows of a render; None: it knows no such. Raises Unavailable while that cannot be told, Denied when
        the secret is wrong."""
        answer = await self._ask("GET", f"/jobs/{_safe(uid)}/status", most=_SUMMARY_BYTES)
        if answer.status == 200 and (found := summary(answer.body)) is not None:
            return found
        # Unknown, or in trouble: the render itself is an empty body when there is none.
        whole = await self._ask("GET", f"/jobs/{_safe(uid)}", most=_SUMMARY_BYTES)
        if whole.status == 200 and _empty(whole.body):
            return None
        if whole.status == 404:
            await self.healthy()  # something in between answers 404 for a server that is away
            return None
        if whole.status == 200 and (found := summary(whole.body)) is not None:
            return found
        raise Unavailable(f"{self.url} answers what cannot be understood: {said(answer)}, then {said(whole)}")

    async def hand_in(self, document: Mapping[str, Any]) -> Summary:
        """Hands a document in. Raises Refused when it is not taken; Unavailable when nobody knows whether it was."""
        body = msgspec.json.encode(document)
        answer = await self._ask("POST", "/jobs", body=body, most=_SUMMARY_BYTES, seconds=HAND_IN_SECONDS)
        if answer.status == 200:
            return summary(answer.body) or Summary("queued")  # a document that is longer than was read
        if 400 <= answer.status < 500 and answer.status not in _LATER:
            raise Refused(f"{self.url} refuses the document: {said(answer)}")
        raise Unavailable(f"{self.url} answers {said(answer)}")

    async def remove(self, uid: str) -> None:
        """Takes the newest render of this name out. Its answer says nothing: it removes what it never had, too."""
        await self._ask("DELETE", f"/jobs/{_safe(uid)}")

    async def copies(self, uid: str) -> int:
        """How many renders of this name it has. 1 when its list is too long to be read."""
        answer = await self._ask("GET", "/jobs/status", most=_LIST_BYTES)
        try:
            rows = msgspec.json.decode(answer.body) if answer.status == 200 and not answer.cut else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            rows = None
        return sum(isinstance(row, dict) and row.get("uid") == uid for row in rows) if isinstance(rows, list) else 1

    async def _ask(
        self, method: str, path: str, *, body: bytes = b"", most: int = 64 << 10, seconds: float = ASK_SECONDS
    ) -> Answer:
        headers = [("accept", "application/json")]
        if self.secret is not None:
            headers.append(("nexrender-secret", self.secret))
        if body:
            headers.append(("content-type", "application/json"))
        request = Request(
            url=f"{self.url}/api/v1{path}",
            method=method,
            headers=tuple(headers),
            body=body,
            timeout_seconds=seconds,
            answer_max_bytes=most,
        )
        answer = await self.send(request, self.rules)
        if answer.status in _REFUSED:
            raise Denied(f"{self.url} answers {answer.status}: the secret is wrong or missing")
        return answer


def summary(body: bytes) -> Summary | None:
    """Reads a summary or a whole render; None when it is neither. What has the wrong type is as if it was not there.

    >>> summary(b'{"uid": "a", "state": "render:dorender", "renderProgress": "37"}')
    Summary(state='render:dorender', progress=None, error=None, node=None, created_at=None, updated_at=None, \
started_at=None, finished_at=None, timings={})
    """
    try:
        row = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(row, dict) or not isinstance(row.get("state"), str) or not row["state"]:
        return None
    return Summary(
        state=clean_text(row["state"], max_bytes=64),
        progress=_number(row.get("renderProgress")),
        error=_error(row.get("error")),
        node=_text(row.get("jobExecutor") or row.get("executor")),
        created_at=_text(row.get("createdAt")),
        updated_at=_text(row.get("updatedAt")),
        started_at=_text(row.get("startedAt")),
        finished_at=_text(row.get("finishedAt") or row.get("errorAt")),
        timings=_timings(row.get("timings")),
    )


def said(answer: Answer) -> str:
    """An answer in a line for people: of a stack trace its first line."""
    text = clean_text(answer.body, max_bytes=_SAID_BYTES).strip().split("\n    at ")[0].strip()
    return f"{answer.status}: {text}" if text else f"{answer.status} and nothing"


def _empty(body: bytes) -> bool:
    return body.strip() in (b"", b"null", b"{}", b'""')


def _safe(uid: str) -> str:
    if not _UID.fullmatch(uid):
        raise Invalid(f"{uid[:60]!r} cannot be the name of a render")
    return uid


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:  # noqa: PLR0124  (a NaN)
        return None
    return float(min(max(value, 0), 100))


def _text(value: object) -> str | None:
    return clean_text(value, max_bytes=255) if isinstance(value, str) and value else None


def _error(value: object) -> str | None:
    try:
        return _errors(value)
    except RecursionError:
        return "what it says went wrong is too deep to be read"


def _errors(value: object) -> str | None:
    """One text of what nodes append: texts, lists of texts, or objects."""
    if isinstance(value, list):
        parts = [part for each in value if (part := _errors(each))]
        return "\n".join(parts) or None
    if isinstance(value, dict):
        value = value.get("message") or msgspec.json.encode(value).decode()
    return clean_text(value, max_bytes=4_096).strip() or None if isinstance(value, str) else None


def _timings(value: object) -> dict[str, float]:
    if not isinstance(value, dict):
        return {}
    pairs = ((clean_text(name, max_bytes=64), each) for name, each in list(value.items())[:64])
    return {
        name: float(each)
        for name, each in pairs
        if isinstance(each, (int, float)) and not isinstance(each, bool) and 0 < each < 1e14
    }
