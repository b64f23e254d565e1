"""Errors as `application/problem+json` (RFC 9457): which status a family of errors has, and what the body says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import msgspec
from starlette.responses import Response

from jobtrail.core import errors
from jobtrail.core.errors import JobtrailError

MEDIA_TYPE: Final = "application/problem+json"
RETRY_SECONDS: Final = 2

_STATUS: Final[tuple[tuple[type[JobtrailError], int], ...]] = (
    (errors.Unauthenticated, 401),
    (errors.TooLarge, 413),
    (errors.TooOften, 429),
    (errors.Limited, 409),
    (errors.ConcurrentUpdate, 412),
    (errors.Conflict, 409),
    (errors.NotFound, 404),
    (errors.Denied, 403),
    (errors.Malformed, 400),
    (errors.Unsupported, 415),
    (errors.Invalid, 422),
    (errors.Unavailable, 503),
    (errors.Misconfigured, 503),
)
"""The first family that fits counts."""

_TITLE: Final = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    412: "Changed meanwhile",
    413: "Too large",
    415: "Unsupported media type",
    416: "Range not satisfiable",
    422: "Invalid",
    429: "Too many requests",
    500: "Unexpected",
    503: "Unavailable",
}


class FieldError(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one field of a request."""

    path: str
    message: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong. `code` is stable and for programs, `detail` for people; `errors` name the fields at fault."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    instance: str | None = None
    request_id: str | None = None
    errors: list[FieldError] = []


def status_of(error: JobtrailError) -> int:
    """The HTTP status of an error."""
    return next((status for family, status in _STATUS if isinstance(error, family)), 500)


def of_error(error: JobtrailError, *, instance: str, request_id: str) -> Response:
    """The response for one of our errors."""
    status = status_of(error)
    headers = _headers(status, error)
    fields = [FieldError(path=path, message=what) for path, what in error.fields.items()]
    detail = _detail(status, error)
    return response(
        status,
        error.code,
        detail,
        instance=instance,
        request_id=request_id,
        fields=fields,
        headers=headers,
    )


def as_text(error: JobtrailError) -> Response:
    """The response for one of our errors to programs that know no problems: what is wrong, in words."""
    status = status_of(error)
    text = _detail(status, error)
    told = {"Cache-Control": "no-store", **_headers(status, error)}
    return Response(text, 400 if status == 422 else status, told, "text/plain")


def _headers(status: int, error: JobtrailError) -> dict[str, str]:
    headers = {}
    if status in (429, 503):
        headers["Retry-After"] = str(math.ceil(getattr(error, "retry_after", None) or RETRY_SECONDS))
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="jobtrail"'
    return headers


def _detail(status: int, error: JobtrailError) -> str:
    return error.message if status != 500 else "something went wrong here; the log of the server has more"


def response(
    status: int,
    code: str,
    detail: str,
    *,
    instance: str | None = None,
    request_id: str | None = None,
    fields: list[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem as a response."""
    body = Problem(
        type=f"urn:jobtrail:problem:{code}",
        title=_TITLE.get(status, "Error"),
        status=status,
        code=code,
        detail=detail,
        instance=instance,
        request_id=request_id,
        errors=fields or [],
    )
    told = {"Cache-Control": "no-store", **(headers or {})}
    return Response(msgspec.json.encode(body), status_code=status, media_type=MEDIA_TYPE, headers=told)
