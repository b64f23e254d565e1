"""Webhooks and their deliveries through the verbs: what is accepted, and that the dispatcher passes nothing over."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from database import Clock, Connection, Database
from scene import ME, SERVES_ALL, WORKSPACE, Scene, ids

from jobtrail.core import signatures
from jobtrail.core.errors import ConcurrentUpdate, Conflict, Denied, Invalid, Limited, Misconfigured, NotFound
from jobtrail.core.status import DeliveryStatus
from jobtrail.core.webhooks import QUEUE, TYPE, Delivery, Letter, Try, Webhook
from jobtrail.outgoing.guard import Rules, rules
from jobtrail.service import administration, deliveries, jobs, queues, webhooks
from jobtrail.service.webhooks import Change, NewWebhook
from jobtrail.store.db import Scope, run

SECRET = signatures.new_secret(bytes(32))
NEWER = signatures.new_secret(bytes(range(32)))
STRICT = Rules()
OTHER = UUID("00000000-0000-7000-8000-0000000000bb")


def new(*events: str, **more: Any) -> NewWebhook:
    usual = {"id": ids.new(), "url": "https://example.org/hook", "secret": SECRET, "events": events or ("*",)}
    return NewWebhook(**{**usual, **more})


def hook(scene: Scene, *events: str, **more: Any) -> Webhook:
    return scene.do(webhooks.create(scene.workspace, new(*events, **more), ME, STRICT))


def settle(scene: Scene) -> None:
    """Waits until the server's other databases hold no transaction open that is older than our last event."""
    deadline = time.monotonic() + 30
    while True:
        (settled,) = scene.conn.execute(
            "select jobtrail.horizon() > coalesce(max(txid), 0) from jobtrail.events"
        ).fetchone() or (False,)
        if settled:
            return
        assert time.monotonic() < deadline, "somebody holds a transaction open"
        time.sleep(0.005)


def dispatch(scene: Scene, **more: Any) -> int:
    """Dispatches all that there is; answers how many deliveries were made."""
    settle(scene)
    return dispatch_at_once(scene, **more)


def dispatch_at_once(scene: Scene, **more: Any) -> int:
    """Dispatches what can be dispatched now."""
    made, done = 0, deliveries.Dispatched(0, more=True)
    while done.more:
        done = scene.do(deliveries.dispatch(ids.many, **more))
        made += done.made
    return made


def dispatch_within(conn: Connection) -> int:
    """The same within an open transaction: where others write much, one step may end before our event."""
    made, done = 0, deliveries.Dispatched(0, more=True)
    while done.more:
        done = run(conn, deliveries.dispatch(ids.many), SERVES_ALL)
        made += done.made
    return made


def told(scene: Scene, webhook: Webhook) -> list[tuple[UUID, int]]:
    """The events of its deliveries, in the order in which they were made."""
    found = scene.do(deliveries.listed(scene.workspace, webhook.id, limit=10_000))
    return [(one.job_id, one.seq) for one in reversed(found)]


def only(scene: Scene, webhook: Webhook) -> Delivery:
    (found,) = scene.do(deliveries.listed(scene.workspace, webhook.id))
    return found


# The webhook


def test_a_webhook_is_listed_without_its_secret(scene: Scene) -> None:
    made = hook(scene, "job.completed", "gate.*", types=("a", "a", "b.*"), queues=("q",), description="to the CRM")
    assert (made.events, made.types, made.queues) == (["job.completed", "gate.*"], ["a", "b.*"], ["q"])
    assert (made.url, made.version, made.created_by) == ("https://example.org:443/hook", 1, "user:me")
    assert scene.do(webhooks.listed(WORKSPACE)) == [made] == [scene.do(webhooks.get(WORKSPACE, made.id))]
    assert "whsec_" not in repr(made)
    assert "whsec_" not in repr(new())


@pytest.mark.parametrize(
    "events", [(), ("job.complete",), ("job*",), ("nothing.*",), ("job.completed.*",), ("jobs.*",)]
)
def test_events_that_there_are_not_are_refused(events: tuple[str, ...]) -> None:
    with pytest.raises(Invalid) as refused:
        webhooks.create(WORKSPACE, dataclasses.replace(new(), events=events), ME, STRICT)
    assert "events" in refused.value.fields


def test_a_misspelt_event_is_told_what_may_be_meant() -> None:
    with pytest.raises(Invalid, match=r"did you mean job\.completed"):
        webhooks.create(WORKSPACE, new("job.complete"), ME, STRICT)


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "https://example.org:22/", "http://metadata/"])
def test_a_url_into_this_network_is_denied_when_it_is_made_and_when_it_is_changed(url: str) -> None:
    with pytest.raises(Denied):
        webhooks.create(WORKSPACE, new(url=url), ME, STRICT)
    with pytest.raises(Denied):
        webhooks.update(WORKSPACE, ids.new(), Change(url=url), ME, STRICT)


def test_a_secret_must_be_one() -> None:
    with pytest.raises(Invalid):
        webhooks.create(WORKSPACE, new(secret="guess"), ME, STRICT)
    with pytest.raises(Invalid):
        webhooks.rotate_secret(WORKSPACE, ids.new(), "guess", ME)


def test_a_workspace_has_so_many_webhooks_and_no_more(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "MOST", 2)
    hook(scene)
    hook(scene)
    with pytest.raises(Limited):
        hook(scene)


def test_a_change_names_the_version_that_it_read(scene: Scene) -> None:
    made = hook(scene, description="before")
    changed = scene.do(webhooks.update(WORKSPACE, made.id, Change(events=("job.failed",)), ME, STRICT, version=1))
    assert (changed.events, changed.description, changed.version) == (["job.failed"], "before", 2)
    with pytest.raises(ConcurrentUpdate, match="version 2, not 1"):
        scene.do(webhooks.update(WORKSPACE, made.id, Change(description="x"), ME, STRICT, version=1))
    with pytest.raises(NotFound):
        scene.do(webhooks.update(WORKSPACE, ids.new(), Change(description="x"), ME, STRICT))


def test_a_secret_overlaps_with_the_next_one_for_a_while(scene: Scene, clock: Clock) -> None:
    made = hook(scene)
    letter = letter_of(scene, made)
    assert letter.secrets == [SECRET]
    until = scene.do(webhooks.rotate_secret(WORKSPACE, made.id, NEWER, ME, overlap=timedelta(hours=1)))
    assert until == clock.now() + timedelta(hours=1)
    assert letter_of(scene, made, again=True).secrets == [NEWER, SECRET]
    clock.advance(hours=1, seconds=1)
    assert letter_of(scene, made, again=True).secrets == [NEWER]
    with pytest.raises(NotFound):
        scene.do(webhooks.rotate_secret(WORKSPACE, ids.new(), NEWER, ME))


def letter_of(scene: Scene, webhook: Webhook, *, again: bool = False) -> Letter:
    if not again:
        scene.enqueue()
        dispatch(scene)
    delivery = only(scene, webhook)
    letter = scene.do(deliveries.letter(WORKSPACE, delivery.id, delivery.delivery_job_id))
    assert letter is not None
    assert "whsec_" not in repr(letter)
    return letter


def test_what_is_removed_is_gone_with_its_deliveries(scene: Scene) -> None:
    made = hook(scene)
    scene.enqueue()
    assert dispatch(scene) == 1
    scene.do(webhooks.remove(WORKSPACE, made.id, ME))
    assert scene.do(webhooks.get(WORKSPACE, made.id)) is None
    assert scene.do(deliveries.listed(WORKSPACE)) == []
    with pytest.raises(NotFound):
        scene.do(webhooks.remove(WORKSPACE, made.id, ME))


# The dispatcher


def test_each_event_becomes_one_delivery_and_one_job(scene: Scene) -> None:
    webhook = hook(scene, "job.*")
    fence = scene.start()
    scene.complete(fence)
    assert dispatch(scene) == 3
    assert dispatch(scene) == 0
    assert told(scene, webhook) == [(fence.job_id, seq) for seq in (1, 2, 3)]
    for one in scene.do(deliveries.listed(WORKSPACE, webhook.id)):
        job = scene.job(one.delivery_job_id)
        assert (job.type, job.queue, job.max_attempts, job.created_by) == (TYPE, QUEUE, 16, "system:webhooks")
        assert one.status == DeliveryStatus.PENDING


def test_what_was_before_the_webhook_is_not_told(scene: Scene) -> None:
    scene.enqueue()
    webhook = hook(scene)
    id = scene.enqueue()
    dispatch(scene)
    assert told(scene, webhook) == [(id, 1)]


def test_what_happened_while_it_was_disabled_is_not_told_by_itself_and_can_be_asked_for(scene: Scene) -> None:
    webhook = hook(scene)
    scene.do(webhooks.update(WORKSPACE, webhook.id, Change(disabled=True, reason="holidays"), ME, STRICT))
    missed = scene.enqueue()
    with pytest.raises(Conflict, match="disabled"):
        replay_since(scene, webhook)
    enabled = scene.do(webhooks.update(WORKSPACE, webhook.id, Change(disabled=False), ME, STRICT))
    assert (enabled.disabled_at, enabled.disabled_reason) == (None, None)
    id = scene.enqueue()
    assert dispatch(scene) == 1
    assert told(scene, webhook) == [(id, 1)]
    assert replay_since(scene, webhook) == 1
    assert told(scene, webhook) == [(id, 1), (missed, 1)]
    assert replay_since(scene, webhook) == 0


def replay_since(scene: Scene, webhook: Webhook) -> int:
    hour = datetime.now(UTC) - timedelta(hours=1)
    return scene.do(deliveries.replay_since(WORKSPACE, webhook.id, hour, ids.many, ME))


def test_our_own_deliveries_are_told_to_nobody(scene: Scene) -> None:
    webhook = hook(scene, "*")
    id = scene.enqueue()
    assert dispatch(scene) == 1
    run_one(scene, only(scene, webhook), Try(200, None, "d", delivered=True))
    assert dispatch(scene) == 0
    assert told(scene, webhook) == [(id, 1)]


def run_one(scene: Scene, delivery: Delivery, tried: Try) -> None:
    """One try, as a worker makes it; its job completes."""
    fence = scene.again(delivery.delivery_job_id)
    assert scene.do(deliveries.keep_try(WORKSPACE, fence.job_id, fence.attempt_id, tried)) is not None
    scene.complete(fence)


@pytest.mark.parametrize("batch", [4, 5, 7])
def test_a_batch_never_ends_between_the_webhooks_of_an_event(scene: Scene, batch: int) -> None:
    hooks = [hook(scene) for _ in range(3)]
    wanted = [(id, 1) for id in scene.enqueue_many(11)]
    assert dispatch(scene, batch=batch) == 33
    for each in hooks:
        assert sorted(told(scene, each)) == sorted(wanted)
        assert len(told(scene, each)) == 11


def test_a_dispatcher_that_dies_before_its_commit_has_done_nothing(scene: Scene, database: Database) -> None:
    webhook = hook(scene)
    id = scene.enqueue()
    settle(scene)
    with closing(database.connect()) as dying:
        dying.autocommit = False
        assert dispatch_within(dying) == 1
        dying.rollback()
    assert told(scene, webhook) == []
    assert dispatch(scene) == 1
    assert told(scene, webhook) == [(id, 1)]


def test_a_transaction_that_commits_late_is_not_passed_over(scene: Scene, database: Database) -> None:
    """Its id is lower than that of others which were dispatched long before: nobody goes beyond it."""
    webhook = hook(scene)
    with closing(database.connect()) as slow:
        slow.autocommit = False
        late = run(slow, jobs.enqueue(WORKSPACE, [new_job()], ME), SERVES_ALL).ids[0]
        early = scene.enqueue()
        assert dispatch_at_once(scene) == 0
        slow.commit()
    assert dispatch(scene) == 2
    assert told(scene, webhook) == [(late, 1), (early, 1)]


def new_job() -> jobs.NewJob:
    return jobs.NewJob(ids.new(), b"{}", jobs.Options(type="demo"))


def test_two_dispatchers_at_once_are_one(scene: Scene, database: Database) -> None:
    webhook = hook(scene)
    id = scene.enqueue()
    settle(scene)
    with closing(database.connect()) as first:
        first.autocommit = False
        assert dispatch_within(first) == 1
        assert scene.do(deliveries.dispatch(ids.many)) == deliveries.Dispatched(0)
        first.commit()
    assert dispatch(scene) == 0
    assert told(scene, webhook) == [(id, 1)]


def test_a_dispatcher_that_stands_far_behind_comes_up(scene: Scene, admin: Connection) -> None:
    webhook = hook(scene)
    ids_ = [scene.enqueue() for _ in range(3)]
    admin.execute("update jobtrail.webhook_dispatcher set txid = 0, safe_at = '-infinity'")
    assert dispatch(scene) == 3
    assert told(scene, webhook) == [(id, 1) for id in ids_]


@pytest.mark.parametrize(("settled", "writes"), [(99, False), (104, False), (108, True), (50_000, True)])
def test_an_idle_dispatcher_writes_nothing(settled: int, writes: bool) -> None:
    """Else its own transaction would be the next one to look at, and so on for ever. Nobody else works here."""
    steps = deliveries.dispatch(ids.many).begin()
    answers: dict[str, Any] = {
        "verbs/dispatch_alone": True,
        "reads/dispatch_from": deliveries._Start(100, UUID(int=0), 0, settled, True, True),
        "reads/dispatch_events": [],
    }
    asked, answer = [], None
    with contextlib.suppress(StopIteration):
        while True:
            asked.append(steps.send(answer).name)
            answer = answers.get(asked[-1])
    assert ("verbs/dispatch_move" in asked) == writes


def test_a_dispatcher_that_sees_one_workspace_is_told(scene: Scene, database: Database) -> None:
    with closing(database.connect(str(WORKSPACE))) as narrow, pytest.raises(Misconfigured):
        run(narrow, deliveries.dispatch(ids.many), Scope(str(WORKSPACE), standing=True))


def test_restored_tables_do_not_lose_what_is_not_dispatched(scene: Scene, admin: Connection, owner: Connection) -> None:
    """On another server, whose transactions count from less: the base is raised above the dispatcher's mark."""
    webhook = hook(scene)
    admin.execute("update jobtrail.webhook_dispatcher set txid = 5000000000, job_id = %s, seq = 0", (UUID(int=0),))
    owner.execute("select jobtrail.rebase_txids()")
    id = scene.enqueue()
    assert dispatch(scene) == 1
    assert told(scene, webhook) == [(id, 1)]


# Deliveries


def test_a_try_is_noted_and_a_stale_one_is_not(scene: Scene) -> None:
    webhook = hook(scene)
    scene.enqueue()
    dispatch(scene)
    delivery = only(scene, webhook)
    fence = scene.again(delivery.delivery_job_id)
    tried = Try(500, "the receiver answered 500", "d" * 64)
    assert scene.do(deliveries.keep_try(WORKSPACE, fence.job_id, fence.attempt_id, tried)) == 1
    noted = only(scene, webhook)
    assert (noted.status, noted.tries, noted.http_status, noted.error) == ("PENDING", 1, 500, tried.error)
    scene.complete(fence)
    assert scene.do(deliveries.keep_try(WORKSPACE, fence.job_id, fence.attempt_id, tried)) is None
    assert only(scene, webhook).tries == 1


def test_a_delivery_fails_when_its_job_does_and_waits_again_when_it_is_retried(scene: Scene) -> None:
    webhook = hook(scene)
    scene.enqueue()
    dispatch(scene)
    delivery = only(scene, webhook)
    scene.fail(scene.again(delivery.delivery_job_id))
    dispatch(scene)
    assert only(scene, webhook).status == DeliveryStatus.FAILED
    scene.do(jobs.retry(WORKSPACE, delivery.delivery_job_id, ME))
    dispatch(scene)
    assert only(scene, webhook).status == DeliveryStatus.PENDING
    scene.do(jobs.cancel(WORKSPACE, delivery.delivery_job_id, ME, "enough"))
    dispatch(scene)
    assert (only(scene, webhook).status, only(scene, webhook).error) == (DeliveryStatus.FAILED, "it went wrong")


def test_a_delivery_is_sent_again_by_another_job_when_it_has_ended(scene: Scene) -> None:
    webhook = hook(scene)
    scene.enqueue()
    dispatch(scene)
    delivery, job_id = only(scene, webhook), ids.new()
    with pytest.raises(Conflict, match="under way"):
        scene.do(deliveries.replay(WORKSPACE, delivery.id, job_id, ME))
    run_one(scene, delivery, Try(200, None, "d", delivered=True))
    assert scene.do(deliveries.replay(WORKSPACE, delivery.id, job_id, ME)) == job_id
    again = only(scene, webhook)
    assert (again.id, again.status, again.delivery_job_id) == (delivery.id, DeliveryStatus.PENDING, job_id)
    assert scene.do(deliveries.letter(WORKSPACE, delivery.id, delivery.delivery_job_id)) is None
    with pytest.raises(NotFound):
        scene.do(deliveries.replay(WORKSPACE, ids.new(), ids.new(), ME))


def test_deliveries_are_paged_and_filtered(scene: Scene) -> None:
    webhook = hook(scene)
    job_ids = scene.enqueue_many(5)
    dispatch(scene)
    first = scene.do(deliveries.listed(WORKSPACE, webhook.id, limit=3))
    rest = scene.do(deliveries.listed(WORKSPACE, webhook.id, before=first[-1].id, limit=3))
    assert [one.id for one in first + rest] == sorted((one.id for one in first + rest), reverse=True)
    assert {one.job_id for one in first + rest} == set(job_ids)
    assert scene.do(deliveries.listed(WORKSPACE, statuses=(DeliveryStatus.FAILED,))) == []
    assert [one.job_id for one in scene.do(deliveries.listed(WORKSPACE, job_id=job_ids[2]))] == [job_ids[2]]


def test_old_deliveries_are_forgotten(scene: Scene, clock: Clock) -> None:
    webhook = hook(scene)
    scene.enqueue_many(3)
    dispatch(scene)
    clock.advance(days=31)
    scene.enqueue()
    dispatch(scene)
    before = clock.now() - timedelta(days=30)
    assert [scene.do(deliveries.forget(before, 2)) for _ in range(3)] == [2, 1, 0]
    assert len(told(scene, webhook)) == 1


def test_another_workspace_reads_and_moves_nothing_of_it(scene: Scene, database: Database, conn: Connection) -> None:
    """Neither by the verbs, nor by statements of its own."""
    run(conn, queues.open_workspace(OTHER, "other"), SERVES_ALL)
    webhook = hook(scene)
    scene.enqueue()
    dispatch(scene)
    delivery = only(scene, webhook)
    theirs = Scope(str(OTHER), standing=True)
    with closing(database.connect(str(OTHER))) as other:
        for workspace in (WORKSPACE, OTHER):
            assert run(other, webhooks.get(workspace, webhook.id), theirs) is None
            assert run(other, deliveries.get(workspace, delivery.id), theirs) is None
            assert run(other, deliveries.letter(workspace, delivery.id, delivery.delivery_job_id), theirs) is None
            for attack in (
                webhooks.remove(workspace, webhook.id, ME),
                webhooks.rotate_secret(workspace, webhook.id, NEWER, ME),
                webhooks.update(workspace, webhook.id, Change(description="mine"), ME, STRICT),
                deliveries.replay(workspace, delivery.id, ids.new(), ME),
                deliveries.replay_since(workspace, webhook.id, delivery.event_at, ids.many, ME),
            ):
                with pytest.raises(NotFound):
                    run(other, attack, theirs)  # type: ignore[misc]
        assert other.execute("select count(*) from jobtrail.webhooks").fetchone() == (0,)
        with pytest.raises(Misconfigured, match="row-level security"):
            run(other, webhooks.create(WORKSPACE, new(), ME, STRICT), theirs)
    assert scene.do(webhooks.get(WORKSPACE, webhook.id)) == webhook


def test_rules_of_the_installation_open_its_own_network(scene: Scene) -> None:
    ours = rules(["hooks.internal:9000"])
    made = scene.do(webhooks.create(WORKSPACE, new(url="http://hooks.internal:9000/x"), ME, ours))
    assert made.url == "http://hooks.internal:9000/x"


def test_what_is_done_to_a_webhook_is_recorded_without_what_opens_it(scene: Scene) -> None:
    made = hook(scene, "job.failed", url="https://example.org/hook/s3cret?key=s3cret")
    scene.do(
        webhooks.update(WORKSPACE, made.id, Change(url="https://other.example/s3cret", disabled=False), ME, STRICT)
    )
    scene.do(webhooks.rotate_secret(WORKSPACE, made.id, NEWER, ME))
    scene.enqueue()
    scene.do(webhooks.remove(WORKSPACE, made.id, ME))
    found = scene.do(administration.listed(WORKSPACE))
    assert [one.type for one in reversed(found)] == [
        "webhook.created", "webhook.updated", "webhook.secret_rotated", "webhook.removed",
    ]  # fmt: skip
    assert {(one.actor_id, one.subject_id) for one in found} == {("me", str(made.id))}
    assert "s3cret" not in repr(found)
    assert "whsec_" not in repr(found)


def test_a_webhook_that_disables_itself_is_recorded(scene: Scene) -> None:
    webhook = hook(scene)
    scene.enqueue()
    dispatch(scene)
    run_one(scene, only(scene, webhook), Try(410, "gone", "d", disable="the receiver answered 410 Gone"))
    last = scene.do(administration.listed(WORKSPACE, limit=1))[0]
    assert (last.type, last.actor_type, last.payload["reason"]) == (
        "webhook.disabled", "system", "the receiver answered 410 Gone",
    )  # fmt: skip
