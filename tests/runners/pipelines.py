"""Short ways to write pipelines, and to read what came of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from runners.desk import Bed, FakeDesk

from jobtrail.core.outcome import Done, Fail, Outcome
from jobtrail.core.status import LogLevel

Step = dict[str, object]


def step(name: str, text: str = "true", **more: object) -> Step:
    return {"name": name, "shell": True, "run": text, **more}


def gate(name: str, text: str = "true", **more: object) -> Step:
    return step(name, text, phase="VALIDATION", type="GATE", **more)


def set_up(name: str, text: str = "true", **more: object) -> Step:
    return step(name, text, phase="SETUP", **more)


def cleanup(name: str, text: str = "true", **more: object) -> Step:
    return step(name, text, phase="CLEANUP", **more)


def bed(folder: Path, *steps: Step, **more: object) -> Bed:
    return Bed(folder, {"steps": list(steps), **more})


def done(outcome: Outcome) -> Done:
    assert isinstance(outcome, Done), outcome
    return outcome


def failed(outcome: Outcome) -> Fail:
    assert isinstance(outcome, Fail), outcome
    return outcome


def begun(desk: FakeDesk) -> list[str]:
    return [entry.removeprefix("begin ") for entry in desk.history if entry.startswith("begin ")]


def warnings(desk: FakeDesk) -> list[str]:
    return [line.message for _, line in desk.lines if line.level is LogLevel.WARN]


def stopping(reason: str, when: str = "up") -> Callable[[FakeDesk], Awaitable[None]]:
    """Stop the job once a step has printed a line."""

    async def meanwhile(desk: FakeDesk) -> None:
        await desk.until(lambda: when in desk.printed())
        desk.stop(reason)

    return meanwhile


HANG = "echo up; exec tail -f /dev/null"
