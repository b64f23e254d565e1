"""Who speaks to a database directly: the one at this machine. Nothing else lives here."""

from __future__ import annotations

import getpass

from jobtrail.core.model import Actor
from jobtrail.core.status import ActorType


def whoever_is_here() -> Actor:
    """The person whose process this is, by the name that the machine knows them by."""
    try:
        return Actor(ActorType.USER, getpass.getuser())
    except (KeyError, OSError):  # a user id without a name, as in containers
        return Actor(ActorType.USER, "somebody")
