"""A process that outlives a killed worker for a moment and ends what the worker can no longer end.

The kernel kills the first process of each command with its worker, but not what that one started. One warden per worker
sees the worker's end at once and sweeps by the worker's mark. It runs no code but this and ignores polite signals.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time

from jobtrail.process.census import exit_handle
from jobtrail.process.sweep import sweep

POLL_SECONDS = 0.2


class Warden:
    """Watches this process from now on, for what carries this worker's mark. Close it at an orderly end."""

    def __init__(self, worker: str) -> None:
        if not worker:
            raise ValueError("a warden needs the worker's id: it finds what to end by it")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "jobtrail.process.warden", worker, str(os.getpid())],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Its process; it is no job's, so a sweep by attempt spares it."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether it still watches; a worker starts another one if not."""
        return self._process.poll() is None

    def close(self) -> None:
        """The worker has ended its processes itself."""
        self._process.kill()
        self._process.wait()


def watch(worker: str, parent: int) -> int:
    """Wait for the end of the worker's process, then sweep what it left; how many processes that was."""
    _wait_for_end(parent)
    return sweep(worker)


def _wait_for_end(parent: int) -> None:
    try:
        handle = exit_handle(parent)
    except ProcessLookupError:
        return
    if handle is None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        return
    if os.getppid() == parent:  # else it ended before the handle was made, and that may be another process by now
        select.select([handle], [], [])


def main() -> None:
    """`python -m jobtrail.process.warden WORKER PARENT`, started by the worker."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    worker, parent = sys.argv[1], int(sys.argv[2])
    killed = watch(worker, parent)
    if killed:
        print(  # noqa: T201  (the one line that this process has to say)
            f"worker {worker} ended without stopping its processes: {killed} killed", file=sys.stderr
        )


if __name__ == "__main__":
    main()
