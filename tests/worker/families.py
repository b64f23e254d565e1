"""Functions that start other jobs and wait for them; a child process must import them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import jobtrail as jt

app = jt.App()
before: Counter[str] = Counter()
"""How often the code before a wait ran, by job."""


@dataclass(frozen=True, slots=True)
class Length:
    """What `measure` answers."""

    of: str
    letters: int


@app.job(retry=1)
async def measure(text: str) -> Length:
    """Fails for what is no text."""
    if not text:
        raise ValueError("nothing to measure")
    return Length(text, len(text))


@app.job(retry=1)
def shout(text: str) -> str:
    return text.upper()


async def _look(ctx: jt.Context) -> int:
    before[str(ctx.job_id)] += 1
    return before[str(ctx.job_id)]


@app.job(retry=1)
async def one(ctx: jt.Context, text: str) -> int:
    """Starts one child after a step."""
    await ctx.step("look", _look, ctx)
    length = await ctx.run(measure, text=text)
    assert isinstance(length, Length)
    return length.letters


@app.job(retry=1)
async def many(ctx: jt.Context, texts: list[str]) -> list[int]:
    return [length.letters for length in await ctx.map(measure, texts)]


@app.job(retry=1)
async def most(ctx: jt.Context, texts: list[str]) -> list[str]:
    kept = await ctx.map(measure, texts, on_failure="keep")
    return [f"{each.of}" if isinstance(each, Length) else each.status for each in kept]


@app.job(retry=1)
async def both(ctx: jt.Context, text: str) -> str:
    length, loud = await ctx.gather(ctx.run(measure, text=text), ctx.run(shout, text))
    return f"{loud} {length.letters}"


@app.job(retry=1)
async def forgiving(ctx: jt.Context) -> int:
    """Goes on without the child that failed."""
    try:
        await ctx.run(measure, text="")
    except jt.ChildFailed as error:
        assert error.child_code == "ValueError"
    return (await ctx.run(measure, text="abc")).letters


@app.job("sync_family", retry=1)
def sync_family(ctx: jt.SyncContext, texts: list[str]) -> list[object]:
    """The same calls, blocking."""
    loud = ctx.run(shout, texts[0])
    lengths = [length.letters for length in ctx.map(measure, texts)]
    pair = ctx.gather(ctx.child(shout, texts[1]), ctx.child(measure, text=texts[1]))
    return [loud, lengths, pair[0], pair[1].letters]


@app.job("isolated_family", isolation="process", retry=1)
async def isolated_family(ctx: jt.Context, texts: list[str]) -> list[object]:
    """The same calls, out of a process of its own."""
    loud = await ctx.run(shout, texts[0])
    lengths = [length.letters for length in await ctx.map(measure, texts)]
    pair = await ctx.gather(ctx.run(shout, texts[1]), ctx.run(measure, text=texts[1]))
    return [loud, lengths, pair[0], pair[1].letters]


@app.job(retry=1)
async def waits_for_children(ctx: jt.Context) -> int:
    """Waits for a child that nobody runs."""
    await ctx.run("nobody.knows", n=1)
    return 1


@app.job(retry=1)
async def told(ctx: jt.Context, text: str = "") -> dict[str, str]:
    """How those ended that it waited for."""
    return {str(id): end.status for id, end in (await ctx.dependencies()).items()} | ({"text": text} if text else {})


@app.job(retry=1)
async def adds(one: int, more: list[int]) -> int:
    return one + sum(more)


broken: set[str] = set()
"""What `mended` cannot do yet."""


@app.job(retry=1)
async def mended(text: str) -> str:
    """Fails for as long as it is broken."""
    if text in broken:
        raise ValueError(f"{text} is broken")
    return text


@app.job(retry=1)
async def needs_two(ctx: jt.Context, texts: list[str]) -> list[str]:
    return await ctx.map(mended, texts)


@app.job(retry=1)
async def once_per_key(ctx: jt.Context) -> int:
    """Waits for a job that another one enqueued before, because both would be the same."""
    return (await ctx.run(measure.using(unique_key="the only one"), text="alone")).letters
