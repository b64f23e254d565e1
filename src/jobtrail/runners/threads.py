"""The context of sync functions, which run in threads: the same calls, blocking."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, Unpack, overload
from uuid import UUID

from jobtrail.core.budget import Grant
from jobtrail.core.model import Asset
from jobtrail.core.outcome import Dropped
from jobtrail.core.status import Phase
from jobtrail.runners.asking import Answered, How
from jobtrail.runners.children_calls import Starts, SyncStarts
from jobtrail.runners.context import Context, Log
from jobtrail.runners.protocol import Decision
from jobtrail.service.usage import Call

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F")


class SyncContext(SyncStarts):
    """One attempt, as sync code sees it. A thread cannot be interrupted: look at `cancelled` in long loops."""

    def __init__(self, context: Context, loop: asyncio.AbstractEventLoop) -> None:
        self._context = context
        self._loop = loop

    @property
    def log(self) -> Log:
        """The job's log."""
        return self._context.log

    @property
    def job_id(self) -> UUID:
        """The job."""
        return self._context.job_id

    @property
    def attempt(self) -> int:
        """Which try this is, from 1."""
        return self._context.attempt

    @property
    def cancelled(self) -> bool:
        """Whether the code should stop."""
        return self._context.cancelled

    def step(self, name: str, run: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a sync function as a step and remembers what it returns."""
        return self._wait(self._context.step(name, run, *args, **kwargs))

    @contextmanager
    def phase(self, phase: Phase | str) -> Iterator[None]:
        """Steps inside belong to this phase."""
        manager = self._context.phase(phase)
        self._wait(manager.__aenter__())
        try:
            yield
        finally:
            self._wait(manager.__aexit__(None, None, None))

    @overload
    def gate(self, question: str, *, form: type[F], must: bool = True, **how: Unpack[How]) -> Answered[F]: ...

    @overload
    def gate(
        self, question: str, *, form: dict[str, Any] | None = None, must: bool = True, **how: Unpack[How]
    ) -> Decision: ...

    def gate(self, question: str, *, form: Any = None, must: bool = True, **how: Unpack[How]) -> Any:
        """Asks people, and holds no slot while it waits."""
        return self._wait(self._context.gate(question, form=form, must=must, **how))

    def sleep(
        self, delay: str | float | timedelta | None = None, *, until: datetime | None = None, name: str = "sleep"
    ) -> None:
        """Sleeps for a time, or until a moment, and holds no slot."""
        self._wait(self._context.sleep(delay, until=until, name=name))

    @overload
    def wait_for_signal(self, name: str, *, type: type[T], timeout: str | float | timedelta | None = None) -> T: ...

    @overload
    def wait_for_signal(self, name: str, *, timeout: str | float | timedelta | None = None) -> Any: ...

    def wait_for_signal(self, name: str, *, type: Any = Any, timeout: str | float | timedelta | None = None) -> Any:
        """Waits for what somebody outside says to this job under a name, and holds no slot; answers it as `type`."""
        return self._wait(self._context.wait_for_signal(name, type=type, timeout=timeout))

    def progress(self, percent: float, stage: str | None = None) -> None:
        """Says how far the job is (0 to 100) and, if you like, at what."""
        self._context.progress(percent, stage)

    def asset(
        self, name: str, source: Path | str | bytes, *, role: str = "output", media_type: str | None = None
    ) -> Asset:
        """Stores a file with the job."""
        return self._wait(self._context.asset(name, source, role=role, media_type=media_type))

    def usage(self, call: Call) -> None:
        """Books tokens and money of one model call."""
        self._wait(self._context.usage(call))

    def reserve(self, *, usd: Decimal | str | float | None = None, tokens: int | None = None) -> Grant:
        """Holds money (dollars) and tokens of the job's budgets before they are used. Raises BudgetExceeded, Invalid."""
        return self._wait(self._context.reserve(usd=usd, tokens=tokens))

    def metric(self, name: str, value: float, unit: str | None = None) -> None:
        """Stores a measured value of this attempt."""
        self._context.metric(name, value, unit)

    @property
    def _starts(self) -> Starts:
        return self._context

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError as error:  # the worker has ended, and its event loop with it
            work.close()
            raise Dropped from error
        return future.result()
