"""The door: which JSON, text and names may enter, and how what a job printed or returned is cleaned. No I/O here.

Input is refused with the path of what is wrong. Output is never refused: its poison is replaced, and the caller is told.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, NoReturn
from uuid import UUID

import msgspec

from jobtrail.core.errors import Invalid, TooLarge

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_KEYS = 10_000
MAX_DIGITS = 40
MIN_EXPONENT, MAX_EXPONENT = -324, 308  # of the smallest and the largest number that Python writes
MAX_NAME_BYTES = 255

_MAX_PROBLEMS = 20
_MAX_REPR_BYTES = 2_000
_BIG = 10**MAX_DIGITS
_HUGE = sys.float_info.max
_NUL = b"\\u0000"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

# Exact types only: a subclass may do anything, so it takes the careful way.
_WORDS = frozenset({date, datetime, time, timedelta, Decimal, UUID, bytes, bytearray, memoryview})
_LEAVES = _WORDS | {str, bool, type(None), msgspec.UnsetType}
_ROWS = frozenset({list, tuple, set, frozenset})

_LONG_EXPONENT = re.compile(rb"[0-9][eE][-+]?[0-9]{3}")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
# Controls, line and paragraph separators, and the signs that turn the direction of writing, with which names can lie.
_NOT_IN_NAMES = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def encode(value: object, *, max_bytes: int = MAX_BYTES, at: str = "$") -> bytes:
    """Write a Python value as JSON, or refuse it. `at` names the value in the error's `fields` ("input" → "input.tags[2]").

    >>> encode({"customer": "c42", "n": 5})
    b'{"customer":"c42","n":5}'
    """
    try:
        keys = _plain_keys(value, MAX_DEPTH)
        raw = _encode(value)
        careful = keys > MAX_KEYS or _NUL in raw
    except Exception:  # noqa: BLE001  a stranger's object may raise anything; the careful way names the place
        careful = True
    if careful:
        raw = _encode_carefully(value, at)
    return raw if len(raw) <= max_bytes else _within(raw, max_bytes, at)


def decode(raw: bytes | str, *, max_bytes: int = MAX_BYTES, at: str = "$") -> Any:
    """Read JSON text that a stranger wrote, or refuse it.

    >>> decode('{"a": 1, "a": 2}')
    Traceback (most recent call last):
    jobtrail.core.errors.Invalid: $ is not acceptable JSON: $.a: the key appears more than once
    """
    data = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else bytes(raw)
    _within(data, max_bytes, at)
    try:
        value = _decode(data)
        keys = _plain_keys(value, MAX_DEPTH)
        careful = keys > MAX_KEYS or _NUL in data or _LONG_EXPONENT.search(data) is not None
        # Each key in the text has its colon: as many colons as keys prove that parsing dropped no repeated key.
        careful = careful or (data.count(b":") != keys and _load(data.decode()) != value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, _Odd):
        careful = True
    return _decode_carefully(data, at) if careful else value


def clean_text(text: str | bytes, *, max_bytes: int | None = None) -> str:
    """Make any text storable: what is not text becomes U+FFFD; beyond `max_bytes` (mark included) it is cut. Never raises.

    >>> clean_text(b"ok\\x00\\xff")
    'ok\ufffd\ufffd'
    """
    clean = text if isinstance(text, str) else bytes(text).decode("utf-8", "replace")
    try:
        clean.encode()
    except UnicodeEncodeError:  # two halves of a surrogate pair are put together, lone ones replaced
        clean = clean.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    clean = clean.replace("\x00", "\ufffd")
    if max_bytes is not None and len(clean) * 4 > max_bytes:
        return _cut(clean, max(max_bytes, 0))
    return clean


def clean_value(value: object) -> tuple[bytes, bool]:
    """Write what a job returned as JSON, replacing what cannot be stored; the flag says that something was. Never raises.

    >>> clean_value({"score": float("nan")})
    (b'{"score":null}', True)
    """
    try:
        keys = _plain_keys(value, MAX_DEPTH)
        raw = _encode(value)
        if keys <= MAX_KEYS and _NUL not in raw:
            return raw, False
    except Exception:  # noqa: BLE001, S110  whatever is wrong with it, a result is no reason to fail a job
        pass
    try:
        walk = _Walk()
        return _encode(_settled(value, "$", 1, walk)), bool(walk.problems)
    except Exception:  # noqa: BLE001  the same, when the value's own code raises
        return _encode(_described(value)), True


def check_name(name: str, what: str) -> str:
    """Return the name if it can be stored, shown and indexed; `what` says whose name it is in the error."""
    if not isinstance(name, str):
        wrong = f"must be text, not {type(name).__name__}"
    elif not name.strip():
        wrong = "must not be blank"
    elif bad := _NOT_IN_NAMES.search(name):
        wrong = f"must not contain control characters (U+{ord(bad[0]):04X} at character {bad.start() + 1})"
    elif (size := len(name.encode())) > MAX_NAME_BYTES:
        wrong = f"must be at most {MAX_NAME_BYTES} bytes of UTF-8, not {size}"
    else:
        return name
    raise Invalid(f"{what} {wrong}", fields={what: wrong})


class _Odd(Exception):
    """Something here needs the careful way."""


def _plain_keys(value: Any, room: int) -> int:
    """The fast way: count the keys of a value made of harmless parts only; raise `_Odd` at the first other part."""
    kind = type(value)
    keys = 0
    children: Iterable[Any]
    if kind is dict:
        for key in value:
            if type(key) is not str:
                raise _Odd
        keys = len(value)
        children = value.values()
    elif kind in _ROWS:
        children = value
    elif hasattr(kind, "__struct_fields__"):
        children = [getattr(value, name) for name in kind.__struct_fields__]
    elif hasattr(kind, "__dataclass_fields__"):
        children = [getattr(value, name) for name in kind.__dataclass_fields__]
    else:
        children, room = (value,), room + 1
        if kind not in _LEAVES and kind is not int and kind is not float:
            raise _Odd
    if room <= 0:
        raise _Odd
    for child in children:
        kind = type(child)
        if kind in _LEAVES:
            continue
        if kind is int:
            if not -_BIG < child < _BIG:
                raise _Odd
        elif kind is float:
            if not -_HUGE <= child <= _HUGE:  # false for NaN, too
                raise _Odd
        else:
            keys += _plain_keys(child, room - 1)
    return keys


@dataclass(slots=True)
class _Walk:
    """The careful way finds every problem, its path, and what to put in its place. This is what it has seen so far."""

    problems: dict[str, str] = field(default_factory=dict)
    too_large: bool = False
    keys: int = 0
    above: set[int] = field(default_factory=set)  # what we are inside of, to find what holds itself

    def note(self, at: str, what: str, *, too_large: bool = False) -> None:
        self.too_large = self.too_large or too_large
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.setdefault(at, what)


@dataclass(slots=True, frozen=True)
class _Refused:
    """What stands in JSON text where no value of it can be accepted."""

    what: str


def _encode_carefully(value: object, at: str) -> bytes:
    walk = _Walk()
    try:
        plain = _settled(value, at, 1, walk)
    except (Invalid, TooLarge):
        raise
    except Exception as error:  # the value's own code; the cause is kept
        wrong = f"cannot be read: {type(error).__name__}"
        raise Invalid(f"{at} {wrong}", fields={at: wrong}) from error
    if walk.problems:
        _refuse(walk, at)
    try:
        return _encode(value)
    except Exception:  # noqa: BLE001  msgspec cannot read the value, but its parts are fine
        return _encode(plain)


def _decode_carefully(data: bytes, at: str) -> object:
    walk = _Walk()
    try:
        text = data.decode()
        plain = _settled(_load(text), at, 1, walk)
    except json.JSONDecodeError as error:
        where = f"byte {len(text[: error.pos].encode())}, line {error.lineno}, column {error.colno}"
        raise Invalid(f"{at} is not JSON: {error.msg} ({where})", fields={at: f"{error.msg} ({where})"}) from None
    except UnicodeDecodeError as error:
        wrong = f"is not UTF-8 at byte {error.start}"
        raise Invalid(f"{at} {wrong}", fields={at: wrong}) from None
    except RecursionError:
        walk.note(at, f"is deeper than {MAX_DEPTH} levels", too_large=True)
    if walk.problems:
        _refuse(walk, at)
    return plain


def _refuse(walk: _Walk, at: str) -> NoReturn:
    path, what = next(iter(walk.problems.items()))
    error = TooLarge if walk.too_large else Invalid
    raise error(f"{at} is not acceptable JSON: {path}: {what}", fields=walk.problems)


def _settled(value: Any, at: str, depth: int, walk: _Walk) -> object:
    """The value as plain JSON parts, poison replaced; every replacement is noted with its path."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, Enum):
        return _settled(value.value, at, depth, walk)
    if isinstance(value, str):
        if (clean := clean_text(value)) != value:
            walk.note(at, "the text holds a NUL or a lone surrogate")
        return clean
    if isinstance(value, int):
        if -_BIG < value < _BIG:
            return int(value)
        walk.note(at, f"the integer has more than {MAX_DIGITS} digits; write it as text")
        return str(int(value)) if value.bit_length() < 4_000 else f"[an integer of {value.bit_length()} bits]"
    if isinstance(value, float):
        if -_HUGE <= value <= _HUGE:
            return float(value)
        walk.note(at, f"{float(value)} is not a JSON number; leave it out, or write null or text")
        return None
    if type(value) in _WORDS:
        return msgspec.to_builtins(value)
    if isinstance(value, (date, time)):  # a subclass, which msgspec does not know
        return value.isoformat()
    if isinstance(value, (Decimal, UUID, PurePath)):
        return clean_text(str(value))
    if isinstance(value, _Refused):
        walk.note(at, value.what)
        return None
    if hasattr(type(value), "model_dump"):  # pydantic's, without importing it
        return _settled(value.model_dump(mode="json"), at, depth, walk)
    if isinstance(value, msgspec.Raw):
        return _settled(decode(bytes(value), at=at), at, depth, walk)
    return _settled_inside(value, at, depth, walk)


def _settled_inside(value: Any, at: str, depth: int, walk: _Walk) -> object:
    """The same for what has parts."""
    if id(value) in walk.above:
        walk.note(at, "contains itself")
        return "…"
    if depth > MAX_DEPTH:
        walk.note(at, f"is deeper than {MAX_DEPTH} levels", too_large=True)
        return "…"
    walk.above.add(id(value))
    try:
        parts = _parts(value)
        if isinstance(parts, Mapping):
            return _settled_object(parts, at, depth, walk)
        if parts is not None:
            return [_settled(child, f"{at}[{i}]", depth + 1, walk) for i, child in enumerate(parts)]
    finally:
        walk.above.discard(id(value))
    walk.note(at, f"a {type(value).__qualname__} cannot be written as JSON")
    return _described(value)


def _parts(value: Any) -> Mapping[Any, Any] | Collection[Any] | None:
    """The fields or rows of a value, under the names that JSON gives them; None if it has none that we know."""
    if isinstance(value, (Mapping, list, tuple, set, frozenset, deque)):
        return value
    found: dict[str | None, Any] = {}
    if isinstance(value, msgspec.Struct):
        config, rows = value.__struct_config__, msgspec.structs.astuple(value)
        if config.array_like:
            return rows
        found = {config.tag_field: config.tag} if config.tag_field else {}
        found |= zip(value.__struct_encode_fields__, rows, strict=True)
    elif hasattr(type(value), "__dataclass_fields__"):
        found = {each.name: getattr(value, each.name) for each in fields(value)}
    else:
        return None
    return {name: child for name, child in found.items() if child is not msgspec.UNSET}


def _settled_object(parts: Mapping[Any, Any], at: str, depth: int, walk: _Walk) -> dict[str, object]:
    out: dict[str, object] = {}
    for done, (key, child) in enumerate(parts.items()):
        walk.keys += 1
        if walk.keys > MAX_KEYS:
            walk.note(at, f"there are more than {MAX_KEYS} keys in all", too_large=True)
            out["…"] = f"[cut {len(parts) - done} keys]"
            break
        name = clean_text(key if isinstance(key, str) else str(key))
        if not isinstance(key, str):
            walk.note(_below(at, name), f"the key must be text, not {type(key).__name__}")
        elif name != key:
            walk.note(_below(at, name), "the key holds a NUL or a lone surrogate")
        while name in out:  # two keys that became the same: keep both
            name = f"{name}~{walk.keys}"
        out[name] = _settled(child, _below(at, name), depth + 1, walk)
    return out


def _described(value: object) -> str:
    try:
        return clean_text(repr(value), max_bytes=_MAX_REPR_BYTES)
    except Exception:  # noqa: BLE001  a repr may raise anything
        return f"<{type(value).__qualname__} without a repr>"


def _below(at: str, key: str) -> str:
    if _PLAIN_KEY.fullmatch(key):
        return f"{at}.{key}"
    return f"{at}[{json.dumps(key if len(key) <= 64 else key[:64] + '…')}]"


def _object(pairs: list[tuple[str, object]]) -> object:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    name, _ = Counter(name for name, _ in pairs).most_common(1)[0]
    return found | {name: _Refused("the key appears more than once")}


def _integer(text: str) -> object:
    digits = len(text.lstrip("-"))
    if digits > MAX_DIGITS:
        return _Refused(f"the integer has {digits} digits, more than {MAX_DIGITS}; write it as text")
    return int(text)


def _number(text: str) -> object:
    exponent = text.lower().partition("e")[2]
    digits = exponent.lstrip("+-").lstrip("0") or "0"
    most = -MIN_EXPONENT if exponent.startswith("-") else MAX_EXPONENT
    number = float(text)
    if len(digits) > 3 or int(digits) > most or not -_HUGE <= number <= _HUGE:
        return _Refused(f"the number is outside of 1e{MIN_EXPONENT} to 1e{MAX_EXPONENT}; write it as text")
    return number


def _constant(text: str) -> object:
    return _Refused(f"{text} is not a JSON number")


_load = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_constant
).decode


def _within(raw: bytes, max_bytes: int, at: str) -> bytes:
    if len(raw) > max_bytes:
        wrong = f"is {len(raw)} bytes of JSON, more than {max_bytes}"
        raise TooLarge(f"{at} {wrong}; upload it as an asset and pass its id", fields={at: wrong})
    return raw


def _cut(text: str, max_bytes: int) -> str:
    raw = text.encode()
    if len(raw) <= max_bytes:
        return text
    room = max_bytes - len(f"…[cut {len(raw)} bytes]".encode())
    kept = raw[: room if room >= 0 else max_bytes].decode("utf-8", "ignore")
    return f"{kept}…[cut {len(raw) - len(kept.encode())} bytes]" if room >= 0 else kept
