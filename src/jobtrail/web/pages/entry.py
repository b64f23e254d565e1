"""Where people come in: the first page, the login, and what happens now as one stream for all tabs of a browser."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote, urlsplit

import msgspec
from starlette.responses import RedirectResponse, Response, StreamingResponse

from jobtrail.web.api.streams import Stream
from jobtrail.web.pages.page import Frame, answer, packed
from jobtrail.web.runtime import Call


class LoginQuery(msgspec.Struct, frozen=True):
    """Where to go afterwards."""

    next: Annotated[str, msgspec.Meta(max_length=4_000)] = "/"


async def show_start(call: Call) -> Response:
    """To the workspace of whoever comes: the only one, or the first of several."""
    return RedirectResponse(f"{call.prefix}/w/{quote(call.principal.workspace_name, safe='')}/", 303)


async def show_workspace(call: Call) -> Response:
    """The same without the stroke at the end."""
    return await show_start(call)


async def show_login(call: Call, query: LoginQuery) -> Response:
    """The form to sign in."""
    frame = Frame(prefix=call.prefix, path=call.request.url.path)
    return packed(answer(frame, "login.html", "Sign in", next=_within(query.next, call.prefix)), call.request)


async def stream_changes(call: Call) -> StreamingResponse:
    """Which jobs changed, told at most four times a second, for all tabs of a browser together."""
    return Stream(call.runtime.hub.changes(call.workspace, call.principal.listener))


def _within(text: str, prefix: str) -> str:
    """A path of this service; anything else is its first page."""
    parts = urlsplit(text.replace("\\", "/"))
    here = not parts.scheme and not parts.netloc and text.startswith("/") and not text.startswith("//")
    return text if here and text.isprintable() else f"{prefix}/"
