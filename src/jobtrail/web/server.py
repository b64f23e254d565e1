"""The service in a process of its own: uvicorn around the app, told to stop by signals without cutting what runs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from jobtrail.core.config import Config
from jobtrail.core.errors import Misconfigured
from jobtrail.web import problem
from jobtrail.web.app import Web
from jobtrail.web.runtime import Service

_DRAIN_SECONDS: Final = 20
_KEEP_ALIVE_SECONDS: Final = 30
_MOST_CONNECTIONS: Final = 4_000
_BACKLOG: Final = 2_048
_PORTS_TRIED: Final = 50


class Spoken(HttpToolsProtocol):
    """HTTP/1.1 of one connection. What is none, or has an address of 64 KiB and more, never comes to the app."""

    def send_400_response(self, msg: str) -> None:
        """Refuses it as the app refuses what it cannot read, and hangs up."""
        answer = problem.response(
            400, "malformed", "the request is no HTTP/1.1 that can be read, or its URL is too long"
        )
        answer.headers["Connection"] = "close"
        head = b"".join(b"%s: %s\r\n" % each for each in answer.raw_headers)
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + head + b"\r\n" + answer.body)
        self.transport.close()


class Server(uvicorn.Server):
    """Serves until SIGTERM or Ctrl-C; then open streams are told to come again, requests end, connections close."""

    def __init__(self, service: Service) -> None:
        config = service.config
        self.web = Web(service)
        super().__init__(
            uvicorn.Config(
                Prefixed(self.web, config.path_prefix),
                host=config.host,
                port=config.port,
                http=Spoken,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(config.trusted_proxies),
                forwarded_allow_ips=list(config.trusted_proxies) or None,
                limit_concurrency=_MOST_CONNECTIONS,
                backlog=_BACKLOG,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_DRAIN_SECONDS,
            )
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal lets everything end, the second one does not wait."""
        self.web.runtime.hang_up()
        super().handle_exit(sig, frame)


def listen(config: Config, *, anywhere: bool = False) -> socket.socket:
    """A socket on the address of the settings. `anywhere`: on the next free port where that one is taken.

    Raises Misconfigured.
    """
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    further = range(config.port + 1, min(config.port + _PORTS_TRIED, 65_536)) if config.port else ()
    for port in (config.port, *further, 0) if anywhere else (config.port,):
        try:
            return socket.create_server((config.host, port), family=family, backlog=_BACKLOG)
        except OSError as error:
            refused = error
    raise Misconfigured(
        f"cannot listen on {config.host}:{config.port}: {refused.strerror or refused}; name another --port or --host"
    )


def address_of(listening: socket.socket, config: Config) -> str:
    """Where to find the service."""
    host = f"[{config.host}]" if ":" in config.host else config.host
    return f"http://{host}:{listening.getsockname()[1]}{config.path_prefix}"


@contextmanager
def beside(service: Service) -> Iterator[str]:
    """Serves in a thread for the length of a block, on the next free port where the configured one is taken; its address."""
    with listen(service.config, anywhere=True) as listening:
        server = Server(service)
        thread = threading.Thread(target=server.run, args=([listening],), name="jobtrail-serve", daemon=True)
        thread.start()
        try:
            yield address_of(listening, service.config)
        finally:
            server.web.runtime.hang_up()
            server.should_exit = True
            thread.join(_DRAIN_SECONDS)


class Prefixed:
    """The app under a path prefix, whether the proxy before it takes the prefix away or leaves it."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app, self._prefix = app, prefix.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._prefix and scope["type"] == "http":
            path: str = scope["path"]
            stands = path == self._prefix or path.startswith(f"{self._prefix}/")
            scope = {**scope, "root_path": self._prefix, "path": path if stands else self._prefix + path}
        await self._app(scope, receive, send)


def is_only_for_here(config: Config) -> bool:
    """Whether the address can be reached from this machine alone."""
    return config.host in ("localhost", "::1") or config.host.startswith("127.")
