"""`jobtrail run`: one job in one command, worked here to its end."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from cli.terminal import Terminal
from scene import Scene

APP = """
import asyncio
import sys
import jobtrail as jt
app = jt.App()

@app.job("hello", queue="greetings")
async def hello(ctx: jt.Context, name: str) -> str:
    print("thinking of", name)
    ctx.log.warning("slowly", name=name)
    await ctx.step("think", asyncio.sleep, 0)
    await ctx.asset("greeting.txt", name.encode())
    return f"Hello, {name}!"

@app.job("boom", retry=jt.Retry(max_attempts=1))
def boom() -> None:
    raise ValueError("boom")

@app.job("flaky", retry=jt.Retry(max_attempts=2, delay="10ms"))
async def flaky(ctx: jt.Context) -> int:
    await ctx.step("once", asyncio.sleep, 0)
    if ctx.attempt == 1:
        raise ValueError("the first time")
    return ctx.attempt

def few(n: int):
    return {"n": f"{n} are too many"} if n > 3 else None

@app.job("few", check=few)
def run_few(n: int) -> int:
    return n

@app.job("give-up")
async def give_up() -> None:
    raise jt.Cancel("no point")

@app.job("endless")
async def endless(ctx: jt.Context) -> None:
    print("begun", flush=True)
    await ctx.step("wait", asyncio.sleep, 3600)

@app.job("ask")
async def ask(ctx: jt.Context) -> str:
    decision = await ctx.gate("May it?")
    return decision.by[0]
"""


@pytest.fixture
def project(jobtrail: Terminal, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal in the folder of a project, whose app is imported anew."""
    jobtrail.write("app.py", APP)
    monkeypatch.syspath_prepend(str(jobtrail.folder))
    return jobtrail


def test_what_a_job_prints_and_returns_goes_to_stdout_and_its_story_to_stderr(project: Terminal) -> None:
    ran = project("run", "hello", "name=Ana", "--title", "For Ana", "--tag", "a")
    assert (ran.code, ran.out) == (0, "thinking of Ana\nHello, Ana!\n")
    for part in (
        '"For Ana"',
        "▶ on w-",
        "● think",
        "✓ think",
        "WARN: slowly  name=Ana",
        "✓ COMPLETED in",
        "1 file: jobtrail file list",
    ):
        assert part in ran.err, part


def test_with_json_stdout_is_one_document(project: Terminal) -> None:
    ran = project.ok("run", "hello", "name=Ana", "-o", "json")
    assert ran.data["result"]["output"] == "Hello, Ana!" and ran.data["job"]["status"] == "COMPLETED"
    assert "thinking of Ana" in ran.err


def test_with_jsonl_stdout_is_the_story(project: Terminal) -> None:
    lines = project.ok("run", "hello", "name=Ana", "-o", "jsonl").lines
    assert [line["event"]["type"] for line in lines if "event" in line][:2] == ["job.created", "job.started"]
    assert [line["log"]["message"] for line in lines if "log" in line] == ["thinking of Ana", "slowly"]
    assert lines[-1]["result"]["output"] == "Hello, Ana!"


def test_the_exit_code_is_the_outcome(project: Terminal) -> None:
    failed = project("run", "boom")
    assert failed.code == 3 and "ValueError: boom" in failed.err and "Traceback" not in failed.err
    cancelled = project("run", "give-up")
    assert cancelled.code == 7 and "no point" in cancelled.err


def test_a_failure_is_tried_again_here_and_finished_steps_are_kept(project: Terminal) -> None:
    ran = project("run", "flaky")
    assert (ran.code, ran.out) == (0, "2\n")
    assert ran.err.count("✓ once") == 1 and "▶ attempt 2" in ran.err


def test_the_job_gets_a_queue_of_its_own_and_no_other_job_is_taken(project: Terminal, scene: Scene) -> None:
    other = scene.enqueue(type="boom", queue="greetings")
    project.ok("run", "hello", "name=Ana")
    assert scene.job(other).status == "QUEUED"
    mine = project.ok("job", "get", "-o", "json").data["job"]
    assert mine["queue"] == f"run-{mine['id'][-8:]}"


def test_a_command_and_a_pipeline_run_the_same_way(project: Terminal, folder: Path) -> None:
    ran = project("run", "command", """run:=["sh", "-c", "echo out; echo err >&2"]""")
    assert ran.code == 0 and ran.out.startswith("out\n") and "err" in ran.err
    project.write("check.toml", '[input]\nword = "x"\n[[steps]]\nname = "say"\nrun = ["echo", "{input.word}"]\n'
                                '[[steps]]\nname = "judge"\ntype = "GATE"\nphase = "VALIDATION"\nrun = ["false"]\n')  # fmt: skip
    ran = project("run", "check.toml", "word=hey")
    assert ran.code == 3 and ran.out.startswith("hey\n") and "judge" in ran.err


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [([], 2, "--resume"), (["helo"], 2, "did you mean 'hello'?"), (["hello"], 2, "name"), (["x.toml"], 5, "x.toml"),
     (["--resume", "@last"], 5, "no job"), (["hello", "--resume", "@last"], 2, "--resume")],
)  # fmt: skip
def test_what_cannot_run_leaves_no_job(project: Terminal, argv: list[str], code: int, says: str) -> None:
    ran = project("run", *argv)
    assert ran.code == code and says in ran.err
    assert project.ok("job", "list", "-o", "json").data == []


def test_a_pipeline_needs_no_app_that_works(jobtrail: Terminal) -> None:
    jobtrail.write("app.py", "import jobtrail\nraise RuntimeError('broken')\n")
    jobtrail.write("say.toml", '[[steps]]\nname = "say"\nrun = ["echo", "hi"]\n')
    assert jobtrail.process("run", "say.toml").out.startswith("hi\n")


def test_ctrl_c_cancels_the_job_and_waits_for_that(project: Terminal, scene: Scene) -> None:
    with project.started("run", "endless") as run:
        run.says("begun")
        run.interrupt()
        ran = run.ends()
    assert ran.code == 130 and "⊘ CANCELLED" in ran.err and "Traceback" not in ran.err
    job = project.ok("job", "get", "-o", "json").data["job"]
    assert (job["status"], job["cancel_reason"]) == ("CANCELLED", "interrupted with Ctrl-C")


def test_a_run_that_was_killed_goes_on_where_it_was(project: Terminal, scene: Scene) -> None:
    with project.started("run", "endless") as run:
        run.says("● wait")
        run.process.kill()
        run.ends()
    text = project.folder.joinpath("app.py").read_text().replace("asyncio.sleep, 3600", "asyncio.sleep, 0")
    project.write("app.py", text)
    ran = project.process("run", "--resume", "@last")
    assert ran.code == 0, ran
    assert [attempt.status for attempt in scene.attempts(_last(project))] == ["LOST", "COMPLETED"]


def test_a_run_that_failed_can_be_resumed_and_others_are_left_to_their_workers(project: Terminal, scene: Scene) -> None:
    assert project("run", "boom").code == 3
    retried = project.ok("job", "retry", "@last")
    assert "jobtrail run --resume" in retried.err
    assert project("run", "--resume", "@last").code == 3
    scene.enqueue(queue="greetings")
    left = project("run", "--resume", "@last")
    assert left.code == 6 and "greetings" in left.err
    project.ok("run", "hello", "name=Ana")
    assert project("run", "--resume", "@last").code == 6


def test_a_rerun_of_it_goes_to_the_queue_of_its_type(project: Terminal) -> None:
    project.ok("run", "hello", "name=Ana")
    project.ok("job", "rerun", "@last", "name=Bob")
    job = project.ok("job", "get", "-o", "json").data["job"]
    assert (job["queue"], job["input"]) == ("greetings", {"name": "Bob"})


def test_a_gate_holds_it_until_somebody_decides_elsewhere(project: Terminal) -> None:
    with project.started("run", "ask") as run:
        run.says("May it?")
        project.ok("gate", "approve", "@last")
        ran = run.ends()
    assert ran.code == 0 and "◆ approved by" in ran.err


def _last(project: Terminal) -> UUID:
    return UUID(project.ok("job", "get", "-o", "json").data["job"]["id"])


def test_an_input_is_checked_before_it_runs(project: Terminal, scene: Scene) -> None:
    assert project.ok("run", "few", "n=3").out == "3\n"
    ran = project("run", "few", "n=4")
    assert (ran.code, "its input is not valid: n: 4 are too many" in ran.err) == (3, True)
    project.ok("enqueue", "few", "n=1")
    assert project.ok("job", "list", "--status", "PENDING", "-o", "json").data[0]["wait_reason"] == "VALIDATION"
    assert "Its input waits to be checked" in project.ok("job", "why", "@last").out
    assert "for the check of its input" in project.ok("job", "timeline", "@last").out
