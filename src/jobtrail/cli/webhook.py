"""`jobtrail webhook create`, `list`, `get`, `enable`, `disable`, `remove`, `rotate`, `deliveries`, `replay`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from cyclopts import Parameter

from jobtrail.cli import office, place, refs, show, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain, Switch
from jobtrail.cli.office import Office
from jobtrail.cli.telling import notice, with_fix
from jobtrail.core import duration, signatures
from jobtrail.core.errors import NotFound
from jobtrail.core.ids import parse_id, short
from jobtrail.core.status import DeliveryStatus
from jobtrail.core.webhooks import Delivery, Webhook
from jobtrail.outgoing import guard
from jobtrail.outgoing.guard import Rules
from jobtrail.service import deliveries, webhooks
from jobtrail.service.webhooks import Change, NewWebhook
from jobtrail.store.identity import new_id, new_ids, new_secret

ENDS: Final = ("job.completed", "job.failed", "job.cancelled")
Several = Annotated[tuple[str, ...], Parameter(negative=())]
_SEARCHED: Final = 1_000


def create(
    url: Annotated[str, Plain],
    /,
    *,
    event: Several = (),
    type: Annotated[tuple[str, ...], Parameter(alias="-t", negative=())] = (),
    queue: Annotated[tuple[str, ...], Parameter(alias="-q", negative=())] = (),
    description: str | None = None,
    flags: Flags = NO_FLAGS,
) -> int:
    """Tell a URL what happens. The secret that signs what is sent is printed this once.

    Parameters
    ----------
    url
        Where to send to, by POST: https://example.com/hook.
    event
        Of which events: job.completed, job.*, *. Commas or several options; the ends of jobs if none is named.
    type
        Only of jobs of these types; content.* is all that begin so.
    queue
        Only of jobs in these queues.
    description
        What it is for.
    """
    secret = signatures.new_secret(new_secret(signatures.SECRET_BYTES))
    new = NewWebhook(
        id=new_id(),
        url=url,
        secret=secret,
        events=tuple(office.parts(event)) or ENDS,
        types=tuple(office.parts(type)),
        queues=tuple(office.parts(queue)),
        description=description,
    )
    rules = _rules(flags)
    with office.opened(flags) as here:
        made = here.do(webhooks.create(here.workspace(), new, here.actor, rules))
    _tell_secret(made, secret, flags)
    notice(f"created webhook {short(made.id)}: {', '.join(made.events)} → {made.url}")
    notice("keep the secret now: it signs what is sent, and is not shown again")
    return 0


def listed(*, flags: Flags = NO_FLAGS) -> int:
    """The webhooks of the workspace, oldest first; never their secrets."""
    with office.opened(flags) as here:
        found = here.do(webhooks.listed(here.workspace()))
    show.rows(
        found,
        [
            show.id_column(lambda w: w.id, "WEBHOOK"),
            show.Column("URL", lambda w: w.url, lambda w: words.one_line(w.url, 60)),
            show.Column("EVENTS", lambda w: ",".join(w.events)),
            show.Column("TYPES", lambda w: ",".join(w.types), rank=3),
            show.Column("QUEUES", lambda w: ",".join(w.queues), rank=4),
            show.time_column("DISABLED", lambda w: w.disabled_at),
            show.Column("WHY", lambda w: w.disabled_reason, rank=1),
            show.time_column("CREATED", lambda w: w.created_at, rank=2),
        ],
        flags,
        empty="there is no webhook",
    )
    return 0


def get(webhook: Annotated[str, Plain], /, *, flags: Flags = NO_FLAGS) -> int:
    """One webhook; never its secret.

    Parameters
    ----------
    webhook
        Its id, or four or more digits of its start or end.
    """
    with office.opened(flags) as here:
        _show(_meant(here, webhook), flags)
    return 0


def enable(webhook: Annotated[str, Plain], /, *, flags: Flags = NO_FLAGS) -> int:
    """Tell it again, of what happens from now on; `replay --since` sends what it missed.

    Parameters
    ----------
    webhook
        Its id, or four or more digits of its start or end.
    """
    return _switch(webhook, Change(disabled=False), flags)


def disable(
    webhook: Annotated[str, Plain],
    /,
    *,
    reason: Annotated[str | None, Parameter(alias="-m")] = None,
    flags: Flags = NO_FLAGS,
) -> int:
    """Tell it nothing more, until it is enabled.

    Parameters
    ----------
    webhook
        Its id, or four or more digits of its start or end.
    reason
        Why; it is shown beside it.
    """
    return _switch(webhook, Change(disabled=True, reason=reason), flags)


def remove(webhook: Annotated[str, Plain], /, *, flags: Flags = NO_FLAGS) -> int:
    """Remove a webhook, with the list of its deliveries.

    Parameters
    ----------
    webhook
        Its id, or four or more digits of its start or end.
    """
    with office.opened(flags) as here:
        found = _meant(here, webhook)
        here.do(webhooks.remove(here.workspace(), found.id, here.actor))
    if flags.output in ("json", "jsonl"):
        show.line(show.plain(found))
    notice(f"removed webhook {short(found.id)} → {found.url}")
    return 0


def rotate(webhook: Annotated[str, Plain], /, *, overlap: str = "1d", flags: Flags = NO_FLAGS) -> int:
    """Give a webhook another secret, which is printed this once. The one before signs as well for a while.

    Parameters
    ----------
    webhook
        Its id, or four or more digits of its start or end.
    overlap
        How long both sign: 1d, 2h; 0s when the old one is known to strangers.
    """
    secret = signatures.new_secret(new_secret(signatures.SECRET_BYTES))
    with office.opened(flags) as here:
        found = _meant(here, webhook)
        until = here.do(
            webhooks.rotate_secret(here.workspace(), found.id, secret, here.actor, overlap=duration.parse(overlap))
        )
    _tell_secret(found, secret, flags)
    notice(f"webhook {short(found.id)} has another secret; the one before signs too until {words.absolute(until)}")
    return 0


def delivered(
    webhook: Annotated[str | None, Plain] = None,
    /,
    *,
    failed: Annotated[bool, Switch] = False,
    limit: int = 50,
    flags: Flags = NO_FLAGS,
) -> int:
    """What was sent, newest first, and how it went. A delivery's own job has all its tries: jobtrail job get.

    Parameters
    ----------
    webhook
        Only to this one: its id, or four or more digits of its start or end.
    failed
        Only those that failed for good.
    limit
        How many.
    """
    statuses = (DeliveryStatus.FAILED,) if failed else None
    with office.opened(flags) as here:
        id = None if webhook is None else _meant(here, webhook).id
        found = here.do(deliveries.listed(here.workspace(), id, statuses=statuses, limit=limit))
    _show_deliveries(found, flags)
    return 0


def replay(ref: Annotated[str, Plain], /, *, since: str | None = None, flags: Flags = NO_FLAGS) -> int:
    """Send a delivery again; or, with --since, all that a webhook did not get since then. Ids of messages stay.

    Parameters
    ----------
    ref
        The delivery; with --since the webhook: an id, or four or more digits of its start or end.
    since
        How long ago: 2h, 1d.
    """
    with office.opened(flags) as here:
        workspace = here.workspace()
        if since is not None:
            webhook = _meant(here, ref)
            at: datetime = office.now() - duration.parse(since)
            count = here.do(deliveries.replay_since(workspace, webhook.id, at, new_ids, here.actor))
            _done({"webhook_id": str(webhook.id), "replayed": count}, flags)
            notice(f"{words.counted(count, 'delivery', 'deliveries')} to webhook {short(webhook.id)} will be made")
            return 0
        id = _delivery(here, ref)
        job_id = here.do(deliveries.replay(workspace, id, new_id(), here.actor))
    _done({"id": str(id), "delivery_job_id": str(job_id)}, flags)
    notice(f"delivery {short(id)} will be made again, by job {short(job_id)}")
    return 0


def _switch(ref: str, change: Change, flags: Flags) -> int:
    rules = _rules(flags)
    with office.opened(flags) as here:
        found = _meant(here, ref)
        after = here.do(webhooks.update(here.workspace(), found.id, change, here.actor, rules))
    if flags.output in ("json", "jsonl"):
        show.line(show.plain(after))
    notice(f"{'disabled' if change.disabled else 'enabled'} webhook {short(found.id)} → {found.url}")
    return 0


def _meant(here: Office, ref: str) -> Webhook:
    found = {webhook.id: webhook for webhook in here.do(webhooks.listed(here.workspace()))}
    id = refs.one_of(list(found), ref)
    if id is None:
        raise with_fix(NotFound(f"no webhook, or more than one, is meant by {ref!r}"), "jobtrail webhook list")
    return found[id]


def _delivery(here: Office, ref: str) -> UUID:
    if len(ref.replace("-", "")) == 32:
        return parse_id(ref, "delivery")
    newest = here.do(deliveries.listed(here.workspace(), limit=_SEARCHED))
    id = refs.one_of([delivery.id for delivery in newest], ref)
    if id is None:
        raise with_fix(NotFound(f"no delivery, or more than one, is meant by {ref!r}"), "jobtrail webhook deliveries")
    return id


def _rules(flags: Flags) -> Rules:
    return guard.rules(place.configured(flags).outgoing_allow)


def _tell_secret(webhook: Webhook, secret: str, flags: Flags) -> None:
    if flags.output in ("json", "jsonl"):
        show.thing({**show.plain(webhook), "secret": secret}, list, flags)
    else:
        print(secret, flush=True)


def _done(data: dict[str, object], flags: Flags) -> None:
    if flags.output in ("json", "jsonl"):
        show.line(data)


def _show(webhook: Webhook, flags: Flags) -> None:
    show.thing(
        show.plain(webhook),
        lambda: [
            ("webhook", webhook.id),
            ("url", webhook.url),
            ("events", ", ".join(webhook.events)),
            ("types", ", ".join(webhook.types)),
            ("queues", ", ".join(webhook.queues)),
            ("description", webhook.description),
            ("disabled", words.absolute(webhook.disabled_at)),
            ("why", webhook.disabled_reason),
            ("old secret until", words.absolute(webhook.secret_before_until)),
            ("created", f"{words.absolute(webhook.created_at)} by {webhook.created_by}"),
            ("version", webhook.version),
        ],
        flags,
    )


def _show_deliveries(found: Sequence[Delivery], flags: Flags) -> None:
    show.rows(
        found,
        [
            show.id_column(lambda d: d.id, "DELIVERY"),
            show.id_column(lambda d: d.webhook_id, "WEBHOOK"),
            show.status_column(lambda d: d.status),
            show.Column("EVENT", lambda d: d.event),
            show.id_column(lambda d: d.job_id, "JOB"),
            show.Column("TRIES", lambda d: d.tries, right=True, rank=2),
            show.Column("HTTP", lambda d: d.http_status, right=True),
            show.Column("ERROR", lambda d: d.error, lambda d: words.one_line(d.error, 60), rank=1),
            show.time_column("CREATED", lambda d: d.created_at, rank=3),
        ],
        flags,
        empty="nothing was sent yet",
    )
