"""The language in which people say which jobs they mean: `status:failed type:render -tag:nightly attempts>2 "timed out"`.

A space means and, a comma or, a leading minus not. What is said becomes a Filter; the time now is passed in.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import reduce
from typing import Any, Final, NamedTuple, NoReturn, TypeVar
from uuid import UUID

from jobtrail.core import duration
from jobtrail.core.errors import Invalid
from jobtrail.core.filter import Filter, both
from jobtrail.core.ids import MIN_SHORT
from jobtrail.core.status import PRIORITIES, JobStatus, WaitReason

T = TypeVar("T")

LONGEST: Final = 2_000
"""So many characters a search may have."""

_ALIASES: Final = {"state": "status", "kind": "type", "args": "input", "wait_reason": "wait", "text": ""}
_COMPARED: Final = ("attempts", "duration", "age", "priority")
_SEVERAL: Final = {"type": "types", "queue": "queues", "tag": "tags", "stage": "stage", "error": "error"}
"""Keys whose values are texts, and the field of the Filter that each of them is; negated, the field is `exclude_…`."""
_KEYS: Final = (*_SEVERAL, "status", "wait", "priority", "task", "project", "parent", "id", "input.", *_COMPARED)
_TOKEN: Final = re.compile(
    r'(?P<minus>-?)(?:(?P<key>[A-Za-z_][\w-]*(?:\.[^\s:<>=,"]+)?)(?P<op>:|>=|<=|>|<))?(?P<rest>(?:"(?:[^"\\]|\\.)*"|[^\s"])*)'
)
_VALUE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s",]+)')
_PLAIN: Final = re.compile(r'[^\s",]+')
_PLAIN_WORD: Final = re.compile(r'[^\s":<>=-][^\s":<>=]*')
_ID: Final = re.compile(rf"[0-9a-f]{{{MIN_SHORT},32}}")
_BORN: Final = "01"
"""How each UUIDv7 of the years 2004 to 2039 begins; other digits are those of an id's end, as people see them."""


class Unreadable(Invalid):
    """A search that cannot be read; `position` counts the characters from 1, `suggestion` is what may have been meant."""

    code = "unreadable_filter"

    def __init__(self, what: str, position: int = 1, suggestion: str | None = None) -> None:
        said = f"at character {position}: {what}" + (f"; {suggestion}" if suggestion else "")
        super().__init__(said, fields={"q": said})
        self.position = position
        self.suggestion = suggestion


class Value(NamedTuple):
    """One value. In `input.path` the quotation marks tell "42" from 42; elsewhere they are there where they must be."""

    text: str
    quoted: bool = False

    def __str__(self) -> str:
        if not self.quoted:
            return self.text
        return '"' + self.text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. `key` "" is free text; `path` is set for `input.path` only; `position` does not count as a part."""

    key: str
    operator: str
    values: tuple[Value, ...]
    negated: bool
    position: int

    def __str__(self) -> str:
        said = self.key + self.operator + ",".join(map(str, self.values))
        return f"-{said}" if self.negated else said

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Term) and self._said == other._said

    def __hash__(self) -> int:
        return hash(self._said)

    @property
    def _said(self) -> tuple[object, ...]:
        return (self.key, self.operator, self.values, self.negated)


@dataclass(frozen=True, slots=True)
class Search:
    """Conditions that must all hold. As text it is the search again, in its plainest form."""

    terms: tuple[Term, ...] = ()

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))

    def filter(self, now: datetime) -> Filter:
        """The Filter that it means at a time. Raises Unreadable."""
        return reduce(lambda found, term: _added(found, term, now), self.terms, Filter())


def parse(text: str) -> Search:
    """Reads a search. Raises Unreadable, which says where and what may have been meant.

    >>> str(parse('state:Failed  kind:render -tag:"nightly" "timed out"'))
    'status:FAILED type:render -tag:nightly "timed out"'
    """
    if len(text) > LONGEST:
        raise Unreadable(f"a search may have {LONGEST} characters, this one has {len(text)}", LONGEST + 1)
    terms, at = [], 0
    while (at := _after_spaces(text, at)) < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.end() == at or text[found.end() : found.end() + 1] == '"':
            raise Unreadable("a quotation mark is not closed", (at if found is None else found.end()) + 1)
        terms.append(_term(found))
        at = found.end()
    search = Search(tuple(terms))
    search.filter(_ANY_TIME)  # what cannot be meant is told at once
    return search


_ANY_TIME: Final = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


def _after_spaces(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _term(found: re.Match[str]) -> Term:
    position, negated = found.start() + 1, bool(found["minus"])
    if found["key"] is None:
        if not found["rest"]:
            raise Unreadable("a minus stands alone", position, "write -tag:nightly, or quote it")
        return Term("", "", _values(found["rest"], found.start("rest"), one=True), negated, position)
    key, operator = _known(found["key"], found.start("key") + 1), found["op"]
    if operator != ":" and key not in _COMPARED:
        raise Unreadable(f"{key} cannot be compared", found.start("op") + 1, f"write {key}:value")
    if operator == ":" and key in ("duration", "age"):
        raise Unreadable(f"{key} needs > or <", found.start("op") + 1, f"write {key}>5m")
    values = _values(found["rest"], found.start("rest"), one=key == "")
    if not values or (operator != ":" and len(values) > 1):
        raise Unreadable(f"{key}{operator} needs {'a value' if not values else 'one value only'}", found.end() + 1)
    if key == "":
        operator = ""
    term = Term(
        key, operator, tuple(_plainest(key, value, found.start("rest") + 1) for value in values), negated, position
    )
    if negated and (operator not in ("", ":") or key in ("task", "project", "parent", "id", "attempts")):
        raise Unreadable(f"{key} cannot be negated", position, "turn the comparison round" if operator != ":" else None)
    return term


def _known(key: str, position: int) -> str:
    name, dot, path = key.partition(".")
    name = name.lower()
    name = _ALIASES.get(name, name)
    if name == "input" and path and all(path.split(".")):
        return f"input.{path}"
    if name == "input":
        raise Unreadable("input needs the path of a field", position, "write input.customer:42")
    if name in (*_KEYS, "") and not dot:
        return name
    near = get_close_matches(name, (*_KEYS, *_ALIASES), 1)
    raise Unreadable(
        f"there is no {key!r} to search by",
        position,
        f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(_KEYS))}; quote what is only text",
    )


def _values(text: str, start: int, *, one: bool) -> tuple[Value, ...]:
    """The values between commas; a word of free text keeps its commas."""
    if one and '"' not in text:
        return (Value(text),) if text else ()
    values: list[Value] = []
    at = 0
    while at < len(text):
        found = _VALUE.match(text, at)
        if found is None or (found.end() < len(text) and (one or text[found.end()] != ",")):
            raise Unreadable("here a value ends in the middle", start + at + 1, 'write "…" around all of it')
        quoted = found[1] is not None
        values.append(Value(re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL) if quoted else found[2], quoted))
        if found.end() == len(text) - 1:
            raise Unreadable("a value is missing after the comma", start + len(text))
        at = found.end() + 1
    return tuple(values)


def _plainest(key: str, value: Value, position: int) -> Value:
    """The same value, written in one way only."""
    if key.startswith("input."):
        return value
    if not value.text.strip():
        raise Unreadable("there is nothing in the quotation marks", position)
    text = value.text.upper() if key in ("status", "wait", "priority") else value.text
    return Value(text, quoted=(_PLAIN if key else _PLAIN_WORD).fullmatch(text) is None)


def _added(found: Filter, term: Term, now: datetime) -> Filter:
    try:
        return both(found, _meaning(term, now))
    except Unreadable:
        raise
    except Invalid as error:
        raise Unreadable(error.message, term.position) from None


def _meaning(term: Term, now: datetime) -> Filter:
    texts = tuple(value.text for value in term.values)
    no = "exclude_" if term.negated else ""
    match term.key:
        case "":
            said: dict[str, Any] = {f"{no}text": texts}
        case "type" | "queue" | "tag" | "stage" | "error":
            said = {no + _SEVERAL[term.key]: texts}
        case "status":
            said = {f"{no}statuses": _each(texts, JobStatus, "status of a job", JobStatus)}
        case "wait":
            said = {f"{no}wait_reason": _each(texts, WaitReason, "reason to wait", WaitReason)}
        case "task" | "project" | "parent":
            said = {f"{term.key}_id": _uuid(texts)}
        case "id":
            return _of_id(texts)
        case "priority":
            said = {"priority": _priorities(term, texts)}
        case "attempts":
            return _attempts(term.operator, texts)
        case "duration" | "age":
            return _lengths(term, duration.parse(texts[0]), now)
        case _:
            pieces = tuple(piece for value in term.values for piece in _pieces(term.key, value))
            said = {"exclude_input": pieces} if term.negated else {"input": (pieces,)}
    return Filter(**said)


def _each(texts: Iterable[str], read: Callable[[str], T], what: str, known: Iterable[str]) -> tuple[T, ...]:
    found: list[T] = []
    for text in texts:
        try:
            found.append(read(text))
        except ValueError:
            near = get_close_matches(text, list(known), 1)
            meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise Invalid(f"{text} is no {what}; {meant}") from None
    return tuple(dict.fromkeys(found))


def _uuid(texts: tuple[str, ...]) -> UUID:
    if len(texts) > 1:
        raise Invalid("only one id may be given here")
    try:
        return UUID(texts[0])
    except ValueError:
        raise Invalid(f"{texts[0][:40]!r} is not an id") from None


def _of_id(texts: tuple[str, ...]) -> Filter:
    if len(texts) > 1:
        return Filter(ids=tuple(dict.fromkeys(_whole_id(text) for text in texts)))
    digits = texts[0].replace("-", "").lower()
    if not _ID.fullmatch(digits):
        raise Invalid(f"id takes {MIN_SHORT} to 32 hex digits of one id, of its beginning or of its end")
    return Filter(id_prefix=digits) if digits.startswith(_BORN) else Filter(id_suffix=digits)


def _whole_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid(f"of several ids each must be whole, and {text[:40]!r} is not") from None


def _priorities(term: Term, texts: tuple[str, ...]) -> tuple[int, ...]:
    named = {**PRIORITIES, **{str(n): n for n in range(1, 11)}}
    given = _each(texts, lambda text: _looked_up(named, text), "priority", (*PRIORITIES, "1 to 10"))
    wanted = [n for n in range(1, 11) if any(_holds(n, term.operator, one) for one in given)]
    return tuple(n for n in range(1, 11) if (n in wanted) != term.negated)


def _looked_up(named: dict[str, int], text: str) -> int:
    if text not in named:
        raise ValueError(text)
    return named[text]


def _holds(n: int, operator: str, other: int) -> bool:
    return {":": n == other, ">": n > other, ">=": n >= other, "<": n < other, "<=": n <= other}[operator]


def _attempts(operator: str, texts: tuple[str, ...]) -> Filter:
    if len(texts) > 1 or not re.fullmatch("[0-9]{1,6}", texts[0]):
        raise Invalid("attempts takes one whole number")
    n = int(texts[0])
    least = {":": n, ">": n + 1, ">=": n}.get(operator)
    most = {":": n, "<": n - 1, "<=": n}.get(operator)
    return Filter(min_attempts=least, max_attempts=most)


def _lengths(term: Term, length: timedelta, now: datetime) -> Filter:
    above = term.operator.startswith(">")
    if term.key == "duration":
        seconds = length.total_seconds()
        return Filter(min_seconds=seconds) if above else Filter(max_seconds=seconds)
    try:
        then = now - length
    except OverflowError:
        raise Invalid(f"{term.values[0].text} ago is before all time") from None
    return Filter(created_before=then) if above else Filter(created_after=then)


def _pieces(key: str, value: Value) -> list[str]:
    """JSON that the input must contain: 42 may be the number or the text."""
    leaves: list[Any] = [value.text]
    if not value.quoted:
        try:
            typed = json.loads(value.text, parse_constant=_refused)
        except (ValueError, RecursionError):
            typed = value.text
        if not isinstance(typed, str | dict | list) and typed not in (math.inf, -math.inf):
            leaves.append(typed)
    return [json.dumps(_nested(key.split(".")[1:], leaf)) for leaf in leaves]


def _refused(text: str) -> NoReturn:
    raise ValueError(text)


def _nested(path: list[str], leaf: Any) -> Any:
    return reduce(lambda inner, name: {name: inner}, reversed(path), leaf)
