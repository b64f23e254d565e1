"""Somebody who sits at a terminal: what a command shows there, and the keys that they press. A browser of theirs writes down
what it was to open."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cli.terminal import SECONDS, Terminal, until

_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
_BEGIN: Final = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "jobtrail", *sys.argv[1:]])
"""
"""Makes the terminal the command's own, so that Ctrl-C reaches it as from a keyboard."""


class Seat:
    """A command at a terminal."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int, opened: Path) -> None:
        self.process, self._terminal, self._opened = process, terminal, opened
        self._text = ""
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def text(self) -> str:
        """All that was shown, without what moves the cursor."""
        return _ESCAPES.sub("", self._text).replace("\r", "")

    def shows(self, text: str) -> str:
        """Waits until it has shown something; answers the line."""
        with self._news:
            assert self._news.wait_for(lambda: text in self.text, SECONDS), f"never showed {text!r}: {self.text}"
        return next(line for line in self.text.splitlines() if text in line)

    def press(self, keys: str) -> None:
        """Types."""
        os.write(self._terminal, keys.encode())

    def opened(self) -> str:
        """What the browser was told to open, once it was."""
        until(lambda: self._opened.exists() and self._opened.read_text().endswith("\n"))
        return self._opened.read_text().strip()

    def ends(self) -> int:
        """Waits for the end; answers the exit code."""
        code = self.process.wait(SECONDS)
        self._reader.join()
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._reader.join()
        os.close(self._terminal)

    def _read(self) -> None:
        while True:
            try:
                some = os.read(self._terminal, 65_536)
            except OSError:  # the last one that had it open has closed it
                return
            with self._news:
                self._text += some.decode(errors="replace")
                self._news.notify_all()


@contextmanager
def sitting(own: Terminal, *argv: str, **environment: str) -> Iterator[Seat]:
    """A command with somebody before it, and a browser."""
    opened = own.folder / "opened"
    browser = own.write("browser", f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _BEGIN, *argv], cwd=own.folder, stdin=theirs, stdout=theirs, stderr=theirs,
        env=own.environment | {"TERM": "xterm", "COLUMNS": "140", "BROWSER": str(browser)} | environment,
    )  # fmt: skip
    os.close(theirs)
    seat = Seat(process, ours, opened)
    try:
        yield seat
    finally:
        seat.close()
