"""`jobtrail gate link`, `links`, `unlink`: addresses at which one person answers one question without a login."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from jobtrail.cli import gate as gates
from jobtrail.cli import place, refs, show
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain, Ref
from jobtrail.cli.telling import notice, with_fix
from jobtrail.core import duration
from jobtrail.core.errors import NotFound
from jobtrail.core.ids import short


def link(
    gate: Ref,
    /,
    *,
    person: Annotated[str, Parameter(name="--for")],
    expires: str = "2d",
    flags: Flags = NO_FLAGS,
) -> int:
    """Make an address at which one person may answer once, with your voice. It is printed this once.

    Parameters
    ----------
    gate
        The gate or its job: an id, four or more digits of its start or end, @last.
    person
        Who gets it: an e-mail or a name, under which the answer is recorded.
    expires
        For how long it is good, 30 days at most.
    """
    term = duration.parse(expires)
    with place.client(flags) as client:
        made = client.decisions.make_link(gates.meant(client, gate).id, person, term)
    public = place.configured(flags).public_url
    url = f"{public}{made.url}" if public and made.url.startswith("/") else made.url
    show.thing({"url": url, "id": made.link.id, "gate_id": made.link.gate_id, "person": made.link.person,
                "expires_at": made.link.expires_at},
               lambda: [("link", url), ("id", made.link.id), ("for", made.link.person)], flags)  # fmt: skip
    if url.startswith("/"):
        notice("put the address of your service before it; JOBTRAIL_PUBLIC_URL says it for good")
    back = f"jobtrail gate unlink {short(made.link.gate_id)} {short(made.link.id)}"
    notice(f"whoever has it answers once as {made.link.person}; take it back: {back}")
    return 0


def links(gate: Ref, /, *, flags: Flags = NO_FLAGS) -> int:
    """The links to a gate, and what came of them.

    Parameters
    ----------
    gate
        The gate or its job: an id, four or more digits of its start or end, @last.
    """
    with place.client(flags) as client:
        found = client.decisions.links(gates.meant(client, gate, waiting=False).id)
    show.rows(
        found,
        [
            show.id_column(lambda one: one.id, "LINK"),
            show.Column("FOR", lambda one: one.person),
            show.Column("MADE BY", lambda one: f"{one.actor_type}:{one.actor_id}", rank=2),
            show.time_column("MADE", lambda one: one.created_at, rank=3),
            show.time_column("EXPIRES", lambda one: one.expires_at, rank=1),
            show.time_column("USED", lambda one: one.used_at),
            show.time_column("TAKEN BACK", lambda one: one.revoked_at),
        ],
        flags,
        empty="nobody has a link",
    )
    return 0


def unlink(gate: Ref, link: Annotated[str, Plain], /, *, flags: Flags = NO_FLAGS) -> int:
    """Take a link back: it opens nothing any more.

    Parameters
    ----------
    gate
        The gate or its job: an id, four or more digits of its start or end, @last.
    link
        Which link: an id, or four or more digits of its start or end.
    """
    with place.client(flags) as client:
        found = gates.meant(client, gate, waiting=False)
        link_id = refs.one_of([one.id for one in client.decisions.links(found.id)], link)
        if link_id is None:
            raise with_fix(NotFound(f"gate {found.id} has no link {link}"), f"jobtrail gate links {found.id}")
        gone = client.decisions.revoke_link(found.id, link_id)
    show.thing({"id": gone.id, "revoked_at": gone.revoked_at}, lambda: [("link", gone.id)], flags)
    notice(f"taken back: the link for {gone.person}" if gone.revoked_at else f"{gone.person} has used it already")
    return 0
