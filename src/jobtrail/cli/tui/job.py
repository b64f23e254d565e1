"""The screen of one job."""

from __future__ import annotations

from functools import partial
from typing import ClassVar
from uuid import UUID

from textual.binding import Binding, BindingType
from textual.widget import Widget

from jobtrail.cli.tui import deciding, page, sight
from jobtrail.cli.tui.frame import Plan, Seen
from jobtrail.cli.tui.on_jobs import OnJobs
from jobtrail.cli.tui.painted import Lines
from jobtrail.cli.tui.sight import Sight
from jobtrail.cli.tui.spans import INSIDE, Line, safe, status
from jobtrail.client import JobsClient
from jobtrail.core.ids import short
from jobtrail.core.model import Job
from jobtrail.core.status import FINAL


class JobScreen(OnJobs):
    """One job, followed while one looks."""

    hints = (("l", "logs"), ("r", "retry"), ("R", "rerun"), ("c", "cancel"), ("a/x", "decide"), ("y", "copy id"),
             ("Y", "as command"), ("Esc", "back"))  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "decide(True)", show=False),
        Binding("x", "decide(False)", show=False),
    ]

    def __init__(self, job_id: UUID, job: Job | None = None) -> None:
        super().__init__()
        self._job_id, self._job = job_id, job
        self._sight: Sight | None = None
        self._page = Lines([(("reading …", "dim"),)])

    def body(self) -> Widget:
        return self._page

    def plan(self) -> Plan:
        return partial(self._read, self._sight)

    def _read(self, before: Sight | None, client: JobsClient) -> Seen:
        return partial(self._show, sight.read(client, self._job_id, before))

    def _show(self, seen: Sight) -> None:
        before, self._sight, self._job = self._sight, seen, seen.job
        if before is None or seen.job.status not in FINAL or before.job.version != seen.job.version:
            self._draw()
        self.tell()

    def _draw(self) -> None:
        if self._sight is not None:
            self._page.show_lines(page.lines(self._sight, max(self.size.width - 2, 40)))

    def on_resize(self) -> None:
        """Another width, another picture."""
        super().on_resize()
        self._draw()

    def crumbs(self) -> Line:
        from_tab = self.top.tab
        if self._job is None:
            return ((from_tab, "strong"), INSIDE, (short(self._job_id), "key"))
        named = safe(self._job.title or self._job.type, 60)
        return (
            (from_tab, "strong"),
            INSIDE,
            (f"{short(self._job_id)} ", "key"),
            status(self._job.status),
            (f" {named}", ""),
        )

    def twin(self) -> str:
        return f"jobtrail job get {self._job_id}"

    def copied(self) -> str | None:
        return str(self._job_id)

    def meant(self) -> list[UUID]:
        return [self._job_id]

    def job(self, job_id: UUID) -> Job | None:
        return self._job

    def action_decide(self, approve: bool) -> None:  # noqa: FBT001  (as a key binding passes it)
        """Approves or rejects, where it waits for that."""
        gate = None if self._sight is None else self._sight.asks
        if gate is None:
            self.say("this job waits for no decision", bad=True)
        else:
            deciding.ask(self, gate, approve=approve)
