"""Two or more want the same job at the same time: each race ends well in every round, without a single deadlock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from database import Database
from psycopg import sql
from races.arena import ROUNDS, Arena, Contender, ids_of
from scene import ME, Scene, fence_of, ids, new_job

from jobtrail.core.fence import Fence
from jobtrail.core.model import Actor
from jobtrail.core.status import ActorType, StepType
from jobtrail.service import attempts, gates, jobs, logs, upkeep, workers


@pytest.fixture
def arena(database: Database) -> Iterator[Arena]:
    with closing(database.as_admin()) as admin:
        name = sql.Identifier(database.name)
        admin.execute(sql.SQL("alter database {} set deadlock_timeout = '20ms'").format(name))
        with closing(psycopg.connect(database.admin_url, autocommit=True)) as looks_on:
            arena = Arena(database, looks_on)
            yield arena
            assert arena.deadlocks() == 0
            assert arena.unsound() == {}


@pytest.fixture
def setter(arena: Arena) -> Iterator[Scene]:
    """Sets the scene before a race and looks at it afterwards."""
    with arena.scene() as scene:
        yield scene


def running(scene: Scene, n: int = ROUNDS, **wanted: object) -> list[Fence]:
    scene.enqueue_many(n, **wanted)
    return [fence_of(one, scene.worker) for one in scene.claim(n)]


def statuses(arena: Arena) -> Counter[str]:
    return Counter(dict(arena.admin.execute("select status::text, count(*) from jobtrail.jobs group by 1").fetchall()))


def cancel(scene: Scene, id: UUID) -> str:
    return str(scene.do(jobs.cancel(scene.workspace, id, ME, "enough")))


def claim(scene: Scene, _: object) -> list[UUID]:
    return ids_of(scene.claim())


def retry(scene: Scene, id: UUID) -> int:
    return scene.do(jobs.retry(scene.workspace, id, ME))


def rescue(scene: Scene, worker: UUID) -> list[UUID]:
    lost = scene.do(workers.rescue([worker]))
    return ids_of(lost)


def test_complete_against_cancel(arena: Arena, setter: Scene) -> None:
    fences = running(setter)
    got = arena.race(fences, lambda s, f: s.complete(f), lambda s, f: cancel(s, f.job_id))
    assert statuses(arena) == {"COMPLETED": ROUNDS}
    assert [one[0] for one in got] == [[]] * ROUNDS
    assert {one[1] for one in got} <= {"RUNNING", "Conflict"}


def test_complete_against_complete(arena: Arena, setter: Scene) -> None:
    fences = running(setter)
    got = arena.race(fences, lambda s, f: s.complete(f), lambda s, f: s.complete(f))
    assert got == [[[], []]] * ROUNDS
    assert statuses(arena) == {"COMPLETED": ROUNDS}


def test_complete_against_rescue(arena: Arena, setter: Scene) -> None:
    fences = running(setter)
    got = arena.race(fences, lambda s, f: s.complete(f), lambda s, f: rescue(s, f.worker_id))
    rescued = {id for _, each in got for id in each}
    stale = {fence.job_id for each, _ in got for fence in each}
    assert rescued == stale
    assert statuses(arena) == Counter({"COMPLETED": ROUNDS - len(stale), "QUEUED": len(stale)}) - Counter()


def test_complete_against_fail_against_end_cancelled(arena: Arena, setter: Scene) -> None:
    fences = running(setter)
    got = arena.race(
        fences,
        lambda s, f: s.complete(f) == [],
        lambda s, f: s.fail(f),
        lambda s, f: s.do(attempts.end_cancelled(f, "stopped")),
    )
    won = [[one[0] is True, *(not isinstance(each, str) for each in one[1:])] for one in got]
    assert {sum(each) for each in won} == {1}
    assert sum(statuses(arena).values()) == ROUNDS


def test_claim_against_claim(arena: Arena, setter: Scene) -> None:
    wanted = setter.enqueue_many(2 * ROUNDS)
    got = arena.race(range(2 * ROUNDS), *[lambda s, n: ids_of(s.claim(n % 5))] * 3)
    claimed = [id for each in got for one in each for id in one]
    assert Counter(claimed) == Counter(wanted)


def test_claim_against_cancel(arena: Arena, setter: Scene) -> None:
    wanted = setter.enqueue_many(ROUNDS)
    arena.race(wanted, claim, cancel)
    left = statuses(arena)
    assert left["RUNNING"] + left["CANCELLED"] == ROUNDS
    assert arena.admin.execute(
        "select count(*) from jobtrail.jobs where status = 'RUNNING' and cancel_requested_at is null"
    ).fetchone() == (0,)
    assert setter.claim(ROUNDS) == []


def test_claim_against_retry(arena: Arena, setter: Scene) -> None:
    fences = running(setter)
    for fence in fences:
        setter.fail(fence)
    arena.race(fences, claim, lambda s, f: retry(s, f.job_id), claim)
    setter.claim(ROUNDS)
    assert statuses(arena) == {"RUNNING": ROUNDS}


def test_claim_against_cancel_against_retry(arena: Arena, setter: Scene) -> None:
    """The three meet at the same row of `ready`: the claim takes it away while the retry puts it back."""
    wanted = setter.enqueue_many(ROUNDS)
    arena.race(wanted, claim, cancel, retry, retry)
    left = statuses(arena)
    assert left["RUNNING"] + left["CANCELLED"] + left["QUEUED"] == ROUNDS
    assert len(setter.claim(ROUNDS)) == left["QUEUED"]


@pytest.mark.parametrize("change", [jobs.Change(title="x"), jobs.Change(priority=9), jobs.Change(tags=("x",))])
def test_claim_against_update(arena: Arena, setter: Scene, change: jobs.Change) -> None:
    wanted = setter.enqueue_many(ROUNDS)
    update = lambda s, id: s.do(jobs.update(s.workspace, id, change, ME))  # noqa: E731
    got = arena.race(wanted, claim, update, update)
    assert all(isinstance(version, int) for _, *each in got for version in each)
    setter.claim(ROUNDS)
    assert statuses(arena) == {"RUNNING": ROUNDS}


def test_claim_against_putting_off(arena: Arena, setter: Scene) -> None:
    wanted = setter.enqueue_many(ROUNDS)
    change = jobs.Change(scheduled_at=datetime.now(UTC) + timedelta(days=1))
    arena.race(
        wanted,
        claim,
        lambda s, id: s.do(jobs.update(s.workspace, id, change, ME)),
        lambda s, id: s.do(jobs.start_now(s.workspace, id, ME)),
    )
    left = statuses(arena)
    assert left["RUNNING"] + left["PENDING"] + left["QUEUED"] == ROUNDS
    assert len(setter.claim(ROUNDS)) == left["QUEUED"]


def test_two_updates_of_one_version(arena: Arena, setter: Scene) -> None:
    wanted = setter.enqueue_many(ROUNDS)
    update = lambda s, id: s.do(jobs.update(s.workspace, id, jobs.Change(title="x"), ME, version=1))  # noqa: E731
    got = arena.race(wanted[: ROUNDS // 10], update, update)
    assert {tuple(sorted(map(str, one))) for one in got} == {("2", "ConcurrentUpdate")}


def test_stage_against_cancel(arena: Arena, setter: Scene) -> None:
    wanted = setter.enqueue_many(ROUNDS)
    soon = jobs.Change(scheduled_at=datetime.now(UTC) + timedelta(days=1))
    for id in wanted:
        setter.do(jobs.update(setter.workspace, id, soon, ME))
    arena.admin.execute("update jobtrail.timers set due_at = '2020-01-01'")
    setter.conn.execute("update jobtrail.jobs set event = 'job.updated', scheduled_at = '2020-01-01'")
    arena.race(wanted, lambda s, _: s.do(upkeep.stage(1)).moved, cancel)
    while setter.do(upkeep.stage()).moved:
        pass
    assert statuses(arena) == {"CANCELLED": ROUNDS}
    assert setter.claim(ROUNDS) == []


def test_stage_against_start_now_against_claim(arena: Arena, setter: Scene) -> None:
    wanted = setter.enqueue_many(ROUNDS, scheduled_at=datetime.now(UTC) + timedelta(days=1))
    setter.conn.execute("update jobtrail.jobs set event = 'job.updated', scheduled_at = '2020-01-01'")
    arena.race(
        wanted,
        lambda s, _: s.do(upkeep.stage(1)),
        lambda s, id: s.do(jobs.start_now(s.workspace, id, ME)),
        claim,
    )
    setter.do(upkeep.stage(ROUNDS))
    setter.claim(ROUNDS)
    assert statuses(arena) == {"RUNNING": ROUNDS}


PEOPLE = [Actor(ActorType.USER, name) for name in ("ann", "bob", "eve")]


def waiting(scene: Scene, needed: int) -> list[UUID]:
    found = []
    for fence in running(scene):
        step = scene.step(fence, "publish?", type=StepType.GATE)
        ask = gates.request(fence, step, ids.new(), "May it?", needed=needed, expires=timedelta(microseconds=1))
        found.append(scene.do(ask))
    return found


@pytest.mark.parametrize("needed", [1, 2, 3])
def test_decide_against_decide(arena: Arena, setter: Scene, needed: int) -> None:
    """Each approval sees those before it, so that the last one needed is known to be the last."""
    wanted = waiting(setter, needed)

    def approve(number: int) -> Contender[UUID]:
        return lambda s, gate: str(s.do(gates.decide(s.workspace, gate, PEOPLE[number], approve=True)))

    got = arena.race(wanted, *(approve(number) for number in range(3)))
    expected = ["WAITING"] * (needed - 1) + ["APPROVED"] + ["Conflict"] * (3 - needed)
    assert Counter(tuple(sorted(map(str, one))) for one in got) == {tuple(sorted(expected)): ROUNDS}
    assert statuses(arena) == {"QUEUED": ROUNDS}


def test_approve_against_reject_against_expire(arena: Arena, setter: Scene) -> None:
    wanted = waiting(setter, 1)
    got = arena.race(
        wanted,
        lambda s, gate: str(s.do(gates.decide(s.workspace, gate, PEOPLE[0], approve=True))),
        lambda s, gate: str(s.do(gates.decide(s.workspace, gate, PEOPLE[1], approve=False))),
        lambda s, _: s.do(gates.expire(1))[0],
    )
    setter.do(gates.expire(ROUNDS))
    assert {sum(each in ("APPROVED", "REJECTED") for each in one) for one in got} <= {0, 1}
    assert statuses(arena) == {"QUEUED": ROUNDS}


def test_decide_against_cancel(arena: Arena, setter: Scene) -> None:
    wanted = waiting(setter, 1)
    job_of = dict(arena.admin.execute("select id, job_id from jobtrail.gates").fetchall())
    arena.race(
        wanted,
        lambda s, gate: str(s.do(gates.decide(s.workspace, gate, PEOPLE[0], approve=True))),
        lambda s, gate: cancel(s, job_of[gate]),
    )
    assert statuses(arena) == {"CANCELLED": ROUNDS}


BATCH = 10


@pytest.mark.parametrize("hot", [True, False], ids=["a worker's session", "an ordinary session"])
def test_batches_of_logs_against_batches_of_ends(arena: Arena, setter: Scene, hot: bool) -> None:
    """A worker's writers and its finisher touch the same jobs in any order."""
    fences = running(setter, ROUNDS * 2)
    batches = [fences[i : i + BATCH] for i in range(0, len(fences), BATCH)]

    def lines(turn: slice) -> Contender[list[Fence]]:
        return lambda s, batch: s.do(
            logs.append([logs.NewChunk(f, None, 1 + 2 * i, 1, ("INFO",), (), "{}") for i, f in enumerate(batch[turn])])
        )

    arena.race(
        batches,
        lines(slice(None)),
        lines(slice(None, None, -1)),
        lambda s, batch: s.do(attempts.complete([attempts.Completed(f) for f in batch[::-1]])),
        lambda s, batch: s.do(attempts.interrupt(batch)),
        lambda s, batch: [s.do(attempts.progress(f, 50)) for f in batch],
        hot=hot,
    )
    left = statuses(arena)
    assert left["COMPLETED"] + left["QUEUED"] == len(fences)


def test_enqueue_against_enqueue_of_the_same_unique_keys(arena: Arena, setter: Scene) -> None:
    def enqueue(turn: slice) -> Contender[int]:
        def go(s: Scene, round: int) -> int:
            wanted = [new_job(unique_key=f"{round}-{n}") for n in range(BATCH)][turn]
            return len(s.do(jobs.enqueue(s.workspace, wanted, ME)).existed)

        return go

    got = arena.race(range(ROUNDS // 3), enqueue(slice(None)), enqueue(slice(None, None, -1)))
    assert {tuple(sorted(one)) for one in got} == {(0, BATCH)}


def test_enqueue_against_the_end_of_who_holds_its_unique_key(arena: Arena, setter: Scene) -> None:
    for n in range(ROUNDS):
        setter.enqueue(unique_key=str(n))
    fences = [fence_of(one, setter.worker) for one in setter.claim(ROUNDS)]
    prizes = list(enumerate(fences))
    enqueue = lambda s, p: s.enqueue(unique_key=str(p[0]))  # noqa: E731
    got = arena.race(prizes, lambda s, p: s.complete(p[1]), enqueue, enqueue)
    for (_, *accepted), fence in zip(got, fences, strict=True):
        for id in accepted:
            assert isinstance(id, UUID)
            assert setter.job(id).status in ("QUEUED", "COMPLETED")
        assert len({*accepted} - {fence.job_id}) <= 1


def test_rescue_against_rescue(arena: Arena, setter: Scene) -> None:
    setter.enqueue_many(ROUNDS)
    lost = [setter.new_worker() for _ in range(ROUNDS)]
    held = {setter.claim(worker=worker)[0].job_id for worker in lost}
    got = arena.race(lost, rescue, rescue)
    rescued = [one for both in got for each in both for one in each]
    assert Counter(rescued) == Counter(held)
    assert statuses(arena) == {"QUEUED": ROUNDS}
