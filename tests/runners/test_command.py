"""One command as a job: what it gets, what is told of its end, and that nothing leaks. Real processes throughout."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from runners.desk import Bed, FakeDesk

from jobtrail.core.outcome import Done, Dropped, Fail, Stopped
from jobtrail.core.redact import MASK
from jobtrail.core.status import AttemptStatus, LogLevel, LogSource, ResultStatus
from jobtrail.runners.command import CommandRunner

SECRET = "correct-horse/battery+staple"
PYTHON = (sys.executable, "-I", "-S", "-c")


def shell(text: str, **more: object) -> dict[str, object]:
    return {"run": text, "shell": True, **more}


def fifo(folder: Path, name: str = "fifo") -> Path:
    path = folder / name
    os.mkfifo(path)
    return path


async def tell(path: Path) -> None:
    """Let the command go on that reads from this fifo."""
    await asyncio.to_thread(path.write_text, "go\n")


def failed(bed: Bed) -> Fail:
    outcome = bed.attempt()
    assert isinstance(outcome, Fail), outcome
    return outcome


def test_a_command_that_ends_with_zero_is_done(tmp_path: Path) -> None:
    bed = Bed(tmp_path, {"run": ["echo", "hello {there} $HOME"]})
    outcome = bed.attempt()
    assert isinstance(outcome, Done)
    assert outcome.status is ResultStatus.SUCCESS
    assert outcome.summary == "1 step completed"
    assert isinstance(outcome.output, dict)
    assert outcome.output["steps"]["command"] | {"duration_ms": 0} == {
        "status": "COMPLETED",
        "exit_code": 0,
        "duration_ms": 0,
    }
    assert outcome.used.exit_code == 0
    assert outcome.used.cpu_seconds is not None
    assert bed.desk.printed(source=LogSource.STDOUT) == ["hello {there} $HOME"]
    assert bed.desk.printed(source=LogSource.SYSTEM) == ["$ echo 'hello {there} $HOME'"]
    assert bed.desk.signs_of_life >= 1
    assert bed.desk.percents[-1] == 100


def test_a_failure_says_the_code_and_the_last_lines_without_colours(tmp_path: Path) -> None:
    bed = Bed(tmp_path, shell("echo out; printf '\\033[31mbad thing\\033[0m\\n' >&2; exit 3"))
    outcome = failed(bed)
    assert (outcome.code, outcome.status, outcome.final) == ("exit_code", AttemptStatus.FAILED, False)
    assert outcome.message == "step 'command' ended with exit code 3\nbad thing"
    assert outcome.used.exit_code == 3
    assert bed.desk.printed(source=LogSource.STDERR) == ["\x1b[31mbad thing\x1b[0m"]
    assert bed.memory.steps["command"].error == outcome.message


def test_what_a_failure_printed_to_stdout_is_told_if_there_is_nothing_else(tmp_path: Path) -> None:
    assert failed(Bed(tmp_path, shell("echo 1 failed; exit 1"))).message.endswith("exit code 1\n1 failed")


def test_a_long_end_is_cut(tmp_path: Path) -> None:
    outcome = failed(Bed(tmp_path, {"run": [*PYTHON, "import sys; print('x' * 100_000); sys.exit(1)"]}))
    assert len(outcome.message.encode()) <= 4_096


def test_a_command_that_dies_of_a_signal_says_which(tmp_path: Path) -> None:
    outcome = failed(Bed(tmp_path, shell("kill -SEGV $$")))
    assert outcome.code == "signal"
    assert outcome.message == "step 'command' died of SIGSEGV"


def test_a_command_that_does_not_exist_is_not_tried_again(tmp_path: Path) -> None:
    outcome = failed(Bed(tmp_path, {"run": ["no-such-command-here"]}))
    assert (outcome.code, outcome.final) == ("not_found", True)
    assert "'no-such-command-here' is in no folder of PATH" in outcome.message
    assert "trying again does not help" in outcome.message


def test_a_folder_that_does_not_exist_is_no_missing_command(tmp_path: Path) -> None:
    outcome = failed(Bed(tmp_path, {"run": ["true"], "cwd": "src"}))
    assert (outcome.code, outcome.final) == ("not_started", False)
    assert "does not exist" in outcome.message


def test_a_relative_folder_cannot_lead_out_through_a_link(tmp_path: Path) -> None:
    steps = [{"name": "a", "run": ["ln", "-s", "/etc", "src"]}, {"name": "b", "run": ["ls"], "cwd": "src"}]
    outcome = failed(Bed(tmp_path, {"steps": steps}))
    assert "leads out of the job's folder" in outcome.message


def test_an_absolute_folder_is_taken(tmp_path: Path) -> None:
    bed = Bed(tmp_path / "job", {"run": ["pwd"], "cwd": str(tmp_path)})
    assert isinstance(bed.attempt(), Done)
    assert bed.desk.printed(source=LogSource.STDOUT) == [str(tmp_path)]


@pytest.mark.parametrize(("key", "code"), [("timeout", "timeout"), ("idle_timeout", "idle_timeout")])
def test_a_command_that_takes_too_long_is_a_failure_by_time(tmp_path: Path, key: str, code: str) -> None:
    outcome = failed(Bed(tmp_path, shell("echo waiting; exec tail -f /dev/null", **{key: "250ms"})))
    assert (outcome.code, outcome.status) == (code, AttemptStatus.TIMED_OUT)
    assert "timeout of 250ms" in outcome.message
    assert outcome.message.endswith("\nwaiting")


def test_a_command_that_is_out_of_memory_says_so(tmp_path: Path) -> None:
    bed = Bed(tmp_path, {"run": [*PYTHON, "x = bytearray(b'x' * (300 << 20)); input()"], "stdin": ""})
    outcome = bed.attempt(runner=CommandRunner(memory_limit_bytes=64 << 20))
    assert isinstance(outcome, Fail)
    assert outcome.code == "oom"
    assert "ran out of memory" in outcome.message


def test_a_command_reads_what_it_is_given(tmp_path: Path) -> None:
    bed = Bed(tmp_path, {"run": ["cat"], "stdin": "a {b}\nü"})
    bed.attempt()
    assert bed.desk.printed(source=LogSource.STDOUT) == ["a {b}", "ü"]


def test_bytes_that_are_no_text_are_no_reason_to_fail(tmp_path: Path) -> None:
    code = "import os; os.write(1, bytes(range(256)) * 40 + b'\\n' + b'end')"
    bed = Bed(tmp_path, {"run": [*PYTHON, code]})
    assert isinstance(bed.attempt(), Done)
    printed = bed.desk.printed(source=LogSource.STDOUT)
    assert printed[-1] == "end"
    assert "\0" not in "".join(printed)
    assert "\ufffd" in "".join(printed)
    "".join(printed).encode()


def test_a_command_inherits_nothing_of_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBTRAIL_DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("PGPASSWORD", "secret")
    monkeypatch.setenv("PATH", f".:{os.environ['PATH']}:relative:")
    bed = Bed(tmp_path, {"run": ["env"], "env": {"MINE": "a b"}})
    bed.attempt()
    env = dict(line.split("=", 1) for line in bed.desk.printed(source=LogSource.STDOUT))
    assert env.keys() == {"PATH", "HOME", "TMPDIR", "LANG", "MINE", "JOBTRAIL_ATTEMPT"}
    assert env["MINE"] == "a b"
    assert all(part.startswith("/") for part in env["PATH"].split(":"))
    for name in ("HOME", "TMPDIR"):
        assert Path(env[name]).is_dir()
        assert Path(env[name]).is_relative_to(tmp_path)


def test_a_secret_that_is_split_over_chunks_is_hidden(tmp_path: Path) -> None:
    go = fifo(tmp_path)
    code = "import os, sys; key = os.environ['KEY']; os.write(1, key[:9].encode()); open(sys.argv[1]).read(); print(key[9:])"
    bed = Bed(
        tmp_path / "job", {"run": [*PYTHON, code, str(go)], "env": {"KEY": "$env:API_KEY"}}, secrets={"API_KEY": SECRET}
    )

    async def meanwhile(desk: FakeDesk) -> None:
        await desk.until(lambda: desk.signs_of_life)
        assert not desk.printed(source=LogSource.STDOUT)
        await tell(go)

    assert isinstance(bed.attempt(meanwhile), Done)
    assert bed.desk.printed(source=LogSource.STDOUT) == [MASK]


def test_a_secret_is_in_no_text_that_is_stored(tmp_path: Path) -> None:
    step = {
        "name": "leak",
        "shell": True,
        "run": 'echo "$KEY" > "$KEY_FILE"; echo "it is $KEY" >&2; echo "{\\"key\\": \\"$KEY\\"}"; exit $CODE',
        "env": {"KEY": {"env": "API_KEY"}, "KEY_FILE": "k.txt", "CODE": "{input.code}"},
        "output": "stdout_json",
        "artifacts": ["*.txt"],
    }
    for code in ("0", "1"):
        bed = Bed(tmp_path / code, {"steps": [step], "input": {"code": code}}, secrets={"API_KEY": SECRET})
        outcome = bed.attempt()
        assert isinstance(outcome, Fail if code == "1" else Done)
        assert SECRET not in bed.desk.everything()
        assert SECRET not in repr(outcome)
        assert MASK in repr(outcome)
        assert bed.desk.kept[0].content == SECRET.encode() + b"\n"


def test_a_secret_that_the_worker_does_not_have_is_told_before_anything_runs(tmp_path: Path) -> None:
    bed = Bed(tmp_path, {"run": ["touch", "ran"], "env": {"KEY": "$env:API_KEY"}})
    outcome = failed(bed)
    assert outcome.code == "misconfigured"
    assert "no variable API_KEY" in outcome.message
    assert not (bed.work / "ran").exists()


def test_a_secret_too_short_to_be_hidden_is_refused(tmp_path: Path) -> None:
    outcome = failed(Bed(tmp_path, {"run": ["true"], "env": {"KEY": "$env:PIN"}}, secrets={"PIN": "123"}))
    assert "at least 4 characters" in outcome.message


def test_a_value_cannot_name_a_secret(tmp_path: Path) -> None:
    """Only who writes the pipeline can: else whoever fills it in could read all that the worker knows."""
    step = {"name": "a", "run": ["sh", "-c", "echo $WHO"], "env": {"WHO": "{input.who}"}}
    bed = Bed(tmp_path, {"steps": [step], "input": {"who": "$env:API_KEY"}}, secrets={"API_KEY": SECRET})
    bed.attempt()
    assert bed.desk.printed(source=LogSource.STDOUT) == ["$env:API_KEY"]


def test_an_input_that_cannot_be_run_fails_for_good(tmp_path: Path) -> None:
    outcome = failed(Bed(tmp_path, {"run": ["true"], "timeout": "soon"}))
    assert (outcome.code, outcome.final) == ("invalid", True)
    assert "timeout" in outcome.message


def test_a_command_is_stopped_with_all_that_it_started(tmp_path: Path) -> None:
    lock = fifo(tmp_path)
    bed = Bed(tmp_path / "job", shell(f"sh -c 'exec > {lock}; echo up >&2; exec tail -f /dev/null' & wait"))

    async def meanwhile(desk: FakeDesk) -> None:
        reader = asyncio.ensure_future(asyncio.to_thread(lock.read_bytes))
        await desk.until(lambda: "up" in desk.printed())
        desk.stop("cancelled")
        await asyncio.wait_for(reader, 60)  # ends when the last writer is dead

    outcome = bed.attempt(meanwhile)
    assert isinstance(outcome, Stopped)
    assert outcome.used.cpu_seconds is not None
    assert bed.memory.statuses() == {"command": "FAILED"}
    assert "the job is to stop" in str(bed.memory.steps["command"].error)


def test_a_secret_in_the_name_of_a_file_is_hidden(tmp_path: Path) -> None:
    run = 'ln -s nothing "$KEY.lnk"; echo x > "$KEY.txt"'
    step = {"name": "a", "type": "ARTIFACT", "shell": True, "run": run, "env": {"KEY": "$env:API_KEY"}}
    for pattern, answer in (("*", Done), ("*.lnk", Fail)):
        bed = Bed(
            tmp_path / pattern[1:], {"steps": [step | {"artifacts": [pattern]}]}, secrets={"API_KEY": "correct-horse"}
        )
        outcome = bed.attempt()
        assert isinstance(outcome, answer)
        assert f"'{MASK}.lnk' is not kept: it is a link to nothing" in bed.desk.printed()
        assert "correct-horse" not in bed.desk.everything() + repr(outcome)


def test_a_lost_attempt_stops_its_command_and_says_nothing_more(tmp_path: Path) -> None:
    go = fifo(tmp_path)
    steps = [
        {"name": "a", "shell": True, "run": f"echo up; read _ < {go}; echo more; exec tail -f /dev/null"},
        {"name": "b", "run": ["touch", str(tmp_path / "ran")], "phase": "CLEANUP"},
    ]
    bed = Bed(tmp_path / "job", {"steps": steps})

    async def meanwhile(desk: FakeDesk) -> None:
        await desk.until(lambda: "up" in desk.printed())
        desk.lost = Dropped()
        await tell(go)

    with pytest.raises(Dropped):
        bed.attempt(meanwhile)
    assert "more" not in bed.desk.printed()
    assert bed.memory.statuses() == {"a": "RUNNING"}
    assert not (tmp_path / "ran").exists()


def test_an_attempt_that_is_lost_while_nothing_is_printed_stops_too(tmp_path: Path) -> None:
    bed = Bed(tmp_path, shell("echo up; exec tail -f /dev/null"))

    async def meanwhile(desk: FakeDesk) -> None:
        await desk.until(lambda: "up" in desk.printed())
        desk.stop("lost")

    with pytest.raises(Dropped):
        bed.attempt(meanwhile)
    assert bed.memory.statuses() == {"command": "RUNNING"}


def test_a_flood_of_output_is_cut_and_the_cut_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobtrail.runners.pipeline.step.MAX_OUTPUT_BYTES", 1_000)
    bed = Bed(tmp_path, shell("for i in $(seq 1000); do echo 123456789; done"))
    assert isinstance(bed.attempt(), Done)
    assert len(bed.desk.printed(source=LogSource.STDOUT)) == 100
    warnings = [line.message for _, line in bed.desk.lines if line.level is LogLevel.WARN]
    assert warnings == ["9000 bytes of output were dropped"]
