"""The plugin as a project has it: in a pytest of its own, with its settings, in several processes, on a given server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from database import TestServer
from psycopg import sql
from psycopg.conninfo import make_conninfo

from jobtrail.core.errors import Misconfigured
from jobtrail.store.throwaway import given_server

pytestmark = pytest.mark.timeout(300)
SECONDS = 280
UNUSED = ("cacheprovider", "schemathesis", "anyio")
"""Plugins that a project may have and these need not: their start is most of what a small run takes."""

EXAMPLES = Path(__file__).parents[2] / "examples"

APP = """
import jobtrail as jt
app = jt.App()

@app.job("add")
def add(a: int, b: int) -> int:
    return a + b

@app.job("fails", retry=1)
def fails() -> None:
    raise ValueError("the reason")
"""

TESTS = """
import os
import pytest
from calc import add, fails

@pytest.mark.parametrize("n", range(6))
def test_add(jobtrail, n):
    job = add.enqueue(a=n, b=1)
    jobtrail.drain()
    assert job.result() == n + 1
    assert len(jobtrail.jobs()) == 1
    print("server", jobtrail.database.app_url.split("host=")[1].split()[0])
"""


Pytest = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "calc.py").write_text(APP)
    (tmp_path / "test_calc.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\njobtrail_app = calc:app\npythonpath = .\n")
    return tmp_path


@pytest.fixture
def run(project: Path) -> Pytest:
    def run(*args: str, folder: Path = project, **env: str) -> subprocess.CompletedProcess[str]:
        usual = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "JOBTRAIL_"))}
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *(f"-pno:{plugin}" for plugin in UNUSED), *args],
            cwd=folder,
            env={**usual, "PYTHONDONTWRITEBYTECODE": "1", **env},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    return run


def servers(done: subprocess.CompletedProcess[str]) -> set[Path]:
    """The directories of the servers that the tests of a run used, as they told."""
    return {Path(line.removeprefix("server ")) for line in done.stdout.splitlines() if line.startswith("server ")}


def test_a_test_needs_nothing_but_the_fixture(run: Pytest) -> None:
    done = run("-rP")
    assert "6 passed" in done.stdout, done.stdout + done.stderr
    assert [server.exists() for server in servers(done)] == [False]


def test_processes_of_one_run_share_a_server_and_no_database(run: Pytest) -> None:
    done = run("-n", "3", "-rP")
    assert "6 passed" in done.stdout, done.stdout + done.stderr
    assert [server.exists() for server in servers(done)] == [False]


def test_a_failed_test_tells_of_its_jobs(run: Pytest, project: Path) -> None:
    (project / "test_fails.py").write_text(
        "from calc import fails\n"
        "def test_fails(jobtrail):\n"
        "    job = fails.enqueue()\n"
        "    jobtrail.drain()\n"
        "    assert jobtrail.job(job).status == 'COMPLETED'\n"
    )
    done = run("test_fails.py")
    assert "1 failed" in done.stdout
    told = done.stdout.partition("Jobs of this test")[2]
    assert "FAILED. It failed: ValueError: the reason." in told
    assert 'raise ValueError("the reason")' in told


def test_a_run_without_such_tests_starts_nothing(run: Pytest, project: Path) -> None:
    (project / "test_other.py").write_text("def test_nothing(): pass\n")
    begin = f"import sys; sys.path.insert(0, {str(project)!r})\n"
    (project / "conftest.py").write_text(
        begin + "def pytest_unconfigure():\n"
        "    import sys\n"
        "    print('loaded:', [m for m in sys.modules if m in ('jobtrail.testing.lab', 'jobtrail.store.throwaway')])\n"
    )
    done = run("test_other.py", "-s")
    assert "1 passed" in done.stdout and "loaded: []" in done.stdout


def test_an_app_that_is_not_there_is_told(run: Pytest, project: Path) -> None:
    (project / "pytest.ini").write_text("[pytest]\njobtrail_app = calc:nothing\npythonpath = .\n")
    done = run("-k", "0")
    assert "'calc:nothing' is not a jobtrail.App" in done.stdout


def role(server: TestServer, name: str, rights: str) -> str:
    """A role of the test server that may do this; answers its URL."""
    with closing(psycopg.connect(server.server.admin_url, autocommit=True)) as admin:
        admin.execute(sql.SQL(f"create role {name} login password 'pw' {rights}"))
        admin.execute(sql.SQL(f"grant connect on database postgres to {name}"))
    return make_conninfo(server.server.admin_url, user=name, password="pw", dbname="postgres")


def databases_and_roles(server: TestServer) -> set[str]:
    with closing(psycopg.connect(server.server.admin_url, autocommit=True)) as admin:
        rows = admin.execute("select datname from pg_database union all select rolname from pg_roles").fetchall()
    return {name for (name,) in rows if name.startswith("jobtrail_test_")}


@pytest.mark.parametrize("rights", ["superuser", "createdb"])
def test_a_given_server_is_used_and_left_as_it_was(run: Pytest, database_server: TestServer, rights: str) -> None:
    url = role(database_server, f"tester_{rights}", rights)
    before = databases_and_roles(database_server)
    done = run("-n", "2", JOBTRAIL_TEST_DATABASE_URL=url)
    assert "6 passed" in done.stdout, done.stdout + done.stderr
    assert databases_and_roles(database_server) == before


def test_a_role_that_may_not_make_databases_is_told_what_to_do(database_server: TestServer) -> None:
    url = role(database_server, "tester_nothing", "nocreatedb")
    with pytest.raises(Misconfigured, match=r"alter role tester_nothing createdb"), given_server(url):
        pass


@pytest.mark.parametrize("example", ["orders", "agent"])
def test_the_examples_pass_as_they_stand(run: Pytest, example: str) -> None:
    done = run(folder=EXAMPLES / example)
    assert done.returncode == 0, done.stdout + done.stderr
