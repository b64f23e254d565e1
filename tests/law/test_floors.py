"""The floors of the house stand: calls go down only, and each outside thing stops at its door."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from law.statements import SOURCE

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / ".importlinter"
FOR_CORE = sys.stdlib_module_names | {"msgspec", "jobtrail", "cronsim"}
"""What core may import: cronsim reads expressions of schedules and counts, and does nothing else."""
TOUCHES_THE_WORLD = {"asyncio", "os", "random", "secrets", "shutil", "socket", "subprocess", "tempfile", "time"}
READS_THE_CLOCK = {"now", "utcnow", "today", "time", "monotonic", "perf_counter"}
ROOMS_WITH_THE_WHOLE = ("cli", "testing", "__main__.py", "__init__.py")
"""Who may import the package as its users do: its faces, which stand on top."""

PLANTS = {
    "Calls go down": ("store/db.py", "from jobtrail.service import jobs"),
    "Only the store speaks": ("service/jobs.py", "from psycopg import Connection"),
    "The verbs of one noun": ("service/steps.py", "from jobtrail.service.usage import Call"),
    "Runners come through the registry": ("worker/worker.py", "from jobtrail.runners.command import CommandRunner"),
    "Strangers are called": ("service/gates.py", "from httpx2 import AsyncClient"),
    "What draws on a terminal": ("client/database.py", "from rich.table import Table"),
}


def test_every_contract_is_kept() -> None:
    done = linted(ROOT, {})
    assert done.returncode == 0, done.stdout


def test_an_import_that_breaks_a_contract_is_told(tmp_path: Path) -> None:
    """Also one that is for types only: it is planted under `if TYPE_CHECKING`."""
    shutil.copytree(SOURCE, tmp_path / "jobtrail", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CONTRACTS, tmp_path)
    for path, line in PLANTS.values():
        with (tmp_path / "jobtrail" / path).open("a") as file:
            file.write(f"\nfrom typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    {line}\n")
    said = linted(tmp_path, {"PYTHONPATH": str(tmp_path)}).stdout
    told = " ".join(said.split()).replace("KEPT", "KEPT\n").replace("BROKEN", "BROKEN\n").splitlines()
    for contract in PLANTS:
        assert any(contract in line and line.endswith("BROKEN") for line in told), f"{contract} is not held:\n{said}"


def linted(where: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    program = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(cache_dir=None))"
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=where, env={**os.environ, **environ}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_every_exception_has_its_reason() -> None:
    lines = CONTRACTS.read_text().splitlines()
    for number, line in enumerate(lines):
        if line.strip() == "ignore_imports =":
            assert lines[number + 1].strip().startswith("#"), f"line {number + 1} of {CONTRACTS.name} has no reason"


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """The modules that a file imports, wherever it does, for types or not."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module


def calls(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.lineno, node.func.attr


@pytest.mark.parametrize("path", sorted((SOURCE / "core").glob("*.py")), ids=lambda path: path.stem)
def test_core_needs_the_standard_library_only_and_does_not_touch_the_world(path: Path) -> None:
    for line, module in imports(path):
        top = module.split(".")[0]
        assert top in FOR_CORE and top not in TOUCHES_THE_WORLD, f"{path.name}:{line} imports {module}"
    for line, name in calls(path):
        assert name not in READS_THE_CLOCK and name != "getenv", f"{path.name}:{line} calls {name}()"


def test_no_import_is_relative_and_none_goes_through_the_roof() -> None:
    """`import jobtrail` from below would pull in everything above."""
    wrong = []
    for path in sorted(SOURCE.rglob("*.py")):
        face = path.relative_to(SOURCE).parts[0] in ROOMS_WITH_THE_WHOLE
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.level or node.module == "jobtrail"):
                names = [alias.name for alias in node.names if not (SOURCE / alias.name).exists()]
                names = [name for name in names if not (SOURCE / f"{name}.py").exists()]
                if node.level or (names and not face):
                    wrong.append(f"{path.relative_to(SOURCE)}:{node.lineno}: {names}")
            elif isinstance(node, ast.Import) and not face:
                wrong += [f"{path}:{node.lineno}" for alias in node.names if alias.name == "jobtrail"]
    assert wrong == []


def test_nothing_is_pickled_or_evaluated() -> None:
    banned = {"pickle", "marshal", "shelve", "yaml"}
    for path in sorted(SOURCE.rglob("*.py")):
        for line, module in imports(path):
            assert module.split(".")[0] not in banned, f"{path.relative_to(SOURCE)}:{line} imports {module}"
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec"), f"{path.relative_to(SOURCE)}:{node.lineno} evaluates text"
