"""Why a job waits, under flow control: the sentence names what holds it back, and the command that would change that."""

from __future__ import annotations

import re
import shlex
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from database import Clock, Connection
from scene import ME, WORKSPACE, Scene, ids, new_job

from jobtrail.cli.tree import tree
from jobtrail.core.budget_terms import BudgetPeriod, BudgetScope, Limits
from jobtrail.core.limits import LimitScope, Rate
from jobtrail.core.model import Actor
from jobtrail.core.status import ActorType
from jobtrail.core.why import sentence
from jobtrail.service import budgets, gates, jobs, limits, reserving
from jobtrail.service.budgets import NewBudget

COMMAND = re.compile(r"`(jobtrail [^`]*)`")
ANN = Actor(ActorType.USER, "ann")


def why(scene: Scene, id: UUID) -> str:
    """The sentence, of which each command can be typed."""
    facts = scene.do(jobs.facts(scene.workspace, id))
    assert facts is not None
    said = sentence(facts)
    assert said.endswith(".") and ". " not in said
    for command in COMMAND.findall(said):
        tree().parse_args(shlex.split(command)[1:], exit_on_error=False, print_error=False)
    return said


def limit(scene: Scene, scope: LimitScope, name: str, **how: object) -> None:
    scene.do(limits.set_limit(WORKSPACE, ids.new(), scope, name, ANN, **how))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scope", "name", "said"),
    [
        (
            LimitScope.QUEUE,
            "default",
            "2 of 2 slots of queue default are taken (limit set by ann 3 h ago); raise it with",
        ),
        (LimitScope.TYPE, "demo", "2 of 2 slots of type demo are taken (limit set by ann 3 h ago); raise it with"),
        (LimitScope.WORKSPACE, "", "2 of 2 slots of the workspace are taken (limit set by ann 3 h ago); raise it with"),
    ],
)
def test_a_limit_is_named_with_who_set_it_and_how_to_raise_it(
    scene: Scene, clock: Clock, scope: LimitScope, name: str, said: str
) -> None:
    limit(scene, scope, name, max_slots=2)
    scene.start(slots=2)
    clock.advance(seconds=3 * 3600)
    scene.new_worker()
    assert f"It waits because {said}" in why(scene, scene.enqueue())


def test_a_rate_tells_when_the_next_one_may_start(scene: Scene, clock: Clock) -> None:
    limit(scene, LimitScope.QUEUE, "default", rate=Rate(1, 60.0))
    scene.start()
    clock.advance(seconds=15)
    said = why(scene, scene.enqueue())
    assert said.startswith("It waits because queue default may start 1 job in 1 min")
    assert "the next one may start in 45 s, or allow more with `jobtrail limit set queue:default --rate 2/m`" in said


def test_the_command_that_raises_a_limit_is_enough_and_keeps_the_rest_of_it(scene: Scene) -> None:
    limit(scene, LimitScope.QUEUE, "default", max_slots=9, rate=Rate(60, 60.0, 10))
    for _ in range(3):
        scene.start()
    limit(scene, LimitScope.QUEUE, "default", max_slots=1, rate=Rate(60, 60.0, 10))
    scene.new_worker()
    said = why(scene, scene.enqueue())
    assert "3 of 1 slots" in said and "`jobtrail queue limit default --slots 4 --rate 60/m --burst 10`" in said
    limit(scene, LimitScope.QUEUE, "default", max_slots=9, rate=Rate(1, 60.0, 1))
    (id,) = scene.enqueue_many(1)
    scene.claim(1)
    said = why(scene, id)
    assert said.endswith("`jobtrail limit set queue:default --rate 2/m --burst 1 --slots 9`.")


def test_a_key_that_runs_is_named(scene: Scene) -> None:
    scene.start(concurrency_key="customer 42")
    said = why(scene, scene.enqueue(concurrency_key="customer 42"))
    assert said.startswith(
        "It waits until a job with its concurrency key customer 42 ends: 1 of 1 that may run at once"
    )


def test_a_breaker_is_named_before_a_limit(scene: Scene) -> None:
    scene.new_worker()
    limit(scene, LimitScope.WORKSPACE, "", max_slots=0)
    limit(scene, LimitScope.TYPE, "demo", max_slots=0, source="BREAKER", reason="12 of 15 attempts failed")
    assert why(scene, scene.enqueue()) == (
        "The breaker of its type demo holds its jobs back since 0 s ago: 12 of 15 attempts failed; "
        "close it with `jobtrail type breaker demo close`."
    )


def test_a_job_that_no_worker_has_slots_for_says_so(scene: Scene) -> None:
    scene.new_worker()
    assert why(scene, scene.enqueue(slots=4)) == (
        "It takes 4 slots, and no worker of its queue default has more than 1; "
        "start one with `jobtrail worker start -q default --slots 4`."
    )


def test_what_it_depends_on_is_named(scene: Scene) -> None:
    first, second = scene.start(title="first"), scene.enqueue(queue="elsewhere")
    wanted = new_job()._replace(after=(first.job_id, second))
    (id,) = scene.do(jobs.enqueue(WORKSPACE, [wanted], ME)).ids
    said = why(scene, id)
    assert said.startswith("It waits for 2 jobs that it depends on: first ")
    assert "(demo, RUNNING), of which `jobtrail job why " in said


def test_a_gate_tells_how_many_have_approved(scene: Scene) -> None:
    fence = scene.start()
    gate = scene.ask(fence, needed=2)
    scene.do(gates.decide(WORKSPACE, gate, ANN, approve=True))
    assert "(1 of 2 have approved); decide with `jobtrail gate approve " in why(scene, fence.job_id)


def test_a_budget_that_leaves_nothing_is_named_with_how_to_raise_it(scene: Scene) -> None:
    wanted = NewBudget(
        scope=BudgetScope.QUEUE, subject="default", limits=Limits(usd=Decimal(5)), period=BudgetPeriod.DAY
    )
    scene.do(budgets.set_(WORKSPACE, wanted, ANN))
    first, second = scene.start(), scene.start()
    scene.do(reserving.reserve(first, usd=Decimal(5)))
    assert scene.do(reserving.reserve(second, usd=Decimal(1))).waits is not None
    said = why(scene, second.job_id)
    assert said.startswith("The budget of queue:default (5 USD a day) leaves nothing for it now; raise it with")
    assert "`jobtrail budget set queue:default --usd 10 --per day`, or it goes on in " in said


def test_the_pace_of_the_queue_tells_when_it_may_start(scene: Scene, clock: Clock, admin: Connection) -> None:
    now = clock.freeze()
    scene.new_worker()
    scene.enqueue_many(10)
    id = scene.enqueue()
    assert "pace" not in why(scene, id)
    for minute in range(1, 6):
        admin.execute(
            "insert into jobtrail.queue_stats (workspace_id, queue, at, depth, oldest_age_seconds, jobs_in, jobs_out, failures) "
            "values (%s, 'default', %s, 0, 0, 0, 4, 0)",
            (WORKSPACE, now - timedelta(minutes=minute)),
        )
    said = why(scene, id)
    assert "10 jobs are ahead of it in queue default" in said
    assert said.endswith("at the pace of the last 10 min it starts in about 5 min.")
