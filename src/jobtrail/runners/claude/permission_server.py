"""The MCP server that an agent's program starts to ask whether a tool may be used: it passes the question on to the worker.

Standard library only and run as a file, so that it starts at once. `reply` is the protocol; around it is nothing but I/O.
Decides nothing: what cannot be asked is refused.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

NAME = "jobtrail"
TOOL = "approve"
TOKEN = "JOBTRAIL_APPROVAL_TOKEN"
VERSION = "2025-06-18"  # if the program does not say which one it speaks
SECONDS = 60.0  # the worker answers at once; it never keeps a call waiting for people

_PARSE, _METHOD, _PARAMS = -32700, -32601, -32602
_DESCRIPTION = {
    "name": TOOL,
    "description": "Says whether a tool may be used. For the program only, not for the model.",
    "inputSchema": {
        "type": "object",
        "properties": {
            "tool_name": {"type": "string"},
            "input": {"type": "object"},
            "tool_use_id": {"type": "string"},
        },
        "required": ["tool_name", "input"],
    },
}

Call = dict[str, Any]
Decide = Callable[[Call], dict[str, Any]]


def reply(line: bytes, decide: Decide) -> bytes | None:
    """The answer to one line of JSON-RPC; None where none is due. `decide` answers a call's arguments, and never raises."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return _line(None, error=(_PARSE, "this is not JSON"))
    if not isinstance(message, dict) or "method" not in message or "id" not in message:
        return None  # a notification, or an answer to what we never asked
    number, method = message["id"], message["method"]
    params = message.get("params")
    params = params if isinstance(params, dict) else {}
    match method:
        case "initialize":
            return _line(number, _hello(params.get("protocolVersion")))
        case "ping":
            return _line(number, {})
        case "tools/list":
            return _line(number, {"tools": [_DESCRIPTION]})
        case "tools/call":
            if params.get("name") != TOOL or not isinstance(params.get("arguments"), dict):
                return _line(number, error=(_PARAMS, f"the only tool is {TOOL!r}, and it takes an object"))
            text = json.dumps(decide(params["arguments"]))
            return _line(number, {"content": [{"type": "text", "text": text}], "isError": False})
        case _:
            return _line(number, error=(_METHOD, f"there is no method {method!r} here"))


def _hello(version: object) -> dict[str, Any]:
    """We speak what the program speaks: these few methods are the same in all versions."""
    spoken = version if isinstance(version, str) and version else VERSION
    server = {"name": NAME, "version": "1"}
    return {"protocolVersion": spoken, "capabilities": {"tools": {}}, "serverInfo": server}


def _line(number: object, result: object = None, error: tuple[int, str] | None = None) -> bytes:
    message: dict[str, object] = {"jsonrpc": "2.0", "id": number}
    if error is None:
        message["result"] = result
    else:
        message["error"] = {"code": error[0], "message": error[1]}
    return json.dumps(message).encode() + b"\n"


def ask(path: str, token: str, call: Call) -> dict[str, Any]:
    """The worker's answer. If it cannot be had, the call is refused."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire:
            wire.settimeout(SECONDS)
            wire.connect(path)
            wire.sendall(json.dumps({"token": token, "call": call}).encode() + b"\n")
            with wire.makefile("rb") as lines:
                answer = json.loads(lines.readline())
    except (OSError, ValueError) as error:
        return refused(f"nobody could be asked: {error}")
    return answer if isinstance(answer, dict) and "behavior" in answer else refused("nobody could be asked")


def refused(why: str) -> dict[str, Any]:
    """A refusal, as the program takes it."""
    return {"behavior": "deny", "message": why}


def main() -> None:
    """`python permission_server.py SOCKET`, started by the program; ends with its standard input."""
    path, token = sys.argv[1], os.environ.get(TOKEN, "")
    for line in sys.stdin.buffer:
        answer = reply(line, lambda call: ask(path, token, call)) if line.strip() else None
        if answer is not None:
            sys.stdout.buffer.write(answer)
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
