"""Runs git for us: with nobody's settings, hooks or signatures, in an environment of its own. Knows no job and no worktree."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from jobtrail.core.errors import Misconfigured, Unavailable
from jobtrail.core.jsonguard import clean_text
from jobtrail.process.supervise import Reason, Source, Spec, run
from jobtrail.runners.pipeline.step import Host

AUTHOR: Final = "Jobtrail"
EMAIL: Final = "jobtrail@localhost"
PATIENCE: Final = timedelta(minutes=5)
MAX_OUTPUT_BYTES: Final = 64 << 20
_SAID_BYTES: Final = 1_000
_SETTINGS: Final = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "commit.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
)
# Asked for in a file, because older gits do not take it from the command line: a repository may belong to another user.
_SAFE: Final = "[safe]\n\tdirectory = *\n"


class GitFailed(Unavailable):
    """Git did not do what it was to do, and may do it later; the message has its words."""

    code = "git_failed"


@dataclass(frozen=True, slots=True)
class Git:
    """Git in one folder. `home` is a private folder for its settings; `stop` ends what runs."""

    cwd: Path
    home: Path
    host: Host
    marker: str
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    env: Mapping[str, str] = field(default_factory=dict)

    async def __call__(self, *words: str, stdin: bytes | None = None, into: Path | None = None) -> str:
        """What it prints, or, with `into`, nothing: then that is in the file. Raises GitFailed, Misconfigured."""
        code, out, said = await self.tried(*words, stdin=stdin, into=into)
        if code != 0:
            raise GitFailed(f"git {words[0]} failed in {self.cwd}: {said or f'exit code {code}'}")
        return out

    async def asks(self, *words: str) -> str | None:
        """What it prints, without the end of the line; None when it says no."""
        code, out, _ = await self.tried(*words)
        return out.rstrip("\n") if code == 0 else None

    async def tried(self, *words: str, stdin: bytes | None = None, into: Path | None = None) -> tuple[int, str, str]:
        """Exit code, output and complaints. Raises GitFailed when it did not run to its end."""
        spec = await asyncio.to_thread(self._spec, words, stdin)
        out, err = bytearray(), bytearray()
        file = await asyncio.to_thread(into.open, "wb") if into is not None else None

        def take(source: Source, data: bytes) -> None:
            if source is Source.STDERR:
                err.extend(data[: max(0, _SAID_BYTES * 4 - len(err))])
            elif file is not None:
                file.write(data)
            else:
                out.extend(data)

        try:
            ended = await run(
                spec, on_output=take, cancelled=self.stop, meter=self.host.meter, cgroups=self.host.cgroups
            )
        finally:
            if file is not None:
                await asyncio.to_thread(file.close)
        said = clean_text(bytes(err), max_bytes=_SAID_BYTES).strip()
        if ended.reason is Reason.NOT_STARTED:
            raise Misconfigured(f"git cannot be started on this worker: {ended.message}")
        if ended.reason is not Reason.EXITED or ended.exit_code is None:
            raise GitFailed(f"git {words[0]} in {self.cwd} did not end by itself: {ended.message} {said}".rstrip())
        if ended.dropped_bytes:
            raise GitFailed(f"git {words[0]} in {self.cwd} printed more than {MAX_OUTPUT_BYTES} bytes")
        return ended.exit_code, os.fsdecode(bytes(out)), said

    def _spec(self, words: tuple[str, ...], stdin: bytes | None) -> Spec:
        config = self.home / "git.config"
        config.write_text(_SAFE)
        settings = [part for each in _SETTINGS for part in ("-c", each)]
        return Spec(
            argv=["git", *settings, "--no-pager", "--literal-pathspecs", *words],
            env={**self._environment(config), **self.env},
            marker=self.marker,
            worker=self.host.worker,
            cwd=self.cwd,
            stdin=stdin,
            wall=PATIENCE,
            grace=self.host.grace,
            output_limit_bytes=MAX_OUTPUT_BYTES,
        )

    def _environment(self, config: Path) -> dict[str, str]:
        who = {f"GIT_{role}_{part}": text for role in ("AUTHOR", "COMMITTER") for part, text in _WHO.items()}
        return {
            "PATH": self.host.path,
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(config),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_EDITOR": "true",
            **who,
        }


_WHO: Final = {"NAME": AUTHOR, "EMAIL": EMAIL}
