"""What somebody outside says to a job: kept when it comes early, heard once, and by nobody else's job."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from database import Clock, Connection, Database
from scene import ME, WORKSPACE, Scene, ids

from jobtrail.core import callbacks
from jobtrail.core.errors import Conflict, Invalid, Limited, NotFound
from jobtrail.core.fence import Fence
from jobtrail.core.status import JobStatus, WaitReason
from jobtrail.service import attempts, renders, signals, trail, upkeep
from jobtrail.service.signals import Signalled

HOUR = timedelta(hours=1)


def say(scene: Scene, job_id: UUID, name: str = "go", payload: bytes = b"1") -> Signalled:
    return scene.do(signals.signal(WORKSPACE, job_id, name, payload, ME))


def wait(scene: Scene, fence: Fence, name: str = "go", delay: timedelta | None = HOUR) -> attempts.Ended:
    note = f'{{"message": "waits", "signal": "{name}"}}'
    return scene.do(attempts.suspend(fence, "job.waiting", WaitReason.SIGNAL, delay, note))


def heard(scene: Scene, job_id: UUID, name: str = "go") -> Any:
    found = scene.do(signals.signalled(WORKSPACE, job_id, name))
    return None if found is None else found.payload


def last(scene: Scene, job_id: UUID) -> tuple[str, Any]:
    event = scene.do(trail.events(WORKSPACE, job_id))[-1]
    return event.type, event.payload


def test_a_job_that_waits_for_a_signal_goes_on_when_it_comes(scene: Scene) -> None:
    fence = scene.start()
    assert wait(scene, fence).status is JobStatus.PENDING
    done = say(scene, fence.job_id, payload=b'{"n": 1}')
    assert (done.is_new, done.resumed, done.queue) == (True, True, "default")
    job = scene.job(fence.job_id)
    assert (job.status, job.wait_reason, job.scheduled_at) == ("QUEUED", None, None)
    kind, payload = last(scene, job.id)
    assert (kind, payload["signal"]) == ("job.resumed", "go")
    assert scene.again(job.id).attempt_id != fence.attempt_id
    assert heard(scene, job.id) == {"n": 1}


def test_a_signal_that_comes_early_is_kept_and_the_wait_ends_at_once(scene: Scene) -> None:
    fence = scene.start()
    done = say(scene, fence.job_id)
    assert (done.is_new, done.resumed) == (True, False)
    assert last(scene, fence.job_id) == ("job.updated", {"signal": "go"})
    assert wait(scene, fence).status is JobStatus.QUEUED
    assert [event.type for event in scene.do(trail.events(WORKSPACE, fence.job_id))][-2:] == [
        "job.waiting",
        "job.resumed",
    ]


def test_a_signal_of_another_name_wakes_nobody(scene: Scene) -> None:
    fence = scene.start()
    wait(scene, fence)
    assert not say(scene, fence.job_id, "other").resumed
    assert scene.job(fence.job_id).wait_reason == "SIGNAL"
    assert heard(scene, fence.job_id) is None and heard(scene, fence.job_id, "other") == 1


def test_a_job_that_was_changed_while_it_waits_still_knows_for_what(scene: Scene) -> None:
    fence = scene.start()
    wait(scene, fence)
    say(scene, fence.job_id, "other")
    assert say(scene, fence.job_id).resumed


def test_the_first_signal_of_a_name_counts(scene: Scene) -> None:
    job_id = scene.enqueue()
    assert say(scene, job_id, payload=b'"first"').is_new
    version = scene.job(job_id).version
    again = say(scene, job_id, payload=b'"second"')
    assert (again.is_new, again.resumed) == (False, False)
    assert (heard(scene, job_id), scene.job(job_id).version) == ("first", version)


def test_a_job_whose_wait_is_over_starts_by_itself(scene: Scene) -> None:
    fence = scene.start()
    assert wait(scene, fence, delay=timedelta(0)).status is JobStatus.PENDING
    scene.do(upkeep.stage(10))
    assert (scene.job(fence.job_id).status, heard(scene, fence.job_id)) == ("QUEUED", None)


def test_a_job_that_has_ended_or_is_not_there_is_told_nothing(scene: Scene) -> None:
    fence = scene.start()
    say(scene, fence.job_id, "before")
    scene.complete(fence)
    with pytest.raises(Conflict, match="has ended already: it is COMPLETED"):
        say(scene, fence.job_id)
    assert not say(scene, fence.job_id, "before").is_new, "who says it again, for an answer was lost, hears no error"
    with pytest.raises(NotFound):
        say(scene, ids.new())
    with pytest.raises(Invalid):
        say(scene, scene.enqueue(), "")


def test_a_job_keeps_so_many_signals_and_bytes_and_no_more(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = scene.enqueue()
    monkeypatch.setattr(signals, "MOST_SIGNALS", 2)
    assert [say(scene, job_id, name).is_new for name in ("a", "b")] == [True, True]
    with pytest.raises(Limited):
        say(scene, job_id, "c")
    assert not say(scene, job_id, "b").is_new, "what it has it may hear again"
    monkeypatch.undo()
    for number in range(8):
        say(scene, job_id, f"long {number}", b'"' + b"x" * ((1 << 20) - 2) + b'"')
    with pytest.raises(Limited):
        say(scene, job_id, "c")
    assert len(scene.do(signals.listed(WORKSPACE, job_id))) == 10


def opened(scene: Scene, fence: Fence, name: str = "answer", expires: timedelta = HOUR) -> str:
    secret = scene.do(signals.open_callback(*fence.named, name, b"s" * 32, expires))
    assert secret is not None
    return callbacks.token(fence.workspace_id, fence.job_id, name, secret)


def test_an_address_opens_one_name_of_one_job(scene: Scene) -> None:
    fence = scene.start()
    token = opened(scene, fence)
    wait(scene, fence, "answer")
    workspace, done = scene.do(signals.call_back(token, b'"yes"'))
    assert (workspace, done.is_new, done.resumed) == (WORKSPACE, True, True)
    assert heard(scene, fence.job_id, "answer") == "yes"
    assert not scene.do(signals.call_back(token, b'"no"'))[1].is_new
    assert heard(scene, fence.job_id, "answer") == "yes"


def test_an_address_that_was_tampered_with_opens_nothing(scene: Scene) -> None:
    fence, other = scene.start(), scene.start(queue="q2")
    token = opened(scene, fence)
    opened(scene, other)
    raw = callbacks.parse(token)
    forged = [
        token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1],
        callbacks.token(WORKSPACE, other.job_id, "answer", b"x" * 32),
        callbacks.token(WORKSPACE, fence.job_id, "another", b"s" * 32),
        callbacks.token(ids.new(), fence.job_id, "answer", b"s" * 32),
        token.removeprefix("cb_"), "cb_", "cb_é", token + "A", "",
    ]  # fmt: skip
    for text in forged:
        with pytest.raises(NotFound):
            scene.do(signals.call_back(text, b"1"))
    assert raw.job_id == fence.job_id and heard(scene, fence.job_id, "answer") is None


def test_an_address_whose_time_is_over_opens_nothing(scene: Scene) -> None:
    fence = scene.start()
    token = opened(scene, fence, expires=timedelta(0))
    with pytest.raises(Conflict, match="is over"):
        scene.do(signals.call_back(token, b"1"))
    assert opened(scene, fence) == token, "opened again it is the same address"
    assert scene.do(signals.call_back(token, b"1"))[1].is_new


def test_only_an_attempt_that_is_open_opens_an_address(scene: Scene) -> None:
    fence = scene.start()
    scene.complete(fence)
    assert scene.do(signals.open_callback(*fence.named, "answer", b"s", HOUR)) is None


def test_a_signal_and_the_wait_for_it_never_miss_each_other(database: Database, scene: Scene) -> None:
    """Whichever holds the job first, the other one sees what it wrote."""
    for _ in range(10):
        fence = scene.start()
        _both_at_once(database, scene, fence)
        assert scene.job(fence.job_id).status == "QUEUED"
        scene.complete(scene.again(fence.job_id))


def _both_at_once(database: Database, scene: Scene, fence: Fence) -> None:

    with closing(database.connect()) as other, ThreadPoolExecutor(2) as two:
        told = two.submit(lambda: say(Scene(other), fence.job_id))
        waits = two.submit(lambda: wait(scene, fence))
        told.result()
        waits.result()


def test_signals_and_addresses_go_with_their_job(scene: Scene, clock: Clock, conn: Connection) -> None:
    fence = scene.start()
    say(scene, fence.job_id)
    opened(scene, fence)
    scene.do(renders.take_uid(WORKSPACE, fence.job_id, "uid", b""))
    scene.complete(fence)
    clock.advance(timedelta(days=2))
    assert scene.do(upkeep.remove_jobs(clock.now())) == 1
    for table in ("signals", "callbacks", "nexrender_jobs"):
        assert conn.execute(f"select count(*) from jobtrail.{table}".encode()).fetchall() == [(0,)]
