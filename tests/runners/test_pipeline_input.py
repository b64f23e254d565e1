"""What a pipeline may say, what is told about mistakes in it, and how a file becomes a job. No process here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobtrail.core.errors import Invalid, NotFound
from jobtrail.core.status import Phase
from jobtrail.runners.command import CommandRunner
from jobtrail.runners.pipeline.parse import load_file, parse_input
from jobtrail.service.jobs import Options

EXAMPLES = Path(__file__).parents[2] / "examples"


def step(name: str = "a", **more: object) -> dict[str, object]:
    return {"name": name, "run": ["true"], **more}


def gate(name: str, **more: object) -> dict[str, object]:
    return step(name, type="GATE", phase="VALIDATION", **more)


def wrong(*steps: object, **more: object) -> dict[str, str]:
    return dict(CommandRunner().validate({"steps": list(steps), **more}))


def names(*steps: object) -> list[list[str]]:
    return [[each.name for each in block] for block in parse_input({"steps": list(steps)}).blocks]


def written(folder: Path, text: str, name: str = "job.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_phases_run_in_order_and_steps_of_a_phase_as_written() -> None:
    steps = [step("e", phase="CLEANUP"), step("c"), step("a", phase="SETUP"), step("d", phase="VALIDATION"), step("b")]
    assert names(*steps) == [["a"], ["c"], ["b"], ["d"], ["e"]]


def test_neighbouring_gates_of_a_phase_share_a_block() -> None:
    steps = [gate("g1"), gate("g2"), step("x", phase="VALIDATION"), gate("g3"), gate("g4"), step("e")]
    assert names(*steps) == [["e"], ["g1", "g2"], ["x"], ["g3", "g4"]]


def test_gates_of_two_phases_do_not_share_a_block() -> None:
    assert names(step("g", type="GATE"), gate("h")) == [["g"], ["h"]]


def test_all_mistakes_are_told_at_once_with_their_place() -> None:
    found = wrong(
        {"name": "a", "run": ["x", 5], "phse": "SETUP", "timeout": "10 minutes"},
        {"name": "b", "phase": "SETUPP", "type": "gate", "run": ["true"]},
        {"run": "make test"},
        step("d", **{"if": "failure( or"}),
        envv={},
    )
    assert found.keys() == {
        "envv",
        "steps[0].phse",
        "steps[0].run[1]",
        "steps[1].phase",
        "steps[1].type",
        "steps[2].name",
        "steps[3].if",
    }
    assert "did you mean 'env'?" in found["envv"]
    assert "did you mean 'phase'?" in found["steps[0].phse"]
    assert found["steps[0].run[1]"] == "must be text, not a whole number"
    assert "did you mean 'SETUP'?" in found["steps[1].phase"]
    assert "did you mean 'GATE'?" in found["steps[1].type"]
    assert found["steps[2].name"] == "is missing"


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("run", "make test", "must be a list such as"),
        ("run", [], "must name at least a program"),
        ("run", None, "is missing"),
        ("timeout", "10 minutes", "is not a length of time"),
        ("timeout", 0, "must be longer than nothing"),
        ("idle_timeout", True, "must be text or a number, not true or false"),
        ("retry", 0, "must be 1 to 100"),
        ("retry", {"max_attempts": 2, "delai": 1}, "did you mean 'delay'?"),
        ("retry", {"max_attempts": "2"}, "must be a whole number, not text"),
        ("cwd", "../elsewhere", "leads out of the job's folder"),
        ("if", "steps.b.status == 'X'", "there is no step 'b'"),
        ("output", "stdout_jsn", "did you mean 'stdout_json'?"),
        ("name", " ", "must not be blank"),
        ("name", "a#2", "must not end in # and a number"),
        ("continue_on_error", "yes", "must be true or false, not text"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_wanted(key: str, value: object, says: str) -> None:
    (at, what), *rest = wrong(step() | {key: value}).items()
    assert at.startswith(f"steps[0].{key}")
    assert says in what
    assert not rest


@pytest.mark.parametrize("glob", ["/etc/passwd", "../x", "a/../../x", " ", "a**/b"])
def test_patterns_for_files_cannot_lead_out_of_the_folder(glob: str) -> None:
    assert wrong(step(artifacts=[glob])).keys() == {"steps[0].artifacts[0]"}


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"A": 5}, "must be text or an object, not a whole number"),
        ({"JOBTRAIL_ATTEMPT": "x"}, "are ours"),
        ({"A=B": "x"}, "is not a name"),
        ({"A": "$env:no name"}, "is not the name of an environment variable"),
        ({"A": {"envv": "B"}}, "did you mean 'env'?"),
    ],
)
def test_an_environment_is_looked_at_name_by_name(env: dict[str, object], says: str) -> None:
    (at, what), *rest = wrong(step(env={"GOOD": "x"} | env)).items()
    assert at.startswith("steps[0].env")
    assert says in what
    assert not rest


def test_two_steps_cannot_have_the_same_name() -> None:
    assert wrong(step("a"), step("b"), step("a")) == {
        "steps[2].name": "steps[0] has the same name 'a'; steps are told by name"
    }


def test_a_hole_must_name_a_value_that_was_given() -> None:
    found = wrong(step(run=["git", "clone", "{input.rpo}"]), input={"repo": "r.git"})
    assert found == {"steps[0].run[2]": "{input.rpo}: 'rpo' was not given; did you mean 'repo'?"}
    assert not wrong(step(run=["git", "clone", "{input.repo}"]), input={"repo": "r.git"})


def test_a_condition_cannot_ask_for_a_value_that_was_not_given() -> None:
    """Or a misspelt name would skip a gate in silence."""
    assert (
        "did you mean 'mode'?" in wrong(gate("g", **{"if": "input.mod == 'full'"}), input={"mode": "x"})["steps[0].if"]
    )


@pytest.mark.parametrize(
    ("hole", "says"),
    [
        ("{steps.later.output}", "has not ended by then"),
        ("{steps.g1.exit_code}", "has not ended by then"),
        ("{steps.frist.output}", "did you mean 'first'?"),
        ("{steps.first.exitcode}", "did you mean 'exit_code'?"),
        ("{steps.first}", "say what of which step"),
        ("{job.name}", "there is no such value"),
        ("{worker.id}", "there is no such value"),
        ("{input}}", "is not a path"),
    ],
)
def test_a_hole_must_name_what_there_is_when_the_step_runs(hole: str, says: str) -> None:
    found = wrong(
        step("first", phase="SETUP"), gate("g1"), gate("g2", run=["echo", hole]), step("later", phase="CLEANUP")
    )
    assert says in found.pop("steps[2].run[1]")
    assert not found


def test_what_there_is_may_be_used_everywhere() -> None:
    text = "{job.id} {job.type} {attempt.number} {workdir} {input.x} {steps['the first'].output.deep} {{}}"
    later = step(
        "b", run=["echo", text], cwd=text, env={"A": text}, artifacts=[text], **{"if": "steps['the first'].output"}
    )
    assert not wrong(step("the first"), later, input={"x": 1})


def test_a_shell_text_is_never_filled_in() -> None:
    """Or a value with a quote in it would become a command."""
    found = wrong(step(shell=True, run="git clone {input.repo}"), input={"repo": "x; rm -rf /"})
    assert "put it into env" in found["steps[0].run"]
    assert "must be one text" in wrong(step(shell=True))["steps[0].run"]
    assert not wrong(step(shell=True, run="echo ${input} | awk '{print $1}' > {a,b}"))


def test_one_command_is_taken_literally() -> None:
    plan = parse_input({"run": ["awk", "{print $1}", "{input.x}"], "cwd": "{x}", "env": {"A": "{y}"}})
    assert [word.pieces for word in plan.steps[0].argv] == [("awk",), ("{print $1}",), ("{input.x}",)]


def test_mistakes_in_one_command_are_told_without_talk_of_steps() -> None:
    found = CommandRunner().validate({"run": ["x"], "timeout": "1 hour", "artifacts": ["/x"], "env": {"A": "$env:-"}})
    assert found.keys() == {"timeout", "artifacts[0]", "env.A"}
    assert "did you mean 'run'?" in CommandRunner().validate({"run": ["x"], "rnu": ["x"]})["rnu"]


@pytest.mark.parametrize("input", [None, [], "ls", 5, {}, {"step": []}])
def test_an_input_that_is_neither_shape_is_refused(input: object) -> None:
    (what,) = CommandRunner().validate(input).values()
    assert "`run`" in what
    assert "`steps`" in what


def test_steps_must_be_a_list_with_something_in_it() -> None:
    assert CommandRunner().validate({"steps": "make"}).keys() == {"steps"}
    assert CommandRunner().validate({"steps": []}).keys() == {"steps"}
    assert wrong("make")["steps[0]"] == "must be an object, not text"


def test_cleanup_has_a_minute_and_is_never_remembered() -> None:
    (a, b) = parse_input({"steps": [step("a"), step("b", phase="CLEANUP")]}).steps
    assert (a.timeout, a.remember) == (None, True)
    assert b.timeout is not None
    assert (b.timeout.total_seconds(), b.remember) == (60, False)


def test_set_up_and_gates_run_again_on_another_machine() -> None:
    steps = [step("a", phase="SETUP"), step("b"), gate("c"), step("d", rerun_when_moved=True)]
    moved = {each.name: each.rerun_when_moved for each in parse_input({"steps": steps}).steps}
    assert moved == {"a": True, "b": False, "d": True, "c": True}


def test_the_examples_are_pipelines() -> None:
    check = load_file(EXAMPLES / "check.toml", {"repo": "https://example.org/r.git"})
    assert check.title == "Check https://example.org/r.git"
    assert check.type == "command"
    phases = [each.phase for each in parse_input(check.input).steps]
    assert phases[0] is Phase.SETUP
    assert Phase.CLEANUP in phases
    for path in EXAMPLES.glob("*.*"):
        file = load_file(path, {"repo": "r"} if path.name == "check.toml" else {})
        parse_input(json.loads(json.dumps(file.input)))
        Options(type=file.type, **file.options)


FILE = """
type = "command"
title = "Check {input.repo} at {input.depth}"
queue = "ci"
priority = "HIGH"
timeout = "30m"
tags = ["ci"]
[retry]
max_attempts = 5
backoff = "FIXED"
delay = "10s"
[input]
depth = 1
strict = false
[[steps]]
name = "checkout"
run = ["git", "clone", "--depth={input.depth}", "{input.repo}", "src"]
if = "not input.strict"
"""


def test_a_file_gives_options_in_the_words_of_the_service(tmp_path: Path) -> None:
    file = load_file(written(tmp_path, FILE), {"repo": "r.git"})
    assert Options(type=file.type, **file.options) == Options(
        type="command",
        queue="ci",
        priority=8,
        tags=("ci",),
        timeout_seconds=1800.0,
        max_attempts=5,
        backoff_type="FIXED",
        backoff_delay_ms=10_000,
        backoff_max_ms=3_600_000,
    )
    assert file.title == "Check r.git at 1"
    assert file.input["input"] == {"depth": 1, "strict": False, "repo": "r.git"}
    assert not CommandRunner().validate(file.input)


def test_values_take_the_kind_of_the_default_that_they_stand_in_for(tmp_path: Path) -> None:
    file = load_file(written(tmp_path, FILE), {"repo": "5", "depth": "20", "strict": "true"})
    assert file.input["input"] == {"depth": 20, "strict": True, "repo": "5"}
    with pytest.raises(Invalid) as caught:
        load_file(written(tmp_path, FILE), {"repo": "r", "depth": "deep"})
    assert "depth:=JSON" in caught.value.fields["input.depth"]


def test_a_value_that_nothing_asks_for_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as caught:
        load_file(written(tmp_path, FILE), {"repo": "r", "detph": "2"})
    assert caught.value.fields == {"input.detph": "nothing asks for it; did you mean 'depth'?"}


def test_a_file_says_all_that_is_wrong_with_it(tmp_path: Path) -> None:
    text = FILE.replace('"30m"', '"half an hour"').replace("backoff =", "bakcoff =").replace('"HIGH"', '"TOP"')
    with pytest.raises(Invalid) as caught:
        load_file(written(tmp_path, text), {})
    assert caught.value.fields.keys() == {"retry"}
    assert "did you mean 'backoff'?" in caught.value.fields["retry"]
    with pytest.raises(Invalid) as caught:
        load_file(written(tmp_path, text.replace("bakcoff", "backoff")), {})
    assert caught.value.fields.keys() == {"timeout", "priority", "title", "steps[0].run[3]"}


def test_json_files_are_read_too_and_repeated_keys_refused(tmp_path: Path) -> None:
    text = json.dumps({"type": "command", "steps": [step()]})
    assert load_file(written(tmp_path, text, "job.json"), {}).input == {"steps": [step()], "input": {}}
    with pytest.raises(Invalid, match="more than once"):
        load_file(written(tmp_path, text.replace('"type"', '"type": "x", "type"'), "job.json"), {})


@pytest.mark.parametrize(
    ("name", "text"), [("job.toml", "a = = b"), ("job.json", "{"), ("job.yaml", "a: b"), ("job.json", "[]")]
)
def test_what_is_no_description_of_a_job_is_refused(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(Invalid, match="job"):
        load_file(written(tmp_path, text, name), {})


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nothing\.toml"):
        load_file(tmp_path / "nothing.toml", {})


def test_a_file_of_another_type_has_input_but_no_steps(tmp_path: Path) -> None:
    text = 'type = "orders.sync"\ntitle = "Sync {input.customer}"\n[input]\nsince = 2026-01-01\n'
    file = load_file(written(tmp_path, text), {"customer": "c42"})
    assert (file.type, file.title) == ("orders.sync", "Sync c42")
    assert file.input == {"since": "2026-01-01", "customer": "c42"}
    with pytest.raises(Invalid) as caught:
        load_file(written(tmp_path, text + '[[steps]]\nname = "a"\n'), {"customer": "c42"})
    assert caught.value.fields.keys() == {"steps"}


def test_a_title_does_not_show_the_password_of_an_address(tmp_path: Path) -> None:
    file = load_file(written(tmp_path, FILE), {"repo": "https://me:hunter2-hunter2@example.org/r.git"})
    assert file.title == "Check https://me:•••@example.org/r.git at 1"


def test_an_input_from_a_file_passes_the_same_door(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        load_file(written(tmp_path, FILE + '[[steps]]\nname = "b"\nrun = ["a\\u0000b"]\n'), {"repo": "r"})
