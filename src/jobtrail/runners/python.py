"""Runs Python functions: reads the job's input as the function's parameters, and its return value as the outcome."""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from types import TracebackType
from typing import Any, Final, Literal, get_type_hints

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.errors import ChildFailed, GateExpired, Invalid, JobtrailError, SignalTimedOut
from jobtrail.core.outcome import Cancel, Done, Fail, Outcome, Snooze, Wait
from jobtrail.core.retry import Retry
from jobtrail.runners import retrying
from jobtrail.runners.context import Context, current, in_this_process, of_model
from jobtrail.runners.threads import SyncContext

Isolation = Literal["thread", "process"]

_OURS: Final = ("jobtrail.", "asyncio", "concurrent.futures")
_STACK_BYTES: Final = 16 << 10
_threads: Final[Executor] = ThreadPoolExecutor(max_workers=64, thread_name_prefix="jobtrail-job")


class PythonRunner:
    """One function as a type of job. The function's module must be importable by the worker."""

    def __init__(
        self,
        type: str,
        function: Callable[..., Any],
        *,
        isolation: Isolation | None = None,
        executor: Executor = _threads,
        check: Callable[..., Any] | None = None,
    ) -> None:
        self.type = type
        self.function = function
        self.retry: Retry | None = None  # what its policy says beyond the columns of a job
        self.isolation = isolation
        self._executor = executor
        self._own_check = check
        self.check = None if check is None else self._faults
        self.is_async = inspect.iscoroutinefunction(function)
        self._wants, self._parameters = _parameters(type, function, sync=not self.is_async)
        self.inputs = _input_struct(type, self._parameters)
        self._decoder = msgspec.json.Decoder(self.inputs, dec_hook=of_model)

    def encode(self, args: tuple[Any, ...], kwargs: dict[str, Any], *, fit: bool = True) -> bytes:
        """A call's arguments as the job's input. Raises Invalid with the offending parameters, unless they need not `fit`
        yet, because results of other jobs take their places."""
        names = [parameter.name for parameter in self._parameters]
        if len(args) > len(names):
            raise Invalid(f"{self.type} takes {len(names)} arguments, {len(args)} were given")
        given = dict(zip(names, args, strict=False)) | kwargs
        raw = jsonguard.encode({name: _plain(value) for name, value in given.items()}, at="input")
        if fit:
            self.fits(raw)
        return raw

    def named(self, raw: bytes) -> dict[str, Any]:
        """The arguments of an input by name, those that were left out as well; none when it does not fit (yet)."""
        try:
            return self._arguments(raw)
        except Invalid:
            return {}

    def fits(self, raw: bytes) -> None:
        """Raises Invalid when an input does not fit the function's parameters."""
        self._arguments(raw)

    def validate(self, input: Any) -> dict[str, str]:
        """What is wrong with an input, by path; empty when it fits."""
        try:
            self.fits(jsonguard.encode(input, at="input"))
        except Invalid as error:
            return error.fields or {"input": error.message}
        return {}

    def schema(self) -> dict[str, Any]:
        """The JSON schema of the input."""
        return msgspec.json.schema(self.inputs)

    async def run(self, context: Context) -> Outcome:
        """Calls the function. Sync functions run in a thread; what they raise is a failure of the attempt."""
        token = current.set(context)
        try:
            arguments = self._arguments(context.assignment.input)
            if self.is_async:
                value = await self.function(context, **arguments) if self._wants else await self.function(**arguments)
            else:
                value = await self._in_thread(context, arguments)
        except (Invalid, ChildFailed, GateExpired, SignalTimedOut) as error:
            return Fail(error.code, str(error), final=True)
        except (Snooze, Cancel, Wait) as answer:
            return answer
        except Exception as error:  # noqa: BLE001  the runner's edge: whatever user code raises is an outcome
            return retrying.judged(self.retry, failure(error), error, context.assignment.failures + 1)
        finally:
            context.end()
            current.reset(token)
        return outcome(value)

    async def _faults(self, context: Context) -> Mapping[str, str]:
        """What the function's own check says of the input, before the job takes a slot."""
        if self._own_check is None:
            return {}
        try:
            call = partial(self._own_check, **self._arguments(context.assignment.input))
        except Invalid as error:
            return error.fields or {"input": error.message}
        if inspect.iscoroutinefunction(self._own_check):
            return await call() or {}
        return await asyncio.to_thread(in_this_process, call) or {}

    async def _in_thread(self, context: Context, arguments: dict[str, Any]) -> Any:
        loop = asyncio.get_running_loop()
        call = partial(self.function, **arguments)
        if self._wants:
            call = partial(call, SyncContext(context, loop))
        return await loop.run_in_executor(self._executor, copy_context().run, in_this_process, call)

    def _arguments(self, raw: str | bytes) -> dict[str, Any]:
        try:
            read = self._decoder.decode(raw)
        except msgspec.ValidationError as error:
            what, _, path = str(error).partition(" - at `$")
            field = "input" + path.rstrip("`")
            raise Invalid(f"the input does not fit {self.type}: {field}: {what}", fields={field: what}) from error
        return {name: getattr(read, name) for name in read.__struct_fields__}


def outcome(value: Any) -> Outcome:
    """What a function returned, as an outcome."""
    if isinstance(value, Done | Fail | Snooze | Cancel | Wait):
        return value
    if isinstance(value, Retry):
        after = value.delay if value.after is None else value.after
        return Fail("retry", "the job asked to be tried again", retry_in=after)
    return Done(_plain(value))


def failure(error: BaseException) -> Fail:
    """What a function raised, as a failure with its stack trace."""
    code = error.code if isinstance(error, JobtrailError) else type(error).__name__
    stack = "".join(traceback.format_exception(type(error), error, _without_ours(error.__traceback__)))
    return Fail(
        jsonguard.clean_text(code, max_bytes=255),
        jsonguard.clean_text(f"{type(error).__name__}: {error}", max_bytes=4_096),
        jsonguard.clean_text(stack[-_STACK_BYTES:]),
    )


def _without_ours(found: TracebackType | None) -> TracebackType | None:
    """The stack from where the user's code begins; the whole one if it never came there."""
    frames = found
    while frames is not None and frames.tb_frame.f_globals.get("__name__", "").startswith(_OURS):
        frames = frames.tb_next
    return frames or found


def _parameters(type: str, function: Callable[..., Any], *, sync: bool) -> tuple[bool, list[inspect.Parameter]]:
    """Whether the function wants the context first, and its other parameters with their types."""
    hints = get_type_hints(function)
    found = list(inspect.signature(function).parameters.values())
    context_type = SyncContext if sync else Context
    wants = bool(found) and hints.get(found[0].name) in (Context, SyncContext)
    if wants and hints[found[0].name] is not context_type:
        kind = "a sync" if sync else "an async"
        raise Invalid(f"{type} is {kind} function: annotate its context as jobtrail.{context_type.__name__}")
    rest = found[1:] if wants else found
    for parameter in rest:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise Invalid(f"{type}: parameter {parameter} cannot be an input; name every input")
    return wants, [parameter.replace(annotation=hints.get(parameter.name, Any)) for parameter in rest]


def _input_struct(type: str, parameters: list[inspect.Parameter]) -> type[msgspec.Struct]:
    fields: list[Any] = [
        (p.name, p.annotation) if p.default is p.empty else (p.name, p.annotation, p.default) for p in parameters
    ]
    return msgspec.defstruct(
        "Input", fields, kw_only=True, forbid_unknown_fields=True, namespace={"__doc__": f"The input of {type}."}
    )


def _plain(value: Any) -> Any:
    """pydantic models as plain values; msgspec writes all others itself."""
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value
