#!/usr/bin/env python3
# ruff: noqa: T201  (a program: it prints, and finds its other parts first)
"""A stand-in for the `claude` program: it replays recordings, plays scenarios, and misbehaves as asked.

`install(folder, scenario)` writes an executable `claude` into a folder, and answers a `Fake` that shows how it was called
(argv, prompt, environment, folder). Standard library only: it runs as a program of its own, in a scrubbed environment.

A scenario is JSON: `{"version": "2.1.197", "without": ["--json-schema"], "turns": [TURN, ...]}`. The n-th invocation plays
the n-th turn, and the last one from then on; `{"by_session": true}` counts per session instead. A TURN is an object, all of
its keys optional:

`recording` a file of recordings/, replayed with this session's id (`verbatim` leaves it as it is; `cut` ends in the middle
of its last line, without a line end; `drop_result` leaves the result out) · `events` a list, see `Player.event` · `text`
the answer · `result` keys to set in the result line, or null for no such line · `usage` {input, output, cached, created,
cost, model} of this turn · `turns` num_turns · `denials` · `structured` · `exit` · `signal` (ends by it) · `hang` (lives on
after the result until it is ended; `ignore_sigterm`, `ignore_sigint`: until it is killed) · `on_sigint` (a turn whose result
is told then, as the real program does during a tool) · `stderr` a text · `silent` (says nothing at all,
until it is ended) · `no_init`.

Sessions are files as the real program writes them; `--resume` of one that is not there fails as it does.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

if __name__ == "__main__":  # run by its path, in whatever environment
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from claude.fake_flags import check, fail, flags_of, help_text
from claude.fake_mcp import ask_server

HERE = Path(__file__).resolve()
RECORDINGS = HERE.parent / "recordings"
MODEL = "claude-sonnet-4-5"


@dataclass(frozen=True)
class Fake:
    """An installed stand-in. `path` is the program; `calls` how it was called so far."""

    path: Path
    scenario: Path

    @property
    def calls(self) -> list[dict[str, Any]]:
        """One object per invocation: argv, prompt, env, cwd, pid, session."""
        file = self.scenario.with_suffix(".calls")
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def install(folder: Path, scenario: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None) -> Fake:
    """Write the program into the folder. A list is the scenario's turns; None: it answers "All done." to everything."""
    folder.mkdir(parents=True, exist_ok=True)
    content = dict(scenario) if isinstance(scenario, Mapping) else {"turns": list(scenario or [{}])}
    file, program = folder / "scenario.json", folder / "claude"
    file.write_text(json.dumps(content))
    program.write_text(f'#!/bin/sh\nFAKE={shlex.quote(str(file))} exec {shlex.quote(sys.executable)} {HERE} "$@"\n')
    program.chmod(0o755)
    return Fake(program, file)


def slug(folder: str) -> str:
    return re.sub(r"[^a-zA-Z0-9]", "-", folder)


def transcript(session: str) -> Path:
    config = os.environ.get("CLAUDE_CONFIG_DIR") or os.path.join(os.environ["HOME"], ".claude")
    return Path(config) / "projects" / slug(os.getcwd()) / f"{session}.jsonl"


class Player:
    """One invocation."""

    def __init__(self, flags: Mapping[str, Any], turn: Mapping[str, Any], session: str, prompt: str) -> None:
        self.flags, self.turn, self.session, self.prompt = flags, turn, session, prompt
        self.model = turn.get("usage", {}).get("model", flags.get("--model", MODEL))
        self.said = ""
        self.calls = 0

    def out(self, line: Mapping[str, Any] | str) -> None:
        """One line on stdout."""
        text = line if isinstance(line, str) else json.dumps({**line, "session_id": self.session, "uuid": new()})
        left = memoryview(f"{text}\n".encode("utf-8", "surrogateescape"))
        while left:  # not through sys.stdout: what a signal interrupts there cannot be used by its handler
            left = left[os.write(1, left) :]

    def play(self) -> None:
        """The whole turn."""
        turn = self.turn
        if turn.get("ignore_sigterm"):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if turn.get("ignore_sigint"):
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        elif "on_sigint" in turn:
            signal.signal(signal.SIGINT, lambda *_: self.interrupted(turn["on_sigint"]))
        self.note("user", self.prompt)
        if text := turn.get("stderr"):
            print(text, file=sys.stderr, flush=True)
        if turn.get("silent"):
            forever()
        if name := turn.get("recording"):
            self.replay(RECORDINGS / name)
        else:
            if not turn.get("no_init"):
                self.init()
            for event in turn.get("events", ()):
                self.event(event)
            self.answer()
        if turn.get("hang"):
            forever()
        if number := turn.get("signal"):
            signal.signal(number, signal.SIG_DFL) if number != signal.SIGKILL else None
            os.kill(os.getpid(), number)
        raise SystemExit(turn.get("exit", 0))

    def interrupted(self, turn: Mapping[str, Any]) -> None:
        """As during a tool: a result that tells the cost, and exit code 1."""
        wrong = {"subtype": "error_during_execution", "is_error": True, "terminal_reason": "aborted_tools"}
        self.turn, self.said = {**turn, "result": {**wrong, **turn.get("result", {})}}, "interrupted"
        self.answer()
        raise SystemExit(1)

    def replay(self, file: Path) -> None:
        """A recording, as it is or as if it were of this session."""
        text = file.read_text()
        old = json.loads(text.splitlines()[0])["session_id"]
        text = text if self.turn.get("verbatim") else text.replace(old, self.session)
        lines = text.splitlines()
        if self.turn.get("drop_result"):
            lines = [line for line in lines if '"type":"result"' not in line]
        if self.turn.get("cut"):
            lines[-1] = lines[-1][: len(lines[-1]) // 2]
        sys.stdout.write("\n".join(lines) + ("" if self.turn.get("cut") else "\n"))
        sys.stdout.flush()
        self.note("assistant", "replayed")

    def init(self) -> None:
        servers: list[dict[str, Any]] = [
            json.loads(each) for each in self.flags.get("--mcp-config", ()) if each.startswith("{")
        ]
        names = [name for each in servers for name in each.get("mcpServers", {})]
        line: dict[str, Any] = {
            "type": "system",
            "subtype": "init",
            "cwd": os.getcwd(),
            "tools": ["Bash", "Read", "Write", "TodoWrite"],
        }
        line |= {"mcp_servers": [{"name": name, "status": "connected"} for name in names], "model": self.model}
        line |= {"permissionMode": self.flags.get("--permission-mode", "default"), "apiKeySource": "ANTHROPIC_API_KEY"}
        self.out(line | {"claude_code_version": "2.1.197"})

    def event(self, event: Mapping[str, Any]) -> None:
        """One of: say · tool (with input, result, is_error, run, id, no_result) · todo · line (an object or a text as it is)
        · stderr · sleep · wait_for (a file) · write (a file) with text · retry (a status; count) · rate_limit (its info) ·
        flood (lines) · big_line (bytes) · grandchild (seconds; in a session of its own, holds the pipe) · approve (a tool,
        through the permission prompt tool) · silent."""
        (kind,) = [key for key in KINDS if key in event]
        getattr(self, f"on_{kind}")(event)

    def on_say(self, event: Mapping[str, Any]) -> None:
        self.said = event["say"]
        self.message({"type": "text", "text": self.said})

    def on_tool(self, event: Mapping[str, Any]) -> None:
        call = event.get("id") or f"toolu_{uuid.uuid4().hex[:24]}"
        given = event.get("input", {"command": event.get("run", "true")})
        self.message({"type": "tool_use", "id": call, "name": event["tool"], "input": given})
        answer, wrong = event.get("result", ""), bool(event.get("is_error"))
        if "run" in event:
            ran = subprocess.run(
                ["/bin/sh", "-c", event["run"]], capture_output=True, text=True, check=False, start_new_session=True
            )
            answer, wrong = ran.stdout + ran.stderr, ran.returncode != 0
        if event.get("no_result"):
            return
        self.tool_result(call, answer, wrong=wrong)

    def tool_result(self, call: str, answer: Any, *, wrong: bool) -> None:
        part = {"type": "tool_result", "tool_use_id": call, "content": answer, "is_error": wrong}
        self.out({"type": "user", "message": {"role": "user", "content": [part]}, "parent_tool_use_id": None})

    def on_todo(self, event: Mapping[str, Any]) -> None:
        self.on_tool({"tool": "TodoWrite", "input": {"todos": event["todo"]}, "result": "ok"})

    def on_line(self, event: Mapping[str, Any]) -> None:
        self.out(event["line"])

    def on_stderr(self, event: Mapping[str, Any]) -> None:
        print(event["stderr"], file=sys.stderr, flush=True)

    def on_sleep(self, event: Mapping[str, Any]) -> None:
        time.sleep(event["sleep"])

    def on_wait_for(self, event: Mapping[str, Any]) -> None:
        while not os.path.exists(event["wait_for"]):
            time.sleep(0.01)

    def on_write(self, event: Mapping[str, Any]) -> None:
        file = Path(event["write"])
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(event.get("text", ""))

    def on_retry(self, event: Mapping[str, Any]) -> None:
        for attempt in range(1, event.get("count", 1) + 1):
            line = {"type": "system", "subtype": "api_retry", "attempt": attempt, "max_retries": 10}
            names = {401: "authentication_failed", 403: "authentication_failed", 429: "rate_limit"}
            error = names.get(event["retry"], "server_error")
            self.out(line | {"retry_delay_ms": 500 * attempt, "error_status": event["retry"], "error": error})

    def on_rate_limit(self, event: Mapping[str, Any]) -> None:
        self.out({"type": "rate_limit_event", "rate_limit_info": event["rate_limit"]})

    def on_flood(self, event: Mapping[str, Any]) -> None:
        for number in range(event["flood"]):
            self.message({"type": "text", "text": f"line {number} " + "x" * 100})

    def on_big_line(self, event: Mapping[str, Any]) -> None:
        self.message({"type": "text", "text": "b" * event["big_line"]})

    def on_grandchild(self, event: Mapping[str, Any]) -> None:
        code = f"import time; time.sleep({event['grandchild']})"
        child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        if file := event.get("pid_file"):
            Path(file).write_text(str(child.pid))

    def on_silent(self, event: Mapping[str, Any]) -> None:
        forever()

    def on_approve(self, event: Mapping[str, Any]) -> None:
        """Asks the permission prompt tool, and runs the tool or has it denied, as that says."""
        call, given = event.get("id") or f"toolu_{uuid.uuid4().hex[:24]}", event.get("input", {})
        self.message({"type": "tool_use", "id": call, "name": event["approve"], "input": given})
        asked = {"tool_name": event["approve"], "input": given, "tool_use_id": call}
        verdict = ask_server(self.flags, asked)
        if verdict.get("behavior") == "allow":
            self.tool_result(call, event.get("result", "done"), wrong=False)
            return
        self.turn.setdefault("denials", []).append(  # type: ignore[attr-defined]
            {"tool_name": event["approve"], "tool_use_id": call, "tool_input": given}
        )
        if verdict.get("interrupt") and not event.get("goes_on"):
            self.tool_result(call, "The user doesn't want to proceed with this tool use.", wrong=True)
            aborted = {"subtype": "error_during_execution", "is_error": True, "terminal_reason": "aborted_tools"}
            self.turn["result"] = aborted  # type: ignore[index]
            self.answer()
            raise SystemExit(1)
        self.tool_result(call, verdict.get("message", "denied"), wrong=True)

    def message(self, part: Mapping[str, Any]) -> None:
        self.calls += 1
        usage = {
            "input_tokens": 100,
            "output_tokens": 1,
            "cache_creation_input_tokens": 5,
            "cache_read_input_tokens": 7,
        }
        message = {"id": f"msg_{uuid.uuid4().hex[:12]}", "type": "message", "role": "assistant", "model": self.model}
        line = {"type": "assistant", "message": message | {"content": [part], "usage": usage, "stop_reason": None}}
        self.out(line | {"parent_tool_use_id": None})

    def answer(self) -> None:
        """The last words and the result line."""
        turn, usage = self.turn, self.turn.get("usage", {})
        if turn.get("result", {}) is None:
            return
        text = turn.get("text", self.said or "All done.")
        if text and not self.said:
            self.on_say({"say": text})
        self.note("assistant", text)
        input_, output = usage.get("input", 100), usage.get("output", 20)
        cached, created, cost = usage.get("cached", 7), usage.get("created", 5), usage.get("cost", "0.00062085")
        of_model = {"inputTokens": input_, "outputTokens": output, "cacheReadInputTokens": cached}
        of_model |= {"cacheCreationInputTokens": created, "costUSD": "@cost@", "contextWindow": 200000}
        line = {"type": "result", "subtype": "success", "is_error": False, "api_error_status": None}
        line |= {"duration_ms": 87, "num_turns": turn.get("turns", max(self.calls, 1)), "result": text}
        line |= {"stop_reason": "end_turn", "total_cost_usd": "@cost@", "usage": {"input_tokens": input_}}
        line |= {"modelUsage": {self.model: of_model}, "permission_denials": turn.get("denials", [])}
        if "structured" in turn:
            line["structured_output"] = turn["structured"]
        line |= {"terminal_reason": "completed", **turn.get("result", {}), "session_id": self.session, "uuid": new()}
        if str(line["subtype"]).startswith("error"):
            line.pop("result", None)
        self.out(json.dumps(line).replace('"@cost@"', str(cost)))

    def note(self, role: str, text: str) -> None:
        """One more line of the transcript."""
        if self.flags.get("--no-session-persistence"):
            return
        file = transcript(self.session)
        file.parent.mkdir(parents=True, exist_ok=True)
        line = {"type": role, "sessionId": self.session, "cwd": os.getcwd(), "message": {"role": role, "content": text}}
        with file.open("a") as stream:
            stream.write(json.dumps(line) + "\n")


KINDS = [
    "say",
    "tool",
    "todo",
    "line",
    "stderr",
    "sleep",
    "wait_for",
    "write",
    "retry",
    "rate_limit",
    "flood",
    "big_line",
    "grandchild",
    "silent",
    "approve",
]


def new() -> str:
    return str(uuid.uuid4())


def forever() -> NoReturn:
    while True:
        time.sleep(3600)


def main(argv: list[str]) -> None:
    file = Path(os.environ.pop("FAKE"))
    scenario = json.loads(file.read_text())
    version = str(scenario.get("version", "2.1.197"))
    if argv == ["--version"]:
        print(scenario.get("version_line", f"{version} (Claude Code)"))
        return
    if argv == ["--help"]:
        print(help_text(scenario.get("without", ()), tuple(int(part) for part in version.split("."))))
        return
    flags = flags_of(argv, scenario)
    prompt = flags.get("prompt") or ("" if sys.stdin.isatty() else sys.stdin.read())
    session = flags.get("--resume") or flags.get("--session-id") or new()
    calls = file.with_suffix(".calls")
    known = [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []
    call = {"argv": argv, "prompt": prompt, "env": dict(os.environ), "cwd": os.getcwd(), "pid": os.getpid()}
    with calls.open("a") as stream:
        stream.write(json.dumps(call | {"session": session}) + "\n")
    check(flags, prompt)
    if "--resume" in flags and not transcript(session).exists():
        print(f"No conversation found with session ID: {session}", file=sys.stderr)
        line = {"type": "result", "subtype": "error_during_execution", "is_error": True, "num_turns": 0}
        line |= {"session_id": session, "total_cost_usd": 0, "modelUsage": {}, "permission_denials": [], "uuid": new()}
        print(json.dumps(line | {"errors": [f"No conversation found with session ID: {session}"]}), flush=True)
        raise SystemExit(1)
    if "--session-id" in flags and "--resume" not in flags and transcript(session).exists():
        fail(f"Error: Session ID {session} is already in use.")
    number = sum(each["session"] == session for each in known) if scenario.get("by_session") else len(known)
    if flags.get("--fork-session"):
        old, session = transcript(session), flags.get("--session-id") or new()
        transcript(session).write_text(old.read_text().replace(old.stem, session))
    turns = scenario.get("turns") or [{}]
    Player(flags, turns[min(number, len(turns) - 1)], session, prompt).play()


if __name__ == "__main__":
    main(sys.argv[1:])
