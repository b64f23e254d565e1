"""Runners that belong to no app, under test: brought, enqueued by their type, checked and run through the worker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import jobtrail as jt
from jobtrail.core.errors import Invalid, UnknownType
from jobtrail.testing import Lab


class Measure:
    type = "file.measure"

    def validate(self, input: Any) -> Mapping[str, str]:
        return {} if isinstance(input.get("file"), str) else {"input.file": "must be text"}

    async def check(self, context: jt.Context) -> Mapping[str, str]:
        there = await asyncio.to_thread(Path(context.input["file"]).is_file)
        return {} if there else {"input.file": "is not there"}

    async def run(self, context: jt.Context) -> jt.Outcome:
        return jt.Done((await asyncio.to_thread(Path(context.input["file"]).stat)).st_size)


def test_a_runner_that_was_brought_runs(jobtrail: Lab, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("four")
    jobtrail.add(Measure())
    job = jobtrail.enqueue("file.measure", file=str(tmp_path / "a.txt"))
    assert [one.id for one in jobtrail.drain()] == [job.id]
    assert jobtrail.result(job.id) == 4
    assert "job.validating" in [event.type for event in jobtrail.events(job.id)]


def test_what_its_check_finds_ends_the_job_before_it_runs(jobtrail: Lab, tmp_path: Path) -> None:
    jobtrail.add(Measure())
    job = jobtrail.enqueue("file.measure", file=str(tmp_path / "nowhere"))
    jobtrail.drain()
    ended = jobtrail.job(job.id)
    assert ended.status == "FAILED" and "is not there" in (ended.error_message or "")
    assert jobtrail.client.attempts(job.id) == []


def test_what_it_refuses_is_refused_at_the_door(jobtrail: Lab) -> None:
    jobtrail.add(Measure())
    with pytest.raises(Invalid, match=r"input\.file: must be text"):
        jobtrail.enqueue("file.measure", file=4)
    assert jobtrail.jobs() == []


def test_a_type_that_nobody_brought_is_unknown(jobtrail: Lab) -> None:
    with pytest.raises(UnknownType, match=r"jobtrail\.add"):
        jobtrail.enqueue("file.measure", file="x")


def test_an_installed_type_need_not_be_brought(jobtrail: Lab) -> None:
    job = jobtrail.enqueue("command", run=["true"])
    jobtrail.drain()
    assert jobtrail.job(job.id).status == "COMPLETED"
