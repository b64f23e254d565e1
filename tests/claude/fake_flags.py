# ruff: noqa: T201  (part of a program: it prints)
"""The flags that the stand-in of `claude` takes, and how it refuses others: as the real program of the same version does."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

WITH_VALUE = [
    "--output-format",
    "--input-format",
    "--session-id",
    "--resume",
    "--model",
    "--fallback-model",
    "--effort",
    "--permission-mode",
    "--agents",
    "--agent",
    "--settings",
    "--setting-sources",
    "--system-prompt",
    "--append-system-prompt",
    "--json-schema",
    "--max-budget-usd",
    "--name",
    "--max-turns",
    "--permission-prompt-tool",
    "--system-prompt-file",
    "--append-system-prompt-file",
    "--max-thinking-tokens",
]
WITH_MANY = [
    "--allowedTools",
    "--allowed-tools",
    "--disallowedTools",
    "--disallowed-tools",
    "--tools",
    "--mcp-config",
    "--add-dir",
]
BARE = [
    "--print",
    "--verbose",
    "--fork-session",
    "--strict-mcp-config",
    "--include-partial-messages",
    "--include-hook-events",
    "--no-session-persistence",
    "--dangerously-skip-permissions",
    "--replay-user-messages",
    "--restricted",
]
HIDDEN = {"--max-turns", "--permission-prompt-tool", "--system-prompt-file", "--append-system-prompt-file"}
NEWER = {"--restricted": (2, 1, 330), "--permission-prompts": (2, 1, 330)}
MODES = ("acceptEdits", "auto", "bypassPermissions", "default", "dontAsk", "plan")


def fail(text: str, code: int = 1) -> NoReturn:
    print(text, file=sys.stderr, flush=True)
    raise SystemExit(code)


def flags_of(argv: list[str], scenario: Mapping[str, Any]) -> dict[str, Any]:
    """What the argv says, or an end as the real program's."""
    found: dict[str, Any] = {}
    version = tuple(int(part) for part in str(scenario.get("version", "2.1.197")).split("."))
    unknown = set(scenario.get("without", ())) | {flag for flag, since in NEWER.items() if version < since}
    words = [{"-p": "--print", "-r": "--resume"}.get(word, word) for word in argv]
    at = 0
    while at < len(words):
        word, at = words[at], at + 1
        if word in unknown or word not in {*WITH_VALUE, *WITH_MANY, *BARE}:
            if word.startswith("-"):
                fail(f"error: unknown option '{word}'")
            found["prompt"] = word
        elif word in BARE:
            found[word] = True
        elif word in WITH_VALUE:
            if at >= len(words):
                fail(f"error: option '{word} <value>' argument missing")
            found[word], at = words[at], at + 1
        else:
            values = found.setdefault(word, [])
            while at < len(words) and not words[at].startswith("--"):
                values.append(words[at])
                at += 1
    return found


def check(flags: Mapping[str, Any], prompt: str) -> None:
    """The mistakes that the real program finds before it says anything on stdout."""
    if flags.get("--output-format") == "stream-json" and not flags.get("--verbose"):
        fail("Error: When using --print, --output-format=stream-json requires --verbose")
    if flags.get("--permission-mode", "default") not in MODES:
        mode = flags["--permission-mode"]
        fail(
            f"error: option '--permission-mode <mode>' argument '{mode}' is invalid. "
            f"Allowed choices are {', '.join(MODES)}."
        )
    for config in flags.get("--mcp-config", ()):
        if not config.startswith("{") and not Path(config).exists():
            fail(f"Error: Invalid MCP configuration:\nMCP config file not found: {config}")
    try:
        uuid.UUID(flags.get("--session-id", str(uuid.uuid4())))
    except ValueError:
        fail("Error: Invalid session ID. Must be a valid UUID.")
    if not prompt.strip():
        fail("Error: Input must be provided either through stdin or as a prompt argument when using --print")


def help_text(without: Sequence[str], version: tuple[int, ...]) -> str:
    flags = [flag for flag in (*WITH_VALUE, *WITH_MANY, *BARE) if flag not in {*HIDDEN, *without}]
    shown = [flag for flag in flags if version >= NEWER.get(flag, (0,))]
    return "Usage: claude [options] [command] [prompt]\n\nOptions:\n" + "".join(
        f"  {flag} <value>  words\n" for flag in shown
    )
