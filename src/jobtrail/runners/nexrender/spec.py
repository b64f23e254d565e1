"""The input of a `nexrender` job: which document goes to which server, and where its output will be. Nothing is asked here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec

from jobtrail.core import duration, nexrender
from jobtrail.core.config import PREFIX
from jobtrail.core.errors import Invalid
from jobtrail.core.nexrender import CALLBACKS, Document
from jobtrail.runners.pipeline import fields

TYPE: Final = "nexrender"
UID: Final = "{uid}"
"""Stands in an output for the name that the render has at its server, which no other render has."""

_SAID: Final = {
    "server": "Which server, where several are configured.",
    "secret": "The worker's variable that holds the server's secret.",
    "output": "Where the output will be, if no action says it: a path that the worker shares with the nodes, or a URL.",
    "estimated_seconds": "What is expected; a warning says when it is passed.",
    "stall_after": "So long may a node show no change, in seconds or as 15m.",
    "poll_seconds": "How often the server is asked.",
    "cancel_after": "Cancels the job when its attempts together ran so long, in seconds or as 2h.",
}
_EXAMPLE: Final = {
    "document": {
        "template": {"src": "file:///renders/title.aep", "composition": "main"},
        "assets": [{"type": "data", "layerName": "title", "property": "Source Text", "value": "Spring"}],
    },
    "output": "/renders/out.mp4",
}

_SESSION: Final = re.compile(r"([0-9a-f-]{36})-([0-9]{1,9})( \(let go: .*\))?")
_SHORTEST: Final = timedelta(milliseconds=100)
_LONGEST: Final = timedelta(days=30)
Length = Annotated[str, msgspec.Meta(examples=["15m", "2h"])] | float


class Secret(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A secret by the name of the variable, in the worker's environment, that holds it."""

    env: Annotated[str, msgspec.Meta(pattern="^[A-Za-z_][A-Za-z0-9_]{0,254}$")]


class NexrenderSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The input as it is written."""

    document: dict[str, Any]
    server: Annotated[str, msgspec.Meta(min_length=1, max_length=2_048)] | None = None
    secret: Secret | None = None
    output: Annotated[str, msgspec.Meta(min_length=1, max_length=2_048)] | None = None
    estimated_seconds: Annotated[float, msgspec.Meta(ge=0, le=2_592_000)] | None = None
    stall_after: Length = "15m"
    poll_seconds: Annotated[float, msgspec.Meta(ge=0.05, le=600)] = 5.0
    cancel_after: Length | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What a job asks for. Durations: `stall_after` since anything changed, `cancel_after` of all attempts together."""

    document: Document
    server: str | None
    secret: str | None
    output: str | None
    estimated_seconds: float | None
    stall_after: timedelta
    poll_seconds: float
    cancel_after: timedelta | None


def parse(input: Any) -> Order:
    """Reads an input. Raises Invalid whose `fields` say what is wrong where.

    >>> parse({"document": {"template": {"src": "https://x.org/a.aep", "composition": "main"}}}).poll_seconds
    5.0
    """
    if not isinstance(input, Mapping):
        raise Invalid("the input of a render is an object", fields={"input": "must be an object"})
    faults: dict[str, str] = {}
    spec = fields.read(NexrenderSpec, input, "", faults)
    document = None
    if isinstance(input.get("document"), Mapping):
        try:
            document = nexrender.read(input["document"], "document")
        except Invalid as error:
            faults |= error.fields
    if spec is not None and spec.secret is not None and spec.secret.env.startswith(PREFIX):
        faults["secret.env"] = "is a setting of Jobtrail's own; keep the secret in a variable of another name"
    stall_after = _length("stall_after", input.get("stall_after", "15m"), faults)
    cancel_after = _length("cancel_after", input.get("cancel_after"), faults)
    if faults or spec is None or document is None or stall_after is None:
        said = "; ".join(f"{path} {what}" for path, what in list(faults.items())[:5])
        raise Invalid(f"this cannot be rendered: {said}", fields=faults)
    secret = spec.secret.env if spec.secret is not None else None
    return Order(
        document,
        spec.server,
        secret,
        spec.output or _last_output(document),
        spec.estimated_seconds,
        stall_after,
        spec.poll_seconds,
        cancel_after,
    )


def sent(document: Document, uid: str) -> tuple[dict[str, Any], list[str]]:
    """The document as the server gets it under this name, and what was left out of it.

    `{uid}` is filled in where actions write; callbacks are functions, and over HTTP would crash the node.
    """
    stripped = sorted(CALLBACKS & document.given.keys())
    kept = {name: value for name, value in document.given.items() if name not in CALLBACKS}
    actions: dict[str, list[dict[str, Any]]] = {"prerender": [], "postrender": []}
    for action in document.actions:
        options = {name: filled(value, uid) if name == "output" else value for name, value in action.options.items()}
        actions.setdefault(action.stage, []).append({"module": action.module, **options})
    tags, priority = document.tags, document.priority
    return {
        **kept,
        "uid": uid,
        "assets": kept.get("assets") or [],
        "actions": actions,
        "tags": tags,
        "priority": priority,
    }, stripped


def uid_of(job_id: UUID, number: int) -> str:
    """What the nth render of a job is called at its server."""
    return f"{job_id}-{number}"


def let_go(uid: str, why: str) -> str:
    """What an attempt notes as its session once nobody follows this render any more."""
    return f"{uid} (let go: {why})"


def number_after(session: str | None, job_id: UUID) -> int:
    """Which render the next attempt follows: the one that was followed last, unless it was let go; then a new one.

    >>> job = UUID(int=1)
    >>> number_after(None, job), number_after(uid_of(job, 2), job), number_after(let_go(uid_of(job, 2), "stalled"), job)
    (1, 2, 3)
    """
    found = _SESSION.fullmatch(session or "")
    if found is None or found[1] != str(job_id):
        return 1
    return int(found[2]) + (1 if found[3] else 0)


def filled(value: Any, uid: str) -> Any:
    """A text with the name of the render in it; anything else as it is."""
    return value.replace(UID, uid) if isinstance(value, str) else value


def schema() -> dict[str, Any]:
    """The JSON schema of the input, the parts of the document included."""
    assets = list(nexrender.ASSET_TYPES.values())
    wanted = [NexrenderSpec, nexrender.Template, *assets]
    (whole, *_), parts = msgspec.json.schema_components(wanted, ref_template="#/$defs/{name}")
    action = {"type": "object", "required": ["module"], "properties": {"module": {"type": "string", "minLength": 1}}}
    parts["NexrenderSpec"]["properties"]["document"] = {
        "type": "object",
        "description": "nexrender's job document. The server's name for it (uid) is made from the job.",
        "required": ["template"],
        "properties": {
            "template": {"$ref": "#/$defs/Template"},
            "assets": {"type": "array", "items": {"anyOf": [{"$ref": f"#/$defs/{a.__name__}"} for a in assets]}},
            "actions": {
                "type": "object",
                "properties": {name: {"type": "array", "items": action} for name in nexrender.ACTION_STAGES},
                "additionalProperties": False,
            },
            "tags": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
            "priority": {"type": "number"},
        },
    }
    for key, what in _SAID.items():
        parts["NexrenderSpec"]["properties"][key]["description"] = what
    return {**whole, "examples": [_EXAMPLE], "$defs": parts}


def _last_output(document: Document) -> str | None:
    """Where the last action after the render leaves a file, if that is a whole path: then nobody need say it twice."""
    for action in reversed(document.actions):
        output = action.options.get("output")
        if action.stage == "postrender" and isinstance(output, str) and output.startswith("/"):
            return output
    return None


def _length(name: str, value: object, faults: dict[str, str]) -> timedelta | None:
    if value is None or name in faults:
        return None
    try:
        found = duration.parse(value)  # type: ignore[arg-type]  # of another type: it is noted already
    except Invalid as error:
        faults[name] = error.message
        return None
    if not _SHORTEST <= found <= _LONGEST:
        faults[name] = f"must be from {duration.show(_SHORTEST)} to {duration.show(_LONGEST)}"
    return found
