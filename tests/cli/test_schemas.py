"""JSON schemas for people: whatever a stranger's schema is like, it can be shown, and an input that fits is made up."""

from __future__ import annotations

from typing import Any

import pytest

from jobtrail.cli.schemas import Shape, example, shapes, typed


def one(schema: dict[str, Any]) -> Shape:
    (shape,) = shapes(schema)
    return shape


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "format": "date-time"}, "date-time"),
        ({"type": "integer"}, "whole number"),
        ({"type": "boolean"}, "true/false"),
        ({"type": "array", "items": {"type": "integer"}}, "list of whole number"),
        ({"type": "array"}, "list"),
        ({"enum": ["a", "b"]}, "a | b"),
        ({"const": "a"}, '"a"'),
        ({"type": ["string", "null"]}, "text or null"),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}, {"type": "string"}]}, "number or text"),
        ({}, "any"),
        ({"$ref": "#/$defs/Color"}, "red | blue"),
        ({"$ref": "#/nowhere"}, "any"),
    ],
)
def test_a_type_is_said_in_words(field: dict[str, Any], said: str) -> None:
    schema = obj(x=field) | {"$defs": {"Color": {"enum": ["red", "blue"]}}}
    assert [each.type for each in one(schema).fields] == [said]


def test_what_may_be_left_out_is_not_said_to_be_null() -> None:
    schema = obj(x={"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}) | {"required": []}
    (field,) = one(schema).fields
    assert (field.type, field.required, field.default) == ("text", False, "null")


def test_fields_of_fields_are_shown_as_they_are_reached() -> None:
    place = obj(city={"type": "string", "description": "Where.\n\nMore."})
    schema = obj(home=place, others={"type": "array", "items": place}, last={"anyOf": [place, {"type": "null"}]})
    names = {field.name: field.what for field in one(schema).fields}
    assert names == {
        "home": "",
        "home.city": "Where.",
        "others": "",
        "others[].city": "Where.",
        "last": "",
        "last.city": "Where.",
    }


def test_a_schema_that_goes_round_in_circles_comes_to_an_end() -> None:
    node = obj(next={"$ref": "#/$defs/Node"}) | {"$defs": {"Node": obj(next={"$ref": "#/$defs/Node"})}}
    assert 1 < len(one(node).fields) < 10
    assert isinstance(example(node), dict)
    loop = {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}}
    assert one(loop).fields == ()
    assert example(loop) == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "minLength": 6}, "textxx"),
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "exclusiveMinimum": 5}, 6),
        ({"type": "integer", "maximum": 0}, 0),
        ({"type": "boolean"}, True),
        ({"enum": ["a", "b"]}, "a"),
        ({"const": 7}, 7),
        ({"type": "array", "minItems": 2, "items": {"type": "integer"}}, [1, 1]),
        ({"type": "array"}, []),
        ({"type": "string", "examples": ["shown"]}, "shown"),
        ({"default": 3}, 3),
        (obj(y={"type": "string"}), {"y": "text"}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 1),
    ],
)
def test_an_input_that_fits_is_made_up(field: dict[str, Any], value: Any) -> None:
    assert example(obj(x=field)) == {"x": value}


def test_what_need_not_be_there_is_not_made_up() -> None:
    assert example({"type": "object", "properties": {"x": {"type": "string"}}}) == {}


def test_an_example_of_the_schema_is_taken_as_it_is() -> None:
    assert example(obj(x={"type": "string"}) | {"examples": [{"x": "theirs"}]}) == {"x": "theirs"}


def test_a_line_is_quoted_for_the_shell() -> None:
    input = {"a": "it's", "b": ["x y"], "c": None, "d:": "text", "e": "1=2"}
    assert typed("t", input) == """jobtrail enqueue t 'a=it'"'"'s' 'b:=["x y"]' c:=null 'd::="text"' e=1=2"""


@pytest.mark.parametrize("schema", [{}, {"type": "string"}, {"properties": {"x": True}}, {"anyOf": []}, {"$ref": 7}])
def test_a_strange_schema_is_shown_as_what_can_be_read_of_it(schema: dict[str, Any]) -> None:
    assert one(schema).fields == ()
    assert isinstance(example(schema), dict)
