"""`jobtrail init`: what it writes runs as it is, and nothing that was there is touched."""

from __future__ import annotations

import subprocess
import sys

import pytest
from cli.terminal import Terminal

FILES = ("app.py", "test_app.py", "jobtrail.toml", ".gitignore")


def test_what_is_written_runs_and_passes_its_own_tests(jobtrail: Terminal) -> None:
    ran = jobtrail.ok("init")
    assert "jobtrail run hello name=Ana" in ran.err
    hello = jobtrail.process("run", "hello", "name=Ana", "times=2")
    assert hello.code == 0 and hello.out.endswith("Hello, Ana!\n") and hello.out.count("Hello, Ana!") == 3
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."], check=False, capture_output=True, text=True,
        cwd=jobtrail.folder, env=jobtrail.environment,
    )  # fmt: skip
    assert tests.returncode == 0, tests.stdout


def test_nothing_is_overwritten(bare: Terminal) -> None:
    for name in FILES:
        bare.write(name, f"mine: {name}")
    done = {one["file"]: one["done"] for one in bare.ok("init", "-o", "json").data}
    for name in FILES[:3]:
        assert (bare.folder / name).read_text() == f"mine: {name}" and "left" in done[name]
    assert (bare.folder / ".gitignore").read_text() == "mine: .gitignore\n.jobtrail/\n"
    bare.ok("init")
    assert (bare.folder / ".gitignore").read_text().count(".jobtrail/") == 1


def test_a_folder_is_made(bare: Terminal) -> None:
    bare.ok("init", "deep/project")
    assert all((bare.folder / "deep" / "project" / name).exists() for name in FILES)


def test_a_place_that_cannot_be_written_is_told(bare: Terminal) -> None:
    bare.write("file", "")
    ran = bare("init", "file/project")
    assert ran.code == 2 and "cannot be written" in ran.err


@pytest.mark.parametrize("tool", ["ruff", "mypy"])
def test_what_is_written_is_clean(bare: Terminal, tool: str) -> None:
    bare.ok("init")
    argv = {"ruff": ["ruff", "check", "--isolated", "--select", "E,F,I,B,UP"], "mypy": ["mypy", "--strict"]}[tool]
    done = subprocess.run(
        [sys.executable, "-m", *argv, "app.py", "test_app.py"],
        check=False,
        capture_output=True,
        text=True,
        cwd=bare.folder,
    )
    assert done.returncode == 0, done.stdout + done.stderr
