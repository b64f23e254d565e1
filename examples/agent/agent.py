"""An agent that survives: each thought and each use of a tool is a step, so nothing is thought, paid or done twice.

The model here is a few lines of Python, so that the example runs without a network. To use a real one, let `think` call
its API; the rest stays as it is.

Run it:  jobtrail dev agent.py            in one terminal
         jobtrail run agent goal="publish the weekly numbers"
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

import jobtrail as jt

app = jt.App()

MOST_TURNS: Final = 10
PRICE: Final = Decimal("0.000002")  # for one token
ASK_FIRST: Final = frozenset({"publish"})


@dataclass
class Thought:
    """What the model wants next. Without a tool it is done, and `text` is its answer."""

    text: str
    tool: str | None = None
    argument: str = ""
    tokens: int = 0


@dataclass
class Turn:
    thought: Thought
    observed: str


@dataclass
class Answer:
    text: str
    turns: int
    cost_usd: Decimal


def think(goal: str, turns: list[Turn]) -> Thought:
    """Stands for a call of a model, which costs seconds and money."""
    plan = [
        Thought("I need the numbers first.", "read", "numbers", tokens=120),
        Thought(
            "They look right. I write the summary.", "write", f"{goal}: {turns[-1].observed if turns else ''}", 210
        ),
        Thought("Now everybody may see it.", "publish", "summary", tokens=80),
        Thought("Done: the numbers are published.", tokens=40),
    ]
    return plan[len(turns)]


def use_tool(tool: str, argument: str, folder: str) -> str:
    """The agent's hands. Each use is a step, and bears being done twice: a worker may die after the deed, before the
    step is written. So a file is replaced, never appended to."""
    match tool:
        case "read":
            return "42 orders"
        case "write":
            Path(folder, "summary.txt").write_text(argument)
            return "written"
        case "publish":
            Path(folder, "published.txt").write_text(Path(folder, "summary.txt").read_text())
            return "published"
        case _:
            return f"there is no tool {tool}"


@app.job("agent", timeout="1h", idle_timeout="10m", title="Agent: {goal}")
async def agent(ctx: jt.Context, goal: str, folder: str = ".") -> Answer:
    turns: list[Turn] = []
    cost = Decimal()
    while len(turns) < MOST_TURNS:
        thought = await ctx.step("think", think_and_book, ctx, goal, turns)
        cost += thought.tokens * PRICE
        if thought.tool is None:
            return Answer(thought.text, len(turns), cost)
        if thought.tool in ASK_FIRST:
            await ctx.gate(f"May the agent {thought.tool} {thought.argument}?", expires="1d")
        observed = await ctx.step(thought.tool, use_tool, thought.tool, thought.argument, folder)
        turns.append(Turn(thought, observed))
        ctx.progress(len(turns) * 100 / MOST_TURNS, thought.tool)
    raise jt.Cancel(f"no answer after {MOST_TURNS} turns")


async def think_and_book(ctx: jt.Context, goal: str, turns: list[Turn]) -> Thought:
    """Books the tokens with the thought: inside the step, so that a remembered thought is not paid again."""
    thought = think(goal, turns)
    ctx.log.info(thought.text, tool=thought.tool)
    await ctx.usage(
        jt.ModelCall(
            provider="example", model="few-lines", output_tokens=thought.tokens, cost_usd=thought.tokens * PRICE
        )
    )
    return thought
