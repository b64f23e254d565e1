"""What a job's code gets: its input, steps, phases, gates, progress, log, assets, usage, and whether it should stop."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar, Unpack, cast, get_type_hints, overload
from uuid import UUID

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.budget import Grant
from jobtrail.core.budget_terms import money
from jobtrail.core.model import Asset
from jobtrail.core.status import LogLevel, Phase, StepStatus, StepType
from jobtrail.runners import asking, waiting
from jobtrail.runners.asking import Answered, How
from jobtrail.runners.children_calls import Starts
from jobtrail.runners.protocol import Assignment, Decision, Desk, LogLine
from jobtrail.service.usage import Call

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F")
T2 = TypeVar("T2")
T3 = TypeVar("T3")

EX_FORKED: Final = 70

current: ContextVar[Context] = ContextVar("jobtrail_context")
"""The context of the job that this code runs for; what it prints and logs is filed by it."""

_step: ContextVar[UUID | None] = ContextVar("jobtrail_step", default=None)
"""The step that this code runs in. A variable of the context, because steps may run side by side."""


class Log:
    """The job's log: a message and fields. Lines are stored in order, within some milliseconds."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def debug(self, message: str, /, **details: Any) -> None:
        """Logs at DEBUG."""
        self._context.write(LogLine(message, LogLevel.DEBUG, details=details))

    def info(self, message: str, /, **details: Any) -> None:
        """Logs at INFO."""
        self._context.write(LogLine(message, LogLevel.INFO, details=details))

    def warning(self, message: str, /, **details: Any) -> None:
        """Logs at WARN."""
        self._context.write(LogLine(message, LogLevel.WARN, details=details))

    def error(self, message: str, /, **details: Any) -> None:
        """Logs at ERROR."""
        self._context.write(LogLine(message, LogLevel.ERROR, details=details))


class Context(Starts):
    """One attempt, as its code sees it."""

    def __init__(self, assignment: Assignment, desk: Desk) -> None:
        self.assignment = assignment
        self.desk = desk
        self.at_end: list[Callable[[], None]] = []
        self._phase = Phase.EXECUTION
        self._calls: dict[str, int] = {}

    @property
    def log(self) -> Log:
        """The job's log."""
        return Log(self)

    @property
    def job_id(self) -> UUID:
        """The job."""
        return self.assignment.job_id

    @property
    def attempt(self) -> int:
        """Which try this is, from 1."""
        return self.assignment.number

    @property
    def input(self) -> Any:
        """The job's input, decoded from JSON."""
        return msgspec.json.decode(self.assignment.input)

    @property
    def cancelled(self) -> bool:
        """Whether the code should stop; async code is also interrupted."""
        return self.desk.stop_reason is not None

    @overload
    async def step(self, name: str, run: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T: ...

    @overload
    async def step(self, name: str, run: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T: ...

    async def step(self, name: str, run: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Runs `run(*args, **kwargs)` as a step and remembers what it returns.

        A later attempt gets the remembered value instead of running it again. Its identity is the name and how often
        the name was used before in this attempt, so keep the order of equal names stable. The value must survive
        JSON; it is given back as the function's declared return type. A sync function runs in a thread.
        """
        key = self._key(name)
        begun = await self.desk.begin_step(key, name, self._phase, StepType.COMMAND)
        if begun.done:
            return _revived(begun.output, run)
        with _inside(begun.step_id):
            try:
                if inspect.iscoroutinefunction(run):
                    value = await run(*args, **kwargs)
                else:
                    value = await asyncio.to_thread(in_this_process, partial(run, *args, **kwargs))
                    value = await value if inspect.isawaitable(value) else value  # of a lambda around async code
                output = jsonguard.encode(value).decode()
            except Exception as error:
                await self.desk.finish_step(begun.step_id, StepStatus.FAILED, None, f"{type(error).__name__}: {error}")
                raise
        await self.desk.finish_step(begun.step_id, StepStatus.COMPLETED, output, None)
        return _revived(output, run)

    @asynccontextmanager
    async def phase(self, phase: Phase | str) -> AsyncIterator[None]:
        """Steps inside belong to this phase: SETUP, EXECUTION, VALIDATION or CLEANUP."""
        before, self._phase = self._phase, Phase(phase)
        try:
            yield
        finally:
            self._phase = before

    @overload
    async def gate(self, question: str, *, form: type[F], must: bool = True, **how: Unpack[How]) -> Answered[F]: ...

    @overload
    async def gate(
        self, question: str, *, form: dict[str, Any] | None = None, must: bool = True, **how: Unpack[How]
    ) -> Decision: ...

    async def gate(self, question: str, *, form: Any = None, must: bool = True, **how: Unpack[How]) -> Any:
        """Asks people, and holds no slot while it waits: the job's code starts anew afterwards and comes here again.

        What `how` takes, see `How`. `form` is a JSON schema, or a type that is filled in and read as itself. With `must`,
        a rejection or an expiry ends the job as CANCELLED; without it the decision is returned whatever it is. An expiry
        that counts as `fail` raises GateExpired, one that counts as `cancel` ends the job, with `must` or without.
        """
        asked = asking.read(form, how)
        decision = await self.desk.ask(self._key(question), question, phase=self._phase, **asked)
        return asking.answered(question, decision, form, must=must)

    async def sleep(
        self, delay: str | float | timedelta | None = None, *, until: datetime | None = None, name: str = "sleep"
    ) -> None:
        """Sleeps for a time, or until a moment, and holds no slot: the job's code starts anew then and comes here again.

        The time counts from when it was first said, whatever happens in between. `jobtrail job start` ends it early.
        """
        await waiting.sleep(self.desk, self._key(name), name, self._phase, delay, until)

    @overload
    async def wait_for_signal(
        self, name: str, *, type: type[T], timeout: str | float | timedelta | None = None
    ) -> T: ...

    @overload
    async def wait_for_signal(self, name: str, *, timeout: str | float | timedelta | None = None) -> Any: ...

    async def wait_for_signal(
        self, name: str, *, type: Any = Any, timeout: str | float | timedelta | None = None
    ) -> Any:
        """Waits for what somebody outside says to this job under a name, and holds no slot; answers it as `type`.

        What came before is kept. The second wait for a name in a job hears the signal `NAME#2`, the third `NAME#3`.
        Raises SignalTimedOut after `timeout`, which counts from when it was first waited, and Invalid when it does not fit.
        """
        step = f"{waiting.SIGNAL_STEP}{name}"
        return await waiting.hear(self.desk, self._key(step), step, self._phase, type, timeout, of_model)

    def progress(self, percent: float, stage: str | None = None) -> None:
        """Says how far the job is (0 to 100) and, if you like, at what."""
        self.desk.progress(percent, stage)

    async def asset(
        self,
        name: str,
        source: Path | str | bytes | AsyncIterator[bytes],
        *,
        role: str = "output",
        media_type: str | None = None,
    ) -> Asset:
        """Stores a file (a path, bytes, or an async iterator of bytes) with the job."""
        if isinstance(source, str):
            source = Path(source)
        return await self.desk.keep(name, source, role, media_type, _step.get())

    async def usage(self, call: Call) -> None:
        """Books tokens and money of one model call.

        Where that is more than was reserved, and a budget leaves no more, the job waits or asks (its code starts anew
        afterwards), or BudgetExceeded is raised, as the budget says.
        """
        if await self.desk.use(call, _step.get()):
            await self.desk.reserve(None, None)

    async def reserve(self, *, usd: Decimal | str | float | None = None, tokens: int | None = None) -> Grant:
        """Holds money (dollars) and tokens of the job's budgets before they are used, so that nobody else uses them.

        Answers what may be used now. Where too little is left, the job waits or asks (its code starts anew afterwards), or
        BudgetExceeded is raised. Without a budget it answers at once. Raises Invalid for what is no amount.
        """
        return await self.desk.reserve(money(usd, "usd"), tokens)

    def metric(self, name: str, value: float, unit: str | None = None) -> None:
        """Stores a measured value of this attempt."""
        self.desk.metric(name, value, unit)

    def write(self, line: LogLine) -> None:
        """Logs a line as it is."""
        self.desk.log(line, _step.get())

    def end(self) -> None:
        """The code has ended: what is held back for it goes out."""
        for each in self.at_end:
            each()

    def _key(self, name: str) -> str:
        jsonguard.check_name(name, "a step's name")
        calls = self._calls[name] = self._calls.get(name, 0) + 1
        return name if calls == 1 else f"{name}#{calls}"


@contextmanager
def _inside(step_id: UUID) -> Iterator[None]:
    token = _step.set(step_id)
    try:
        yield
    finally:
        _step.reset(token)


def _revived(output: str | None, run: Callable[..., Any]) -> Any:
    """The remembered value as the type that the function says it returns."""
    if output is None:
        return None
    try:
        wanted = get_type_hints(run).get("return", Any)
    except (NameError, TypeError):
        wanted = Any
    return cast(Any, msgspec.json.decode(output, type=Any if wanted is None else wanted, dec_hook=of_model))


def in_this_process(call: Callable[[], T]) -> T:
    """Calls. A process that the code forked, and that comes back here, ends: it must not become a second worker."""
    process_id = os.getpid()
    try:
        return call()
    finally:
        if os.getpid() != process_id:
            os._exit(EX_FORKED)


def of_model(wanted: Any, value: Any) -> Any:
    """Reads pydantic models, which msgspec leaves to us."""
    if wanted is object:
        return value
    if hasattr(wanted, "model_validate"):
        try:
            return wanted.model_validate(value)
        except ValueError as error:
            raise msgspec.ValidationError(str(error)) from error
    raise NotImplementedError(f"{wanted} cannot be read: use msgspec, dataclass, TypedDict, pydantic or plain types")
