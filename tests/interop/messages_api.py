"""A stand-in of Anthropic's Messages API on the loopback: it says what a test wants said, and keeps what it was asked.

Nothing here thinks: an answer is chosen by how far the conversation is, so the same story is told again after a kill.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

MODEL = "claude-sonnet-4-5"
KEY = "sk-ant-dummy-key-of-a-test"
PATIENCE_SECONDS = 60.0
FILLER = ["No response requested."]  # what Claude Code lets the model have said where a session broke off
Event = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an answer says that it used."""

    input: int = 100
    output: int = 20
    cache_read: int = 7
    cache_creation: int = 5

    def shown(self, output: int | None = None) -> dict[str, int]:
        """As it stands in a message."""
        return {
            "input_tokens": self.input,
            "output_tokens": self.output if output is None else output,
            "cache_creation_input_tokens": self.cache_creation,
            "cache_read_input_tokens": self.cache_read,
        }


@dataclass(frozen=True, slots=True)
class Tool:
    """A call of a tool."""

    name: str
    input: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the model: text, then calls of tools."""

    text: str = ""
    tools: tuple[Tool, ...] = ()
    tokens: Tokens = Tokens()
    hold: threading.Event | None = None  # it comes when this is set
    cut: bool = False  # the connection breaks in the middle of it
    stop: str = ""  # the reason to stop, if not the usual one
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """An answer that is an error."""

    status: int
    type: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for an answer of the model."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]
    answers: int  # so many answers of ours it holds already
    results: tuple[str, ...]  # what the tools said so far

    @property
    def said(self) -> list[str]:
        """Every text of the user, in order, the harness' own remarks too."""
        return [
            text
            for message in self.body["messages"]
            if message["role"] == "user"
            for text in _texts(message["content"])
        ]

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream"))


def say(text: str, tokens: Tokens = Tokens(), **more: Any) -> Answer:
    """Words, and with them the end of the turn."""
    return Answer(text=text, tokens=tokens, **more)


def bash(command: str, tokens: Tokens = Tokens(), **more: Any) -> Answer:
    """One call of Bash."""
    return Answer(tools=(Tool("Bash", {"command": command, "description": "a step"}),), tokens=tokens, **more)


def use(name: str, input: Mapping[str, Any], tokens: Tokens = Tokens(), **more: Any) -> Answer:
    """One call of a tool."""
    return Answer(tools=(Tool(name, input),), tokens=tokens, **more)


UNKNOWN_KEY = Fault(401, "authentication_error", "invalid x-api-key")
BAD_REQUEST = Fault(400, "invalid_request_error", "messages: a test says that this is wrong")
OVERLOADED = Fault(529, "overloaded_error", "Overloaded")


def limited(resets_at: int, claim: str = "five_hour") -> Fault:
    """The limit of a subscription is reached until then (seconds since 1970)."""
    return Fault(
        429,
        "rate_limit_error",
        "This request would exceed your account's rate limit. Please try again later.",
        {
            "anthropic-ratelimit-unified-status": "rejected",
            "anthropic-ratelimit-unified-reset": str(resets_at),
            "anthropic-ratelimit-unified-representative-claim": claim,
            "anthropic-ratelimit-unified-overage-status": "rejected",
            "retry-after": "3600",
        },
    )


Story = Callable[[Asked], Answer | Fault]


def told(answers: Sequence[Answer | Fault]) -> Story:
    """A story told in order: the answer to a request is the one after those that it holds; the last one again and again."""
    return lambda asked: answers[min(asked.answers, len(answers) - 1)]


class MessagesApi:
    """The stand-in, for the length of a block. `story` may be put in place of another at any time."""

    def __init__(self, story: Story | Sequence[Answer | Fault]) -> None:
        self.story: Story = story if callable(story) else told(story)
        self.asked: list[Asked] = []
        self.delivered: list[Tokens] = []  # of the answers that were sent to their end
        self.paths: list[tuple[str, str]] = []  # method and path of all that was asked
        self.changed = threading.Condition()
        self._closing = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="messages-api")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def environment(self, home: str) -> dict[str, str]:
        """What Claude Code must find in its environment to speak to us, and to nobody else."""
        return {
            "HOME": home,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "ANTHROPIC_BASE_URL": self.url,
            "ANTHROPIC_API_KEY": KEY,
            "ANTHROPIC_MODEL": MODEL,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
        }

    def wait_for(self, count: int, seconds: float = PATIENCE_SECONDS) -> list[Asked]:
        """Waits until so many answers of the model were asked for."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.asked) >= count, seconds), (
                f"{len(self.asked)} of {count} requests came: {self.paths}"
            )
            return list(self.asked)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, type: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, asked: Asked) -> Answer | Fault:
        """Keeps a request and chooses what to say; waits if the story says so."""
        with self.changed:
            self.asked.append(asked)
            self.changed.notify_all()
        answer = self.story(asked)
        while isinstance(answer, Answer) and answer.hold is not None and not answer.hold.wait(0.05):
            if self._closing.is_set():
                raise ConnectionAbortedError
        return answer

    def message(self, answer: Answer, asked: Asked) -> dict[str, Any]:
        """The whole message of an answer."""
        blocks: list[dict[str, Any]] = [{"type": "text", "text": answer.text}] if answer.text else []
        for tool in answer.tools:
            id = f"toolu_{uuid4().hex}"
            blocks.append({"type": "tool_use", "id": id, "name": tool.name, "input": dict(tool.input)})
        return {
            "id": f"msg_{uuid4().hex}",
            "type": "message",
            "role": "assistant",
            "model": asked.body.get("model", MODEL),
            "content": blocks,
            "stop_reason": answer.stop or ("tool_use" if answer.tools else "end_turn"),
            "stop_sequence": None,
            "usage": answer.tokens.shown(),
        }

    def done(self, answer: Answer) -> None:
        """It was sent to its end."""
        with self.changed:
            self.delivered.append(answer.tokens)
            self.changed.notify_all()


def _texts(content: str | list[dict[str, Any]]) -> Iterator[str]:
    if isinstance(content, str):
        yield content
        return
    yield from (block["text"] for block in content if block.get("type") == "text")


def _result_text(block: Mapping[str, Any]) -> str:
    content = block.get("content") or ""
    return content if isinstance(content, str) else "".join(_texts(content))


def asked_of(body: Mapping[str, Any], headers: Mapping[str, str]) -> Asked:
    """A request, read."""
    messages = body.get("messages", [])
    blocks = [block for one in messages if isinstance(one["content"], list) for block in one["content"]]
    results = tuple(_result_text(block) for block in blocks if block.get("type") == "tool_result")
    answers = [list(_texts(one["content"])) for one in messages if one["role"] == "assistant"]
    return Asked(body, headers, sum(texts != FILLER for texts in answers), results)


def events_of(message: dict[str, Any], tokens: Tokens) -> Iterator[Event]:
    """A message as the API streams it: figures of the output are told at the end only."""
    begun = {**message, "content": [], "stop_reason": None, "usage": tokens.shown(output=1)}
    yield "message_start", {"message": begun}
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            empty, delta = {**block, "text": ""}, {"type": "text_delta", "text": block["text"]}
        else:
            empty = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        yield "content_block_start", {"index": index, "content_block": empty}
        yield "content_block_delta", {"index": index, "delta": delta}
        yield "content_block_stop", {"index": index}
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield "message_delta", {"delta": ended, "usage": {"output_tokens": tokens.output}}
    yield "message_stop", {}


class _Server(ThreadingHTTPServer):
    """A server that knows for whom it answers; a client that hangs up is no news."""

    daemon_threads = True

    def __init__(self, api: MessagesApi) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.partition("?")[0]
        with self.server.api.changed:
            self.server.api.paths.append((self.command, self.path))
        if self.command == "POST" and path == "/v1/messages":
            self.model(json.loads(body))
        elif self.command == "POST" and path == "/v1/messages/count_tokens":
            self.send(200, {"input_tokens": len(body) // 4})
        elif self.command in ("HEAD", "GET") and path in ("", "/"):
            self.send(200, {})
        else:
            error = {"type": "not_found_error", "message": f"there is no {self.command} {path} here"}
            self.send(404, {"type": "error", "error": error})

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815  (the names that the server looks for)

    def model(self, body: dict[str, Any]) -> None:
        asked = asked_of(body, {name.lower(): value for name, value in self.headers.items()})
        answer = self.server.api.answer(asked)
        if isinstance(answer, Fault):
            error = {"type": "error", "error": {"type": answer.type, "message": answer.message}}
            self.send(answer.status, error, answer.headers)
            return
        message = self.server.api.message(answer, asked)
        if asked.streams:
            self.stream(answer, message)
        elif answer.cut:
            self.close_connection = True
        else:
            self.send(200, message)
            self.server.api.done(answer)

    def stream(self, answer: Answer, message: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        for header, value in answer.headers.items():
            self.send_header(header, value)
        self.end_headers()
        for name, data in events_of(message, answer.tokens):
            if answer.cut and name == "content_block_stop":
                self.close_connection = True
                return
            line = f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
        self.server.api.done(answer)
        self.wfile.write(b"0\r\n\r\n")

    def send(self, status: int, content: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""
