"""The screen of workers: who is alive, what they serve, and how long one has been silent."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar, Final

from jobtrail.cli import words
from jobtrail.cli.tui.asking import Sheet
from jobtrail.cli.tui.painted import pair
from jobtrail.cli.tui.spans import Column, Span, safe
from jobtrail.cli.tui.things import ThingsScreen
from jobtrail.client import JobsClient
from jobtrail.core.model import Worker

_SILENT_SECONDS: Final = 5.0
_MOST_SLOTS: Final = 8


class WorkersScreen(ThingsScreen[Worker]):
    """The workers, those alive first."""

    name_of_tab = "workers"
    nothing = "no worker has ever been here; start one: jobtrail worker start"
    hints = (("↵", "more"), ("y", "copy id"), ("Y", "as command"), ("/", "filter"), ("Home", "in order"))
    pace: ClassVar[float] = 1.0
    columns = (
        Column("NAME"),
        Column("STATE"),
        Column("RUNS"),
        Column("QUEUES", widest=60, grows=True),
        Column("HOST/PID", rank=2, widest=28),
        Column("UP", right=True, rank=3),
        Column("VERSION", rank=4),
        Column("WHY", rank=1, widest=30),
    )

    def read(self, client: JobsClient) -> list[Worker]:
        return client.workers()

    def key(self, thing: Worker) -> Hashable:
        return thing.id

    def cells(self, thing: Worker) -> tuple[Span, ...]:
        alive = thing.stopped_at is None and thing.leased
        return (
            (safe(thing.name), "strong" if alive else "dim"),
            state(thing),
            (_runs(thing) if alive else "", "run"),
            (safe(", ".join(thing.queues), 200), "" if alive else "dim"),
            (f"{safe(thing.host, 20)}/{thing.process_id}", "dim"),
            (words.ago(thing.started_at).removesuffix(" ago") if alive else "", "dim"),
            (safe(thing.version), "dim"),
            (safe(thing.stop_reason or thing.drain_reason), "dim"),
        )

    def told(self) -> str:
        alive = sum(one.stopped_at is None and one.leased for one in self._things.values())
        return f"{alive} live of {len(self._things)}"

    def twin(self) -> str:
        return "jobtrail worker list"

    def copied(self) -> str | None:
        return None if self.current is None else str(self.current.id)

    def on_rows_chosen(self) -> None:
        """Enter: all that is known of it."""
        if (one := self.current) is not None:
            facts = [pair(name, (safe(value, 500), "")) for name, value in _facts(one)]
            self.app.push_screen(Sheet(f"worker {safe(one.name)}", facts))


def state(worker: Worker) -> Span:
    """How a worker stands: one that does not answer is silent, whatever it said before."""
    if worker.stopped_at is not None:
        return ("○ stopped", "dim")
    if not worker.leased:
        return ("▚ lost", "lost")
    if worker.silent_seconds > _SILENT_SECONDS:
        return (f"▲ silent {worker.silent_seconds:.0f} s", "warn")
    return ("◐ draining", "warn") if worker.draining_at is not None else ("● working", "ok")


def _runs(worker: Worker) -> str:
    number = f"{worker.running}/{worker.slots}"
    if not 0 < worker.slots <= _MOST_SLOTS:
        return number
    busy = min(worker.running, worker.slots)
    return f"{'█' * busy}{'░' * (worker.slots - busy)} {number}"


def _facts(worker: Worker) -> list[tuple[str, object]]:
    return [
        ("id", worker.id),
        ("host", f"{worker.host}, process {worker.process_id}, version {worker.version}"),
        ("state", state(worker)[0]),
        ("last sign", f"{worker.silent_seconds:.1f} s ago"),
        ("runs", f"{worker.running} of {worker.slots}"),
        ("queues", ", ".join(worker.queues)),
        ("leaves alone", ", ".join(worker.left_queues)),
        ("types", ", ".join(worker.types)),
        ("started", words.absolute(worker.started_at)),
        ("stopped", words.absolute(worker.stopped_at)),
        ("why", worker.stop_reason or worker.drain_reason or ""),
    ]
