"""Functions that let their job wait, and that ask their desk for everything; a child process must import them."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Any

import jobtrail as jt
from jobtrail.core.errors import Invalid
from jobtrail.core.outcome import Wait
from jobtrail.core.status import WaitReason

os.environ.setdefault("WAITS", "hush-hush-hush")


async def waits(ctx: jt.Context, secret: str) -> int:
    value = ctx.desk.secret(secret)
    if ctx.attempt == 1:
        raise Wait(WaitReason.QUOTA, 0.01, f"used up by {value}", {"by": [value]})
    return ctx.attempt


async def parked(ctx: jt.Context) -> Any:
    return Wait(WaitReason.BUDGET, None, "spent") if ctx.attempt == 1 else ctx.attempt


async def waits_when_told_to_stop(ctx: jt.Context) -> Any:
    try:
        await ctx.desk.stopping()
    finally:
        raise Wait(WaitReason.QUOTA, 60, "no")


async def asks(ctx: jt.Context) -> dict[str, Any]:
    desk = ctx.desk
    home = desk.home()
    (home / "kept").write_text("for the next job")
    await desk.identify(process_id=os.getpid())
    await desk.identify(session_id="s1")
    for _ in range(2):
        await desk.tell("ai.tool_called", {"tool_name": "Bash", "input": {"command": "ls"}})
    refused = False
    try:
        await desk.tell("job.completed", {})
    except Invalid:
        refused = True
    await ctx.usage(jt.ModelCall(provider="p", model="m", input_tokens=4, cost_usd=Decimal("0.125")))
    await ctx.usage(jt.ModelCall(provider="p", model="m"))
    earlier = await desk.earlier()
    return {
        "policy": await desk.policy(),
        "home": str(home),
        "mode": home.stat().st_mode & 0o777,
        "refused": refused,
        "earlier": [
            earlier.session_id,
            earlier.input_tokens,
            str((earlier.cost_usd or Decimal(0)).normalize()),
            earlier.unpriced_calls,
        ],
    }
