"""Runs jobs of type `command`: one command, or a pipeline written as data. The worker finds it by its entry point."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from jobtrail.core.errors import Invalid
from jobtrail.core.outcome import Fail, Outcome
from jobtrail.process.supervise import Meter
from jobtrail.runners.context import Context
from jobtrail.runners.pipeline.course import Course
from jobtrail.runners.pipeline.environment import search_path
from jobtrail.runners.pipeline.folder import Folder
from jobtrail.runners.pipeline.parse import COMMAND, parse_input
from jobtrail.runners.pipeline.schema import command_schema
from jobtrail.runners.pipeline.step import Host


class CommandRunner:
    """The runner. A worker has one, so that all its commands are measured together.

    `worker` is the worker's id: what its commands started is found by it, should the worker be killed. `cgroups` is what
    `cgroup.delegated()` answered. Whoever stops a job tells the desk; cancelling `run` itself kills without CLEANUP.
    """

    type = COMMAND
    description = "Runs a command, or a pipeline: steps in phases, with gates, conditions, retries and files to keep."
    kills_itself = True  # told to stop, it does so itself, and cleans up: the worker need not interrupt it

    def __init__(
        self,
        *,
        worker: str = "",
        meter: Meter | None = None,
        cgroups: Path | None = None,
        grace: timedelta = timedelta(seconds=10),
        memory_limit_bytes: int | None = None,
    ) -> None:
        self._host = Host(
            path=search_path(os.environ.get("PATH", "")),
            worker=worker,
            meter=meter or Meter(),
            cgroups=cgroups,
            grace=grace,
            memory_limit_bytes=memory_limit_bytes,
        )

    def serve(self, worker: str, cgroups: Path | None) -> None:
        """Works for this worker from now on: what its commands start carries its mark."""
        self._host = replace(self._host, worker=worker, cgroups=cgroups)

    def schema(self) -> dict[str, Any]:
        """The JSON schema of the input."""
        return command_schema()

    def validate(self, input: Any) -> Mapping[str, str]:
        """What is wrong with an input, by field; empty when it can be run."""
        try:
            parse_input(input)
        except Invalid as error:
            return error.fields or {"input": error.message}
        return {}

    async def run(self, context: Context) -> Outcome:
        """One attempt, to its end. What the commands do is an outcome; only what the desk raises is raised."""
        try:
            plan = parse_input(context.input)
        except Invalid as error:
            return Fail(error.code, error.message, final=True)
        folder = await asyncio.to_thread(Folder, context.desk.workdir(), str(context.job_id))
        return await Course(context, plan, self._host, folder).to_the_end()
