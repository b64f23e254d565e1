"""What is filled in is held against the schema of its form: each fault by its path, and nothing takes long."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from jobtrail.core import forms

ITEM = {"type": "object", "properties": {"n": {"type": "integer", "exclusiveMinimum": 0}}, "required": ["n"]}


@pytest.mark.parametrize(
    ("schema", "value", "faults"),
    [
        ({}, {"any": 1}, {}),
        ({"type": "string"}, 1, {"form": "must be text"}),
        ({"type": ["string", "null"]}, 1, {"form": "must be text or nothing"}),
        ({"type": ["string", "null"]}, None, {}),
        ({"type": "integer"}, 7.0, {}),
        ({"type": "integer"}, 7.5, {"form": "must be a whole number"}),
        ({"type": "number"}, True, {"form": "must be a number"}),
        ({"enum": [1, "a", None]}, "b", {"form": "must be one of 1, a, None"}),
        ({"enum": [1]}, True, {"form": "must be 1"}),
        ({"const": "yes"}, "yes", {}),
        ({"type": "array", "items": ITEM}, [{"n": 1}, {"n": 0}, {}],
         {"form[1].n": "must be more than 0", "form[2].n": "is missing"}),
        ({"type": "array", "minItems": 1}, [], {"form": "must not be empty"}),
        ({"type": "array", "uniqueItems": True}, [{"a": 1, "b": 2}, {"b": 2, "a": 1}], {"form": "must not say the same twice"}),
        ({"$ref": "#/$defs/item", "$defs": {"item": ITEM}}, {"n": -1}, {"form.n": "must be more than 0"}),
        ({"anyOf": [{"type": "null"}, ITEM]}, {"n": "x"}, {"form.n": "must be a whole number"}),
        ({"anyOf": [{"type": "null"}, ITEM]}, None, {}),
        ({"allOf": [{"minimum": 1}, {"maximum": 3}]}, 4, {"form": "must be at most 3"}),
        ({"type": "number", "multipleOf": 0.1}, 0.3, {}),
        ({"type": "number", "multipleOf": 5}, 7, {"form": "must be a multiple of 5"}),
        ({"type": "string", "format": "date"}, "2026-02-30", {"form": "must be a date"}),
        ({"type": "string", "format": "email"}, "a@b.example", {}),
        ({"type": "string", "format": "email"}, "nobody", {"form": "must be a email"}),
        ({"type": "string", "pattern": "^[A-Z]{2}$"}, "ab", {"form": "must look like ^[A-Z]{2}$"}),
        ({"type": "string", "minLength": 2}, "é", {"form": "must have at least 2 characters"}),
        ({"properties": {"a": False}}, {"a": 1}, {"form.a": "is not asked for"}),
        ({"additionalProperties": {"type": "integer"}}, {"a": "x"}, {"form.a": "must be a whole number"}),
        ({"type": "nonsense", "enum": "x", "properties": 3, "required": 7, "items": 9, "anyOf": 1, "$ref": 4}, {"a": 1}, {}),
    ],
)  # fmt: skip
def test_each_fault_has_its_path(schema: Any, value: Any, faults: dict[str, str]) -> None:
    assert forms.faults(schema, value, "form") == faults


class Inner(msgspec.Struct):
    """A part."""

    when: date
    tags: list[str] = []


class Outer(msgspec.Struct):
    """The whole."""

    inner: Inner | None
    amount: int = 3


def test_the_schema_of_a_type_takes_what_the_type_takes() -> None:
    schema = msgspec.json.schema(Outer)
    assert forms.wants_object(schema)
    assert forms.faults(schema, {"inner": {"when": "2026-02-03"}}, "form") == {}
    assert forms.faults(schema, {"inner": {"when": "soon", "tags": [1]}}, "form") == {
        "form.inner.when": "must be a date",
        "form.inner.tags[0]": "must be text",
    }


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a|a)*$", "^(.*a){20}$", "a*a*a*a*a*$", "(x+x+)+y", r"(a)\1+b", "(?=a+)+b", "a{1,9999}{1,99}b", "[",
     f"^{'(a|a)' * 38}$", f"^{'a?' * 40}{'a' * 40}b$", f"^{'a{0,99}' * 12}b", f"^{r'(aa|a)' * 30}$"],
)  # fmt: skip
def test_a_pattern_that_could_take_for_ever_is_not_tried(pattern: str) -> None:
    assert forms.faults({"type": "string", "pattern": pattern}, "a" * 1_000 + "!", "form") == {}


def test_a_pattern_of_escaped_strokes_is_counted_like_any_other() -> None:
    assert forms.faults({"type": "string", "pattern": "^" + r"\\*" * 12 + "x$"}, "\\" * 1_000, "form") == {}


@pytest.mark.parametrize(
    "pattern", ["^[^@ ]+@[^@ ]+$", r"^\d{4}-\d{2}-\d{2}$", "^(red|green|blue)$", r"^\+?[0-9 ]{6,20}$", "[a-z]+-[0-9]+"]
)
def test_a_pattern_as_people_write_them_is_tried(pattern: str) -> None:
    assert forms.faults({"type": "string", "pattern": pattern}, "!", "form") == {"form": f"must look like {pattern}"}


@pytest.mark.parametrize("word", ["allOf", "anyOf", "oneOf"])
def test_a_schema_that_asks_for_more_than_anybody_waits_for_is_given_up(word: str) -> None:
    again = {"$ref": "#/$defs/a"}
    schema = {**again, "$defs": {"a": {word: [{"type": "integer", **again}] * 10 if word != "allOf" else [again] * 10}}}
    assert forms.faults(schema, "x" if word == "allOf" else 1, "form") in ({}, {"form": "is too much to be checked"})
    many = {"type": "array", "items": {"enum": list(range(100_000))}}
    assert "is too much to be checked" in forms.faults(many, [-1] * 10_000, "form").values()


@pytest.mark.parametrize(("step", "value"), [(5e-324, 1e308), (2, 10**400)])
def test_a_number_beyond_all_measure_is_no_error_of_ours(step: float, value: float) -> None:
    assert forms.faults({"type": "number", "multipleOf": step}, value, "form") == {}


def test_what_refers_to_itself_ends() -> None:
    schema: dict[str, Any] = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
    assert forms.faults(schema, {"x": 1}, "form") == {}
    tree = {"$ref": "#/$defs/t", "$defs": {"t": {"type": "object", "additionalProperties": {"$ref": "#/$defs/t"}}}}
    value: Any = 1
    for _ in range(60):
        value = {"x": value}
    assert len(forms.faults(tree, value, "form")) <= 1


def test_many_faults_are_cut() -> None:
    schema = {"type": "array", "items": {"type": "string"}}
    assert len(forms.faults(schema, list(range(1_000)), "form")) == 20
