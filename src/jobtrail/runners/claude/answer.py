"""What an attempt adds up over its invocations, and the job's result that comes of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from jobtrail.core import jsonguard
from jobtrail.core.fence import Used
from jobtrail.core.outcome import Done
from jobtrail.core.status import ResultStatus
from jobtrail.runners.claude.changes import Changes
from jobtrail.runners.claude.checks import Report
from jobtrail.runners.claude.facts import Result
from jobtrail.runners.claude.ledger import cost_of, tokens_of
from jobtrail.runners.claude.turn import TurnEnd
from jobtrail.runners.claude.verdict import Kind
from jobtrail.runners.pipeline.step import plus
from jobtrail.runners.protocol import Earlier
from jobtrail.service.usage import Call

MAX_SUMMARY_CHARACTERS = 300
MAX_DENIALS = 100
MAX_ANSWER_BYTES = 256 << 10  # of the answer in the result; the whole is then a file of the job
MAX_DENIED_BYTES = 4 << 10


@dataclass(slots=True)
class Tally:
    """One attempt so far. `before` is what earlier attempts used."""

    before: Earlier
    session: str = ""
    model: str | None = None
    result: Result | None = None
    invocations: int = 0
    continuations: int = 0
    calls: list[Call] = field(default_factory=list)
    denials: list[Mapping[str, Any]] = field(default_factory=list)
    reports: Sequence[Report] = ()
    used: Used = field(default_factory=Used)
    hide: Callable[[str], str] = str

    def add(self, end: TurnEnd) -> None:
        """One more invocation."""
        self.invocations += 1
        self.session, self.result, self.model = end.session, end.result, end.model or self.model
        self.calls += end.calls
        self.used = plus(self.used, end.used)
        if end.result is not None and end.verdict.kind is not Kind.PEOPLE:  # what people are asked is not denied yet
            self.denials += end.result.denials

    @property
    def cost(self) -> Decimal | None:
        """What the job has cost so far; None as soon as the price of one call is unknown."""
        here = cost_of(self.calls)
        if self.before.unpriced_calls or (here is None and self.calls):
            return None
        parts = [each for each in (self.before.cost_usd, here) if each is not None]
        return sum(parts, Decimal(0)) if parts else None

    @property
    def too_long(self) -> str | None:
        """The answer, if it is too long for the result."""
        text = self.result.text if self.result is not None else None
        return text if text is not None and len(text.encode()) > MAX_ANSWER_BYTES else None

    def output(self, turns: int, budget: Mapping[str, object] | None, changes: Changes | None) -> dict[str, object]:
        """The job's result."""
        tokens, before, result = tokens_of(self.calls), self.before, self.result
        cost = self.cost
        return {
            "result": None if result is None or result.text is None else _cut(result.text, MAX_ANSWER_BYTES),
            "structured": None if result is None else result.structured,
            "session_id": self.session,
            "turns": turns,
            "denials": [_shown(each, self.hide) for each in self.denials[:MAX_DENIALS]],
            "model": self.model,
            "cost_usd": None if cost is None else f"{cost.normalize():f}",
            "tokens": {
                "input": tokens["input"] + before.input_tokens,
                "output": tokens["output"] + before.output_tokens,
                "cached": tokens["cached"] + before.cached_tokens,
            },
            "invocations": self.invocations,
            "continuations": self.continuations,
            "checks": [report.told() for report in self.reports],
            "changes": None if changes is None else changes.told(),
            "budget": budget,
        }

    def done(self, output: dict[str, object]) -> Done:
        """The work is done; partly, if the agent was denied something on the way."""
        status = ResultStatus.PARTIAL if self.denials else ResultStatus.SUCCESS
        text = " ".join((self.result.text or "").split()) if self.result is not None else ""
        said = text[:MAX_SUMMARY_CHARACTERS] + ("…" if len(text) > MAX_SUMMARY_CHARACTERS else "")
        count = len(self.denials)
        denied = f"{count} tool call{'' if count == 1 else 's'} denied: " if count else ""
        return Done(output, status, f"{denied}{said}" or None, self.used)


def _shown(denial: Mapping[str, Any], hide: Callable[[str], str]) -> dict[str, Any]:
    """A refused call; of a long one, as a file that was to be written, the beginning."""
    given = denial.get("tool_input")
    text = jsonguard.clean_value(given)[0].decode()
    short = given if len(text) <= MAX_DENIED_BYTES else _cut(hide(text), MAX_DENIED_BYTES)
    return {"tool_name": denial.get("tool_name"), "tool_use_id": denial.get("tool_use_id"), "tool_input": short}


def _cut(text: str, max_bytes: int) -> str:
    return jsonguard.clean_text(text, max_bytes=max_bytes)
