"""What a job's code prints or logs with the standard library goes to the job's log, and still to the terminal's."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TextIO

from jobtrail.core.status import LogLevel, LogSource
from jobtrail.runners.context import current
from jobtrail.runners.protocol import LogLine

_LEVELS: Final = {
    logging.DEBUG: LogLevel.DEBUG,
    logging.INFO: LogLevel.INFO,
    logging.WARNING: LogLevel.WARN,
    logging.ERROR: LogLevel.ERROR,
    logging.CRITICAL: LogLevel.FATAL,
}


class _Printed:
    """Stands for stdout or stderr while the worker runs. Text printed outside a job passes through."""

    def __init__(self, stream: TextIO, source: LogSource) -> None:
        self._stream, self._source = stream, source

    def write(self, text: str) -> int:
        context = current.get(None)
        if context is None:
            return self._stream.write(text)
        for line in text.splitlines():
            if line.strip():
                context.write(LogLine(line, LogLevel.INFO, self._source))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Logged(logging.Handler):
    """Hands records of the standard library's logging to the job whose code made them."""

    def emit(self, record: logging.LogRecord) -> None:
        context = current.get(None)
        if context is None or record.name.startswith("jobtrail."):
            return
        level = _LEVELS.get(record.levelno, LogLevel.INFO)
        message = self.format(record)
        context.write(LogLine(message, level, LogSource.USER, component=record.name))


@contextmanager
def captured() -> Iterator[None]:
    """Captures prints and logging of jobs while it is open."""
    handler = _Logged()
    out, err = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Printed(out, LogSource.STDOUT), _Printed(err, LogSource.STDERR)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        sys.stdout, sys.stderr = out, err
