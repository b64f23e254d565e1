"""What can be seen of requests from outside: their id, their line in the log, their counts."""

from __future__ import annotations

import logging
import time
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobtrail.store.identity import new_id
from jobtrail.web.runtime import Runtime

log = logging.getLogger("jobtrail.request")

_MOST_CHARACTERS: Final = 64


class Observed:
    """Gives each request an id, answers it as `X-Request-Id`, and logs a line when it has ended."""

    def __init__(self, app: ASGIApp, runtime: Runtime) -> None:
        self._app, self._runtime = app, runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        fits = 0 < len(given) <= _MOST_CHARACTERS and given.isascii() and given.replace("-", "").isalnum()
        request_id = scope["jobtrail.request_id"] = given if fits else str(new_id())
        status, begun = 0, time.perf_counter()

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, told)
        finally:
            ms = (time.perf_counter() - begun) * 1_000
            log.info("%s %s %d %.1f ms", scope["method"], scope["path"], status, ms, extra={"request_id": request_id})


def request_id_of(request: Request) -> str:
    """The id of a request, as the log has it."""
    return str(request.scope.get("jobtrail.request_id", ""))
