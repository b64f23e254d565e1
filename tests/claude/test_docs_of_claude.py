"""The page about Claude Code says what is so: its examples can be run, and its codes are the runner's."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

from law.test_docs import DOCS, blocks, first_cells

from jobtrail.runners.claude import verdict
from jobtrail.runners.claude.runner import ClaudeRunner
from jobtrail.runners.claude.spec import ClaudeSpec

PAGE = DOCS / "how-to/claude.md"
GIVEN_BY_OTHERS = {"timeout", "not_started", "stopped", "gate"}
"""By the worker for every job, or no end of a job at all."""


def codes_of_verdicts() -> set[str]:
    """Every code that a verdict may have, as the source says."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(Path(verdict.__file__).read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            given = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            given += node.args[:1] if node.func.id in ("_fail", "_Refusal") else []
            found |= {str(value.value) for value in given if isinstance(value, ast.Constant)}
    return found


def test_every_code_is_on_the_page_and_among_the_errors() -> None:
    codes = codes_of_verdicts()
    assert {"auth", "quota", "no_result", "empty_result", "max_turns"} <= codes, "the search itself broke"
    table = PAGE.read_text().split("## How it may end")[1]
    shown = set(
        re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in table.splitlines() if line.startswith("|")))
    )
    assert codes - shown - GIVEN_BY_OTHERS == set()
    assert shown - set(first_cells((DOCS / "reference/errors.md").read_text())) == set()


def test_its_inputs_can_be_run_and_its_fields_exist() -> None:
    inputs = [json.loads(block) for block in blocks(PAGE.read_text(), "json") if '"prompt"' in block]
    assert inputs
    for input in inputs:
        assert ClaudeRunner(environ={}).validate(input) == {}
    table = PAGE.read_text().split("| field | means |")[1].split("\n\n")[0]
    named = re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in table.splitlines() if line.startswith("|")))
    assert set(named) <= set(ClaudeSpec.__struct_fields__)
