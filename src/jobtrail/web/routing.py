"""What a route is: its line in the table, and what its handler's signature says of the request and the answer."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import Any, Final, Generic, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from starlette.responses import Response

from jobtrail.core.scopes import ApiScope

T = TypeVar("T")

Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]
Handler = Callable[..., Awaitable[Any]]

_BRACES: Final = re.compile(r"\{(\w+)(?::\w+)?\}")


class Open(Enum):
    """Who may call a route without a scope, and why; a test holds the list of such routes."""

    TO_ALL = "to all"
    TO_EVERY_KEY = "to whoever is signed in"


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """An answer with a status or headers of its own."""

    value: T
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some of many; `next_cursor` asks for the next ones, null at the end."""

    items: list[T]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Bytes:
    """What a route takes or answers that is not JSON: its media type, for the OpenAPI document."""

    media_type: str = "application/octet-stream"

    @property
    def is_text(self) -> bool:
        """Whether a document may show it as text."""
        return self.media_type.startswith("text/")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the programs of another system speak: the header in which they may send their key. Errors are told to them as
    plain text, and what we call not acceptable (422) as a bad request (400)."""

    name: str
    key_header: str | None = None


HTML: Final = Bytes("text/html; charset=utf-8")
PAGES: Final = Dialect("pages")
"""What browsers show to people: errors are pages, too, and `{workspace}` in a path is for the door to read."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a handler's signature says: path parameters, query, headers and body, and what it answers."""

    path: Mapping[str, Any]
    query: type[msgspec.Struct] | None
    headers: type[msgspec.Struct] | None
    body: Any
    answer: Any


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One line of the table. `also`: further statuses with what they mean. `takes`, `gives`: bodies that are not JSON.

    The handler's first parameter is the call; `query`, `headers` and `body` are read by their types, all others stand in
    the path. What it returns is answered as JSON with `status`.
    """

    method: Method
    path: str
    handler: Handler
    scope: ApiScope | Open
    status: int = 200
    also: Mapping[int, str] = field(default_factory=dict)
    takes: Bytes | None = None
    gives: Bytes | None = None
    shows: Any = None  # what the documents say of the body, where the handler reads its items itself
    makes: str | None = None  # where in the answer the id of what was made stands, as a JSON pointer
    max_body_bytes: int = 2 << 20
    dialect: Dialect | None = None  # whose programs it is for, if not for everybody

    @property
    def name(self) -> str:
        """The operation's id in the OpenAPI document."""
        return self.handler.__name__

    @property
    def tag(self) -> str:
        """The noun under which the documents show it."""
        if self.dialect is not None:
            return self.dialect.name
        _, _, below = self.path.partition("/api/v1/")
        return below.partition("/")[0] or "operation"

    @property
    def says(self) -> str:
        """What it does, in words."""
        return inspect.getdoc(self.handler) or self.name


def shape_of(route: Route) -> Shape:
    """Reads the signature of a route's handler. Raises TypeError where it and the path do not fit together."""
    hints = get_type_hints(route.handler, include_extras=True)
    names = list(inspect.signature(route.handler).parameters)[1:]
    braces = [name for name in _BRACES.findall(route.path) if name != "workspace" or route.dialect is not PAGES]
    path = {name: hints[name] for name in names if name not in ("query", "headers", "body")}
    if sorted(path) != sorted(braces):
        raise TypeError(f"{route.method} {route.path}: the handler {route.name} takes {names}")
    return Shape(
        path={name: path[name] for name in braces},
        query=hints.get("query"),
        headers=hints.get("headers"),
        body=hints.get("body"),
        answer=_answer(hints.get("return")),
    )


def _answer(hint: Any) -> Any:
    """The type of the JSON that is answered; None for what is not JSON, or nothing."""
    if get_origin(hint) is Reply:
        hint = get_args(hint)[0]
    if hint is None or hint is type(None) or (isinstance(hint, type) and issubclass(hint, Response)):
        return None
    return hint


def statuses(route: Route) -> dict[int, str]:
    """Each status that the route answers on its own account, with what it means."""
    return {route.status: HTTPStatus(route.status).phrase, **route.also}
