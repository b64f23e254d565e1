"""The agent's tool calls as steps of the job: each begins when it is called, and ends with what the tool answered."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import count
from uuid import UUID

from jobtrail.core import jsonguard
from jobtrail.core.status import Phase, StepStatus, StepType
from jobtrail.runners.claude.facts import ToolCalled, ToolEnded
from jobtrail.runners.claude.told import MAX_NAME_BYTES, name_of
from jobtrail.runners.protocol import Desk

MAX_SHOWN_BYTES = 2_048
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]+")


class ToolSteps:
    """The steps of one attempt. The same call, seen again by a later attempt, is a step of its own."""

    def __init__(self, desk: Desk, hide: Callable[[str], str]) -> None:
        self._desk = desk
        self._hide = hide
        self._steps: dict[str, UUID] = {}
        self._open: dict[str, UUID] = {}
        self._keys: set[str] = set()

    @property
    def busy(self) -> bool:
        """Whether a tool works."""
        return bool(self._open)

    def step_of(self, id: str | None) -> UUID | None:
        """The step of a call."""
        return self._steps.get(id or "")

    async def called(self, call: ToolCalled) -> None:
        """A tool is called."""
        if call.id in self._open:
            return  # told twice
        name = self.clean(name_of(call, self._hide), MAX_NAME_BYTES) or "a tool"
        step_id = await self._begin(self.clean(call.id, 200) or "tool", name)
        self._steps[call.id] = self._open[call.id] = step_id
        shown = self.clean(name_of(call, self._hide), MAX_SHOWN_BYTES)
        note = {"tool": self.clean(call.name, 200), "tool_use_id": call.id, "call": shown}
        await self._desk.tell("ai.tool_called", note, step_id)

    async def ended(self, end: ToolEnded) -> None:
        """It answered."""
        step_id = self._open.pop(end.id, None)
        if step_id is None:
            return
        shown = jsonguard.clean_text(self._hide(end.text), max_bytes=MAX_SHOWN_BYTES)
        if end.is_error:
            await self._desk.finish_step(
                step_id, StepStatus.FAILED, None, shown or "the tool failed and did not say why"
            )
        else:
            output = jsonguard.clean_value({"answer": shown})[0].decode()
            await self._desk.finish_step(step_id, StepStatus.COMPLETED, output, None)

    async def close(self) -> None:
        """The program has ended: what has no answer yet will have none."""
        for id in list(self._open):
            why = "the program ended before this tool had answered"
            await self._desk.finish_step(self._open.pop(id), StepStatus.FAILED, None, why)

    def clean(self, text: str, max_bytes: int) -> str:
        """One line that may be a name."""
        shown = " ".join(_HIDDEN.sub(" ", self._hide(text)).split())
        return jsonguard.clean_text(shown, max_bytes=max_bytes)

    async def _begin(self, id: str, name: str) -> UUID:
        for number in count(1):
            key = id if number == 1 else f"{id}#{number}"
            if key in self._keys:
                continue
            self._keys.add(key)
            begun = await self._desk.begin_step(key, name, Phase.EXECUTION, StepType.AI_ACTION)
            if not begun.done:
                return begun.step_id
        raise AssertionError("there is always a next number")
