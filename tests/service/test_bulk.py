"""An action on all jobs that a filter lets through: counted first, done page by page, each job that it left alone told."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from database import Connection, Database
from scene import ME, SERVES_ALL, WORKSPACE, Scene, fence_of, ids

from jobtrail.core.bulk import QUEUE, TYPE, Account, Action, Order, Skipped, decode, encode
from jobtrail.core.errors import Invalid, StaleAttempt
from jobtrail.core.fence import Fence
from jobtrail.core.filter import Filter
from jobtrail.core.filter_language import parse
from jobtrail.core.model import Actor
from jobtrail.core.status import ActorType, JobStatus
from jobtrail.service import bulk, jobs, lists, queues
from jobtrail.store.db import Scope, run

OTHER = UUID("00000000-0000-7000-8000-0000000000bb")
ANA = Actor(ActorType.USER, "ana")


def work(scene: Scene, order: Order, *, limit: int = 2) -> Account:
    """The whole operation, page by page, as a worker does it."""
    return pages(scene, started(scene, order), limit=limit)


def started(scene: Scene, order: Order) -> Fence:
    """An operation that was ordered, and that a worker took."""
    operation = scene.do(bulk.enqueue(WORKSPACE, ids.new(), order, ANA))
    return taken(scene, operation)


def taken(scene: Scene, operation: UUID) -> Fence:
    claimed = scene.claim(10, queue=QUEUE, types=(TYPE,))
    return next(fence_of(one, scene.worker) for one in claimed if one.job_id == operation)


def pages(scene: Scene, fence: Fence, *, limit: int = 2) -> Account:
    account, before = Account(), None
    while True:
        page = scene.do(bulk.page(fence, ids.many, before=before, limit=limit))
        account, before = account.plus(page), page.next_before
        if before is None:
            return account


def ended(scene: Scene, **wanted: Any) -> UUID:
    fence = scene.start(**wanted)
    scene.fail(fence)
    return fence.job_id


def test_cancelling_all_that_match(scene: Scene) -> None:
    waiting = scene.enqueue_many(3, tags=("x",))
    later = scene.enqueue(tags=("x",), scheduled_at=datetime.now(UTC) + timedelta(days=1))
    running = scene.start(tags=("x",), queue="other").job_id
    done = scene.start(tags=("x",), queue="third")
    scene.complete(done)
    asked = scene.start(tags=("x",), queue="fourth").job_id
    scene.do(jobs.cancel(WORKSPACE, asked, ME))
    bystander = scene.enqueue()
    order = Order(action=Action.CANCEL, filter=Filter(tags=("x",)), reason="too dear")
    assert scene.do(bulk.count(WORKSPACE, order)) == bulk.Counted(7, 6, capped=False)
    account = work(scene, order)
    assert (account.done, account.skipped) == (5, 2)
    assert account.why == {"it is COMPLETED": 1, "it is being cancelled already": 1}
    assert set(account.skipped_jobs) == {
        Skipped(done.job_id, "it is COMPLETED"), Skipped(asked, "it is being cancelled already"),
    }  # fmt: skip
    assert {scene.job(id).status for id in (*waiting, later)} == {"CANCELLED"}
    assert {scene.job(id).cancel_reason for id in (*waiting, later, running)} == {"too dear"}
    assert (scene.job(running).status, scene.job(running).cancel_requested_at is None) == ("RUNNING", False)
    assert scene.job(bystander).status == "QUEUED"
    assert [one.job_id for one in scene.claim(10)] == [bystander]


def test_the_trail_names_the_operation_and_who_ordered_it(scene: Scene) -> None:
    id = scene.enqueue()
    operation = started(scene, Order(action=Action.CANCEL, filter=Filter()))
    pages(scene, operation)
    last = scene.events(id)[-1]
    assert (last.type, last.actor_type, last.actor_id) == ("job.cancelled", "user", "ana")
    assert last.payload["bulk"] == str(operation.job_id)


def test_retrying_all_that_match(scene: Scene) -> None:
    failed = [ended(scene) for _ in range(3)]
    running = scene.start(queue="other").job_id
    account = work(scene, Order(action=Action.RETRY, filter=Filter(types=("demo",))))
    assert (account.done, account.why) == (3, {"it is RUNNING": 1})
    assert {scene.job(id).generation for id in failed} == {2} and scene.job(running).generation == 1
    assert {one.job_id for one in scene.claim(10)} == set(failed)


def test_a_unique_key_is_given_back_to_one_job_only(scene: Scene) -> None:
    """Else the whole page would be refused."""
    twice = [ended(scene, unique_key="twice") for _ in range(2)]
    held = ended(scene, unique_key="held")
    scene.enqueue(unique_key="held", queue="other")
    account = work(scene, Order(action=Action.RETRY, filter=Filter(statuses=(JobStatus.FAILED,))), limit=500)
    assert account.done == 1
    assert {one.job_id for one in account.skipped_jobs} == {twice[0], held}
    assert account.why == {"a live job has its unique key": 2}
    assert scene.job(twice[1]).status == "QUEUED"


def test_giving_all_that_match_another_priority(scene: Scene) -> None:
    low = scene.enqueue_many(3, priority=2)
    high = scene.enqueue(priority=9)
    over = ended(scene, queue="other")
    account = work(scene, Order(action=Action.PRIORITIZE, filter=Filter(), priority=9))
    assert (account.done, account.why) == (3, {"it has this priority already": 1, "it is FAILED": 1})
    assert {scene.job(id).priority for id in (*low, high)} == {9} and scene.job(over).priority == 5
    assert sorted(one.job_id for one in scene.claim(10)) == sorted([*low, high])
    assert scene.claim(10) == []


def test_rerunning_all_that_match_makes_one_new_job_of_each(scene: Scene) -> None:
    old = scene.enqueue_many(5, input=b'{"n": [1.5, "x"]}', tags=("x",), priority=7, title="t")
    operation = started(scene, Order(action=Action.RERUN, filter=Filter(tags=("x",))))
    assert pages(scene, operation).done == 5
    assert pages(scene, operation).done == 5, "a page that is repeated counts what it did before"
    new = [job for job in scene.do(jobs.listed(WORKSPACE, Filter(tags=("x",)), limit=100)) if job.rerun_of]
    assert sorted(job.rerun_of for job in new if job.rerun_of) == old
    assert {(job.priority, job.title, json.dumps(job.input), job.created_by) for job in new} == {
        (7, "t", '{"n": [1.5, "x"]}', "user:ana")
    }


def test_an_operation_takes_what_was_there_when_it_was_ordered(scene: Scene) -> None:
    """And neither itself nor another operation."""
    there = scene.enqueue_many(3)
    order = Order(action=Action.CANCEL, filter=Filter())
    earlier = scene.do(bulk.enqueue(WORKSPACE, ids.new(), order, ANA))
    operation = scene.do(bulk.enqueue(WORKSPACE, ids.new(), order, ANA))
    late = scene.enqueue()
    assert pages(scene, taken(scene, operation)).done == 3
    assert {scene.job(id).status for id in there} == {"CANCELLED"}
    assert {scene.job(id).status for id in (earlier, operation)} == {"RUNNING"}
    assert (scene.job(late).status, scene.job(earlier).cancel_requested_at) == ("QUEUED", None)
    assert scene.job(operation).type == TYPE


def test_a_page_that_is_repeated_does_nothing_twice(scene: Scene) -> None:
    id = ended(scene)
    order = Order(action=Action.RETRY, filter=Filter(types=("demo",)))
    operation = started(scene, order)
    assert pages(scene, operation).done == 1
    assert pages(scene, operation) == Account(
        skipped=1, why={"it is QUEUED": 1}, skipped_jobs=(Skipped(id, "it is QUEUED"),)
    )
    assert scene.job(id).generation == 2


def test_an_operation_goes_on_where_a_search_ended(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks at all jobs, however few of them match."""
    monkeypatch.setattr(lists, "SEARCHED", 3)
    wanted = [scene.enqueue(tags=("rare",)) for _ in range(2)]
    scene.enqueue_many(8)
    order = Order(action=Action.CANCEL, filter=Filter(tags=("rare",)))
    assert scene.do(bulk.count(WORKSPACE, order)) == bulk.Counted(0, 0, capped=True)
    assert work(scene, order).done == 2
    assert {scene.job(id).status for id in wanted} == {"CANCELLED"}


def test_a_count_ends_at_its_cap(scene: Scene) -> None:
    scene.enqueue_many(5)
    order = Order(action=Action.RETRY, filter=Filter())
    assert scene.do(bulk.count(WORKSPACE, order, cap=4)) == bulk.Counted(4, 0, capped=True)


def test_two_operations_on_the_same_jobs_do_not_deadlock(database: Database, scene: Scene, admin: Connection) -> None:
    wanted = scene.enqueue_many(400)
    order = Order(action=Action.CANCEL, filter=Filter())
    operations = [started(scene, order) for _ in range(3)]
    accounts: list[Account] = []
    together = threading.Barrier(len(operations))

    def act(operation: Fence) -> None:
        with closing(database.connect()) as conn:
            together.wait(30)
            accounts.append(pages(Scene(conn), operation, limit=100))

    threads = [threading.Thread(target=act, args=(operation,)) for operation in operations]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(account.done for account in accounts) == len(wanted)
    cancelled = "select count(*) from jobtrail.events where type = 'job.cancelled'"
    assert admin.execute(cancelled.encode()).fetchone() == (len(wanted),)


def test_no_operation_reaches_another_workspace(database: Database, scene: Scene) -> None:
    scene.do(queues.open_workspace(OTHER, "other"))
    theirs = Scene(scene.conn, OTHER).enqueue_many(3)
    ours = Scope(str(WORKSPACE), standing=True)
    with closing(database.connect(str(WORKSPACE))) as conn:
        for action, priority in (
            (Action.CANCEL, None),
            (Action.RETRY, None),
            (Action.RERUN, None),
            (Action.PRIORITIZE, 9),
        ):
            order = Order(action=action, filter=Filter(), priority=priority)
            operation = started(scene, order)
            assert run(conn, bulk.page(operation, ids.many), ours).done == 0
            with pytest.raises(StaleAttempt):
                run(conn, bulk.page(operation._replace(workspace_id=OTHER), ids.many), ours)
            assert run(conn, bulk.count(OTHER, order), ours).matching == 0
    found = run(scene.conn, jobs.listed(OTHER, Filter()), SERVES_ALL)
    assert {(job.id, job.status, job.version) for job in found} == {(id, "QUEUED", 1) for id in theirs}


def test_whoever_lost_an_operation_can_do_no_more_of_it(scene: Scene) -> None:
    there = scene.enqueue_many(3)
    lost = started(scene, Order(action=Action.CANCEL, filter=Filter()))
    scene.fail(lost, retry_in=timedelta(0))
    scene.do(jobs.start_now(WORKSPACE, lost.job_id, ME))
    again = taken(scene, lost.job_id)
    with pytest.raises(StaleAttempt):
        pages(scene, lost)
    assert {scene.job(id).status for id in there} == {"QUEUED"}
    scene.do(jobs.cancel(WORKSPACE, lost.job_id, ME))
    with pytest.raises(StaleAttempt, match="it is to stop"):
        pages(scene, again)
    assert {scene.job(id).status for id in there} == {"QUEUED"}


def test_a_job_that_is_no_operation_does_nothing(scene: Scene) -> None:
    other = scene.start(input=encode(Order(action=Action.CANCEL, filter=Filter())))
    with pytest.raises(StaleAttempt):
        pages(scene, other)


@pytest.mark.parametrize(
    "order",
    [
        Order(action=Action.CANCEL, filter=Filter(), reason="why"),
        Order(action=Action.PRIORITIZE, filter=Filter(priority=(1, 2)), priority=3),
        Order(
            action=Action.RETRY,
            filter=parse('status:failed -tag:a,b input.x:1 age<2d "text" task:01890a5d-ac96-774b-bcce-b302099a8057 '
                         'duration>5m id:0189').filter(datetime.now(UTC)),
        ),
    ],
)  # fmt: skip
def test_an_order_is_read_as_it_was_written(order: Order) -> None:
    assert decode(json.loads(encode(order))) == order


@pytest.mark.parametrize(
    "wrong",
    [None, {}, {"action": "explode", "filter": {}}, {"action": "cancel"}, {"action": "prioritize", "filter": {}},
     {"action": "prioritize", "filter": {}, "priority": 11}, {"action": "retry", "filter": {}, "reason": "r"},
     {"action": "retry", "filter": {"id_prefix": "x"}}, {"action": "cancel", "filter": {"statuses": ["FAILD"]}},
     {"action": "cancel", "filter": {"tag": ["x"]}}],
)  # fmt: skip
def test_what_is_no_order_is_refused(wrong: object) -> None:
    with pytest.raises(Invalid):
        decode(wrong)
