"""Query and Flow: a statement as a value, several as a generator of them. No connection is touched here."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from importlib.resources import files
from typing import Any, Generic, ParamSpec, TypeAlias, TypeVar

T = TypeVar("T")
M = TypeVar("M")
P = ParamSpec("P")
Row: TypeAlias = tuple[Any, ...]


@cache
def statement(name: str) -> bytes:
    """The text of `sql/<name>.sql`, as it stands there: SQL is never formatted."""
    return (files("jobtrail.sql") / f"{name}.sql").read_bytes()


@dataclass(frozen=True, slots=True)
class Query(Generic[T]):
    """One statement (`verbs/claim`), its parameters for $1, $2 …, and how to read its rows."""

    name: str
    params: Sequence[object]
    read: Callable[[list[Row]], T]


Steps: TypeAlias = Generator[Query[Any], Any, T]


@dataclass(frozen=True, slots=True)
class Flow(Generic[T]):
    """Several statements. `begin` starts it anew, so that it can be tried again. `atomic`: only together in one
    transaction; otherwise each may commit by itself, as where a write is followed by a read that explains it."""

    begin: Callable[[], Steps[T]]
    atomic: bool = False


def flow(verb: Callable[P, Steps[T]]) -> Callable[P, Flow[T]]:
    """Makes a generator of Queries a verb: calling it returns the Flow and runs nothing."""

    @wraps(verb)
    def make(*args: P.args, **kwargs: P.kwargs) -> Flow[T]:
        return Flow(lambda: verb(*args, **kwargs))

    return make


def atomic(verb: Callable[P, Steps[T]]) -> Callable[P, Flow[T]]:
    """Like `flow`, for statements that hold only together: they run in one transaction."""

    @wraps(verb)
    def make(*args: P.args, **kwargs: P.kwargs) -> Flow[T]:
        return Flow(lambda: verb(*args, **kwargs), atomic=True)

    return make


def rows(found: list[Row]) -> list[Row]:
    """All rows as they are."""
    return found


def nothing(found: list[Row]) -> None:
    """For statements whose rows do not matter."""


def one(found: list[Row]) -> Row | None:
    """The first row, or None."""
    return found[0] if found else None


def scalar(found: list[Row]) -> Any:
    """The first column of the first row, or None."""
    return found[0][0] if found else None


def count(found: list[Row]) -> int:
    """The first column of the first row as a number."""
    return int(found[0][0]) if found else 0


def many_of(model: Callable[..., M]) -> Callable[[list[Row]], list[M]]:
    """Rows as `model`s; the columns stand in the order of its fields, which a test holds against the database."""
    return lambda found: [model(*row) for row in found]


def one_of(model: Callable[..., M]) -> Callable[[list[Row]], M | None]:
    """The first row as a `model`, or None."""
    return lambda found: model(*found[0]) if found else None


def ask(query: Query[T]) -> Steps[T]:
    """Runs one Query inside a Flow, with its type: `job = yield from ask(query)`."""
    answer: T = yield query
    return answer
