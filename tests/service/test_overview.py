"""How a workspace stands: the overview, queues with who serves them, money by day, and what somebody should look at."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from database import Clock, Connection, Database
from scene import ME, WORKSPACE, Scene

from jobtrail.core.attention import attention
from jobtrail.core.fence import Fence
from jobtrail.core.figures import Attention, ErrorGroup, LostWorker, Overview, QueueFigures, Waste
from jobtrail.core.model import Gate
from jobtrail.core.status import StepStatus
from jobtrail.service import jobs, overview, queues, steps, system, upkeep, usage, workers
from jobtrail.service.health import Level
from jobtrail.service.usage import Call
from jobtrail.service.workers import Calm
from jobtrail.store.db import Scope, run

OTHER = UUID("00000000-0000-7000-8000-0000000000bb")
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
NOW = datetime(2026, 5, 4, 12, 0, 30, tzinfo=UTC)


def look(scene: Scene, now: datetime | None = None) -> Overview:
    return scene.do(overview.read(WORKSPACE, now or datetime.now(UTC)))


def queue(scene: Scene, name: str, now: datetime | None = None) -> QueueFigures:
    (found,) = [one for one in scene.do(queues.figures(WORKSPACE, now or datetime.now(UTC))) if one.queue == name]
    return found


def minute(admin: Connection, name: str, at: datetime, **said: Any) -> None:
    row = {"depth": 0, "oldest_age_seconds": 0, "jobs_in": 0, "jobs_out": 0, "failures": 0, "wait_p50_ms": None,
           "wait_p95_ms": None, **said, "workspace_id": WORKSPACE, "queue": name, "at": at}  # fmt: skip
    names = ", ".join(row)
    admin.execute(f"insert into jobtrail.queue_stats ({names}) values ({', '.join(['%s'] * len(row))})",
                  list(row.values()))  # fmt: skip


def spend(
    scene: Scene, fence: Fence, usd: str | None, *, number: int = 1, step: UUID | None = None, model: str = "m"
) -> None:
    cost = None if usd is None else Decimal(usd)
    call = Call(provider="p", model=model, input_tokens=10, output_tokens=2, cost_usd=cost)
    assert scene.do(usage.book(fence, number, call, step)) is not None


def lose(scene: Scene, worker: UUID) -> None:
    scene.do(workers.stop([worker], "its process is gone (killed?)"))
    now = datetime.now(UTC)
    scene.do(workers.rescue([worker], Calm(now, now)))


def test_a_queue_tells_who_serves_it_and_what_waits(scene: Scene) -> None:
    scene.new_worker(queues=("a/b", "idle"))
    scene.start(queue="a/b")
    scene.enqueue_many(3, queue="a/b")
    scene.enqueue(queue="orphan")
    found = queue(scene, "a/b")
    assert (found.depth, found.running, found.workers, found.slots, found.busy) == (3, 1, 1, 1, 0)
    assert found.oldest_queued_at is not None and found.failure_rate is None
    assert (queue(scene, "orphan").workers, queue(scene, "orphan").depth) == (0, 1)
    assert (queue(scene, "idle").workers, queue(scene, "idle").depth, queue(scene, "idle").oldest_queued_at) == (
        1,
        0,
        None,
    )


def test_a_queue_whose_jobs_wait_for_their_check_is_known(scene: Scene) -> None:
    scene.enqueue(queue="checks", checked=True)
    assert queue(scene, "checks").depth == 0
    (found,) = look(scene).attention
    assert (found.ref, found.says) == ("checks", "1 job waits in checks, and no live worker serves it")


def test_a_busy_worker_is_busy_for_all_its_queues(scene: Scene) -> None:
    worker = scene.new_worker(queues=("one", "two"))
    scene.start(queue="one", worker=worker)
    assert [(queue(scene, name).busy, queue(scene, name).running) for name in ("one", "two")] == [(1, 1), (1, 0)]


def test_a_worker_that_is_gone_serves_nothing(scene: Scene) -> None:
    gone = scene.new_worker(queues=("io",))
    late = scene.new_worker(queues=("io",), lease_seconds=-1)
    assert queue(scene, "io").workers == 1
    scene.do(workers.stop([gone, late], "over"))
    assert [one.queue for one in scene.do(queues.figures(WORKSPACE, NOW))] == []


def test_a_paused_queue_says_who_paused_it_and_why(scene: Scene) -> None:
    scene.do(queues.pause(WORKSPACE, "mail", ME, "SMTP down"))
    found = queue(scene, "mail")
    assert (found.paused_by, found.paused_reason) == ("me", "SMTP down") and found.paused_at is not None


def test_a_queue_tells_its_last_half_hour(scene: Scene, admin: Connection) -> None:
    now = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
    minute(admin, "io", now, jobs_in=7, jobs_out=4, failures=1)
    minute(admin, "io", now - 5 * MINUTE, jobs_in=1, jobs_out=2, failures=1, wait_p50_ms=3.0, wait_p95_ms=9.0)
    minute(admin, "io", now - 8 * MINUTE, wait_p50_ms=1.0, wait_p95_ms=1.0)
    minute(admin, "io", now - 30 * MINUTE, jobs_in=99)
    found = queue(scene, "io", NOW)
    assert found.ins == [0] * 24 + [1, 0, 0, 0, 0, 7] and found.outs[-6:] == [2, 0, 0, 0, 0, 4]
    assert (found.wait_p50_ms, found.wait_p95_ms) == (3.0, 9.0)
    assert found.failure_rate == 2 / 8


def test_queues_stand_together_in_parts_of_any_length(scene: Scene, admin: Connection) -> None:
    start = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
    minute(admin, "a", start, depth=99)
    minute(admin, "a", start + MINUTE, depth=2, jobs_in=1, wait_p95_ms=5.0)
    minute(admin, "b", start + MINUTE, depth=3, jobs_in=2, wait_p95_ms=7.0, oldest_age_seconds=4)
    minute(admin, "b", start + 5 * MINUTE, depth=1, jobs_out=4, failures=1)
    minute(admin, "b", start + 6 * MINUTE, depth=9)
    found = scene.do(queues.parts(WORKSPACE, None, start, start + HOUR, 300))
    assert [(one.at, one.depth, one.jobs_in, one.jobs_out, one.failures) for one in found] == [
        (start, 5, 3, 4, 1), (start + 5 * MINUTE, 9, 0, 0, 0),
    ]  # fmt: skip
    assert (found[0].wait_p95_ms, found[0].oldest_age_seconds, found[1].wait_p95_ms) == (7.0, 4.0, None)
    alone = scene.do(queues.parts(WORKSPACE, "b", start, start + 5 * MINUTE, 60))
    assert [(one.at, one.depth) for one in alone] == [(start, 3), (start + 4 * MINUTE, 1)]
    assert scene.do(queues.parts(WORKSPACE, "none", start, start + HOUR, 60)) == []


def test_an_empty_workspace_has_an_overview(scene: Scene) -> None:
    found = look(scene)
    assert (found.completed, found.gates_waiting, found.attention, found.running, found.queues) == (0, 0, [], [], [])
    assert found.oldest_queued_at is None and found.today.cost_usd is None and found.waste == Waste(None, 0, None, 0)


def test_the_overview_counts_what_ended_lately(scene: Scene) -> None:
    worker = scene.new_worker()
    scene.complete(scene.start())
    scene.fail(scene.start())
    scene.fail(scene.start(queue="other"), retry_in=DAY)
    scene.do(jobs.cancel(WORKSPACE, scene.enqueue(queue="third"), ME))
    lost = scene.start(worker=worker)
    lose(scene, worker)
    scene.do(upkeep.measure_queues(datetime.now(UTC) + MINUTE / 2))
    found = look(scene, datetime.now(UTC) + MINUTE)
    assert (found.completed, found.ends.failed, found.ends.cancelled, found.ends.lost_attempts) == (1, 1, 1, 1)
    assert (found.ends.failed_attempts, found.ends.capped) == (2, False)
    assert {one.status: one.jobs for one in found.counts}["QUEUED"] == 1
    assert found.oldest_queued_at == scene.job(lost.job_id).queued_at
    later = look(scene, datetime.now(UTC) + 2 * HOUR)
    assert (later.completed, later.ends.failed, later.ends.cancelled, later.ends.lost_attempts) == (0, 0, 0, 0)


def test_what_was_not_looked_at_is_not_counted_silently(scene: Scene) -> None:
    for _ in range(3):
        scene.fail(scene.start())
    few = scene.do(overview.ends(WORKSPACE, datetime.now(UTC) - HOUR, 2))
    assert few is not None and (few.failed, few.capped) == (2, True)


def test_running_jobs_are_shown_with_what_they_cost(scene: Scene) -> None:
    first = scene.start(title="first")
    second = scene.start(title="second")
    spend(scene, first, "0.25")
    spend(scene, first, None, number=2)
    newest, oldest = look(scene).running
    assert (newest.id, newest.title, newest.cost_usd, newest.calls, newest.worker) == (
        second.job_id,
        "second",
        None,
        0,
        "w",
    )
    assert (oldest.id, oldest.cost_usd, oldest.calls, oldest.unpriced_calls) == (first.job_id, Decimal("0.25"), 2, 1)
    assert oldest.attempt_id == first.attempt_id and oldest.attempt == 1


def test_money_is_told_by_day_and_what_is_unknown_apart(scene: Scene) -> None:
    fence = scene.start()
    spend(scene, fence, "1.5")
    spend(scene, fence, None, number=2)
    found = look(scene, datetime.now(UTC) + timedelta(seconds=1))
    assert (found.today.cost_usd, found.today.unpriced_calls) == (Decimal("1.5"), 1)
    assert found.yesterday.calls == 0
    tomorrow = look(scene, datetime.now(UTC) + DAY)
    assert (tomorrow.today.calls, tomorrow.yesterday.cost_usd) == (0, Decimal("1.5"))


def wasted(scene: Scene) -> Waste:
    now = datetime.now(UTC)
    return scene.do(usage.waste(WORKSPACE, now - DAY, now + DAY))


def test_what_a_failed_attempt_cost_is_wasted_but_for_steps_that_later_ones_keep(scene: Scene) -> None:
    worker = scene.new_worker()
    fence = scene.start(worker=worker)
    kept, broken = scene.step(fence, "kept"), scene.step(fence, "broken")
    spend(scene, fence, "5", step=kept)
    spend(scene, fence, "0.5", number=2, step=broken)
    spend(scene, fence, "0.25", number=3)
    spend(scene, fence, None, number=4)
    scene.do(steps.finish(fence, kept, StepStatus.COMPLETED))
    assert wasted(scene) == Waste(None, 0, None, 0), "it runs still"
    lose(scene, worker)
    assert wasted(scene) == Waste(Decimal("5.75"), 1, None, 0), "nobody went on with it yet"
    again = scene.again(fence.job_id)
    spend(scene, again, "0.5")
    scene.complete(again)
    assert wasted(scene) == Waste(Decimal("0.75"), 1, Decimal(5), 0)


def test_waiting_for_people_wastes_nothing(scene: Scene) -> None:
    fence = scene.start()
    spend(scene, fence, "2")
    scene.ask(fence)
    assert scene.attempts(fence.job_id)[0].status == "INTERRUPTED"
    assert wasted(scene) == Waste(None, 0, None, 0)


def test_days_are_stacked_by_the_dearest_models(scene: Scene, admin: Connection) -> None:
    fence = scene.start()
    for number, (model, usd) in enumerate([("big", "3"), ("small", "1"), ("tiny", "0.1"), ("odd", None), ("big", "1")]):
        spend(scene, fence, usd, number=number, model=model)
    admin.execute("update jobtrail.usage set at = '2026-05-03T23:59:59Z' where number < 4")
    admin.execute("update jobtrail.usage set at = '2026-05-04T00:00:00Z' where number = 4")
    found = scene.do(usage.days(WORKSPACE, NOW - 5 * DAY, NOW, models=2))
    assert [(one.day, one.model, one.calls, one.cost_usd, one.unpriced_calls) for one in found] == [
        ("2026-05-03", "big", 1, Decimal(3), 0), ("2026-05-03", "small", 1, Decimal(1), 0),
        ("2026-05-03", None, 2, Decimal("0.1"), 1), ("2026-05-04", "big", 1, Decimal(1), 0),
    ]  # fmt: skip


def test_the_dearest_jobs_and_what_a_job_of_a_type_costs(scene: Scene) -> None:
    now = datetime.now(UTC)
    fences = [scene.start(title=f"job {n}", tags=("all", f"n{n % 2}")) for n in range(5)]
    for n, fence in enumerate(fences):
        spend(scene, fence, None if n == 0 else str(n))
    dear = scene.do(usage.dearest(WORKSPACE, now - DAY, now + DAY, 3))
    assert [(one.title, one.cost_usd) for one in dear] == [
        ("job 4", Decimal(4)),
        ("job 3", Decimal(3)),
        ("job 2", Decimal(2)),
    ]
    (of_type,) = scene.do(usage.by_type(WORKSPACE, now - DAY, now + DAY))
    assert (of_type.key, of_type.jobs, of_type.cost_usd, of_type.unpriced_calls) == ("demo", 5, Decimal(10), 1)
    assert (of_type.p50_usd, of_type.p95_usd) == (Decimal(2), Decimal(4))
    by_tag = {one.key: one.cost_usd for one in scene.do(usage.totals(WORKSPACE, now - DAY, now + DAY, "tag"))}
    assert by_tag == {"all": 10, "n0": 6, "n1": 4}


def test_a_workspace_sees_its_own_figures_only(scene: Scene, database: Database) -> None:
    scene.do(queues.open_workspace(OTHER, "other"))
    theirs = Scene(scene.conn, OTHER)
    spend(theirs, theirs.start(title="theirs"), "9")
    theirs.enqueue(queue="theirs")
    theirs.fail(theirs.start())
    with closing(database.connect(scope=None)) as conn:
        found = run(conn, overview.read(WORKSPACE, datetime.now(UTC)), Scope.of(WORKSPACE))
        sneaked = run(conn, overview.read(OTHER, datetime.now(UTC)), Scope.of(WORKSPACE))
    for one in (found, sneaked):
        assert (one.running, one.today.calls, one.ends.failed, one.attention) == ([], 0, 0, [])
        assert [each.queue for each in one.queues] == ["default"], "a shared worker serves it"


FIGURES = QueueFigures("io", 0, None, 0, 0, 0, 0, [], [], [], None, None, None, None, None)
GROUP = ErrorGroup("fp_1", "boom", "it broke", {"demo": 2}, 2, NOW, NOW, [], [OTHER], is_new=True, infrastructure=False)
GATE = Gate(OTHER, OTHER, OTHER, "Publish?", [], 1, None, "WAITING", NOW - 2 * HOUR, None, None)
LOST = LostWorker(OTHER, "w-3", NOW, "killed", 1, 1, OTHER)
FULL = replace(FIGURES, queue="full", depth=3, slots=2, busy=2, workers=1, oldest_queued_at=NOW - 4 * MINUTE)


def seen(**said: Any) -> list[Attention]:
    nothing: dict[str, Any] = {"unserved": {}, "queues": [], "errors": [], "lost": [], "gates": []}
    return attention(NOW, **nothing | said)


def test_the_most_urgent_comes_first() -> None:
    found = seen(unserved={("lonely", "demo"): 3}, queues=[FULL], errors=[GROUP], lost=[LOST], gates=[GATE])
    assert [(one.about, one.ref) for one in found] == [
        ("queue", "lonely"), ("queue", "full"), ("error", "fp_1"), ("worker", str(OTHER)), ("gate", str(OTHER)),
    ]  # fmt: skip
    assert [one.says for one in found] == [
        "3 jobs wait in lonely, and no live worker serves it",
        "queue full: 3 jobs waiting, no free slot (2 of 2 busy); the oldest has waited 4m",
        "new: boom: it broke in demo, 2 jobs",
        "worker w-3 vanished (killed) with 1 job; it went on elsewhere",
        "“Publish?” has waited 2h for a decision",
    ]


@pytest.mark.parametrize("calm", [
    {"unserved": {("io", "demo"): 3}, "queues": [replace(FIGURES, paused_at=NOW)]},
    {"queues": [replace(FULL, oldest_queued_at=NOW - MINUTE / 2)]},
    {"queues": [replace(FULL, busy=1)]},
    {"errors": [replace(GROUP, is_new=False)]},
    {"gates": [replace(GATE, asked_at=NOW - MINUTE)]},
])  # fmt: skip
def test_what_is_as_it_should_be_asks_for_no_attention(calm: dict[str, Any]) -> None:
    assert seen(**calm) == []


def test_types_that_no_worker_of_the_queue_knows_are_named() -> None:
    (found,) = seen(unserved={("io", "b"): 1, ("io", "a"): 1}, queues=[replace(FIGURES, workers=1)])
    assert found.says == "2 jobs wait in io, and no live worker of the queue knows a, b"


def test_a_silent_worker_and_one_whose_jobs_wait_still_are_told_so() -> None:
    silent, waits = seen(lost=[replace(LOST, why=None, jobs=2, again=0), replace(LOST, again=0)])
    assert silent.says == "worker w-3 is silent, its lease ran out; 2 jobs it holds will move"
    assert waits.says == "worker w-3 vanished (killed) with 1 job; not begun again yet"


def test_a_gate_that_expires_soon_is_old_enough() -> None:
    (found,) = seen(gates=[replace(GATE, asked_at=NOW - MINUTE, expires_at=NOW + MINUTE)])
    assert found.says == "“Publish?” has waited 1m for a decision, expires in 1m"


def test_a_lost_worker_is_found_and_that_its_job_went_on(scene: Scene) -> None:
    worker = scene.new_worker()
    fence = scene.start(worker=worker)
    lose(scene, worker)
    (before,) = scene.do(overview.lost_workers(WORKSPACE, datetime.now(UTC) - HOUR))
    assert (before.worker_id, before.jobs, before.again, before.job_id) == (worker, 1, 0, fence.job_id)
    scene.again(fence.job_id)
    (after,) = scene.do(overview.lost_workers(WORKSPACE, datetime.now(UTC) - HOUR))
    assert (after.again, after.why) == (1, "its process is gone (killed?)")
    assert scene.do(overview.lost_workers(WORKSPACE, datetime.now(UTC) + HOUR)) == []


def test_a_worker_whose_lease_ran_out_is_silent(scene: Scene, clock: Clock) -> None:
    worker = scene.new_worker(lease_seconds=30)
    scene.start(worker=worker)
    clock.advance(seconds=31)
    (found,) = scene.do(overview.lost_workers(WORKSPACE, clock.now() - HOUR))
    assert (found.worker_id, found.why, found.jobs) == (worker, None, 1)


def test_the_system_tells_its_tables_sessions_and_keeper(scene: Scene) -> None:
    found = scene.do(system.read())
    sizes = {one.table_name: one for one in found.tables}
    assert sizes["jobs"].size_bytes > 0 and sizes["events"].partitions > 0 and "events_rest" not in sizes
    assert found.most_sessions == 200 and sum(one.sessions for one in found.sessions) >= 1
    assert "test" in {one.name for one in found.sessions}
    assert found.upkeep is not None and found.upkeep.keeper_id is None and found.upkeep.sealed_at is None
    said = {one.about: one for one in system.findings(found, [], datetime.now(UTC), datetime.now(UTC))}
    assert said["upkeep"].level is Level.WARN and said["tables"].level is Level.OK
    scene.do(upkeep.elect("house", scene.worker, 5.0))
    kept = scene.do(system.read())
    assert kept.upkeep is not None and kept.upkeep.keeper_id == scene.worker
    said = {one.about: one for one in system.findings(kept, [], datetime.now(UTC), datetime.now(UTC))}
    assert said["upkeep"].says == "worker w keeps house"
    older = replace(kept, upkeep=replace(kept.upkeep, schema_number=1, keeper_late_seconds=60.0))
    said = {one.about: one for one in system.findings(older, [], datetime.now(UTC), datetime.now(UTC))}
    assert said["tables"].level is Level.BAD and said["upkeep"].level is Level.WARN
