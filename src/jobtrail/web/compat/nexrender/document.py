"""Renders as nexrender writes them: what a client sends becomes a job, and a job is shown as the document that its clients and
workers know. Pure."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from jobtrail.core import jsonguard, nexrender
from jobtrail.core.errors import Invalid
from jobtrail.core.status import JobStatus
from jobtrail.service.jobs import NewJob, Options
from jobtrail.service.renders import QUEUE, TYPE, Render

Document = dict[str, Any]

OURS: Final = "jobtrail"
"""The one field of a document that is ours: what nexrender has no word for."""
UNTIL_PICKED: Final = frozenset({"error", "errorAt", "startedAt", "finishedAt", "timings", "renderProgress"})
"""What a render's worker said that means nothing for the next one that takes it."""
_OF_SERVER: Final = frozenset(
    {"uid", "state", "creator", "executor", "jobCreator", "jobExecutor", "createdAt", "updatedAt"}
)
_STATUS: Final = ("uid", "state", "type", "tags", "renderProgress", "error", "createdAt", "updatedAt", "startedAt",
                  "finishedAt", "errorAt")  # fmt: skip
_NOT_IN_UID: Final = re.compile(r"[\x00-\x20\x7f/?#%\\]")
_TAKEN: Final = frozenset({"pickup", "status", ".", ".."})
_MOST_UID_BYTES: Final = 200
_FENCE: Final = re.compile(r"/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$")
_TITLE_BYTES: Final = 200
_MOST_TAGS: Final = 100
_MOST_ERRORS: Final = 20
_ERROR_CHARACTERS: Final = 8_192
_NEEDS: Final = {
    "image": ("src", "layer"), "audio": ("src", "layer"), "video": ("src", "layer"),
    "data": ("layer", "value", "property"), "script": ("src",), "static": ("src",),
}  # fmt: skip


def uid_of(document: Mapping[str, Any], job_id: UUID) -> str:
    """The uid that a client gave, or one made of the job's id. Raises Invalid for one that no address can hold."""
    given = document.get("uid")
    if given is None or given == "":
        return str(job_id)
    if not isinstance(given, str) or _NOT_IN_UID.search(given) or given in _TAKEN:
        raise _wrong("uid", "must be text that can stand in an address: no spaces, no / ? # % \\, not pickup or status")
    if len(given.encode()) > _MOST_UID_BYTES:
        raise _wrong("uid", f"may have {_MOST_UID_BYTES} bytes")
    return jsonguard.check_name(given, "uid")


def new_job(document: Mapping[str, Any], job_id: UUID, uid: str) -> NewJob:
    """The job that a document asks for. Raises Invalid for what nexrender itself would refuse, TooLarge above 1 MiB."""
    for at, what in _faults(document):
        raise _wrong(at, what)
    kept = {name: value for name, value in document.items() if name not in _OF_SERVER | nexrender.CALLBACKS}
    options = Options(
        type=TYPE,
        queue=QUEUE,
        priority=priority_of(document.get("priority")),
        tags=tags_of(document.get("tags")),
        max_attempts=_attempts(document.get(OURS)),
    )
    title = jsonguard.clean_text(str(document["template"]["composition"]), max_bytes=_TITLE_BYTES)
    return NewJob(job_id, jsonguard.encode({**kept, "uid": uid}, at="document"), options, title=title)


def digest_of(document: Mapping[str, Any]) -> bytes:
    """What tells a request that is sent again from another one: all that a client says, in whatever order."""
    asked = {k: v for k, v in document.items() if k not in nexrender.SET_BY_RENDERING | nexrender.CALLBACKS}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode("utf-8", "surrogatepass")).digest()


def priority_of(value: object) -> int:
    """Theirs is any number, the bigger the sooner, usually 0; ours is 1 to 10, usually 5.

    >>> priority_of(0), priority_of(2), priority_of(99), priority_of(-9), priority_of("x")
    (5, 7, 10, 1, 5)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return 5
    return round(min(max(5 + value, 1), 10))


def tags_of(value: object) -> tuple[str, ...]:
    """Tags as theirs are written, `a, b`, in ours. Raises Invalid."""
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    tags = [jsonguard.check_name(part.strip(), "tags") for part in parts if isinstance(part, str) and part.strip()]
    if len(tags) > _MOST_TAGS:
        raise _wrong("tags", f"there may be {_MOST_TAGS}")
    return tuple(dict.fromkeys(tags))


def fence_in(said: Mapping[str, Any]) -> UUID | None:
    """The attempt for which a worker speaks: we wrote it into `executor`, and workers repeat that in all they say."""
    for name in ("jobExecutor", "executor"):
        found = _FENCE.search(value) if isinstance(value := said.get(name), str) else None
        if found:
            return UUID(found[1])
    return None


def executor(name: str, attempt_id: UUID) -> str:
    """What a worker is told that it is called, with the attempt that it runs."""
    return f"{name}/{attempt_id}"


def said_more(render: Render, said: Mapping[str, Any]) -> Document:
    """What is known of a render besides its job, after its worker has said something more; null takes it away."""
    news = {name: value for name, value in said.items() if name not in _OF_SERVER | nexrender.CALLBACKS}
    known: Document = {name: value for name, value in render.said.items() if name not in news}
    given = render.input if isinstance(render.input, dict) else {}
    known.update({name: value for name, value in news.items() if value is not None and given.get(name) != value})
    return known


def document(render: Render) -> Document:
    """A render as its clients and workers know it."""
    shown: Document = {**_defaults(), **(render.input if isinstance(render.input, dict) else {}), **render.said}
    shown |= {
        "uid": render.uid,
        "state": state_of(render),
        "creator": render.created_by or "",
        "createdAt": _time(render.created_at),
        "updatedAt": _time(render.updated_at),
    }
    status = JobStatus(render.status)
    if status is JobStatus.COMPLETED:
        shown["renderProgress"] = 100
        shown.setdefault("finishedAt", _time(render.completed_at))
    elif status in (JobStatus.FAILED, JobStatus.CANCELLED):
        why = render.cancel_reason or "cancelled" if status is JobStatus.CANCELLED else render.error_message
        shown["error"] = _errors(shown.get("error")) or [f"{status.lower()}: {why or render.error_code or ''}"]
        shown.setdefault("errorAt", _time(render.completed_at))
    return shown


def state_of(render: Render) -> str:
    """The state in nexrender's words. Its clients know two ends only, so what was cancelled ends in `error`."""
    match JobStatus(render.status):
        case JobStatus.COMPLETED:
            return nexrender.FINISHED
        case JobStatus.FAILED | JobStatus.CANCELLED:
            return nexrender.ERROR
        case JobStatus.RUNNING:
            return render.stage or nexrender.PICKED
        case _:
            return nexrender.QUEUED


def summary(shown: Document) -> Document:
    """The short form of a document."""
    short = {name: shown.get(name) or None for name in _STATUS}
    errors = _errors(shown.get("error"))
    return short | {
        "renderProgress": shown.get("renderProgress") or 0,
        "error": "\n\n".join(one if isinstance(one, str) else json.dumps(one) for one in errors) or None,
        "jobCreator": shown.get("creator"),
        "jobExecutor": shown.get("executor"),
        "timings": shown.get("timings"),
    }


def storable(known: Document) -> str:
    """What was said of a render, as it is stored: cleaned, and where it is too long, without what a worker made of the rest
    of the document."""
    errors = [one[:_ERROR_CHARACTERS] if isinstance(one, str) else one for one in _errors(known.get("error"))]
    cut = {**known, "error": errors[-_MOST_ERRORS:]} if errors else known
    for kept in (cut, {name: value for name, value in cut.items() if name in UNTIL_PICKED or name == "executor"}):
        raw, _ = jsonguard.clean_value(kept)
        if len(raw) <= jsonguard.MAX_BYTES:
            return raw.decode()
    return "{}"


def changes(shown: Document, said: Mapping[str, Any]) -> set[str]:
    """What would be different of a document, by the names of its fields; what only a server writes is passed over."""
    passed = _OF_SERVER | nexrender.CALLBACKS
    return {name for name, value in said.items() if name not in passed and shown.get(name) != value}


def errors_in(said: Mapping[str, Any]) -> str:
    """What a worker says went wrong, the last thing last."""
    told = [one if isinstance(one, str) else json.dumps(one) for one in _errors(said.get("error"))]
    return "\n\n".join(told) or "the worker did not say what went wrong"


def progress_in(said: Mapping[str, Any]) -> float | None:
    """How far a render is, in percent; None where a worker does not say it, or says nonsense."""
    value = said.get("renderProgress")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return min(max(float(value), 0.0), 100.0) or None  # 0 is what a worker says that has not begun to render


def _errors(value: object) -> list[Any]:
    if isinstance(value, list):
        return [one for one in value if one]
    return [value] if value else []


def _defaults() -> Document:
    return {
        "type": "default", "output": "", "tags": "", "priority": 0, "timings": {}, "assets": [],
        "actions": {"prerender": [], "postrender": []},
    }  # fmt: skip


def _faults(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What nexrender's server refuses, and nothing more."""
    template = document.get("template")
    if not isinstance(template, dict):
        yield "template", "must be an object"
        return
    for name in ("src", "composition"):
        if not template.get(name):
            yield f"template.{name}", "must be defined"
    yield from _asset_faults(document.get("assets", []))
    actions = document.get("actions", {})
    if not isinstance(actions, dict):
        yield "actions", "must be an object"
        return
    for stage in nexrender.ACTION_STAGES:
        listed = actions.get(stage) or []
        if not isinstance(listed, list):
            yield f"actions.{stage}", "must be a list"
            continue
        for number, action in enumerate(listed):
            if not isinstance(action, dict) or not action.get("module"):
                yield f"actions.{stage}[{number}]", "must have a module"


def _asset_faults(assets: object) -> Iterator[tuple[str, str]]:
    if not isinstance(assets, list):
        yield "assets", "must be a list"
        return
    for number, asset in enumerate(assets):
        at = f"assets[{number}]"
        kind = asset.get("type") if isinstance(asset, dict) else None
        if not isinstance(kind, str) or kind not in _NEEDS:
            yield at, f"must have a type: {', '.join(_NEEDS)}"
            continue
        has = {
            "src": asset.get("src"),
            "layer": asset.get("layerName") or asset.get("layerIndex"),
            "value": "value" in asset or asset.get("expression"),
            "property": asset.get("property"),
        }
        for name in _NEEDS[kind]:
            if not has[name]:
                yield at, {"layer": "must name a layer: layerName or layerIndex",
                           "value": "must have a value or an expression"}.get(name, f"must have {name}")  # fmt: skip


def _attempts(ours: object) -> int:
    """How often it is tried. By default once, as with nexrender: an error is the end. A lost worker is no error."""
    if ours is None:
        return 1
    tries = ours.get("max_attempts", 1) if isinstance(ours, dict) else None
    if isinstance(tries, bool) or not isinstance(tries, int) or not 1 <= tries <= 100:
        raise _wrong(f"{OURS}.max_attempts", "must be a whole number from 1 to 100")
    return tries


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def _wrong(at: str, what: str) -> Invalid:
    return Invalid(f"{at}: {what}", fields={at: what})
