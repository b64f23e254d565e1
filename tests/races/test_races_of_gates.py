"""Two or more want the same gate, link or wait at once: each race ends well in every round, without a deadlock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from database import Database
from psycopg import sql
from races.arena import DEEP, Arena
from scene import ME, Scene, ids

from jobtrail.core.fence import Fence
from jobtrail.core.model import Actor
from jobtrail.core.status import ActorType, Phase
from jobtrail.service import audit, gate_links, gates, jobs, signals, upkeep, waits
from jobtrail.service.waits import Wanted

ROUNDS = 1_000 if DEEP else 60
ANN, BOB, EVE = (Actor(ActorType.USER, name) for name in ("ann", "bob", "eve"))


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


def asked(scene: Scene, needed: int = 1, expires: timedelta | None = None) -> list[tuple[UUID, UUID]]:
    """Gates that wait, with their jobs."""
    fences = [scene.start() for _ in range(ROUNDS)]
    return [(fence.job_id, scene.ask(fence, needed=needed, expires=expires)) for fence in fences]


def say(scene: Scene, gate: UUID, actor: Actor, *, yes: bool = True) -> str:
    return str(scene.do(gates.decide(scene.workspace, gate, actor, approve=yes)))


def statuses(arena: Arena, of: str = "jobs") -> Counter[str]:
    rows = arena.admin.execute(f"select status::text, count(*) from jobtrail.{of} group by 1".encode())
    return Counter(dict(rows.fetchall()))


def sound(scene: Scene, prizes: list[tuple[UUID, UUID]]) -> None:
    for job, _ in prizes[:20]:
        assert scene.do(audit.verify_job(scene.workspace, job)).findings == ()


def test_the_last_approvals_come_at_once(arena: Arena, setter: Scene) -> None:
    wanted = asked(setter, needed=2)
    got = arena.race(wanted, lambda s, one: say(s, one[1], ANN), lambda s, one: say(s, one[1], BOB))
    assert {tuple(sorted(each)) for each in got} == {("APPROVED", "WAITING")}
    assert statuses(arena) == {"QUEUED": ROUNDS}
    sound(setter, wanted)


def test_one_voice_says_yes_and_no_at_once(arena: Arena, setter: Scene) -> None:
    wanted = asked(setter, needed=2)
    arena.race(wanted, lambda s, one: say(s, one[1], ANN), lambda s, one: say(s, one[1], ANN, yes=False))
    assert statuses(arena, "gates") == {"REJECTED": ROUNDS}, "whichever came first, the no was the last word"
    sound(setter, wanted)


def test_a_decision_against_the_end_of_its_time_and_a_cancel(arena: Arena, setter: Scene) -> None:
    wanted = asked(setter, expires=timedelta(microseconds=1))
    arena.race(
        wanted,
        lambda s, one: say(s, one[1], ANN),
        lambda s, one: str(s.do(jobs.cancel(s.workspace, one[0], ME))),
        lambda s, _: s.do(gates.expire(5)),
    )
    assert statuses(arena) == {"CANCELLED": ROUNDS}
    assert "WAITING" not in statuses(arena, "gates")
    sound(setter, wanted)


def test_a_decision_against_the_end_of_its_time(arena: Arena, setter: Scene) -> None:
    wanted = asked(setter, expires=timedelta(microseconds=1))
    arena.race(wanted, lambda s, one: say(s, one[1], ANN), lambda s, _: s.do(gates.expire(5)))
    setter.do(gates.expire(ROUNDS))
    assert statuses(arena) == {"QUEUED": ROUNDS}
    assert set(statuses(arena, "gates")) <= {"APPROVED", "EXPIRED"}
    told = Counter(event for job, _ in wanted for event in setter.told(job))
    assert told["gate.approved"] + told["gate.expired"] == ROUNDS, "each gate ends once"


def test_a_link_is_used_twice_at_once_and_taken_back(arena: Arena, setter: Scene) -> None:
    wanted = []
    for job, gate in asked(setter, needed=3):
        made = setter.do(gate_links.make(setter.workspace, gate, ids.new(), "ben", bytes(32), timedelta(days=1), ANN))
        sent = setter.do(gate_links.opened(made.token)).form_token
        wanted.append((job, gate, made.token, sent, made.link.id))

    def answer(scene: Scene, one: tuple[UUID, UUID, str, str, UUID]) -> str:
        return str(scene.do(gate_links.decide(one[2], one[3], approve=True, comment=None, form=None)))

    got = arena.race(
        wanted, answer, answer, lambda s, one: str(s.do(gate_links.revoke(s.workspace, one[1], one[4])).used_at)
    )
    for one, each in zip(wanted, got, strict=True):
        said = setter.do(gates.decisions(setter.workspace, [one[1]]))
        assert len(said) <= 1 and [str(x) for x in each[:2]].count("WAITING") == len(said)


def test_a_signal_comes_while_a_job_begins_to_wait_for_it(arena: Arena, setter: Scene) -> None:
    """Whichever is first: the job is not left waiting."""
    running = [setter.start() for _ in range(ROUNDS)]

    def hear(scene: Scene, fence: Fence) -> str:
        wanted = Wanted(signal="go", seconds=9e4)
        return str(scene.do(waits.begin(fence, ids.new(), "signal go", "signal go", Phase.EXECUTION, wanted)).output)

    def tell(scene: Scene, fence: Fence) -> str:
        return str(scene.do(signals.signal(scene.workspace, fence.job_id, "go", b"1", ME)).resumed)

    got = arena.race(running, hear, tell)
    assert all((heard == "None") == (resumed == "True") for heard, resumed in got)
    assert set(statuses(arena)) <= {"QUEUED", "RUNNING"}


def test_a_sleep_begins_while_its_job_is_cancelled(arena: Arena, setter: Scene) -> None:
    running = [setter.start() for _ in range(ROUNDS)]
    wanted = Wanted(seconds=9e4)
    got = arena.race(
        running,
        lambda s, one: s.do(waits.begin(one, ids.new(), "sleep", "sleep", Phase.EXECUTION, wanted)).stop,
        lambda s, one: str(s.do(jobs.cancel(s.workspace, one.job_id, ME))),
    )
    for fence, (stop, cancelled) in zip(running, got, strict=True):
        status = setter.job(fence.job_id).status
        assert (stop, cancelled, status) in ((True, "RUNNING", "RUNNING"), (False, "CANCELLED", "CANCELLED"))


def test_a_sleep_ends_by_its_time_and_by_an_actor_at_once(arena: Arena, setter: Scene) -> None:
    sleepers = [setter.start() for _ in range(ROUNDS)]
    for fence in sleepers:
        setter.do(waits.begin(fence, ids.new(), "s", "s", Phase.EXECUTION, Wanted(seconds=2.05)))
    arena.race(
        sleepers,
        lambda s, one: s.do(jobs.start_now(s.workspace, one.job_id, ME)),
        lambda s, _: s.do(upkeep.stage(5)),
    )
    assert statuses(arena) == {"QUEUED": ROUNDS}
    assert all(setter.told(one.job_id).count("job.queued") == 1 for one in sleepers)
