"""Handing in jobs: options, input that is checked at the door, types that nobody knows."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cli.terminal import Terminal
from scene import Scene

APP = """
import jobtrail as jt
app = jt.App()

@app.job("hello", queue="greetings", priority=7, retry=jt.Retry(max_attempts=5), tags=("polite",))
async def hello(name: str, times: int = 1) -> str:
    return f"Hello, {name}!" * times
"""


@pytest.fixture
def project(jobtrail: Terminal, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal in the folder of a project. Its app is imported anew for each test."""
    jobtrail.write("app.py", APP)
    monkeypatch.syspath_prepend(str(jobtrail.folder))
    return jobtrail


def accepted(ran: object) -> UUID:
    return UUID(ran.data["job"]["id"])  # type: ignore[attr-defined]


def test_a_job_has_the_options_of_its_type_and_those_that_are_given(project: Terminal, scene: Scene) -> None:
    plain = scene.job(accepted(project.ok("enqueue", "hello", "name=Ana", "-o", "json")))
    assert (plain.queue, plain.priority, plain.max_attempts, plain.tags) == ("greetings", 7, 5, ["polite"])
    assert plain.input == {"name": "Ana"} and plain.created_by is not None
    job = scene.job(
        accepted(
            project.ok(
                "enqueue", "hello", "name=Ana", "times=3", "-q", "other", "--priority", "urgent", "--tag", "a", "--tag", "b",
                "--title", "For Ana", "--delay", "5m", "-o", "json",
            )
        )
    )  # fmt: skip
    assert (job.queue, job.priority, job.tags, job.title) == ("other", 10, ["polite", "a", "b"], "For Ana")
    assert (job.input, job.status, job.wait_reason) == ({"name": "Ana", "times": 3}, "PENDING", "SCHEDULE")
    assert job.scheduled_at is not None
    assert timedelta(minutes=4) < job.scheduled_at - datetime.now(UTC) <= timedelta(minutes=5)


def test_a_time_to_start_may_be_given(project: Terminal, scene: Scene) -> None:
    id = accepted(project.ok("enqueue", "hello", "name=Ana", "--at", "2099-01-31T12:00:00+02:00", "-o", "json"))
    assert scene.job(id).scheduled_at == datetime(2099, 1, 31, 10, tzinfo=UTC)
    assert project("enqueue", "hello", "name=Ana", "--at", "tomorrow").code == 2
    assert project("enqueue", "hello", "name=Ana", "--at", "2099-01-31", "--delay", "5m").code == 2


def test_a_unique_key_answers_the_job_that_holds_it(project: Terminal) -> None:
    first = project.ok("enqueue", "hello", "name=Ana", "--unique-key", "ana", "-o", "json")
    again = project.ok("enqueue", "hello", "name=Bob", "--unique-key", "ana", "-o", "json")
    assert accepted(first) == accepted(again) and (first.data["created"], again.data["created"]) == (True, False)


def test_an_idempotency_key_answers_the_same_job_or_refuses_another_request(project: Terminal) -> None:
    first = project.ok("enqueue", "hello", "name=Ana", "--idempotency-key", "k", "-o", "json")
    again = project.ok("enqueue", "hello", "name=Ana", "--idempotency-key", "k", "-o", "json")
    assert accepted(first) == accepted(again) and again.data["created"] is False
    refused = project("enqueue", "hello", "name=Bob", "--idempotency-key", "k")
    assert refused.code == 2 and "error[idempotency_conflict]" in refused.err


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        (["nme=Ana"], "nme"),
        ([], "name"),
        (["name=Ana", "times=often"], "times"),
        (["name:=5"], "name"),
        (["Ana"], "Ana"),
    ],
)
def test_input_that_does_not_fit_is_refused_and_nothing_is_enqueued(
    project: Terminal, pairs: list[str], says: str
) -> None:
    ran = project("enqueue", "hello", *pairs)
    assert ran.code == 2 and says in ran.err
    assert project.ok("job", "list", "-o", "json").data == []


def test_a_type_that_nobody_knows_is_refused_with_those_that_there_are(project: Terminal, scene: Scene) -> None:
    scene.new_worker()  # knows the type `demo`
    ran = project("enqueue", "helo", "name=Ana")
    assert ran.code == 2
    assert (
        "did you mean 'hello'?" in ran.err and "command, hello" in ran.err and "live workers also know demo" in ran.err
    )
    assert project.ok("enqueue", "demo", "n:=5", "-o", "json").data["job"]["input"] == {"n": 5}
    assert project.ok("enqueue", "helo", "name=Ana", "--no-check", "-o", "json").data["job"]["type"] == "helo"


def test_a_pipeline_file_is_a_job_too(project: Terminal, scene: Scene) -> None:
    project.write("check.toml", 'title = "Check {input.what}"\npriority = 8\n[input]\nwhat = "it"\n'
                                '[[steps]]\nname = "look"\nrun = ["echo", "{input.what}"]\n')  # fmt: skip
    job = scene.job(accepted(project.ok("enqueue", "check.toml", "what=all", "-q", "ci", "-o", "json")))
    assert (job.type, job.title, job.queue, job.priority) == ("command", "Check all", "ci", 8)
    assert job.input["input"] == {"what": "all"}
    assert project("enqueue", "nothing.toml").code == 5


def test_an_app_that_cannot_be_imported_is_told_with_the_place(jobtrail: Terminal) -> None:
    jobtrail.write("app.py", "import jobtrail\nimport nothing_like_it\n")
    ran = jobtrail.process("enqueue", "hello")
    assert ran.code == 2 and "nothing_like_it" in ran.err and "app.py, line 2" in ran.err and "Traceback" not in ran.err


def test_a_file_that_is_not_ours_is_not_imported(jobtrail: Terminal) -> None:
    jobtrail.write("main.py", "raise SystemExit('never import me')\n")
    ran = jobtrail.process("enqueue", "hello")
    assert ran.code == 2 and "no type of job 'hello'" in ran.err and "JOBTRAIL_APP" in ran.err


def test_waiting_needs_a_job_that_ends(project: Terminal) -> None:
    assert project("enqueue", "hello", "name=Ana", "--wait", "--timeout", "10ms").code == 8
    assert project("enqueue", "hello", "name=Ana", "--timeout", "10ms").code == 2


def test_the_whole_input_may_come_from_stdin(project: Terminal) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "jobtrail", "enqueue", "hello", "times=2", "--input", "-", "-o", "json"],
        input='{"name": "Ana", "times": 1}', check=False, capture_output=True, text=True, cwd=project.folder, env=project.environment,
    )  # fmt: skip
    assert json.loads(done.stdout)["job"]["input"] == {"name": "Ana", "times": 2}, done.stderr
