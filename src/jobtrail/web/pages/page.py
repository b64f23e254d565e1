"""A page, whole or in parts: what every template may use, and the headers under which a browser shows it."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import metadata
from time import perf_counter
from typing import Any, Final
from urllib.parse import quote, urlencode

from markupsafe import escape
from starlette.requests import Request
from starlette.responses import Response

from jobtrail.core.errors import TooSlow
from jobtrail.core.figures import Glance
from jobtrail.core.scopes import ApiScope
from jobtrail.service import failures, glance
from jobtrail.web.pages.shared import shared
from jobtrail.web.pages.statics import statics
from jobtrail.web.pages.templates import environment
from jobtrail.web.principal import Principal
from jobtrail.web.runtime import Call

REGION: Final = "jobtrail-region"
"""The header in which a page that is open asks for some of its parts anew."""

_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _CSP,
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Vary": "Accept-Encoding, Jobtrail-Region",
}
_FRAME: Final = frozenset({"nav", "figures_of_frame"})
_PACKED_FROM: Final = 1_024
_FAILURES: Final = 500
_MOST_REGIONS: Final = 20


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around every page: where it is mounted, who looks at it, and how the workspace stands."""

    prefix: str
    path: str
    principal: Principal | None = None
    local: bool = False
    glance: Glance | None = None
    new_errors: int = 0
    read_ms: float | None = None

    @property
    def version(self) -> str:
        """Of the package."""
        return _version()

    @property
    def workspace(self) -> str:
        """The name in the paths of pages; "" where nobody has signed in."""
        return self.principal.workspace_name if self.principal is not None else ""

    def url(self, path: str = "/", /, **query: object) -> str:
        """The address of a page of this workspace. Values of None are left out; a path is escaped as it stands."""
        return self.prefix + "/w/" + quote(self.workspace, safe="") + quote(path, safe="/:@") + _query(query)

    def api(self, path: str, /, **query: object) -> str:
        """The address of a route of the API."""
        return self.prefix + "/api/v1" + quote(path, safe="/:@") + _query(query)

    def static(self, path: str, /) -> str:
        """The address of a file that came with the package."""
        return f"{self.prefix}/static/{statics().version}/{path}"

    def may(self, scope: str) -> bool:
        """Whether whoever looks may do this."""
        return self.principal is not None and ApiScope(scope) in self.principal.scopes


async def page(call: Call, template: str, title: str, **said: Any) -> Response:
    """A template of a workspace's page as an answer; of a request that names regions, these alone."""
    look, took_ms = await _glance(call)
    errors = await _new_errors(call)
    frame = Frame(
        prefix=call.prefix,
        path=call.request.url.path,
        principal=call.principal,
        local=call.runtime.service.local,
        glance=look,
        new_errors=errors,
        read_ms=took_ms,
    )
    return packed(answer(frame, template, title, regions=regions(call), **said), call.request)


async def _glance(call: Call) -> tuple[Glance | None, float]:
    """How the workspace stands, and how many milliseconds the database took to say so when it was asked last."""

    async def timed() -> tuple[Glance | None, float]:
        began = perf_counter()
        return await call.read(glance.read(call.workspace)), (perf_counter() - began) * 1_000

    return await call.runtime.shared.get((call.workspace, "glance"), 3.0, timed)


async def _new_errors(call: Call) -> int:
    """How many groups of errors were first seen in the last day, among the newest failures."""
    if ApiScope.JOBS_READ not in call.principal.scopes:
        return 0
    since = datetime.now(UTC) - timedelta(days=1)
    try:
        found = await shared(call, "new errors", failures.groups(call.workspace, since, looked_at=_FAILURES), 15.0)
    except TooSlow:  # a number beside a link is no reason to show no page
        return 0
    return sum(one.is_new for one in found.items)


def regions(call: Call) -> tuple[str, ...]:
    """The parts that the request asks for; none: the whole page."""
    return tuple(call.request.headers.get(REGION, "").split()[:_MOST_REGIONS])


def wants_frame_alone(call: Call) -> bool:
    """Whether only what stands around a page is asked for, which needs nothing of the page itself."""
    wanted = regions(call)
    return bool(wanted) and _FRAME.issuperset(wanted)


def answer(
    frame: Frame, template: str, title: str, *, status: int = 200, regions: tuple[str, ...] = (), **said: Any
) -> Response:
    """The answer of a page that stands by itself."""
    text = _rendered(frame, template, title, regions, said)
    raw = text.encode("utf-8", "replace")
    return Response(raw, status, dict(_HEADERS), "text/html; charset=utf-8")


def packed(response: Response, request: Request) -> Response:
    """The same answer, packed where the browser takes that. Nothing secret stands in a page: CSRF tokens are asked for."""
    body = bytes(response.body)
    if len(body) >= _PACKED_FROM and "gzip" in request.headers.get("accept-encoding", ""):
        response.body = gzip.compress(body, 5, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
    return response


def _rendered(frame: Frame, template: str, title: str, regions: tuple[str, ...], said: Mapping[str, Any]) -> str:
    env = environment()
    common: dict[str, Any] = {
        "frame": frame,
        "title": title,
        "now": datetime.now(UTC),
        "url": frame.url,
        "api": frame.api,
        "static": frame.static,
        "may": frame.may,
    }
    common["show"] = env.get_template("parts/show.html").make_module(common)
    common["act"] = env.get_template("parts/act.html").make_module(common)
    found = env.get_template(template)
    if not regions:
        return found.render(common, **said)
    context = found.new_context({**common, **said})
    parts = found.root_render_func(context)
    next(parts)  # from here on the context knows the blocks of the whole chain of templates
    blocks: Mapping[str, list[Callable[..., Any]]] = context.blocks
    return "".join(
        f'<hx-partial hx-target="#{escape(name)}" hx-swap="outerMorph">{"".join(blocks[name][0](context))}</hx-partial>'
        for name in regions
        if name in blocks
    )


@cache
def _version() -> str:
    return metadata.version("jobtrail")


def _query(query: Mapping[str, object]) -> str:
    said = [(name, str(value)) for name, value in query.items() if value is not None and value != ""]
    return "?" + urlencode(said, quote_via=quote) if said else ""
