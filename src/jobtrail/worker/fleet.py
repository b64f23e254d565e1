"""Several worker processes under one parent: started, replaced when they die, told to drain when the parent is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Mapping, Sequence

from jobtrail.worker.pause import until

log = logging.getLogger("jobtrail.fleet")

_QUICK_DEATH_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 10.0


class Fleet:
    """Keeps `count` processes of `argv` alive until it is stopped. Siblings rescue what a dead one held."""

    def __init__(self, argv: Sequence[str], count: int, environment: Mapping[str, str] | None = None) -> None:
        self._argv, self._count, self._environment = list(argv), count, environment
        self._stopping = asyncio.Event()
        self.processes: dict[int, asyncio.subprocess.Process] = {}

    async def run(self) -> int:
        """Runs until `stop` and the end of all; answers 0, or the worst exit code of those that did not drain well."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        codes = await asyncio.gather(*(self._keep(place) for place in range(self._count)))
        return max((abs(code) for code in codes), default=0)

    def stop(self) -> None:
        """Tells every process to drain; called again, to stop at once."""
        self._stopping.set()
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)

    async def _keep(self, place: int) -> int:
        pause = 0.0
        while True:
            began = time.monotonic()
            process = await asyncio.create_subprocess_exec(*self._argv, env=self._environment, start_new_session=True)
            self.processes[place] = process
            log.info("worker process %d: pid %d", place + 1, process.pid)
            if self._stopping.is_set():
                process.send_signal(signal.SIGTERM)
            code = await process.wait()
            del self.processes[place]
            if self._stopping.is_set():
                return code
            short = time.monotonic() - began < _QUICK_DEATH_SECONDS
            pause = min(max(pause * 2, 0.25), _LONGEST_PAUSE_SECONDS) if short else 0.0
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            log.warning("worker process %d (pid %d) ended by %s; starting another", place + 1, process.pid, how)
            if await until(self._stopping, pause):
                return code
