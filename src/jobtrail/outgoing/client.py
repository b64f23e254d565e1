"""The one HTTP client for calls to strangers: resolves once, checks every address, connects to what it checked."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import urljoin

import httpx2

from jobtrail.core.errors import Denied, Invalid, Unavailable
from jobtrail.outgoing import guard
from jobtrail.outgoing.guard import Address, Rules, Target

MOST_REDIRECTS: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_READS: Final = frozenset({"GET", "HEAD"})
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OURS: Final = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "cookie"})
_FOR_EVERY_ORIGIN: Final = frozenset({"accept", "accept-language", "range", "user-agent"})
"""All other headers may hold a key, whatever they are called, and go to the first origin only."""
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_VALUE: Final = re.compile(r"[\t\x20-\x7e]{0,8192}")
_TRIED: Final = 4

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call. Headers that the client makes itself (Host, Cookie, lengths) are refused.

    `timeout_seconds` is for the whole call, resolving and redirects included. Of an answer longer than
    `answer_max_bytes` the rest is not read. `redirects`: how many are followed, of GET and HEAD only, 3 at most.
    """

    url: str = field(repr=False)
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    timeout_seconds: float = 15.0
    answer_max_bytes: int = 64 << 10
    redirects: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `cut`: the body is longer than was read. Header names are in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    cut: bool
    url: str = field(repr=False)

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        return next((value for key, value in self.headers if key == name.lower()), None)


async def resolved(host: str, port: int) -> list[Address]:
    """All addresses of a host, by this machine's resolver. Raises Unavailable."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unavailable(f"{host} cannot be resolved: {error.strerror or error}") from error
    return list(dict.fromkeys(ip_address(entry[4][0]) for entry in found))


async def send(
    request: Request, rules: Rules, *, resolve: Resolve = resolved, tls: ssl.SSLContext | None = None
) -> Answer:
    """Calls, and answers whatever came back, also an error status.

    The host is resolved once for each hop and every address is checked; the connection goes to a checked address, so a
    name that changes its mind in between changes nothing. Environment proxies, cookies and netrc are not used.
    Raises Invalid or Denied when the URL or a redirect may not be called, Unavailable when nobody answers properly or
    in time.
    """
    _check(request)
    target = guard.target(request.url, rules)
    headers, left = request.headers, min(request.redirects, MOST_REDIRECTS)
    try:
        async with asyncio.timeout(request.timeout_seconds):
            while True:
                addresses = await _addresses(target, rules, resolve)
                answer = await _ask(request, target, addresses, headers, tls or _tls())
                next_url = answer.header("location")
                if not left or next_url is None or answer.status not in _REDIRECTS or request.method not in _READS:
                    return answer
                left -= 1
                to = guard.target(_led(target, next_url), rules)
                if (target.scheme, to.scheme) == ("https", "http"):
                    raise Denied(f"{target.host} leads from https to http, which is not followed")
                if to.origin != target.origin:
                    headers = tuple(one for one in headers if one[0].lower() in _FOR_EVERY_ORIGIN)
                target = to
    except TimeoutError as error:
        raise Unavailable(f"{target.host} did not answer within {request.timeout_seconds:g} s") from error


def _led(target: Target, location: str) -> str:
    try:
        return urljoin(target.url, location)
    except ValueError as error:
        raise Unavailable(f"{target.host} leads to what is no URL: {error}") from error


async def _addresses(target: Target, rules: Rules, resolve: Resolve) -> tuple[Address, ...]:
    found = [target.address] if target.address is not None else await resolve(target.host, target.port)
    return guard.check(target, found, rules)


async def _ask(
    request: Request,
    target: Target,
    addresses: Sequence[Address],
    headers: tuple[tuple[str, str], ...],
    tls: ssl.SSLContext,
) -> Answer:
    """One hop: the addresses in their order until one of them takes the connection."""
    async with httpx2.AsyncClient(
        verify=tls, trust_env=False, follow_redirects=False, http2=False, timeout=None
    ) as client:
        for number, address in enumerate(addresses[:_TRIED], 1):
            try:
                return await _ask_at(client, request, target, address, headers)
            except httpx2.ConnectError as error:
                if number == len(addresses[:_TRIED]):
                    raise Unavailable(f"{target.host} cannot be reached: {error}") from error
            except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL) as error:
                raise Unavailable(f"{target.host} did not answer properly: {type(error).__name__} {error}") from error
    raise AssertionError("the guard passes at least one address")


async def _ask_at(
    client: httpx2.AsyncClient,
    request: Request,
    target: Target,
    address: Address,
    headers: tuple[tuple[str, str], ...],
) -> Answer:
    at = f"[{address}]" if address.version == 6 else str(address)
    made = client.build_request(
        request.method,
        f"{target.scheme}://{at}:{target.port}{target.path}",
        headers=[("host", target.authority), ("accept-encoding", "identity"), *headers],
        content=request.body or None,
        # The name for SNI and for the certificate, since the URL names the address.
        extensions={} if target.address is not None else {"sni_hostname": target.host},
    )
    answer = await client.send(made, stream=True)
    try:
        body, cut = await _read(answer, request.answer_max_bytes)
    finally:
        await answer.aclose()
    pairs = tuple((name.lower(), value) for name, value in answer.headers.multi_items())
    return Answer(answer.status_code, pairs, body, cut, target.url)


async def _read(answer: httpx2.Response, most: int) -> tuple[bytes, bool]:
    """The body as it was sent, never unpacked, up to `most` bytes."""
    read = bytearray()
    async for chunk in answer.aiter_raw():
        read += chunk
        if len(read) > most:
            return bytes(read[:most]), True
    return bytes(read), False


def _check(request: Request) -> None:
    if request.method not in _METHODS:
        raise Invalid(f"{request.method!r} is no method that can be sent")
    taken = sorted({name.lower() for name, _ in request.headers} & _OURS)
    if taken:
        raise Invalid(f"the client itself makes the header {', '.join(taken)}")
    for name, value in request.headers:
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise Invalid(
                f"header {name[:60]!r} cannot be sent: names are tokens, values are printable ASCII in one line"
            )


@cache
def _tls() -> ssl.SSLContext:
    """The system's certificates; reading them takes a while, so once."""
    return ssl.create_default_context()
