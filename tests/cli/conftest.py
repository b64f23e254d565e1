"""Terminals: with the test's database, with none, and with a folder where one may be made."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.terminal import Terminal
from database import Database

from jobtrail.core.errors import JobtrailError
from jobtrail.store import embedded


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one. No setting comes from outside."""
    _forget(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """All settings, and the project that another test had imported."""
    for name in ("app", "main"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in list(os.environ):
        if name.startswith("JOBTRAIL_") or name in ("DATABASE_URL", "NO_COLOR", "CI", "COLUMNS", "LINES"):
            monkeypatch.delenv(name)


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    """A terminal in a folder of its own that any account can reach, where an embedded database may be made.

    What runs there is stopped at the end, and the folder goes.
    """
    root = Path(tempfile.mkdtemp(prefix="jt-cli-")).resolve()
    root.chmod(0o755)
    _forget(monkeypatch)
    monkeypatch.chdir(root)
    try:
        yield Terminal(root, dict(os.environ), capsys)
    finally:
        with contextlib.suppress(JobtrailError):
            embedded.stop_now(root / ".jobtrail")
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def jobtrail(
    folder: Path, database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    """A terminal whose commands use the test's database."""
    monkeypatch.setenv("JOBTRAIL_DATABASE_URL", database.app_url)
    return Terminal(folder, dict(os.environ), capsys)


@pytest.fixture
def bare(folder: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A terminal without any database."""
    return Terminal(folder, dict(os.environ), capsys)
