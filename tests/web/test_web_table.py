"""The laws of the table of routes: each has a scope or a reason to have none, and the documents say what it does."""

from __future__ import annotations

import inspect
import json
from itertools import pairwise
from uuid import UUID

import httpx2
import pytest
from jsonschema_rs import validator_for
from serving import Served

from jobtrail.core.scopes import SCOPES_OF, ApiScope, Role
from jobtrail.web.routing import Open, Route, shape_of
from jobtrail.web.table import ROUTES

OPEN_TO_ALL = {
    "GET /health",
    "GET /ready",
    "GET /metrics",
    "GET /api/openapi.json",
    "GET /compat/nexrender/api/v1/health",
    "POST /api/v1/callbacks/{token}",
    "POST /api/v1/login",
    "GET /api/v1/login",
}
OPEN_TO_EVERY_KEY = {"GET /api/v1/me", "DELETE /api/v1/login"}
ID = "01a20113-c28b-7274-9d0c-ef649e7c3971"
EVERY = pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")


def of(scope: Open) -> set[str]:
    return {f"{route.method} {route.path}" for route in ROUTES if route.scope is scope}


def test_only_these_routes_need_no_scope() -> None:
    assert of(Open.TO_ALL) == OPEN_TO_ALL
    assert of(Open.TO_EVERY_KEY) == OPEN_TO_EVERY_KEY


@EVERY
def test_every_route_is_described_and_fits_its_handler(route: Route) -> None:
    assert isinstance(route.scope, ApiScope | Open)
    assert inspect.getdoc(route.handler), "the documents have nothing to say of it"
    shape_of(route)


def test_without_a_key_every_route_but_the_open_ones_answers_401(web: Served) -> None:
    nobody = web.client("")
    closed = [route for route in ROUTES if route.scope is not Open.TO_ALL]
    answers = {f"{route.method} {route.path}": ask(nobody, route).status_code for route in closed}
    assert {where: status for where, status in answers.items() if status != 401} == {}


def test_without_its_scope_a_key_gets_403_from_every_route(web: Served) -> None:
    closed = [route for route in ROUTES if isinstance(route.scope, ApiScope)]
    clients = {scope: web.client(web.key(scopes=set(ApiScope) - {scope})) for scope in ApiScope}
    answers = {
        f"{route.method} {route.path}": ask(clients[route.scope], route).status_code
        for route in closed
        if isinstance(route.scope, ApiScope)
    }
    assert {where: status for where, status in answers.items() if status != 403} == {}


def ask(client: httpx2.Client, route: Route) -> httpx2.Response:
    """A request of the route that reaches its door."""
    path = route.path
    for name, wanted in shape_of(route).path.items():
        path = path.replace(f"{{{name}}}", ID if wanted is UUID else "name")
    return client.request(route.method, path, content=b"{}")


def test_names_and_paths_are_used_once() -> None:
    assert len({route.name for route in ROUTES}) == len(ROUTES)
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


def test_each_scope_is_needed_by_some_route_and_each_role_has_what_those_below_have() -> None:
    assert {route.scope for route in ROUTES if isinstance(route.scope, ApiScope)} == set(ApiScope)
    roles = [SCOPES_OF[role] for role in Role]
    assert all(lower < higher for lower, higher in pairwise(roles))


def test_the_document_is_valid_openapi_and_every_schema_in_it_can_be_read(web: Served) -> None:
    document = web.client("").get("/api/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    schemas = document["components"]["schemas"]
    for name in schemas:
        validator_for({"$ref": f"#/components/schemas/{name}", "components": document["components"]})
    text = json.dumps(document)
    wanted = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert wanted <= set(schemas)
