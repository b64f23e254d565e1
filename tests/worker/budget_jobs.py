"""Functions that spend money; a child process must import them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from decimal import Decimal
from pathlib import Path

import jobtrail as jt
from jobtrail.store.pool import Dial
from jobtrail.worker.plan import Plan
from jobtrail.worker.worker import Worker


def call(usd: str) -> jt.ModelCall:
    """One call of a model."""
    return jt.ModelCall(provider="p", model="m", output_tokens=10, cost_usd=Decimal(usd))


async def spends(ctx: jt.Context, usd: str) -> str:
    """Spends what it reserved."""
    await ctx.usage(call(usd))
    return usd


async def asks_first(ctx: jt.Context, usd: str) -> str | None:
    """Reserves before each of two calls; answers what it was granted the second time."""
    await ctx.step("first", first, ctx, usd)
    grant = await ctx.reserve(usd=usd)
    await ctx.usage(call(usd))
    return None if grant.usd is None else str(grant.usd)


async def first(ctx: jt.Context, usd: str) -> None:
    await ctx.reserve(usd=usd)
    await ctx.usage(call(usd))


def spends_in_a_thread(ctx: jt.SyncContext, usd: str) -> str:
    ctx.reserve(usd=usd)
    ctx.usage(call(usd))
    return usd


async def overspends(ctx: jt.Context) -> str:
    """Spends without end, whatever it reserved."""
    for _ in range(1_000):
        await ctx.usage(call("0.4"))
    return "nobody stopped it"


async def takes_its_time(ctx: jt.Context) -> None:
    await asyncio.Event().wait()


async def spends_and_kills_its_worker(ctx: jt.Context) -> int:
    """At its first try it takes its worker with it; at the second it spends less."""
    if ctx.attempt == 1:
        await ctx.usage(call("0.3"))
        os.kill(os.getpid(), signal.SIGKILL)
    await ctx.usage(call("0.1"))
    return ctx.attempt


def work(url: str, folder: str) -> None:
    """A worker in a process of its own: `python budget_jobs.py URL FOLDER`."""
    app = jt.App()
    app.job("mortal", reserve="0.9")(spends_and_kills_its_worker)
    plan = Plan(slots=1, poll_seconds=0.05, assets_dir=Path(folder, "assets"), work_dir=Path(folder, "work"),
                homes_dir=Path(folder, "homes"))  # fmt: skip
    asyncio.run(Worker(Dial(url=url), app.runners, plan).run())


if __name__ == "__main__":
    work(*sys.argv[1:])
