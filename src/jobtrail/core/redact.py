"""Secrets: a type that does not show its value, and the redactor that keeps values out of logs, events and errors.

Redaction happens before anything is stored. Registered values are found in every form we know, whole or split over
chunks; the patterns of well-known keys are a net for what nobody registered. How a reference is resolved lives elsewhere.
"""

from __future__ import annotations

import base64
import hmac
import html
import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Never, SupportsIndex
from urllib.parse import quote, quote_plus

from jobtrail.core.errors import Invalid

MASK = "•••"
MIN_LENGTH = 4

_MASK = MASK.encode()
_MIN_LINE = 8  # a shorter line of a secret of several lines is too common to be hidden by itself
_MIN_BASE64 = 8  # the same for base64
_LONGEST_PATTERN = 8 << 10
_LONGEST_LINE = 64 << 10  # a stream whose line grows longer is let go before the line ends
_LONGEST_BLOCK = 16 << 10

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEX_PAIR = re.compile(r"%[0-9A-F]{2}")
_BLOCK = re.compile(
    rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[^-]{0,16384}(-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----)?"
)


def _pattern(signs: str, pattern: str, instead: str = "") -> tuple[tuple[bytes, ...], re.Pattern[bytes], bytes]:
    return tuple(sign.encode() for sign in signs.split()), re.compile(pattern.encode()), (instead + MASK).encode()


# The signs, lower case, tell cheaply that a pattern cannot be there. Every repetition is bounded, so that a stream can
# be cut; none but the block of a private key goes beyond its line.
_PATTERNS = (
    ((b"private key-----",), _BLOCK, _MASK),
    _pattern("sk-", r"\bsk-[A-Za-z0-9_-]{16,512}"),
    _pattern("k_live_ k_test_", r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,256}"),
    _pattern(
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", r"\b(?:gh[pousr]_[A-Za-z0-9]{16,256}|github_pat_[A-Za-z0-9_]{16,256})"
    ),
    _pattern("akia asia", r"\bA[KS]IA[A-Z0-9]{16}\b"),
    _pattern("xox", r"\bxox[a-z]-[A-Za-z0-9-]{10,256}"),
    _pattern("eyj", r"\beyJ[A-Za-z0-9_-]{8,2048}\.[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{8,1024}"),
    _pattern("jt_", r"\b(jt_[A-Za-z0-9]{4,64}_)[A-Za-z0-9_-]{16,256}", r"\1"),
    _pattern(
        "authorization",
        r"""(?i)(authorization\\?["']?[ \t]*[:=][ \t]*\\?["']?(?:[a-z]{1,20}[ \t]+)?)[^\s"'\\,]{4,4096}""",
        r"\1",
    ),
    _pattern(
        "bearer",  # long, or with a digit: prose has "bearer authentication"
        r"(?i)\b(bearer[ \t]+)(?:(?=[A-Za-z._~+/=-]{0,512}[0-9])[A-Za-z0-9._~+/=-]{8,4096}|[A-Za-z0-9._~+/=-]{20,4096})",
        r"\1",
    ),
    _pattern("://", r"(?<=://)([^\s:/@\"']{0,256}):[^\s@/]{1,1024}(?=@)", r"\1:"),
    _pattern(
        "passw passphrase pwd secret key token",
        r"""(?i)((?:passw(?:or)?d|passphrase|pwd|secret|(?:api|access|secret|private)[_-]?key|(?:access|auth|api)token|[_-]token)"""
        r"""\\?["']?[ \t]*[=:][ \t]*)(?:(\\?["'])(?:(?!\2)[^\r\n]){1,4096}|[^\s"'&;,]{1,4096})""",
        r"\1\2",
    ),
)


class Secret:
    """A value that no repr, text, log line or pickle shows.

    >>> key = Secret("hunter2-hunter2")
    >>> f"{key} {key!r}"
    '••• Secret(•••)'
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            raise Invalid(f"a secret must be text, not {type(value).__name__}")
        self._value = value

    def reveal(self) -> str:
        """The value itself; call this where it is used, and keep the result nowhere."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        mine, theirs = (each.reveal().encode("utf-8", "surrogatepass") for each in (self, other))
        return hmac.compare_digest(mine, theirs)

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> Never:
        raise TypeError("a Secret cannot be pickled or sent to another process; pass a reference such as $env:NAME")


def parse_reference(value: object) -> str | None:
    """The name of the environment variable that "$env:NAME" or {"env": "NAME"} refers to; None if it is no reference."""
    if isinstance(value, str) and value.startswith("$env:"):
        name: object = value.removeprefix("$env:")
    elif isinstance(value, Mapping) and len(value) == 1 and isinstance(value.get("env"), str):
        name = value["env"]
    else:
        return None
    if not _NAME.fullmatch(str(name)):
        raise Invalid(f"{str(name)[:60]!r} is not the name of an environment variable; write for example $env:API_KEY")
    return str(name)


class Redactor:
    """Replaces secrets by •••. `text` is for whole texts; `feed` and `flush` are for one stream of bytes.

    >>> Redactor(["hunter2-hunter2"]).text("the password is hunter2-hunter2")
    'the password is •••'
    """

    def __init__(self, values: Iterable[str]) -> None:
        forms = sorted({form.encode("utf-8", "surrogatepass") for value in values for form in _forms(value)})
        self._forms = forms
        self._longest = max(map(len, forms), default=1)
        self._lines = any(b"\n" in form or b"\r" in form for form in forms)
        self._known = re.compile(_any_of(forms) or b"(?!)")  # the latter is nowhere
        self._held = b""

    def text(self, text: str) -> str:
        """The same text, and the same object, if nothing had to be hidden."""
        raw = text.encode("utf-8", "surrogatepass")
        clean = _without_patterns(self._known.sub(_MASK, raw) if self._forms else raw)
        return text if clean == raw else clean.decode("utf-8", "surrogatepass")

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes of a stream and give back what is certain; the rest, mostly an open last line, is held."""
        buffer = self._held + chunk
        end = _end_of_lines(buffer, self._longest)
        spans = [found.span() for found in self._known.finditer(buffer)] if end and self._forms else []
        end = self._before_any(spans, end, buffer)
        self._held = buffer[end:]
        return _without_patterns(_masked(buffer[:end], spans))

    def flush(self) -> bytes:
        """Give back what is held: at the end of the stream, or when a prompt has to be seen."""
        held, self._held = self._held, b""
        return _without_patterns(self._known.sub(_MASK, held))

    def _before_any(self, spans: list[tuple[int, int]], end: int, buffer: bytes) -> int:
        """The same or an earlier end, so that no registered value lies across it or may turn out to."""
        end = next((start for start, stop in spans if start < end < stop), end)
        # Only a value of several lines can begin before the end of a line and go on behind all that is here.
        for start in range(max(0, len(buffer) - self._longest + 1), end if self._lines else 0):
            inside = any(first < start < stop for first, stop in spans)
            if not inside and self._may_go_on(buffer[start:]):
                return start
        return end

    def _may_go_on(self, tail: bytes) -> bool:
        at = bisect_left(self._forms, tail)
        return any(len(form) > len(tail) and form.startswith(tail) for form in self._forms[at : at + 2])


def _end_of_lines(buffer: bytes, longest: int) -> int:
    """How much of the buffer no pattern can go beyond: whole lines, but not the beginning of a private key."""
    end = max(buffer.rfind(b"\n"), buffer.rfind(b"\r")) + 1
    if len(buffer) - end > _LONGEST_LINE:
        end = len(buffer) - max(_LONGEST_PATTERN, longest)
        found = (each for _, pattern, _ in _PATTERNS for each in pattern.finditer(buffer))
        end = min((each.start() for each in found if each.start() < end < each.end()), default=end)
    if end and b"PRIVATE KEY-----" in buffer:
        for block in _BLOCK.finditer(buffer):
            goes_on = end < block.end() or (end == block.end() and not block[1])
            if block.start() < end and goes_on and len(buffer) - block.start() < _LONGEST_BLOCK:
                return block.start()
    return end


def _masked(raw: bytes, spans: list[tuple[int, int]]) -> bytes:
    pieces, done = [], 0
    for start, stop in spans:
        if stop <= len(raw):
            pieces += [raw[done:start], _MASK]
            done = stop
    return b"".join([*pieces, raw[done:]]) if pieces else raw


def _without_patterns(raw: bytes) -> bytes:
    low = raw.lower()
    for signs, pattern, instead in _PATTERNS:
        for sign in signs:
            if sign in low:
                raw = pattern.sub(instead, raw)
                break
    return raw


def _forms(value: str) -> Iterator[str]:
    """The value in every form in which programs print it."""
    if len(value) < MIN_LENGTH:
        raise Invalid(f"a secret must have at least {MIN_LENGTH} characters: shorter ones are found in every text")
    yield value
    for line in value.splitlines():  # logs are kept line by line
        if line != value and len(line.strip()) >= _MIN_LINE:
            yield from _forms(line.strip())
    raw = value.encode("utf-8", "surrogatepass")
    for safe in ("", "/", "!~*'()", "!~*'();,/?:@&=+$#"):  # the last two as browsers do
        yield quote(raw, safe=safe)
        yield _HEX_PAIR.sub(lambda pair: pair[0].lower(), quote(raw, safe=safe))
    yield quote_plus(raw)
    for escaped in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield escaped
        yield escaped.replace("/", "\\/")
        yield escaped.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")  # as Go does
        yield json.dumps(escaped)[1:-1]  # JSON inside JSON
    yield repr(value)[1:-1]
    yield html.escape(value)
    yield html.escape(value, quote=False)
    yield raw.hex()
    yield raw.hex().upper()
    yield from _in_base64(raw)


def _in_base64(raw: bytes) -> Iterator[str]:
    """The characters that do not change with what stands before and behind, for each of the three alignments."""
    whole = base64.b64encode(raw).decode()
    found = [whole, whole.rstrip("=")]
    for before in range(3):
        coded = base64.b64encode(bytes(before) + raw).decode()
        over = (before + len(raw)) % 3
        found.append(coded[(0, 2, 3)[before] : len(coded) - (0, 3, 2)[over]])
    for text in found:
        if len(text) >= _MIN_BASE64:
            yield text
            yield text.replace("+", "-").replace("/", "_")


def _any_of(words: list[bytes]) -> bytes:
    """A pattern for the longest of the words, which are sorted; what they begin with in common is tried once."""
    found = []
    for _, group in groupby(words, lambda word: word[0]):
        alike = list(group)
        size = next((i for i, (a, b) in enumerate(zip(alike[0], alike[-1], strict=False)) if a != b), len(alike[0]))
        rests = [word[size:] for word in alike if len(word) > size]
        rest = b"(?:%s)%s" % (_any_of(rests), b"?" if len(rests) < len(alike) else b"") if rests else b""
        found.append(re.escape(alike[0][:size]) + rest)
    return b"|".join(found)
