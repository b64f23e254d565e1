"""The screen of gates: decisions that jobs wait for, the oldest question first."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar

from textual.binding import Binding, BindingType

from jobtrail.cli import words
from jobtrail.cli.tui import deciding
from jobtrail.cli.tui.spans import Column, Span, safe, status
from jobtrail.cli.tui.things import ThingsScreen
from jobtrail.client import JobsClient
from jobtrail.core.ids import short
from jobtrail.core.model import Gate


class GatesScreen(ThingsScreen[Gate]):
    """What people are asked. A gate that was decided stays, faint, until one orders anew."""

    name_of_tab = "gates"
    nothing = "nobody is asked anything"
    hints = (
        ("a", "approve"),
        ("x", "reject"),
        ("↵", "its job"),
        ("y", "copy id"),
        ("Y", "as command"),
        ("/", "filter"),
    )
    pace: ClassVar[float] = 1.0
    columns = (
        Column("STATUS"),
        Column("QUESTION", widest=120, grows=True),
        Column("JOB", rank=1),
        Column("ASKED", right=True),
        Column("EXPIRES", right=True, rank=2),
        Column("NEEDED", right=True, rank=4),
        Column("APPROVERS", rank=3, widest=20),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "decide(True)", show=False),
        Binding("x", "decide(False)", show=False),
    ]

    def read(self, client: JobsClient) -> list[Gate]:
        return client.gates()

    def missed(self, client: JobsClient, thing: Gate) -> Gate:
        of_job = client.gates(waiting=False, job_id=thing.job_id)
        return next((gate for gate in of_job if gate.id == thing.id), thing)

    def key(self, thing: Gate) -> Hashable:
        return thing.id

    def cells(self, thing: Gate) -> tuple[Span, ...]:
        return (
            status(thing.status),
            (safe(thing.question, 200), ""),
            (short(thing.job_id), "key"),
            (words.ago(thing.asked_at).removesuffix(" ago"), ""),
            (words.ago(thing.expires_at), "warn"),
            (str(thing.needed), "dim"),
            (safe(", ".join(thing.approvers) or "anyone", 60), "dim"),
        )

    def told(self) -> str:
        return f"{len(self._there)} waiting"

    def twin(self) -> str:
        return "jobtrail gate list" if self.current is None else deciding.command(self.current)

    def copied(self) -> str | None:
        return None if self.current is None else str(self.current.id)

    def on_rows_chosen(self) -> None:
        """Enter: the job that asks."""
        if (gate := self.current) is not None:
            self.top.open_job(gate.job_id)

    def action_decide(self, approve: bool) -> None:  # noqa: FBT001  (as a key binding passes it)
        """Approves or rejects what is under the cursor."""
        if (gate := self.current) is not None:
            deciding.ask(self, gate, approve=approve)
