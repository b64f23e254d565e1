"""Runs jobs of type `claude`: Claude Code without a terminal. The worker finds it by its entry point."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from jobtrail import settings
from jobtrail.core.errors import Invalid, JobtrailError
from jobtrail.core.outcome import Fail, Outcome
from jobtrail.process.supervise import Meter
from jobtrail.runners.claude import spec as specs
from jobtrail.runners.claude.agent import Agent
from jobtrail.runners.claude.argv import Extras, Session, argv
from jobtrail.runners.claude.home import HOME_SETTING, environment, open_home
from jobtrail.runners.claude.place import resolved, wrong_cwd
from jobtrail.runners.claude.program import PATH_SETTING, Programs
from jobtrail.runners.claude.spec import ClaudeSpec, parse
from jobtrail.runners.context import Context
from jobtrail.runners.pipeline.environment import Secrets, search_path
from jobtrail.runners.pipeline.step import Host


class ClaudeRunner:
    """The runner. A worker has one, so that all its programs are measured together, and asked for their version once."""

    type = "claude"
    description = specs.DESCRIPTION
    kills_itself = True  # told to stop, it does so itself: the session can go on, and nothing of it is left running

    def __init__(
        self,
        *,
        worker: str = "",
        meter: Meter | None = None,
        cgroups: Path | None = None,
        grace: timedelta = timedelta(seconds=10),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """`environ` None: that of this process, with its settings from wherever they are."""
        self._given = environ
        self._programs = Programs()
        self._host = Host(
            path=search_path((os.environ if environ is None else environ).get("PATH", "")),
            worker=worker,
            meter=meter or Meter(),
            cgroups=cgroups,
            grace=grace,
        )

    @property
    def _environ(self) -> Mapping[str, str]:
        if self._given is not None:
            return self._given
        config = settings.load()
        found = {PATH_SETTING: str(config.claude_path)} if config.claude_path is not None else {}
        return {**os.environ, **found, HOME_SETTING: config.claude_home}

    def serve(self, worker: str, cgroups: Path | None) -> None:
        """Works for this worker from now on: what its programs start carries its mark."""
        self._host = replace(self._host, worker=worker, cgroups=cgroups)

    def schema(self) -> dict[str, Any]:
        """The JSON schema of the input."""
        return specs.schema()

    def validate(self, input: Any) -> Mapping[str, str]:
        """What is wrong with an input, by field; empty when it can be run."""
        try:
            parse(input)
        except Invalid as error:
            return error.fields or {"input": error.message}
        return {}

    async def check(self, context: Context) -> Mapping[str, str]:
        """What is missing on this machine, by field; empty when nothing is."""
        try:
            spec = parse(context.input)
        except Invalid as error:
            return error.fields or {"input": error.message}
        found: dict[str, str] = {}
        if (wrong := await asyncio.to_thread(wrong_cwd, spec)) is not None:
            found["cwd"] = wrong
        elif spec.tree is not None and not await asyncio.to_thread(_is_repository, Path(spec.cwd or "")):
            found["cwd"] = f"{spec.cwd!r} is not in a git repository, which `worktree` needs"
        if spec.permission_mode == "bypassPermissions" and os.geteuid() == 0:
            found["permission_mode"] = "bypassPermissions is refused to root; run the worker as another user"
        return found | await self._check_program(context, spec)

    async def _check_program(self, context: Context, spec: ClaudeSpec) -> dict[str, str]:
        """Whether the program is there, takes the flags, and the secrets that are named exist."""
        secrets = Secrets(context.desk.secret)
        try:
            own = await asyncio.to_thread(context.desk.home)
            home = await asyncio.to_thread(open_home, own, own / "claude-checks", self._environ)
            environment(home, self._environ, spec.env, secrets)
            env = environment(home, self._environ, {}, secrets)
            resolved(spec.mcp_servers, secrets)
        except (JobtrailError, OSError) as error:
            return {"env": str(error)}
        try:
            program = await self._programs.get(self._environ, env, str(context.assignment.attempt_id))
            argv(program, spec, Session(id="0"), Extras())
        except (JobtrailError, OSError) as error:
            return {"input": str(error)}
        return {}

    async def run(self, context: Context) -> Outcome:
        """One attempt, to its end. What the program does is an outcome; only what the desk raises is raised."""
        try:
            spec = parse(context.input)
        except Invalid as error:
            return Fail(error.code, error.message, final=True)
        agent = Agent(context, spec, host=self._host, programs=self._programs, environ=self._environ)
        return await agent.to_the_end()


def _is_repository(folder: Path) -> bool:
    return any((each / ".git").exists() for each in (folder, *folder.parents)) or (folder / "HEAD").is_file()
