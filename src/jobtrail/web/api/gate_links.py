"""Routes of links to gates: make one for a person, list, take back. What the person does with it is a page."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

import msgspec

from jobtrail.core import gate_links as tokens
from jobtrail.core.approval import GateLink
from jobtrail.service import gate_links, gates
from jobtrail.store.identity import new_id, new_secret
from jobtrail.web.routing import Reply
from jobtrail.web.runtime import Call
from jobtrail.web.views import Name

_DAY: Final = 86_400.0


class LinkBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """For whom the link is, as the trail will name them, and for how long it is good."""

    person: Name
    expires_in_seconds: Annotated[float, msgspec.Meta(gt=0, le=30 * _DAY)] = 2 * _DAY


class MadeLink(msgspec.Struct, frozen=True):
    """The address, and what is known of it. It is shown this once."""

    url: str
    link: GateLink


class LinkList(msgspec.Struct, frozen=True):
    """Links to a gate, the oldest first."""

    items: list[GateLink]


async def make_gate_link(call: Call, gate_id: UUID, body: LinkBody) -> Reply[MadeLink]:
    """Make an address at which one person may decide once, without a login. It lends them the caller's voice."""
    me = call.principal
    made = await call.write(
        gate_links.make(
            call.workspace,
            gate_id,
            new_id(),
            body.person,
            new_secret(),
            timedelta(seconds=body.expires_in_seconds),
            me.actor,
            as_owner=me.as_owner,
        )
    )
    return Reply(MadeLink(_address(call, made.token), made.link))


async def list_gate_links(call: Call, gate_id: UUID) -> LinkList:
    """The links to a gate, without their addresses."""
    await call.found(gates.get(call.workspace, gate_id), f"gate {gate_id}")
    return LinkList(await call.read(gate_links.listed(call.workspace, gate_id)))


async def revoke_gate_link(call: Call, gate_id: UUID, link_id: UUID) -> GateLink:
    """Take a link back; from now on it opens nothing."""
    return await call.write(gate_links.revoke(call.workspace, gate_id, link_id))


def _address(call: Call, token: str) -> str:
    """As others reach the service, if that is known; else as the caller did."""
    public = call.runtime.config.public_url
    if public:
        return f"{public}{tokens.PATH}{token}"
    url = call.request.url
    return f"{url.scheme}://{url.netloc}{call.prefix}{tokens.PATH}{token}"
