"""What the tests of the embedded server share: a home, other commands that use it, and how to wait and ask."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg

from jobtrail.store import binaries, embedded

KINDS = {found.source: found for found in reversed(list(binaries.candidates()))}
QUICK = {"fsync": "off", "shared_buffers": "16MB"}
USER = """
import sys
from pathlib import Path
from jobtrail.store import embedded
server = embedded.start(Path(sys.argv[1]), settings={"fsync": "off", "shared_buffers": "16MB"})
print(server.pid, server.started_here, flush=True)
sys.stdin.readline()
embedded.stop(server)
"""


@contextmanager
def a_home(like: Path | None = None) -> Iterator[Path]:
    """A home that any account can reach, unlike pytest's own directories; whatever runs there is ended.

    It does not exist yet, or is a copy of one that was used before: that saves the time of making a database.
    """
    root = Path(tempfile.mkdtemp(prefix="jt-")).resolve()
    root.chmod(0o755)
    home = root / ".jobtrail"
    try:
        if like is not None:
            subprocess.run(["cp", "-a", str(like), str(home)], check=True)
        yield home
        embedded.stop_now(home)
    finally:
        shutil.rmtree(root)


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    never = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        never.wait(0.01)
    raise AssertionError("it did not happen")


def ended(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


class Command:
    """Another process that uses the server until it is told to leave."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def server(self) -> tuple[int, bool]:
        assert self.process.stdout is not None
        pid, started_here = self.process.stdout.readline().split()
        return int(pid), started_here == "True"

    def leave(self) -> int:
        self.process.communicate("\n", timeout=60)
        return self.process.returncode

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=60)


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, connect_timeout=30) as conn:
        return conn.execute(query.encode()).fetchall()


def do(url: str, statement: str) -> None:
    with psycopg.connect(url, connect_timeout=30, autocommit=True) as conn:
        conn.execute(statement.encode())


def setting(url: str, name: str) -> str:
    with psycopg.connect(url) as conn:
        found = conn.execute("select current_setting(%s)", (name,)).fetchone()
    assert found is not None
    return str(found[0])
