"""Reads what the program prints, line by line, as small facts. Pure and tolerant: whatever the bytes are, nothing is raised."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from jobtrail.core.jsonguard import clean_text
from jobtrail.runners.claude.facts import (
    ApiRetry,
    Denied,
    Fact,
    Init,
    Limited,
    ModelUse,
    NotJson,
    Result,
    Said,
    Spent,
    ToolCalled,
    ToolEnded,
    Unknown,
)

MAX_LINE_BYTES = 64 << 20
MAX_TEXT = 1 << 20  # characters of an answer that are carried on; the whole line is in the log
MAX_TOKENS = 1 << 50


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it came; `dropped` bytes of it were beyond the limit."""

    raw: bytes
    dropped: int = 0


@dataclass(slots=True)
class Splitter:
    """Cuts a stream of bytes into lines, whatever the chunks are. A line beyond `limit` loses its end."""

    limit: int = MAX_LINE_BYTES
    _parts: list[bytes] = field(default_factory=list)
    _size: int = 0
    _dropped: int = 0

    def feed(self, chunk: bytes) -> list[Line]:
        """The lines that this chunk completes, without blank ones."""
        *ends, rest = chunk.split(b"\n")
        lines = []
        for end in ends:
            self._add(end)
            lines += self.flush()
        self._add(rest)
        return lines

    def flush(self) -> list[Line]:
        """The open line, if there is one."""
        raw, dropped = b"".join(self._parts).rstrip(b"\r"), self._dropped
        self._parts, self._size, self._dropped = [], 0, 0
        return [Line(raw, dropped)] if raw.strip() else []

    def _add(self, piece: bytes) -> None:
        kept = piece[: self.limit - self._size]
        self._dropped += len(piece) - len(kept)
        if kept:
            self._parts.append(kept)
            self._size += len(kept)


def read(raw: bytes) -> list[Fact]:
    """What a line says: at least one fact."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        return [NotJson(text=clean_text(raw, max_bytes=MAX_TEXT))]
    try:
        return list(_facts(data, raw)) or [_unknown(data)]
    except (TypeError, ValueError, ArithmeticError, RecursionError):  # the last net: a line is never a reason to fail
        return [_unknown(data)]


def _facts(data: Mapping[str, Any], raw: bytes) -> Iterator[Fact]:
    match data.get("type"), data.get("subtype"):
        case "system", "init":
            yield _init(data)
        case "system", "api_retry":
            yield _retry(data)
        case "system", "permission_denied":
            yield Denied(tool=_text(data.get("tool_name")), id=_word(data.get("tool_use_id")))
        case "assistant", _:
            yield from _assistant(data)
        case "user", _:
            yield from _user(data)
        case "rate_limit_event", _:
            yield _limited(data)
        case "result", _:
            yield _result(data, raw)


def _unknown(data: Mapping[str, Any]) -> Unknown:
    words = [_text(data.get(key))[:60] for key in ("type", "subtype") if data.get(key)]
    return Unknown(what="/".join(words) or "a line without a type")


def _init(data: Mapping[str, Any]) -> Init:
    servers = [each for each in _list(data.get("mcp_servers")) if isinstance(each, dict)]
    failed = tuple(_text(each.get("name")) for each in servers if each.get("status") == "failed")
    return Init(
        session_id=_word(data.get("session_id")),
        model=_word(data.get("model")),
        mode=_word(data.get("permissionMode")),
        version=_word(data.get("claude_code_version")),
        login=_word(data.get("apiKeySource")),
        tools=len(_list(data.get("tools"))),
        failed_servers=failed,
    )


def _retry(data: Mapping[str, Any]) -> ApiRetry:
    return ApiRetry(
        attempt=_count(data.get("attempt")),
        of=_count(data.get("max_retries")),
        status=_status(data.get("error_status")),
        error=_text(data.get("error")) or "unknown",
        delay_ms=_count(data.get("retry_delay_ms")),
    )


def _assistant(data: Mapping[str, Any]) -> Iterator[Fact]:
    message = data.get("message")
    message = message if isinstance(message, dict) else {}
    parent, error = _word(data.get("parent_tool_use_id")), _word(data.get("error"))
    content = message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else _list(content)
    for block in blocks:
        match block:
            case {"type": "text", "text": str(text)}:
                yield Said(text=clean_text(text, max_bytes=MAX_TEXT), error=error, parent=parent)
            case {"type": "thinking", "thinking": str(text)}:
                yield Said(text=clean_text(text, max_bytes=MAX_TEXT), thought=True, parent=parent)
            case {"type": "tool_use" | "server_tool_use" | "mcp_tool_use", "id": str(id), "name": str(name)}:
                given = block.get("input")
                yield ToolCalled(id=id, name=name, input=given if isinstance(given, dict) else {}, parent=parent)
            case {"type": str(kind), "tool_use_id": str(id)} if kind.endswith("_tool_result"):
                yield ToolEnded(id=id, text=_content(block.get("content")), is_error=bool(block.get("is_error")))
    yield from _spent(message, parent)


def _spent(message: Mapping[str, Any], parent: str | None) -> Iterator[Spent]:
    usage, id, model = message.get("usage"), message.get("id"), message.get("model")
    if isinstance(usage, dict) and isinstance(id, str) and isinstance(model, str) and model != "<synthetic>":
        created = _count(usage.get("cache_creation_input_tokens"))
        yield Spent(
            message_id=id,
            model=model,
            input=_count(usage.get("input_tokens")) + created,
            output=_count(usage.get("output_tokens")),
            cached=_count(usage.get("cache_read_input_tokens")),
            parent=parent,
        )


def _user(data: Mapping[str, Any]) -> Iterator[Fact]:
    message = data.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    for block in _list(content):
        match block:
            case {"type": "tool_result", "tool_use_id": str(id)}:
                yield ToolEnded(id=id, text=_content(block.get("content")), is_error=block.get("is_error") is True)


def _content(content: object) -> str:
    """What a tool said, as text; of pictures only that there is one."""
    if isinstance(content, str):
        return clean_text(content, max_bytes=MAX_TEXT)
    parts = []
    for block in _list(content):
        match block:
            case {"type": "text", "text": str(text)}:
                parts.append(text)
            case {"type": str(kind)}:
                parts.append(f"[{kind}]")
    return clean_text("\n".join(parts), max_bytes=MAX_TEXT)


def _limited(data: Mapping[str, Any]) -> Limited:
    """Tolerant of both spellings: the program writes camel case, its SDK snake case."""
    info = data.get("rate_limit_info")
    info = info if isinstance(info, dict) else data
    at = info.get("resetsAt", info.get("resets_at"))
    kind = info.get("rateLimitType", info.get("rate_limit_type"))
    return Limited(status=_text(info.get("status")) or "unknown", resets_at=moment(at), kind=_word(kind))


def moment(value: object) -> datetime | None:
    """A time from seconds or milliseconds since 1970, or from ISO text; None if it is none."""
    try:
        if isinstance(value, str) and not value.strip().isdigit():
            found = datetime.fromisoformat(value)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        seconds = float(str(value))
        return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _result(data: Mapping[str, Any], raw: bytes) -> Result:
    exact = json.loads(raw, parse_float=_decimal)  # money is read as it stands there, never through a float
    text = data.get("result")
    error = data.get("is_error")
    return Result(
        subtype=_text(data.get("subtype")) or "unknown",
        is_error=error if isinstance(error, bool) else None,
        text=clean_text(text) if isinstance(text, str) else None,
        errors=tuple(_text(each) for each in _list(data.get("errors")))[:20],
        session_id=_word(data.get("session_id")),
        turns=_count(data.get("num_turns")),
        duration_ms=_count(data.get("duration_ms")) or None,
        cost=_money(exact.get("total_cost_usd")),
        models=tuple(_models(exact.get("modelUsage"))),
        denials=tuple(each for each in _list(data.get("permission_denials")) if isinstance(each, dict)),
        status=_status(data.get("api_error_status")),
        terminal_reason=_word(data.get("terminal_reason")),
        structured=data.get("structured_output"),
        has_structured=data.get("structured_output") is not None,
    )


def _models(table: object) -> Iterator[ModelUse]:
    for name, use in table.items() if isinstance(table, dict) else ():
        if isinstance(use, dict):
            yield ModelUse(
                model=clean_text(str(name), max_bytes=255) or "unknown",
                input=_count(use.get("inputTokens")),
                output=_count(use.get("outputTokens")),
                cached=_count(use.get("cacheReadInputTokens")),
                created=_count(use.get("cacheCreationInputTokens")),
                cost=_money(use.get("costUSD")),
            )


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except ArithmeticError:  # an exponent beyond all bounds
        return None


def _money(value: object) -> Decimal | None:
    """An amount that a ledger can hold; anything else is unknown, never zero."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    amount = Decimal(value)
    return amount if amount.is_finite() and 0 <= amount < 10**7 and abs(amount.adjusted()) < 30 else None


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)) or not 0 <= value < MAX_TOKENS:
        return 0
    return int(value)


def _status(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 100 <= value < 1000 else None


def _text(value: object) -> str:
    return clean_text(value, max_bytes=4_096) if isinstance(value, str) else "" if value is None else str(value)[:200]


def _word(value: object) -> str | None:
    return clean_text(value, max_bytes=255) if isinstance(value, str) and value else None


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
