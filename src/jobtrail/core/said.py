"""What an event of a job says beside its type, in one line for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jobtrail.core import shown, spans
from jobtrail.core.model import Event
from jobtrail.core.status import ActorType

_FIRST: Final = ("step", "question", "name", "tool_name", "stage", "key")
_SAID: Final = ("error", "why", "comment", "reason", "cancel_reason", "message", "error_message")
_HIDDEN: Final = frozenset({
    *_FIRST, *_SAID, "told", "output_sha256", "input_sha256", "result_sha256", "gate_id", "asset_id", "sha256",
    "duration_ms", "progress", "wait_reason", "error_code", "form", "phase", "byte_size", "expires_at", "failure_count",
    "loss_count", "generation", "taken_over", "from_job",
})  # fmt: skip
_MOST_OTHERS: Final = 6


def line_of(event: Event) -> str:
    """The line; empty for an event that says no more than its type."""
    note = spans.note_of(event)
    parts = [_text(note[name]) for name in _FIRST if note.get(name) is not None and name != "key"]
    if isinstance(note.get("progress"), int | float) and (event.type == "job.progress" or note["progress"]):
        parts.append(f"{note['progress']:.0f} %")
    if note.get("wait_reason"):
        parts.append(f"waits {spans.waits_for(str(note['wait_reason']))}")
    if note.get("error_code"):
        parts.append(_text(note["error_code"]))
    parts += [_text(note[name]) for name in _SAID if note.get(name)]
    if isinstance(note.get("byte_size"), int):
        parts.append(shown.size(note["byte_size"]))
    if isinstance(note.get("duration_ms"), int | float):
        parts.append(shown.length(note["duration_ms"] / 1000))
    if note.get("form") is not None:
        parts.append(_text(note["form"]))
    if isinstance(note.get("taken_over"), list):
        parts.append(f"took over {shown.counted(len(note['taken_over']), 'step')} of {_text(note.get('from_job'))}")
    parts += _others(note)
    return shown.one_line(" · ".join(part for part in parts if part), 300)


def person(type: str, id: str | None) -> str:
    """An actor as people call them: a key by the end of its id, for its name is known to those only who may see keys."""
    if type == ActorType.API_KEY and id:
        return f"key {id[-8:]}"
    return id or type


def _others(note: Mapping[str, Any]) -> list[str]:
    others = [(name, value) for name, value in note.items() if name not in _HIDDEN and value not in (None, [], "")]
    return [f"{name}: {_text(value)}" for name, value in others[:_MOST_OTHERS]]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return shown.one_line(value, 200)
    if isinstance(value, Mapping):
        return shown.one_line(", ".join(f"{name}: {_text(one)}" for name, one in list(value.items())[:4]), 120)
    if isinstance(value, list):
        return shown.one_line(", ".join(_text(one) for one in value[:8]), 120)
    return shown.one_line(str(value), 60)
