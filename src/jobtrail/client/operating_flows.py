"""The verbs of those who operate as values for the database. Nothing is run here."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from jobtrail.core.access import Workspace
from jobtrail.core.bulk import Order
from jobtrail.core.model import Actor
from jobtrail.core.status import ErrorStatus
from jobtrail.service import bulk, failures, workers, workspaces
from jobtrail.service.bulk import Counted, Ordered
from jobtrail.service.workers import Told
from jobtrail.store.identity import new_id
from jobtrail.store.query import Flow


@dataclass(frozen=True, slots=True)
class OperatingFlows:
    """Each verb for one workspace, by one actor."""

    workspace: UUID
    actor: Actor

    def pause_workspace(self, reason: str | None) -> Flow[Workspace]:
        """Pauses all of it."""
        return workspaces.pause(self.workspace, self.actor, reason)

    def resume_workspace(self) -> Flow[Workspace]:
        """Lets it go on."""
        return workspaces.resume(self.workspace, self.actor)

    def drain(self, worker_id: UUID, reason: str | None, *, stop: bool) -> Flow[Told]:
        """Tells a worker to take no more."""
        return workers.drain(worker_id, self.actor, reason, stop=stop)

    def undrain(self, worker_id: UUID) -> Flow[Told]:
        """Lets a worker take jobs again."""
        return workers.undrain(worker_id, self.actor)

    def leave_queue(self, worker_id: UUID, queue: str, *, leave: bool) -> Flow[Told]:
        """Tells one worker to leave a queue alone, or not."""
        return workers.leave_queue(worker_id, queue, self.actor, leave=leave)

    def mark_error(self, fingerprint: str, status: ErrorStatus, note: str | None) -> Flow[None]:
        """Mutes or resolves an error."""
        return failures.mark(self.workspace, fingerprint, status, self.actor, note)

    def unmark_error(self, fingerprint: str) -> Flow[None]:
        """Takes that back."""
        return failures.unmark(self.workspace, fingerprint, self.actor)

    def count(self, order: Order) -> Flow[Counted]:
        """Counts what an order would touch."""
        return bulk.count(self.workspace, order)

    def order(self, order: Order) -> Flow[Ordered]:
        """Counts, and enqueues it."""
        return bulk.ordered(self.workspace, new_id(), order, self.actor)
