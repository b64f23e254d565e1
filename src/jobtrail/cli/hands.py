"""Worker processes that other commands start: how they are called, what they inherit, and how they are ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jobtrail.cli.place import Place
from jobtrail.core.config import Config

_LAST_PATIENCE: Final = 3.0


@dataclass(slots=True)
class Hand:
    """One worker process, in a session of its own so that Ctrl-C in the terminal reaches only us."""

    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def ended(self) -> int | None:
        """How it ended, negative for a signal; None while it runs."""
        return self.process.poll()

    def tell(self, number: int) -> None:
        """Sends a signal, if it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(number)


def start(here: Place, app: str | None, *more: str, log: Path | None = None) -> Hand:
    """Starts a worker process for this place. What it says goes to our terminal, or to the end of a file."""
    argv = worker_argv(app, *more, parent=os.getpid())
    env = environment(here.config, url=here.url)
    with contextlib.ExitStack() as stack:
        out = None if log is None else stack.enter_context(log.open("ab"))
        process = subprocess.Popen(
            argv, env=env, start_new_session=True, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    return Hand(process)


def end(hands: list[Hand], patience: float, *, hurry: threading.Event | None = None) -> None:
    """Drains them all, and waits. When the time is over or `hurry` is set they are told again, then killed.

    The second word is another signal: two of the same could become one in a process that is slow to hear them.
    """
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGINT, _LAST_PATIENCE), (signal.SIGKILL, None)):
        for hand in hands:
            hand.tell(number)
        deadline = None if seconds is None else time.monotonic() + seconds
        for hand in hands:
            while hand.ended() is None and (deadline is None or time.monotonic() < deadline):
                if number == signal.SIGTERM and hurry is not None and hurry.is_set():
                    break
                _wait(hand, 0.05)
        if all(hand.ended() is not None for hand in hands):
            return


def worker_argv(app: str | None, *more: str, parent: int) -> list[str]:
    """The command line of a worker that ends with its parent."""
    named = [app] if app else []
    return [sys.executable, "-m", "jobtrail", "worker", "start", *named, *more, "--while-parent", str(parent)]


def environment(config: Config, *, url: str | None = None) -> dict[str, str]:
    """Ours, with the settings of our command line: a worker process reads them from there."""
    return {
        **os.environ,
        "JOBTRAIL_DATABASE_URL": url or config.database_url or "",
        "JOBTRAIL_HOME": str(config.home),
        "JOBTRAIL_WORKSPACE": config.workspace,
        "PYTHONUNBUFFERED": "1",
    }


def leave_if_threads_hang() -> None:
    """Ends this process now if code of a job still sits in a thread: Python would wait for it for ever."""
    if any(thread.name.startswith("jobtrail-job") and _busy(thread) for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _busy(thread: threading.Thread) -> bool:
    """Whether it runs something rather than waits for work."""
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001  the only way to look into a thread
    return frame is not None and frame.f_code.co_name != "_worker"


def _wait(hand: Hand, seconds: float) -> None:
    try:
        hand.process.wait(seconds)
    except subprocess.TimeoutExpired:
        return
