"""What is said of types fits its room: whole where it can, without the largest schemas where it cannot."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobtrail.core.described import DESCRIPTION_BYTES, MOST_BYTES, Described, fitted, one_line


def read(text: str | None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text or "null")
    return found


def test_what_fits_is_said_whole() -> None:
    said = {"a": Described("Does a.", {"type": "object"}, has_check=True), "b": Described()}
    made = fitted(said)
    assert made.cut == ()
    assert read(made.text) == {
        "a": {"description": "Does a.", "has_check": True, "input_schema": {"type": "object"}},
        "b": {"description": None, "has_check": False, "input_schema": None},
    }


def test_nothing_is_nothing() -> None:
    assert fitted({}).text is None


def test_the_largest_schema_goes_first_and_is_named() -> None:
    said = {name: Described(name, {"x": "y" * size}) for name, size in (("small", 10), ("large", 900), ("middle", 300))}
    made = fitted(said, most=700)
    assert made.cut == ("large",)
    assert len(made.text or "") <= 700
    kept = read(made.text)
    assert kept["large"] == {"description": "large", "has_check": False, "input_schema": None}
    assert kept["middle"]["input_schema"] == {"x": "y" * 300}


@pytest.mark.parametrize("count", [1, 7, 5_000])
def test_it_is_never_more_than_there_is_room_for(count: int) -> None:
    said = {f"type {n}": Described("é" * 2_000, {"n": n, "x": "z" * 100_000 if n < 5 else ""}) for n in range(count)}
    made = fitted(said)
    assert len((made.text or "").encode()) <= MOST_BYTES
    read(made.text)
    assert bool(made.cut) == (count > 1)


@pytest.mark.parametrize("schema", [{"x": float("nan")}, {"x": object()}, {1: 2, "1": 3}, {"x": "\x00"}])
def test_a_schema_that_cannot_be_stored_counts_as_none(schema: dict[Any, Any]) -> None:
    made = fitted({"a": Described("Does a.", schema)})
    assert made.cut == ("a",)
    assert read(made.text)["a"] == {"description": "Does a.", "has_check": False, "input_schema": None}


@pytest.mark.parametrize(
    ("text", "line"),
    [(None, None), ("", None), ("  \n ", None), ("One\n  line.\n\nMore.", "One line."), ("a\x00b", "a\ufffdb")],
)
def test_a_description_is_one_line(text: str | None, line: str | None) -> None:
    assert one_line(text) == line


def test_a_description_is_short() -> None:
    assert len((one_line("é" * 5_000) or "").encode()) <= DESCRIPTION_BYTES
