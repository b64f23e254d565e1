"""Webhooks from the command line, and a worker that delivers as it is started by hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from uuid import UUID

import pytest
from cli.terminal import Terminal
from outgoing.receiver import Receiver, receiving
from scene import WORKSPACE, Scene, ids

from jobtrail.core import signatures
from jobtrail.core.webhooks import Try
from jobtrail.service import deliveries

URL = "https://example.org/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def created(jobtrail: Terminal, *options: str) -> str:
    """The id of a new webhook."""
    id: str = jobtrail.ok("webhook", "create", URL, "-o", "json", *options).data["id"]
    return id


def test_the_secret_is_printed_once_and_alone(jobtrail: Terminal) -> None:
    ran = jobtrail.ok("webhook", "create", URL)
    (secret,) = ran.out.splitlines()
    assert signatures.check_secret(secret) == secret
    assert secret not in ran.err
    assert "not shown again" in ran.err
    (webhook,) = jobtrail.ok("webhook", "list", "-o", "json").data
    assert webhook["events"] == ["job.completed", "job.failed", "job.cancelled"]
    for argv in (("list",), ("get", webhook["id"][-8:])):
        for output in ("table", "json", "jsonl"):
            assert "whsec_" not in jobtrail.ok("webhook", *argv, "-o", output).out


def test_what_is_wanted_is_said_with_commas_or_several_options(jobtrail: Terminal) -> None:
    created(jobtrail, "--event", "job.*,gate.requested", "--event", "step.failed", "--type", "a,b.*", "--queue", "q")
    (webhook,) = jobtrail.ok("webhook", "list", "-o", "json").data
    assert webhook["events"] == ["job.*", "gate.requested", "step.failed"]
    assert (webhook["types"], webhook["queues"]) == (["a", "b.*"], ["q"])


@pytest.mark.parametrize(
    ("url", "options", "code", "said"),
    [
        ("http://127.0.0.1/", (), 4, "JOBTRAIL_OUTGOING_ALLOW"),
        ("ftp://example.org/", (), 2, "https://"),
        (URL, ("--event", "job.complete"), 2, "did you mean job.completed"),
    ],
)
def test_what_cannot_be_told_is_refused(
    jobtrail: Terminal, url: str, options: tuple[str, ...], code: int, said: str
) -> None:
    ran = jobtrail("webhook", "create", url, *options)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert jobtrail.ok("webhook", "list", "-o", "json").data == []


def test_a_webhook_is_disabled_enabled_and_removed(jobtrail: Terminal) -> None:
    id = created(jobtrail)
    jobtrail.ok("webhook", "disable", id[-6:], "-m", "holidays")
    assert jobtrail.ok("webhook", "get", id, "-o", "json").data["disabled_reason"] == "holidays"
    jobtrail.ok("webhook", "enable", id)
    assert jobtrail.ok("webhook", "get", id, "-o", "json").data["disabled_at"] is None
    jobtrail.ok("webhook", "remove", id)
    assert jobtrail("webhook", "get", id).code == 5


def test_a_secret_is_rotated(jobtrail: Terminal) -> None:
    id = created(jobtrail)
    ran = jobtrail.ok("webhook", "rotate", id, "--overlap", "2h")
    assert signatures.check_secret(ran.out.strip())
    assert jobtrail.ok("webhook", "get", id, "-o", "json").data["secret_before_until"] is not None


def test_deliveries_are_listed_and_sent_again(jobtrail: Terminal, scene: Scene) -> None:
    id = created(jobtrail, "--event", "job.created")
    scene.enqueue()
    until_dispatched(scene)
    (row,) = jobtrail.ok("webhook", "deliveries", id, "-o", "json").data
    assert (row["event"], row["status"]) == ("job.created", "PENDING")
    assert jobtrail("webhook", "replay", row["id"]).code == 6  # it is under way
    fence = scene.again(UUID(row["delivery_job_id"]))
    scene.do(deliveries.keep_try(WORKSPACE, fence.job_id, fence.attempt_id, Try(200, None, "d", delivered=True)))
    scene.complete(fence)
    again = jobtrail.ok("webhook", "replay", row["id"][-8:], "-o", "json").data
    assert again["delivery_job_id"] != row["delivery_job_id"]
    assert jobtrail.ok("webhook", "deliveries", "--failed", "-o", "json").data == []
    assert jobtrail.ok("webhook", "replay", id, "--since", "1h", "-o", "json").data["replayed"] == 0
    assert jobtrail("webhook", "replay", "abcd").code == 5


def until_dispatched(scene: Scene) -> None:
    """Other databases of the server may hold the horizon back for a moment."""
    deadline = time.monotonic() + 30
    while not scene.do(deliveries.dispatch(ids.many)).made:
        assert time.monotonic() < deadline, "nothing was dispatched"
        time.sleep(0.01)


def test_a_worker_that_is_started_by_hand_delivers(jobtrail: Terminal, receiver: Receiver) -> None:
    """Nothing has to be said but what may be called: upkeep dispatches, and its own queue is served."""
    jobtrail.environment["JOBTRAIL_OUTGOING_ALLOW"] = f"127.0.0.1:{receiver.port}"
    made = jobtrail.process("webhook", "create", receiver.url, "-o", "json")
    assert made.code == 0, made
    enqueued = jobtrail.process("enqueue", "command", "--input", '{"run": ["true"]}')
    assert enqueued.code == 0, enqueued
    with jobtrail.started("worker", "start") as worker:
        (got,) = receiver.wait_for(1, 60.0)
        worker.interrupt()
        worker.ends()
    assert signatures.verify([made.data["secret"]], got.headers, got.body, time.time())
