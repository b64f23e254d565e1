"""The server does what it was asked to and its answer is lost: the client asks again where that makes no second job."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from cli.terminal import until
from client.cutting import Cutting, cutting
from scene import Scene, new_job
from serving import Served

from jobtrail.client.async_remote import AsyncRemoteClient
from jobtrail.client.remote import RemoteClient
from jobtrail.core.errors import Unavailable
from jobtrail.core.status import JobStatus


@pytest.fixture
def proxy(web: Served) -> Iterator[Cutting]:
    with cutting(web.url) as proxy:
        yield proxy


@pytest.fixture
def cut(proxy: Cutting, web: Served) -> Iterator[RemoteClient]:
    """A client whose way to the server leads through the proxy."""
    with RemoteClient(proxy.url, web.key()) as client:
        yield client


def test_an_enqueue_whose_answers_are_lost_makes_one_job(
    cut: RemoteClient, proxy: Cutting, remote: RemoteClient
) -> None:
    wanted, proxy.cuts = new_job(), 3
    done = cut.enqueue_all([wanted])
    assert (done.ids, done.existed, proxy.cuts) == ((wanted.id,), frozenset(), 0)
    assert [job.id for job in remote.list_jobs()] == [wanted.id]


def test_a_batch_whose_answers_are_lost_makes_each_job_once(
    cut: RemoteClient, proxy: Cutting, remote: RemoteClient
) -> None:
    wanted, proxy.cuts = [new_job(unique_key=str(n) if n % 2 else None) for n in range(20)], 2
    done = cut.enqueue_all(wanted)
    assert (done.ids, done.existed) == (tuple(job.id for job in wanted), frozenset())
    assert len(remote.list_jobs()) == 20


def test_an_idempotency_key_says_that_the_job_is_new_though_the_first_answer_was_lost(
    cut: RemoteClient, proxy: Cutting, remote: RemoteClient
) -> None:
    wanted, proxy.cuts = new_job(), 2
    assert cut.enqueue_once(wanted, "k") == (wanted.id, True)
    assert len(remote.list_jobs()) == 1


def test_a_rerun_whose_answers_are_lost_makes_one_job(cut: RemoteClient, proxy: Cutting, scene: Scene) -> None:
    job_id, proxy.cuts = scene.enqueue(), 2
    cut.rerun(job_id)
    assert len(cut.list_jobs()) == 2


def test_what_cannot_be_asked_twice_is_told_as_unknown(cut: RemoteClient, proxy: Cutting, scene: Scene) -> None:
    job_id, proxy.cuts = scene.enqueue(), 1
    with pytest.raises(Unavailable, match="may have done"):
        cut.cancel(job_id)
    assert scene.job(job_id).status == JobStatus.CANCELLED


def test_a_wait_outlives_cuts(cut: RemoteClient, proxy: Cutting, scene: Scene) -> None:
    fence = scene.start()
    proxy.cuts, proxy.stream_cuts = 2, 3

    def complete() -> None:
        until(lambda: proxy.stream_cuts == 0)
        scene.complete(fence)

    ending = threading.Thread(target=complete)
    ending.start()
    assert cut.wait(fence.job_id, timeout=timedelta(seconds=60)).job.status == JobStatus.COMPLETED
    ending.join()


async def test_async_code_makes_one_job_too(proxy: Cutting, web: Served, remote: RemoteClient) -> None:
    wanted, proxy.cuts = new_job(), 2
    async with AsyncRemoteClient(proxy.url, web.key()) as client:
        assert (await client.enqueue_all([wanted])).ids == (wanted.id,)
        assert await client.cancel(wanted.id, "enough") == JobStatus.CANCELLED
        assert (await client.wait(wanted.id)).job.cancel_reason == "enough"
        assert [job.id for job in await client.list_jobs()] == [wanted.id]
    assert len(remote.list_jobs()) == 1


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with RemoteClient("http://127.0.0.1:9", patience=timedelta(seconds=0.3)) as client:
        with pytest.raises(Unavailable, match="cannot be reached"):
            client.list_jobs()
