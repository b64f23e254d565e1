"""What stands in front of a screen: a question before something is done, and a sheet of text. Nothing is done here."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from jobtrail.cli.tui.painted import Bar, Lines, plain
from jobtrail.cli.tui.spans import Line, keys

_WIDTH: Final = 66
_AROUND: Final = 7


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before it is done, and what may be typed with it, a name for each field."""

    title: str
    lines: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    does: str = "do it"


class Ask(ModalScreen[tuple[str, ...] | None]):
    """Asks. The answer: what was typed into each field; None when nothing is to be done."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("n", "no", show=False),
        Binding("y", "yes", show=False),
        Binding("enter", "agree", show=False),
        Binding("ctrl+c", "app.quit", show=False),
    ]
    DEFAULT_CSS = """
    Ask { align: center middle; background: $background 40%; }
    Ask > Vertical { width: 72; max-width: 96%; height: auto; border: round $warn; background: $panel; padding: 0 1; }
    Ask Input { padding: 0 1; background: $background; margin: 0 0 1 0; }
    """

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question

    def compose(self) -> ComposeResult:
        said = self.question
        wrapped = [part for line in said.lines for part in textwrap.wrap(line, _WIDTH)]
        with Vertical():
            yield Bar([((said.title, "strong"),), *map(plain, wrapped), ()], id="question")
            for number, name in enumerate(said.fields):
                yield Bar([((name, "dim"),)])
                yield Input(id=f"field{number}", compact=True)
            sure = (("Enter", said.does), ("Esc", "leave it"))
            yield Bar([keys(sure if said.fields else (("y", said.does), ("Esc", "leave it")))])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where something may be typed, a letter that was typed ahead is no answer."""
        return not (self.question.fields and action in ("yes", "no"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter: the next field, or done."""
        event.stop()
        fields = list(self.query(Input))
        after = fields.index(event.input) + 1
        if after < len(fields):
            fields[after].focus()
        else:
            self.action_agree()

    def action_agree(self) -> None:
        """Do it."""
        self.dismiss(tuple(field.value.strip() for field in self.query(Input)))

    def action_yes(self) -> None:
        """Do it."""
        self.action_agree()

    def action_no(self) -> None:
        """Leave it."""
        self.dismiss(None)

    def action_leave(self) -> None:
        """Leave it."""
        self.dismiss(None)


class Sheet(ModalScreen[None]):
    """A text to read, until a key is pressed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,question_mark", "leave", show=False),
        Binding("ctrl+c", "app.quit", show=False),
    ]
    DEFAULT_CSS = """
    Sheet { align: center middle; background: $background 40%; }
    Sheet > Vertical { width: 78; max-width: 100%; height: auto; max-height: 96%; border: round $line; background: $panel;
                       padding: 0 1; }
    Sheet Lines { height: auto; background: $panel; }
    """

    def __init__(self, title: str, lines: Sequence[Line]) -> None:
        super().__init__()
        self._title, self._lines = title, tuple(lines)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Bar([((self._title, "strong"),), ()])
            yield Lines(self._lines)
            yield Bar([(), keys((("↑↓", "scroll"), ("Esc", "close")))])

    def on_resize(self) -> None:
        """What does not fit is scrolled to; the keys stay below it."""
        self.query_one(Lines).styles.max_height = max(self.size.height - _AROUND, 1)

    def action_leave(self) -> None:
        """Close it."""
        self.dismiss(None)
