"""Forms that are made of JSON schemas: typed where the schema tells the type, harmless whatever it says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobtrail.web.pages.fields import Field, fields_of

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "items", "enum", "anyOf", "$ref", "default", "required", "$defs", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


def only(schema: dict[str, Any], given: Any = None) -> Field:
    """The one field of an object with one property."""
    (field,) = fields_of({"type": "object", "properties": {"it": schema}}, "form", given)
    return field


@pytest.mark.parametrize(
    ("schema", "look", "reads_as"),
    [
        ({"type": "string"}, "text", None),
        ({"type": "string", "maxLength": 5_000}, "area", None),
        ({"type": "string", "enum": ["a", "b"]}, "choice", None),
        ({"enum": [1, "a", None]}, "choice", "json"),
        ({"const": True}, "choice", "json"),
        ({"type": "integer", "minimum": 1}, "number", "number"),
        ({"type": "number"}, "number", "number"),
        ({"type": "boolean"}, "bool", "bool"),
        ({"type": "array", "items": {"type": "string"}}, "list", "list"),
        ({"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}, "many", "list"),
        ({"type": "array", "items": {"type": "object"}}, "json", "json"),
        ({"type": "object", "properties": {"x": {"type": "string"}}}, "group", None),
        ({"type": "object"}, "json", "json"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "number", "number"),
        ({"type": ["string", "null"]}, "text", None),
        ({}, "json", "json"),
    ],
)
def test_a_field_is_as_its_schema_says(schema: dict[str, Any], look: str, reads_as: str | None) -> None:
    field = only(schema)
    assert (field.look, field.reads_as, field.name) == (look, reads_as, "form.it")


def test_a_reference_is_followed_within_the_schema() -> None:
    schema = {"type": "object", "properties": {"it": {"$ref": "#/$defs/Size"}}, "$defs": {"Size": {"enum": ["S", "L"]}}}
    (field,) = fields_of(schema, "form")
    assert [one.value for one in field.choices] == ["S", "L"]


def test_a_reference_to_itself_ends() -> None:
    schema = {"type": "object", "properties": {"it": {"$ref": "#"}}}
    assert [one.look for one in fields_of(schema, "form")] == ["json"]


def test_what_is_given_wins_over_the_default() -> None:
    schema = {"type": "string", "default": "usual"}
    assert only(schema).value == "usual"
    assert only(schema, {"it": "other"}).value == "other"


def test_what_must_be_filled_in_comes_first() -> None:
    parts = {"a": {"type": "string"}, "z": {"type": "string"}}
    fields = fields_of({"type": "object", "properties": parts, "required": ["z"]}, "form")
    assert [(one.label, one.required) for one in fields] == [("z", True), ("a", False)]


def test_a_schema_that_is_no_object_is_one_answer() -> None:
    (field,) = fields_of({"type": "boolean"}, "form")
    assert (field.name, field.label) == ("form", "Answer")


@pytest.mark.parametrize("name", ["__proto__", "constructor", "prototype", "a.b", "__proto__.ran", ""])
def test_a_name_that_scripts_would_misread_makes_no_field(name: str) -> None:
    assert fields_of({"type": "object", "properties": {name: {"type": "string"}}}, "form") == []


@pytest.mark.parametrize("nothing", [None, {}, [], "text", 3, True])
def test_a_gate_without_a_schema_has_no_form(nothing: Any) -> None:
    assert fields_of(nothing, "form") == []


@given(ANYTHING)
def test_no_schema_is_too_strange(schema: Any) -> None:
    for field in fields_of(schema, "form"):
        assert field.name.startswith("form")
