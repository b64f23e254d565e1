"""What a context offers to a job that starts others and waits for them without a slot: `run`, `map` and `gather`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, Protocol, TypeAlias, TypeVar, overload
from uuid import UUID

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.errors import ChildFailed, TooLarge
from jobtrail.core.graph import MOST_NEEDS, JobEnd
from jobtrail.core.status import JobStatus, Phase
from jobtrail.runners.protocol import Desk
from jobtrail.service.wanted import NewJob, Options
from jobtrail.store.identity import new_id

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")
R2 = TypeVar("R2")
R3 = TypeVar("R3")
R_co = TypeVar("R_co", covariant=True)

OnFailure: TypeAlias = Literal["raise", "keep"]


class Startable(Protocol[P, R_co]):
    """A type of job that makes jobs and reads their results: what `@app.job` makes of a function, with its options."""

    def new(self, *args: P.args, **kwargs: P.kwargs) -> NewJob:
        """A job with this input."""

    def revived(self, output: str | None) -> R_co:
        """A result (JSON) as the type that the function returns."""


class Child(Generic[R]):
    """A job that another one starts. Await it for its result; nothing is started before."""

    def __init__(
        self, ends: Callable[[Sequence[NewJob], bool], Coroutine[Any, Any, list[JobEnd]]], wanted: NewJob,
        revived: Callable[[str | None], R],
    ) -> None:  # fmt: skip
        self._ends, self._wanted, self._revived = ends, wanted, revived

    def __await__(self) -> Generator[Any, None, R]:
        return self.result().__await__()

    async def result(self) -> R:
        """Starts the job, once, and answers what it returned. Raises ChildFailed when it did not complete."""
        (end,) = await self._ends([self._wanted], True)
        if end.bad:
            raise _failed(end)
        return self._revived(end.output)


class Starts:
    """The part of a context that starts jobs. A child is started once, whatever becomes of the attempt; while it has not
    ended its parent holds no slot, and the parent's code starts anew afterwards: let what comes before be steps."""

    desk: Desk
    _phase: Phase

    if TYPE_CHECKING:

        def _key(self, name: str) -> str: ...

    @overload
    def run(self, wanted: Startable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Child[R]: ...

    @overload
    def run(self, wanted: NewJob | str, /, **input: Any) -> Child[Any]: ...

    def run(self, wanted: Any, /, *args: Any, **kwargs: Any) -> Child[Any]:
        """A child job: its own queue, retries and page. Await it for its result, typed as its function returns it.

        `wanted` is a type of job (`search`, `search.using(queue="x")`), a job made with `new`, or the name of any type.
        Raises ChildFailed when the child does not complete.
        """
        if type(wanted) is NewJob:
            return self._child(wanted, _plain)
        if isinstance(wanted, str):
            options = Options(type=jsonguard.check_name(wanted, "a job's type"))
            return self._child(NewJob(new_id(), jsonguard.encode(kwargs, at="input"), options), _plain)
        return self._child(wanted.new(*args, **kwargs), wanted.revived)

    @overload
    async def map(
        self, wanted: Startable[..., R], items: Iterable[Any], *, on_failure: Literal["raise"] = "raise"
    ) -> list[R]: ...

    @overload
    async def map(
        self, wanted: Startable[..., R], items: Iterable[Any], *, on_failure: Literal["keep"]
    ) -> list[R | ChildFailed]: ...

    async def map(
        self, wanted: Startable[..., Any], items: Iterable[Any], *, on_failure: OnFailure = "raise"
    ) -> list[Any]:
        """A child job for each item (at most 10 000), all accepted together; answers their results in order.

        With "raise" the first child that fails raises ChildFailed at once; with "keep" that stands in its place.
        """
        jobs = [wanted.new(item) for item in items]
        if len(jobs) > MOST_NEEDS:
            raise TooLarge(f"one step may start {MOST_NEEDS} jobs, not {len(jobs)}; map over parts of them")
        if not jobs:
            return []
        ends = await self._started(jobs[0].options.type)(jobs, on_failure == "raise")
        bad = next((end for end in ends if end.bad), None)
        if bad is not None and on_failure == "raise":
            raise _failed(bad)
        return [_failed(end) if end.bad else wanted.revived(end.output) for end in ends]

    @overload
    async def gather(self, one: Child[R], two: Child[R2], /) -> tuple[R, R2]: ...

    @overload
    async def gather(self, one: Child[R], two: Child[R2], three: Child[R3], /) -> tuple[R, R2, R3]: ...

    @overload
    async def gather(self, /, *children: Child[Any]) -> tuple[Any, ...]: ...

    async def gather(self, /, *children: Child[Any]) -> tuple[Any, ...]:
        """Children of different types side by side: `a, b = await ctx.gather(ctx.run(draft), ctx.run(figures))`.

        All have ended when it raises ChildFailed, for the first that failed.
        """
        answers = await asyncio.gather(*(one.result() for one in children), return_exceptions=True)
        wrong = [one for one in answers if isinstance(one, BaseException)]
        unwinding = [one for one in wrong if not isinstance(one, Exception)]  # the job waits, or its attempt is over
        for one in (*unwinding, *wrong):
            raise one
        return tuple(answers)

    async def dependencies(self) -> Mapping[UUID, JobEnd]:
        """How those ended that this job waited for before it began: status, result, error."""
        return await self.desk.needed()

    def _child(self, wanted: NewJob, revived: Callable[[str | None], R]) -> Child[R]:
        return Child(self._started(wanted.options.type), wanted, revived)

    def _started(self, name: str) -> Callable[[Sequence[NewJob], bool], Coroutine[Any, Any, list[JobEnd]]]:
        """Starts jobs under the next key of a name, which is taken here: in the order in which the code asks."""
        key, phase = self._key(name), self._phase

        async def ends(wanted: Sequence[NewJob], wakes: bool) -> list[JobEnd]:  # noqa: FBT001  (called here only)
            return await self.desk.children(key, name, phase, wanted, wakes=wakes)

        return ends


class SyncStarts:
    """The same for sync code, blocking."""

    if TYPE_CHECKING:

        @property
        def _starts(self) -> Starts: ...

        def _wait(self, work: Coroutine[Any, Any, T]) -> T: ...

    @overload
    def run(self, wanted: Startable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R: ...

    @overload
    def run(self, wanted: NewJob | str, /, **input: Any) -> Any: ...

    def run(self, wanted: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Runs a child job and answers its result; no slot is held while it waits. Raises ChildFailed."""
        return self._wait(self._starts.run(wanted, *args, **kwargs).result())

    @overload
    def map(
        self, wanted: Startable[..., R], items: Iterable[Any], *, on_failure: Literal["raise"] = "raise"
    ) -> list[R]: ...

    @overload
    def map(
        self, wanted: Startable[..., R], items: Iterable[Any], *, on_failure: Literal["keep"]
    ) -> list[R | ChildFailed]: ...

    def map(self, wanted: Startable[..., Any], items: Iterable[Any], *, on_failure: OnFailure = "raise") -> list[Any]:
        """Runs a child job for each item, side by side; answers their results in order."""
        if on_failure == "keep":
            return self._wait(self._starts.map(wanted, items, on_failure="keep"))
        return self._wait(self._starts.map(wanted, items))

    @overload
    def child(self, wanted: Startable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Child[R]: ...

    @overload
    def child(self, wanted: NewJob | str, /, **input: Any) -> Child[Any]: ...

    def child(self, wanted: Any, /, *args: Any, **kwargs: Any) -> Child[Any]:
        """A child job to hand to `gather`."""
        return self._starts.run(wanted, *args, **kwargs)

    @overload
    def gather(self, one: Child[R], two: Child[R2], /) -> tuple[R, R2]: ...

    @overload
    def gather(self, one: Child[R], two: Child[R2], three: Child[R3], /) -> tuple[R, R2, R3]: ...

    @overload
    def gather(self, /, *children: Child[Any]) -> tuple[Any, ...]: ...

    def gather(self, /, *children: Child[Any]) -> tuple[Any, ...]:
        """Runs children of different types side by side: `ctx.gather(ctx.child(draft), ctx.child(figures))`."""
        return self._wait(self._starts.gather(*children))

    def dependencies(self) -> Mapping[UUID, JobEnd]:
        """How those ended that this job waited for before it began."""
        return self._wait(self._starts.dependencies())


def _failed(end: JobEnd) -> ChildFailed:
    why = end.error_message or end.error_code
    said = f"{end.type} job {end.job_id} is {end.status}" + (f": {why}" if why else "")
    return ChildFailed(said, job_id=end.job_id, status=JobStatus(end.status), child_code=end.error_code)


def _plain(output: str | None) -> Any:
    return None if output is None else msgspec.json.decode(output)
