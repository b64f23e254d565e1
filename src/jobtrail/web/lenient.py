"""Bodies that carry what a job printed or made: whatever is JSON at all is taken, and cleaned later. It is no reason to fail."""

from __future__ import annotations

import json
from typing import Any, Final, TypeVar

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.errors import Invalid, TooLarge
from jobtrail.web import reading
from jobtrail.web.runtime import Call

S = TypeVar("S", bound=msgspec.Struct)

MOST_BYTES: Final = 4 << 20
_ADVICE: Final = "store it as an asset of the attempt, and answer the asset's id"


async def told(call: Call, wanted: type[S]) -> S:
    """The request's body as `wanted`. Raises Invalid, Malformed, Unsupported, and TooLarge with what to do instead."""
    try:
        return reading.body_fitting(await _body(call), wanted)
    except UnicodeEncodeError as error:  # half a character may stand in what is said, not in a key or a chosen word
        raise Invalid("a key of the body is no text", fields={"$": "a lone surrogate"}) from error


async def an_object(call: Call) -> dict[str, Any]:
    """The request's body, an object of whatever shape, already cleaned. Raises as `told` does."""
    body = await _body(call)
    if not isinstance(body, dict):
        raise Invalid("the body must be a JSON object", fields={"$": "must be an object"})
    clean: dict[str, Any] = msgspec.json.decode(jsonguard.clean_value(body)[0])
    return clean


def output_of(value: object) -> str:
    """What a job or step made, as JSON that can be stored. Raises TooLarge above 1 MiB, with what to do instead."""
    raw, _ = jsonguard.clean_value(value)
    if len(raw) > jsonguard.MAX_BYTES:
        raise TooLarge(f"an output of {len(raw)} bytes is more than the {jsonguard.MAX_BYTES} that fit: {_ADVICE}")
    return raw.decode()


async def _body(call: Call) -> Any:
    reading.check_json(call.request)
    try:
        raw = await reading.body_bytes(call.request, MOST_BYTES)
    except TooLarge as error:
        raise TooLarge(f"{error.message}: {_ADVICE}") from error
    if not raw.strip():
        raise Invalid("the request needs a JSON body", fields={"$": "a body is required"})
    return _decoded(raw)


def _decoded(raw: bytes) -> Any:
    """JSON as strangers write it: lone surrogates, numbers out of range and bytes that are no UTF-8 included."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise Invalid(f"the body is not JSON: {error}", fields={"$": "not JSON"}) from error
