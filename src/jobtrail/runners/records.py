"""Records of the standard library's logging go to the job whose code made them. Our own records never do."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from jobtrail.core.status import LogLevel, LogSource
from jobtrail.runners.context import current
from jobtrail.runners.protocol import LogLine

_LEVELS: Final = (
    (logging.CRITICAL, LogLevel.FATAL),
    (logging.ERROR, LogLevel.ERROR),
    (logging.WARNING, LogLevel.WARN),
    (logging.INFO, LogLevel.INFO),
)


class _Records(logging.Handler):
    """Hands a record to the job that it belongs to; others pass."""

    def emit(self, record: logging.LogRecord) -> None:
        context = current.get(None)
        if context is None or record.name.partition(".")[0] == "jobtrail":
            _as_without_us(self, record)
            return
        try:
            message = self.format(record)
        except Exception:  # noqa: BLE001  arguments that do not fit the message, or a stranger's repr
            self.handleError(record)
            return
        context.write(LogLine(message, level_of(record.levelno), LogSource.USER, component=record.name))


@contextmanager
def captured() -> Iterator[None]:
    """Captures records of jobs while it is open. Where nobody has set logging up, INFO and above."""
    root, handler = logging.getLogger(), _Records()
    untouched = not root.handlers and root.level == logging.WARNING
    root.addHandler(handler)
    if untouched:
        root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        if untouched and root.level == logging.INFO:
            root.setLevel(logging.WARNING)


def level_of(number: int) -> LogLevel:
    """Our level for one of the standard library's, which may lie between two."""
    return next((level for least, level in _LEVELS if number >= least), LogLevel.DEBUG)


def _as_without_us(handler: logging.Handler, record: logging.LogRecord) -> None:
    """Python writes warnings to stderr when no handler is there; ours must not be the reason that it does not."""
    last = logging.lastResort
    if logging.getLogger().handlers == [handler] and last is not None and record.levelno >= last.level:
        last.handle(record)
