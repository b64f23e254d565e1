"""The context of sync functions, which run in threads: the same calls, blocking."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from jobtrail.core.model import Asset
from jobtrail.core.outcome import Dropped
from jobtrail.core.status import Phase
from jobtrail.runners.context import Context, Log
from jobtrail.runners.protocol import Decision
from jobtrail.service.usage import Call

P = ParamSpec("P")
T = TypeVar("T")


class SyncContext:
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

    def gate(
        self,
        question: str,
        *,
        approvers: str | tuple[str, ...] = (),
        needed: int = 1,
        form: dict[str, Any] | None = None,
        expires: str | timedelta | None = None,
        must: bool = True,
    ) -> Decision:
        """Asks people, and holds no slot while it waits."""
        asked = self._context.gate(question, approvers=approvers, needed=needed, form=form, expires=expires, must=must)
        return self._wait(asked)

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

    def metric(self, name: str, value: float, unit: str | None = None) -> None:
        """Stores a measured value of this attempt."""
        self._context.metric(name, value, unit)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError as error:  # the worker has ended, and its event loop with it
            work.close()
            raise Dropped from error
        return future.result()
