"""Applies the schedules that stand in an app's code, when a worker of it starts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from uuid import UUID

from jobtrail.core.errors import Conflict, Invalid, Limited
from jobtrail.core.model import Actor
from jobtrail.core.schedules import NewSchedule
from jobtrail.core.status import ActorType
from jobtrail.service import declaring
from jobtrail.store.identity import new_id
from jobtrail.worker.link import Link

log = logging.getLogger("jobtrail.worker")


async def apply(link: Link, workspace: UUID, app: str, wanted: Sequence[NewSchedule]) -> None:
    """Makes the schedules of a workspace what the app says. One that cannot be, or is over, is told and left out."""
    actor = Actor(ActorType.SYSTEM, app)
    for new in wanted:
        try:
            if await link.execute(declaring.declare(workspace, app, new, new_id(), actor)):
                log.info("schedule %s is as the code says: %s %s", new.name, new.expression, new.zone)
        except Conflict:
            log.info("schedule %s was made by another worker at this moment", new.name)
        except (Invalid, Limited) as error:
            log.warning("schedule %s of the code is left out: %s", new.name, error)
    for name in await link.execute(declaring.undeclare(workspace, app, [one.name for one in wanted])):
        log.warning("schedule %s is no longer in the code of %s; it goes on until it is deleted", name, app)
