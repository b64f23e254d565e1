"""What is kept of an invocation: every line as it came, tool calls as steps, tokens and money once, progress, and no secret."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from claude.fake_claude import RECORDINGS
from claude.studio import KEY, Studio, wait_until


@pytest.mark.parametrize("name", ["rec_ok", "rec_tool", "rec_deny", "rec_maxturns", "rec_budget"])
def test_every_line_of_the_program_is_in_the_log_as_it_came(studio: Studio, name: str) -> None:
    studio.play([{"recording": f"{name}.ndjson", "verbatim": True}])
    job = studio.run()
    assert studio.raw(job.id) == (RECORDINGS / f"{name}.ndjson").read_text().splitlines()


def test_the_log_reads_like_a_conversation(studio: Studio) -> None:
    studio.play([{"recording": "rec_tool.ndjson"}])
    job = studio.run()
    said = [(line["source"], line["message"], line["correlation_id"]) for line in studio.log(job.id)]
    call = "toolu_1795294491858548537"
    assert said[1:4] == [
        ("MODEL", "Bash: echo hello-from-tool", call),
        ("TOOL", "hello-from-tool", call),
        ("MODEL", "All done.", None),
    ]


def test_a_line_of_megabytes_is_kept_whole_and_harms_nobody(studio: Studio) -> None:
    studio.play([{"events": [{"big_line": 3 << 20}]}])
    job = studio.run()
    assert job.status == "COMPLETED"
    (long,) = [line for line in studio.raw(job.id) if len(line) > 1 << 20]
    assert json.loads(long)["message"]["content"][0]["text"] == "b" * (3 << 20)


def test_what_is_no_json_is_kept_too(studio: Studio) -> None:
    events = [
        {"line": "Warning: something"},
        {"line": '{"type":"new_in_2027","x":1}'},
        {"line": "[1,2]"},
        {"line": '{"type":'},
    ]
    studio.play([{"events": events, "stderr": "a deprecation"}])
    job = studio.run()
    assert job.status == "COMPLETED"
    assert [event["line"] for event in events] == studio.raw(job.id)[1:5]
    assert "Warning: something" in studio.messages(job.id, "STDOUT")
    assert studio.messages(job.id, "STDERR") == ["a deprecation"]


def test_a_flood_of_lines_is_all_there(studio: Studio) -> None:
    studio.play([{"events": [{"flood": 3_000}]}])
    job = studio.run()
    assert job.status == "COMPLETED"
    assert sum(message.startswith("line ") for message in studio.messages(job.id, "MODEL")) == 3_000


def test_each_tool_call_is_a_step_with_its_end(studio: Studio) -> None:
    events = [
        {"tool": "Bash", "input": {"command": "make\nmake test"}, "result": "fine", "id": "toolu_1"},
        {"tool": "Read", "input": {"file_path": "/x"}, "result": "no such file", "is_error": True, "id": "toolu_2"},
        {"tool": "Bash", "input": {"command": "sleep 9"}, "no_result": True, "id": "toolu_3"},
    ]
    studio.play([{"events": events}])
    job = studio.run()
    turn, *steps = studio.steps(job.id)
    assert (turn.name, turn.type, turn.status) == ("agent turn 1", "AI_ACTION", "COMPLETED")
    assert [(step.name, step.type, step.status, step.error_message) for step in steps] == [
        ("Bash: make …", "AI_ACTION", "COMPLETED", None),
        ("Read: /x", "AI_ACTION", "FAILED", "no such file"),
        ("Bash: sleep 9", "AI_ACTION", "FAILED", "the program ended before this tool had answered"),
    ]
    assert [step.output for step in steps] == [{"answer": "fine"}, None, None]
    assert [note["tool"] for note in studio.told(job.id, "ai.tool_called")] == ["Bash", "Read", "Bash"]


def test_the_same_call_in_two_attempts_is_two_steps(studio: Studio) -> None:
    turn = {"recording": "rec_tool.ndjson", "verbatim": True, "exit": 1}
    studio.play([turn, {**turn, "exit": 0}])
    job = studio.run(max_attempts=2)
    assert job.status == "COMPLETED"
    assert Counter(step.name for step in studio.steps(job.id))["Bash: echo hello-from-tool"] == 2


def test_tokens_and_money_are_booked_once_and_exactly(studio: Studio) -> None:
    usage = {"input": 1_000, "output": 200, "cached": 70, "created": 50, "cost": "0.0018625500000000001"}
    studio.play([{"usage": usage}])
    job = studio.run()
    (row,) = studio.usage(job.id)
    assert (row.provider, row.model, row.price_source) == ("anthropic", "claude-sonnet-4-5", "claude-code estimate")
    assert (row.input_tokens, row.output_tokens, row.cached_tokens) == (1_050, 200, 70)
    assert row.cost_usd == Decimal("0.00186255")
    output = studio.output(job.id)
    assert output["cost_usd"] == "0.00186255"
    assert output["tokens"] == {"input": 1_050, "output": 200, "cached": 70}


def test_what_the_budget_recording_cost_is_taken_from_its_models_not_its_usage(studio: Studio) -> None:
    studio.play([{"recording": "rec_budget.ndjson", "exit": 1}])
    (row,) = studio.usage(studio.run().id)
    assert (row.input_tokens, row.output_tokens, row.cost_usd) == (420, 80, Decimal("0.0024834"))


def test_without_a_result_the_tokens_are_a_lower_bound_and_the_price_is_unknown(studio: Studio) -> None:
    studio.play([{"events": [{"say": "one"}, {"say": "two"}], "result": None}])
    job = studio.run()
    (row,) = studio.usage(job.id)
    assert (row.input_tokens, row.cached_tokens, row.cost_usd, row.price_source) == (210, 14, None, "no result line")
    assert studio.output(job.id)["cost_usd"] is None


def test_one_unknown_price_makes_the_price_of_the_job_unknown(studio: Studio) -> None:
    studio.play([{"events": [{"say": "one"}], "result": None}, {}])
    job = studio.run(max_attempts=2)
    assert job.status == "COMPLETED"
    assert [row.cost_usd for row in studio.usage(job.id)] == [None, Decimal("0.00062085")]
    assert studio.output(job.id)["cost_usd"] is None


def test_an_attempt_knows_its_session_and_its_process(studio: Studio) -> None:
    job = studio.run()
    (attempt,), (call,) = studio.attempts(job.id), studio.fake.calls
    assert (attempt.session_id, attempt.process_id) == (call["session"], call["pid"])
    assert studio.output(job.id)["session_id"] == call["session"]


def test_a_list_of_things_to_do_is_progress(studio: Studio) -> None:
    gone = studio.folder / "go on"
    todo = [{"content": "a", "status": "completed"}, {"content": "b", "status": "in_progress"}]
    studio.play([{"events": [{"todo": todo}, {"wait_for": str(gone)}]}])
    job = studio.enqueue()
    with studio.work():
        studio.until(job, "RUNNING")
        wait_until(lambda: studio.client.get(job).progress == 50, "half of it is done")
        assert studio.client.get(job).stage == "1 of 2 done"
        gone.touch()
        assert studio.ends(job).status == "COMPLETED"


def test_the_program_gets_a_small_environment_and_its_own_home(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLAUDECODE", "CLAUDE_CODE_SESSION_ID", "ANTHROPIC_LOG", "OTHER"):
        studio.environ[name] = "inherited"
    studio.environ["ANTHROPIC_API_KEY"] = KEY
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("A_TOKEN", "token-of-a-test")
    studio.run({"env": {"LEVEL": "9", "TOKEN": {"env": "A_TOKEN"}}})
    (call,) = studio.fake.calls
    env: dict[str, Any] = call["env"]
    assert not {"CLAUDECODE", "CLAUDE_CODE_SESSION_ID", "ANTHROPIC_LOG", "OTHER"} & env.keys()
    assert (env["ANTHROPIC_API_KEY"], env["LEVEL"], env["TOKEN"]) == (KEY, "9", "token-of-a-test")
    assert env["HOME"].startswith(str(studio.folder / "homes"))
    assert (env["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"], env["DISABLE_AUTOUPDATER"]) == ("1", "1")
    assert KEY not in json.dumps(call["argv"])


def test_a_secret_is_nowhere_in_what_is_kept_not_even_where_a_long_line_is_cut(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "correct-horse-battery-staple"
    monkeypatch.setenv("A_TOKEN", secret)
    events = [
        {"tool": "Bash", "input": {"command": f"echo {secret}"}, "result": f"x{secret}"},
        {"say": "".join(f"{secret}{'y' * number}" for number in range(200))},
    ]
    studio.play([{"events": events, "text": f"it is {secret}"}])
    job = studio.run({"env": {"TOKEN": {"env": "A_TOKEN"}}})
    assert job.status == "COMPLETED"
    kept = [studio.log(job.id), studio.steps(job.id), studio.output(job.id), studio.client.events(job.id), job]
    assert secret not in repr(kept)
    assert "•••" in repr(kept)
    stored = b"".join(file.read_bytes() for file in (studio.folder / "assets").rglob("*") if file.is_file())
    assert b"it is" in stored and secret.encode() not in stored


def test_the_transcript_is_kept_with_the_job(studio: Studio) -> None:
    job = studio.run()
    (asset,) = studio.client.assets(job.id)
    assert (asset.role, asset.name) == ("session", f"{studio.fake.calls[0]['session']}.jsonl")


def test_words_of_the_spec_become_arguments_and_the_prompt_does_not(studio: Studio) -> None:
    studio.run(
        {
            "prompt": "--version; rm -rf /",
            "model": "opus",
            "permission_mode": "acceptEdits",
            "allowed_tools": ["Read", "Bash(git log *)"],
            "tools": [],
            "append_system_prompt": "be brief",
            "settings": {"a": 1},
            "mcp_servers": {"docs": {"command": "x", "env": {"K": "v"}}},
            "strict_mcp_config": True,
        }
    )
    (call,) = studio.fake.calls
    assert call["prompt"] == "--version; rm -rf /"
    argv = call["argv"]
    assert argv[:5] == ["-p", "--output-format", "stream-json", "--verbose", "--session-id"]
    assert argv[6:] == [
        *("--permission-mode", "acceptEdits", "--model", "opus", "--append-system-prompt", "be brief"),
        *("--allowedTools", "Read", "Bash(git log *)", "--tools", ""),
        *("--mcp-config", argv[-4], "--strict-mcp-config", "--settings", argv[-1]),
    ]


def test_an_answer_that_is_too_long_for_a_result_is_a_file(studio: Studio) -> None:
    studio.play([{"text": "word " * 100_000}])
    job = studio.run()
    assert job.status == "COMPLETED"
    assert studio.output(job.id)["result"].endswith(" bytes]")
    (asset,) = [asset for asset in studio.client.assets(job.id) if asset.name == "answer.txt"]
    assert asset.byte_size == 500_000


def test_a_denied_call_with_a_whole_file_in_it_is_cut_in_the_result(studio: Studio) -> None:
    denied = {"tool_name": "Write", "tool_use_id": "t1", "tool_input": {"file_path": "/x", "content": "y" * 100_000}}
    studio.play([{"denials": [denied]}])
    (shown,) = studio.output(studio.run().id)["denials"]
    assert shown["tool_input"].startswith('{"file_path":"/x"') and len(shown["tool_input"]) < 5_000
