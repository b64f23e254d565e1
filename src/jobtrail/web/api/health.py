"""Routes for who looks after the service: is it alive, can it work, and what it can do."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from jobtrail.web.runtime import Call


class Health(msgspec.Struct, frozen=True):
    """The process answers."""

    status: str


async def get_health(_call: Call) -> Health:
    """Whether the process answers; the database may be away."""
    return Health("ok")


async def get_openapi(call: Call) -> Response:
    """This document."""
    return Response(call.runtime.document(call.request.scope.get("root_path", "")), media_type="application/json")
