"""How far an agent is, from its list of things to do or its number of turns. Pure; better a guess than none, never 100."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from jobtrail.runners.claude.facts import Fact, Spent, ToolCalled, ToolEnded

MOST = 99.0
_TASK = re.compile(r"#(\d+)")


@dataclass(slots=True)
class Progress:
    """What was seen so far. `max_turns`: the most that there may be, if that is known."""

    max_turns: int | None = None
    _todo: tuple[int, int] | None = None  # done, in all
    _tasks: dict[str, bool] = field(default_factory=dict)  # by number: whether it is done
    _making: set[str] = field(default_factory=set)  # calls that make a task and have not answered with its number
    _messages: set[str] = field(default_factory=set)

    @property
    def turns(self) -> int:
        """Answers of the model so far, without those of sub-agents."""
        return len(self._messages)

    def see(self, fact: Fact) -> None:
        """Takes note of it, if it says anything."""
        match fact:
            case Spent(parent=None):
                self._messages.add(fact.message_id)
            case ToolCalled(name="TodoWrite"):
                self._written(fact.input.get("todos"))
            case ToolCalled(name="TaskCreate"):
                self._making.add(fact.id)
            case ToolCalled(name="TaskUpdate"):
                self._updated(str(fact.input.get("taskId", "")).removeprefix("#"), fact.input.get("status"))
            case ToolEnded() if fact.id in self._making:
                self._making.discard(fact.id)
                if not fact.is_error and (number := _TASK.search(fact.text)):
                    self._tasks.setdefault(number[1], False)

    @property
    def percent(self) -> float | None:
        """Percent done, or None if nothing says it."""
        done, of = self._todo or (sum(self._tasks.values()), len(self._tasks))
        if of:
            return min(100 * done / of, MOST)
        if self.max_turns:
            return min(100 * self.turns / self.max_turns, MOST)
        return None

    @property
    def stage(self) -> str | None:
        """The same in words."""
        done, of = self._todo or (sum(self._tasks.values()), len(self._tasks))
        return f"{done} of {of} done" if of else f"turn {self.turns}" if self.turns else None

    def _written(self, todos: object) -> None:
        if isinstance(todos, list):
            statuses = [each.get("status") for each in todos if isinstance(each, dict)]
            self._todo = (statuses.count("completed"), len(statuses)) if statuses else None

    def _updated(self, number: str, status: object) -> None:
        if status == "deleted":
            self._tasks.pop(number, None)
        elif number and isinstance(status, str):
            self._tasks[number] = status == "completed"
