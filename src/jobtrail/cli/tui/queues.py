"""The screen of queues: what waits in them, who serves them, what is paused and why."""

from __future__ import annotations

import shlex
from collections.abc import Hashable
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType

from jobtrail.cli import words
from jobtrail.cli.tui.asking import Question
from jobtrail.cli.tui.spans import Column, Span, safe
from jobtrail.cli.tui.things import ThingsScreen
from jobtrail.client import JobsClient
from jobtrail.core import shown
from jobtrail.core.filter_language import Value
from jobtrail.core.model import QueueDepth


@dataclass(frozen=True, slots=True)
class Served:
    """A queue, and how many live workers serve it."""

    depth: QueueDepth
    workers: int


class QueuesScreen(ThingsScreen[Served]):
    """The queues that hold ready jobs, are paused, or are served."""

    name_of_tab = "queues"
    nothing = "no queue holds a ready job, none is paused, and no worker serves one"
    hints = (("↵", "its jobs"), ("p", "pause or resume"), ("Y", "as command"), ("/", "filter"), ("Home", "in order"))  # fmt: skip
    pace: ClassVar[float] = 1.0
    columns = (
        Column("QUEUE", widest=40),
        Column("READY", right=True),
        Column("OLDEST", right=True, rank=1),
        Column("WORKERS", right=True, rank=2),
        Column("STATE", widest=120, grows=True),
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("p", "pause", show=False)]

    def read(self, client: JobsClient) -> list[Served]:
        known = {one.queue: one for one in client.queues()}
        serving: dict[str, int] = {}
        for worker in client.workers():
            if worker.leased and worker.stopped_at is None:
                for queue in worker.queues:
                    serving[queue] = serving.get(queue, 0) + 1
        names = sorted({*known, *serving})
        return [Served(known.get(name, _empty(name)), serving.get(name, 0)) for name in names]

    def missed(self, client: JobsClient, thing: Served) -> Served:
        return Served(_empty(thing.depth.queue), 0)

    def key(self, thing: Served) -> Hashable:
        return thing.depth.queue

    def cells(self, thing: Served) -> tuple[Span, ...]:
        depth = thing.depth
        waits = words.ago(depth.oldest_queued_at).removesuffix(" ago") if depth.depth else ""
        return (
            (safe(depth.queue), "strong"),
            (shown.capped(depth.depth), "wait" if depth.depth else "dim"),
            (waits, ""),
            (str(thing.workers), "" if thing.workers else "bad" if depth.depth else "dim"),
            _state(thing),
        )

    def twin(self) -> str:
        one = self.current
        if one is None:
            return "jobtrail queue list"
        verb = "pause" if one.depth.paused_at is None else "resume"
        return f"jobtrail queue {verb} {shlex.quote(one.depth.queue)}"

    def copied(self) -> str | None:
        return None if self.current is None else self.current.depth.queue

    def on_rows_chosen(self) -> None:
        """Enter: its jobs."""
        if (one := self.current) is not None:
            self.top.open_jobs(f"queue:{Value(one.depth.queue, quoted=True)}")

    def action_pause(self) -> None:
        """Pauses it, with a reason; or lets it go on."""
        if (one := self.current) is None:
            return
        name = one.depth.queue
        if one.depth.paused_at is not None:
            self.do(lambda client: client.resume(name), lambda _: self.say(f"resumed {name}"))
            return
        said = (f"{shown.capped(one.depth.depth)} ready. Workers take no more of it; what runs goes on.",)
        question = Question(f"Pause queue {safe(name, 50)}?", said, ("reason; whoever asks is told",), "pause")
        self.ask(question, lambda typed: self._pause(name, typed[0] or None))

    def _pause(self, name: str, reason: str | None) -> None:
        undo = f"paused {name}; <p> lets it go on"
        self.do(lambda client: client.pause(name, reason), lambda _: self.say(undo))


def _state(thing: Served) -> Span:
    depth = thing.depth
    if depth.paused_at is not None:
        why = f": {safe(depth.paused_reason, 100)}" if depth.paused_reason else ""
        return (f"‖ paused by {safe(depth.paused_by or 'somebody', 40)} {words.ago(depth.paused_at)}{why}", "warn")
    if depth.depth and not thing.workers:
        return ("✗ no worker serves it", "bad")
    return ("● on", "ok" if thing.workers else "dim")


def _empty(name: str) -> QueueDepth:
    return QueueDepth(name, 0, None, None, None, None)
