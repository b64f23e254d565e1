"""How the stand-in of `claude` speaks to MCP servers: it asks the permission prompt tool, over stdio or HTTP."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def ask_server(flags: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Calls the tool of `--permission-prompt-tool` (mcp__SERVER__TOOL), over stdio or HTTP, and answers its verdict."""
    _, server, tool = flags["--permission-prompt-tool"].split("__", 2)
    known: dict[str, Any] = {}
    for config in flags.get("--mcp-config", ()):
        text = config if config.startswith("{") else Path(config).read_text()
        known |= json.loads(text).get("mcpServers", {})
    calls = [
        (
            "initialize",
            {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
        ),
        ("notifications/initialized", None),
        ("tools/list", {}),
        ("tools/call", {"name": tool, "arguments": dict(asked)}),
    ]
    spec = known[server]
    answer = over_http(spec, calls) if "url" in spec else over_stdio(spec, calls)
    if answer.get("isError"):
        return {"behavior": "deny", "message": answer["content"][0]["text"]}
    return dict(json.loads(answer["content"][0]["text"]))


def over_stdio(spec: Mapping[str, Any], calls: list[tuple[str, Any]]) -> dict[str, Any]:
    child = subprocess.Popen(
        [spec["command"], *spec.get("args", ())],
        env={**os.environ, **spec.get("env", {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    answer: dict[str, Any] = {}
    for number, (method, params) in enumerate(calls):
        request = {"jsonrpc": "2.0", "method": method, **({} if params is None else {"id": number, "params": params})}
        child.stdin.write(json.dumps(request) + "\n")
        child.stdin.flush()
        while params is not None:
            line = child.stdout.readline()
            if not line:
                return {"isError": True, "content": [{"text": "the MCP server ended"}]}
            if (said := json.loads(line)).get("id") == number:
                answer = said.get("result", {})
                break
    child.stdin.close()
    child.wait()
    return answer


def over_http(spec: Mapping[str, Any], calls: list[tuple[str, Any]]) -> dict[str, Any]:
    import urllib.request  # noqa: PLC0415  it is slow to load, and hardly ever needed

    answer: dict[str, Any] = {}
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    headers |= spec.get("headers", {})
    for number, (method, params) in enumerate(calls):
        body = {"jsonrpc": "2.0", "method": method, **({} if params is None else {"id": number, "params": params})}
        request = urllib.request.Request(spec["url"], json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as response:
            headers |= {"Mcp-Session-Id": given} if (given := response.headers.get("Mcp-Session-Id")) else {}
            text = response.read().decode()
        found = [line[5:] for line in text.splitlines() if line.startswith("data:")] or [text]
        if params is not None:
            answer = json.loads(found[-1]).get("result", {})
    return answer
