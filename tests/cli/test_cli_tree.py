"""The tree of commands: quick help, honest help, twins of every option, errors that say what to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.terminal import Terminal
from cyclopts import App, Argument

import jobtrail as package
from jobtrail.cli import main, tree
from jobtrail.cli.flags import twin
from jobtrail.cli.place import NOT_MEANT
from jobtrail.core import config

HELP_ALONE = """
import sys, types
jobtrail = types.ModuleType("jobtrail")
jobtrail.__path__ = [sys.argv.pop()]
sys.modules["jobtrail"] = jobtrail
from jobtrail.cli import main
code = main(sys.argv[1:])
heavy = {"psycopg", "msgspec", "asyncio", "jobtrail.client", "jobtrail.app"} & set(sys.modules)
print(*heavy, file=sys.stderr)
sys.exit(code)
"""


def commands(app: App | None = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], App]]:
    """Every command that does something, with its words."""
    app = app or tree.tree()
    for name in app:
        if name.startswith("-"):
            continue
        found = app[name]
        if found.default_command is not None:
            yield (*path, name), found
        else:
            yield from commands(found, (*path, name))


COMMANDS = dict(commands())


def arguments(app: App) -> list[Argument]:
    return [argument for argument in app.assemble_argument_collection(parse_docstring=True) if argument.show]


@pytest.mark.parametrize("argv", [["--help"], ["job", "--help"], []], ids=["help", "help of a noun", "nothing"])
def test_help_imports_no_driver_and_no_command(argv: list[str]) -> None:
    source = str(Path(package.__file__).parent)
    ran = subprocess.run([sys.executable, "-c", HELP_ALONE, *argv, source], check=False, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr.strip()) == (0, "")
    assert "jobtrail" in ran.stdout


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for path in COMMANDS:
        assert main([*path[:-1], "--help"]) == 0
        assert f"  {path[-1]}: " in capsys.readouterr().out


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_option_says_what_it_is_for(path: tuple[str, ...]) -> None:
    function = COMMANDS[path].default_command
    assert function is not None and function.__doc__
    for argument in arguments(COMMANDS[path]):
        assert argument.parameter.help, f"{' '.join(path)}: {argument.name} has no help"


def test_every_command_understands_the_options_of_every_command() -> None:
    for path, app in COMMANDS.items():
        names = {name for argument in arguments(app) for name in argument.names}
        assert path[0] in ("completion", "bench") or {"-o", "--output", "--debug", "--home"} <= names, path


def test_no_twin_of_an_option_is_taken_for_a_mistyped_setting() -> None:
    twins = {twin(argument) for app in COMMANDS.values() for argument in arguments(app)} - {""}
    assert {"JOBTRAIL_OUTPUT", "JOBTRAIL_QUEUE", "JOBTRAIL_DRAIN_TIMEOUT"} <= twins
    notices = config.from_env(dict.fromkeys(twins, "x"))["notices"]
    assert isinstance(notices, tuple)
    assert [line for line in notices if not line.startswith(NOT_MEANT)] == []


def test_an_option_can_be_given_by_the_environment(jobtrail: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBTRAIL_OUTPUT", "json")
    monkeypatch.setenv("JOBTRAIL_STATUS", "QUEUED,RUNNING")
    assert jobtrail.ok("job", "list").data == []
    assert jobtrail.ok("job", "list", "-o", "jsonl").out == ""
    monkeypatch.setenv("JOBTRAIL_STATUS", "LOST")
    assert jobtrail("job", "list").code == 2
    monkeypatch.setenv("JOBTRAIL_STATUS", "")
    assert jobtrail("job", "list").code == 0


def test_options_of_every_command_may_stand_first(jobtrail: Terminal) -> None:
    assert jobtrail.ok("-o", "json", "job", "list").data == []


@pytest.mark.parametrize(
    ("argv", "says", "fix"),
    [(["jbo"], "did you mean 'job'?", "jobtrail --help"), (["job", "lst"], "did you mean 'list'?", "jobtrail job --help"),
     (["job", "list", "--lmit", "5"], "Did you mean --limit", "jobtrail job list --help"),
     (["job", "list", "-n", "many"], "many", "jobtrail job list --help"), (["zzz"], "there are audit", "jobtrail --help"),
     (["job", "list", "-o", "xml"], "xml", "jobtrail job list --help")],
)  # fmt: skip
def test_a_wrong_command_line_is_refused_with_what_may_be_meant(
    bare: Terminal, argv: list[str], says: str, fix: str
) -> None:
    ran = bare(*argv)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error[usage]: ") and says in ran.err and ran.err.endswith(f"  fix: {fix}\n")


def test_errors_are_json_where_data_is(bare: Terminal) -> None:
    ran = bare("job", "list", "-o", "json")
    assert (ran.code, ran.out) == (2, "")
    told = json.loads(ran.err)["error"]
    assert told["code"] == "misconfigured" and told["exit_code"] == 2 and "jobtrail dev" in told["fix"][0]


def test_a_bug_is_one_line_and_a_traceback_only_on_demand(bare: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("jobtrail.cli.place.configured", broken)
    ran = bare("job", "list")
    assert ran.code == 1
    assert (
        ran.err
        == "error[unexpected]: ZeroDivisionError: a bug\n  fix: run it again with --debug, and report what it prints\n"
    )
    assert "Traceback" in bare("job", "list", "--debug").err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_can_be_read_by_its_shell(bare: Terminal, shell: str) -> None:
    script = bare.ok("completion", shell).out
    assert "timeline" in script and "--idempotency-key" in script
    if shutil.which(shell):
        done = subprocess.run(
            [shell, "-n"], input=script, check=False, capture_output=True, text=True, env={"PATH": os.environ["PATH"]}
        )
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert shell != "bash", "bash must be there to hold its script against it"


def test_the_versions_are_told(bare: Terminal) -> None:
    assert bare.ok("version", "-o", "json").data["jobtrail"] == bare.ok("--version").out.split()[1]


def test_a_reader_that_goes_away_is_no_error(jobtrail: Terminal) -> None:
    command = f"{sys.executable} -m jobtrail completion bash | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True, cwd=jobtrail.folder)
    assert "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr and done.returncode in (0, 141)
