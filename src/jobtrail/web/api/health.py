"""Routes for who looks after the service: is it alive, can it work, how much it does, and what it can do."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from jobtrail.core.errors import Unavailable
from jobtrail.service import gauges
from jobtrail.web.runtime import Call

_PATIENT_SECONDS: Final = 2.0


class Health(msgspec.Struct, frozen=True):
    """`ok`: it answers, or it can work."""

    status: str


async def get_health(_call: Call) -> Health:
    """Whether the process answers; the database may be away."""
    return Health("ok")


async def get_ready(call: Call) -> Health:
    """Whether the service can work: it fetches from the database within 2 s, and is not shutting down."""
    if call.runtime.closing:
        raise Unavailable("this service is shutting down")
    try:
        async with asyncio.timeout(_PATIENT_SECONDS):
            await call.across(gauges.look())
    except TimeoutError as error:
        raise Unavailable(f"the database did not answer within {_PATIENT_SECONDS:g} s") from error
    return Health("ok")


async def get_prometheus(call: Call) -> Response:
    """The meters of this process and of the installation, for Prometheus."""
    return Response(await call.runtime.meters.text(), media_type=CONTENT_TYPE_LATEST)


async def get_openapi(call: Call) -> Response:
    """This document."""
    return Response(call.runtime.document(call.prefix), media_type="application/json")
