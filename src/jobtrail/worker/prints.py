"""What a job's code prints or logs with the standard library goes to the job's log, all else where it went before."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO
from weakref import WeakKeyDictionary

from jobtrail.core.status import LogSource
from jobtrail.process.lines import Line, LineSplitter, Source
from jobtrail.runners import records
from jobtrail.runners.context import Context, current
from jobtrail.runners.protocol import LogLine


class _Printed:
    """Stands for stdout or stderr while the worker runs. Text printed outside a job passes through."""

    def __init__(self, stream: TextIO, source: Source) -> None:
        self._stream, self._source = stream, source
        self._splitters: WeakKeyDictionary[Context, LineSplitter] = WeakKeyDictionary()
        self._lock = threading.Lock()
        self.buffer = _Bytes(self)

    def write(self, text: str) -> int:
        if not self.take(text.encode("utf-8", "surrogatepass")):
            self._stream.write(text)
        return len(text)

    def take(self, data: bytes) -> bool:
        """Takes what was printed if a job's code did; its lines are logged when they are whole."""
        context = current.get(None)
        if context is None:
            return False
        with self._lock:
            splitter = self._splitters.get(context)
            if splitter is None:
                splitter = self._splitters[context] = LineSplitter(self._source)
                context.at_end.append(lambda: self._log(context, splitter.flush()))
            lines = splitter.feed(data)
        self._log(context, lines)
        return True

    def write_bytes(self, data: bytes) -> int:
        """What is written below the text, to `sys.stdout.buffer`."""
        return len(data) if self.take(data) else self._stream.buffer.write(data)

    def _log(self, context: Context, lines: list[Line]) -> None:
        for line in lines:
            context.write(LogLine(line.shown, source=LogSource(line.source.value)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Bytes:
    """The binary side of such a stream."""

    def __init__(self, printed: _Printed) -> None:
        self._printed = printed

    def write(self, data: bytes) -> int:
        return self._printed.write_bytes(bytes(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._printed._stream.buffer, name)  # noqa: SLF001  (one stream, two sides)


@contextmanager
def captured() -> Iterator[None]:
    """Captures prints and logging of jobs while it is open."""
    out, err = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Printed(out, Source.STDOUT), _Printed(err, Source.STDERR)
    try:
        with records.captured():
            yield
    finally:
        sys.stdout, sys.stderr = out, err
