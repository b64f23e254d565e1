"""An imitation of a nexrender server on the loopback, with the habits that the real one (1.38) was seen to have."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Row = dict[str, Any]
SUMMARY = {"uid": "uid", "state": "state", "type": "type", "tags": "tags", "renderProgress": "renderProgress",
           "createdAt": "createdAt", "updatedAt": "updatedAt", "startedAt": "startedAt", "finishedAt": "finishedAt",
           "errorAt": "errorAt", "jobCreator": "creator", "jobExecutor": "executor", "timings": "timings"}  # fmt: skip
STACK = "AssertionError [ERR_ASSERTION]: {0}\n    at module.exports (routes/jobs-create.js:17:9)\n    at process"


@dataclass
class Imitation:
    """The server. `answer` may answer in its place: a status and a body, or True to break off after doing the work."""

    port: int = 0
    secret: str = ""
    rows: list[Row] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    answer: Callable[[str, str], tuple[int, bytes] | bool | None] = lambda _, __: None
    away: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    pieces: bool = True
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def find(self, uid: str) -> Row | None:
        """The newest of this name."""
        return next((row for row in reversed(self.rows) if row["uid"] == uid), None)

    def only(self) -> Row:
        """The one render that there is."""
        (row,) = self.rows
        return row

    def until(self, condition: Callable[[], object], seconds: float = 60.0) -> None:
        """Waits until it holds, looking after each request."""
        with self.changed:
            assert self.changed.wait_for(lambda: bool(condition()), seconds), "it did not become so"

    def count(self, method: str, path: str = "/jobs") -> int:
        """How often this was asked."""
        return sum(one == (method, path) for one in self.asked)

    def serve(self, method: str, path: str, secret: str | None, body: bytes) -> tuple[int, bytes]:
        if (method, path) == ("GET", "/health"):
            return 200, b"ok"
        if self.secret and secret != self.secret:
            return 403, b'Wrong or no authentication secret provided. Please check the "nexrender-secret" header.'
        words = path.strip("/").split("/")
        if words[0] != "jobs":
            return 204, b""
        match method, words[1:]:
            case "POST", []:
                return self._create(json.loads(body))
            case "GET", []:
                return 200, _json(self.rows)
            case "GET", ["status"]:
                return 200, _json([_summary(row) for row in self.rows])
            case "GET", ["pickup"]:
                return self._pick_up()
            case "GET", [uid]:
                row = self.find(uid)
                return (200, b"") if row is None else (200, _json(row))
            case "GET", [uid, "status"]:
                row = self.find(uid)
                return (500, b"Internal Server Error") if row is None else (200, _json(_summary(row)))
            case "PUT", [uid]:
                return self._update(uid, json.loads(body))
            case "DELETE", [uid]:
                row = self.find(uid)
                if row is not None:
                    self.rows.reverse()
                    self.rows.remove(row)
                    self.rows.reverse()
                return 200, _json({"id": uid, "removed": True})
        return 204, b""

    def _create(self, job: Row) -> tuple[int, bytes]:
        template = job.get("template") or {}
        if not template.get("src") or not template.get("composition"):
            return 400, STACK.format("job must have template.src defined").encode()
        now = _now()
        row = {"type": "default", "tags": "", "priority": 0, "timings": {}, "uid": f"nano{len(self.rows)}", **job,
               "state": "queued", "creator": "::ffff:127.0.0.1", "createdAt": now, "updatedAt": now}  # fmt: skip
        self.rows.append(row)
        return 200, _json(row)

    def _pick_up(self) -> tuple[int, bytes]:
        queued = next((row for row in self.rows if row["state"] == "queued"), None)
        if queued is None:
            return 200, b"{}"
        queued.update(state="picked", executor="10.9.8.7", updatedAt=_now())
        return 200, _json(queued)

    def _update(self, uid: str, part: Row) -> tuple[int, bytes]:
        row = self.find(uid)
        if row is None:
            return 400, STACK.format("job must have template object defined").encode()
        row.update(part, updatedAt=_now())
        return 200, _json(row)


class _Server(ThreadingHTTPServer):
    """One that knows what it imitates."""

    daemon_threads = True

    def __init__(self, imitation: Imitation) -> None:
        self.imitation = imitation
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        answer = self._answer(self.server.imitation, self.path.removeprefix("/api/v1"), body)
        if answer is None:
            self.close_connection = True
            return
        status, said, *headers = answer
        self.send_response(status)
        for name, value in (*headers, ("content-length", str(len(said)))):
            self.send_header(name, value)
        self.end_headers()
        if status != 204:
            self.wfile.write(said)

    def _answer(self, imitation: Imitation, path: str, body: bytes) -> Any:
        """Status, body and headers; None: breaks off."""
        with imitation.changed:
            if imitation.away:
                return None
            if path in imitation.files:
                return _piece(imitation.files[path], self.headers.get("range") if imitation.pieces else None)
            imitation.asked.append((self.command, path))
            instead = imitation.answer(self.command, path)
            if isinstance(instead, tuple):
                answer = instead
            else:
                answer = imitation.serve(self.command, path, self.headers.get("nexrender-secret"), body)
            imitation.changed.notify_all()
            return None if instead is True else answer

    do_GET = do_POST = do_PUT = do_DELETE = handle_one  # noqa: N815  (the names that the server looks for)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def imitating(**given: Any) -> Iterator[Imitation]:
    """An imitation for the length of a block."""
    imitation = Imitation(**given)
    server = _Server(imitation)
    imitation.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield imitation
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _piece(content: bytes, wanted: str | None) -> Any:
    """What a server of files answers to a Range, or without one."""
    if wanted is None:
        return 200, content
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    piece = content[int(first) : int(last) + 1]
    end = int(first) + len(piece) - 1
    return 206, piece, ("content-range", f"bytes {first}-{end}/{len(content)}"), ("etag", f'"{zlib.crc32(content)}"')


def _summary(row: Row) -> Row:
    found = {name: row.get(theirs) for name, theirs in SUMMARY.items()}
    error = row.get("error")
    return {**found, "error": "\n\n".join(error) if isinstance(error, list) else error}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(value: object) -> bytes:
    return json.dumps(value).encode()
