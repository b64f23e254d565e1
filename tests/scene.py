"""Quick ways to get jobs, workers and attempts to where a test needs them, through the verbs only."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

from database import Connection

from jobtrail.core.fairness import Turn
from jobtrail.core.fence import Fence
from jobtrail.core.ids import Uuid7
from jobtrail.core.model import Actor, Attempt, Claimed, Event, Job
from jobtrail.core.status import ActorType, Phase, StepStatus, StepType
from jobtrail.service import attempts, gates, jobs, steps, trail, workers
from jobtrail.store.db import ALL, Scope, run
from jobtrail.store.query import Flow, Query

T = TypeVar("T")

WORKSPACE = UUID("00000000-0000-7000-8000-000000000001")
ME = Actor(ActorType.USER, "me")
SERVES_ALL = Scope(ALL, standing=True)
TYPE = "demo"

ids = Uuid7(lambda: time.time_ns() // 1_000_000, os.urandom)


def new_job(
    *,
    id: UUID | None = None,
    input: bytes = b'{"n": 1}',
    title: str | None = None,
    unique_key: str | None = None,
    **options: Any,
) -> jobs.NewJob:
    """A job to enqueue; what is not said is as it is by default."""
    return jobs.NewJob(
        id=id or ids.new(),
        input=input,
        title=title,
        unique_key=unique_key,
        options=jobs.Options(**{"type": TYPE, **options}),
    )


class Scene:
    """One connection that serves all workspaces, and a worker that lives as long as its lease."""

    def __init__(self, conn: Connection, workspace: UUID = WORKSPACE) -> None:
        self.conn = conn
        self.workspace = workspace
        self._worker: UUID | None = None

    def do(self, work: Query[T] | Flow[T]) -> T:
        """Runs a verb and answers what it answers."""
        return run(self.conn, work, SERVES_ALL)

    @property
    def worker(self) -> UUID:
        """The worker that claims when no other is named."""
        if self._worker is None:
            self._worker = self.new_worker()
        return self._worker

    def new_worker(
        self, *, lease_seconds: float = 30.0, queues: Sequence[str] = ("default",), workspace: UUID | None = None
    ) -> UUID:
        """Registers a worker."""
        id = uuid4()
        self.do(
            workers.register(
                workers.NewWorker(
                    id=id,
                    name="w",
                    host="h",
                    host_id="boot",
                    process_id=1,
                    process_started=0.0,
                    lock_key=0,
                    lease_seconds=lease_seconds,
                    slots=1,
                    version="0",
                    queues=tuple(queues),
                    types=(TYPE,),
                    workspace_id=workspace,
                )
            )
        )
        return id

    def enqueue(self, **wanted: Any) -> UUID:
        """One job more; answers which job stands for it."""
        return self.do(jobs.enqueue(self.workspace, [new_job(**wanted)], ME)).ids[0]

    def enqueue_many(self, n: int, **wanted: Any) -> list[UUID]:
        """Jobs that are all alike, in the order in which they were accepted."""
        return list(self.do(jobs.enqueue(self.workspace, [new_job(**wanted) for _ in range(n)], ME)).ids)

    def claim(
        self, limit: int = 1, *, queue: str = "default", types: Sequence[str] = (TYPE,), worker: UUID | None = None
    ) -> list[Claimed]:
        """Up to `limit` jobs for a worker."""
        stamp = f"{time.time_ns() // 1_000_000:012x}7"
        taker = attempts.Taker(worker or self.worker, queue, types, stamp, os.urandom(16).hex())
        taken: list[Claimed] = []
        for one in self.do(attempts.claimants(queue)):
            room = limit - len(taken)
            if one.limited and not one.closed:
                taken += self.do(attempts.claim_limited(taker, one.workspace_id, room, 1_000, 1_000)).jobs
            elif not one.closed:
                plain: list[Claimed] = self.do(attempts.claim(taker, room, [Turn(one.workspace_id, room)]))
                taken += plain
        return taken

    def start(self, *, worker: UUID | None = None, **wanted: Any) -> Fence:
        """One job that runs: enqueued, and claimed by a worker."""
        id = self.enqueue(**wanted)
        return self.again(id, worker=worker)

    def again(self, id: UUID, *, worker: UUID | None = None) -> Fence:
        """Claims this job, which must be the next of its queue."""
        job = self.job(id)
        claimed = self.claim(queue=job.queue, types=(job.type,), worker=worker)
        assert [one.job_id for one in claimed] == [id], f"{id} is not the next: {claimed}"
        return fence_of(claimed[0], worker or self.worker)

    def complete(self, fence: Fence, output: str | None = None) -> list[Fence]:
        """Ends an attempt well; answers it again when it was stale."""
        return self.do(attempts.complete([attempts.Completed(fence, output)]))

    def fail(self, fence: Fence, *, retry_in: timedelta | None = None, code: str = "boom") -> attempts.Ended:
        """Ends an attempt badly."""
        return self.do(attempts.fail(attempts.Failed(fence, code, "it went wrong", retry_in=retry_in)))

    def step(self, fence: Fence, key: str, *, type: StepType = StepType.COMMAND) -> UUID:
        """Begins a step, which must not have completed before."""
        begun = self.do(steps.begin(fence, ids.new(), key, key, Phase.EXECUTION, type))
        assert isinstance(begun, UUID), f"the step {key} did not begin: {begun}"
        return begun

    def finished_step(self, fence: Fence, key: str, output: str | None = None) -> UUID:
        """A step that completed, with its output."""
        id = self.step(fence, key)
        assert self.do(steps.finish(fence, id, StepStatus.COMPLETED, output=output)) is not None
        return id

    def ask(self, fence: Fence, key: str = "publish?", **wanted: Any) -> UUID:
        """Lets a job wait for people; answers the gate's id."""
        step = self.step(fence, key, type=StepType.GATE)
        return self.do(gates.request(fence, step, ids.new(), f"{key} May it?", **wanted))

    def job(self, id: UUID) -> Job:
        """The job as it is, which must be there."""
        job = self.do(jobs.get(self.workspace, id))
        assert job is not None, f"there is no job {id}"
        return job

    def attempts(self, id: UUID) -> list[Attempt]:
        """The attempts of a job, oldest first."""
        return self.do(attempts.listed(self.workspace, id))

    def events(self, id: UUID) -> list[Event]:
        """The trail of a job."""
        return self.do(trail.events(self.workspace, id))

    def told(self, id: UUID) -> list[str]:
        """The trail of a job in single words."""
        return [event.type for event in self.events(id)]


def fence_of(claimed: Claimed, worker: UUID) -> Fence:
    """What the worker names from now on."""
    return Fence(claimed.workspace_id, claimed.job_id, claimed.attempt_id, worker)
