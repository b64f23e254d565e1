"""Checking inputs before their jobs take a slot: every way in, every end, and whoever comes too late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from database import Clock
from scene import ME, TYPE, WORKSPACE, Scene, new_job

from jobtrail.core.filter import Filter
from jobtrail.core.status import JobStatus
from jobtrail.core.why import sentence
from jobtrail.service import audit, health, jobs, upkeep, validations, workers
from jobtrail.service.validations import Validation
from jobtrail.store.query import Query

SOON = timedelta(seconds=60)
Verdict = Callable[[Validation, UUID], Query[JobStatus | None]]
VERDICTS: dict[str, Verdict] = {
    "passed": validations.passed,
    "refused": lambda one, by: validations.refused(one, by, {"input.url": "not allowed"}),
    "broke": lambda one, by: validations.broke(one, by, "ValueError: no", SOON),
    "given back": validations.give_back,
}


def take(scene: Scene, limit: int = 1, worker: UUID | None = None, **of: Any) -> list[Validation]:
    usual = {"queues": ("default",), "types": (TYPE,)}
    return scene.do(validations.take(worker or scene.worker, limit=limit, **{**usual, **of}))


def taken(scene: Scene, worker: UUID | None = None, **wanted: Any) -> Validation:
    """A job that is being checked."""
    id = scene.enqueue(checked=True, **wanted)
    (one,) = take(scene, worker=worker)
    assert one.job_id == id
    return one


def stands(scene: Scene, id: UUID) -> tuple[str, str | None]:
    job = scene.job(id)
    return job.status, job.wait_reason


def rows(scene: Scene) -> int:
    row = scene.conn.execute("select count(*) from jobtrail.validations").fetchone()
    assert row is not None
    return int(row[0])


def is_whole(scene: Scene) -> None:
    assert scene.do(audit.verify()).findings == ()


def test_a_job_whose_input_is_valid_is_queued_and_runs(scene: Scene) -> None:
    id = scene.enqueue(checked=True, input=b'{"n": 7}')
    assert (stands(scene, id), scene.claim()) == (("PENDING", "VALIDATION"), [])
    (one,) = take(scene)
    assert (one.job_id, one.input, one.queue, one.type, one.tries) == (id, '{"n": 7}', "default", TYPE, 0)
    assert (stands(scene, id), scene.claim(), scene.attempts(id)) == (("VALIDATING", "VALIDATION"), [], [])
    assert scene.do(validations.passed(one, scene.worker)) == "QUEUED"
    assert (stands(scene, id), rows(scene)) == (("QUEUED", None), 0)
    scene.complete(scene.again(id))
    assert scene.told(id) == ["job.created", "job.validating", "job.queued", "job.started", "job.completed"]
    assert [event.actor_id for event in scene.events(id)[1:3]] == [str(scene.worker)] * 2
    is_whole(scene)


def test_a_job_that_is_not_checked_is_queued_as_ever(scene: Scene) -> None:
    id = scene.enqueue()
    assert (stands(scene, id), take(scene), rows(scene)) == (("QUEUED", None), [], 0)


def test_an_input_that_is_not_valid_ends_the_job_with_its_faults(scene: Scene) -> None:
    one = taken(scene)
    faults = {"url": "the host a.example is not allowed", "file": "there is no \x00 file"}
    assert scene.do(validations.refused(one, scene.worker, faults)) == "FAILED"
    job, event = scene.job(one.job_id), scene.events(one.job_id)[-1]
    assert (job.status, job.error_code, job.attempt_count, job.failure_count) == ("FAILED", "invalid_input", 0, 0)
    assert (
        job.error_message
        == "its input is not valid: url: the host a.example is not allowed; file: there is no \ufffd file"
    )
    assert (event.type, event.payload["faults"]["url"]) == ("job.failed", faults["url"])
    assert (scene.do(jobs.result(WORKSPACE, one.job_id)), rows(scene)) == (None, 0)
    is_whole(scene)
    scene.do(jobs.retry(WORKSPACE, one.job_id, ME))
    assert stands(scene, one.job_id) == ("QUEUED", None)  # `run` looks once more; whoever retries wants it to
    is_whole(scene)


def test_many_long_faults_are_cut(scene: Scene) -> None:
    one = taken(scene)
    scene.do(validations.refused(one, scene.worker, {f"field{n}": "x" * 50_000 for n in range(1_000)}))
    job = scene.job(one.job_id)
    assert len((job.error_message or "").encode()) <= 4_096
    assert len(scene.events(one.job_id)[-1].payload["faults"]) == 20


def test_a_check_that_breaks_is_done_again_and_then_the_job_fails(scene: Scene, clock: Clock) -> None:
    id = scene.enqueue(checked=True)
    for n in range(1, validations.TRIES + 1):
        (one,) = take(scene)
        assert one.tries == n - 1
        ended = scene.do(validations.broke(one, scene.worker, f"ValueError: {n}", SOON))
        assert (take(scene), ended) == ([], "FAILED" if n == validations.TRIES else "PENDING")
        clock.advance(SOON)
    job = scene.job(id)
    assert (job.error_code, job.error_message) == ("validator_failed", "the check of its input broke: ValueError: 3")
    assert scene.told(id) == [
        "job.created",
        *["job.validating", "job.retry_scheduled"] * 2,
        "job.validating",
        "job.failed",
    ]
    assert (job.failure_count, job.loss_count, rows(scene)) == (0, 0, 0)
    is_whole(scene)


def test_what_is_given_back_another_worker_checks_at_once(scene: Scene) -> None:
    one = taken(scene)
    assert scene.do(validations.give_back(one, scene.worker)) == "PENDING"
    other = scene.new_worker()
    (again,) = take(scene, worker=other)
    assert (again.job_id, again.tries, again.token != one.token) == (one.job_id, 0, True)
    assert scene.told(one.job_id)[2:] == ["job.interrupted", "job.validating"]
    assert scene.job(one.job_id).loss_count == 0


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_zombie_cannot_end_a_check_that_it_lost(scene: Scene, clock: Clock, verdict: str) -> None:
    lost = taken(scene)
    clock.advance(minutes=1)
    assert [(one.job_id, one.status) for one in scene.do(workers.rescue())] == [(lost.job_id, "PENDING")]
    before = scene.told(lost.job_id)
    assert scene.do(VERDICTS[verdict](lost, scene.worker)) is None
    heir = scene.new_worker()
    (held,) = take(scene, worker=heir)
    assert scene.do(VERDICTS[verdict](lost, scene.worker)) is None
    assert (scene.told(lost.job_id), stands(scene, lost.job_id)[0]) == ([*before, "job.validating"], "VALIDATING")
    assert scene.do(validations.held(scene.worker, [lost.token])) == set()
    assert scene.do(validations.held(heir, [held.token, lost.token])) == {held.token}
    assert scene.do(validations.passed(held, heir)) == "QUEUED"
    assert scene.do(VERDICTS[verdict](held, heir)) is None  # told twice, done once
    is_whole(scene)


def test_the_third_worker_that_is_lost_over_a_check_puts_the_job_aside(scene: Scene) -> None:
    id = scene.enqueue(checked=True)
    for n in (1, 2, 3):
        worker = scene.new_worker()
        take(scene, worker=worker)
        scene.do(workers.stop([worker], "its process is gone (killed?)"))
        (lost,) = scene.do(workers.rescue())
        assert lost.status == ("FAILED" if n == 3 else "PENDING")
    job = scene.job(id)
    assert (job.error_code, job.loss_count, rows(scene)) == ("quarantined", 3, 0)
    assert "its process is gone" in (job.error_message or "")
    assert scene.told(id).count("job.lost") == 2
    is_whole(scene)


def test_a_live_worker_keeps_its_check(scene: Scene, clock: Clock) -> None:
    one = taken(scene)
    clock.advance(seconds=20)
    scene.do(workers.heartbeat(scene.worker))
    clock.advance(seconds=20)
    assert scene.do(workers.rescue()) == []
    assert scene.do(validations.passed(one, scene.worker)) == "QUEUED"


@pytest.mark.parametrize("status", ["PENDING", "VALIDATING"])
@pytest.mark.parametrize("how", ["cancel", "cancel_at"])
def test_a_job_is_cancelled_before_and_during_its_check(scene: Scene, clock: Clock, status: str, how: str) -> None:
    wanted = {"cancel_at": clock.now() + SOON} if how == "cancel_at" else {}
    id = scene.enqueue(checked=True, **wanted)
    one = take(scene)[0] if status == "VALIDATING" else None
    if how == "cancel":
        assert scene.do(jobs.cancel(WORKSPACE, id, ME, "enough")) == "CANCELLED"
    else:
        clock.advance(SOON)
        assert scene.do(upkeep.stage()).moved == 1
    assert (stands(scene, id), rows(scene)) == (("CANCELLED", None), 0)
    if one is not None:
        assert scene.do(validations.held(scene.worker, [one.token])) == set()
        assert [scene.do(end(one, scene.worker)) for end in VERDICTS.values()] == [None] * 4
    assert (take(scene), scene.claim()) == ([], [])
    is_whole(scene)


def test_a_scheduled_job_is_checked_when_its_time_comes(scene: Scene, clock: Clock) -> None:
    id = scene.enqueue(checked=True, scheduled_at=clock.now() + SOON)
    assert (stands(scene, id), take(scene)) == (("PENDING", "SCHEDULE"), [])
    clock.advance(SOON)
    staged = scene.do(upkeep.stage())
    assert (staged.moved, staged.queues, stands(scene, id)) == (1, ["default"], ("PENDING", "VALIDATION"))
    assert scene.do(upkeep.stage()).moved == 0
    (one,) = take(scene)
    scene.do(validations.passed(one, scene.worker))
    scene.fail(scene.again(id), retry_in=SOON)
    clock.advance(SOON)
    scene.do(upkeep.stage())
    assert stands(scene, id) == ("QUEUED", None)  # a try is not checked again
    is_whole(scene)


def test_a_job_that_is_started_now_is_checked_now(scene: Scene, clock: Clock) -> None:
    id = scene.enqueue(checked=True, scheduled_at=clock.now() + SOON)
    assert scene.do(jobs.start_now(WORKSPACE, id, ME)) == 2
    assert stands(scene, id) == ("PENDING", "VALIDATION")
    (one,) = take(scene)
    scene.do(validations.passed(one, scene.worker))
    scene.again(id)
    is_whole(scene)


@pytest.mark.parametrize("status", ["PENDING", "VALIDATING", "QUEUED"])
def test_a_job_that_is_put_off_is_checked_at_its_new_time(scene: Scene, clock: Clock, status: str) -> None:
    id = scene.enqueue(checked=True)
    one = None if status == "PENDING" else take(scene)[0]
    if one is not None and status == "QUEUED":
        scene.do(validations.passed(one, scene.worker))
    scene.do(jobs.update(WORKSPACE, id, jobs.Change(scheduled_at=clock.now() + SOON), ME))
    assert (stands(scene, id), rows(scene), take(scene), scene.claim()) == (("PENDING", "SCHEDULE"), 0, [], [])
    if one is not None:
        assert scene.do(validations.passed(one, scene.worker)) is None
    clock.advance(SOON)
    scene.do(upkeep.stage())
    (again,) = take(scene)
    assert scene.do(validations.passed(again, scene.worker)) == "QUEUED"
    is_whole(scene)


def test_a_change_during_the_check_leaves_it_alone(scene: Scene) -> None:
    one = taken(scene)
    scene.do(jobs.update(WORKSPACE, one.job_id, jobs.Change(priority=9, title="x"), ME))
    assert scene.do(validations.passed(one, scene.worker)) == "QUEUED"


def test_the_higher_priority_is_checked_sooner_and_no_job_twice(scene: Scene) -> None:
    low, high, middle = (scene.enqueue(checked=True, priority=priority) for priority in (1, 9, 5))
    scene.do(jobs.update(WORKSPACE, low, jobs.Change(priority=10), ME))
    assert [one.job_id for one in take(scene, 2)] in ([low, high], [high, low])
    assert [one.job_id for one in take(scene, 2)] == [middle]
    assert take(scene, 2) == []


def test_only_types_and_queues_of_the_worker_are_taken(scene: Scene) -> None:
    id = scene.enqueue(checked=True, queue="media")
    assert (take(scene), take(scene, queues=("media",), types=("other",))) == ([], [])
    assert [one.job_id for one in take(scene, queues=("media", "default"))] == [id]


def test_a_check_whose_answer_was_lost_is_given_back(scene: Scene) -> None:
    known, lost = taken(scene), taken(scene)
    (stray,) = scene.do(validations.strays(scene.worker, [known.token]))
    assert (stray.job_id, stray.token) == (lost.job_id, lost.token)
    assert scene.do(validations.give_back(stray, scene.worker)) == "PENDING"
    assert scene.do(validations.strays(scene.worker, [known.token])) == []


def test_a_unique_key_holds_also_while_its_job_is_checked(scene: Scene) -> None:
    one = taken(scene, unique_key="c42")
    assert scene.enqueue(unique_key="c42", checked=True) == one.job_id
    scene.do(validations.refused(one, scene.worker, {"a": "b"}))
    assert scene.enqueue(unique_key="c42", checked=True) != one.job_id


def test_the_same_request_is_the_same_whether_its_type_is_checked_or_not(scene: Scene) -> None:
    first, again = new_job(checked=True), new_job(checked=False)
    id, is_new = scene.do(jobs.enqueue_once(WORKSPACE, first, ME, "k"))
    assert (id, is_new, scene.do(jobs.enqueue_once(WORKSPACE, again, ME, "k"))) == (first.id, True, (id, False))


def test_lists_and_counts_tell_what_waits_from_what_is_being_checked(scene: Scene, clock: Clock) -> None:
    checking = taken(scene).job_id
    waiting, later = scene.enqueue(checked=True), scene.enqueue(scheduled_at=clock.now() + SOON)

    def listed(*statuses: JobStatus, **more: Any) -> set[UUID]:
        found = scene.do(jobs.page(WORKSPACE, Filter(statuses=statuses, **more)))
        assert found.searched_to is None
        return {job.id for job in found.jobs}

    assert listed(JobStatus.VALIDATING) == {checking}
    assert listed(JobStatus.PENDING) == {waiting, later}
    assert listed(JobStatus.PENDING, JobStatus.VALIDATING) == {checking, waiting, later}
    assert listed(JobStatus.PENDING, JobStatus.VALIDATING, wait_reason=("VALIDATION",)) == {checking, waiting}
    counts = {one.status: one.jobs for one in scene.do(jobs.counts(WORKSPACE))}
    assert (counts["PENDING"], counts["VALIDATING"], counts["QUEUED"]) == (2, 1, 0)


def test_a_page_that_is_full_goes_on_with_the_rest(scene: Scene) -> None:
    ids = scene.enqueue_many(6, checked=True)
    take(scene, 3)
    found: list[UUID] = []
    before: UUID | None = None
    while True:
        page = scene.do(jobs.page(WORKSPACE, Filter(statuses=(JobStatus.VALIDATING,)), before=before, limit=2))
        found += [job.id for job in page.jobs]
        if page.next_before is None:
            break
        before = page.next_before
    assert found == sorted(ids[:3], reverse=True)


def test_why_says_where_its_check_stands(scene: Scene, clock: Clock) -> None:
    def why(id: UUID) -> str:
        facts = scene.do(jobs.facts(WORKSPACE, id))
        assert facts is not None
        return sentence(facts)

    id = scene.enqueue(checked=True)
    assert (
        why(id)
        == f"Its input waits to be checked, and no worker that serves its queue default knows its type {TYPE}; start one."
    )
    unserved = scene.do(health.unserved())
    assert [(each.queue, each.type, each.jobs) for each in unserved] == [("default", TYPE, 1)]
    (one,) = take(scene)
    assert scene.do(health.unserved()) == []
    assert why(id) == "Its input is being checked before it takes a slot, on worker w."
    clock.advance(minutes=1)
    assert [each.type for each in scene.do(health.unserved())] == [TYPE], "its worker died, and no other lives"
    scene.do(workers.heartbeat(scene.worker))
    scene.do(validations.broke(one, scene.worker, "ValueError: no", SOON))
    broken = "Its input waits to be checked once more (the check of its input broke: ValueError: no), in 1 min (at "
    assert why(id).startswith(broken)


def test_checked_types_are_those_that_live_workers_check(scene: Scene, clock: Clock) -> None:
    def worker(described: str | None, types: tuple[str, ...], workspace: UUID | None = None) -> None:
        scene.do(
            workers.register(
                workers.NewWorker(
                    id=uuid4(), name="w", host="h", host_id="b", process_id=1, process_started=0.0, lock_key=0,
                    lease_seconds=30.0, slots=1, version="0", queues=("default",), types=types, workspace_id=workspace,
                    described=described,
                )
            )
        )  # fmt: skip

    worker('{"a": {"has_check": true}, "b": {"has_check": false}}', ("a", "b", "c"))
    worker('{"c": {"has_check": true}, "d": {"has_check": true}}', ("c", "d"), WORKSPACE)  # cannot check over HTTP
    told = {("a", True), ("b", False), ("c", False), ("d", False)}
    assert scene.do(validations.checked_types()) == {(type, "default"): checked for type, checked in told}
    clock.advance(minutes=1)
    assert scene.do(validations.checked_types()) == {}
