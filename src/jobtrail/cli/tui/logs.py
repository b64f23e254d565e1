"""The screen of a log: its end first, what comes, what was before when one scrolls up, and a search in what was read."""

from __future__ import annotations

import re
from functools import partial
from typing import ClassVar, Final
from uuid import UUID

from textual.binding import Binding, BindingType
from textual.widget import Widget

from jobtrail.cli.tui import tailing
from jobtrail.cli.tui.frame import Plan, Seen
from jobtrail.cli.tui.on_jobs import OnJobs
from jobtrail.cli.tui.painted import Lines
from jobtrail.cli.tui.spans import INSIDE, Line, safe
from jobtrail.client import JobsClient
from jobtrail.core.ids import short
from jobtrail.core.loglines import LogLine
from jobtrail.core.model import Job
from jobtrail.core.status import LogLevel

_PAGE: Final = 500
_MOST: Final = 20_000
_WRONG: Final = {LogLevel.ERROR, LogLevel.FATAL}


class LogsScreen(OnJobs):
    """A log that is followed until one scrolls up."""

    hints = (("f", "follow"), ("/", "search"), ("n/N", "next"), ("E", "next error"), ("↑↓←→", "scroll"), ("y", "copy id"),
             ("Y", "as command"), ("Esc", "back"))  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "next(1)", show=False),
        Binding("N", "next(-1)", show=False),
        Binding("E", "next_error", show=False),
        Binding("f", "follow", show=False),
        Binding("l", "none", show=False),
    ]

    def __init__(self, job_id: UUID, job: Job | None = None) -> None:
        super().__init__()
        self._job_id, self._job = job_id, job
        self.lines = Lines([(("reading …", "dim"),)])
        self._lines: list[LogLine] = []
        self._follows, self._read_once = True, False
        self._behind = 0
        self._sought = ""
        self._hits: list[int] = []
        self._at = -1

    def body(self) -> Widget:
        return self.lines

    def plan(self) -> Plan:
        if not self._read_once:
            return self._read_end
        first = self._lines[0].number if self._lines else 1
        if first > 1 and self.lines.scroll_y < 1 and not self._follows and len(self._lines) < _MOST:
            return partial(self._read_before, first)
        return partial(self._read_new, self._lines[-1].number + 1 if self._lines else 1)

    def _read_end(self, client: JobsClient) -> Seen:
        last = tailing.last_number(client, self._job_id)
        start = max(1, last - _PAGE + 1)
        return partial(self._show_end, tailing.lines_from(client, self._job_id, start, _PAGE))

    def _read_before(self, first: int, client: JobsClient) -> Seen:
        lines = tailing.lines_from(client, self._job_id, max(1, first - _PAGE), _PAGE)
        return partial(self._show_before, [line for line in lines if line.number < first])

    def _read_new(self, number: int, client: JobsClient) -> Seen:
        return partial(self._show_new, tailing.lines_from(client, self._job_id, number, _PAGE * 4))

    def _show_end(self, found: list[LogLine]) -> None:
        self._read_once, self._lines = True, found
        self._draw()

    def _show_before(self, found: list[LogLine]) -> None:
        top = self.lines.top
        self._lines = found + self._lines
        self._draw()
        self.lines.scroll_to(y=top + len(found), animate=False)

    def _show_new(self, found: list[LogLine]) -> None:
        if found:
            self._behind = 0 if self._follows else self._behind + len(found)
            if self._lines and len(self._lines) + len(found) <= _MOST:
                self._append(found)
            else:
                self._renew(found)
        elif not self._follows and self.lines.at_end:
            self._behind = 0
        self.tell()

    def _append(self, found: list[LogLine]) -> None:
        """What came is added, and nothing else is drawn anew."""
        start = len(self._lines)
        self._lines += found
        new = range(start, len(self._lines))
        self._hits += [number for number in new if self._found(tailing.text_of(self._lines[number]))]
        self.lines.add([self._marked(number) for number in new])
        if self._follows:
            self.call_after_refresh(self.lines.action_bottom)

    def _renew(self, found: list[LogLine]) -> None:
        """The same where the oldest lines have to go, a quarter of them at once."""
        before, all_of_them = self.lines.top, self._lines + found
        dropped = max(len(all_of_them) - _MOST * 3 // 4, 0) if len(all_of_them) > _MOST else 0
        self._lines = all_of_them[dropped:]
        self._draw()
        if dropped and not self._follows:
            self.lines.scroll_to(y=max(before - dropped, 0), animate=False)

    def _draw(self) -> None:
        self._find()
        if self._lines:
            self.lines.show_lines([self._marked(number) for number in range(len(self._lines))])
        else:
            self.lines.show_lines([(("nothing was printed or written yet", "dim"),)])
        if self._follows:
            self.call_after_refresh(self.lines.action_bottom)
        self.tell()

    def _find(self) -> None:
        self._hits = [number for number, line in enumerate(self._lines) if self._found(tailing.text_of(line))]

    def _found(self, text: str) -> re.Match[str] | None:
        return re.search(re.escape(self._sought), text, re.IGNORECASE) if self._sought else None

    def _marked(self, number: int) -> Line:
        """A line, with what is sought in it standing out."""
        *before, (text, how) = tailing.shown(self._lines[number])
        found = self._found(text)
        if found is None:
            return (*before, (text, how))
        if 0 <= self._at < len(self._hits) and self._hits[self._at] == number:
            before[0] = (before[0][0], "found")
        return (*before, (text[: found.start()], how), (found[0], "found"), (text[found.end() :], how))

    def crumbs(self) -> Line:
        named = safe(self._job.title or self._job.type, 40) if self._job is not None else ""
        return ((self.top.tab, "strong"), INSIDE, (f"{short(self._job_id)} ", "key"), (named, ""), INSIDE,
                ("log", "strong"))  # fmt: skip

    def aside_of_crumbs(self) -> Line:
        parts: list[tuple[str, str]] = []
        if self._sought:
            where = f"{self._at + 1} of {len(self._hits)}" if self._hits else "none"
            parts.append((f"“{safe(self._sought, 20)}” {where}  ", "new"))
        parts.append(
            ("● follows  ", "ok") if self._follows else (f"↓ {self._behind} new  ", "warn" if self._behind else "dim")
        )
        if self._lines:
            parts.append((f"lines {self._lines[0].number} to {self._lines[-1].number}", "dim"))
        return tuple(parts)

    def twin(self) -> str:
        return f"jobtrail job logs {self._job_id} --follow" if self._follows else f"jobtrail job logs {self._job_id}"

    def copied(self) -> str | None:
        return str(self._job_id)

    def meant(self) -> list[UUID]:
        return [self._job_id]

    def job(self, job_id: UUID) -> Job | None:
        return self._job

    def on_lines_went_up(self) -> None:
        """Who scrolls back wants to read."""
        self._follows = False
        self.tell()

    def on_resize(self) -> None:
        """Another height, the same end."""
        super().on_resize()
        if self._follows:
            self.call_after_refresh(self.lines.action_bottom)

    def action_follow(self) -> None:
        """Goes along with the end, or stays."""
        self._follows = not self._follows
        if self._follows:
            self._behind = 0
            self.lines.action_bottom()
        self.tell()

    def find(self) -> None:
        """Asks what to look for, in the lines that were read."""
        self.prompt.open("/", self._sought, self.seek)

    def seek(self, text: str) -> None:
        """Finds a text, from the end on."""
        self._sought, self._follows = text, self._follows and not text
        self._draw()
        self._at = len(self._hits)
        self.action_next(-1)

    def action_next(self, by: int) -> None:
        """The next hit, or the one before."""
        if self._hits:
            before = self._hits[min(self._at, len(self._hits) - 1)]
            self._at = (self._at + by) % len(self._hits)
            self._to(self._hits[self._at])
            for number in (before, self._hits[self._at]):
                self.lines.put(number, self._marked(number))
        self.tell()

    def action_next_error(self) -> None:
        """The next line that tells of an error, from the top of the screen on; after the last the first."""
        wrong = [number for number, line in enumerate(self._lines) if line.level in _WRONG]
        if wrong:
            here = self.lines.top + self.size.height // 3
            self._to(next((number for number in wrong if number > here), wrong[0]))
        else:
            self.say("no line that was read tells of an error")

    def _to(self, number: int) -> None:
        self._follows = False
        self.lines.scroll_to(y=max(number - self.size.height // 3, 0), animate=False)
        self.tell()

    def action_none(self) -> None:
        """This is the log already."""
