"""Types over HTTP: what is known, what workers in any language say, and the schemas in the OpenAPI document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from database import Database
from serving import Served, served
from web.remote import Remote

from jobtrail.core.described import KnownType
from jobtrail.core.scopes import ApiScope
from jobtrail.service.jobs import Options
from jobtrail.web.openapi import document
from jobtrail.web.table import ROUTES

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def types(http: httpx2.Client) -> dict[str, dict[str, Any]]:
    return {one["type"]: one for one in http.get("/api/v1/types").json()["items"]}


def test_what_a_worker_over_http_says_of_its_types_is_told(http: httpx2.Client) -> None:
    said = {"far": {"description": "Far away.\nIndeed.", "input_schema": SCHEMA}, "not mine": {"description": "x"}}
    Remote(http, types=["far", "silent"], described=said)
    found = types(http)
    assert found["far"] == {
        "type": "far", "source": "workers", "origin": None, "description": "Far away. Indeed.", "has_check": False,
        "workers": 1, "error": None,
    }  # fmt: skip
    assert (found["silent"]["workers"], found["silent"]["description"]) == (1, None)
    assert "not mine" not in found
    assert http.get("/api/v1/types/far").json() == found["far"] | {"input_schema": SCHEMA}
    assert http.get("/api/v1/types/silent").json()["input_schema"] is None


def test_what_is_installed_beside_the_service_is_told_without_a_worker(http: httpx2.Client) -> None:
    command = http.get("/api/v1/types/command").json()
    assert (command["source"], command["workers"], command["error"]) == ("built-in", 0, None)
    assert command["input_schema"]["$defs"]["CommandSpec"]["required"] == ["run"]


def test_an_app_of_the_service_is_told_with_its_types(database: Database, tmp_path: Path) -> None:
    with served(database, tmp_path, types={"orders.sync": Options(type="orders.sync")}) as web:
        found = web.client().get("/api/v1/types/orders.sync").json()
    assert (found["source"], found["description"], found["workers"]) == ("app", None, 0)


def test_an_unknown_type_is_not_found(http: httpx2.Client) -> None:
    answer = http.get("/api/v1/types/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert http.get("/api/v1/types/jobtrail.bulk").status_code == 404


def test_who_may_not_read_jobs_may_not_read_types(web: Served) -> None:
    http = web.client(web.key(scopes=[ApiScope.QUEUES_READ]))
    assert http.get("/api/v1/types").status_code == 403
    assert http.get("/api/v1/types/command").status_code == 403


def test_workers_of_another_workspace_are_not_told(web: Served, http: httpx2.Client) -> None:
    other = web.client(web.key(workspace=web.workspace("other")))
    Remote(other, types=["theirs", "shared"], described={"shared": {"description": "Theirs!"}})
    Remote(http, types=["shared"])
    assert "theirs" not in types(http)
    assert (types(http)["shared"]["workers"], types(http)["shared"]["description"]) == (1, None)
    assert http.get("/api/v1/types/theirs").status_code == 404


def test_what_is_too_large_is_cut(http: httpx2.Client) -> None:
    said = {"far": {"description": "Far.", "input_schema": {"x": "y" * 300_000}}, "near": {"input_schema": SCHEMA}}
    Remote(http, types=["far", "near"], described=said)
    assert http.get("/api/v1/types/far").json()["input_schema"] is None
    assert types(http)["far"]["description"] == "Far."
    assert http.get("/api/v1/types/near").json()["input_schema"] == SCHEMA


@pytest.mark.parametrize(
    "said",
    [{"a": {"description": "x" * 2_000}}, {"a": {"has_check": True}}, {"": {}}, {"a": {"input_schema": {"x": "\x00"}}}],
)
def test_what_cannot_be_stored_is_refused(http: httpx2.Client, said: dict[str, Any]) -> None:
    body = {"name": "w", "types": ["a"], "described": said}
    assert http.post("/api/v1/worker/register", json=body).status_code == 422


def shown(*schemas: tuple[str, Any]) -> dict[str, Any]:
    known = [KnownType(type, "package", "p 1", f"Does {type}.", False, 0, None, schema) for type, schema in schemas]
    found: dict[str, Any] = document(ROUTES, known=known)["components"]["schemas"]
    return found


def test_the_document_shows_the_inputs_of_what_is_installed() -> None:
    found = document(ROUTES)["components"]["schemas"]
    assert found["CommandInput"]["anyOf"][1] == {"$ref": "#/components/schemas/CommandInputPipelineSpec"}
    steps = found["CommandInputPipelineSpec"]["properties"]["steps"]["items"]
    assert steps == {"$ref": "#/components/schemas/CommandInputStepSpec"}
    assert found["NewJobBody"]["x-jobtrail-types"]["command"] == "#/components/schemas/CommandInput"
    assert "- `command`: `CommandInput`" in found["NewJobBody"]["properties"]["input"]["description"]
    assert '"#/$defs' not in json.dumps(found)


def test_every_reference_of_the_document_leads_somewhere() -> None:
    whole = document(ROUTES)
    parts, seen = [whole], 0
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            parts += part.values()
            if isinstance(reference := part.get("$ref"), str):
                at: Any = whole
                for name in reference.removeprefix("#/").split("/"):
                    at = at[name]
                seen += 1
        elif isinstance(part, list):
            parts += part
    assert seen > 100


def test_a_schema_that_is_one_of_its_own_definitions_takes_the_name() -> None:
    tree = {
        "$ref": "#/$defs/Node",
        "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}},
    }
    found = shown(("a.tree-of", tree))
    assert found["ATreeOfInput"]["properties"]["next"] == {"$ref": "#/components/schemas/ATreeOfInput"}
    assert "ATreeOfInputNode" not in found


def test_what_only_looks_like_a_reference_is_left_as_it_is() -> None:
    schema = {"type": "object", "default": {"$ref": "#/x"}, "properties": {"$ref": {"type": "string"}}}
    assert shown(("a", schema))["AInput"] == schema


@pytest.mark.parametrize(
    "schema",
    [
        None,
        "text",
        {"$ref": "https://example.org/schema.json"},
        {"$ref": "#/$defs/Gone"},
        {"items": {"$ref": "#/properties/x"}},
    ],
)
def test_a_schema_that_cannot_be_shown_spoils_nothing(schema: Any) -> None:
    found = shown(("a", schema), ("b", {"type": "object"}))
    assert "AInput" not in found and found["BInput"] == {"type": "object"}
    assert found["NewJobBody"]["x-jobtrail-types"] == {"b": "#/components/schemas/BInput"}


def test_of_two_types_whose_names_differ_only_in_signs_the_first_is_shown() -> None:
    found = shown(("a.b", {"title": "first"}), ("a-b", {"title": "second"}))
    assert found["ABInput"] == {"title": "first"}
    assert list(found["NewJobBody"]["x-jobtrail-types"]) == ["a.b"]
