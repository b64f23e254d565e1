"""Retry policies at a real worker: the job's row says when it runs again, whichever process its code failed in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from database import Database
from runners import retried_jobs
from worker.at_work import Scene, wait_until
from worker.at_work import scene as make_scene

import jobtrail as jt


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Iterator[Scene]:
    with make_scene(database, tmp_path) as scene:
        yield scene


def waits(handle: jt.Handle[Any]) -> timedelta:
    """For how long a job waits after its first failure."""
    wait_until(lambda: handle.job().wait_reason == "RETRY", "the job waits to be tried again")
    job = handle.job()
    assert job.scheduled_at is not None
    return job.scheduled_at - job.updated_at


def close_to(wait: timedelta, seconds: float) -> bool:
    return abs(wait.total_seconds() - seconds) < 0.1


def test_a_list_of_waits_is_kept(scene: Scene) -> None:
    @scene.app.job("listed", retry=jt.Retry(delays=["70s", "200s"]))
    def listed() -> None:
        raise ValueError("no")

    handle = listed.enqueue()
    assert handle.job().max_attempts == 3
    with scene.work():
        assert close_to(waits(handle), 70)


def test_an_error_that_is_never_tried_again_ends_the_job(scene: Scene) -> None:
    @scene.app.job("never", retry=jt.Retry(on={ValueError: None}))
    async def never() -> None:
        raise UnicodeDecodeError("utf-8", b"", 0, 1, "no")

    handle = never.enqueue()
    with scene.work():
        assert scene.ends(handle).status == "FAILED"
    assert len(scene.attempts(handle)) == 1


def test_a_function_counts_the_failures_of_the_job(scene: Scene) -> None:
    seen: list[tuple[int, str]] = []

    def backoff(failures: int, error: BaseException) -> float | None:
        seen.append((failures, str(error)))
        return None if failures == 3 else 0

    @scene.app.job("counted", retry=jt.Retry(max_attempts=10, backoff=backoff))
    def counted() -> None:
        raise ValueError("no")

    handle = counted.enqueue()
    with scene.work():
        assert scene.ends(handle).status == "FAILED"
    assert seen == [(1, "no"), (2, "no"), (3, "no")]


def test_the_time_that_an_error_asks_for_is_kept(scene: Scene) -> None:
    class Busy(Exception):  # noqa: N818
        retry_after = 55

    @scene.app.job("asked")
    async def asked() -> None:
        raise Busy

    handle = asked.enqueue()
    with scene.work():
        assert close_to(waits(handle), 55)


def test_a_job_says_itself_after_how_long(scene: Scene) -> None:
    @scene.app.job("itself")
    async def itself() -> jt.Retry:
        return jt.Retry(after="3h")

    handle = itself.enqueue()
    with scene.work():
        assert close_to(waits(handle), 10_800)


def test_running_out_of_time_is_an_error_like_others(scene: Scene) -> None:
    @scene.app.job("slow", timeout="100ms", retry=jt.Retry(on={TimeoutError: jt.Retry(delays=["40s"])}))
    async def slow() -> None:
        await asyncio.Event().wait()

    handle = slow.enqueue()
    with scene.work():
        assert close_to(waits(handle), 40)
    assert scene.attempts(handle)[0].status == "TIMED_OUT"


def test_a_policy_holds_in_a_process_of_its_own(scene: Scene) -> None:
    retried_jobs.app.connect(scene.client)
    scene.app.add(retried_jobs.derived.runner)
    handle = retried_jobs.derived.enqueue()
    with scene.work():
        assert close_to(waits(handle), 44)


def test_a_policy_that_the_process_does_not_know_counts_by_the_name_of_the_error(scene: Scene) -> None:
    policy = jt.Retry(on={"ConnectionError": jt.Retry(delays=["33s"])})
    plain = scene.app.job("plain", retry=policy, isolation="process")(retried_jobs.plain)
    handle = plain.enqueue()
    with scene.work():
        assert close_to(waits(handle), 33)
