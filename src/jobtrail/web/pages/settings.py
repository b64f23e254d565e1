"""Settings of a workspace: its name, people, keys, webhooks, policy, what is kept how long, and who changed what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

import msgspec
from starlette.responses import Response

from jobtrail.core.config import Config
from jobtrail.core.scopes import ApiScope, Role
from jobtrail.service import administration, deliveries, groups, keys, memberships, webhooks, workspaces
from jobtrail.web.pages.page import page
from jobtrail.web.runtime import Call

_SHOWN: Final = 50
_MOST_SEQ: Final = 2**63 - 1


class BeforeQuery(msgspec.Struct, frozen=True):
    """Which page: what came before this id."""

    before: UUID | None = None


class AfterQuery(msgspec.Struct, frozen=True):
    """Which page: what comes after this e-mail, or this name."""

    after: Annotated[str, msgspec.Meta(max_length=254)] | None = None


class NumberQuery(msgspec.Struct, frozen=True):
    """Which page: what came before this number."""

    before: Annotated[int, msgspec.Meta(ge=1, le=_MOST_SEQ)] | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """How long one class of data is kept; None: for ever."""

    what: str
    days: int | None
    setting: str


async def show_settings(call: Call) -> Response:
    """The name, and what is kept how long."""
    found = await call.found(workspaces.get(call.workspace), "such workspace")
    config = call.runtime.config
    return await page(call, "settings/general.html", "Settings", workspace=found, kept=kept(config), config=config)


async def show_members(call: Call, query: AfterQuery) -> Response:
    """Who may do what here."""
    found = await call.read(memberships.listed(call.workspace, after=query.after, limit=_SHOWN + 1))
    more = found[_SHOWN - 1].email.lower() if len(found) > _SHOWN else None
    roles = [str(role) for role in Role]
    return await page(call, "settings/members.html", "Members", members=found[:_SHOWN], more=more, roles=roles)


async def show_groups(call: Call, query: AfterQuery) -> Response:
    """Who is asked together at gates."""
    found = await call.read(groups.listed(call.workspace, after=query.after, limit=_SHOWN + 1))
    more = found[_SHOWN - 1].name if len(found) > _SHOWN else None
    return await page(call, "settings/groups.html", "Groups", groups=found[:_SHOWN], more=more)


async def show_keys(call: Call, query: BeforeQuery) -> Response:
    """Keys of programs."""
    found = await call.read(keys.listed(call.workspace, before=query.before, limit=_SHOWN + 1))
    more = found[_SHOWN - 1].id if len(found) > _SHOWN else None
    names = [str(scope) for scope in ApiScope if scope in call.principal.scopes]
    roles = ["", *(str(role) for role in Role)]
    return await page(call, "settings/keys.html", "Keys", keys=found[:_SHOWN], more=more, scopes=names, roles=roles)


async def show_webhooks(call: Call) -> Response:
    """Who is told of what."""
    found = await call.read(webhooks.listed(call.workspace))
    return await page(call, "settings/webhooks.html", "Webhooks", webhooks=found)


async def show_webhook(call: Call, webhook_id: UUID, query: BeforeQuery) -> Response:
    """One webhook, and what it was sent."""
    hook = await call.found(webhooks.get(call.workspace, webhook_id), f"webhook {webhook_id}")
    work = deliveries.listed(call.workspace, webhook_id, before=query.before, limit=_SHOWN + 1)
    found = await call.read(work)
    more = found[_SHOWN - 1].id if len(found) > _SHOWN else None
    return await page(call, "settings/webhook.html", "Webhook", hook=hook, deliveries=found[:_SHOWN], more=more)


async def show_policy(call: Call) -> Response:
    """What the workspace allows its runners."""
    policy = await call.found(workspaces.policy(call.workspace), "such workspace")
    return await page(call, "settings/policy.html", "Policy", policy=policy)


async def show_record(call: Call, query: NumberQuery) -> Response:
    """What administrators did."""
    found = await call.read(administration.listed(call.workspace, before=query.before, limit=_SHOWN + 1))
    more = found[_SHOWN - 1].number if len(found) > _SHOWN else None
    return await page(call, "settings/record.html", "Record", events=found[:_SHOWN], more=more)


def kept(config: Config) -> list[Kept]:
    """Each class of data with the days that it is kept."""
    return [
        Kept("Finished jobs, with what hangs on them", config.retention_jobs_days, "retention_jobs_days"),
        Kept("The trail", config.retention_trail_days, "retention_trail_days"),
        Kept("Logs", config.retention_logs_days, "retention_logs_days"),
        Kept("Usage: tokens and money", config.retention_usage_days, "retention_usage_days"),
        Kept("Metrics", config.retention_metrics_days, "retention_metrics_days"),
        Kept("Figures of queues", config.retention_queue_stats_days, "retention_queue_stats_days"),
    ]
