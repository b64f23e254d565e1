"""Every verb does the same through every client: what it answers, what it changes, and how it refuses."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID, uuid4

import pytest
from database import Database
from scene import ME, Scene, ids, new_job

from jobtrail.client import Client, JobsClient
from jobtrail.client.remote import RemoteClient
from jobtrail.core.errors import (
    ConcurrentUpdate,
    Conflict,
    Denied,
    IdempotencyConflict,
    IllegalMove,
    Invalid,
    JobtrailError,
    NotFound,
    TooLarge,
)
from jobtrail.core.fence import Fence
from jobtrail.core.model import Job
from jobtrail.core.status import GateStatus, JobStatus, LogLevel
from jobtrail.service import assets, jobs, logs, usage
from jobtrail.service.assets import NewAsset
from jobtrail.service.jobs import Change, Filter
from jobtrail.service.logs import NewChunk
from jobtrail.service.usage import Call

SOON = timedelta(seconds=30)


def enqueued(client: JobsClient, **wanted: object) -> UUID:
    return client.enqueue_all([new_job(**wanted)]).ids[0]  # type: ignore[arg-type]  # as the caller has them


def test_a_job_has_the_id_and_all_that_it_was_enqueued_with(client: JobsClient) -> None:
    wanted = new_job(
        input='{"name": "Zoë", "n": 1.5, "deep": [null, true]}'.encode(),
        title="A title",
        unique_key="u1",
        queue="io",
        priority=9,
        scheduled_at=datetime(2100, 1, 1, tzinfo=UTC),
        tags=("a", "b,c"),
        max_attempts=7,
        backoff_type="LINEAR",
        backoff_delay_ms=5,
        backoff_max_ms=50,
        timeout_seconds=1.5,
        idle_timeout_seconds=2.5,
        queue_timeout_seconds=3.5,
        cancel_at=datetime(2101, 1, 1, tzinfo=UTC),
        concurrency_key="c",
        estimated_seconds=4.5,
        unique_scope="ANY",
        unique_window_seconds=60.0,
    )
    done = client.enqueue_all([wanted])
    assert (done.ids, done.existed) == ((wanted.id,), frozenset())
    job = client.get(wanted.id)
    assert job.input == {"name": "Zoë", "n": 1.5, "deep": [None, True]}
    columns = {field.name for field in fields(Job)}
    said = {
        field.name: getattr(wanted.options, field.name) for field in fields(wanted.options) if field.name in columns
    }
    said |= {"tags": ["a", "b,c"], "title": "A title", "unique_key": "u1"}
    assert {name: getattr(job, name) for name in said} == said
    assert (job.status, job.wait_reason, job.version) == ("PENDING", "SCHEDULE", 1)
    assert job.unique_until is not None and abs(job.unique_until - job.created_at - timedelta(minutes=1)) < SOON


def test_both_clients_read_the_very_same(remote: RemoteClient, database: Database, scene: Scene) -> None:
    fence = a_job_with_everything(scene)
    with Client(database.app_url) as direct:
        for read in reads(fence.job_id):
            assert read(remote) == read(direct)


def reads(job_id: UUID) -> list[Callable[[JobsClient], object]]:
    return [
        lambda client: client.get(job_id),
        lambda client: client.list_jobs(),
        lambda client: client.page(Filter(types=("demo",)), limit=1),
        lambda client: client.result(job_id),
        lambda client: client.attempts(job_id),
        lambda client: client.steps(job_id),
        lambda client: client.events(job_id),
        lambda client: client.events(job_id, after=2, limit=2),
        lambda client: client.logs(job_id),
        lambda client: client.logs(job_id, from_line=2),
        lambda client: client.logs(job_id, levels=(LogLevel.ERROR,)),
        lambda client: client.logs(job_id, tail=1),
        lambda client: client.logs(job_id, tail=2_500, levels=(LogLevel.ERROR,)),
        lambda client: client.usage(job_id),
        lambda client: client.assets(job_id),
        lambda client: client.gates(waiting=False),
        lambda client: client.queues(),
        lambda client: [worker.id for worker in client.workers()],
        lambda client: {one.type: one.workers for one in client.types() if one.workers},
        lambda client: client.get_type("demo"),
        lambda client: client.facts(job_id).status,
        lambda client: client.find(job_id.hex[-6:]),
    ]


def a_job_with_everything(scene: Scene) -> Fence:
    fence = scene.start(input=b'{"a": [1, 2.5, "x"]}', tags=("t",), title="all of it")
    scene.finished_step(fence, "one", '{"rows": 3}')
    body = "\n".join(
        f'{{"at":"2026-01-01T00:00:0{n}+00:00","level":"{level}","source":"STDOUT","message":"line {n}","details":{{"n":{n}}}}}'
        for n, level in enumerate(("INFO", "ERROR", "INFO"), start=1)
    )
    scene.do(logs.append([NewChunk(fence, None, 1, 3, ("ERROR", "INFO"), (), body)]))
    call = Call(provider="p", model="m", input_tokens=3, output_tokens=4, cost_usd=Decimal("0.00125"))
    scene.do(usage.book(fence, 1, call))
    for name in ("first.txt", "second.bin"):
        asset = NewAsset(id=ids.new(), name=name, byte_size=3, sha256="a" * 64, storage_key="a" * 64)
        assert scene.do(assets.keep(fence, asset)) is not None
    scene.enqueue(queue="slow")
    scene.complete(fence, '{"made": 1}')
    return fence


def test_many_jobs_are_accepted_together_and_a_repeated_batch_makes_no_more(client: JobsClient, scene: Scene) -> None:
    wanted = [new_job(priority=1 + n % 10, input=b'{"n": %d}' % n) for n in range(40)]
    first, again = client.enqueue_all(wanted), client.enqueue_all(wanted)
    assert first.ids == again.ids == tuple(job.id for job in wanted)
    assert not first.existed and not again.existed
    assert len(client.list_jobs(limit=100)) == 40
    assert client.get(wanted[7].id).input == {"n": 7}
    assert client.enqueue_all([]).ids == ()


def test_a_batch_with_one_wrong_job_leaves_none(client: JobsClient) -> None:
    with pytest.raises(Invalid) as told:
        client.enqueue_all([new_job(), new_job(task_id=uuid4())])
    assert told.value.code == "invalid"
    assert client.list_jobs() == []


def test_a_unique_key_answers_the_job_that_holds_it(client: JobsClient) -> None:
    first, second = new_job(unique_key="k"), new_job(unique_key="k")
    client.enqueue_all([first])
    done = client.enqueue_all([second])
    assert (done.ids, done.existed) == ((first.id,), frozenset({first.id}))
    both = client.enqueue_all([new_job(unique_key="k"), new_job()])
    assert (both.ids[0], both.existed) == (first.id, frozenset({first.id}))


def test_an_idempotency_key_answers_the_same_job_and_refuses_another_request(client: JobsClient) -> None:
    first, second = new_job(), new_job()
    assert client.enqueue_once(first, "once 1") == (first.id, True)
    assert client.enqueue_once(first, "once 1") == (first.id, client_knows_its_own(client))
    assert client.enqueue_once(second, "once 1") == (first.id, False)
    with pytest.raises(IdempotencyConflict) as told:
        client.enqueue_once(new_job(input=b'{"n": 2}'), "once 1")
    assert told.value.code == "idempotency_conflict"


def client_knows_its_own(client: JobsClient) -> bool:
    """Over HTTP a request may be sent again by the client itself: the job with its own id is its own, and new."""
    return isinstance(client, RemoteClient)


def test_a_list_follows_filters_and_pages_as_the_other_does(client: JobsClient, scene: Scene) -> None:
    made = scene.enqueue_many(7)
    other = scene.enqueue(type="other", tags=("x", "y"), queue="io", input=b'{"customer": "c42"}', title="Find Me")
    scene.do(jobs.cancel(scene.workspace, made[0], ME))
    assert [job.id for job in client.list_jobs(limit=3)] == [other, *made[::-1][:2]]
    assert [job.id for job in client.list_jobs(before=made[5], limit=2)] == [made[4], made[3]]
    wanted: list[tuple[Filter, list[UUID]]] = [
        (Filter(types=("other",)), [other]),
        (Filter(statuses=(JobStatus.CANCELLED,)), [made[0]]),
        (Filter(exclude_types=("demo",)), [other]),
        (Filter(queues=("io",), all_tags=("x", "y")), [other]),
        (Filter(text=("find me",)), [other]),
        (Filter(input=(('{"customer": "c42"}',),)), [other]),
        (Filter(created_after=datetime.now(UTC) + timedelta(days=1)), []),
        (Filter(priority=(1, 2)), []),
    ]
    for filter, found in wanted:
        assert [job.id for job in client.list_jobs(filter)] == found, filter
    page = client.page(limit=3)
    assert page.next_before == page.jobs[-1].id
    assert client.page(limit=50).next_before is None
    with pytest.raises(Invalid):
        client.list_jobs(Filter(input=(("{",),)))


def test_a_list_may_be_longer_than_a_page_of_the_server(client: JobsClient, scene: Scene) -> None:
    made = scene.enqueue_many(600)
    assert [job.id for job in client.list_jobs(limit=1_000)] == made[::-1]
    page = client.page(limit=550)
    assert (len(page.jobs), page.next_before) == (550, made[50])


def test_cancel_retry_and_rerun(client: JobsClient) -> None:
    job_id = enqueued(client, input=b'{"n": 1}', tags=("t",), max_attempts=9)
    assert client.cancel(job_id, "enough") == JobStatus.CANCELLED
    assert client.get(job_id).cancel_reason == "enough"
    refused(Conflict, "conflict", lambda: client.cancel(job_id))
    assert client.retry(job_id) == 3
    refused(IllegalMove, "illegal_move", lambda: client.retry(job_id))
    same, other = client.rerun(job_id), client.rerun(job_id, {"n": 2})
    assert [client.get(one).input for one in (same, other)] == [{"n": 1}, {"n": 2}]
    again = client.get(other)
    assert (again.rerun_of, again.tags, again.max_attempts) == (job_id, ["t"], 9)


def test_a_job_that_runs_is_asked_to_stop(client: JobsClient, scene: Scene) -> None:
    fence = scene.start()
    assert client.cancel(fence.job_id) == JobStatus.RUNNING
    assert client.get(fence.job_id).cancel_requested_at is not None


def test_an_update_names_the_version_that_it_read(client: JobsClient) -> None:
    job_id = enqueued(client)
    assert client.update(job_id, Change(priority=9, tags=("x",), title="T"), version=1) == 2
    refused(ConcurrentUpdate, "concurrent_update", lambda: client.update(job_id, Change(priority=1), version=1))
    assert client.update(job_id, Change(cancel_at=datetime(2100, 1, 1, tzinfo=UTC))) == 3
    job = client.get(job_id)
    assert (job.priority, job.tags, job.title, job.version) == (9, ["x"], "T", 3)
    later = enqueued(client, scheduled_at=datetime(2100, 1, 1, tzinfo=UTC))
    assert client.start_now(later) == 2
    refused(IllegalMove, "illegal_move", lambda: client.start_now(later))


def test_what_is_not_there_is_told_alike(client: JobsClient) -> None:
    nobody = uuid4()
    for ask in (client.get, client.facts, client.cancel, client.retry, client.start_now, client.rerun):
        refused(NotFound, "not_found", partial(ask, nobody))
    refused(NotFound, "not_found", lambda: client.update(nobody, Change(priority=1)))
    refused(NotFound, "not_found", lambda: client.wait(nobody, timeout=SOON))
    refused(NotFound, "not_found", lambda: client.decide(nobody, approve=True))
    nothing = (client.attempts, client.steps, client.events, client.logs, client.usage, client.assets)
    assert [ask(nobody) for ask in nothing] == [[]] * 6
    assert client.result(nobody) is None
    assert client.find("abcd") == []


def test_what_is_wrong_is_refused_alike(client: JobsClient) -> None:
    refused(Invalid, "invalid", lambda: enqueued(client, task_id=uuid4()))
    refused(Invalid, "invalid", lambda: client.enqueue_all([new_job(title="nul \0")]))
    refused(Invalid, "invalid", lambda: client.enqueue_all([new_job(input=b'"\\u0000"')]))


def test_gates_are_decided_once(client: JobsClient, scene: Scene) -> None:
    closed = scene.ask(scene.start(), approvers=["somebody-else"])
    refused(Denied, "denied", lambda: client.decide(closed, approve=True))
    fence = scene.start()
    gate_id = scene.ask(fence, needed=1)
    (gate,) = client.gates(job_id=fence.job_id)
    assert (gate.id, gate.status) == (gate_id, "WAITING")
    assert client.decide(gate_id, approve=True, comment="fine", form={"when": "now"}) == GateStatus.APPROVED
    refused(Conflict, "conflict", lambda: client.decide(gate_id, approve=False))
    assert [one.id for one in client.gates()] == [closed]
    assert [one.status for one in client.gates(waiting=False, job_id=fence.job_id)] == ["APPROVED"]


def test_queues_are_paused_and_resumed(client: JobsClient) -> None:
    enqueued(client, queue="a?b ü")
    client.pause("a?b ü", "too hot")
    (queue,) = client.queues()
    assert (queue.queue, queue.depth, queue.paused_reason) == ("a?b ü", 1, "too hot")
    client.resume("a?b ü")
    refused(Conflict, "conflict", lambda: client.resume("a?b ü"))


def test_wait_answers_the_end_with_its_result(client: JobsClient, scene: Scene) -> None:
    fence = scene.start()
    with pytest.raises(TimeoutError, match="is still RUNNING"):
        client.wait(fence.job_id, timeout=timedelta(seconds=0.1))
    ending = threading.Thread(target=scene.complete, args=(fence, '{"made": 7}'))
    ending.start()
    ended = client.wait(fence.job_id, timeout=SOON)
    ending.join()
    assert ended.job.status == JobStatus.COMPLETED
    assert ended.result is not None and ended.result.output == {"made": 7}
    assert client.wait(fence.job_id) == ended


def test_what_http_cannot_carry_is_refused_before_it_is_sent(remote: RemoteClient) -> None:
    for key in ("Schlüssel", " k", "a\nb", "k" * 256):
        with pytest.raises(Invalid):
            remote.enqueue_once(new_job(), key)
    with pytest.raises(Invalid):
        remote.pause("..")
    with pytest.raises(TooLarge):
        remote.enqueue_all([new_job()] * 10_001)
    with pytest.raises(Invalid):
        remote.enqueue_all([new_job(id=uuid4())])
    assert remote.list_jobs() == []


def test_a_queue_may_have_strokes_in_its_name_also_over_http(remote: RemoteClient) -> None:
    remote.pause("media/4k", "disks")
    (queue,) = remote.queues()
    assert (queue.queue, queue.paused_reason) == ("media/4k", "disks")
    remote.resume("media/4k")


def refused(kind: type[JobtrailError], code: str, ask: Callable[[], object]) -> None:
    """Exactly this error, whichever client was asked."""
    with pytest.raises(kind) as told:
        ask()
    assert (type(told.value), told.value.code) == (kind, code)
