"""The keys that act on jobs: retry, rerun, cancel, on one or on all that are marked. Each asks first where it matters."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from textual.binding import Binding, BindingType

from jobtrail.cli import words
from jobtrail.cli.tui import acts
from jobtrail.cli.tui.asking import Question
from jobtrail.cli.tui.frame import Framed
from jobtrail.cli.tui.spans import safe
from jobtrail.core.ids import short
from jobtrail.core.model import Job


class OnJobs(Framed):
    """A screen on which a job, or several, are meant."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "retry", show=False),
        Binding("R", "rerun", show=False),
        Binding("c", "cancel", show=False),
        Binding("l", "logs", show=False),
    ]

    def meant(self) -> list[UUID]:
        """The jobs that are meant."""
        raise NotImplementedError

    def job(self, job_id: UUID) -> Job | None:
        """A job that is shown."""
        raise NotImplementedError

    def acted(self) -> None:
        """What was marked has been acted on."""

    def action_retry(self) -> None:
        """Tries again; of several it asks first."""
        ids = self.meant()
        if len(ids) == 1:
            self.on_jobs("retry", ids, acts.retry)
        elif ids:
            skips = "Finished steps are kept. Jobs that cannot be retried now are skipped."
            self.ask(Question(f"Retry {self._named(ids)}?", (skips,), does="retry"), lambda _: self._retry(ids))

    def action_rerun(self) -> None:
        """New jobs like these."""
        if ids := self.meant():
            new = "A new job with the same input" if len(ids) == 1 else "New jobs with the same inputs"
            question = Question(f"Rerun {self._named(ids)}?", (f"{new}; nothing of the old is kept.",), does="rerun")
            self.ask(question, lambda _: self._rerun(ids))

    def action_cancel(self) -> None:
        """Cancels, with a reason."""
        if ids := self.meant():
            how = "What waits is cancelled at once; what runs, its worker is asked to stop."
            question = Question(f"Cancel {self._named(ids)}?", (how,), ("reason, kept with the job",), "cancel")
            self.ask(question, lambda typed: self._cancel(ids, typed[0] or None))

    def action_logs(self) -> None:
        """The log of a job."""
        if ids := self.meant():
            self.top.open_logs(ids[0], self.job(ids[0]))

    def _retry(self, ids: list[UUID]) -> None:
        self.on_jobs("retry", ids, acts.retry)
        self.acted()

    def _rerun(self, ids: list[UUID]) -> None:
        self.on_jobs("rerun", ids, acts.rerun)
        self.acted()

    def _cancel(self, ids: list[UUID], reason: str | None) -> None:
        self.on_jobs("cancel", ids, acts.cancel(reason))
        self.acted()

    def _named(self, ids: list[UUID]) -> str:
        if len(ids) > 1:
            return f"the {words.counted(len(ids), 'marked job')}"
        job = self.job(ids[0])
        told = "" if job is None else f" {safe(job.title or job.type, 60)} ({job.status})"
        return f"job {short(ids[0])}{told}"
