"""The example of a runner in a package of its own: built, installed without a network, found, and worked with."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.terminal import Ran, Terminal
from runners.packages import install

EXAMPLE = Path(__file__).parents[2] / "examples/runner-package"
TYPE = "checksum.verify"
ON_ITS_OWN = {
    name: value for name, value in os.environ.items() if not name.startswith(("JOBTRAIL_", "PYTEST_", "COV_", "PIP_"))
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the package was installed."""
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(EXAMPLE, folder / "source", ignore=shutil.ignore_patterns("__pycache__", "dist"))
    target = folder / "installed"
    argv = [
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--target",
        target,
        folder / "source",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, argv)],
        env=ON_ITS_OWN, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    yield target
    shutil.rmtree(folder)


@pytest.fixture
def photos(folder: Path) -> Path:
    """Two files and their list."""
    place = folder / "photos"
    place.mkdir()
    for name in ("one.jpg", "two.jpg"):
        (place / name).write_text(name)
    lines = [f"{hashlib.sha256(name.encode()).hexdigest()} *{name}" for name in ("one.jpg", "two.jpg")]
    (place / "SHA256SUMS").write_text("\n".join(lines))
    return place


def do(jobtrail: Terminal, installed: Path, *argv: str) -> Ran:
    """A command in a process of its own, which finds the package on its path."""
    return jobtrail.process(*argv, PYTHONPATH=str(installed))


def test_its_type_is_listed_and_shown(jobtrail: Terminal, installed: Path, photos: Path) -> None:
    rows = {row["type"]: row for row in do(jobtrail, installed, "type", "list", "-o", "json").data}
    assert (rows[TYPE]["source"], rows[TYPE]["origin"]) == ("package", "jobtrail-checksum 1.0.0")
    assert (rows[TYPE]["has_check"], rows[TYPE]["error"], rows[TYPE]["workers"]) == (True, None, 0)
    shown = do(jobtrail, installed, "type", "show", TYPE)
    assert "folder\ttext\tyes\t\tThe folder, as the worker sees it." in shown.out
    line = do(jobtrail, installed, "type", "show", TYPE, "-o", "json").data["example"]
    assert do(jobtrail, installed, *shlex.split(line)[1:]).code == 0


def test_a_job_of_it_runs_to_its_end(jobtrail: Terminal, installed: Path, photos: Path) -> None:
    ran = do(jobtrail, installed, "run", TYPE, f"folder={photos}", "-o", "json")
    assert ran.code == 0, ran
    assert ran.data["result"]["output"] == {"files": 2, "bytes": 14, "wrong": {}}
    (photos / "one.jpg").write_text("another")
    ran = do(jobtrail, installed, "run", TYPE, f"folder={photos}")
    assert ran.code == 3 and "one.jpg is changed" in ran.out + ran.err


def test_a_worker_finds_it_by_itself_and_tells_of_it(jobtrail: Terminal, installed: Path, photos: Path) -> None:
    made = do(jobtrail, installed, "enqueue", TYPE, f"folder={photos}", "-o", "json").data["job"]
    done = do(jobtrail, installed, "worker", "start", "--once")
    assert done.code == 0 and TYPE in done.err
    assert jobtrail.ok("job", "get", made["id"], "-o", "json").data["job"]["status"] == "COMPLETED"
    assert [file["name"] for file in jobtrail.ok("file", "list", made["id"], "-o", "json").data] == ["report.json"]
    told = jobtrail.ok("type", "show", TYPE, "-o", "json").data  # here the package is not installed
    assert (told["source"], told["has_check"]) == ("workers", True)
    assert "Holds the files" in told["description"] and told["input_schema"]


def test_input_that_does_not_fit_is_refused_before_it_is_a_job(jobtrail: Terminal, installed: Path) -> None:
    ran = do(jobtrail, installed, "enqueue", TYPE, "folder:=7")
    assert ran.code == 2 and "input.folder" in ran.err
    assert jobtrail.ok("job", "list", "-o", "json").data == []


def test_a_worker_says_what_is_broken_and_goes_on_without_it(
    jobtrail: Terminal, photos: Path, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "broken", monkeypatch, "bobs-runner", "import nothing_of_the_kind", {"bad": "Bad"}, "0.1")
    both = os.pathsep.join([str(installed), str(tmp_path / "broken")])
    made = do(jobtrail, installed, "enqueue", TYPE, f"folder={photos}", "-o", "json").data["job"]
    done = jobtrail.process("worker", "start", "--once", PYTHONPATH=both)
    assert done.code == 0
    assert "jobs of type bad are not run here" in done.err and "bobs-runner 0.1" in done.err
    assert jobtrail.ok("job", "get", made["id"], "-o", "json").data["job"]["status"] == "COMPLETED"
    named = jobtrail.process("run", "bad", PYTHONPATH=both)
    assert named.code == 2 and "nothing_of_the_kind" in named.err


def test_its_own_tests_pass(installed: Path, tmp_path: Path) -> None:
    """As its author would run them: with the package installed beside Jobtrail."""
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "tests"],
        cwd=tmp_path, env=ON_ITS_OWN | {"PYTHONPATH": str(installed)}, capture_output=True, text=True, timeout=100,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "9 passed" in done.stdout
