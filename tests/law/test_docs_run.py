"""What the docs show is what happens: their programs are run as a reader would run them."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

from law.test_docs import DOCS, ROOT, blocks

TUTORIAL = DOCS / "tutorial/first-job.md"
ON_ITS_OWN = {
    name: value for name, value in os.environ.items() if not name.startswith(("JOBTRAIL_", "PYTEST_", "COV_"))
}


def run(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *argv],
        cwd=folder,
        env=ON_ITS_OWN,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def the(page: Path, language: str, mark: str) -> str:
    """The one block of a page that has these words in it."""
    (found,) = [block for block in blocks(page.read_text(), language) if mark in block]
    return found


def test_the_job_of_the_tutorial_passes_the_tests_of_the_how_to(tmp_path: Path) -> None:
    how_to = DOCS / "how-to/testing.md"
    (tmp_path / "app.py").write_text(the(TUTORIAL, "python", "async def report").replace("sleep(2)", "sleep(0)"))
    (tmp_path / "test_app.py").write_text(the(how_to, "python", "def test_"))
    settings = the(how_to, "toml", "jobtrail_app")
    (tmp_path / "pyproject.toml").write_text(
        settings + 'pythonpath = ["."]\nasyncio_default_fixture_loop_scope = "function"\n'
    )
    done = run(tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


def test_the_job_of_the_readme_is_that_of_the_tutorial() -> None:
    pages = (TUTORIAL, ROOT / "README.md")
    jobs = [ast.parse(the(page, "python", "async def report")).body for page in pages]
    report, same = ([ast.dump(part) for part in job if "'report'" in ast.dump(part)] for job in jobs)
    assert len(report) == 1
    assert report == same


def test_the_pipeline_of_the_readme_checks_a_repository(tmp_path: Path) -> None:
    repo = tmp_path / "somewhere"
    repo.mkdir()
    (repo / "fine.py").write_text("print(1)\n")
    for argv in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qm", "one"]):
        subprocess.run(["git", *argv], cwd=repo, env=ON_ITS_OWN, check=True)
    (tmp_path / "check.toml").write_text(the(ROOT / "README.md", "toml", "checkout"))
    done = run(tmp_path, "jobtrail", "run", "check.toml", f"repo=file://{repo}", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert '"syntax"' in done.stdout
