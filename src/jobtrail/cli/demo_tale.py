"""How the demo is told in its terminal: chapter by chapter, with one line that moves where somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TextIO
from uuid import UUID

from jobtrail.cli import saying, show, words
from jobtrail.cli.flags import Flags
from jobtrail.cli.follow import View
from jobtrail.core import shown
from jobtrail.core.model import Step, Usage
from jobtrail.core.status import AttemptStatus, StepStatus, StepType

if TYPE_CHECKING:
    from rich.live import Live

CHAPTERS: Final = {
    "Script": ("script: ", 6),
    "Frames": ("frame ", 12),
    "Voice": ("voice: ", 3),
    "Cover": ("cover: ", 2),
}
"""How the names of a chapter's steps begin, and how many there are."""
_LAST_LOSS: Final = 2


@dataclass
class Tale:
    """Tells what is new. A context: leaving it leaves the terminal as it was. `usage` reads the job's ledger."""

    flags: Flags
    out: TextIO
    usage: Callable[[], Sequence[Usage]]
    _told: set[str] = field(default_factory=set)
    _attempts: set[UUID] = field(default_factory=set)
    _live: Live | None = None

    def __enter__(self) -> Self:
        if self.out.isatty() and self.flags.progress:
            from rich.console import Console
            from rich.live import Live

            console = Console(file=self.out, no_color=not show.colored(self.flags), highlight=False)
            self._live = Live(
                console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False, transient=True
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, line: str) -> None:
        """A line that stays, from any thread."""
        if self._live is None:
            print(line, file=self.out, flush=True)
        else:
            from rich.text import Text

            self._live.console.print(Text(line))

    def see(self, view: View) -> None:
        """What has become of the job since the last look."""
        for line in self._resumed(view):
            self.say(line)
        for chapter, (begins, count) in CHAPTERS.items():
            done = [step for step in view.steps if _is_done(step, begins)]
            if len(done) == count and chapter not in self._told:
                self._told.add(chapter)
                self.say(f"  ✓ {chapter:<10} {self._sum(chapter, done)}")
        if self._live is not None:
            from rich.text import Text

            self._live.update(Text("\n".join(_moving(view))), refresh=True)

    def _sum(self, chapter: str, done: Sequence[Step]) -> str:
        """What a chapter made, and what the model would have cost in it."""
        made = (
            f"{len(done)} of {len(done)} {words.bar(100)}" if chapter == "Frames" else words.counted(len(done), "step")
        )
        ids = {step.id for step in done}
        calls = [one for one in self.usage() if one.step_id in ids]
        if not calls:
            return made
        tokens = sum(one.input_tokens + one.output_tokens for one in calls)
        cost = shown.money(sum((one.cost_usd or Decimal() for one in calls), Decimal()))
        return f"{made} · {shown.number(tokens)} tokens · {cost} (a demo price: no money is spent)"

    def _resumed(self, view: View) -> Iterator[str]:
        """A line for each attempt that goes on where a lost one was cut off."""
        for before, attempt in zip(view.attempts, view.attempts[1:], strict=False):
            if before.status != AttemptStatus.LOST or attempt.id in self._attempts:
                continue
            self._attempts.add(attempt.id)
            kept = sum(step.status == StepStatus.COMPLETED for step in view.steps)
            by, why = saying.worker_of(attempt.worker_id), words.one_line(before.error_message, 80)
            yield f"  ↻ {by} goes on: {words.counted(kept, 'finished step')} kept · {why}"
            if view.job.loss_count == _LAST_LOSS:
                yield "  ! A third loss would end the job: what kills three workers is put aside, until somebody presses Retry."


def _is_done(step: Step, begins: str) -> bool:
    return step.name.startswith(begins) and step.status == StepStatus.COMPLETED and step.type != StepType.GATE


def _moving(view: View) -> Iterator[str]:
    """The chapter that is under way, and what it is at."""
    for chapter, (begins, count) in CHAPTERS.items():
        mine = [step for step in view.steps if step.name.startswith(begins)]
        done = sum(_is_done(step, begins) for step in mine)
        if mine and done < count:
            now = next((step.name for step in mine if step.status == StepStatus.RUNNING), "")
            yield f"  ● {chapter:<10} {done} of {count} {words.bar(100 * done / count)}  {now}"
    if view.why:
        yield f"  … {view.why}"
