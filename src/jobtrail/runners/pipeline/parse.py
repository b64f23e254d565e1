"""Reads the input of a `command` job, and files (TOML, JSON) that describe a job, into plans and inputs."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from jobtrail.core import duration, jsonguard, template
from jobtrail.core.errors import Invalid, NotFound
from jobtrail.core.redact import Redactor
from jobtrail.core.retry import Retry
from jobtrail.core.status import PRIORITIES
from jobtrail.runners.pipeline.fields import Problems, read, suggestion
from jobtrail.runners.pipeline.model import CommandSpec, FileSpec, JobRetry, PipelineSpec, StepSpec
from jobtrail.runners.pipeline.plan import Plan, plan, refused

COMMAND = "command"
THE_STEP = "command"
MAX_TITLE_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineFile:
    """A job as a file describes it. `options` are keywords for `jobtrail.service.jobs.Options`, without the type."""

    type: str
    input: dict[str, Any]
    options: dict[str, Any]
    title: str | None


def parse_input(data: object) -> Plan:
    """The plan for a job's input: a pipeline, or one command. Raises Invalid with the fields that are wrong."""
    problems: Problems = {}
    if not isinstance(data, Mapping):
        raise refused("this input cannot be run", {"input": "must be an object with `run` or `steps`"})
    if "steps" in data:
        return _pipeline(data, problems)
    if "run" not in data:
        wrong = "one of `run` (a command) and `steps` (a pipeline) must be there"
        raise refused("this input cannot be run", {"run": wrong})
    one = read(CommandSpec, data, "", problems)
    if one is None:
        raise refused("this command cannot be run", problems)
    step = StepSpec(name=THE_STEP, **msgspec.structs.asdict(one))
    try:
        return plan(PipelineSpec(steps=[step]), [step], problems, literal=True)
    except Invalid as error:
        fields = {at.removeprefix("steps[0]."): wrong for at, wrong in error.fields.items()}
        raise refused("this command cannot be run", fields) from None


def load_file(path: Path, values: Mapping[str, object]) -> PipelineFile:
    """Read a job from a file. `values` stand in for those of its `[input]`, or add to them what its steps ask for.

    Raises NotFound, or Invalid with everything that is wrong, also with the values.
    """
    data = _content(path)
    problems: Problems = {}
    file = read(FileSpec, data, "", problems)
    if file is None:
        raise refused(f"{path} cannot be run", problems)
    known = {**file.input, **_as_declared(values, file.input, problems)}
    options = _options(file, problems)
    if file.type != COMMAND:
        if file.steps is not None:
            problems["steps"] = f"only jobs of type {COMMAND} have steps, this one is of type {file.type!r}"
        if problems:
            raise refused(f"{path} cannot be run", problems)
        return PipelineFile(type=file.type, input=known, options=options, title=_title(file.title, known))
    content = {key: data[key] for key in ("title", "env", "steps") if key in data} | {"input": known}
    try:
        made = _pipeline(content, problems, unused=frozenset(values.keys() - file.input.keys()))
    except Invalid as error:
        raise refused(f"{path} cannot be run", error.fields) from None
    return PipelineFile(type=COMMAND, input=content, options=options, title=_title(made.title, known))


def _pipeline(data: Mapping[str, Any], problems: Problems, unused: frozenset[str] = frozenset()) -> Plan:
    spec = read(PipelineSpec, data, "", problems)
    if spec is None:  # the steps are looked at all the same, so that their mistakes are told too
        steps, given = data.get("steps"), data.get("input")
        spec = PipelineSpec(
            steps=steps if isinstance(steps, list) else [], input=given if isinstance(given, dict) else {}
        )
    read_steps = [read(StepSpec, step, f"steps[{i}]", problems) for i, step in enumerate(spec.steps)]
    made = plan(spec, read_steps, problems)
    for name in sorted(unused - made.uses):
        problems[f"input.{name}"] = f"nothing asks for it{suggestion(name, made.uses | spec.input.keys() - unused)}"
    if problems:
        raise refused("this pipeline cannot be run", problems)
    return made


def _content(path: Path) -> dict[str, Any]:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"there is no file {str(path)!r}; check the path") from None
    except OSError as error:
        raise Invalid(
            f"{str(path)!r} cannot be read: {error.strerror}; name a file, and one that you may read"
        ) from error
    at = path.name
    if path.suffix == ".toml":
        try:
            # through JSON and back: dates become text, and what a job's input may not hold is refused here
            data = jsonguard.decode(jsonguard.encode(tomllib.loads(raw.decode()), at=at), at=at)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise Invalid(f"{path} is not readable as TOML: {error}", fields={at: str(error)}) from None
    elif path.suffix == ".json":
        data = jsonguard.decode(raw, at=at)
    else:
        raise Invalid(f"{path} is neither .toml nor .json: name it by what it is")
    if not isinstance(data, dict):
        raise Invalid(f"{path} must be an object", fields={at: "must be an object"})
    return data


def _as_declared(values: Mapping[str, object], declared: Mapping[str, object], problems: Problems) -> dict[str, object]:
    """A command line knows texts only: where `[input]` has a number or a truth, so becomes what stands in for it."""
    found: dict[str, object] = {}
    for name, value in values.items():
        found[name] = value
        default = declared.get(name)
        if not isinstance(value, str) or default is None or isinstance(default, str):
            continue
        try:
            found[name] = msgspec.convert(value, type(default), strict=False)
        except msgspec.ValidationError:
            example = msgspec.json.encode(default).decode()
            problems[f"input.{name}"] = (
                f"{value!r} is not of the same type as {example}; for any other, write {name}:=JSON"
            )
    return found


def _options(file: FileSpec, problems: Problems) -> dict[str, Any]:
    """The file's options in the words and units of the service."""
    found: dict[str, Any] = {}
    for key in ("queue", "type"):
        try:
            if (name := getattr(file, key)) is not None:
                jsonguard.check_name(name, key)
        except Invalid as error:
            problems[key] = error.fields[key]
    if file.queue is not None:
        found["queue"] = file.queue
    if file.tags:
        found["tags"] = tuple(file.tags)
    if file.priority is not None:
        found["priority"] = _priority(file.priority, problems)
    for key, value in (("timeout", file.timeout), ("idle_timeout", file.idle_timeout)):
        if value is not None:
            found[f"{key}_seconds"] = _seconds(key, value, problems)
    return found | _retry(file.retry, problems)


def _retry(given: int | JobRetry | None, problems: Problems) -> dict[str, Any]:
    if given is None:
        return {}
    words: dict[str, Any] = {"max_attempts": given} if isinstance(given, int) else msgspec.structs.asdict(given)
    try:
        policy = Retry(**{key: value for key, value in words.items() if value is not None})
    except Invalid as error:
        problems.update({f"retry.{at}": wrong for at, wrong in error.fields.items()})
        return {}
    return {
        "max_attempts": policy.max_attempts,
        "backoff_type": str(policy.backoff),
        "backoff_delay_ms": policy.delay // timedelta(milliseconds=1),
        "backoff_max_ms": policy.max_delay // timedelta(milliseconds=1),
    }


def _priority(given: int | str, problems: Problems) -> int:
    number = PRIORITIES.get(given.upper(), 0) if isinstance(given, str) else given
    if not 1 <= number <= 10:
        problems["priority"] = f"must be 1 to 10 or one of {', '.join(PRIORITIES)}, not {given!r}"
    return number


def _seconds(key: str, given: str | float, problems: Problems) -> float:
    try:
        seconds = duration.parse(given).total_seconds()
    except Invalid as error:
        problems[key] = error.message
        return 0.0
    if not seconds:
        problems[key] = "must be longer than nothing"
    return seconds


def _title(title: str | template.Template | None, values: Mapping[str, object]) -> str | None:
    """The title with its holes filled, and without what looks like a key: it is shown everywhere."""
    if title is None:
        return None
    text = Redactor(()).text(template.render(title, {"input": values}))
    return jsonguard.clean_text(text, max_bytes=MAX_TITLE_BYTES) or None
