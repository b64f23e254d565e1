"""How the clients speak HTTP: addresses, headers, limits, and what a request that was lost means. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from importlib.metadata import version
from typing import Any, Final

import httpx2

from jobtrail import tracing
from jobtrail.client.answers import Answer, Lost
from jobtrail.client.talk import Ask, Watch
from jobtrail.core.errors import Invalid

PATIENCE: Final = timedelta(seconds=30)
"""How long a client waits in all for a server that is away or busy."""

TIMEOUT: Final = httpx2.Timeout(30.0, connect=5.0)
LIMITS: Final = httpx2.Limits(max_connections=200, max_keepalive_connections=32, keepalive_expiry=20.0)
"""A connection is let go before the server, which keeps it for 30 s, closes it under a request."""
_SILENT_SECONDS: Final = 20.0
"""After so long without the server's sign of life, every 15 s, a stream is taken for cut off."""
_NOT_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)


def address(url: str) -> str:
    """Where the routes of a server begin. Raises Invalid for what is no URL of one."""
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise Invalid(f"{url!r} is no URL of a server: {error}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query or parsed.fragment:
        raise Invalid(f"{url!r} is no URL of a server; write https://jobs.example.org", fields={"url": "not a server"})
    return f"{url.rstrip('/')}/api/v1"


def headers(key: str | None) -> dict[str, str]:
    """What goes with every request. Raises Invalid for a key that cannot be one."""
    told = {"User-Agent": f"jobtrail/{version('jobtrail')}", "Accept": "application/json, application/problem+json"}
    if key is None:
        return told
    if not key.isascii() or not key.isprintable():
        raise Invalid("the API key holds characters that no key has; see that it was copied whole")
    return {**told, "Authorization": f"Bearer {key.strip()}"}


def request(url: str, ask: Ask[Any]) -> dict[str, Any]:
    """A request as httpx2 takes it."""
    told = dict(ask.headers)
    if (trace := tracing.current()) is not None:
        told["traceparent"] = trace
    if ask.body is not None:
        told["Content-Type"] = "application/json"
    query = ask.query or None
    return {"method": ask.method, "url": url + ask.path, "params": query, "content": ask.body, "headers": told}


def stream(url: str, watch: Watch) -> dict[str, Any]:
    """The request for a stream as httpx2 takes it."""
    timeout = httpx2.Timeout(30.0, connect=5.0, read=min(watch.seconds, _SILENT_SECONDS))
    told = {"Last-Event-ID": watch.last_id, "Accept": "text/event-stream"}
    return {
        "method": "GET",
        "url": url + watch.path,
        "params": {"logs": "false"},
        "headers": told,
        "timeout": timeout,
    }


def answer(response: httpx2.Response, body: bytes) -> Answer:
    """What came back, free of httpx2."""
    return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)


def lost(url: str, error: httpx2.RequestError) -> Lost:
    """What it means that nothing came back."""
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    if isinstance(error, _NOT_SENT):
        return Lost(f"the server at {url} cannot be reached: {said}", sent=False)
    return Lost(f"the server at {url} gave no answer, and may have done what it was asked to: {said}", sent=True)


def tell_nobody(queues: Sequence[str]) -> None:
    """Wakes nobody: the server does."""


def refuse(conn: object) -> None:
    """Raises Invalid where a transaction of the caller's own is named."""
    if conn is not None:
        raise Invalid(
            "over HTTP a job cannot join a transaction of yours; leave out conn=, or set JOBTRAIL_DATABASE_URL",
            fields={"conn": "needs the database"},
        )
