"""The course of one attempt: which step comes next, what is skipped and why, what always runs, and what comes out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import count
from uuid import UUID

from jobtrail.core.errors import JobtrailError
from jobtrail.core.fence import Used
from jobtrail.core.outcome import Done, Fail, Outcome, Stopped
from jobtrail.core.status import LogLevel, Phase, ResultStatus, StepStatus, StepType
from jobtrail.core.template import SoFar, evaluate
from jobtrail.runners.context import Context
from jobtrail.runners.pipeline.folder import Folder
from jobtrail.runners.pipeline.halt import Halt, together
from jobtrail.runners.pipeline.plan import Block, Plan, Planned
from jobtrail.runners.pipeline.step import Bench, Command, Host, StepEnd, plus, prepare, remembered
from jobtrail.runners.pipeline.verdict import Failure, several
from jobtrail.runners.protocol import Begun

MAX_STAGE_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class _Ready:
    """A step that was begun. `command` is a failure if it could not be filled in."""

    step: Planned
    key: str
    step_id: UUID
    command: Command | Failure


class Course:
    """One attempt at a plan."""

    def __init__(self, context: Context, plan: Plan, host: Host, folder: Folder) -> None:
        self._context = context
        self._desk = context.desk
        self._plan = plan
        self._folder = folder
        self._halt = Halt(context.desk)
        self._host = host
        self._bench = Bench(context.desk, host, self._halt)
        self._ends: dict[str, StepEnd] = {}
        self._used = Used()
        self._failure: Failure | None = None  # the first that counts
        self._cut = False  # something did not run to its end, because the job is to stop
        self._let_pass: list[str] = []  # failed with `continue_on_error`
        self._untidy: list[str] = []  # failed in CLEANUP

    async def to_the_end(self) -> Outcome:
        """Run what is to be run, then CLEANUP whatever happened, unless the attempt is no longer ours."""
        error: Exception | None = None
        async with self._halt.listening():
            for block in self._plan.blocks:
                cleanup = block[0].phase is Phase.CLEANUP
                if error is not None and not cleanup:
                    continue
                try:
                    await self._block(block, self._halt.lost if cleanup else self._halt.stop)
                except Exception as wrong:  # noqa: BLE001  the desk's or ours: raised again after CLEANUP (law L8)
                    error = error or wrong
                    self._failure = self._failure or Failure(code="error", message=str(wrong))
                self._halt.check()
        if error is not None:
            raise error
        return self._outcome()

    async def _block(self, block: Block, stop: asyncio.Event) -> None:
        ready = [each for step in block if (each := await self._begin(step)) is not None]
        names = ", ".join(each.step.name for each in ready)
        if names:
            self._context.progress(self._percent(), names[:MAX_STAGE_CHARACTERS])
        attempt = str(self._context.assignment.attempt_id)
        if len(ready) == 1:
            await self._run(ready[0], attempt, stop)
        elif ready:
            # Each needs a marker of its own: the end of one kills all that carries its marker.
            await together([self._run(each, f"{attempt}.{i}", stop) for i, each in enumerate(ready, 1)])
        self._settle(block)
        self._context.progress(self._percent())

    async def _begin(self, step: Planned) -> _Ready | None:
        """Start a step; None if it does not run, or did in an earlier attempt."""
        if why := self._why_not(step):
            if self._halt.reason != "shutdown":  # after that another attempt runs it, so it is not skipped at all
                await self._desk.skip_step(step.name, step.name, step.phase, step.type, why)
            self._ends[step.name] = StepEnd(status=StepStatus.SKIPPED)
            return None
        key, begun = await self._begun(step)
        if begun.done:
            self._ends[step.name] = remembered(begun.output)
            return None
        if step.type is not StepType.GATE:
            self._folder.forget(self._gates_behind(step))
        try:
            command: Command | Failure = prepare(
                step, self._values(), folder=self._folder, path=self._host.path, secrets=self._bench.secrets
            )
        except JobtrailError as error:
            text = self._bench.secrets.hide(f"step {step.name!r} could not be run: {error.message}")
            command = Failure(code=error.code, message=text)
        return _Ready(step, key, begun.step_id, command)

    async def _begun(self, step: Planned) -> tuple[str, Begun]:
        """Begin it under the first key that will do: what completed under a key is never run under it again."""
        here = self._folder.done_as(step.name) if step.remember else None
        for number in count(1):
            key = step.name if number == 1 else f"{step.name}#{number}"
            begun = await self._desk.begin_step(here or key, step.name, step.phase, step.type)
            if not begun.done or here:
                return here or key, begun
            if step.remember and not step.rerun_when_moved:
                self._bench.note(
                    f"step {step.name!r} completed in another folder, so the files that it made are not here; "
                    "set rerun_when_moved = true if later steps need them",
                    step,
                    begun.step_id,
                    LogLevel.WARN,
                )
                return key, begun
        raise AssertionError("there is always a next number")

    async def _run(self, ready: _Ready, marker: str, stop: asyncio.Event) -> None:
        step = ready.step
        if isinstance(ready.command, Failure):
            end = StepEnd(status=StepStatus.FAILED, failure=ready.command)
        else:
            end = await self._bench.run(step, ready.command, ready.step_id, marker, stop)
        if end.failure is None and step.remember:
            self._folder.mark(step.name, ready.key)
        error = end.failure.message if end.failure is not None else None
        await self._desk.finish_step(ready.step_id, end.status, end.as_json(), error)
        self._ends[step.name] = end
        self._used = plus(self._used, end.used)

    def _why_not(self, step: Planned) -> str:
        """Why the step is not to run; empty if it is."""
        cleanup = step.phase is Phase.CLEANUP
        if self._halt.reason is not None and not cleanup:
            self._cut = True
            return f"the job is to stop: {self._halt.reason}"
        condition = step.condition
        if self._failure is not None and not cleanup and not (condition is not None and condition.asks_outcome):
            return f"an earlier step failed: {self._failure.message.splitlines()[0]}"
        if condition is not None and not evaluate(condition, self._values(), so_far=self._so_far()):
            return f"its condition does not hold: {condition.text}"
        return ""

    def _so_far(self) -> SoFar:
        """For conditions: a shutdown counts as a cancellation, for nothing has failed; a timeout of the job has."""
        if self._halt.reason in ("cancelled", "shutdown"):
            return "CANCELLED"
        return "FAILURE" if self._failure is not None or self._halt.reason is not None else "SUCCESS"

    def _settle(self, block: Block) -> None:
        """What the block's failures mean for the job."""
        failed = [(step, f) for step in block if (end := self._ends.get(step.name)) and (f := end.failure)]
        hard: list[Failure] = []
        for step, failure in failed:
            if failure.stopped:
                self._cut = True
            elif step.phase is Phase.CLEANUP:
                self._untidy.append(step.name)
            elif step.continue_on_error:
                self._let_pass.append(step.name)
            else:
                hard.append(failure)
        if hard and self._failure is None:
            ran = sum(self._ends[step.name].status is not StepStatus.SKIPPED for step in block)
            self._failure = several(hard, ran) if block[0].type is StepType.GATE else hard[0]

    def _gates_behind(self, step: Planned) -> set[str]:
        """What is checked after a step: it has to be checked anew when that step runs again."""
        names = [each.name for each in self._plan.steps]
        behind = names[names.index(step.name) + 1 :]
        return {each.name for each in self._plan.steps if each.name in behind and each.type is StepType.GATE}

    def _values(self) -> dict[str, object]:
        given = self._context.assignment
        return {
            "input": self._plan.input,
            "job": {"id": str(given.job_id), "type": given.type},
            "attempt": {"number": given.number},
            "steps": {
                name: {"status": str(end.status), "exit_code": end.exit_code, "output": end.output}
                for name, end in self._ends.items()
            },
            "workdir": str(self._folder.work),
        }

    def _percent(self) -> float:
        return 100 * len(self._ends) / len(self._plan.steps)

    def _outcome(self) -> Outcome:
        if self._cut:
            return Stopped(self._used)
        output = {"steps": {name: _told(end) for name, end in self._ends.items()}}
        if (failure := self._failure) is not None:
            return Fail(
                failure.code,
                failure.message,
                final=failure.final,
                status=failure.status,
                output=output,
                used=self._used,
            )
        partly = bool(self._let_pass or self._untidy)
        status = ResultStatus.PARTIAL if partly else ResultStatus.SUCCESS
        return Done(output, status, self._summary(), self._used)

    def _summary(self) -> str:
        ends = self._ends.values()
        completed = sum(end.status is StepStatus.COMPLETED for end in ends)
        skipped = sum(end.status is StepStatus.SKIPPED for end in ends)
        earlier = sum(end.remembered for end in ends)
        parts = [f"{completed} step{'' if completed == 1 else 's'} completed"]
        parts += [f"{skipped} skipped"] if skipped else []
        parts += [f"failed and let pass: {', '.join(self._let_pass)}"] if self._let_pass else []
        parts += [f"failed to clean up: {', '.join(self._untidy)}"] if self._untidy else []
        return ", ".join(parts) + (f" ({earlier} in an earlier attempt)" if earlier else "")


def _told(end: StepEnd) -> dict[str, object]:
    facts: dict[str, object] = {"status": str(end.status), "exit_code": end.exit_code, "duration_ms": end.duration_ms}
    facts |= {"output": end.output} if end.output is not None else {}
    facts |= {"remembered": True} if end.remembered else {}
    return facts
