"""Finds runners by entry point, and says what each of them is. Ours come through the same door as strangers'."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.described import BUILT_IN, PACKAGE, RESERVED, Described, fitted, one_line
from jobtrail.core.errors import Conflict, Invalid, Misconfigured
from jobtrail.runners.protocol import Runner, RunnerFactory
from jobtrail.runners.python import PythonRunner

log = logging.getLogger("jobtrail.runners")

GROUP: Final = "jobtrail.runners"
_OURS: Final = "jobtrail"

HOUSE = (
    EntryPoint("jobtrail.webhook", "jobtrail.runners.webhook:WebhookRunner", GROUP),
    EntryPoint("jobtrail.bulk", "jobtrail.runners.bulk:BulkRunner", GROUP),
)
"""What every worker runs beside what is installed: jobs of types that nobody enqueues by hand."""


@dataclass(frozen=True, slots=True)
class Found:
    """A type that an installed package or the app brings; `origin` names it. Without a runner it cannot be loaded, and
    `error` says why, and what to do."""

    type: str
    source: str
    origin: str | None
    runner: Runner | None
    error: str | None = None


def discover() -> dict[str, EntryPoint]:
    """The types that installed packages bring, without importing any. Raises Conflict when two bring one type."""
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUP):
        other = found.get(entry.name)
        if other is not None and other.value != entry.value:
            raise Conflict(
                f"two packages bring a runner for type {entry.name!r}: {_named(other)} and {_named(entry)}; uninstall one"
            )
        found[entry.name] = entry
    return found


def built_in() -> frozenset[str]:
    """The types that come with Jobtrail itself."""
    return frozenset(name for name, entry in discover().items() if _source(entry)[0] == BUILT_IN)


def load(names: tuple[str, ...] | None = None) -> dict[str, Runner]:
    """The runners of these types, or of all that are installed.

    One that cannot be loaded is told in the log and left out; one that was named raises Misconfigured.
    """
    runners = {}
    for name, entry in (discover() | {entry.name: entry for entry in HOUSE}).items():
        if names is not None and name not in names:
            continue
        try:
            runners[name] = made(entry)
        except Misconfigured as error:
            if names is not None:
                raise
            log.error("jobs of type %s are not run here: %s", name, error.message)  # noqa: TRY400  (it says it all)
    return runners


def installed() -> list[Found]:
    """Every type that installed packages bring, loaded, or why it cannot be. Raises Conflict when two bring one type."""
    found = []
    for name, entry in sorted(discover().items()):
        source, origin = _source(entry)
        try:
            found.append(Found(name, source, origin, made(entry)))
        except Misconfigured as error:
            found.append(Found(name, source, origin, None, error.message))
    return found


def made(entry: EntryPoint) -> Runner:
    """The runner of an entry point. Raises Misconfigured when it cannot be imported or made, or is none."""
    where = _named(entry)
    if entry.name.startswith(RESERVED) and entry not in HOUSE:
        raise Misconfigured(f"{where} is for type {entry.name!r}: what begins with {RESERVED} is the system's own")
    try:
        jsonguard.check_name(entry.name, "the entry point's name")
        make: RunnerFactory = entry.load()
        runner = make()
    except Invalid as error:
        raise Misconfigured(f"{where} cannot be used: {error.message}") from error
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything when it is imported
        said = one_line(f"{type(error).__name__}: {error}")
        raise Misconfigured(f"{where} cannot be loaded: {said}; install what it needs, or uninstall it") from error
    run: Any = getattr(runner, "run", None)
    if not inspect.iscoroutinefunction(inspect.unwrap(run)):
        raise Misconfigured(f"{where} is no runner: it needs `async def run(self, context)`, which answers an outcome")
    if getattr(runner, "type", None) != entry.name:
        wrong = getattr(runner, "type", None)
        raise Misconfigured(
            f"{where} says that its type is {wrong!r}, its entry point says {entry.name!r}; give both the same name"
        )
    return runner


def described(runner: Runner) -> Described:
    """What a runner says of itself. What it cannot say is left out and told in the log: it may run all the same."""
    return Described(_description(runner), schema_of(runner), has_check(runner))


def has_check(runner: Runner) -> bool:
    """Whether it looks at inputs before the job takes a slot: `async def check(self, context)`."""
    check: Any = getattr(runner, "check", None)
    return inspect.iscoroutinefunction(inspect.unwrap(check))


def told(runners: Mapping[str, Runner]) -> str | None:
    """What a worker with these runners says of its types, as JSON for its registration; None: nothing."""
    wanted = {type: described(runner) for type, runner in runners.items() if not type.startswith(RESERVED)}
    said = fitted(wanted)
    if said.cut:
        log.warning("what this worker says of its types was too large; it was cut for %s", ", ".join(said.cut))
    return said.text


def schema_of(runner: Runner | None) -> dict[str, Any] | None:
    """The JSON schema of a runner's input; None when it has none, or cannot say it."""
    schema = getattr(runner, "schema", None)
    if runner is None or not callable(schema):
        return None
    try:
        return _with_models(runner) if isinstance(runner, PythonRunner) else dict(schema())
    except Exception as error:  # noqa: BLE001  a stranger's code; a type without a schema can be run as well
        log.warning("type %s cannot say the schema of its input: %s: %s", runner.type, type(error).__name__, error)
        return None


def _with_models(runner: PythonRunner) -> dict[str, Any]:
    """The schema of a function's parameters, those that are pydantic models included."""
    definitions: dict[str, Any] = {}

    def of_model(wanted: Any) -> dict[str, Any]:
        if not hasattr(wanted, "model_json_schema"):
            raise NotImplementedError
        found: dict[str, Any] = wanted.model_json_schema()
        definitions.update(found.pop("$defs", {}))
        return found

    schema = msgspec.json.schema(runner.inputs, schema_hook=of_model)
    return schema | {"$defs": definitions | schema.get("$defs", {})} if definitions else schema


def _description(runner: Runner) -> str | None:
    """What the runner says, else the first line of its function's docstring, else of its class's."""
    said = getattr(runner, "description", None)
    if isinstance(said, str):
        return one_line(said)
    function = getattr(runner, "function", None)
    if function is not None:
        return one_line(inspect.getdoc(function))
    own = type(runner).__doc__
    return one_line(inspect.cleandoc(own)) if own else None


def _source(entry: EntryPoint) -> tuple[str, str | None]:
    dist = entry.dist
    if dist is None:
        return PACKAGE, None
    return (BUILT_IN if dist.name == _OURS else PACKAGE), f"{dist.name} {dist.version}"


def _named(entry: EntryPoint) -> str:
    """An entry point, with the package that brings it."""
    origin = _source(entry)[1]
    return f"{entry.value} of {origin}" if origin else entry.value
