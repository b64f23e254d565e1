"""A proxy before the server that lets requests through and cuts the connection when the answer comes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


class Cutting:
    """Forwards bytes. While `cuts` is above 0, an answer is read and thrown away, and so is its connection.

    While `stream_cuts` is, a stream's beginning passes, and then its connection is cut.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self.cuts = 0
        self.stream_cuts = 0
        self.url = ""

    async def serve(self, ready: threading.Event, halt: asyncio.Event) -> None:
        server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            ready.set()
            await halt.wait()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, out = await asyncio.open_connection(self._host, self._port)
        try:
            await asyncio.gather(self._requests(reader, out), self._answers(there, writer))
        finally:
            for each in (writer, out):
                each.close()
                with contextlib.suppress(OSError):
                    await each.wait_closed()

    async def _requests(self, reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            out.write(data)
            await out.drain()
        out.write_eof()

    async def _answers(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await there.read(65_536):
            if self.cuts > 0:
                self.cuts -= 1
                writer.transport.abort()
                return
            writer.write(data)
            await writer.drain()
            if self.stream_cuts > 0 and b"text/event-stream" in data:
                self.stream_cuts -= 1
                writer.transport.abort()
                return
        writer.close()


@contextmanager
def cutting(url: str) -> Iterator[Cutting]:
    """Such a proxy for the length of a block."""
    proxy, ready = Cutting(url), threading.Event()
    loop, halt = asyncio.new_event_loop(), asyncio.Event()

    def live() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(proxy.serve(ready, halt))

    thread = threading.Thread(target=live)
    thread.start()
    assert ready.wait(30)
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(halt.set)
        thread.join(30)
        assert not thread.is_alive()
