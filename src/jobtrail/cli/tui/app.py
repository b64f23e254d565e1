"""The program: its tabs, its one loop that reads what the screen on top wants, and what is known of the connection."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from textual.app import App
from textual.binding import Binding, BindingType
from textual.suggester import SuggestFromList

from jobtrail.cli import refs
from jobtrail.cli.tui import commands, counts, keys
from jobtrail.cli.tui.aside import aside
from jobtrail.cli.tui.asking import Sheet
from jobtrail.cli.tui.counts import Figures
from jobtrail.cli.tui.errors import ErrorsScreen
from jobtrail.cli.tui.frame import Framed
from jobtrail.cli.tui.gates import GatesScreen
from jobtrail.cli.tui.job import JobScreen
from jobtrail.cli.tui.jobs import JobsScreen
from jobtrail.cli.tui.logs import LogsScreen
from jobtrail.cli.tui.painted import THEMES
from jobtrail.cli.tui.queues import QueuesScreen
from jobtrail.cli.tui.spans import Line, Span, apart, fitted, lengths, safe
from jobtrail.cli.tui.workers import WorkersScreen
from jobtrail.client import JobsClient
from jobtrail.core.errors import JobtrailError, Unavailable
from jobtrail.core.model import Job

_LOOK_SECONDS: Final = 0.5
_COUNT_SECONDS: Final = 3.0
_LONGEST_PAUSE: Final = 8
_SAID_SECONDS: Final = 6.0


class Top(App[None]):
    """`jobtrail top`. `place`: what is looked at, in front of people."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "jobtrail top"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(name[0], f"go('{name}')", show=False) for name in commands.TABS),
        Binding("colon", "command", show=False, priority=True),
        Binding("slash", "find", show=False, priority=True),
        Binding("question_mark", "help", show=False),
        Binding("t", "theme", show=False),
        Binding("ctrl+c", "quit", show=False, priority=True),
    ]

    def __init__(self, client: JobsClient, place: str, search: str = "", tab: str = "jobs") -> None:
        super().__init__()
        self.client = client
        self.tab = tab
        self.fault: Exception | None = None
        """What nobody reckoned with, and ended the program."""
        self._place = place
        self._tabs: dict[str, Framed] = {
            "jobs": JobsScreen(search),
            "queues": QueuesScreen(),
            "workers": WorkersScreen(),
            "gates": GatesScreen(),
            "errors": ErrorsScreen(),
        }
        self._figures = Figures()
        self._counted = 0.0
        self._as_of: datetime | None = None
        self._retry_at: float | None = None
        self._lost = 0
        self._said: tuple[Span, float] = (("", ""), 0.0)
        self._wake = asyncio.Event()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(THEMES[0].variables)

    def on_mount(self) -> None:
        """The first screen, and the loop."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name
        for name, screen in self._tabs.items():
            self.install_screen(screen, name)
        self.push_screen(self.tab)
        self.run_worker(self._follow())

    @property
    def framed(self) -> Framed | None:
        """The screen that is looked at, under what may stand before it."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Framed)), None)

    def hurry(self) -> None:
        """Reads at once."""
        if self._retry_at is None:
            self._wake.set()

    def fail(self, error: Exception) -> None:
        """Ends with what nobody reckoned with; whoever started it says it."""
        self.fault = error
        self.exit()

    async def _follow(self) -> None:
        """Reads what the screen on top wants, at most twice a second, and again until the connection is back."""
        while True:
            self._wake.clear()
            began = time.monotonic()
            try:
                await self._look()
            except Unavailable as error:
                self._lost += 1
                if self.framed is not None:
                    self.framed.wrong = error
                await self._pause(min(2 ** (self._lost - 1), _LONGEST_PAUSE))
                continue
            except Exception as error:  # noqa: BLE001  it ends the program, which then says it
                self.fail(error)
                return
            if not self.is_running:
                return
            if self._lost and self.framed is not None:
                self.framed.wrong = None
            self._lost, self._as_of = 0, datetime.now().astimezone()
            self._tell()
            await self._rest(began)

    async def _look(self) -> None:
        screen = self.framed
        if screen is not None and screen.ready:
            turn, plan = screen.turn, screen.plan()
            try:
                seen = await aside(lambda: plan(self.client))
            except Unavailable:
                raise
            except JobtrailError as error:
                screen.wrong = error
            else:
                if turn == screen.turn and screen.is_attached:
                    screen.wrong = None
                    seen()
        if time.monotonic() - self._counted >= _COUNT_SECONDS:
            self._counted = time.monotonic()
            try:
                self._figures = await aside(lambda: counts.read(self.client))
            except Unavailable:
                raise
            except JobtrailError:
                self._figures = Figures()  # a key that may not see them still sees the rest

    async def _rest(self, began: float) -> None:
        """Until it is time again; somebody who did something waits a little only."""
        pace = _LOOK_SECONDS if self.framed is None else self.framed.pace
        least = pace if not self._wake.is_set() else 0.0
        try:
            await asyncio.wait_for(self._wake.wait(), max(began + least - time.monotonic(), 0.02))
        except TimeoutError:
            return

    async def _pause(self, seconds: float) -> None:
        """Waits for the connection, and counts down."""
        self._retry_at = time.monotonic() + seconds
        while (left := self._retry_at - time.monotonic()) > 0:
            self._tell()
            await asyncio.sleep(min(left, 0.5))
        self._retry_at = None

    def _tell(self) -> None:
        if (screen := self.framed) is not None:
            screen.tell()

    def head(self, width: int) -> tuple[Line, Line]:
        """The two lines above everything."""
        place: Line = ((" jobtrail ", "strong"), (safe(self._place, 30), "dim"), ("  ", ""), self._live(), ("  ", ""))
        figures = self._figures.line(width - lengths(place))
        tabs: list[Span] = [(" ", "")]
        for name in commands.TABS:
            here = name == self.tab
            tabs += [(f"<{name[0]}>", "here" if here else "key"), (name[1:], "here" if here else "dim"), ("  ", "")]
        more: Line = (("<:>", "key"), ("command  ", "dim"), ("<?>", "key"), ("help ", "dim"))
        return apart((*place, *figures), (), width), apart(tuple(tabs), more, width)

    def _live(self) -> Span:
        if self._lost:
            left = 0 if self._retry_at is None else max(self._retry_at - time.monotonic(), 0)
            as_of = f" · as of {self._as_of:%H:%M:%S}" if self._as_of is not None else ""
            return (f"◌ retrying in {left:.0f} s{as_of}" if left else f"◌ retrying …{as_of}", "warn")
        return ("● live", "ok") if self._as_of is not None else ("◌ connecting …", "dim")

    def say(self, text: str, *, bad: bool = False) -> None:
        """Says something at the foot for a while."""
        self._said = ((safe(text, 500), "bad" if bad else "new"), time.monotonic() + _SAID_SECONDS)
        self._tell()

    def flash(self, width: int) -> Line:
        """What is said at the foot now; nothing: the keys stand there."""
        (text, how), until = self._said
        return (((" " + fitted(text, width - 1)), how),) if time.monotonic() < until else ()

    def open_job(self, job_id: UUID, job: Job | None = None) -> None:
        """Shows a job."""
        self.push_screen(JobScreen(job_id, job))

    def open_logs(self, job_id: UUID, job: Job | None = None) -> None:
        """Shows a log."""
        self.push_screen(LogsScreen(job_id, job))

    def open_jobs(self, search: str) -> None:
        """Shows the jobs of a filter. Raises Unreadable."""
        screen = self._tabs["jobs"]
        if isinstance(screen, JobsScreen):
            screen.set_search(search)
            self.action_go("jobs")

    def action_go(self, name: str) -> None:
        """To a tab; what is open is left."""
        self.tab = name
        while len(self.screen_stack) > 2:
            self.pop_screen()
        if self.screen is not self._tabs[name]:
            self.switch_screen(name)
        else:
            self._tell()
        self.hurry()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a question or the prompt is open, keys are for that."""
        free = isinstance(self.screen, Framed) and not self.screen.prompt.is_open
        return free or action not in ("go", "command", "find", "help", "theme")

    def action_find(self) -> None:
        """Asks for a filter, or for what to look for."""
        if (screen := self.framed) is not None:
            screen.find()

    def action_command(self) -> None:
        """Asks for a command."""
        if (screen := self.framed) is not None:
            known = SuggestFromList([*commands.KNOWN], case_sensitive=False)
            screen.prompt.open(":", "", self.command, check=commands.check, suggester=known)

    def command(self, line: str) -> None:
        """Does what was typed."""
        name, rest = commands.words_of(line)
        match name:
            case "":
                return
            case "quit":
                self.exit()
            case "help":
                self.action_help()
            case "job" | "logs":
                self._open(name, rest or "@last")
            case "jobs" if rest:
                self.open_jobs(rest)
            case _ if name in self._tabs:
                self.action_go(name)

    def _open(self, name: str, ref: str) -> None:
        """A job or its log by what people call it."""
        if (screen := self.framed) is not None:
            opened = self.open_job if name == "job" else self.open_logs
            screen.do(lambda client: refs.job_id(client, ref), opened)

    def action_help(self) -> None:
        """The keys."""
        self.push_screen(Sheet("Keys", keys.lines()))

    def action_theme(self) -> None:
        """Dark or light."""
        dark, light = (theme.name for theme in THEMES)
        self.theme = light if self.theme == dark else dark
