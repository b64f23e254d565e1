"""A job that waits for a signal; a child must be able to import it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jobtrail as jt


async def ship(ctx: jt.Context, order: str, name: str = "paid") -> Any:
    """Goes on when it is paid, or an hour later."""
    said = await ctx.desk.signalled(name)
    if said is None:
        raise jt.Wait(jt.WaitReason.SIGNAL, timedelta(hours=1), f"{order} waits for {name}", {"signal": name})
    return [order, said.payload, said.actor.id, said.at.tzinfo is not None]
