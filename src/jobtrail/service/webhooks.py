"""Verbs on webhooks: create, list, change, remove, give another secret. Secrets and ids come from the caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from jobtrail.core import webhooks
from jobtrail.core.errors import ConcurrentUpdate, Limited, NotFound
from jobtrail.core.jsonguard import clean_text
from jobtrail.core.model import Actor
from jobtrail.core.signatures import check_secret
from jobtrail.core.webhooks import Webhook
from jobtrail.outgoing import guard
from jobtrail.outgoing.guard import Rules
from jobtrail.service import administration
from jobtrail.store import query
from jobtrail.store.query import Flow, Query, Steps, ask, atomic

MOST: Final = 100
"""Webhooks of a workspace."""
OVERLAP: Final = timedelta(days=1)
"""How long the secret before signs as well, so that receivers can change over."""
_DESCRIPTION_BYTES: Final = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWebhook:
    """A webhook to make. `events` and `types` are names, or begin as one: `job.*`, `*`; no types or queues: all."""

    id: UUID
    url: str = field(repr=False)
    secret: str = field(repr=False)
    events: tuple[str, ...]
    types: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    description: str | None = None


def create(workspace: UUID, new: NewWebhook, actor: Actor, rules: Rules) -> Flow[Webhook]:
    """Makes a webhook; from now on it is told of what happens.

    Raises Invalid for a URL, an event or a secret that is none, Denied for a URL that may not be called, Limited when
    the workspace has 100 already.
    """
    target = guard.target(new.url, rules)
    params = (
        workspace,
        new.id,
        target.url,
        list(webhooks.check_events(new.events)),
        list(webhooks.check_names(new.types, "types")),
        list(webhooks.check_names(new.queues, "queues")),
        _described(new.description),
        check_secret(new.secret),
        f"{actor.type}:{actor.id or ''}",
        MOST,
    )
    return _create(workspace, new, target.authority, params, actor)


@atomic
def _create(workspace: UUID, new: NewWebhook, to: str, params: tuple[object, ...], actor: Actor) -> Steps[Webhook]:
    if (yield from ask(Query("verbs/create_webhook", params, query.one))) is None:
        raise Limited(f"this workspace has {MOST} webhooks already; remove one, or let one receiver sort them")
    yield _told(workspace, "created", new.id, actor, {"to": to, "events": list(new.events)})
    return (yield from _found(workspace, new.id))


def listed(workspace: UUID) -> Query[list[Webhook]]:
    """The webhooks of a workspace, oldest first, without their secrets."""
    return Query("reads/webhooks", (workspace, None), query.many_of(Webhook))


def get(workspace: UUID, webhook_id: UUID) -> Query[Webhook | None]:
    """One webhook without its secret, or None."""
    return Query("reads/webhooks", (workspace, webhook_id), query.one_of(Webhook))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """New values of a webhook; None leaves one as it is. `disabled` False lets it be told again, of what comes."""

    url: str | None = field(default=None, repr=False)
    events: tuple[str, ...] | None = None
    types: tuple[str, ...] | None = None
    queues: tuple[str, ...] | None = None
    description: str | None = None
    disabled: bool | None = None
    reason: str | None = None


def update(
    workspace: UUID, webhook_id: UUID, change: Change, actor: Actor, rules: Rules, *, version: int | None = None
) -> Flow[Webhook]:
    """Changes a webhook; with `version`, only while it is as it was read. Answers it as it is then.

    Raises what `create` raises, NotFound, or ConcurrentUpdate when it has another version.
    """
    target = None if change.url is None else guard.target(change.url, rules)
    params = (
        workspace,
        webhook_id,
        version,
        None if target is None else target.url,
        None if change.events is None else list(webhooks.check_events(change.events)),
        None if change.types is None else list(webhooks.check_names(change.types, "types")),
        None if change.queues is None else list(webhooks.check_names(change.queues, "queues")),
        _described(change.description),
        change.disabled,
        _described(change.reason),
    )
    names = ("events", "types", "queues", "description", "disabled", "reason")
    said = {name: value for name in names if (value := getattr(change, name)) is not None}
    said |= {} if target is None else {"to": target.authority}
    return _update(workspace, webhook_id, params, version, actor, said)


@atomic
def _update(
    workspace: UUID,
    webhook_id: UUID,
    params: tuple[object, ...],
    version: int | None,
    actor: Actor,
    said: Mapping[str, Any],
) -> Steps[Webhook]:
    changed = yield from ask(Query("verbs/update_webhook", params, query.one))
    webhook = yield from _found(workspace, webhook_id)
    if changed is None:
        raise ConcurrentUpdate(
            f"webhook {webhook_id} is at version {webhook.version}, not {version}; read it and try again"
        )
    yield _told(workspace, "updated", webhook_id, actor, said)
    return webhook


@atomic
def remove(workspace: UUID, webhook_id: UUID, actor: Actor) -> Steps[None]:
    """Removes a webhook with the list of its deliveries. Raises NotFound."""
    if (yield from ask(Query("verbs/remove_webhook", (workspace, webhook_id), query.one))) is None:
        raise _missing(webhook_id)
    yield _told(workspace, "removed", webhook_id, actor)


def rotate_secret(
    workspace: UUID, webhook_id: UUID, secret: str, actor: Actor, *, overlap: timedelta = OVERLAP
) -> Flow[datetime]:
    """Gives a webhook another secret; answers until when the one before signs as well. Raises NotFound, Invalid."""
    return _rotate(workspace, webhook_id, check_secret(secret), overlap, actor)


@atomic
def _rotate(workspace: UUID, webhook_id: UUID, secret: str, overlap: timedelta, actor: Actor) -> Steps[datetime]:
    params = (workspace, webhook_id, secret, max(overlap.total_seconds(), 0.0))
    until = yield from ask(Query("verbs/rotate_secret", params, query.scalar))
    if until is None:
        raise _missing(webhook_id)
    yield _told(workspace, "secret_rotated", webhook_id, actor)
    held: datetime = until
    return held


def _told(
    workspace: UUID, what: str, webhook_id: UUID, actor: Actor, payload: Mapping[str, Any] | None = None
) -> Query[None]:
    """A line of the record of administration. Of a URL only the host: its path may be what opens it."""
    return administration.tell(workspace, f"webhook.{what}", actor, "webhook", str(webhook_id), payload)


def _found(workspace: UUID, webhook_id: UUID) -> Steps[Webhook]:
    webhook = yield from ask(get(workspace, webhook_id))
    if webhook is None:
        raise _missing(webhook_id)
    return webhook


def _described(text: str | None) -> str | None:
    return None if text is None else clean_text(text, max_bytes=_DESCRIPTION_BYTES)


def _missing(webhook_id: UUID) -> NotFound:
    return NotFound(f"there is no webhook {webhook_id} in this workspace")
