"""What all screens have: the head with its figures, the crumbs, a body, the line to type in, and the keys at the foot."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar, cast
from uuid import UUID

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget

from jobtrail.cli.tui import acts
from jobtrail.cli.tui.acts import Account
from jobtrail.cli.tui.aside import aside
from jobtrail.cli.tui.asking import Ask, Question, Sheet
from jobtrail.cli.tui.painted import Bar
from jobtrail.cli.tui.prompt import Prompt
from jobtrail.cli.tui.spans import Line, apart, keys, safe
from jobtrail.client import JobsClient
from jobtrail.core.errors import JobtrailError
from jobtrail.core.ids import short

if TYPE_CHECKING:
    from jobtrail.cli.tui.app import Top

T = TypeVar("T")

_REASON: Final = 60

Seen = Callable[[], None]
"""Shows what was read; it is called where things are drawn."""
Plan = Callable[[JobsClient], Seen]
"""Reads, in a thread of its own."""


class Framed(Screen[None]):
    """One screen. It says what is to be read, shows it, and knows the command that tells the same."""

    name_of_tab: ClassVar[str] = ""
    pace: ClassVar[float] = 0.5
    """So many seconds between two looks."""
    hints: ClassVar[tuple[tuple[str, str], ...]] = ()
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("y", "copy_id", show=False),
        Binding("Y", "copy_command", show=False),
    ]
    DEFAULT_CSS = """
    Framed { layout: vertical; }
    Framed #head, Framed #tabs, Framed #foot { background: $bar; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.turn = 0
        """Counts up when what is to be read changes: what was read for an earlier turn is not shown."""
        self.ready = False
        """Whether its parts are there."""
        self.wrong: JobtrailError | None = None
        self.prompt = Prompt()
        self._head, self._tabs, self._crumbs, self._foot = (Bar(id=name) for name in ("head", "tabs", "crumbs", "foot"))

    @property
    def top(self) -> Top:
        """The program."""
        return cast("Top", self.app)

    def compose(self) -> ComposeResult:
        body = self.body()
        body.add_class("body")
        yield from (self._head, self._tabs, self._crumbs, body, self.prompt, self._foot)

    def on_mount(self) -> None:
        """The body has the keys."""
        self.ready = True
        self.query_one(".body").focus()
        self.tell()
        self.top.hurry()

    def on_screen_resume(self) -> None:
        """What was covered is read again at once."""
        self.tell()
        self.top.hurry()

    def on_resize(self) -> None:
        """Another width."""
        self.tell()

    def body(self) -> Widget:
        """What stands in the middle."""
        raise NotImplementedError

    def plan(self) -> Plan:
        """What is to be read now."""
        raise NotImplementedError

    def crumbs(self) -> Line:
        """Where this is."""
        raise NotImplementedError

    def aside_of_crumbs(self) -> Line:
        """What is said on the right of the crumbs."""
        return ()

    def twin(self) -> str:
        """The command that tells, or does, the same."""
        raise NotImplementedError

    def copied(self) -> str | None:
        """The id that `y` copies."""
        return None

    def tell(self) -> None:
        """Says anew what the bars say."""
        if not self.ready:
            return
        width = self.size.width
        head, tabs = self.top.head(width)
        self._head.say(head)
        self._tabs.say(tabs)
        foot = self.top.flash(width)
        self._foot.say(foot or keys(self.hints, width))
        right = self.aside_of_crumbs()
        if self.wrong is not None:
            right = ((safe(f"error[{self.wrong.code}]: {self.wrong.message}", max(width // 2, 20)), "bad"),)
        self._crumbs.say(apart(self.crumbs(), right, width))

    def ask(self, question: Question, done: Callable[[tuple[str, ...]], None]) -> None:
        """Asks, and goes on if the answer is yes."""

        def answered(typed: tuple[str, ...] | None) -> None:
            if typed is not None:
                done(typed)

        self.app.push_screen(Ask(question), answered)

    def do(self, work: Callable[[JobsClient], T], done: Callable[[T], None]) -> None:
        """Does something in a thread, and then tells; what went wrong is said."""

        async def doing() -> None:
            try:
                answer = await aside(lambda: work(self.top.client))
            except JobtrailError as error:
                self.say(f"error[{error.code}]: {error.message}", bad=True)
            except Exception as error:  # noqa: BLE001  it ends the program, which then says it
                self.top.fail(error)
            else:
                done(answer)
            self.top.hurry()

        self.app.run_worker(doing())

    def say(self, text: str, *, bad: bool = False) -> None:
        """Says something at the foot for a while."""
        self.top.say(text, bad=bad)

    def on_jobs(self, verb: str, job_ids: Sequence[UUID], act: Callable[[JobsClient, UUID], str]) -> None:
        """Acts on jobs and tells the account; what was skipped is listed if there were several."""

        def tell(account: Account) -> None:
            self.say(str(account), bad=not account.said)
            if account.skipped and len(job_ids) > 1:
                lines = [line for job_id, why in account.skipped for line in _skipped(job_id, why)]
                self.app.push_screen(Sheet(f"{account}. What was skipped, and why:", lines))

        self.do(lambda client: acts.each(client, verb, job_ids, act), tell)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that were typed ahead, while a question or the prompt opened, act on nothing here."""
        return self.app.screen is self and not self.prompt.is_open

    def find(self) -> None:
        """Asks for a filter, or for what to look for."""

    def action_back(self) -> None:
        """To where one came from."""
        self.dismiss(None)

    def action_copy_id(self) -> None:
        """Copies the id through the terminal (OSC 52)."""
        if (text := self.copied()) is not None:
            self.app.copy_to_clipboard(text)
            self.say(f"copied {text}")

    def action_copy_command(self) -> None:
        """Copies the command that tells the same."""
        self.app.copy_to_clipboard(self.twin())
        self.say(f"copied: {self.twin()}")


def _skipped(job_id: UUID, why: str) -> Iterator[Line]:
    """Why a job was left out, in as many lines as it takes."""
    for number, part in enumerate(textwrap.wrap(safe(why.removeprefix(f"job {job_id} "), 300), _REASON) or [""]):
        yield ((f"{'' if number else short(job_id):<10}", "strong"), (part, ""))
