"""A history to audit: some hundred jobs in two workspaces that lived all sorts of lives, sealed as they went."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from database import Connection
from scene import ME, WORKSPACE, Scene, ids

from jobtrail.core.audit import Report
from jobtrail.core.chain import Seal
from jobtrail.core.fence import Fence
from jobtrail.core.status import Phase, StepStatus, StepType, WaitReason
from jobtrail.service import assets, attempts, audit, gates, jobs, queues, seals, steps, upkeep, usage, workers
from jobtrail.store.db import ALL, Scope, run

KEY = b"k" * 32
OTHER = UUID("00000000-0000-7000-8000-00000000000b")
SERVES_ALL = Scope(ALL, standing=True)
SOON = datetime.now(UTC) + timedelta(days=1)


@dataclass(slots=True)
class History:
    """What was made: the seals, which are the anchor too, and the jobs by workspace."""

    conn: Connection
    anchor: list[Seal] = field(default_factory=list)
    jobs: dict[UUID, list[UUID]] = field(default_factory=dict)

    def seal(self) -> None:
        """Seals all that is there."""
        behind = 1
        while behind:
            sealed = run(self.conn, seals.seal(KEY, batch=60), SERVES_ALL)
            behind = sealed.behind
            self.anchor += sealed.seals

    def verify(self, conn: Connection | None = None) -> Report:
        """Verifies with key and anchor."""
        return run(conn or self.conn, audit.verify([KEY], anchored=self.anchor), Scope.of(ALL))


def lived(conn: Connection, many: int = 100, seed: int = 1) -> History:
    """A history of `many` jobs, each of one of the lives below, sealed after every few."""
    chance = Random(seed)
    run(conn, queues.open_workspace(OTHER, "other"), SERVES_ALL)
    history = History(conn, jobs={WORKSPACE: [], OTHER: []})
    scenes = [Scene(conn), Scene(conn, OTHER)]
    for number in range(many):
        scene = scenes[chance.random() < 0.4]
        life = LIVES[number % len(LIVES)] if number < 2 * len(LIVES) else chance.choice(LIVES)
        life(scene, chance, f"q{number}")
        if chance.random() < 0.12:
            history.seal()
    history.seal()
    for workspace in history.jobs:
        rows = conn.execute("select id from jobtrail.jobs where workspace_id = %s order by id", (workspace,)).fetchall()
        history.jobs[workspace] = [row[0] for row in rows]
    return history


def begin(scene: Scene, chance: Random, queue: str) -> Fence:
    return scene.start(
        queue=queue, title=chance.choice([None, "Täst | ☃", ""]), tags=tuple(chance.sample(["a", "b", "c"], 2)),
        priority=chance.randint(1, 10), input=json.dumps({"n": chance.random(), "text": "é|☃"}).encode(),
    )  # fmt: skip


def quick(scene: Scene, chance: Random, queue: str) -> None:
    scene.complete(scene.start(queue=queue))


def with_result(scene: Scene, chance: Random, queue: str) -> None:
    scene.complete(begin(scene, chance, queue), json.dumps({"rows": chance.randint(1, 10**9), "text": "☃"}))


def with_steps(scene: Scene, chance: Random, queue: str) -> None:
    fence = begin(scene, chance, queue)
    scene.do(attempts.progress(fence, 33.3, "rendering"))
    scene.finished_step(fence, "fetch", '{"ü": [1.50, null]}')
    step = scene.step(fence, "call", type=StepType.AI_ACTION)
    for number in range(2):
        scene.do(
            usage.book(
                fence,
                number,
                usage.Call(provider="acme", model="large", input_tokens=10, cost_usd=Decimal("0.1")),
                step,
            )
        )
    scene.do(steps.finish(fence, step, StepStatus.COMPLETED, output='"done"', tokens_input=5))
    gate = scene.step(fence, "tests pass", type=StepType.GATE)
    scene.do(steps.finish(fence, gate, StepStatus.FAILED, error="2 failed"))
    scene.do(steps.skip(fence, ids.new(), "publish", "publish", Phase.CLEANUP, StepType.COMMAND, "tests failed"))
    scene.do(attempts.progress(fence, 80, None, '{"frames": 12}'))
    scene.complete(fence, "[1, 2]")


def with_files(scene: Scene, chance: Random, queue: str) -> None:
    fence = begin(scene, chance, queue)
    for number in range(2):
        sha256 = f"{chance.getrandbits(256):064x}"
        asset = assets.NewAsset(id=ids.new(), name=f"page {number}.pdf", byte_size=7, sha256=sha256, storage_key=sha256)
        assert scene.do(assets.keep(fence, asset)) is not None
    scene.complete(fence)


def tried_again(scene: Scene, chance: Random, queue: str) -> None:
    fence = scene.start(queue=queue, max_attempts=5, backoff_type="FIXED", backoff_delay_ms=0, timeout_seconds=12.5)
    step = scene.step(fence, "half")
    scene.fail(fence, retry_in=timedelta(0))
    scene.do(jobs.start_now(scene.workspace, fence.job_id, ME))
    fence = scene.again(fence.job_id)
    assert scene.do(steps.begin(fence, ids.new(), "half", "half", Phase.EXECUTION, StepType.COMMAND)) == step
    scene.do(steps.finish(fence, step, StepStatus.COMPLETED, output="1"))
    scene.complete(fence, "1")


def failed(scene: Scene, chance: Random, queue: str) -> None:
    fence = scene.start(queue=queue, unique_key=queue, concurrency_key="c")
    scene.do(attempts.fail(attempts.Failed(fence, "boom", "it | went ☃", output='{"half": true}')))


def failed_and_retried(scene: Scene, chance: Random, queue: str) -> None:
    fence = scene.start(queue=queue, unique_key=queue)
    scene.fail(fence)
    scene.do(jobs.retry(scene.workspace, fence.job_id, ME))
    scene.complete(scene.again(fence.job_id), '{"second": 1}')


def waits(scene: Scene, chance: Random, queue: str) -> None:
    job = scene.enqueue(queue=queue, scheduled_at=SOON, cancel_at=SOON + timedelta(hours=1))
    change = jobs.Change(priority=chance.randint(1, 10), title="later", tags=("x",))
    scene.do(jobs.update(scene.workspace, job, change, ME))


def cancelled(scene: Scene, chance: Random, queue: str) -> None:
    job = scene.enqueue(queue=queue, queue_timeout_seconds=1000)
    scene.do(jobs.cancel(scene.workspace, job, ME, "not wanted any more"))


def stopped(scene: Scene, chance: Random, queue: str) -> None:
    fence = begin(scene, chance, queue)
    scene.do(jobs.cancel(scene.workspace, fence.job_id, ME, "stop"))
    scene.do(attempts.end_cancelled(fence, "stop"))


def lost(scene: Scene, chance: Random, queue: str) -> None:
    worker = scene.new_worker(queues=(queue,))
    fence = scene.start(queue=queue, worker=worker)
    scene.do(workers.stop([worker], "its process is gone"))
    scene.do(workers.rescue())
    scene.complete(scene.again(fence.job_id))


def interrupted(scene: Scene, chance: Random, queue: str) -> None:
    fence = begin(scene, chance, queue)
    scene.do(attempts.interrupt([fence]))


def snoozed(scene: Scene, chance: Random, queue: str) -> None:
    fence = begin(scene, chance, queue)
    note = '{"stage": "mine", "why": "quota", "priority": 99}'
    scene.do(attempts.suspend(fence, "job.snoozed", WaitReason.SCHEDULE, timedelta(hours=1), note))


def asked(scene: Scene, chance: Random, queue: str) -> None:
    fence = begin(scene, chance, queue)
    gate = scene.ask(fence)
    scene.do(gates.decide(scene.workspace, gate, ME, approve=True, comment="fine"))
    fence = scene.again(fence.job_id)
    step = scene.step(fence, "publish?", type=StepType.GATE)
    scene.do(steps.finish(fence, step, StepStatus.COMPLETED, output='"APPROVED"'))
    scene.complete(fence)


def asks(scene: Scene, chance: Random, queue: str) -> None:
    scene.ask(begin(scene, chance, queue), expires=timedelta(hours=1))


def runs(scene: Scene, chance: Random, queue: str) -> None:
    scene.finished_step(begin(scene, chance, queue), "first", "{}")


def child(scene: Scene, chance: Random, queue: str) -> None:
    parent = scene.enqueue(queue=queue)
    scene.enqueue(queue=queue, parent_id=parent, rerun_of=parent, idle_timeout_seconds=9, estimated_seconds=0.1)
    scene.do(upkeep.stage())


LIVES: Sequence[Callable[[Scene, Random, str], None]] = (
    quick, with_result, with_steps, with_files, tried_again, failed, failed_and_retried, waits, cancelled, stopped, lost,
    interrupted, snoozed, asked, asks, runs, child,
)  # fmt: skip
