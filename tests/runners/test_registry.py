"""Finding runners: what strangers install is found, and what of it is broken stops nothing else."""

from __future__ import annotations

import json
import logging
import sys
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pydantic
import pytest
from runners import packages
from runners.packages import GOOD

from jobtrail.core.described import KnownType
from jobtrail.core.errors import Conflict, Misconfigured
from jobtrail.core.outcome import Done, Outcome
from jobtrail.runners import catalogue, registry
from jobtrail.runners.context import Context
from jobtrail.runners.isolated import IsolatedRunner
from jobtrail.runners.pipeline.schema import SAID
from jobtrail.runners.python import PythonRunner


class Install(Protocol):
    def __call__(self, name: str, code: str | None, types: dict[str, str], version: str = "1.2") -> None: ...


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    return partial(packages.install, tmp_path, monkeypatch)


def found(type: str) -> registry.Found:
    return next(one for one in registry.installed() if one.type == type)


def test_what_a_package_brings_is_found_with_its_version(install: Install) -> None:
    install("runner-of-ann", GOOD, {"good": "Good"}, "3.4")
    assert (found("good").source, found("good").origin, found("good").error) == ("package", "runner-of-ann 3.4", None)
    assert (found("command").source, found("command").error) == ("built-in", None)
    assert registry.load()["good"].type == "good"


BROKEN = {
    "not there": (None, "cannot be loaded: ModuleNotFoundError"),
    "not importable": ("import nothing_of_this_name", "nothing_of_this_name"),
    "raises": ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
    "leaves": ("raise SystemExit(3)", "SystemExit"),
    "not makeable": ("class Bad:\n    def __init__(self, x): ...", "TypeError"),
    "no such attribute": ("", "AttributeError"),
    "no run": ("class Bad:\n    type = 'bad'", "it needs `async def run"),
    "a sync run": ("class Bad:\n    type = 'bad'\n    def run(self, context): ...", "it needs `async def run"),
    "another type": ("class Bad:\n    type = 'other'\n    async def run(self, c): ...", "its entry point says 'bad'"),
    "no type": ("class Bad:\n    async def run(self, c): ...", "says that its type is None"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_package_stops_no_other(install: Install, how: str, caplog: pytest.LogCaptureFixture) -> None:
    code, says = BROKEN[how]
    install("good-one", GOOD, {"good": "Good"})
    install("bad-one", code, {"bad": "Bad"})
    with caplog.at_level(logging.ERROR, "jobtrail.runners"):
        runners = registry.load()
    assert "good" in runners and "command" in runners and "bad" not in runners
    assert says in caplog.text and "bad-one 1.2" in caplog.text
    assert found("bad").runner is None
    assert says in (found("bad").error or "")
    with pytest.raises(Misconfigured, match=r"bad-one 1\.2"):
        registry.load(("bad",))
    assert registry.load(("good",)).keys() == {"good"}


def test_a_runner_whose_run_is_decorated_is_one(install: Install) -> None:
    code = """
import functools
def traced(run):
    @functools.wraps(run)
    def wrapper(*args):
        return run(*args)
    return wrapper
class Good:
    type = "good"
    @traced
    async def run(self, context): ...
"""
    install("traced-one", code, {"good": "Good"})
    assert found("good").error is None


def test_two_packages_with_one_type_are_a_conflict(install: Install) -> None:
    install("one", GOOD, {"good": "Good"})
    install("two", GOOD, {"good": "Good"})
    with pytest.raises(Conflict, match=r"one 1\.2.*two 1\.2|two 1\.2.*one 1\.2"):
        registry.load()


def test_nobody_brings_a_type_of_the_system_itself(install: Install) -> None:
    install("thief", GOOD.replace('"good"', '"jobtrail.webhook"'), {"jobtrail.webhook": "Good"})
    assert registry.load()["jobtrail.webhook"].__class__.__name__ == "WebhookRunner"
    assert "the system's own" in (found("jobtrail.webhook").error or "")


class Address(pydantic.BaseModel):
    street: str


class Customer(pydantic.BaseModel):
    name: str
    home: Address


async def greet(ctx: Context, customer: Customer, since: date, loud: bool = False) -> None:
    """Greets a customer.

    Loudly, if it must be.
    """


def test_a_function_says_its_docstring_and_the_types_of_its_parameters() -> None:
    said = registry.described(PythonRunner("greet", greet))
    assert (said.description, said.has_check) == ("Greets a customer.", False)
    fields = said.input_schema["$defs"]["Input"]
    assert list(fields["properties"]) == ["customer", "since", "loud"] and fields["required"] == ["customer", "since"]
    assert said.input_schema["$defs"]["Address"]["properties"]["street"]["type"] == "string"
    assert registry.described(IsolatedRunner("greet", greet)).input_schema == said.input_schema


class Talkative:
    type = "talkative"
    description = "Says it itself.\n\nAnd more."

    def __init__(self, schema: Any = None) -> None:
        self._schema = schema

    def schema(self) -> Any:
        if isinstance(self._schema, Exception):
            raise self._schema
        return self._schema

    async def check(self, context: Context) -> dict[str, str]:
        return {}

    async def run(self, context: Context) -> Outcome:
        return Done()


def test_a_runner_says_what_it_is() -> None:
    said = registry.described(Talkative({"type": "object"}))
    assert (said.description, said.input_schema, said.has_check) == ("Says it itself.", {"type": "object"}, True)


def test_the_first_line_of_its_class_stands_in_for_a_description(install: Install) -> None:
    install("good-one", GOOD, {"good": "Good"})
    said = registry.described(registry.load(("good",))["good"])
    assert (said.description, said.input_schema, said.has_check) == ("Says hello.", None, False)


def test_a_schema_that_raises_is_told_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "jobtrail.runners"):
        assert registry.described(Talkative(ValueError("no schema today"))).input_schema is None
    assert "no schema today" in caplog.text


def test_a_worker_tells_of_all_types_but_the_systems_own() -> None:
    told = json.loads(registry.told(registry.load()) or "{}")
    assert "command" in told and not [type for type in told if type.startswith("jobtrail.")]
    assert told["command"]["input_schema"]["$defs"].keys() >= {"CommandSpec", "PipelineSpec", "StepSpec"}


def test_what_is_too_large_is_cut_with_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    large = Talkative({"x": "y" * 300_000})
    with caplog.at_level(logging.WARNING, "jobtrail.runners"):
        told = json.loads(registry.told({"talkative": large}) or "{}")
    assert told["talkative"] == {"description": "Says it itself.", "has_check": True, "input_schema": None}
    assert "talkative" in caplog.text


def test_what_is_here_and_what_workers_say_is_one_list() -> None:
    here = [
        registry.Found("talkative", "package", "p 1", Talkative({})),
        registry.Found("bad", "package", "q 2", None, "no"),
    ]
    told = [
        KnownType("bad", "workers", None, "Of a worker.", False, 2, None),
        KnownType("far", "workers", None, None, None, 1, None),
        KnownType("talkative", "workers", None, "Older words.", False, 3, None, {"type": "object"}),
    ]
    bad, far, talkative = catalogue.known(here, told)
    assert (bad.source, bad.description, bad.workers, bad.error) == ("package", "Of a worker.", 2, "no")
    assert far is told[1]
    assert (talkative.description, talkative.has_check, talkative.workers) == ("Says it itself.", True, 3)
    assert talkative.input_schema == {}


def test_discovering_imports_nothing(install: Install) -> None:
    install("lazy-one", GOOD, {"good": "Good"})
    assert "good" in registry.discover()
    assert "lazy_one" not in sys.modules


def test_every_key_of_a_pipeline_is_said_in_words() -> None:
    """Also one that is added: people see the table, and must not guess."""
    for struct, said in SAID.items():
        keys = [field.encode_name for field in msgspec.structs.fields(struct)]
        assert sorted(said) == sorted(keys), struct.__name__
