"""The ASGI app: finds the route, lets in who may come, reads the request, calls the handler, writes the answer."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from jobtrail.core.errors import JobtrailError, NotFound
from jobtrail.web import problem, reading
from jobtrail.web.auth import Door
from jobtrail.web.observing import Observed, path_of, request_id_of
from jobtrail.web.pages import failing
from jobtrail.web.pages.page import page, wants_frame_alone
from jobtrail.web.pages.table import SCREENS
from jobtrail.web.paths import Paths
from jobtrail.web.routing import PAGES, Open, Reply, Route, Shape, shape_of
from jobtrail.web.runtime import Call, Runtime, Service
from jobtrail.web.table import ROUTES

log = logging.getLogger("jobtrail.web")

_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"]
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class _Bound:
    """A route with what its signature says, read once."""

    route: Route
    shape: Shape


class Web(Starlette):
    """The service as an ASGI app. Mounted in another app it gets no lifespan: call `start` and `stop` there."""

    def __init__(self, service: Service, routes: Iterable[Route] = ROUTES, screens: Iterable[Route] = SCREENS) -> None:
        routes = tuple(routes)
        self.runtime = Runtime(service, routes)
        self.door = Door(self.runtime)
        by_path: defaultdict[str, dict[str, _Bound]] = defaultdict(dict)
        for route in (*routes, *screens):
            by_path[route.path][route.method] = _Bound(route, shape_of(route))
        super().__init__(exception_handlers={HTTPException: _refused})
        found = [
            StarletteRoute(_with_strokes(path), self._endpoint(methods), methods=_METHODS)
            for path, methods in by_path.items()
        ]
        self.router = Paths(found, _lifespan)
        self.add_middleware(Observed, runtime=self.runtime)

    async def start(self) -> None:
        """Opens the connections. Raises Misconfigured where the database role may do too much or too little."""
        await self.runtime.start()

    async def stop(self) -> None:
        """Ends open streams, lets requests end, closes the connections."""
        await self.runtime.stop()

    def _endpoint(self, methods: Mapping[str, _Bound]) -> Any:
        allow = ", ".join(sorted({*methods, *(["HEAD"] if "GET" in methods else [])}))

        async def endpoint(request: Request) -> Response:
            bound = methods.get("GET" if request.method == "HEAD" else request.method)
            if bound is None:
                raise HTTPException(405, f"this path takes {allow}", {"Allow": allow})
            try:
                return await self._answer(bound, request)
            except JobtrailError as error:
                return _failed(request, error, bound.route)
            except Exception as error:  # noqa: BLE001  the caller is told in our words, the log has the rest
                return _broken(request, error, bound.route)

        return endpoint

    async def _answer(self, bound: _Bound, request: Request) -> Response:
        route, shape = bound.route, bound.shape
        request.scope["jobtrail.route"] = route.path
        principal = await self.door.admit(request, route.scope, route.dialect)
        if route.scope is not Open.TO_ALL:
            request.scope["jobtrail.principal"] = principal
        given: dict[str, Any] = {
            name: reading.path_value(name, request.path_params[name], wanted) for name, wanted in shape.path.items()
        }
        if shape.query is not None:
            given["query"] = reading.query_values(request.query_params.multi_items(), shape.query)
        if shape.headers is not None:
            given["headers"] = reading.header_values(request.headers, shape.headers)
        if shape.body is not None:
            reading.check_json(request)
            raw = await reading.body_bytes(request, route.max_body_bytes)
            given["body"] = reading.body_value(raw, shape.body, route.max_body_bytes)
        call = Call(self.runtime, request, principal)
        if route.dialect is PAGES and route.scope is not Open.TO_ALL and wants_frame_alone(call):
            return _response(route, await page(call, "frame.html", ""))
        return _response(route, await route.handler(call, **given))


def _with_strokes(path: str) -> str:
    """Names of queues and of types may contain strokes."""
    return path.replace("{queue}", "{queue:path}").replace("{type}", "{type:path}")


@asynccontextmanager
async def _lifespan(app: Web) -> AsyncIterator[None]:
    await app.start()
    try:
        yield
    finally:
        await app.stop()


def _response(route: Route, answer: Any) -> Response:
    if isinstance(answer, Response):
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer
    reply = answer if isinstance(answer, Reply) else Reply(answer)
    status = reply.status or route.status
    headers = {**_HEADERS, **reply.headers}
    if status in (204, 304):
        return Response(status_code=status, headers=headers)
    return Response(msgspec.json.encode(reply.value), status, headers, "application/json")


def _failed(request: Request, error: JobtrailError, route: Route) -> Response:
    if problem.status_of(error) >= 500:
        log.warning("%s %s: %s", request.method, path_of(request.scope), error.message)
    if route.dialect is PAGES:
        return failing.page(request, error)
    if route.dialect is not None:
        return problem.as_text(error)
    return problem.of_error(error, instance=request.url.path, request_id=request_id_of(request))


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for it)
    if error.status_code == 404 and "text/html" in request.headers.get("accept", ""):
        return failing.page(
            request, NotFound("There is no such page. The address may be mistyped, or what it showed is gone.")
        )
    code = {404: "no_such_route", 405: "method_not_allowed"}.get(error.status_code, "refused")
    detail = "there is no such route; /api/openapi.json lists them" if error.status_code == 404 else error.detail
    return problem.response(
        error.status_code,
        code,
        detail,
        instance=request.url.path,
        request_id=request_id_of(request),
        headers=error.headers,
    )


def _broken(request: Request, error: Exception, route: Route) -> Response:
    log.error("%s %s failed", request.method, path_of(request.scope), exc_info=error)
    if route.dialect is PAGES:
        return failing.page(request, JobtrailError("something went wrong here; the log of the server has more"))
    return problem.response(
        500,
        "unexpected",
        "something went wrong here; the log of the server has more under this request_id",
        instance=request.url.path,
        request_id=request_id_of(request),
    )
