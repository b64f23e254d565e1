"""From a spec to the words that the program is called with. Pure; what its version does not know is refused here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import msgspec

from jobtrail.core.errors import Misconfigured
from jobtrail.runners.claude.spec import ClaudeSpec

HIDDEN = frozenset({"--max-turns", "--permission-prompt-tool"})
"""Taken by every version that we know, and named in no help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """An installed program. `flags` is what its help names; empty: it could not be read, and nothing is refused for it."""

    path: Path
    version: str
    flags: frozenset[str] = frozenset()

    def knows(self, flag: str) -> bool:
        """Whether it takes this flag."""
        return not self.flags or flag in self.flags or flag in HIDDEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Which conversation an invocation is part of: a new one with this id, or `resume`, or a copy of that under this id."""

    id: str
    resume: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What an invocation gets beside its spec. `usd` and `turns` are what is left of the budget."""

    mcp_config: Path | None = None
    settings: Path | None = None
    prompt_tool: str | None = None
    usd: Decimal | None = None
    turns: int | None = None


def argv(program: Program, spec: ClaudeSpec, session: Session, extras: Extras) -> list[str]:
    """The command line; the prompt goes through stdin. Raises Misconfigured for what this version does not know."""
    words = [str(program.path), "-p", "--output-format", "stream-json", "--verbose", *_session(session)]
    for flag, field, values in _flags(spec, extras):
        if not program.knows(flag):
            raise Misconfigured(
                f"Claude Code {program.version} ({program.path}) has no flag {flag}, which {field!r} needs: "
                "install a newer version where the worker runs, or leave that out"
            )
        words += [flag, *values]
    return words


def _session(session: Session) -> list[str]:
    if session.resume is None:
        return ["--session-id", session.id]
    if session.resume == session.id:
        return ["--resume", session.id]
    return ["--resume", session.resume, "--fork-session", "--session-id", session.id]


def _flags(spec: ClaudeSpec, extras: Extras) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Flag, the field that needs it, and its values."""
    yield "--permission-mode", "permission_mode", [spec.permission_mode]
    for flag, field, text in (
        ("--model", "model", spec.model),
        ("--fallback-model", "fallback_model", spec.fallback_model),
        ("--effort", "effort", spec.effort),
        ("--system-prompt", "system_prompt", spec.system_prompt),
        ("--append-system-prompt", "append_system_prompt", spec.append_system_prompt),
        ("--permission-prompt-tool", "approve_tools", extras.prompt_tool),
    ):
        if text is not None:
            yield flag, field, [text]
    for flag, field, several in (
        ("--allowedTools", "allowed_tools", spec.allowed_tools),
        ("--disallowedTools", "disallowed_tools", spec.disallowed_tools),
        ("--add-dir", "add_dirs", spec.add_dirs),
    ):
        if several:
            yield flag, field, several
    if spec.tools is not None:
        yield "--tools", "tools", spec.tools or [""]
    for flag, field, value in (("--agents", "agents", spec.agents), ("--json-schema", "json_schema", spec.json_schema)):
        if value is not None:
            yield flag, field, [msgspec.json.encode(value).decode()]
    yield from _limits(spec, extras)


def _limits(spec: ClaudeSpec, extras: Extras) -> Iterator[tuple[str, str, Sequence[str]]]:
    if extras.mcp_config is not None:
        yield "--mcp-config", "mcp_servers", [str(extras.mcp_config)]
    if spec.strict_mcp_config:
        yield "--strict-mcp-config", "strict_mcp_config", []
    if extras.settings is not None:
        yield "--settings", "settings", [str(extras.settings)]
    if spec.approval is not None and not spec.approval.trust_project:
        yield "--setting-sources", "approve_tools", ["user"]  # a project's hooks would approve in people's place
    turns = [limit for limit in (spec.max_turns, extras.turns) if limit is not None]
    if turns:
        yield "--max-turns", "max_turns", [str(min(turns))]
    if extras.usd is not None:
        yield "--max-budget-usd", "budget.usd", [f"{extras.usd.normalize():f}"]
