"""Reads a request into the types that a handler asks for. What does not fit is refused with the path of what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from starlette.requests import ClientDisconnect, Request

from jobtrail.core import jsonguard
from jobtrail.core.errors import Invalid, Malformed, TooLarge, Unsupported

S = TypeVar("S", bound=msgspec.Struct)

_WHERE: Final = re.compile(r" - at `(?:key in )?\$\.?(.*)`$")


def path_value(name: str, text: str, wanted: Any) -> Any:
    """A parameter of the path. Raises Invalid."""
    return _converted({name: text}, {name: wanted}, "path")[name]


def query_values(params: list[tuple[str, str]], wanted: type[S]) -> S:
    """The query as `wanted`: a comma, or the name again, separates the values of a list. Raises Invalid."""
    lists = _list_fields(wanted)
    known = wanted.__struct_fields__
    given: dict[str, Any] = {}
    for name, text in params:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}"
            raise Invalid(f"there is no query parameter {name!r}{hint}", fields={name: "unknown parameter"})
        if name in lists:
            given.setdefault(name, []).extend(part for part in text.split(",") if part)
        elif name in given:
            raise Invalid(f"the query parameter {name!r} is given twice", fields={name: "given more than once"})
        else:
            given[name] = text
        jsonguard.decode(jsonguard.encode(text, at=name), at=name)
    values: S = _as(given, wanted, lax=True)
    for name, text in given.items():
        value = getattr(values, name)
        numbers = isinstance(value, datetime) and text[4:5] != "-"  # would be read as seconds since 1970
        if value is None or numbers:  # None: the text "null", which is no value of anything
            raise Invalid(f"{name}: {text!r} is not acceptable", fields={name: "not acceptable"})
    return values


def header_values(headers: Mapping[str, str], wanted: type[S]) -> S:
    """The headers that `wanted` names, `if_match` for If-Match. Raises Invalid."""
    given = {name: headers[key] for name in wanted.__struct_fields__ if (key := name.replace("_", "-")) in headers}
    values: S = _as(given, wanted, lax=True)
    return values


async def body_bytes(request: Request, limit: int) -> bytes:
    """The whole body, never more than `limit` bytes of it. Raises TooLarge."""
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            parts.append(chunk)
    except ClientDisconnect as error:
        raise Malformed("the body was not sent to its end") from error
    return b"".join(parts)


def check_json(request: Request) -> None:
    """Refuses bodies that say they are something else than JSON. Raises Unsupported."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in ("", "application/json") and not media.endswith("+json"):
        raise Unsupported(f"the body must be application/json, not {media} (curl: --json)")


def body_value(raw: bytes, wanted: Any, limit: int) -> Any:
    """The body as `wanted`; a batch's items come as `msgspec.Raw`, and are looked at one by one. Raises Invalid."""
    if not raw.strip():
        raise Invalid("the request needs a JSON body", fields={"$": "a body is required"})
    if _has_raw(wanted):
        try:
            return msgspec.json.decode(raw, type=wanted)
        except msgspec.ValidationError as error:
            raise _not_fitting(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Invalid(f"the body is not acceptable JSON: {error}", fields={"$": "not JSON"}) from error
    return _as(jsonguard.decode(raw, max_bytes=limit), wanted, lax=False)


def body_fitting(value: Any, wanted: type[S]) -> S:
    """A body that was decoded elsewhere, as `wanted`. Raises Invalid."""
    fits: S = _as(value, wanted, lax=False)
    return fits


def item_value(raw: msgspec.Raw, wanted: type[S], at: str) -> S:
    """One item of a batch, through the same door as a body of its own. Raises Invalid that names it."""
    value = jsonguard.decode(bytes(raw), max_bytes=limit_of_item(), at=at)
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        raise _not_fitting(error, at) from error


def limit_of_item() -> int:
    """How long one job may be as text: its input, and room for what stands around it."""
    return jsonguard.MAX_BYTES + (64 << 10)


def _as(given: Any, wanted: Any, *, lax: bool) -> Any:
    try:
        return msgspec.convert(given, wanted, strict=not lax)
    except msgspec.ValidationError as error:
        raise _not_fitting(error) from error


def _converted(given: dict[str, Any], wanted: Mapping[str, Any], place: str) -> dict[str, Any]:
    try:
        return {name: msgspec.convert(given[name], wanted[name], strict=False) for name in wanted}
    except msgspec.ValidationError as error:
        name = next(iter(wanted))
        said = str(error)
        raise Invalid(f"{name} in the {place} is not acceptable: {said}", fields={name: said}) from error


def _not_fitting(error: msgspec.ValidationError, above: str = "") -> Invalid:
    said = str(error)
    where = _WHERE.search(said)
    path = where[1] if where else ""
    what = said[: where.start()] if where else said
    missing = re.search(r"missing required field `(.+?)`", what) or re.search(r"unknown field `(.+?)`", what)
    if missing:
        path = f"{path}.{missing[1]}" if path else missing[1]
    full = ".".join(part for part in (above, path) if part) or "$"
    return Invalid(f"{full}: {what}", fields={full: what})


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit} bytes")


@cache
def _list_fields(wanted: type[msgspec.Struct]) -> frozenset[str]:
    hints = get_type_hints(wanted, include_extras=True)
    return frozenset(name for name, hint in hints.items() if _is_list(hint))


def _is_list(hint: Any) -> bool:
    if get_origin(hint) is Annotated:
        return _is_list(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return any(_is_list(part) for part in get_args(hint))
    return get_origin(hint) in (list, tuple, set, frozenset)


@cache
def _has_raw(wanted: Any) -> bool:
    hints = get_type_hints(wanted, include_extras=True) if isinstance(wanted, type) else {}
    return any(msgspec.Raw in _parts(hint) for hint in hints.values())


def _parts(hint: Any) -> set[Any]:
    return {hint}.union(*(_parts(part) for part in get_args(hint))) if get_args(hint) else {hint}
