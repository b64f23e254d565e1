"""Files and functions are short enough to be read at once, or say here why not."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from law.statements import SOURCE

ROOT = Path(__file__).parents[2]
LINES_OF_A_FILE = 400
LINES_OF_A_TEST_FILE = 500
"""A test is read by itself; a file of them is only looked through."""
LINES_OF_A_FUNCTION = 40
SHALLOW = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "base", "misc", "impl"}

LONG_FILES = {
    "src/jobtrail/sql/migrations/0001_first.up.sql": "all tables, which are read together or not at all",
    "src/jobtrail/sql/schema.sql": "written by pg_dump, for looking things up",
}
LONG_FUNCTIONS = {
    "src/jobtrail/core/status.py:_moves": "the table of legal moves, a line for each",
    "src/jobtrail/worker/desk.py:keep": "two records, spelled out field by field",
    "src/jobtrail/worker/worker.py:run": "a worker's whole life: what it starts is what it must stop",
}

FILES = sorted(
    path
    for folder in ("src", "tests", "benchmarks", "examples", "docs")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".sql") and "__pycache__" not in path.parts
)
PYTHON = [path for path in FILES if path.suffix == ".py"]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_files_are_short() -> None:
    long = {name_of(path): len(path.read_text().splitlines()) for path in FILES}
    assert {name: lines for name, lines in long.items() if lines > allowed(name) and name not in LONG_FILES} == {}


def allowed(name: str) -> int:
    return LINES_OF_A_TEST_FILE if name.startswith("tests/") else LINES_OF_A_FILE


def test_functions_are_short() -> None:
    long = {
        f"{name_of(path)}:{node.name}": lines
        for path in PYTHON
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := lines_of(node)) > LINES_OF_A_FUNCTION
    }
    assert {name: lines for name, lines in long.items() if name not in LONG_FUNCTIONS} == {}


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function from its `def` on, without its docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def test_a_docstring_does_not_count() -> None:
    told = ast.parse('def f():\n    """One.\n\n    Two.\n    """\n    return 1\n').body[0]
    assert isinstance(told, ast.FunctionDef)
    assert lines_of(told) == 2


def test_whatever_is_excused_is_long_indeed() -> None:
    for name, reason in LONG_FILES.items():
        assert len((ROOT / name).read_text().splitlines()) > allowed(name), f"{name} needs no excuse any more: {reason}"


def test_every_module_says_what_lives_there() -> None:
    for path in SOURCE.rglob("*.py"):
        said = ast.get_docstring(ast.parse(path.read_text()))
        assert said and said.split("\n\n")[0].rstrip().endswith((".", "?")), (
            f"{name_of(path)} does not say what it is for"
        )


@pytest.mark.parametrize("folder", ["src", "tests"])
def test_no_module_is_named_after_nothing(folder: str) -> None:
    parts = {
        part.removesuffix(".py") for path in PYTHON for part in path.relative_to(ROOT).parts if folder in path.parts
    }
    assert parts & SHALLOW == set()
