"""The OpenAPI 3.1 document, rendered from the table of routes and the signatures of their handlers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import version
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from jobtrail.core.described import KnownType
from jobtrail.runners import catalogue, registry
from jobtrail.web import inputs
from jobtrail.web.inputs import TEMPLATE
from jobtrail.web.problem import MEDIA_TYPE, Problem
from jobtrail.web.routing import Bytes, Open, Route, Shape, shape_of, statuses

Json = dict[str, Any]

_INTRO: Final = """Jobs that take long, cost money and must be explained afterwards.

Every error is `application/problem+json` with a stable `code`, but for the programs of other systems under `/compat/`,
who are told in plain text. Lists are pages: send `next_cursor` as `cursor` for the
next one. Times are UTC in RFC 3339, durations carry their unit in the name, money is a decimal in text, in USD."""

_COMMON: Final = {
    400: "The request cannot be read.",
    401: "Nobody is signed in, or the key is wrong, expired or revoked.",
    403: "The key lacks the scope.",
    404: "There is no such thing in this workspace.",
    413: "The body is too large.",
    415: "The body is no JSON.",
    422: "A value is not acceptable; `errors` name the fields.",
    429: "Too many requests; `Retry-After` says when to come again.",
    503: "The database is away, or needs too long; come again after `Retry-After` seconds.",
}

_PROBLEM: Final[Json] = {MEDIA_TYPE: {"schema": {"$ref": TEMPLATE.format(name="Problem")}}}
_TEXT: Final[Json] = {"text/plain": {"schema": {"type": "string", "description": "What is wrong, in words."}}}

_FRAME: Final[Json] = {
    "type": "object",
    "description": "A frame of the stream: server-sent events.",
    "required": ["event", "data"],
    "properties": {
        "id": {"type": "string", "description": "Where to go on, as Last-Event-ID."},
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": {"type": "object"}},
    },
}


_ENQUEUED: Final = "NewJobBody"


def document(routes: Iterable[Route], *, prefix: str = "", known: Iterable[KnownType] | None = None) -> Json:
    """The document of these routes; `prefix` is where the service is mounted.

    `known`: the types of jobs whose inputs are shown; None: those that are installed. No app is imported for it.
    """
    routes = tuple(routes)
    shapes = {route: shape_of(route) for route in routes}
    types = {each: None for route in routes for each in _types(route, shapes[route])}
    schemas, components = msgspec.json.schema_components([Problem, *types], ref_template=TEMPLATE)
    refs = dict(zip([Problem, *types], schemas, strict=True))
    if _ENQUEUED in components:
        inputs.show(_installed() if known is None else known, components, _ENQUEUED)
    paths: dict[str, Json] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, shapes[route], refs)
    for route in routes:
        if route.makes is not None:
            made = paths[route.path][route.method.lower()]["responses"][str(route.status)]
            made["links"] = _links(route, route.makes, routes)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Jobtrail", "version": version("jobtrail"), "description": _INTRO},
        "servers": [{"url": prefix or "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {str(code): _problem(what) for code, what in _COMMON.items()},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key: `jt_<id>_<secret>`."},
                "login": {"type": "apiKey", "in": "cookie", "name": "__Host-jobtrail"},
                **{
                    one.name: {"type": "apiKey", "in": "header", "name": one.key_header}
                    for one in dict.fromkeys(route.dialect for route in routes if route.dialect is not None)
                },
            },
        },
    }


def _installed() -> list[KnownType]:
    return [catalogue.of(one) for one in registry.installed()]


def _links(made: Route, pointer: str, routes: Iterable[Route]) -> Json:
    """Where one can go from what a route has made: to each route that stands below it."""
    below = made.path + "/{"
    return {
        route.name: {
            "operationId": route.name,
            "parameters": {route.path[len(below) :].partition("}")[0]: f"$response.body#{pointer}"},
        }
        for route in routes
        if route.path.startswith(below) and route.path.count("{") == 1
    }


def _types(route: Route, shape: Shape) -> Iterator[Any]:
    body = route.shows or shape.body
    yield from (each for each in (body, shape.answer) if each is not None)
    yield from shape.path.values()
    for struct in (shape.query, shape.headers):
        if struct is not None:
            yield from _hints(struct).values()


def _operation(route: Route, shape: Shape, refs: dict[Any, Any]) -> Json:
    summary, _, more = route.says.partition("\n")
    made: Json = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": summary,
        "responses": _responses(route, shape, refs),
    }
    scope = None if isinstance(route.scope, Open) else str(route.scope)
    description = "\n\n".join(part for part in (more.strip(), scope and f"Needs the scope `{scope}`.") if part)
    if description:
        made["description"] = description
    if parameters := _parameters(shape, refs):
        made["parameters"] = parameters
    if route.takes is not None:
        schema = {"type": "string", "format": "binary"}
        made["requestBody"] = {"required": False, "content": {route.takes.media_type: {"schema": schema}}}  # or empty
    elif (body := route.shows or shape.body) is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": refs[body]}}}
    dialect: list[Json] = [{route.dialect.name: []}] if route.dialect is not None else []
    made["security"] = [] if route.scope is Open.TO_ALL else [{"key": []}, {"login": []}, *dialect]
    return made


def _parameters(shape: Shape, refs: dict[Any, Any]) -> list[Json]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": _plain(refs[hint])}
        for name, hint in shape.path.items()
    ]
    for place, struct in (("query", shape.query), ("header", shape.headers)):
        for name, hint in _hints(struct).items() if struct is not None else ():
            schema = _without_null(refs[hint])
            shown = "-".join(part.capitalize() for part in name.split("_")) if place == "header" else name
            one: Json = {"name": shown, "in": place, "required": name in _required(struct), "schema": schema}
            if said := schema.pop("description", None):
                one["description"] = said
            if place == "query" and schema.get("type") == "array":
                one |= {"style": "form", "explode": False}
            found.append(one)
    return found


def _responses(route: Route, shape: Shape, refs: dict[Any, Any]) -> Json:
    made: Json = {}
    for status, what in statuses(route).items():
        response: Json = {"description": what}
        if status in (204, 304):
            made[str(status)] = response
            continue
        if route.gives is not None and status < 400:
            response["content"] = {route.gives.media_type: {"schema": _given(route.gives)}}
        elif status >= 400:
            response["content"] = _TEXT if route.dialect is not None else _PROBLEM
        elif shape.answer is not None:
            response["content"] = {"application/json": {"schema": refs[shape.answer]}}
        made[str(status)] = response
    for code in _usual(route, shape):
        if route.dialect is None:
            made.setdefault(str(code), {"$ref": f"#/components/responses/{code}"})
        elif code != 422:
            made.setdefault(str(code), {"description": _COMMON[code], "content": _TEXT})
    return dict(sorted(made.items()))


def _given(what: Bytes) -> Json:
    """The schema of an answer that is not JSON; that of a stream is the schema of each frame."""
    if what.media_type == "text/event-stream":
        return _FRAME
    return {"type": "string", **({} if what.is_text else {"format": "binary"})}


def _usual(route: Route, shape: Shape) -> Iterator[int]:
    yield from (400, 422, 429, 503)
    if route.scope is not Open.TO_ALL:
        yield from (401, 403)
    if shape.path:
        yield 404
    if shape.body is not None or route.takes is not None:
        yield from (413, 415)


def _problem(what: str) -> Json:
    return {"description": what, "content": _PROBLEM}


@cache
def _hints(struct: type[msgspec.Struct]) -> dict[str, Any]:
    hints = get_type_hints(struct, include_extras=True)
    return {name: _meant(hints[name]) for name in struct.__struct_fields__}


def _meant(hint: Any) -> Any:
    """The hint without `None`, which no query can say."""
    if get_origin(hint) in (Union, UnionType):
        parts = [part for part in get_args(hint) if part is not type(None)]
        return parts[0] if len(parts) == 1 else Union[tuple(parts)]  # noqa: UP007  (made from values)
    return hint


def _required(struct: type[msgspec.Struct] | None) -> frozenset[str]:
    fields = msgspec.structs.fields(struct) if struct is not None else ()
    return frozenset(field.name for field in fields if field.required)


def _without_null(schema: Any) -> Json:
    return {key: value for key, value in _plain(schema).items() if key != "default"}


def _plain(schema: Any) -> Json:
    return dict(schema)
