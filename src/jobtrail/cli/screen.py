"""How a job that is followed looks: lines where nobody looks, a picture that moves on a terminal, JSON for programs."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Final, Protocol, Self, TextIO

from jobtrail.cli import saying, show, words
from jobtrail.cli.flags import Flags
from jobtrail.cli.follow import View
from jobtrail.core.ids import short
from jobtrail.core.loglines import LogLine
from jobtrail.core.status import LogLevel, LogSource, StepStatus

_CHANGING: Final = re.compile(r"[0-9.:]+")
_LOUD: Final = {LogLevel.WARN, LogLevel.ERROR, LogLevel.FATAL}
_RAW: Final = "raw"
"""The detail that holds a line as a program wrote it; its message says it in words, and `-o jsonl` shows both."""


class Screen(Protocol):
    """Where views go, one after the other. A context: leaving it leaves the terminal as it was."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def see(self, view: View) -> None:
        """Shows what is new."""

    def say(self, line: str) -> None:
        """Shows a line beside it, from any thread."""


def screen(flags: Flags, *, data: bool) -> Screen:
    """The screen that suits. `data`: what is followed is what was asked for, so it goes to stdout."""
    if flags.output == "jsonl":
        return Stream()
    out = sys.stdout if data and flags.output != "json" else sys.stderr
    if out.isatty() and sys.stderr.isatty() and flags.progress:
        return Moving(flags, out, None if sys.stdout.isatty() else sys.stdout)
    return Lines(out, sys.stdout if flags.output != "json" else sys.stderr)


class Lines:
    """A line for each event and each line of the log; what the job printed goes to `printed`."""

    def __init__(self, out: TextIO, printed: TextIO) -> None:
        self._out, self._printed = out, printed
        self._explained = ""
        self._ended = 0  # the version at which it was last told that it had ended

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.flush()

    def see(self, view: View) -> None:
        """Events and lines in the order of their times; at the end, how it ended."""
        for said in _in_order(view):
            if isinstance(said, LogLine):
                stream = self._printed if said.source == LogSource.STDOUT else self._out
                text = log_text(said)
                print(words.harmless(text) if stream.isatty() else text, file=stream, flush=True)
            else:
                print(said, file=self._out, flush=True)
        without_numbers = _CHANGING.sub("", view.why or "")
        if view.why and without_numbers != self._explained:
            print(f"  … {view.why}", file=self._out, flush=True)
            self._explained = without_numbers
        if view.ended and view.job.version != self._ended:
            print(saying.of_end(view), file=self._out, flush=True)
            self._ended = view.job.version

    def say(self, line: str) -> None:
        print(line, file=self._out, flush=True)


class Stream:
    """One JSON object a line on stdout: `event`, `log`, and at the end `job`."""

    def __init__(self) -> None:
        self._ended = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stdout.flush()

    def see(self, view: View) -> None:
        """What is new, events first."""
        for event in view.events:
            show.line({"event": show.plain(event)})
        for line in view.lines:
            show.line({"log": show.plain(line)})
        if view.ended and view.job.version != self._ended:
            show.line({"job": show.plain(view.job)})
            self._ended = view.job.version

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


class Moving:
    """A picture of the job at the bottom of the terminal, redrawn at each look; log lines scroll above it.

    `printed`: where lines go that the job printed, when stdout is not the terminal.
    """

    def __init__(self, flags: Flags, out: TextIO, printed: TextIO | None) -> None:
        from rich.console import Console
        from rich.live import Live

        self._printed = printed
        self._console = Console(file=out, no_color=not show.colored(flags), highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def see(self, view: View) -> None:
        """Draws it anew."""
        from rich.text import Text

        for line in view.lines:
            if self._printed is not None and line.source == LogSource.STDOUT:
                print(line.message, file=self._printed, flush=True)
                continue
            style = "red" if line.level in _LOUD else ""
            self._console.print(Text(words.harmless(log_text(line)), style=style), soft_wrap=True)
        for event in view.events:
            if event.type in ("job.lost", "job.interrupted", "job.retry_scheduled", "job.retried"):
                self._console.print(Text(saying.of_event(event, view) or "", style="magenta"))
        self._live.update(_picture(view, self._console.height - 4), refresh=True)

    def say(self, line: str) -> None:
        from rich.text import Text

        self._console.print(Text(line))


def log_text(line: LogLine, *, with_level: bool = True) -> str:
    """A line of the log as people read it. What was printed stands as it was printed."""
    if line.source in (LogSource.STDOUT, LogSource.STDERR):
        return line.message
    details = ""
    if isinstance(line.details, dict) and (shown := {k: v for k, v in line.details.items() if k != _RAW}):
        details = "  " + " ".join(f"{key}={_brief(value)}" for key, value in shown.items())
    level = f"{line.level}: " if with_level and line.level in _LOUD else ""
    return f"{level}{line.message}{details}"


def _in_order(view: View) -> Iterable[str | LogLine]:
    told = [(event.at, saying.of_event(event, view)) for event in view.events]
    found: list[tuple[Any, str | LogLine]] = [(at, text) for at, text in told if text is not None]
    found += [(line.at, line) for line in view.lines]
    return [said for _, said in sorted(found, key=lambda pair: pair[0])]


def _picture(view: View, room: int) -> Any:
    from rich.console import Group
    from rich.text import Text

    job = view.job
    head = Text(f"{short(job.id)} {job.type}")
    if job.title:
        head.append(f'  "{words.one_line(job.title, 60)}"')
    lines = [head]
    shown = view.steps[-max(room - 4, 3) :]
    if len(shown) < len(view.steps):
        lines.append(Text(f"  … {words.counted(len(view.steps) - len(shown), 'earlier step')}", style="dim"))
    width = max((len(words.one_line(step.name, 50)) for step in shown), default=0)
    for step in shown:
        end = step.completed_at if step.status != StepStatus.RUNNING else None
        took = words.length(words.between(step.started_at, end or view.now)) if step.started_at else ""
        error = f"  {words.one_line(step.error_message, 60)}" if step.status == StepStatus.FAILED else ""
        line = f"  {words.glyph(step.status)} {words.one_line(step.name, 50):<{width}}  {took:>8}{error}"
        lines.append(Text(line, style=words.color(step.status), no_wrap=True, overflow="ellipsis"))
    lines += [Text(text, no_wrap=True, overflow="ellipsis") for text in _state(view)]
    return Group(*lines)


def _state(view: View) -> Iterable[str]:
    job = view.job
    if view.ended:
        yield saying.of_end(view)
        return
    stage = f"  {words.one_line(job.stage, 40)}" if job.stage else ""
    if job.progress > 0:
        yield f"  {words.bar(job.progress)} {job.progress:3.0f} %{stage}"
    where = ""
    if view.attempts and view.attempts[-1].ended_at is None:
        attempt = view.attempts[-1]
        since = words.length(words.between(attempt.started_at, view.now))
        where = f"  attempt {attempt.number} on {saying.worker_of(attempt.worker_id)}  {since}"
    yield f"{words.glyph(job.status)} {job.status}{where}{stage if job.progress <= 0 else ''}"
    if view.why:
        yield f"  {view.why}"


def _brief(value: object) -> str:
    return words.one_line(str(value), 80)
