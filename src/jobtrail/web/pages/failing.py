"""What a browser shows when a page cannot be: an error in words, or the way to sign in."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from jobtrail.core.errors import JobtrailError, TooSlow, Unauthenticated
from jobtrail.web import problem
from jobtrail.web.pages.page import REGION, Frame, answer

_HEADLINES: Final = {
    403: "You may not see this",
    404: "There is nothing here",
    422: "This cannot be asked for",
    429: "Too many requests",
    503: "The database does not answer",
}
_SLOW: Final = (
    "Took longer than 2 s and was stopped so that it cannot hurt your queue. Narrow the window, or what is searched."
)


def page(request: Request, error: JobtrailError) -> Response:
    """The error as a page; whoever has not signed in is sent there. A part that was asked for fails as plain text."""
    status = problem.status_of(error)
    prefix = str(request.scope.get("root_path", ""))
    told = error.message if status != 500 else "Something went wrong here; the log of the server has more."
    if isinstance(error, TooSlow):
        told = _SLOW
    if request.headers.get(REGION):
        return Response(told, status, {"Cache-Control": "no-store"}, "text/plain")
    if isinstance(error, Unauthenticated) and request.method in ("GET", "HEAD"):
        return RedirectResponse(f"{prefix}/login?next={quote(_asked_for(request), safe='')}", 303)
    frame = Frame(prefix=prefix, path=request.url.path)
    headline = _HEADLINES.get(status, "Something went wrong")
    return answer(frame, "error.html", headline, status=status, told=told, code=error.code)


def _asked_for(request: Request) -> str:
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")
