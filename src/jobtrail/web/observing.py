"""What can be seen of requests from outside: their id, their span, their line in the log, their counts."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobtrail.core import callbacks, gate_links
from jobtrail.store.identity import new_id
from jobtrail.web.runtime import Runtime

log = logging.getLogger("jobtrail.request")

_MOST_CHARACTERS: Final = 64
_QUIET: Final = frozenset({"/health", "/ready", "/metrics"})


class Observed:
    """Gives each request an id, which `X-Request-Id` answers; measures it, spans it, and logs a line at its end."""

    def __init__(self, app: ASGIApp, runtime: Runtime) -> None:
        self._app, self._runtime = app, runtime
        self._tracer = trace.get_tracer("jobtrail.web")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        seen = _Seen(scope, _request_id(headers.get("x-request-id", "")))
        meters = self._runtime.meters
        meters.open.inc()

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.begins(message)
            await send(message)

        context = propagate.extract(headers)
        with self._tracer.start_as_current_span(str(scope["method"]), context, SpanKind.SERVER) as span:
            try:
                await self._app(scope, receive, told)
            finally:
                meters.open.dec()
                meters.requests.labels(seen.method, seen.route, seen.status).inc()
                meters.seconds.labels(seen.method, seen.route).observe(seen.seconds)
                span.update_name(f"{seen.method} {seen.route}")
                span.set_attributes(seen.attributes())
                if seen.status >= 500:
                    span.set_status(Status(StatusCode.ERROR))
                seen.log()


class _Seen:
    """One request, as far as it has got."""

    def __init__(self, scope: Scope, request_id: str) -> None:
        self._scope, self._id = scope, request_id
        self._begun = time.perf_counter()
        self.status = 0
        self.seconds = 0.0
        scope["jobtrail.request_id"] = request_id

    @property
    def method(self) -> str:
        """The method; strange ones share a name, so that nobody fills the memory with them."""
        known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
        return self._scope["method"] if self._scope["method"] in known else "OTHER"

    @property
    def route(self) -> str:
        """The route's path with its parameters unfilled; "" where none fits."""
        return str(self._scope.get("jobtrail.route", ""))

    def begins(self, message: Message) -> None:
        """The answer begins."""
        self.status = message["status"]
        self.seconds = time.perf_counter() - self._begun
        MutableHeaders(scope=message)["X-Request-Id"] = self._id

    def attributes(self) -> dict[str, Any]:
        """What its span says."""
        return {
            "http.request.method": self.method,
            "http.route": self.route,
            "http.response.status_code": self.status,
            "url.path": path_of(self._scope),
            "jobtrail.request_id": self._id,
        }

    @property
    def _quiet(self) -> bool:
        """Whether it is asked for again and again by machines: probes, and open pages for their parts and files."""
        if self.route.startswith("/w/"):  # nothing else has parts: whoever sends the header elsewhere is logged as ever
            return any(name == b"jobtrail-region" for name, _ in self._scope["headers"])
        return self._scope["path"] in _QUIET or self.route.startswith("/static/")

    def log(self) -> None:
        """Its line: what was asked, by whom, how it was answered. The query is left out, for it may hold anything."""
        principal = self._scope.get("jobtrail.principal")
        fields = {
            "request_id": self._id,
            "method": self.method,
            "path": path_of(self._scope),
            "route": self.route,
            "status": self.status,
            "ms": round((time.perf_counter() - self._begun) * 1_000, 1),
            "workspace_id": None if principal is None else str(principal.workspace),
            "actor": None if principal is None else principal.name,
        }
        level = logging.DEBUG if self._quiet else logging.INFO
        log.log(
            level, "%s %s %s in %s ms", fields["method"], _harmless(fields["path"]), fields["status"], fields["ms"],
            extra={"fields": fields},
        )  # fmt: skip


def path_of(scope: Scope) -> str:
    """The path that was asked for, as a log may have it: whoever has the address of a callback, or a link to a gate, may
    answer there."""
    path = str(scope["path"])
    for address in (callbacks.PATH, gate_links.PATH + gate_links.PREFIX):
        before, found, _ = path.partition(address)
        if found:
            return f"{before}{found}…"
    return path


def request_id_of(request: Request) -> str:
    """The id of a request, as the log has it."""
    return str(request.scope.get("jobtrail.request_id", ""))


def _request_id(given: str) -> str:
    fits = 0 < len(given) <= _MOST_CHARACTERS and given.isascii() and given.replace("-", "").isalnum()
    return given if fits else str(new_id())


def _harmless(text: object) -> str:
    """A path for a line of the log: what could begin a line or move a terminal's cursor is escaped."""
    return str(text).encode("unicode_escape", "backslashreplace").decode()
