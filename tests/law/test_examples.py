"""The examples in docstrings run and are true."""

from __future__ import annotations

import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest

import jobtrail

ROOT = Path(jobtrail.__file__).parent
MODULES = sorted(
    ".".join(("jobtrail", *path.relative_to(ROOT).with_suffix("").parts))
    for path in ROOT.rglob("*.py")
    if re.search(r"^ +>>> (?!.*\+SKIP)", path.read_text(), re.MULTILINE)
)


@pytest.mark.parametrize("module", MODULES)
def test_examples_are_true(module: str) -> None:
    result = doctest.testmod(import_module(module))
    assert result.attempted > 0
    assert result.failed == 0
