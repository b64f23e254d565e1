"""A small project under test: jobs that do what jobs do, at the top of a module so that other processes find them."""
# ruff: noqa: T201  (jobs print)

from __future__ import annotations

import itertools
from datetime import date
from pathlib import Path

import pydantic

import jobtrail as jt

app = jt.App()
numbers = itertools.count(1)


class Report(pydantic.BaseModel):
    rows: int
    since: date


def fetch(customer: str) -> list[int]:
    return [len(customer), 2, 3]


def append(path: str, text: str) -> str:
    with Path(path).open("a") as file:
        file.write(text)
    return text


@app.job("orders.sync", queue="io", retry=jt.Retry(max_attempts=2, delay="10s"))
async def sync(ctx: jt.Context, customer: str, since: date = date(2026, 1, 1), limit: int = 10) -> Report:
    rows = await ctx.step("fetch", fetch, customer)
    ctx.log.info("fetched", rows=len(rows))
    total = await ctx.step("sum", sum, rows)
    return Report(rows=total, since=since)


@app.job("publish")
async def publish(ctx: jt.Context, draft: str) -> str:
    text = await ctx.step("draft", str.upper, draft)
    await ctx.asset("draft.txt", text.encode())
    decision = await ctx.gate("Publish?", approvers=("ann", "ben"), needed=2, expires="2h")
    await ctx.usage(jt.ModelCall(provider="p", model="m"))
    return f"{text} by {' and '.join(sorted(decision.by))}"


@app.job("flaky", retry=jt.Retry(max_attempts=3, delay="10s"))
def flaky(ctx: jt.SyncContext) -> int:
    print("try", ctx.attempt)
    if ctx.attempt < 3:
        raise OSError("once more")
    return ctx.attempt


@app.job("parent")
def parent(children: int) -> None:
    for n in range(children):
        child.using(queue=f"queue {n % 2}").enqueue(n=n)


@app.job("child", title="child {n}")
def child(n: int) -> int:
    return n


@app.job("twice")
def twice(ctx: jt.SyncContext, path: str) -> int:
    """Not safe: what it appends stands there twice when its worker dies between the two."""
    append(path, "x")
    ctx.step("noted", append, path, "")
    return len(Path(path).read_text())


@app.job("safe")
def safe(ctx: jt.SyncContext, path: str) -> int:
    ctx.step("written", Path(path).write_text, "x")
    return len(Path(path).read_text())


@app.job("unsteady")
def unsteady(ctx: jt.SyncContext) -> int:
    """Names a step by what is never the same, so that it is never remembered."""
    return ctx.step(f"step {next(numbers)}", len, "abc")


@app.job("alone", isolation="process")
def alone(ctx: jt.SyncContext, word: str) -> str:
    return ctx.step("loud", str.upper, word) + ctx.step("louder", str.upper, word)


@app.job("patient")
async def patient(ctx: jt.Context, word: str) -> str:
    """Sleeps once, for a time that nobody wants to wait for."""
    await ctx.step("begin", str.upper, word)
    if ctx.attempt == 1:
        raise jt.Snooze("5m")
    return word


@app.job("orders.part", retry=1)
async def part(number: int) -> int:
    return number * 10


@app.job("orders.whole", retry=1)
async def whole(ctx: jt.Context, numbers: list[int]) -> int:
    """Starts jobs, several times."""
    first = await ctx.run(part, numbers[0])
    return first + sum(await ctx.map(part, numbers))
