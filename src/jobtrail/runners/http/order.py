"""What a job of type `http` asks for: its input, read and checked once. Nothing is looked up or called here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec

from jobtrail.core import duration, jsonguard
from jobtrail.core.errors import Invalid
from jobtrail.core.redact import parse_reference

PLACE: Final = "{callback_url}"
LONGEST_CALL: Final = timedelta(hours=1)
LONGEST_WAIT: Final = timedelta(days=30)
_WHERE: Final = re.compile(r" - at `(?:key in )?\$\.?(.*)`$")
_OURS: Final = ("JOBTRAIL_", "PG")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_CLIENTS: Final = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "cookie"})
_RUNNERS: Final = frozenset({"idempotency-key", "jobtrail-callback"})

Plain = str | int | float | bool
Duration = str | int | float
Reference = Annotated[dict[str, str], msgspec.Meta(min_length=1, max_length=1)]
Status = Annotated[int, msgspec.Meta(ge=100, le=599)]


class CallbackInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer comes later, at an address that goes along with the request."""

    timeout: Annotated[Duration, msgspec.Meta(description="How long it is waited for: `1h`.")] = "1h"


class HttpInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One call of a URL."""

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=2_048)]
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    headers: Annotated[
        dict[str, str | Reference],
        msgspec.Meta(max_length=100, description='Values, or {"env": "NAME"} of the worker for what is secret.'),
    ] = {}
    query: Annotated[dict[str, Plain | list[Plain]], msgspec.Meta(max_length=100)] = {}
    body: Annotated[str | None, msgspec.Meta(description="Text to send.")] = None
    json: Annotated[Any, msgspec.Meta(description="What to send as JSON, instead of a body.")] = None
    expect: Annotated[
        list[Status], msgspec.Meta(max_length=50, description="The statuses that are a success; none named: 2xx.")
    ] = []
    timeout: Annotated[Duration, msgspec.Meta(description="For the whole call: `30s`.")] = "30s"
    max_response_bytes: Annotated[int, msgspec.Meta(ge=1, le=100 << 20)] = 1 << 20
    follow_redirects: Annotated[
        int, msgspec.Meta(ge=0, le=3, description="How many are followed, of GET and HEAD only.")
    ] = 0
    idempotency_key: Annotated[
        str | bool, msgspec.Meta(description="Sent as Idempotency-Key; true: the job's id, false: none.")
    ] = True
    callback: CallbackInput | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A call to make. `headers` hold a value, or the name of a variable of the worker (`Secret`)."""

    given: HttpInput = field(repr=False)
    url: str = field(repr=False)
    headers: Mapping[str, str | Secret] = field(repr=False)
    timeout: timedelta
    waits: timedelta | None

    @property
    def host(self) -> str:
        """Whom it calls."""
        return urlsplit(self.url).hostname or ""

    def body(self, callback_url: str | None) -> tuple[bytes, str | None]:
        """What is sent, and as which media type. Where `{callback_url}` stands, the address goes in."""
        if self.given.json is not None:
            return jsonguard.encode(_filled(self.given.json, callback_url), at="json"), "application/json"
        if self.given.body is None:
            return b"", None
        text: str = _filled(self.given.body, callback_url)
        return text.encode(), "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Secret:
    """The name of a variable of the worker."""

    name: str


def read(input: Any) -> Order:
    """The input as an order. Raises Invalid with the fields that are wrong."""
    try:
        given = msgspec.convert(input, HttpInput)
    except msgspec.ValidationError as error:
        raise _not_fitting(error) from error
    if given.json is not None and given.body is not None:
        raise _wrong("body", "give body or json, not both")
    return Order(
        given=given,
        url=_with_query(given),
        headers={name: _header(name, value) for name, value in given.headers.items()},
        timeout=_span(given.timeout, "timeout", LONGEST_CALL),
        waits=None if given.callback is None else _span(given.callback.timeout, "callback.timeout", LONGEST_WAIT),
    )


def _with_query(given: HttpInput) -> str:
    try:
        parts = urlsplit(given.url)
    except ValueError as error:
        raise _wrong("url", f"cannot be read: {error}") from None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise _wrong("url", "must begin with https:// or http:// and a host")
    more = urlencode({name: _shown(value) for name, value in given.query.items()}, doseq=True)
    return urlunsplit(parts._replace(query="&".join(part for part in (parts.query, more) if part), fragment=""))


def _shown(value: Plain | list[Plain]) -> str | list[str]:
    if isinstance(value, list):
        return [str(_shown(one)) for one in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _header(name: str, value: str | Reference) -> str | Secret:
    at = f"headers.{name[:60]}"
    if not _TOKEN.fullmatch(name):
        raise _wrong(at, "is no name of a header")
    if name.lower() in _CLIENTS | _RUNNERS:
        raise _wrong(at, "is made here and cannot be given")
    try:
        reference = parse_reference(value)
    except Invalid as error:
        raise _wrong(at, error.message) from error
    if reference is None:
        if not isinstance(value, str):
            raise _wrong(at, 'must be text, or {"env": "NAME"}')
        return value
    if reference.startswith(_OURS):
        raise _wrong(at, f"{reference} is for the worker itself and is sent to nobody")
    return Secret(reference)


def _span(value: Duration, at: str, most: timedelta) -> timedelta:
    try:
        found = duration.parse(value)
    except Invalid as error:
        raise _wrong(at, error.message) from error
    if not timedelta(0) < found <= most:
        raise _wrong(at, f"must be above 0 and at most {duration.show(most)}")
    return found


def _filled(value: Any, callback_url: str | None) -> Any:
    if callback_url is None:
        return value
    if isinstance(value, str):
        return value.replace(PLACE, callback_url)
    if isinstance(value, list):
        return [_filled(one, callback_url) for one in value]
    if isinstance(value, dict):
        return {key: _filled(one, callback_url) for key, one in value.items()}
    return value


def _not_fitting(error: msgspec.ValidationError) -> Invalid:
    said = str(error)
    where = _WHERE.search(said)
    what = said[: where.start()] if where else said
    named = re.search(r"(?:missing required|unknown) field `(.+?)`", what)
    path = ".".join(part for part in (where[1] if where else "", named[1] if named else "") if part)
    return _wrong(path or "$", what)


def _wrong(at: str, what: str) -> Invalid:
    return Invalid(f"{at}: {what}", fields={at: what})
