"""Operations: the verbs of those who operate, that every client has. What a verb is, on the database or over HTTP, is said
elsewhere; here it is run."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from jobtrail.client.tasks import Runs, Tells, Work
from jobtrail.core.access import Workspace
from jobtrail.core.bulk import Order
from jobtrail.core.status import ErrorStatus
from jobtrail.service.bulk import Counted, Ordered
from jobtrail.service.workers import Told


class SaysOperations(Protocol):
    """Each verb as a value: what is to be done, on the database or over HTTP."""

    def pause_workspace(self, reason: str | None) -> Work[Workspace]: ...
    def resume_workspace(self) -> Work[Workspace]: ...
    def drain(self, worker_id: UUID, reason: str | None, *, stop: bool) -> Work[Told]: ...
    def undrain(self, worker_id: UUID) -> Work[Told]: ...
    def leave_queue(self, worker_id: UUID, queue: str, *, leave: bool) -> Work[Told]: ...
    def mark_error(self, fingerprint: str, status: ErrorStatus, note: str | None) -> Work[None]: ...
    def unmark_error(self, fingerprint: str) -> Work[None]: ...
    def count(self, order: Order) -> Work[Counted]: ...
    def order(self, order: Order) -> Work[Ordered]: ...


class Operations:
    """The verbs of those who operate, blocking."""

    def __init__(self, say: SaysOperations, run: Runs, tell: Tells) -> None:
        self._say, self._run, self._tell = say, run, tell

    def pause_workspace(self, reason: str | None = None) -> Workspace:
        """Lets workers take none of the workspace's jobs; what runs goes on."""
        return self._run(self._say.pause_workspace(reason))

    def resume_workspace(self) -> Workspace:
        """Lets workers take the workspace's jobs again. Raises Conflict when it was not paused."""
        resumed = self._run(self._say.resume_workspace())
        self._tell([""])
        return resumed

    def drain(self, worker_id: UUID, reason: str | None = None, *, stop: bool = False) -> Told:
        """Tells a worker to take no more jobs, and with `stop` to end when what it runs has ended.

        Raises NotFound, Conflict when it has stopped, Denied for one that serves all workspaces, unless this client may.
        """
        return self._run(self._say.drain(worker_id, reason, stop=stop))

    def undrain(self, worker_id: UUID) -> Told:
        """Lets a worker that was told to drain take jobs again. Raises NotFound, Conflict, Denied."""
        return self._run(self._say.undrain(worker_id))

    def leave_queue(self, worker_id: UUID, queue: str, *, leave: bool = True) -> Told:
        """Tells one worker to take no more of a queue, or to take of it again. Raises NotFound, Conflict, Denied."""
        return self._run(self._say.leave_queue(worker_id, queue, leave=leave))

    def mute(self, fingerprint: str, note: str | None = None) -> None:
        """Says that people know of an error: it calls for attention no more. Raises NotFound."""
        self._run(self._say.mark_error(fingerprint, ErrorStatus.MUTED, note))

    def resolve(self, fingerprint: str, note: str | None = None) -> None:
        """Says that an error is mended: it calls for attention when it is seen again. Raises NotFound."""
        self._run(self._say.mark_error(fingerprint, ErrorStatus.RESOLVED, note))

    def reopen(self, fingerprint: str) -> None:
        """Takes back that an error is muted or resolved. Raises Conflict when it is neither."""
        self._run(self._say.unmark_error(fingerprint))

    def count(self, order: Order) -> Counted:
        """How many jobs a bulk operation would touch now; nothing is changed."""
        return self._run(self._say.count(order))

    def order(self, order: Order) -> Ordered:
        """Acts on all jobs that a filter lets through, by a job of its own, whose result is the account."""
        done = self._run(self._say.order(order))
        self._tell(["default"])
        return done
