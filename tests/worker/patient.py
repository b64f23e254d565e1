"""Jobs that sleep, listen and ask, at the top of a module so that child processes find them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jobtrail as jt


@dataclass
class Payment:
    eur: int
    by: str = "card"


@dataclass
class Terms:
    """What people fill in."""

    amount: int
    note: str = "none"


def stamp() -> str:
    return datetime.now(UTC).isoformat()


async def whole(ctx: jt.Context, order: str) -> list[Any]:
    first = await ctx.step("first", stamp)
    await ctx.sleep("2d")
    await ctx.sleep(until=datetime(2026, 1, 1, tzinfo=UTC))
    payment = await ctx.wait_for_signal("payment", type=Payment, timeout="3d")
    again = await ctx.wait_for_signal("payment")
    said = await ctx.gate("terms?", form=Terms, comment="required")
    await ctx.sleep(timedelta(milliseconds=1))
    return [order, first, payment.eur, payment.by, again, said.form.amount, said.form.note, said.by]


def whole_in_thread(ctx: jt.SyncContext, order: str) -> list[Any]:
    first = ctx.step("first", stamp)
    ctx.sleep("2d")
    ctx.sleep(until=datetime(2026, 1, 1, tzinfo=UTC))
    payment = ctx.wait_for_signal("payment", type=Payment, timeout="3d")
    again = ctx.wait_for_signal("payment")
    said = ctx.gate("terms?", form=Terms, comment="required")
    ctx.sleep(timedelta(milliseconds=1))
    return [order, first, payment.eur, payment.by, again, said.form.amount, said.form.note, said.by]


async def listens(ctx: jt.Context) -> str:
    payment = await ctx.wait_for_signal("payment", type=Payment, timeout="3d")
    return payment.by


async def listens_and_copes(ctx: jt.Context) -> str:
    try:
        return str(await ctx.wait_for_signal("payment", timeout="3d"))
    except TimeoutError as error:
        return f"nothing: {error}"


async def asks(ctx: jt.Context, on_expire: Any, must: bool) -> list[Any]:
    said = await ctx.gate("go on?", expires="1h", on_expire=on_expire, must=must)
    return [said.approved, said.expired, list(said.by)]


async def naps(ctx: jt.Context) -> list[Any]:
    first = await ctx.step("first", str, "a")
    await ctx.sleep("2d")
    second = await ctx.step("second", str, "b")
    await ctx.sleep("10ms")
    return [first, second]


async def swallows(ctx: jt.Context) -> str:
    """Code that catches whatever there is to catch does not keep its slot by that."""
    try:
        await ctx.sleep("1d")
    except Exception:  # noqa: BLE001  (that is what it is for)
        return "caught"
    return "slept"
