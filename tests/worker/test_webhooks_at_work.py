"""Webhooks from end to end: a job's events arrive, signed, at a receiver, whatever happens on the way."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from database import Connection, Database
from outgoing.receiver import Receiver, Reply, receiving
from scene import ME, SERVES_ALL, new_job
from worker.at_work import Scene, wait_until
from worker.at_work import scene as make_scene

import jobtrail as jt
from jobtrail.client import Client
from jobtrail.core import signatures
from jobtrail.core.status import DeliveryStatus
from jobtrail.core.webhooks import QUEUE, TYPE, Delivery, Webhook
from jobtrail.outgoing import guard
from jobtrail.runners import registry
from jobtrail.service import deliveries, queues, webhooks
from jobtrail.store.db import run
from jobtrail.store.identity import new_id, new_ids

OTHER = UUID("00000000-0000-7000-8000-0000000000bb")
HOME = guard.rules(["127.0.0.1"])
POSTMAN = Path(__file__).with_name("postman.py")
SECRET = signatures.new_secret(bytes(range(32)))


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Iterator[Scene]:
    with make_scene(database, tmp_path) as scene:
        for runner in registry.load((TYPE,)).values():
            scene.app.add(runner)

        @scene.app.job("sum")
        async def sum(ctx: jt.Context, a: int, b: int) -> int:
            return a + b

        yield scene


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def hook(scene: Scene, receiver: Receiver, *events: str, **more: Any) -> Webhook:
    new = webhooks.NewWebhook(id=new_id(), url=receiver.url, secret=SECRET, events=events or ("job.completed",), **more)
    return scene.client.run(webhooks.create(scene.client.workspace, new, ME, HOME))


def work(scene: Scene, **plan: Any) -> Any:
    return scene.work(queues=("default", QUEUE), outgoing=HOME, **plan)


def enqueue(scene: Scene, a: int = 1) -> UUID:
    return scene.client.enqueue_all([a_sum(a)]).ids[0]


def a_sum(a: int) -> Any:
    return new_job(type="sum", input=json.dumps({"a": a, "b": 2}).encode(), title=f"sum {a}")


def listed(scene: Scene, webhook: Webhook) -> list[Delivery]:
    return scene.client.run(deliveries.listed(scene.client.workspace, webhook.id))


def only(scene: Scene, webhook: Webhook) -> Delivery:
    (delivery,) = listed(scene, webhook)
    return delivery


def settled(scene: Scene, webhook: Webhook, status: DeliveryStatus, count: int = 1) -> list[Delivery]:
    def so() -> bool:
        return [one.status for one in listed(scene, webhook)] == [status] * count

    wait_until(so, f"{count} deliveries become {status}", 30.0)
    return listed(scene, webhook)


def test_an_event_is_delivered_once_and_signed(scene: Scene, receiver: Receiver) -> None:
    webhook = hook(scene, receiver)
    with work(scene):
        job_id = enqueue(scene)
        (got,) = receiver.wait_for(1)
        (delivery,) = settled(scene, webhook, DeliveryStatus.DELIVERED)
    assert signatures.verify([SECRET], got.headers, got.body, time.time()) == f"msg_{delivery.id.hex}"
    told = json.loads(got.body)
    assert (got.method, got.path, told["type"]) == ("POST", "/hook", "job.completed")
    data = told["data"]
    assert (data["job_id"], data["status"], data["type"], data["title"]) == (str(job_id), "COMPLETED", "sum", "sum 1")
    event = scene.client.events(job_id)[-1]
    assert (data["seq"], data["payload"]) == (event.seq, event.payload)
    assert (delivery.http_status, delivery.tries, delivery.error) == (200, 1, None)
    assert len(receiver.got) == 1


def test_a_webhook_is_told_of_what_it_wants_and_of_nothing_else(scene: Scene, receiver: Receiver) -> None:
    everything = hook(scene, receiver, "job.*", types=("sum",), queues=("default",))
    other_type = hook(scene, receiver, "*", types=("other",))
    other_queue = hook(scene, receiver, "*", queues=("elsewhere",))
    with work(scene):
        job_id = enqueue(scene)
        settled(scene, everything, DeliveryStatus.DELIVERED, 3)
        # Nobody is told of deliveries, which are jobs as well: else they never ended.
        wait_until(lambda: dispatcher_has_passed(scene), "the dispatcher has passed the trail of the deliveries")
    told = {json.loads(got.body)["type"] for got in receiver.got}
    assert (
        told == {event.type for event in scene.client.events(job_id)} == {"job.created", "job.started", "job.completed"}
    )
    assert len(receiver.got) == 3
    assert listed(scene, other_type) == listed(scene, other_queue) == []


def dispatcher_has_passed(scene: Scene) -> bool:
    """Whether it has looked at all that was written before now."""
    with scene.database.connect() as conn:
        (settled,) = conn.execute("select jobtrail.horizon()").fetchone() or (0,)
        last = conn.execute("select max(txid) from jobtrail.events").fetchone()
        mark = conn.execute("select txid from jobtrail.webhook_dispatcher").fetchone()
    return last is not None and mark is not None and last[0] < min(mark[0], settled)


def test_it_is_tried_again_after_a_failure_under_the_same_id(scene: Scene, receiver: Receiver) -> None:
    looked = threading.Event()
    receiver.reply = lambda n, _: Reply(500, body=b"not today") if n < 2 else Reply(204, hold=looked)
    webhook = hook(scene, receiver)
    with work(scene):
        enqueue(scene)
        wait_until(lambda: any(one.tries for one in listed(scene, webhook)), "the first try is noted")
        failed = only(scene, webhook)
        receiver.wait_for(2)  # its own backoff brings it back, within 5 s
        looked.set()
        settled(scene, webhook, DeliveryStatus.DELIVERED)
    assert (failed.status, failed.http_status) == (DeliveryStatus.PENDING, 500)
    assert failed.error is not None
    assert "not today" in failed.error
    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert only(scene, webhook).tries == 2
    assert "job.retry_scheduled" in [one.type for one in scene.client.events(failed.delivery_job_id)]


def test_a_receiver_that_asks_to_wait_is_left_alone_so_long(scene: Scene, receiver: Receiver) -> None:
    receiver.reply = lambda _, __: Reply(429, (("retry-after", "3600"),))
    webhook = hook(scene, receiver)
    with work(scene):
        enqueue(scene)
        wait_until(lambda: any(one.tries for one in listed(scene, webhook)), "the try is noted")
        id = only(scene, webhook).delivery_job_id
        wait_until(lambda: scene.client.get(id).wait_reason == "RETRY", "the delivery waits")
        waits_until = scene.client.get(id).scheduled_at
    assert waits_until is not None
    assert waits_until > datetime.now(UTC) + timedelta(minutes=50)


def test_a_receiver_that_is_gone_disables_its_webhook(scene: Scene, receiver: Receiver) -> None:
    receiver.reply = lambda _, __: Reply(410)
    webhook = hook(scene, receiver)
    with work(scene):
        enqueue(scene)
        (delivery,) = settled(scene, webhook, DeliveryStatus.FAILED)
        after = scene.client.run(webhooks.get(scene.client.workspace, webhook.id))
        assert after is not None and after.disabled_at is not None
        assert after.disabled_reason == "the receiver answered 410 Gone"
        assert scene.client.get(delivery.delivery_job_id).error_code == "webhook_gone"
        second = enqueue(scene)
        scene.client.wait(second)
        wait_until(lambda: dispatcher_has_passed(scene), "the second job's events were looked at")
        assert [one.id for one in listed(scene, webhook)] == [delivery.id]
        assert len(receiver.got) == 1
        receiver.reply = lambda _, __: Reply()
        missed = enabled_again(scene, webhook)
        assert missed == 2  # the one that failed, and the one that it was not told of
        settled(scene, webhook, DeliveryStatus.DELIVERED, 2)
    assert {json.loads(got.body)["data"]["job_id"] for got in receiver.got[-2:]} >= {str(second)}


def enabled_again(scene: Scene, webhook: Webhook) -> int:
    """Lets it be told again, also of what it missed; answers of how much."""
    workspace = scene.client.workspace
    scene.client.run(webhooks.update(workspace, webhook.id, webhooks.Change(disabled=False), ME, HOME))
    return scene.client.run(
        deliveries.replay_since(workspace, webhook.id, datetime.now(UTC) - timedelta(hours=1), new_ids, ME)
    )


def test_a_delivery_is_replayed_under_the_same_id(scene: Scene, receiver: Receiver) -> None:
    webhook = hook(scene, receiver)
    with work(scene):
        enqueue(scene)
        (delivery,) = settled(scene, webhook, DeliveryStatus.DELIVERED)
        scene.client.run(deliveries.replay(scene.client.workspace, delivery.id, new_id(), ME))
        first, second = receiver.wait_for(2)
        settled(scene, webhook, DeliveryStatus.DELIVERED)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert only(scene, webhook).delivery_job_id != delivery.delivery_job_id


def test_both_secrets_sign_while_one_takes_over_from_the_other(scene: Scene, receiver: Receiver) -> None:
    webhook, newer = hook(scene, receiver), signatures.new_secret(bytes(32))
    scene.client.run(webhooks.rotate_secret(scene.client.workspace, webhook.id, newer, ME))
    with work(scene):
        enqueue(scene)
        (got,) = receiver.wait_for(1)
    for secret in (SECRET, newer):
        assert signatures.verify([secret], got.headers, got.body, time.time())


def test_a_worker_that_dies_between_dispatch_and_delivery_loses_nothing(scene: Scene, receiver: Receiver) -> None:
    """The first worker dispatches and serves no deliveries; it is gone before another one sends them."""
    webhook = hook(scene, receiver)
    with scene.work(queues=("default",), outgoing=HOME):
        for a in range(5):
            enqueue(scene, a)
        settled(scene, webhook, DeliveryStatus.PENDING, 5)
    assert receiver.got == []
    with work(scene):
        settled(scene, webhook, DeliveryStatus.DELIVERED, 5)
    assert len({got.headers["webhook-id"] for got in receiver.got}) == len(receiver.got) == 5


def test_a_worker_that_is_killed_while_it_sends_sends_again_under_the_same_id(
    scene: Scene, receiver: Receiver, tmp_path: Path
) -> None:
    """The receiver got it and could not say so: it comes once more, and the id tells."""
    never = threading.Event()
    receiver.reply = lambda n, _: Reply(hold=never) if n == 1 else Reply()
    webhook = hook(scene, receiver, "job.created")
    argv = [sys.executable, str(POSTMAN), scene.database.app_url, str(tmp_path / "postman")]
    enqueue(scene)
    with subprocess.Popen(argv) as postman:
        receiver.wait_for(1)
        postman.kill()
    try:
        with work(scene):
            settled(scene, webhook, DeliveryStatus.DELIVERED)
    finally:
        never.set()
    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    delivery = only(scene, webhook)
    assert delivery.tries == 1  # of the one that was killed nothing is known
    assert [one.status for one in scene.client.attempts(delivery.delivery_job_id)] == ["LOST", "COMPLETED"]


def test_two_workspaces_are_told_of_their_own_jobs_only(scene: Scene, conn: Connection) -> None:
    run(conn, queues.open_workspace(OTHER, "other"), SERVES_ALL)
    with receiving() as ours, receiving() as theirs, Client(scene.database.app_url, workspace=OTHER) as other:
        mine = hook(scene, ours, "*")
        new = webhooks.NewWebhook(id=new_id(), url=theirs.url, secret=SECRET, events=("*",))
        alien = other.run(webhooks.create(OTHER, new, ME, HOME))
        with work(scene):
            job_id = enqueue(scene)
            their_job = other.enqueue_all([a_sum(9)]).ids[0]
            ours.wait_for(3)
            theirs.wait_for(3)
    assert workspaces_and_jobs(ours) == {(str(scene.client.workspace), str(job_id))}
    assert workspaces_and_jobs(theirs) == {(str(OTHER), str(their_job))}
    assert scene.client.run(webhooks.listed(OTHER)) == []
    assert scene.client.run(webhooks.get(scene.client.workspace, alien.id)) is None
    assert scene.client.run(deliveries.listed(OTHER, alien.id)) == []
    assert {one.webhook_id for one in scene.client.run(deliveries.listed(scene.client.workspace))} == {mine.id}


def workspaces_and_jobs(receiver: Receiver) -> set[tuple[str, str]]:
    data = [json.loads(got.body)["data"] for got in receiver.got]
    return {(one["workspace_id"], one["job_id"]) for one in data}


def test_a_receiver_in_our_network_is_not_called_without_leave(scene: Scene, receiver: Receiver) -> None:
    """The row may be older than the rules: whoever sends looks again."""
    webhook = hook(scene, receiver)
    with scene.work(queues=("default", QUEUE)):
        enqueue(scene)
        wait_until(lambda: any(one.tries for one in listed(scene, webhook)), "the try is noted")
    assert receiver.got == []
    delivery = only(scene, webhook)
    assert delivery.http_status is None
    assert delivery.error is not None and "loopback" in delivery.error


def test_a_redirect_to_elsewhere_is_not_followed(scene: Scene, receiver: Receiver) -> None:
    with receiving() as canary:
        receiver.reply = lambda _, __: Reply(307, (("location", canary.url),))
        webhook = hook(scene, receiver)
        with work(scene):
            enqueue(scene)
            wait_until(lambda: any(one.tries for one in listed(scene, webhook)), "the try is noted")
        assert canary.got == []
    assert only(scene, webhook).http_status == 307


def test_a_job_that_somebody_made_by_hand_sends_nothing(scene: Scene, receiver: Receiver) -> None:
    webhook = hook(scene, receiver)
    with work(scene):
        enqueue(scene)
        (delivery,) = settled(scene, webhook, DeliveryStatus.DELIVERED)
        forged = new_job(type=TYPE, queue=QUEUE, input=json.dumps({"delivery_id": str(delivery.id)}).encode())
        ended = scene.client.wait(scene.client.enqueue_all([forged]).ids[0], timeout=timedelta(seconds=30))
    assert (ended.job.status, len(receiver.got)) == ("CANCELLED", 1)


def test_what_was_sent_to_a_removed_webhook_ends(scene: Scene, receiver: Receiver) -> None:
    webhook = hook(scene, receiver)
    with scene.work(queues=("default",), outgoing=HOME):
        enqueue(scene)
        (delivery,) = settled(scene, webhook, DeliveryStatus.PENDING)
    scene.client.run(webhooks.remove(scene.client.workspace, webhook.id, ME))
    with work(scene):
        ended = scene.client.wait(delivery.delivery_job_id, timeout=timedelta(seconds=30))
    assert (ended.job.status, receiver.got) == ("CANCELLED", [])
