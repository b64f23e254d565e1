"""Syncs the orders of a customer, page by page, and lets people look before anything unusual is published.

Run it:  jobtrail dev orders.py           in one terminal
         jobtrail run orders.sync customer=c42 since=2026-01-01
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import msgspec

import jobtrail as jt

app = jt.App()

UNUSUAL = Decimal(1000)


class Order(msgspec.Struct):
    id: str
    placed: date
    amount: Decimal


@dataclass
class Report:
    orders: int
    total: Decimal


def fetch_page(customer: str, page: int) -> list[Order]:
    """Stands for a call of the shop's API, which costs time and may fail."""
    if page > 2:
        return []
    return [Order(f"{customer}-{page}{n}", date(2026, page, n + 1), Decimal(100 * page + n)) for n in range(3)]


@app.job("orders.sync", retry=jt.Retry(max_attempts=5, delay="10s"), timeout="10m", title="Orders of {customer}")
async def sync(ctx: jt.Context, customer: str, since: date) -> Report:
    orders: list[Order] = []
    page = 1
    # Each page is a step: what was fetched is remembered, and not fetched again after a crash or a failure.
    while found := await ctx.step(f"page {page}", fetch_page, customer, page):
        orders += [order for order in found if order.placed >= since]
        ctx.progress(min(page * 30, 90), "fetching")
        page += 1
    total = sum((order.amount for order in orders), Decimal())
    if total > UNUSUAL:
        # Holds no slot while people make up their minds. A rejection ends the job as CANCELLED.
        await ctx.gate(f"{customer} ordered for {total}: publish?", approvers="sales", expires="2d")
    await ctx.asset("orders.csv", csv(orders), media_type="text/csv")
    return Report(orders=len(orders), total=total)


@app.job("orders.sync_all")
async def sync_all(customers: list[str], since: date) -> int:
    """One job for each customer: they run side by side, on any worker. The key keeps a second one from starting."""
    for customer in customers:
        await sync.using(unique_key=f"orders {customer}").aenqueue(customer=customer, since=since)
    return len(customers)


def csv(orders: list[Order]) -> bytes:
    return "".join(f"{order.id},{order.placed},{order.amount}\n" for order in orders).encode()
