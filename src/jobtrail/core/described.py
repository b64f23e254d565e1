"""What is said of a type of job: a sentence, the schema of its input, whether it has a check. Nothing is loaded or read here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jobtrail.core import jsonguard
from jobtrail.core.errors import JobtrailError

MOST_BYTES: Final = 256 << 10
"""So much may one worker say of all its types together, as JSON."""
DESCRIPTION_BYTES: Final = 1_024
RESERVED: Final = "jobtrail."
"""Types that begin so are the system's own, and nobody enqueues them by hand."""

BUILT_IN: Final = "built-in"
PACKAGE: Final = "package"
APP: Final = "app"
WORKERS: Final = "workers"


@dataclass(frozen=True, slots=True)
class Described:
    """What a runner says of its type. `input_schema` is a JSON schema; None: it does not say."""

    description: str | None = None
    input_schema: Any = None
    has_check: bool = False


@dataclass(frozen=True, slots=True)
class KnownType:
    """A type of job that is known. `source` is one of built-in, package, app, workers; `origin` names the package with its
    version, or the app. `workers`: how many live ones run it now. `has_check` None: nobody says. `error`: why it cannot
    run where it was looked for."""

    type: str
    source: str
    origin: str | None
    description: str | None
    has_check: bool | None
    workers: int
    error: str | None
    input_schema: Any = None


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a worker says of its types as JSON, None if nothing; and of which types something was left out for its size."""

    text: str | None
    cut: tuple[str, ...] = ()


def fitted(described: Mapping[str, Described], most: int = MOST_BYTES) -> Fitted:
    """As JSON of at most `most` bytes: the largest schemas go first, and what they cannot make room for goes whole.

    A schema that cannot be stored as it is counts as none: it is no reason to keep a worker from working.
    """
    parts = {type: _parts(type, said) for type, said in described.items()}
    cut = [type for type, said in described.items() if said.input_schema is not None and parts[type][1] == b"null"]
    sizes = {type: len(head) + len(schema) + 32 for type, (head, schema) in parts.items()}
    for type in sorted(sizes, key=lambda each: (-len(parts[each][1]), each)):
        if sum(sizes.values()) <= most:
            break
        if parts[type][1] != b"null":
            sizes[type] -= len(parts[type][1])
            parts[type] = (parts[type][0], b"null")
            cut.append(type)
    for type in sorted(sizes, key=lambda each: (-sizes[each], each)):
        if sum(sizes.values()) <= most:
            break
        del sizes[type], parts[type]
        cut.append(type)
    whole = b",".join(head + b',"input_schema":' + schema + b"}" for head, schema in parts.values())
    return Fitted(f"{{{whole.decode()}}}" if parts else None, tuple(dict.fromkeys(cut)))


def one_line(text: str | None) -> str | None:
    """The first paragraph of a text as one line that can be stored; None for nothing.

    >>> one_line("Renders a film.\\n\\n  More of it.")
    'Renders a film.'
    """
    first = (text or "").strip().split("\n\n")[0]
    return jsonguard.clean_text(" ".join(first.split()), max_bytes=DESCRIPTION_BYTES) or None


def _parts(type: str, said: Described) -> tuple[bytes, bytes]:
    """The JSON of a type up to its schema, and its schema."""
    about = jsonguard.encode({"description": one_line(said.description), "has_check": said.has_check})
    head = jsonguard.encode(type) + b":" + about[:-1]
    try:
        return head, jsonguard.encode(said.input_schema)
    except JobtrailError:
        return head, b"null"
