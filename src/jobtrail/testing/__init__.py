"""The pytest plugin for users: a real throw-away database for each test, and ways to run and look at jobs.

    def test_a_customer_is_synced(jobtrail: Lab) -> None:
        job = sync.enqueue(customer="c42")
        jobtrail.drain()
        assert job.result().rows == 3

Loaded by pytest wherever Jobtrail is installed, so nothing is imported or started before a test asks for it.
"""
# ruff: noqa: PLC0415  (see above)

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from jobtrail.app import App
    from jobtrail.store.throwaway import Clock, Server
    from jobtrail.testing.crash import CrashReport
    from jobtrail.testing.drain import Stuck
    from jobtrail.testing.lab import Lab
    from jobtrail.testing.recordings import Invocation, Recording, fake_agent, recording

__all__ = ["Clock", "CrashReport", "Invocation", "Lab", "Recording", "Stuck", "fake_agent", "recording"]

DATABASE = "JOBTRAIL_TEST_DATABASE_URL"
"""Names a server to test on instead of an embedded one; its role must be able to make databases."""

_HOMES = {
    "Clock": "jobtrail.store.throwaway",
    "CrashReport": "jobtrail.testing.crash",
    "Invocation": "jobtrail.testing.recordings",
    "Lab": "jobtrail.testing.lab",
    "Recording": "jobtrail.testing.recordings",
    "Stuck": "jobtrail.testing.drain",
    "fake_agent": "jobtrail.testing.recordings",
    "recording": "jobtrail.testing.recordings",
}
_SHARED_HOME = pytest.StashKey[Path]()


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`jobtrail_app = myproject.jobs:app` in pytest's settings binds these apps to the database of each test."""
    parser.addini("jobtrail_app", "the jobtrail.App objects under test, as module:attribute", type="args", default=[])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """The processes of pytest-xdist share one server: they are told where it is to lie."""
    from jobtrail.store import throwaway

    if _SHARED_HOME not in node.config.stash:
        node.config.stash[_SHARED_HOME] = throwaway.new_home()
    node.workerinput["jobtrail_test_home"] = str(node.config.stash[_SHARED_HOME])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Removes what the processes shared."""
    if _SHARED_HOME in config.stash:
        from jobtrail.store import throwaway

        throwaway.remove_home(config.stash[_SHARED_HOME])


@pytest.fixture(scope="session")
def jobtrail_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server that holds the databases of the run: an embedded one, or the one that the environment names."""
    from jobtrail.store import throwaway

    url = os.environ.get(DATABASE)
    shared: str | None = getattr(request.config, "workerinput", {}).get("jobtrail_test_home")
    if url:
        with throwaway.given_server(url) as server:
            yield server
        return
    home = Path(shared) if shared else throwaway.new_home()
    try:
        with throwaway.own_server(home) as server:
            yield server
    finally:
        if not shared:
            throwaway.remove_home(home)


@pytest.fixture(name="jobtrail")
def _jobtrail(
    jobtrail_server: Server, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Lab]:
    """A database of the test's own, and what can be done with the jobs in it."""
    from jobtrail.testing.lab import Lab

    database = jobtrail_server.create()
    try:
        monkeypatch.setenv("JOBTRAIL_DATABASE_URL", database.app_url)  # nothing that a test does may reach another one
        with Lab(database, tmp_path / "jobtrail") as lab:
            lab.use(*_apps(request.config))
            yield lab
    finally:
        jobtrail_server.drop(database)


@pytest.fixture
def clock(jobtrail: Lab) -> Clock:
    """The database's clock, stopped: time passes when the test says so."""
    jobtrail.clock.freeze()
    return jobtrail.clock


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tells, beside a failed test, what became of its jobs."""
    report = yield
    if report.when == "call" and report.failed:
        lab: Any = getattr(item, "funcargs", {}).get("jobtrail")
        if hasattr(lab, "story"):
            try:
                told = lab.story()
            except Exception as error:  # noqa: BLE001  the test's own failure must be told, whatever this one is
                told = f"cannot be read: {error}"
            report.sections.append(("Jobs of this test", told))
    return report


def _apps(config: pytest.Config) -> list[App]:
    from jobtrail.testing.bench import load_app

    named: list[str] = config.getini("jobtrail_app") or os.environ.get("JOBTRAIL_APP", "").split()
    return [load_app(name) for name in named]
