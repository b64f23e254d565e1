"""From an HTTP answer to a value or one of our errors, and when a request is sent again. Nothing is sent here."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeVar

import msgspec

from jobtrail.client.talk import Ask, Pause
from jobtrail.core import errors
from jobtrail.core.errors import JobtrailError, Misconfigured, NotFound, TooOften, TooSlow, Unavailable

T = TypeVar("T")

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0
_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. The names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """Nothing came back. `sent`: the request may have arrived, and may have been done."""

    why: str
    sent: bool


class _Field(msgspec.Struct, frozen=True):
    path: str
    message: str


class _Problem(msgspec.Struct, frozen=True):
    code: str
    detail: str
    errors: list[_Field] = []
    request_id: str | None = None


def _family(root: type[JobtrailError]) -> Iterator[type[JobtrailError]]:
    yield root
    for each in root.__subclasses__():
        if each.__module__ == errors.__name__:
            yield from _family(each)


BY_CODE: Final[Mapping[str, type[JobtrailError]]] = MappingProxyType({e.code: e for e in _family(JobtrailError)})
"""Each error that a server can answer with, by its code."""


def sending(ask: Ask[T], patience: float) -> Generator[Ask[T] | Pause, Any, T]:
    """Sends a request until it is answered for good, waiting at most `patience` seconds in all.

    It is sent again after 429, which did nothing; after no answer, or one that says "not now", only where it did not
    arrive or where to do it twice does no more than once. Raises the error that was answered, or Unavailable.
    """
    deadline = time.monotonic() + patience
    pause = _FIRST_PAUSE_SECONDS
    while True:
        got: Answer | Lost = yield ask
        wanted: float | None = None
        if isinstance(got, Lost):
            error: JobtrailError = Unavailable(got.why)
            may = ask.again or not got.sent
        else:
            try:
                return value_of(ask, got)
            except TooOften as refused:
                error, may, wanted = refused, True, refused.retry_after
            except TooSlow:
                raise
            except Unavailable as refused:
                error, may, wanted = refused, ask.again, retry_after(got)
        wait = max(wanted or 0.0, pause * (0.5 + random.random() / 2))  # noqa: S311  (not a secret: it spreads the load)
        if not may or time.monotonic() + wait > deadline:
            raise error
        yield Pause(wait)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def value_of(ask: Ask[T], answer: Answer) -> T:
    """What an answer says. Raises the error that it tells of."""
    if 200 <= answer.status < 300:
        try:
            return ask.read(answer.body)
        except (msgspec.MsgspecError, ValueError) as wrong:
            raise Misconfigured(
                f"{ask.method} {ask.path} was answered with what this program cannot read; is it a Jobtrail server, and "
                f"not older than this? ({wrong})"
            ) from wrong
    error = error_of(answer)
    if isinstance(error, NotFound) and ask.missing:
        return ask.missing[0]
    raise error


def error_of(answer: Answer) -> JobtrailError:
    """The error that an answer tells of: by its code, else by its status."""
    try:
        problem = msgspec.json.decode(answer.body, type=_Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _stranger(answer)
    fields = {one.path: one.message for one in problem.errors}
    wanted = BY_CODE.get(problem.code)
    if wanted is TooOften:
        return TooOften(problem.detail, retry_after(answer) or 1.0)
    if wanted is not None and wanted is not JobtrailError:
        return wanted(problem.detail, fields=fields)
    if problem.code == "no_such_route":
        return Misconfigured(
            f"the server knows no such route: is its URL right, and is it new enough? ({problem.detail})"
        )
    told = f"{problem.detail} (request {problem.request_id})" if problem.request_id else problem.detail
    return _by_status(answer.status)(told, fields=fields)


def retry_after(answer: Answer) -> float | None:
    """How many seconds the server asks to wait; None where it does not say, or says a time of day."""
    try:
        seconds = float(answer.headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


_BY_STATUS: Final[Mapping[int, type[JobtrailError]]] = MappingProxyType(
    {
        400: errors.Malformed,
        401: errors.Unauthenticated,
        403: errors.Denied,
        404: errors.NotFound,
        409: errors.Conflict,
        412: errors.ConcurrentUpdate,
        413: errors.TooLarge,
        415: errors.Unsupported,
        429: errors.Unavailable,
        502: errors.Unavailable,
        503: errors.Unavailable,
        504: errors.Unavailable,
    }
)


def _by_status(status: int) -> type[JobtrailError]:
    return _BY_STATUS.get(status, errors.Invalid if 400 <= status < 500 else JobtrailError)


def _stranger(answer: Answer) -> JobtrailError:
    """Who answers like this is no Jobtrail server: a proxy before it, or something else at its address."""
    if 300 <= answer.status < 400:
        place = answer.headers.get("location", "elsewhere")[:_SHOWN]
        return Misconfigured(f"the server sends us on to {place}; name that in JOBTRAIL_SERVER_URL")
    text = " ".join(answer.body[:_SHOWN].decode(errors="replace").split())
    wanted = _by_status(answer.status)
    if issubclass(wanted, Unavailable | errors.Denied):
        return wanted(f"the way to the server answers {answer.status}: {text}")
    return Misconfigured(
        f"this is no answer of a Jobtrail server: {answer.status} {text}; is JOBTRAIL_SERVER_URL right?"
    )
