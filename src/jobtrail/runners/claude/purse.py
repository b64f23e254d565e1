"""Holds a job's budget against what it used, over all of its attempts: warns once, and stops it or asks people for more."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.budget import Grant
from jobtrail.core.errors import BudgetExceeded
from jobtrail.core.outcome import Fail
from jobtrail.core.status import LogLevel, LogSource, Phase
from jobtrail.runners.claude.spec import Budget
from jobtrail.runners.claude.spend import Amounts, allowed, form, in_words, least, left, raised, share, told
from jobtrail.runners.claude.told import COMPONENT
from jobtrail.runners.protocol import Desk, LogLine

MEMORY = "spent.json"


class _Memory(msgspec.Struct):
    """What nobody else remembers over attempts: turns, and what was told already."""

    turns: int = 0
    told: list[str] = msgspec.field(default_factory=list)


class Purse:
    """The budget of one attempt. `folder` is the job's own; where it is lost, turns are counted anew, and it is said again."""

    def __init__(self, desk: Desk, budget: Budget | None, folder: Path) -> None:
        self._desk = desk
        self._budget = budget
        self._limit = allowed(budget) if budget is not None else Amounts()
        self._file = folder / MEMORY
        self._memory = _Memory()
        self._begun = time.monotonic()
        self._grant = Grant()  # of the budgets that hold the job from outside: its tree's, the workspace's
        self.is_held = False
        """Whether those leave the next invocation less than its own budget does."""
        self._asked = 0  # of this attempt; each raise is a question of its own, and holds for all attempts

    async def open(self) -> None:
        """Learn what earlier attempts left."""
        self._memory = await asyncio.to_thread(_read, self._file)

    @property
    def turns(self) -> int:
        """Answers of the model in all attempts, as far as this machine knows."""
        return self._memory.turns

    async def used(self) -> Amounts:
        """What the job used so far."""
        earlier = await self._desk.earlier()
        if earlier.unpriced_calls and self._limit.usd is not None and "unpriced" not in self._memory.told:
            self._note(
                f"{earlier.unpriced_calls} calls have no price, as their invocation was cut off: "
                "the budget in dollars does not hold them"
            )
            await self._remember("unpriced")
        return Amounts(
            usd=earlier.cost_usd,
            tokens=earlier.input_tokens + earlier.output_tokens + earlier.cached_tokens,
            turns=self._memory.turns,
            seconds=earlier.seconds + time.monotonic() - self._begun,
        )

    async def left(self) -> Amounts:
        """What is left for the next invocation; nothing of it is zero after `settle`."""
        return least(await self._own_left(), self._grant.usd, self._grant.tokens)

    async def _own_left(self) -> Amounts:
        return left(self._limit, await self.used()) if self._budget is not None else Amounts()

    async def count(self, turns: int) -> None:
        """So many turns more. Warns when the budget is nearly used up."""
        self._memory.turns += turns
        await asyncio.to_thread(_write, self._file, self._memory)
        if self._budget is None:
            return
        used = await self.used()
        key = f"warned {in_words(self._limit, Amounts())}"
        if share(self._limit, used) >= self._budget.warn_at and key not in self._memory.told:
            await self._remember(key)
            words = in_words(self._limit, used)
            self._note(f"the budget is nearly used up: {words}")
            await self._desk.tell("budget.warned", {"budget": told(self._limit, used), "message": words})

    async def settle(self, *, exceeded: bool = False) -> Fail | None:
        """Before an invocation: a failure if the budget is used up and nobody gives more. Raises Waits while they are asked.

        `exceeded`: the program ended for it, whatever the ledger's rounding says.
        """
        before = self._asked
        exceeded = exceeded and not self.is_held
        while self._budget is not None:
            used = await self.used()
            if share(self._limit, used) < 1 and not (exceeded and self._asked == before):
                break
            words = in_words(self._limit, used)
            if (key := f"exceeded {in_words(self._limit, Amounts())}") not in self._memory.told:
                await self._remember(key)
                await self._desk.tell("budget.exceeded", {"budget": told(self._limit, used), "message": words})
            message = f"the budget of the job is used up: {words}"
            if self._budget.on_exceeded == "stop":
                return Fail("budget_exceeded", f"{message}; retry it with a larger one", final=True)
            self._asked += 1
            decision = await self._desk.ask(
                f"budget {self._asked}",
                f"The budget is used up: {words}. Raise it?",
                phase=Phase.EXECUTION,
                approvers=(),
                needed=1,
                form=jsonguard.encode(form(self._limit)).decode(),
                expires=None,
            )
            if not decision.approved:
                who = ", ".join(decision.by) or "nobody"
                return Fail("budget_exceeded", f"{message}, and {who} did not raise it", final=True)
            self._limit = raised(self._limit, decision.form)
        return await self._reserved()

    async def _reserved(self) -> Fail | None:
        """Reserves for the next invocation what its own budget leaves, or as much of that as there is. Raises Waits."""
        own = await self._own_left()
        try:
            self._grant = await self._desk.reserve(own.usd, own.tokens, up_to=True)
        except BudgetExceeded as error:
            return Fail(error.code, error.message, final=True)
        self.is_held = least(own, self._grant.usd, self._grant.tokens) != own
        return None

    async def told(self) -> dict[str, object] | None:
        """Used and allowed, for the result; None without a budget."""
        return told(self._limit, await self.used()) if self._budget is not None else None

    async def _remember(self, key: str) -> None:
        self._memory.told.append(key)
        await asyncio.to_thread(_write, self._file, self._memory)

    def _note(self, text: str) -> None:
        self._desk.log(LogLine(text, LogLevel.WARN, LogSource.SYSTEM, COMPONENT))


def _read(file: Path) -> _Memory:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Memory)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return _Memory()


def _write(file: Path, memory: _Memory) -> None:
    draft = file.with_name(f".{file.name}")
    draft.write_bytes(msgspec.json.encode(memory))
    draft.replace(file)
