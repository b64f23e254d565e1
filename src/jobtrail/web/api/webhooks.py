"""Routes of webhooks: who is told of what, how it went, and to send it again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

import msgspec

from jobtrail.core import signatures
from jobtrail.core.status import DeliveryStatus
from jobtrail.core.webhooks import QUEUE, Delivery, Webhook
from jobtrail.outgoing import guard
from jobtrail.outgoing.guard import Rules
from jobtrail.service import deliveries, webhooks
from jobtrail.service.webhooks import Change, NewWebhook
from jobtrail.store.identity import new_id, new_ids, new_secret
from jobtrail.web import cursors
from jobtrail.web.routing import Page, Reply
from jobtrail.web.runtime import Call
from jobtrail.web.versions import Match, etag, version_of
from jobtrail.web.views import Cursor, Limit, Time

_LONGEST_OVERLAP: Final = 604_800
_Url = Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
_Pattern = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
_Patterns = Annotated[list[_Pattern], msgspec.Meta(max_length=100)]
_Description = Annotated[str, msgspec.Meta(max_length=1_000)]


class NewWebhookBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who to tell, and of what: `job.completed`, `job.*`, `*`; of jobs of all types and queues if none are named."""

    url: _Url
    events: Annotated[list[_Pattern], msgspec.Meta(min_length=1, max_length=100)]
    types: _Patterns = msgspec.field(default_factory=list)
    queues: _Patterns = msgspec.field(default_factory=list)
    description: _Description | None = None


class WebhookBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """New values; what is left out stays. `disabled` false lets it be told again, of what comes."""

    url: _Url | None = None
    events: Annotated[list[_Pattern], msgspec.Meta(min_length=1, max_length=100)] | None = None
    types: _Patterns | None = None
    queues: _Patterns | None = None
    description: _Description | None = None
    disabled: bool | None = None


class MadeWebhook(msgspec.Struct, frozen=True):
    """The webhook, and the secret that signs what it is sent; the secret is shown this once."""

    webhook: Webhook
    secret: str


class WebhookList(msgspec.Struct, frozen=True):
    """The webhooks of the workspace, oldest first."""

    items: list[Webhook]


class RotateBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the secret before signs as well."""

    overlap_seconds: Annotated[int, msgspec.Meta(ge=0, le=_LONGEST_OVERLAP)] = 86_400


class Rotated(msgspec.Struct, frozen=True):
    """The new secret, shown this once, and until when the one before signs as well."""

    secret: str
    secret_before_until: datetime


class DeliveriesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which deliveries."""

    status: Annotated[list[DeliveryStatus], msgspec.Meta(max_length=10)] | None = None
    job_id: UUID | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class ReplayBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From when on."""

    since: Time


class Replayed(msgspec.Struct, frozen=True):
    """How many deliveries are sent, at most 1 000 of each sort at once."""

    deliveries: int


class ReplayedOne(msgspec.Struct, frozen=True):
    """The job that sends it."""

    job_id: UUID


async def create_webhook(call: Call, body: NewWebhookBody) -> Reply[MadeWebhook]:
    """Tell a URL what happens to jobs."""
    secret = signatures.new_secret(new_secret(signatures.SECRET_BYTES))
    new = NewWebhook(
        id=new_id(),
        url=body.url,
        secret=secret,
        events=tuple(body.events),
        types=tuple(body.types),
        queues=tuple(body.queues),
        description=body.description,
    )
    made = await call.write(webhooks.create(call.workspace, new, call.principal.actor, _rules(call)))
    place = f"{call.prefix}/api/v1/webhooks/{made.id}"
    return Reply(MadeWebhook(made, secret), headers={"Location": place, "ETag": etag(made.version)})


async def list_webhooks(call: Call) -> WebhookList:
    """The webhooks of the workspace, without their secrets."""
    return WebhookList(await call.read(webhooks.listed(call.workspace)))


async def get_webhook(call: Call, webhook_id: UUID) -> Reply[Webhook]:
    """One webhook, without its secret."""
    found = await call.found(webhooks.get(call.workspace, webhook_id), f"webhook {webhook_id}")
    return Reply(found, headers={"ETag": etag(found.version)})


async def change_webhook(call: Call, webhook_id: UUID, headers: Match, body: WebhookBody) -> Reply[Webhook]:
    """Change a webhook, or disable it; with If-Match only while it is as it was read."""
    change = Change(
        url=body.url,
        events=None if body.events is None else tuple(body.events),
        types=None if body.types is None else tuple(body.types),
        queues=None if body.queues is None else tuple(body.queues),
        description=body.description,
        disabled=body.disabled,
    )
    version = version_of(headers.if_match)
    work = webhooks.update(call.workspace, webhook_id, change, call.principal.actor, _rules(call), version=version)
    changed = await call.write(work)
    return Reply(changed, headers={"ETag": etag(changed.version)})


async def remove_webhook(call: Call, webhook_id: UUID) -> None:
    """Remove a webhook with the list of its deliveries."""
    await call.write(webhooks.remove(call.workspace, webhook_id, call.principal.actor))


async def rotate_webhook_secret(call: Call, webhook_id: UUID, body: RotateBody) -> Rotated:
    """Give a webhook another secret; the one before signs as well for a while."""
    secret = signatures.new_secret(new_secret(signatures.SECRET_BYTES))
    overlap = timedelta(seconds=body.overlap_seconds)
    work = webhooks.rotate_secret(call.workspace, webhook_id, secret, call.principal.actor, overlap=overlap)
    return Rotated(secret, await call.write(work))


async def list_deliveries(call: Call, webhook_id: UUID, query: DeliveriesQuery) -> Page[Delivery]:
    """What a webhook was sent, newest first, and how it went."""
    await call.found(webhooks.get(call.workspace, webhook_id), f"webhook {webhook_id}")
    before = cursors.place(query.cursor, "deliveries", UUID)
    work = deliveries.listed(
        call.workspace,
        webhook_id,
        before=before,
        statuses=tuple(query.status) if query.status else None,
        job_id=query.job_id,
        limit=query.limit + 1,
    )
    found = await call.read(work)
    items = found[: query.limit]
    return Page(items, cursors.cursor("deliveries", items[-1].id) if len(found) > query.limit else None)


async def replay_webhook(call: Call, webhook_id: UUID, body: ReplayBody) -> Replayed:
    """Send what a webhook did not get since a time."""
    work = deliveries.replay_since(call.workspace, webhook_id, body.since, new_ids, call.principal.actor)
    return Replayed(await call.write(work, QUEUE))


async def replay_delivery(call: Call, delivery_id: UUID) -> Reply[ReplayedOne]:
    """Send one delivery once more, under the same message id."""
    work = deliveries.replay(call.workspace, delivery_id, new_id(), call.principal.actor)
    return Reply(ReplayedOne(await call.write(work, QUEUE)))


def _rules(call: Call) -> Rules:
    return guard.rules(call.runtime.config.outgoing_allow)
