"""The front door: what `import jobtrail` offers, to people, to type checkers and at what price."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import jobtrail

STUB = Path(jobtrail.__file__).with_suffix(".pyi")


def test_every_name_of_the_front_door_is_there() -> None:
    assert [name for name in jobtrail.__all__ if getattr(jobtrail, name, None) is None] == []


def test_type_checkers_see_the_same_names() -> None:
    seen = {
        alias.asname
        for node in ast.parse(STUB.read_text()).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == set(jobtrail.__all__)


def test_at_most_thirty_names_are_public() -> None:
    assert len(jobtrail.__all__) <= 30


def test_the_door_alone_imports_no_driver() -> None:
    program = "import jobtrail, sys; print('psycopg' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    assert not hasattr(jobtrail, "Nothing")
