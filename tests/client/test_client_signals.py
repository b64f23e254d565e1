"""A signal by each client, and by the command: the job that waits goes on, and the first word counts."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from scene import WORKSPACE, Scene

from jobtrail.client import JobsClient
from jobtrail.core.errors import Conflict, Invalid, NotFound
from jobtrail.core.status import WaitReason
from jobtrail.service import attempts, signals


def waiting(scene: Scene) -> UUID:
    """A job that waits for a signal called `go`."""
    fence = scene.start()
    note = '{"message": "waits", "signal": "go"}'
    scene.do(attempts.suspend(fence, "job.waiting", WaitReason.SIGNAL, timedelta(hours=1), note))
    return fence.job_id


def heard(scene: Scene, job_id: UUID) -> object:
    found = scene.do(signals.signalled(WORKSPACE, job_id, "go"))
    return None if found is None else found.payload


def test_a_client_signals_once(client: JobsClient, scene: Scene) -> None:
    job_id = waiting(scene)
    assert client.signal(job_id, "go", {"n": 1})
    assert client.get(job_id).status == "QUEUED"
    assert not client.signal(job_id, "go", {"n": 2})
    assert heard(scene, job_id) == {"n": 1}


def test_what_cannot_be_signalled_is_refused_alike(client: JobsClient, scene: Scene) -> None:
    job_id = waiting(scene)
    with pytest.raises(NotFound):
        client.signal(uuid4(), "go")
    with pytest.raises(Invalid):
        client.signal(job_id, "")
    with pytest.raises(Invalid):
        client.signal(job_id, "go", float("nan"))
    client.cancel(job_id)
    with pytest.raises(Conflict):
        client.signal(job_id, "go")
