"""What pipelines written as data may compute: "{input.repo}" in texts, and `if` conditions. Lookups only, no code.

Both are read once, at the door, where their mistakes belong, and used at run time with values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, assert_never

import msgspec

from jobtrail.core.errors import Invalid

MAX_CONDITION = 1_000
MAX_NESTING = 32

Path = tuple[str, ...]
Values = Mapping[str, object]
SoFar = Literal["SUCCESS", "FAILURE", "CANCELLED"]

_STEP = r"""\.[A-Za-z0-9_][A-Za-z0-9_-]*|\[(?:'[^'\[\]{}]*'|"[^"\[\]{}]*")\]"""
_PATH = rf"[A-Za-z_][A-Za-z0-9_-]*(?:{_STEP})*"
_WHOLE_PATH = re.compile(_PATH)
_PARTS = re.compile(rf"^[A-Za-z0-9_-]+|{_STEP}")
_HOLES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_TOKEN = re.compile(rf"""==|!=|[()]|'[^']*'|"[^"]*"|-?[0-9]+(?:\.[0-9]+)?(?![\w.])|{_PATH}""")
_CALLS = ("always", "success", "failure", "cancelled")
_CONSTANTS: Values = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Template:
    """A text with holes: pieces of text, and paths to what stands in their place."""

    pieces: tuple[str | Path, ...]

    @property
    def paths(self) -> frozenset[Path]:
        """What the text asks for."""
        return frozenset(piece for piece in self.pieces if not isinstance(piece, str))


def parse_template(text: str) -> Template:
    """Read a text with holes; "{{" and "}}" stand for single braces."""
    pieces: list[str | Path] = []
    done = 0
    for hole in _HOLES.finditer(text):
        pieces.append(text[done : hole.start()])
        done = hole.end()
        if hole[0] in ("{{", "}}"):
            pieces.append(hole[0][0])
        elif hole[1] is not None and _WHOLE_PATH.fullmatch(hole[1]):
            pieces.append(_path(hole[1]))
        else:
            raise Invalid(
                f"{hole[0]!r} at character {hole.start() + 1} of {text[:80]!r} is not a path such as {{input.repo}};"
                " write {{ or }} for a brace itself"
            )
    pieces.append(text[done:])
    return Template(tuple(piece for piece in pieces if piece))


def render(text: str | Template, values: Values) -> str:
    """Fill the holes. Texts go in as they are, all else as JSON. What is not there is an error, never an empty text.

    >>> render("clone {input.repo} #{attempt.number}", {"input": {"repo": "r.git"}, "attempt": {"number": 2}})
    'clone r.git #2'
    """
    template = text if isinstance(text, Template) else parse_template(text)
    return "".join(
        piece if isinstance(piece, str) else _shown(_required(piece, values), piece) for piece in template.pieces
    )


def fill(value: object, values: Values) -> object:
    """Render every text in lists and objects, for example all of `run` or `env`; keys are left alone."""
    if isinstance(value, str):
        return render(value, values)
    if isinstance(value, Mapping):
        return {key: fill(child, values) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [fill(child, values) for child in value]
    return value


def _path(text: str) -> Path:
    return tuple(part.strip(".") if part[0] != "[" else part[2:-2] for part in _PARTS.findall(text))


def _required(path: Path, values: Values) -> object:
    here: object = values
    for depth, name in enumerate(path):
        found, here_next = _child(here, name)
        if not found:
            above = ".".join(path[:depth]) or "the values"
            names = sorted(map(str, here)) if isinstance(here, Mapping) else _numbers(here)
            close = get_close_matches(name, names, n=1)
            raise Invalid(
                f"{{{'.'.join(path)}}}: there is no {name!r} in {above}"
                + (f"; did you mean {close[0]!r}?" if close else "")
                + (f"; there is: {', '.join(names[:20])}" if names else f"; {above} has no parts"),
                fields={".".join(path): "there is no such value"},
            )
        here = here_next
    return here


def _child(value: object, name: str) -> tuple[bool, object]:
    """Only keys of mappings and numbered rows of lists: attributes are out of reach on purpose."""
    if isinstance(value, Mapping):
        return name in value, value.get(name)
    if isinstance(value, (list, tuple)) and re.fullmatch(r"[0-9]{1,6}", name) and int(name) < len(value):
        return True, value[int(name)]
    return False, None


def _numbers(value: object) -> list[str]:
    return [str(number) for number in range(len(value))] if isinstance(value, (list, tuple)) else []


def _shown(value: object, path: Path) -> str:
    try:
        plain = msgspec.to_builtins(value)
        return plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()
    except (TypeError, ValueError, RecursionError):
        raise Invalid(f"{{{'.'.join(path)}}}: a {type(value).__name__} cannot be written into a text") from None


@dataclass(frozen=True, slots=True)
class Call:
    """`always()` and its like: a question about how the job has gone so far."""

    name: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """A path; null if it is not there."""

    path: Path


@dataclass(frozen=True, slots=True)
class Constant:
    """A text, a number, true, false or null."""

    value: object


@dataclass(frozen=True, slots=True)
class Same:
    """`left == right`; a text is never equal to a number, nor a number to true or false."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Not:
    """`not part`, and the outside of `!=`."""

    part: Node


@dataclass(frozen=True, slots=True)
class Both:
    """`and`."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """`or`."""

    parts: tuple[Node, ...]


Node = Call | Lookup | Constant | Same | Not | Both | Either


@dataclass(frozen=True, slots=True)
class Condition:
    """An `if` that was read. One that `asks_outcome` decides itself whether to run after a failure; for the others the
    runner does.
    """

    text: str
    root: Node
    paths: frozenset[Path]
    asks_outcome: bool


def parse_condition(text: str) -> Condition:
    """Read a condition, or say where it cannot be read.

    >>> parse_condition("failure() or input.mode == 'full'").asks_outcome
    True
    """
    reader = _Reader(text)
    root = reader.either(0)
    if reader.ahead:
        raise reader.wrong("there should be nothing more, or `and`, `or`, `==`, `!=`")
    nodes = list(_nodes(root))
    paths = frozenset(node.path for node in nodes if isinstance(node, Lookup))
    return Condition(text, root, paths, any(isinstance(node, Call) for node in nodes))


def evaluate(condition: Condition, values: Values, *, so_far: SoFar = "SUCCESS") -> bool:
    """Decide. A part that is not there is null, as a step that was skipped has no status; a first word that is not in
    `values` is a mistake.

    >>> evaluate(parse_condition("input.mode != 'full'"), {"input": {"mode": "fast"}})
    True
    """
    for path in condition.paths:
        if path[0] not in values:
            _required(path[:1], values)
    return bool(_decided(condition.root, values, so_far))


def _decided(node: Node, values: Values, so_far: SoFar) -> object:
    match node:
        case Call("always"):
            return True
        case Call(name):
            return so_far == {"success": "SUCCESS", "failure": "FAILURE", "cancelled": "CANCELLED"}[name]
        case Lookup(path):
            return _looked_up(path, values)
        case Constant(value):
            return value
        case Same(left, right):
            one, other = _decided(left, values, so_far), _decided(right, values, so_far)
            return one == other and isinstance(one, bool) == isinstance(other, bool)
        case Not(part):
            return not _decided(part, values, so_far)
        case Both(parts):
            return all(_decided(part, values, so_far) for part in parts)
        case Either(parts):
            return any(_decided(part, values, so_far) for part in parts)
        case _:
            assert_never(node)


def _looked_up(path: Path, values: Values) -> object:
    here: object = values
    for name in path:
        _, here = _child(here, name)
    return here


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    below: Sequence[Node] = ()
    match node:
        case Same(left, right):
            below = (left, right)
        case Not(part):
            below = (part,)
        case Both(parts) | Either(parts):
            below = parts
    for each in below:
        yield from _nodes(each)


class _Reader:
    """Reads one condition from left to right. `ahead` is the next token, empty at the end."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_CONDITION:
            raise Invalid(f"a condition may have {MAX_CONDITION} characters, not {len(text)}")
        self._text = text
        self._end = 0
        self.ahead = ""
        self._next()

    def either(self, depth: int) -> Node:
        parts = [self._both(depth)]
        while self._took("or"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def wrong(self, expected: str) -> Invalid:
        at = self._end - len(self.ahead)
        found = repr(self.ahead or self._text[at : at + 10]) if at < len(self._text) else "the end"
        return Invalid(f"the condition {self._text!r} cannot be read at character {at + 1}, {found}: {expected}")

    def _both(self, depth: int) -> Node:
        parts = [self._negated(depth)]
        while self._took("and"):
            parts.append(self._negated(depth))
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _negated(self, depth: int) -> Node:
        if depth > MAX_NESTING:
            raise self.wrong(f"it is nested more than {MAX_NESTING} deep")
        if self._took("not"):
            return Not(self._negated(depth + 1))
        left = self._operand(depth)
        if self._took("=="):
            return Same(left, self._operand(depth))
        if self._took("!="):
            return Not(Same(left, self._operand(depth)))
        return left

    def _operand(self, depth: int) -> Node:
        token = self.ahead
        if token in ("", ")", "==", "!=", "and", "or", "not"):
            raise self.wrong("there should be a path, a text in quotes, a number or a call such as failure()")
        self._next()
        if token == "(":
            inside = self.either(depth + 1)
            self._expect(")")
            return inside
        if token[0] in "'\"":
            return Constant(token[1:-1])
        if token[0] in "-0123456789":
            return Constant(float(token) if "." in token else int(token))
        if token in _CONSTANTS:
            return Constant(_CONSTANTS[token])
        if self._took("("):
            self._expect(")")
            if token not in _CALLS:
                raise self.wrong(f"there is no {token}(), only {', '.join(each + '()' for each in _CALLS)}")
            return Call(token)
        return Lookup(_path(token))

    def _expect(self, token: str) -> None:
        if not self._took(token):
            raise self.wrong(f"there should be {token!r}")

    def _took(self, token: str) -> bool:
        if self.ahead != token:
            return False
        self._next()
        return True

    def _next(self) -> None:
        start = self._end + len(self._text[self._end :]) - len(self._text[self._end :].lstrip())
        found = _TOKEN.match(self._text, start)
        self.ahead = found[0] if found else ""
        self._end = start + len(self.ahead)
        if not found and start < len(self._text):
            raise self.wrong("this is no part of a condition, which has paths, texts in quotes, == != and or not ( )")
