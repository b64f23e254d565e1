"""The program that stands in for an agent: it prints what was recorded. Run as a file, with the standard library alone."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

VERSION: Final = "2.1.197"
"""What it says it is, where the recording does not tell."""


def main(script: Path, argv: Sequence[str]) -> int:
    """Plays the next turn of a script; answers the exit code."""
    turns = json.loads(script.read_text())["turns"]
    first = _init(turns[0]["lines"])
    if "--version" in argv:
        print(f"{first.get('claude_code_version') or VERSION} (Claude Code, recorded)")  # noqa: T201  (a program)
        return 0
    if "--help" in argv:
        return 0  # it takes whatever it is called with
    sys.stdin.buffer.read()
    number = _next(script.with_suffix(".said"))
    if number >= len(turns):
        print(f"the recording has {len(turns)} invocations and no more", file=sys.stderr)  # noqa: T201
        return 1
    turn = turns[number]
    recorded, here = _init(turn["lines"]).get("session_id"), _session(argv)
    for line in turn["lines"]:
        said = line.replace(recorded, here) if recorded and here else line
        sys.stdout.write(f"{said}\n")
    sys.stdout.flush()
    return int(turn["exit_code"])


def _next(counter: Path) -> int:
    """Which turn this is, from 0: one byte is added to a file for each, so that two at once take different ones."""
    file = os.open(counter, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, b".")
        return os.lseek(file, 0, os.SEEK_CUR) - 1
    finally:
        os.close(file)


def _session(argv: Sequence[str]) -> str | None:
    """The session that it is run with."""
    for flag in ("--session-id", "--resume"):
        if flag in argv[:-1]:
            return argv[argv.index(flag) + 1]
    return None


def _init(lines: Sequence[str]) -> dict[str, Any]:
    """What the program said of itself when it began."""
    for line in lines:
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(said, dict) and said.get("type") == "system" and said.get("subtype") == "init":
            return said
    return {}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
