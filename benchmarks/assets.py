"""Sends large files to a server and fetches them, several at once, and tells what that costs it in memory.

.venv/bin/python benchmarks/assets.py [--megabytes 500] [--together 4]
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jobtrail.core.config import Config
from jobtrail.store import embedded, migrate
from jobtrail.store.pool import Dial, connect
from jobtrail.web.runtime import Service
from jobtrail.web.server import Server

CHUNK = os.urandom(1 << 20)
HOST = "127.0.0.1"


def main() -> None:
    """Measures, and prints what it saw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--together", type=int, default=4)
    parser.add_argument("--serve", nargs=3, metavar=("URL", "PORT", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(*asked.serve)
        return
    with tempfile.TemporaryDirectory(prefix="jobtrail-assets-") as name:
        os.chmod(name, 0o755)  # noqa: S103  (the server's account passes; what is in it is 0700)
        with embedded.running(Path(name) / "home") as server:
            with connect(Dial(url=server.owner_url)) as conn:
                migrate.up(conn)
            measure(server.app_url, Path(name), asked.megabytes, asked.together)


def serve(url: str, port: str, folder: str) -> None:
    """The server, in a process of its own."""
    config = Config(
        port=int(port), home=Path(folder), assets_dir=Path(folder, "files"), uploaded_asset_max_bytes=1 << 40
    )
    Server(Service(url=url, config=config, local=True)).run()


def measure(url: str, folder: Path, megabytes: int, together: int) -> None:
    """Files in, then out, `together` at once; beside them somebody asks for something small all the time."""
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, __file__, "--serve", url, str(port), str(folder)])
    try:
        wait_for(port)
        send(port, 1, 0)
        print(f"{together} files of {megabytes} MB each; server at rest: {memory(server.pid, 'VmRSS')} MB")
        with ThreadPoolExecutor(together) as pool:
            with watched(server.pid, port, "in", together * megabytes):
                places = list(pool.map(lambda n: send(port, megabytes, n), range(together)))
            with watched(server.pid, port, "out", together * megabytes):
                list(pool.map(lambda n: fetch(port, places[n], megabytes, n), range(together)))
    finally:
        server.terminate()
        server.wait()


class watched:  # noqa: N801  (reads as a verb)
    """Prints rate, memory and the time of small requests for a block."""

    def __init__(self, pid: int, port: int, way: str, megabytes: int) -> None:
        self.pid, self.port, self.way, self.megabytes = pid, port, way, megabytes

    def __enter__(self) -> None:
        self.over, self.waits, self.peak = threading.Event(), [0.0], 0
        self.begun = time.perf_counter()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        seconds = time.perf_counter() - self.begun
        self.over.set()
        self.thread.join()
        waits = sorted(self.waits)
        p99 = waits[int(len(waits) * 0.99)]
        print(f"{self.way}: {self.megabytes / seconds:.0f} MB/s; memory at most {self.peak} MB, after "
              f"{memory(self.pid, 'VmRSS')} MB; {len(waits)} small requests beside: p50 "
              f"{waits[len(waits) // 2] * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms, max {waits[-1] * 1e3:.1f} ms")  # fmt: skip

    def look(self) -> None:
        """Every 10 ms: how much memory, and how long a small request takes."""
        connection = http.client.HTTPConnection(HOST, self.port)
        while not self.over.wait(0.01):
            self.peak = max(self.peak, memory(self.pid, "VmRSS"))
            begun = time.perf_counter()
            connection.request("GET", "/health")
            connection.getresponse().read()
            self.waits.append(time.perf_counter() - begun)


def content(megabytes: int, n: int) -> Iterator[bytes]:
    """A file that no other equals."""
    yield n.to_bytes(8, "big") + CHUNK[8:]
    for _ in range(megabytes - 1):
        yield CHUNK


def send(port: int, megabytes: int, n: int) -> str:
    """Uploads a file; answers where it is."""
    connection = http.client.HTTPConnection(HOST, port)
    headers = {"Content-Length": str(megabytes << 20)}
    connection.request("POST", f"/api/v1/assets?name={n}.bin", content(megabytes, n), headers)
    answer = connection.getresponse()
    asset = json.loads(answer.read())
    if answer.status != 201:
        raise RuntimeError(asset)
    return f"/api/v1/assets/{asset['id']}/content"


def fetch(port: int, place: str, megabytes: int, n: int) -> None:
    """Downloads a file and looks whether it is the same. Raises RuntimeError."""
    connection = http.client.HTTPConnection(HOST, port)
    connection.request("GET", place)
    answer, found, wanted = connection.getresponse(), hashlib.sha256(), hashlib.sha256()
    while chunk := answer.read(1 << 20):
        found.update(chunk)
    for chunk in content(megabytes, n):
        wanted.update(chunk)
    if found.digest() != wanted.digest():
        raise RuntimeError(f"{place} came as something else")


def memory(pid: int, what: str) -> int:
    """MB of a process."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) >> 10


def wait_for(port: int) -> None:
    """Until the server answers."""
    while True:
        try:
            socket.create_connection((HOST, port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return


if __name__ == "__main__":
    main()
