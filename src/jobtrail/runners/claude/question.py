"""A tool call as people read it, the key by which it is recognised, and what an agent is told of a decision. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from jobtrail.core import jsonguard
from jobtrail.runners.protocol import Decision

MAX_QUESTION_CHARACTERS: Final = 1_500
MAX_TOOL_CHARACTERS: Final = 100
_PARTS: Final = {
    "Bash": "command",
    "Write": "file_path",
    "Edit": "file_path",
    "MultiEdit": "file_path",
    "NotebookEdit": "notebook_path",
    "Read": "file_path",
    "WebFetch": "url",
    "WebSearch": "query",
}
"""What people want to see first of a call of a tool that we know."""
_SAYS_NOTHING: Final = {"Bash": ("description",)}
"""Parts of a call that change nothing of what it does, and that a model words anew when it asks again."""
_HIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


class Call(msgspec.Struct, frozen=True):
    """A call as the program asks about it."""

    tool_name: str
    input: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A call that people decide. `whole` is its input as JSON where the text is cut."""

    call: Call
    key: str
    tool: str
    text: str
    whole: str | None = None


def key_of(tool: str, input: Mapping[str, Any]) -> str:
    """The same for the same call, however its parts are ordered and described; different for any other.

    >>> key_of("Bash", {"command": "make", "description": "builds"}) == key_of("Bash", {"command": "make"})
    True
    """
    parts = {name: value for name, value in input.items() if name not in _SAYS_NOTHING.get(tool, ())}
    canonical = json.dumps([tool, parts], sort_keys=True, separators=(",", ":")).encode()
    return f"tool {_shown(tool)[:MAX_TOOL_CHARACTERS]} {hashlib.sha256(canonical).hexdigest()[:32]}"


def question_of(call: Call, hide: Callable[[str], str] = str) -> Question:
    """The call as one line for people. Nothing in it is invisible but secrets, and what is cut off is said to be."""
    tool, input = call.tool_name, call.input
    name, rest = _shown(tool)[:MAX_TOOL_CHARACTERS], dict(input)
    first = rest.pop(_PARTS.get(tool, ""), None)
    for each in _SAYS_NOTHING.get(tool, ()):
        rest.pop(each, None)
    parts = [first] if isinstance(first, str) else []
    rest = rest if parts else dict(input)
    parts += [json.dumps(rest, ensure_ascii=False)] if rest else []
    text = hide(_shown(hide("  ".join(parts))))  # before it is cut, which would leave half of one
    key, whole = key_of(tool, input), None
    if len(text) > MAX_QUESTION_CHARACTERS:
        more = len(text) - MAX_QUESTION_CHARACTERS
        text = f"{text[:MAX_QUESTION_CHARACTERS]}… ({more} more characters: see the file {key}.json)"
        whole = hide(json.dumps(dict(input), indent=2, ensure_ascii=True))
    return Question(call=call, key=key, tool=name, text=f"May the agent use {name}?  {text}", whole=whole)


def refusal(decision: Decision) -> str:
    """What the agent is told when it makes a call that was not approved."""
    if decision.expired:
        return "Nobody approved this call in time. Do not make it again; find another way, or say that you cannot."
    comment = _comment(decision)
    said = f" They said: {comment}" if comment else ""
    return f"People rejected this call.{said} Do not make it again; find another way, or say that you cannot."


def told(news: Sequence[tuple[Question, Decision]]) -> str:
    """The prompt for a session that ended its turn for questions that are decided now."""
    lines = [f"- {question.text}\n  {_verdict(decision)}" for question, decision in news]
    approved = any(decision.approved for _, decision in news)
    again = "Make each approved call again, with exactly the same input. " if approved else ""
    return "\n".join(
        [
            "You stopped because people had to decide on these calls. They have:",
            "",
            *lines,
            "",
            f"{again}Do not make a call that was not approved. Then go on with the task where you stopped.",
        ]
    )


def _verdict(decision: Decision) -> str:
    comment = _comment(decision)
    said = f" ({comment})" if comment else ""
    if decision.approved:
        return f"approved{said}"
    return "not approved: nobody decided in time" if decision.expired else f"rejected{said}"


def _comment(decision: Decision) -> str:
    return jsonguard.clean_text(decision.comment or "", max_bytes=2_000).strip()


def _shown(text: str) -> str:
    """In one line, with everything visible that would be hidden or would turn the line around."""
    return _HIDDEN.sub(_named, text.replace("\r\n", "\n"))


def _named(found: re.Match[str]) -> str:
    sign = found[0]
    return {"\n": " ⏎ ", "\t": " "}.get(sign, f"\\u{ord(sign):04x}")
