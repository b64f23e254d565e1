"""A recorded agent says once more what it said: a pipeline around it is tested without the program, an account or a network."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from claude.studio import Studio

from jobtrail.cli.job_record import lines
from jobtrail.core.errors import Invalid, NotFound
from jobtrail.core.status import JobStatus
from jobtrail.testing import Recording, fake_agent, recording


def recorded(studio: Studio, name: str) -> tuple[Path, Recording]:
    """The recording of a job whose agent said what a file of ours holds."""
    studio.play([{"recording": f"{name}.ndjson"}])
    job = studio.run()
    path = studio.folder / f"{name}.job.ndjson"
    path.write_bytes(b"".join(lines(studio.client, job.id)))
    return path, recording(path)


@pytest.mark.parametrize("name", ["rec_ok", "rec_tool", "rec_deny", "rec_maxturns"])
def test_a_job_on_a_recorded_agent_ends_as_the_recorded_one(studio: Studio, name: str) -> None:
    path, before = recorded(studio, name)
    program = fake_agent(path, studio.folder / "recorded")
    studio.environ["JOBTRAIL_CLAUDE_PATH"] = str(program)
    again = studio.run()
    assert (again.status, again.error_code) == (before.job.status, before.job.error_code)
    assert [(step.name, step.status) for step in studio.steps(again.id)] == [
        (one.name, one.status) for one in before.steps
    ]
    if before.job.status == JobStatus.COMPLETED:
        assert before.result is not None
        same = ("result", "turns", "denials", "model", "cost_usd", "tokens", "checks")
        output = studio.output(again.id)
        assert {key: output[key] for key in same} == {key: before.result.output[key] for key in same}
        assert output["session_id"] != before.result.output["session_id"]
    used = [(one.model, one.output_tokens, one.cost_usd) for one in studio.usage(again.id)]
    assert used == [(one.model, one.output_tokens, one.cost_usd) for one in before.usage]


def test_what_the_agent_printed_is_found_line_by_line_and_invocation_by_invocation(studio: Studio) -> None:
    studio.play([{"recording": "rec_ok.ndjson"}])
    first = studio.run()
    _, found = recorded(studio, "rec_tool")
    assert studio.raw(found.job.id) == [line for one in found.invocations for line in one.lines]
    (one,) = found.invocations
    assert json.loads(one.lines[0])["subtype"] == "init"
    assert one.exit_code == 0 and one.result is not None and one.result["subtype"] == "success"
    assert found.complete and found.job.type == "claude" and first.status == JobStatus.COMPLETED


def run(program: Path, *argv: str, prompt: str = "do it") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program), *argv], input=prompt, capture_output=True, text=True, env={}, timeout=60, check=False
    )


def test_the_program_speaks_of_the_session_that_it_is_run_with_and_stops_where_the_recording_does(
    studio: Studio,
) -> None:
    path, found = recorded(studio, "rec_ok")
    program = fake_agent(path, studio.folder / "recorded")
    assert run(program, "--version").stdout.startswith("2.1.197 ")
    assert run(program, "--help").returncode == 0
    ran = run(program, "-p", "--session-id", "my-session")
    assert ran.returncode == 0
    said = [json.loads(line) for line in ran.stdout.splitlines()]
    assert {one["session_id"] for one in said if "session_id" in one} == {"my-session"}
    assert len(said) == len(found.invocations[0].lines)
    more = run(program, "-p", "--resume", "my-session")
    assert (more.returncode, more.stdout) == (1, "")
    assert "has 1 invocations and no more" in more.stderr
    fake_agent(found, studio.folder / "recorded")
    assert run(program, "-p").stdout.splitlines() == list(found.invocations[0].lines)


def test_a_recording_in_which_no_agent_spoke_has_no_program(studio: Studio) -> None:
    path, found = recorded(studio, "rec_ok")
    with pytest.raises(Invalid, match="no agent spoke"):
        fake_agent(replace(found, lines=()), studio.folder)
    with pytest.raises(NotFound):
        recording(studio.folder / "nowhere.ndjson")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(Invalid):
        recording(path)
