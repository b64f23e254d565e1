"""Approval of tool calls: the protocol, the real server as a child, the questions to people, and what is remembered."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from claude.tables import AskingDesk, now
from hypothesis import given
from hypothesis import strategies as st

from jobtrail.core.jsonguard import check_name
from jobtrail.core.outcome import Waits
from jobtrail.runners.claude import permission_server as server
from jobtrail.runners.claude.permission import MAX_OPEN, Approval, ToolApprovals, faults
from jobtrail.runners.claude.question import Call, key_of, question_of, refusal, told
from jobtrail.runners.protocol import Decision

MAKE = {"command": "make install", "description": "installs it"}
YES = Decision(approved=True, by=("ann",))
NO = Decision(approved=False, by=("ann",), comment="not on a Friday")
LATE = Decision(approved=False, by=(), expired=True)


def rpc(method: str, params: object = None, number: object = 1) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()


def never(call: dict[str, Any]) -> dict[str, Any]:
    raise AssertionError(f"nobody should be asked about {call}")


def spoken(line: bytes) -> Any:
    answer = server.reply(line, never)
    return None if answer is None else json.loads(answer)


def call(tool: str, input: object, number: object = 7) -> bytes:
    arguments = {"tool_name": tool, "input": input, "tool_use_id": "toolu_1"}
    return rpc("tools/call", {"name": "approve", "arguments": arguments}, number)


# The protocol.


@pytest.mark.parametrize("version", ["2024-11-05", "2025-11-25", "2031-01-01"])
def test_the_server_speaks_the_version_that_the_program_speaks(version: str) -> None:
    result = spoken(rpc("initialize", {"protocolVersion": version, "capabilities": {}}))["result"]
    assert result["protocolVersion"] == version
    assert result["capabilities"] == {"tools": {}}


def test_the_server_offers_one_tool_and_answers_pings() -> None:
    assert [tool["name"] for tool in spoken(rpc("tools/list"))["result"]["tools"]] == ["approve"]
    assert spoken(rpc("ping", number="a"))["result"] == {}


def test_a_call_is_passed_on_as_it_is_and_answered_as_text() -> None:
    seen: list[dict[str, Any]] = []

    def decide(asked: dict[str, Any]) -> dict[str, Any]:
        seen.append(asked)
        return {"behavior": "allow", "updatedInput": asked["input"]}

    line = server.reply(call("Bash", MAKE), decide)
    assert line is not None
    answer = json.loads(line)
    assert answer["id"] == 7
    (block,) = answer["result"]["content"]
    assert block["type"] == "text"
    assert json.loads(block["text"]) == {"behavior": "allow", "updatedInput": MAKE}
    assert seen == [{"tool_name": "Bash", "input": MAKE, "tool_use_id": "toolu_1"}]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", -32700),
        (rpc("resources/list"), -32601),
        (rpc("tools/call", {"name": "other", "arguments": {}}), -32602),
        (rpc("tools/call", {"name": "approve", "arguments": []}), -32602),
        (rpc("tools/call", "?"), -32602),
    ],
)
def test_what_is_not_understood_is_answered_with_an_error(line: bytes, code: int) -> None:
    assert spoken(line)["error"]["code"] == code


@pytest.mark.parametrize("line", [b'{"method": "notifications/initialized"}', b"[]", b"1", b'{"id": 1, "result": {}}'])
def test_what_needs_no_answer_gets_none(line: bytes) -> None:
    assert spoken(line) is None


@given(
    st.binary(max_size=60) | st.recursive(st.none() | st.text(), st.lists).map(lambda each: json.dumps(each).encode())
)
def test_no_line_ends_the_server(line: bytes) -> None:
    answer = server.reply(line, never)
    assert answer is None or answer.endswith(b"\n")


def test_without_a_worker_every_call_is_refused(tmp_path: Path) -> None:
    assert server.ask(str(tmp_path / "nobody"), "t", {})["behavior"] == "deny"


# The server as a child of the program, and the worker behind it.


class Child:
    """The server as the program starts it: from the configuration alone."""

    def __init__(self, approvals: ToolApprovals) -> None:
        self.config = approvals.mcp_servers["jobtrail"]

    async def says(self, *lines: bytes, env: dict[str, str] | None = None) -> list[Any]:
        """What it answers to these lines."""
        process = await asyncio.create_subprocess_exec(
            self.config["command"],
            *self.config["args"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], **(self.config["env"] if env is None else env)},
        )
        out, _ = await process.communicate(b"\n".join(lines) + b"\n")
        assert process.returncode == 0
        return [json.loads(line) for line in out.splitlines()]

    async def verdict(self, tool: str, input: object, **more: Any) -> dict[str, Any]:
        (answer,) = await self.says(call(tool, input), **more)
        verdict = json.loads(answer["result"]["content"][0]["text"])
        assert isinstance(verdict, dict)
        return verdict


def approvals_of(desk: AskingDesk, folder: Path, *, generation: int = 1) -> ToolApprovals:
    return ToolApprovals(desk, Approval(), folder=folder, generation=generation)


def test_a_call_that_needs_people_ends_the_turn_and_waits_at_a_gate(tmp_path: Path) -> None:
    async def main() -> None:
        desk = AskingDesk(tmp_path)
        approvals = approvals_of(desk, tmp_path)
        await approvals.settle()
        assert approvals.approved_prompt() is None
        async with approvals:
            hello, verdict = await Child(approvals).says(rpc("initialize", {}), call("Bash", MAKE))
            assert hello["result"]["serverInfo"]["name"] == "jobtrail"
            verdict = json.loads(verdict["result"]["content"][0]["text"])
            assert (verdict["behavior"], verdict["interrupt"]) == ("deny", True)
            assert approvals.wanted.is_set()
        with pytest.raises(Waits):
            await approvals.ask()
        assert desk.asked == [(key_of("Bash", MAKE), "May the agent use Bash?  make install")]

    now(main())


@pytest.mark.parametrize(
    ("decision", "verdict", "said"),
    [
        (YES, {"behavior": "allow", "updatedInput": MAKE}, "approved\n"),
        (NO, {"behavior": "deny", "message": refusal(NO)}, "rejected (not on a Friday)"),
        (LATE, {"behavior": "deny", "message": refusal(LATE)}, "nobody decided in time"),
    ],
)
def test_the_next_attempt_answers_the_same_call_as_people_decided(
    tmp_path: Path, decision: Decision, verdict: dict[str, Any], said: str
) -> None:
    async def main() -> None:
        first = AskingDesk(tmp_path)
        approvals = approvals_of(first, tmp_path)
        async with approvals:
            await Child(approvals).verdict("Bash", MAKE)
        with pytest.raises(Waits):
            await approvals.ask()
        desk = AskingDesk(tmp_path, first.memory, {key_of("Bash", MAKE): decision})
        approvals = approvals_of(desk, tmp_path)
        await approvals.settle()
        prompt = approvals.approved_prompt()
        assert prompt is not None
        assert "make install" in prompt
        assert said in prompt
        async with approvals:
            again = {"description": "again, in other words", "command": "make install"}
            answer = await Child(approvals).verdict("Bash", again)
            assert answer == ({**verdict, "updatedInput": again} if decision.approved else verdict)
            other = await Child(approvals).verdict("Bash", {"command": "make install; rm -rf /"})
            assert other["interrupt"]
        assert not refusal(decision).count("None")

    now(main())


def test_a_session_is_told_a_decision_until_it_has_heard_it(tmp_path: Path) -> None:
    async def attempt(desk: AskingDesk, *, hears: bool) -> str | None:
        approvals = approvals_of(desk, tmp_path)
        await approvals.settle()
        prompt = approvals.approved_prompt()
        if hears:
            await approvals.heard()
        return prompt

    async def main() -> None:
        desk = AskingDesk(tmp_path)
        await refused_for_now(desk, tmp_path, MAKE)
        desk.decisions = {key_of("Bash", MAKE): YES}
        prompts = [await attempt(desk, hears=hears) for hears in (False, True, False)]
        assert [prompt is not None for prompt in prompts] == [True, True, False]

    now(main())


async def refused_for_now(desk: AskingDesk, folder: Path, *inputs: dict[str, Any]) -> None:
    """An attempt whose agent makes these calls."""
    approvals = approvals_of(desk, folder)
    await approvals.settle()
    async with approvals:
        await asyncio.gather(*(Child(approvals).verdict("Bash", input) for input in inputs))
    with pytest.raises(Waits):
        await approvals.ask()


def test_calls_side_by_side_are_asked_one_after_the_other(tmp_path: Path) -> None:
    async def main() -> None:
        one, other = {"command": "one"}, {"command": "other"}
        desk = AskingDesk(tmp_path)
        await refused_for_now(desk, tmp_path, one, other)
        (first,) = [key for key, _ in desk.asked]
        desk.decisions[first] = YES
        with pytest.raises(Waits):
            await approvals_of(desk, tmp_path).settle()
        assert {key for key, _ in desk.asked} == {key_of("Bash", one), key_of("Bash", other)}
        desk.decisions |= {key: NO for key, _ in desk.asked if key != first}
        approvals = approvals_of(desk, tmp_path)
        await approvals.settle()
        prompt = approvals.approved_prompt()
        assert prompt is not None
        assert ("approved" in prompt, "rejected" in prompt) == (True, True)

    now(main())


def test_what_the_desk_remembers_is_not_asked_again_where_the_folder_was_lost(tmp_path: Path) -> None:
    """Then the call ends the turn once more, but the session goes on at once."""

    async def main() -> None:
        desk = AskingDesk(tmp_path, decisions={key_of("Bash", MAKE): YES})
        approvals = approvals_of(desk, tmp_path)
        await approvals.settle()
        async with approvals:
            assert (await Child(approvals).verdict("Bash", MAKE))["behavior"] == "deny"
        await approvals.ask()
        assert not approvals.wanted.is_set()
        assert "approved" in (approvals.approved_prompt() or "")
        async with approvals:
            assert (await Child(approvals).verdict("Bash", MAKE))["behavior"] == "allow"

    now(main())


def test_a_question_of_an_earlier_generation_is_not_asked_unless_the_agent_asks(tmp_path: Path) -> None:
    async def main() -> None:
        desk = AskingDesk(tmp_path)
        await refused_for_now(desk, tmp_path, MAKE)
        desk.asked.clear()
        approvals = approvals_of(desk, tmp_path, generation=2)
        await approvals.settle()
        assert approvals.approved_prompt() is None
        assert desk.asked == []

    now(main())


def test_a_memory_that_cannot_be_read_is_no_memory(tmp_path: Path) -> None:
    (tmp_path / "approvals.json").write_bytes(b'{"generation": 1, "asked": [')
    now(approvals_of(AskingDesk(tmp_path), tmp_path).settle())


def test_what_an_agent_writes_into_the_memory_is_asked_in_honest_words(tmp_path: Path) -> None:
    call = {"tool_name": "Bash", "input": {"command": "reboot"}}
    forged = {"call": call, "text": "May the agent use Bash?  ls", "key": "tool Bash 0"}
    (tmp_path / "approvals.json").write_text(json.dumps({"generation": 1, "asked": [forged]}))
    desk = AskingDesk(tmp_path)
    with pytest.raises(Waits):
        now(approvals_of(desk, tmp_path).settle())
    assert desk.asked == [(key_of("Bash", {"command": "reboot"}), "May the agent use Bash?  reboot")]


def test_a_forged_client_gets_nothing_and_asks_nobody(tmp_path: Path) -> None:
    async def main() -> None:
        desk = AskingDesk(tmp_path, decisions={key_of("Bash", MAKE): YES})
        approvals = approvals_of(desk, tmp_path)
        async with approvals:
            child = Child(approvals)
            assert (await child.verdict("Bash", MAKE, env={}))["behavior"] == "deny"
            assert (await child.verdict("Bash", MAKE, env={server.TOKEN: "guess"}))["behavior"] == "deny"
            path = Path(child.config["args"][-1])
            assert path.parent.stat().st_mode & 0o777 == 0o700
            for line in (b"{}\n", b"\xff\n", b'{"token": 1}\n', b""):
                assert await asyncio.to_thread(sent, path, line) in (b"", *REFUSED)
            assert not approvals.wanted.is_set()
        assert not path.parent.exists()
        with pytest.raises(ValueError, match="outside of the block"):
            _ = approvals.mcp_servers

    now(main())


REFUSED: Sequence[bytes] = (b'{"behavior":"deny","message":"this question cannot be read"}\n',)


def sent(path: Path, line: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(str(path))
        wire.sendall(line)
        wire.shutdown(socket.SHUT_WR)
        return wire.makefile("rb").read()


def test_a_large_call_is_asked_whole_and_shown_in_part_with_the_rest_as_a_file(tmp_path: Path) -> None:
    async def main() -> None:
        desk = AskingDesk(tmp_path)
        content = "x" * 3_000_000
        approvals = approvals_of(desk, tmp_path)
        async with approvals:
            await Child(approvals).verdict("Write", {"file_path": "/etc/passwd", "content": content})
        with pytest.raises(Waits):
            await approvals.ask()
        ((key, question),) = desk.asked
        assert question.startswith("May the agent use Write?  /etc/passwd")
        assert len(question) < 2_000
        assert f"see the file {key}.json" in question
        assert json.loads(desk.file(f"{key}.json"))["content"] == content

    now(main())


def test_a_model_that_asks_for_everything_is_refused_in_the_end(tmp_path: Path) -> None:
    async def main() -> None:
        approvals = approvals_of(AskingDesk(tmp_path), tmp_path)
        async with approvals:
            answers = await Child(approvals).says(
                *(call("Bash", {"command": f"make {n}"}) for n in range(MAX_OPEN + 1))
            )
        verdicts = [json.loads(answer["result"]["content"][0]["text"]) for answer in answers]
        assert [verdict.get("interrupt", False) for verdict in verdicts] == [True] * MAX_OPEN + [False]

    now(main())


# Questions.


def test_the_key_tells_calls_apart_by_what_they_do() -> None:
    keys = [
        key_of("Bash", {"command": "a"}),
        key_of("Bash", {"command": "b"}),
        key_of("Bash", {"command": "a", "run_in_background": True}),
        key_of("Other", {"command": "a"}),
        key_of("Other", {"command": "a", "description": "x"}),
    ]
    assert len(set(keys)) == len(keys)
    assert key_of("Bash", {"timeout": 1, "command": "a"}) == key_of("Bash", {"command": "a", "timeout": 1})


@pytest.mark.parametrize(
    ("tool", "input", "text"),
    [
        ("Bash", {"command": "a\nb", "timeout": 5}, 'a ⏎ b  {"timeout": 5}'),
        (
            "Edit",
            {"file_path": "/a", "old_string": "x", "new_string": "y"},
            '/a  {"old_string": "x", "new_string": "y"}',
        ),
        ("mcp__db__drop", {"table": "jobs"}, '{"table": "jobs"}'),
        ("Bash", {"command": ["odd"]}, '{"command": ["odd"]}'),
        ("Bash", {"command": "ls \u202e/ fr- mr\x1b[2K"}, "ls \\u202e/ fr- mr\\u001b[2K"),
        ("WebFetch", {"url": "https://a.example"}, "https://a.example"),
    ],
)
def test_people_read_what_would_be_done_and_nothing_is_hidden(tool: str, input: dict[str, Any], text: str) -> None:
    question = question_of(Call(tool, input))
    assert question.text == f"May the agent use {tool}?  {text}"
    assert question.whole is None


@given(st.text(), st.dictionaries(st.text(), st.text() | st.integers() | st.none(), max_size=4))
def test_every_call_has_a_key_and_a_question_that_can_be_stored(tool: str, input: dict[str, Any]) -> None:
    question = question_of(Call(tool, input))
    check_name(question.key, "key")
    assert not any(ord(sign) < 32 for sign in question.text)
    assert told([(question, NO)])


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [
        (Approval(needed=0), "needed"),
        (Approval(approvers=["ann", "ann"], needed=2), "needed"),
        (Approval(expires="tomorrow"), "expires"),
        (Approval(expires=0), "expires"),
        (Approval(approvers=["ann", " "]), "approvers[1]"),
    ],
)
def test_a_wrong_approval_is_refused_at_the_door(spec: Approval, wrong: str) -> None:
    assert list(faults(spec, "a")) == [f"a.{wrong}"]


def test_usual_approvals_are_taken_at_the_door() -> None:
    for spec in (Approval(), Approval(approvers=["ann", "ben"], needed=2, expires="2d")):
        assert faults(spec) == {}
