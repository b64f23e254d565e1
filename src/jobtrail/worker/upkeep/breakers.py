"""Lets breakers that have been open for long enough see whether what their jobs need is back."""

from __future__ import annotations

import logging
from collections.abc import Callable

from jobtrail.service import breakers
from jobtrail.service.breakers import Moved
from jobtrail.worker.link import Link

log = logging.getLogger("jobtrail.upkeep")

SECONDS = 1.0


async def review(link: Link, hear: Callable[[str], None]) -> None:
    """Moves what is due; then waiting jobs may start."""
    moved: list[Moved] = await link.once(breakers.review())
    for one in moved:
        log.info("the breaker of type %s is %s: %s", one.type, one.becomes, one.reason)
    if moved:
        hear("")
