"""The line at the bottom in which a filter, a search or a command is typed; what is wrong with it is told below it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.suggester import Suggester
from textual.widgets import Input

from jobtrail.cli.tui.painted import Bar
from jobtrail.core.errors import JobtrailError
from jobtrail.core.filter_language import Unreadable


class Prompt(Vertical):
    """Hidden until it is opened. Escape leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]
    DEFAULT_CSS = """
    Prompt { height: auto; display: none; background: $panel; }
    Prompt Horizontal { height: 1; }
    Prompt #sign { width: 2; }
    Prompt Input { padding: 0; background: $panel; width: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__(id="prompt")
        self.is_open = False
        """Whether somebody types."""
        self._check: Callable[[str], object] = str
        self._done: Callable[[str], object] = str

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Bar(id="sign")
            yield Input(id="typed", select_on_focus=False, compact=True)
        yield Bar(id="wrong")

    def open(
        self,
        sign: str,
        text: str,
        done: Callable[[str], object],
        *,
        check: Callable[[str], object] = str,
        suggester: Suggester | None = None,
    ) -> None:
        """Asks for a line. `check` raises what is wrong with it; `done` gets one that is right."""
        self._check, self._done = check, done
        self.query_one("#sign", Bar).say(((sign, "key"),))
        typed = self.query_one(Input)
        typed.suggester = suggester
        typed.value = text
        typed.cursor_position = len(text)
        self._tell(None)
        self.display = self.is_open = True
        self.screen.set_focus(typed)  # at once: the next key is meant for it

    def on_input_changed(self, event: Input.Changed) -> None:
        """Says at once what is wrong."""
        event.stop()
        if self.is_open:
            self._tell(self._wrong(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Takes a line that is right."""
        event.stop()
        wrong = self._wrong(event.value)
        self._tell(wrong)
        if wrong is None:
            self.action_leave()
            self._done(event.value)

    def action_leave(self) -> None:
        """Closes it."""
        self.display = self.is_open = False
        self.screen.set_focus(self.screen.query_one(".body"))

    def _wrong(self, text: str) -> JobtrailError | None:
        try:
            self._check(text)
        except JobtrailError as error:
            return error
        return None

    def _tell(self, error: JobtrailError | None) -> None:
        bar = self.query_one("#wrong", Bar)
        bar.display = error is not None
        if isinstance(error, Unreadable):
            at = min(error.position + 1, max(self.size.width - 1, 2))
            bar.say(((" " * at + "^", "bad"),), ((error.message, "bad"),))
        elif error is not None:
            bar.say(((error.message, "bad"),))
