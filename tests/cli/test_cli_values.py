"""Input as it is typed becomes what the type wants."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pytest

from jobtrail.cli import values
from jobtrail.core.errors import Invalid
from jobtrail.runners.python import PythonRunner


async def wants(
    name: str, n: int = 0, ratio: float | None = None, on: bool = False, day: date | None = None,
    tags: list[str] | None = None, mood: Literal["good", "bad"] = "good", size: Literal[1, 2] = 1,
    anything: Any = None, both: str | int = "",
) -> None:  # fmt: skip
    """A function with parameters of every sort."""


RUNNER = PythonRunner("wants", wants)


def typed(*pairs: str, given: str | None = None) -> dict[str, Any]:
    return values.read(pairs, given, RUNNER.schema())


@pytest.mark.parametrize(
    ("pair", "value"),
    [("name=Ana", "Ana"), ("name=12", "12"), ("name=", ""), ("name=a=b", "a=b"), ("n=5", 5), ("ratio=0.5", 0.5),
     ("ratio=null", None), ("on=true", True), ("day=2026-01-31", "2026-01-31"), ('tags=["a","b"]', ["a", "b"]),
     ("mood=bad", "bad"), ("size=2", 2), ("anything=7", "7"), ("both=7", "7"), ("n=many", "many"),
     ("name:=5", 5), ('anything:={"a":[1]}', {"a": [1]})],
)  # fmt: skip
def test_a_value_is_read_as_its_parameter_wants_it(pair: str, value: object) -> None:
    assert list(typed(pair).values()) == [value]


def test_what_was_read_fits_the_function() -> None:
    raw = typed("name=12", "n=5", "on=true", "day=2026-01-31", 'tags=["a"]', "size=2")
    assert RUNNER.validate(raw) == {}


def test_a_value_that_does_not_fit_is_left_to_the_type_which_names_the_parameter() -> None:
    assert list(RUNNER.validate(typed("name=Ana", "n=many"))) == ["input.n"]


def test_without_a_schema_everything_is_text() -> None:
    assert values.read(["n=5", 'list=["a"]'], None, None) == {"n": "5", "list": '["a"]'}


def test_named_values_win_over_the_whole_input() -> None:
    assert typed("n=2", given='{"name": "Ana", "n": 1}') == {"name": "Ana", "n": 2}


def test_the_input_may_be_a_file_or_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "input.json"
    path.write_text('{"name": "Ana"}')
    assert typed(given=f"@{path}") == {"name": "Ana"}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"name": "Bob"}')))
    assert typed(given="-") == {"name": "Bob"}


@pytest.mark.parametrize(
    ("pairs", "given", "says"),
    [(["name"], None, "'name' is not an input"), (["=x"], None, "is not an input"), ([":=5"], None, "is not an input"),
     (["n:={"], None, "input.n is not JSON"), ([], "[1]", "must be a JSON object"), ([], "@/nowhere", "cannot be read"),
     ([], '{"a":1,"a":2}', "more than once")],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(pairs: list[str], given: str | None, says: str) -> None:
    with pytest.raises(Invalid, match=says.replace("(", r"\(")):
        values.read(pairs, given, None)
