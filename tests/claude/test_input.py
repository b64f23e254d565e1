"""The door of a `claude` job: what its input may be, and what is checked of it before it takes a slot."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import msgspec
import pytest
from claude.fake_claude import install
from claude.studio import Studio

from jobtrail.core.errors import Invalid, Misconfigured
from jobtrail.runners.claude.argv import Extras, Program, Session, argv
from jobtrail.runners.claude.program import Programs, find, flags_in
from jobtrail.runners.claude.runner import ClaudeRunner
from jobtrail.runners.claude.spec import ClaudeSpec, parse, schema
from jobtrail.runners.context import Context

PLAIN = {"PATH": "/usr/bin:/bin"}


@pytest.mark.parametrize(
    ("input", "field"),
    [
        ({}, "prompt"),
        ([], "input"),
        ({"prompt": " \n"}, "prompt"),
        ({"prompt": "x" * (600 << 10)}, "prompt"),
        ({"prompt": "x", "promt": "y"}, "promt"),
        ({"prompt": "x", "permission_mode": "manual"}, "permission_mode"),
        ({"prompt": "x", "model": "--dangerously-skip-permissions"}, "model"),
        ({"prompt": "x", "allowed_tools": ["Read", "--mcp-config"]}, "allowed_tools[1]"),
        ({"prompt": "x", "add_dirs": ["-"]}, "add_dirs[0]"),
        ({"prompt": "x", "max_turns": 0}, "max_turns"),
        ({"prompt": "x", "max_continuations": 99}, "max_continuations"),
        ({"prompt": "x", "resume": "latest"}, "resume"),
        ({"prompt": "x", "fork": True}, "fork"),
        ({"prompt": "x", "idle_timeout": "soon"}, "idle_timeout"),
        ({"prompt": "x", "result_grace": 0}, "result_grace"),
        ({"prompt": "x", "budget": {}}, "budget"),
        ({"prompt": "x", "budget": {"usd": -1}}, "budget.usd"),
        ({"prompt": "x", "budget": {"usd": 1, "warn_at": 7}}, "budget.warn_at"),
        ({"prompt": "x", "env": {"A B": "1"}}, 'env["A B"]'),
        ({"prompt": "x", "env": {"HOME": "/"}}, "env.HOME"),
        ({"prompt": "x", "env": {"JOBTRAIL_ATTEMPT": "me"}}, "env.JOBTRAIL_ATTEMPT"),
        ({"prompt": "x", "env": {"A": {"env": "JOBTRAIL_DATABASE_URL"}}}, "env.A"),
        ({"prompt": "x", "mcp_servers": {"a": {"url": "u", "headers": {"K": {"env": "JOBTRAIL_API_KEY"}}}}},
         "mcp_servers.a.headers.K"),
        ({"prompt": "x", "mcp_servers": {"a": {"env": {}}}}, "mcp_servers.a"),
        ({"prompt": "x", "mcp_servers": {"a": {"command": "x", "env": {"K": "$env:1 2"}}}}, "mcp_servers.a.env.K"),
        ({"prompt": "x", "worktree": True}, "cwd"),
        ({"prompt": "x", "system_prompt": "x" * (200 << 10)}, "system_prompt"),
        ({"prompt": "x", "checks": [{"name": "a", "run": "x"}, {"name": "a", "run": "y"}]}, "checks[1].name"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_field(input: Any, field: str) -> None:
    assert field in ClaudeRunner(environ=PLAIN).validate(input)


def test_every_field_at_once_is_fine() -> None:
    everything = {
        "prompt": "x", "model": "opus", "fallback_model": "sonnet", "effort": "high", "permission_mode": "plan",
        "allowed_tools": ["Read"], "disallowed_tools": ["Bash"], "tools": ["Read"], "strict_mcp_config": True,
        "mcp_servers": {"a": {"command": "x", "env": {"K": {"env": "TOKEN"}}}, "b": {"url": "http://b"}},
        "system_prompt": "s", "append_system_prompt": "a", "agents": {"r": {"prompt": "p"}}, "settings": {"k": 1},
        "max_turns": 3, "resume": str(uuid4()), "fork": True, "add_dirs": ["/srv"], "json_schema": {"type": "object"},
        "cwd": "/srv", "env": {"A": "1", "B": {"env": "B"}}, "worktree": {"base": "main"},
        "checks": [{"name": "tests", "run": ["make", "test"]}], "max_continuations": 0,
        "approve_tools": {"approvers": ["ana"], "expires": "2d"},
        "budget": {"usd": 0.5, "tokens": 10, "turns": 5, "seconds": 60, "on_exceeded": "ask"},
        "idle_timeout": "5m", "result_grace": 10,
    }  # fmt: skip
    assert ClaudeRunner(environ=PLAIN).validate(everything) == {}
    assert set(everything) == set(ClaudeSpec.__struct_fields__), "a field that this test does not know"
    spec = parse(everything)
    assert spec.budget is not None and spec.budget.usd == Decimal("0.5")


def test_the_schema_says_what_each_field_means() -> None:
    fields = schema()["$defs"]["ClaudeSpec"]
    assert fields["required"] == ["prompt"] and fields["additionalProperties"] is False
    assert all(one.get("description") for one in fields["properties"].values())
    assert msgspec.json.decode(msgspec.json.encode(schema())) == schema()


def test_a_flag_that_the_version_does_not_know_names_both() -> None:
    program = Program(path=Path("/bin/claude"), version="1.0.5", flags=frozenset({"--print", "--permission-mode"}))
    spec = parse({"prompt": "x", "json_schema": {"type": "object"}})
    with pytest.raises(Misconfigured, match=r"1\.0\.5.*--json-schema.*json_schema"):
        argv(program, spec, Session(id="1"), Extras())
    assert "--max-turns" in argv(program, parse({"prompt": "x", "max_turns": 2}), Session(id="1"), Extras())


def test_a_copy_of_a_session_has_its_own_id() -> None:
    program = Program(path=Path("/c"), version="2.1.197")
    words = argv(program, parse({"prompt": "x"}), Session(id="new", resume="old"), Extras())
    assert words[5:10] == ["--resume", "old", "--fork-session", "--session-id", "new"]


def test_the_program_is_found_where_it_is_said_or_on_the_path(tmp_path: Path) -> None:
    fake = install(tmp_path / "bin")
    assert find({"JOBTRAIL_CLAUDE_PATH": str(fake.path)}) == fake.path
    assert find({"PATH": f"relative:{tmp_path / 'bin'}"}) == fake.path
    install(tmp_path / "home" / ".local" / "bin")
    assert find({"PATH": "/nowhere", "HOME": str(tmp_path / "home")}).parent.name == "bin"
    with pytest.raises(Misconfigured, match="JOBTRAIL_CLAUDE_PATH"):
        find({"JOBTRAIL_CLAUDE_PATH": str(tmp_path / "nothing")})
    with pytest.raises(Misconfigured, match="not installed"):
        find({"PATH": "/nowhere", "HOME": str(tmp_path)})


async def test_a_program_is_asked_once_and_anew_when_it_was_replaced(tmp_path: Path) -> None:
    fake = install(tmp_path, {"version": "2.1.197"})
    environ = {"JOBTRAIL_CLAUDE_PATH": str(fake.path)}
    programs = Programs()
    known = await programs.get(environ, PLAIN, str(uuid4()))
    assert known.version == "2.1.197" and not known.knows("--restricted") and known.knows("--json-schema")
    assert await programs.get(environ, PLAIN, str(uuid4())) is known
    install(tmp_path, {"version": "2.1.330"})
    fake.path.touch()
    newer = await programs.get(environ, PLAIN, str(uuid4()))
    assert newer.version == "2.1.330" and newer.knows("--restricted")


async def test_what_is_not_the_program_is_not_taken_for_it(tmp_path: Path) -> None:
    fake = install(tmp_path, {"version_line": "GNU claude"})
    with pytest.raises(Misconfigured, match="GNU claude"):
        await Programs().get({"JOBTRAIL_CLAUDE_PATH": str(fake.path)}, PLAIN, str(uuid4()))
    assert flags_in("no help at all") == frozenset()


async def check(input: Any, environ: dict[str, str], home: Path) -> dict[str, str]:
    """What the runner says before the job takes a slot."""

    def secret(name: str) -> str:
        raise Invalid(f"secret {name!r} is not there")

    desk = SimpleNamespace(home=lambda: home, secret=secret)
    given = SimpleNamespace(attempt_id=uuid4(), input=msgspec.json.encode(input).decode())
    context = Context(cast("Any", given), cast("Any", desk))
    return dict(await ClaudeRunner(environ=environ).check(context))


async def test_what_the_machine_lacks_is_told_before_the_job_takes_a_slot(tmp_path: Path) -> None:
    environ = {**PLAIN, "JOBTRAIL_CLAUDE_PATH": str(install(tmp_path / "bin").path)}
    assert await check({"prompt": "x", "cwd": str(tmp_path)}, environ, tmp_path) == {}
    assert "no folder" in (await check({"prompt": "x", "cwd": "/no/such"}, environ, tmp_path))["cwd"]
    assert "absolute" in (await check({"prompt": "x", "cwd": "here"}, environ, tmp_path))["cwd"]
    assert "git" in (await check({"prompt": "x", "cwd": str(tmp_path), "worktree": True}, environ, tmp_path))["cwd"]
    assert "TOKEN" in (await check({"prompt": "x", "env": {"A": {"env": "TOKEN"}}}, environ, tmp_path))["env"]
    assert "prompt" in await check({"prompt": ""}, environ, tmp_path)
    assert "not installed" in (await check({"prompt": "x"}, {"PATH": "/nowhere"}, tmp_path))["input"]


async def test_root_may_not_bypass_permissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {**PLAIN, "JOBTRAIL_CLAUDE_PATH": str(install(tmp_path / "bin").path)}
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert "permission_mode" in await check({"prompt": "x", "permission_mode": "bypassPermissions"}, environ, tmp_path)


def test_a_program_that_is_not_there_fails_the_job_at_once(studio: Studio) -> None:
    studio.fake.path.unlink()
    job = studio.run(max_attempts=3)
    assert (job.status, job.error_code, len(studio.attempts(job.id))) == ("FAILED", "misconfigured", 1)
    assert "JOBTRAIL_CLAUDE_PATH" in (job.error_message or "")


def test_a_home_that_is_the_users_own_is_left_as_it_is(studio: Studio) -> None:
    studio.environ["JOBTRAIL_CLAUDE_HOME"] = "user"
    assert studio.run().status == "COMPLETED"
    env = studio.fake.calls[0]["env"]
    assert env["HOME"] == studio.environ["HOME"] and "CLAUDE_CONFIG_DIR" not in env
    studio.environ["JOBTRAIL_CLAUDE_HOME"] = "elsewhere"
    assert studio.run().error_code == "misconfigured"


def test_a_secret_that_is_not_there_fails_the_job_and_names_it(studio: Studio) -> None:
    job = studio.run({"mcp_servers": {"a": {"command": "x", "env": {"K": {"env": "NO_SUCH_TOKEN"}}}}})
    assert job.status == "FAILED" and "NO_SUCH_TOKEN" in (job.error_message or "")
    assert studio.fake.calls == []


def test_a_job_is_looked_at_before_it_takes_a_slot(studio: Studio) -> None:
    job = studio.run({"cwd": "/no/such/folder"}, checked=True)
    assert (job.status, job.error_code, job.attempt_count) == ("FAILED", "invalid_input", 0)
    assert "cwd" in (job.error_message or "")
    assert studio.run(checked=True).status == "COMPLETED"
