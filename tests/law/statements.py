"""Which statement is read into what, found in the source: every place that makes a Query, with its reader."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

SOURCE = Path(str(files("jobtrail")))
READERS_OF_MODELS = ("many_of", "one_of")
"""The readers that fill a dataclass by position. `scalar` and `count` read one column; others read as they say."""


@dataclass(frozen=True, slots=True)
class Use:
    """One `Query("verbs/claim", params, reader)` in the source."""

    module: str
    line: int
    statement: str
    reader: ast.expr

    @property
    def model(self) -> type | None:
        """The dataclass that its rows become, if they do."""
        match self.reader:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[ast.Name(id=model)]) if (
                name in READERS_OF_MODELS
            ):
                found: type = getattr(importlib.import_module(self.module), model)
                return found
        return None

    @property
    def one_column(self) -> bool:
        """Whether its reader takes the first column only."""
        match self.reader:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                return name in ("scalar", "count")
        return False

    def __str__(self) -> str:
        return f"{self.module}:{self.line}"


def statements() -> list[str]:
    """All statements, as Queries name them."""
    return sorted(
        f"{folder}/{path.stem}" for folder in ("reads", "verbs") for path in (SOURCE / "sql" / folder).glob("*.sql")
    )


def uses() -> list[Use]:
    """All Queries that the source makes."""
    return [use for path in sorted(SOURCE.rglob("*.py")) for use in _uses_in(path)]


def _uses_in(path: Path) -> Iterator[Use]:
    module = ".".join(("jobtrail", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(
                func=ast.Name(id="Query") | ast.Attribute(attr="Query"), args=[ast.Constant(str(name)), _, r]
            ):
                yield Use(module, node.lineno, name, r)


def fields(model: type) -> dict[str, object]:
    """The fields of a dataclass with their types, `None` taken away."""
    hints = typing.get_type_hints(model)
    names = getattr(model, "_fields", None) or [field.name for field in dataclasses.fields(model)]
    return {name: _certain(hints[name]) for name in names}


def _certain(hint: object) -> object:
    if isinstance(hint, types.UnionType):
        left = [part for part in typing.get_args(hint) if part is not type(None)]
        return left[0] if len(left) == 1 else hint
    return hint
