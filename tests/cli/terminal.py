"""A terminal for tests: commands in this process on the test's database, and real processes where that matters."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from jobtrail.cli import main

SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """stdout as JSON."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """stdout as lines of JSON."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def cells(self) -> list[list[str]]:
        """The rows of a table in a pipe, without its head."""
        return [line.split("\t") for line in self.out.splitlines()[1:]]


@dataclass(frozen=True, slots=True)
class Terminal:
    """A folder, an environment, and a database."""

    folder: Path
    environment: dict[str, str]
    capture: pytest.CaptureFixture[str]

    def __call__(self, *argv: str) -> Ran:
        """Runs a command in this process."""
        self.capture.readouterr()
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        try:
            code = main(argv)
        finally:  # a command sets logging up for its process, and this process goes on
            root.handlers[:] = handlers
            root.setLevel(level)
        out, err = self.capture.readouterr()
        return Ran(code, out, err)

    def ok(self, *argv: str) -> Ran:
        """Runs a command that must succeed."""
        ran = self(*argv)
        assert ran.code == 0, ran
        return ran

    def process(self, *argv: str, **environment: str) -> Ran:
        """Runs a command in a process of its own, to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "jobtrail", *argv],
            cwd=self.folder,
            env=self.environment | environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def started(self, *argv: str, **environment: str) -> Iterator[Started]:
        """A command in a process of its own, which is killed at the end of the block if it still runs."""
        process = subprocess.Popen(
            [sys.executable, "-m", "jobtrail", *argv],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started = Started(process)
        try:
            yield started
        finally:
            process.kill()
            process.wait()
            started.join()

    def write(self, name: str, text: str) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.write_text(text)
        return path


class Started:
    """A command that runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.out: list[str] = []
        self.err: list[str] = []
        self._news = threading.Condition()
        self._threads = [
            threading.Thread(target=self._read, args=(stream, lines))
            for stream, lines in ((process.stdout, self.out), (process.stderr, self.err))
        ]
        for thread in self._threads:
            thread.start()

    def says(self, text: str, *, times: int = 1) -> str:
        """Waits until it has said something on stdout or stderr; answers the line."""

        def said() -> list[str]:
            return [line for line in [*self.out, *self.err] if text in line]

        with self._news:
            assert self._news.wait_for(lambda: len(said()) >= times, SECONDS), f"never said {text!r}: {self}"
            return said()[-1]

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def ends(self) -> Ran:
        """Waits for its end."""
        self.process.wait(SECONDS)
        self.join()
        return Ran(self.process.returncode, "".join(self.out), "".join(self.err))

    def join(self) -> None:
        for thread in self._threads:
            thread.join()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _read(self, stream: Any, lines: list[str]) -> None:
        for line in stream:
            with self._news:
                lines.append(line)
                self._news.notify_all()

    def __repr__(self) -> str:
        return f"stdout {self.out}, stderr {self.err}"


def until(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Waits for a condition that nothing signals."""
    never = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        never.wait(0.02)
    raise AssertionError("it did not happen")


def ended(pid: int) -> bool:
    """Whether a process is over, also when nobody has asked yet how it ended."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
