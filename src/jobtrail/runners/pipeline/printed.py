"""What one command prints, on its way into the log: secrets hidden first, then split into lines. Nothing is kept but ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from jobtrail.core.redact import Redactor
from jobtrail.core.status import LogSource
from jobtrail.process.lines import Line, LineSplitter
from jobtrail.process.supervise import Source
from jobtrail.runners.protocol import LogLine

TAIL_LINES = 20
TAIL_LINE_CHARACTERS = 400
LAST_LINE_CHARACTERS = 64 * 1024


class Printed:
    """Takes the chunks of both streams, in the order in which they come, and gives lines to the log."""

    def __init__(self, component: str, secrets: Iterable[str], log: Callable[[LogLine], None]) -> None:
        self._component = component
        self._log = log
        values = list(secrets)
        self._streams = {source: (Redactor(values), LineSplitter(source)) for source in Source}
        self._tails: dict[Source, deque[str]] = {source: deque(maxlen=TAIL_LINES) for source in Source}
        self._parts = ""
        self._last = ""

    def take(self, source: Source, data: bytes) -> None:
        """The next bytes of one stream."""
        redactor, splitter = self._streams[source]
        self._write(splitter.feed(redactor.feed(data)))

    def end(self) -> None:
        """The streams have ended: whatever was held back goes out."""
        for redactor, splitter in self._streams.values():
            self._write(splitter.feed(redactor.flush()))
            self._write(splitter.flush())

    @property
    def tail(self) -> list[str]:
        """The last lines of stderr; of stdout, if there was nothing else."""
        return list(self._tails[Source.STDERR] or self._tails[Source.STDOUT])

    @property
    def last_line(self) -> str | None:
        """The last line of stdout that is not blank; None if it is longer than we remember."""
        return self._last if len(self._last) <= LAST_LINE_CHARACTERS else None

    def _write(self, lines: list[Line]) -> None:
        for line in lines:
            if line.text.strip():
                self._tails[line.source].append(line.shown[:TAIL_LINE_CHARACTERS])
            if line.source is Source.STDOUT:
                self._remember(line)
            self._log(LogLine(line.shown, source=LogSource(line.source.value), component=self._component))

    def _remember(self, line: Line) -> None:
        if len(self._parts) <= LAST_LINE_CHARACTERS:
            self._parts += line.text
        if not line.more:
            self._last = self._parts if self._parts.strip() else self._last
            self._parts = ""
