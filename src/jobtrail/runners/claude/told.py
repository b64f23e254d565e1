"""What a line of the program says to people, and its raw bytes as the log keeps them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, assert_never

from jobtrail.core import jsonguard
from jobtrail.core.status import LogLevel, LogSource
from jobtrail.runners.claude.facts import (
    ApiRetry,
    Denied,
    Fact,
    Init,
    Limited,
    NotJson,
    Result,
    Said,
    Spent,
    ToolCalled,
    ToolEnded,
    Unknown,
)
from jobtrail.runners.claude.ledger import exact
from jobtrail.runners.claude.stream import Line
from jobtrail.runners.protocol import LogLine

COMPONENT = "claude"
PART_CHARACTERS = 12_000  # of a raw line in one line of the log
SHOWN_BYTES = 12 << 10
MAX_ARGUMENT_CHARACTERS = 100
MAX_NAME_BYTES = 200

_FIRST = ("command", "file_path", "notebook_path", "path", "pattern", "url", "query", "description", "prompt", "skill")


def lines_of(line: Line, facts: Sequence[Fact], hide: Callable[[str], str]) -> Iterator[LogLine]:
    """The lines of the log for one line of the program: one for each fact, the first with the raw line.

    `details.raw` of a short line is the line; a longer one is told in parts (`details.part` from 1), which put together
    are the line. `hide` takes the secrets out before it is cut, so that none is cut in two.
    """
    shown: list[Fact] = [fact for fact in facts if not isinstance(fact, Spent)] or list[Fact](facts)
    raw = hide(jsonguard.clean_text(line.raw))
    parts = [raw[at : at + PART_CHARACTERS] for at in range(0, len(raw), PART_CHARACTERS)] or [""]
    details: dict[str, Any] = {"raw": parts[0]}
    if len(parts) > 1:
        details |= {"part": 1, "of": len(parts)}
    if line.dropped:
        details |= {"cut_bytes": line.dropped}
    for number, fact in enumerate(shown):
        yield _line(fact, hide, details if number == 0 else None)
    for number, part in enumerate(parts[1:], 2):
        message = f"… (part {number} of {len(parts)} of a long line)"
        more = {"raw": part, "part": number, "of": len(parts)}
        yield LogLine(
            message, LogLevel.DEBUG, _source(shown[0]), COMPONENT, "raw", _correlation(shown[0]), details=more
        )


def _line(fact: Fact, hide: Callable[[str], str], details: Mapping[str, Any] | None) -> LogLine:
    said = name_of(fact, hide) if isinstance(fact, ToolCalled) else show(fact)
    message = jsonguard.clean_text(hide(said), max_bytes=SHOWN_BYTES)
    return LogLine(message, _level(fact), _source(fact), COMPONENT, _operation(fact), _correlation(fact), details)


def show(fact: Fact) -> str:
    """One fact in words."""
    match fact:
        case Init():
            failed = f"; MCP servers that failed: {', '.join(fact.failed_servers)}" if fact.failed_servers else ""
            return f"session {fact.session_id} with {fact.model}, permission mode {fact.mode}{failed}"
        case Said():
            return f"(thinks) {fact.text}" if fact.thought else fact.text
        case ToolCalled():
            return name_of(fact)
        case ToolEnded():
            return fact.text or ("it failed" if fact.is_error else "(no output)")
        case Spent():
            return f"at least {fact.input} tokens read"
        case Limited():
            until = f", resets at {fact.resets_at.isoformat()}" if fact.resets_at else ""
            return f"limit {fact.kind or 'of requests'}: {fact.status}{until}"
        case ApiRetry():
            why = fact.error if fact.status is None else f"{fact.status} ({fact.error})"
            return f"the API did not answer: {why}; retry {fact.attempt} of {fact.of} in {fact.delay_ms} ms"
        case Denied():
            return f"refused: {fact.tool}"
        case Result():
            return _show_result(fact)
        case Unknown():
            return fact.what
        case NotJson():
            return fact.text
        case _:
            assert_never(fact)


def _show_result(fact: Result) -> str:
    amount = exact(fact.cost)
    cost = "its cost is unknown" if amount is None else f"${amount:f}"
    errors = f": {'; '.join(fact.errors)}" if fact.errors else ""
    wrong = ", but it is an error" if fact.is_error and fact.subtype == "success" else ""
    return f"{fact.subtype}{wrong}{errors}; {fact.turns} {'turn' if fact.turns == 1 else 'turns'}, {cost}"


def name_of(call: ToolCalled, hide: Callable[[str], str] = str) -> str:
    """A tool call in a few words: `Bash: make test`. Secrets are hidden before it is cut, which would leave half of one.

    >>> name_of(ToolCalled(id="1", name="Bash", input={"command": "make test\\nmake lint"}))
    'Bash: make test …'
    """
    found = next((call.input[key] for key in _FIRST if isinstance(call.input.get(key), str) and call.input[key]), "")
    first, _, rest = hide(found).strip().partition("\n")
    argument = first[:MAX_ARGUMENT_CHARACTERS] + (" …" if rest or len(first) > MAX_ARGUMENT_CHARACTERS else "")
    return f"{call.name}: {argument}" if argument else call.name


def _source(fact: Fact) -> LogSource:
    match fact:
        case ToolEnded():
            return LogSource.TOOL
        case NotJson():
            return LogSource.STDOUT
        case _:
            return LogSource.MODEL


def _level(fact: Fact) -> LogLevel:
    match fact:
        case ApiRetry() | Denied() | Limited(status="rejected") | Init(failed_servers=(_, *_)):
            return LogLevel.WARN
        case Said(error=str()):
            return LogLevel.WARN
        case Result() if not fact.success:
            return LogLevel.WARN
        case Said(thought=True) | Unknown() | Spent() | Limited():
            return LogLevel.DEBUG
        case _:
            return LogLevel.INFO


def _operation(fact: Fact) -> str | None:
    match fact:
        case ToolCalled():
            return fact.name
        case Init() | Result() | Limited() | ApiRetry() | Denied():
            return type(fact).__name__.lower()
        case Said(parent=str()):
            return "sub-agent"
        case _:
            return None


def _correlation(fact: Fact) -> str | None:
    match fact:
        case ToolCalled() | ToolEnded() | Denied():
            return fact.id
        case _:
            return None
