"""Finds the installed program and asks it, once, for its version and flags. What is asked of it later is in `argv`."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from jobtrail.core.errors import Misconfigured
from jobtrail.process.supervise import Reason, Source, Spec, run
from jobtrail.runners.claude.argv import Program
from jobtrail.runners.pipeline.environment import search_path

PATH_SETTING = "JOBTRAIL_CLAUDE_PATH"
PATIENCE = timedelta(seconds=60)
MAX_BYTES = 1 << 20

_USUAL = (
    "~/.local/bin/claude",
    "~/.claude/local/claude",
    "/usr/local/bin/claude",
    "/opt/homebrew/bin/claude",
    "~/.npm-global/bin/claude",
    "~/node_modules/.bin/claude",
)
_FLAG = re.compile(r"(?<![\w-])--[a-zA-Z][a-zA-Z-]*")
_VERSION = re.compile(r"\d+\.\d+\.\d+\S*")


def find(environ: Mapping[str, str]) -> Path:
    """Where the program is. Raises Misconfigured."""
    if named := environ.get(PATH_SETTING):
        if shutil.which(named) is None:
            raise Misconfigured(f"{PATH_SETTING} is {named!r}, and there is no program that can be run")
        return Path(named).absolute()
    if found := shutil.which("claude", path=search_path(environ.get("PATH", ""))):
        return Path(found)
    home = environ.get("HOME", "")
    for usual in _USUAL:
        path = Path(usual.replace("~", home, 1)) if home or not usual.startswith("~") else None
        if path is not None and os.access(path, os.X_OK) and path.is_file():
            return path
    raise Misconfigured(
        f"Claude Code is not installed where this worker runs: install it there, or set {PATH_SETTING} to the program"
    )


@dataclass(slots=True)
class Programs:
    """What is known of the programs of this machine. One that was replaced is asked anew."""

    _known: dict[tuple[Path, int, int], Program] = field(default_factory=dict)
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, environ: Mapping[str, str], env: Mapping[str, str], marker: str) -> Program:
        """The program. `env` is what it is asked with: no job's own, for the answer holds for all.

        Raises Misconfigured when it is not there or does not answer.
        """
        path = find(environ)
        stat = path.stat()
        key = (path, stat.st_mtime_ns, stat.st_size)
        async with self._asking:
            if key not in self._known:
                self._known[key] = await _asked(path, env, marker)
            return self._known[key]


async def _asked(path: Path, env: Mapping[str, str], marker: str) -> Program:
    version = await _said(path, "--version", env, marker)
    if (found := _VERSION.search(version)) is None:
        raise Misconfigured(f"{path} --version says {version.strip()[:100]!r}: it is not Claude Code")
    return Program(path=path, version=found[0], flags=flags_in(await _said(path, "--help", env, marker)))


def flags_in(text: str) -> frozenset[str]:
    """The flags that a help names; none if it is no help.

    >>> sorted(flags_in("Options:\\n  --allowedTools, --allowed-tools <tools...>  x\\n  -p, --print  y"))
    ['--allowed-tools', '--allowedTools', '--print']
    """
    found = frozenset(_FLAG.findall(text))
    return found if "--print" in found else frozenset()


async def _said(path: Path, flag: str, env: Mapping[str, str], marker: str) -> str:
    """What it prints on stdout. Raises Misconfigured."""
    heard = bytearray()

    def take(source: Source, data: bytes) -> None:
        if source is Source.STDOUT:
            heard.extend(data)

    spec = Spec(argv=[str(path), flag], env=env, marker=f"{marker}.{flag}", wall=PATIENCE, output_limit_bytes=MAX_BYTES)
    ended = await run(spec, on_output=take, cancelled=asyncio.Event())
    if ended.reason is not Reason.EXITED or ended.exit_code != 0:
        raise Misconfigured(f"{path} {flag} did not answer: {ended.message}")
    return heard.decode("utf-8", "replace")
