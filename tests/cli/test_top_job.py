"""`jobtrail top`, one job and its log, over HTTP as well, and what is left on the screen when the connection is lost."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from cli.terminal import Terminal
from cli.watching import watched, write
from database import Database
from scene import ME, Scene
from serving import served

from jobtrail.cli.tui import tailing
from jobtrail.client import Client, JobsClient
from jobtrail.client.remote import RemoteClient
from jobtrail.core.fence import Fence
from jobtrail.core.ids import short
from jobtrail.core.status import LogLevel
from jobtrail.service import jobs


@pytest.fixture
def client(database: Database) -> Iterator[Client]:
    with Client(database.app_url) as client:
        yield client


def tried_twice(scene: Scene) -> Fence:
    """A job whose first attempt failed, and whose second one runs."""
    first = scene.start(title="trailer.mov")
    scene.finished_step(first, "fetch")
    scene.fail(first, retry_in=timedelta(0), code="ValueError")
    scene.do(jobs.start_now(scene.workspace, first.job_id, ME))
    return scene.again(first.job_id)


@pytest.fixture(params=["database", "server"])
def either(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[JobsClient]:
    """A client of the database, and one of a server."""
    if request.param == "database":
        with Client(database.app_url) as client:
            yield client
        return
    with served(database, tmp_path) as web, RemoteClient(web.url, web.key()) as remote:
        yield remote


async def test_a_job_shows_all_that_is_known_of_it_and_goes_on(either: JobsClient, scene: Scene) -> None:
    fence = tried_twice(scene)
    write(scene, fence, [f"frame {n}" for n in range(30)])
    async with watched(either, size=(110, 60)) as top:
        await top.sees("trailer.mov", "1 running")
        await top.press("enter")
        await top.sees(
            str(fence.job_id), "It runs on worker", "attempt 2 of 3", "timeline", "✗ attempt 1 on", "✓ fetch"
        )
        await top.sees("attempts", "✗ FAILED", "● RUNNING", "steps", "frame 29", '"n": 1')
        assert "frame 19" not in top.text
        scene.step(fence, "encode")
        scene.complete(fence, '{"answer": 42}')
        await top.sees("✓ COMPLETED", "It is done.", "encode", "result", '"answer": 42')
        await top.press("escape")
        await top.sees("all, newest first", "✓ COMPLETED")


async def test_of_a_failed_job_what_failed_comes_first(client: Client, scene: Scene) -> None:
    fence = scene.start(title="upload")
    write(scene, fence, ["the last words"])
    scene.step(fence, "send")
    scene.fail(fence, code="TimeoutError")
    async with watched(client) as top:
        await top.sees("upload")
        await top.press("enter")
        await top.sees("TimeoutError: it went wrong", "the last words", "timeline")
        assert top.text.index("the last words") < top.text.index("timeline")


async def test_a_question_is_answered_on_the_page_of_its_job(client: Client, scene: Scene) -> None:
    fence = scene.start(title="asks")
    scene.ask(fence, "publish?", form='{"properties": {"when": {"type": "string"}}}')
    async with watched(client) as top:
        await top.sees("◌ PENDING gate")
        await top.press("enter")
        await top.sees("◇ publish? May it?")
        await top.press("a")
        await top.sees("Approve?", "it may be filled in: when")
        await top.press("enter")
        await top.type("when=now")
        await top.press("enter")
        await top.sees("○ QUEUED")
        await top.press("x")
        await top.sees("waits for no decision")
    assert "gate.approved" in scene.told(fence.job_id)
    assert '{"when": "now"}' in json.dumps([event.payload for event in scene.events(fence.job_id)])


async def test_a_log_is_shown_from_its_end_and_grows(either: JobsClient, scene: Scene) -> None:
    fence = scene.start(title="long")
    for first in range(1, 1_201, 300):
        write(scene, fence, [f"line {n}." for n in range(first, first + 300)], first)
    async with watched(either) as top:
        await top.sees("long")
        await top.press("l")
        await top.sees("line 1200.", "● follows", "lines 701 to 1200")
        write(scene, fence, ["one more"], 1_201)
        await top.sees("one more")
        await top.press("pageup")
        await top.sees("↓ 0 new")
        write(scene, fence, ["unseen"], 1_202)
        await top.sees("↓ 1 new")
        assert "unseen" not in top.text
        await top.press("f")
        await top.sees("unseen", "● follows")
        await top.press("home")
        await top.sees("lines 201 to 1202")


async def test_a_log_is_searched(client: Client, scene: Scene) -> None:
    fence = scene.start(title="searched")
    write(scene, fence, [f"frame {n}" for n in range(50)])
    write(scene, fence, ["PSNR [low]"], 51, LogLevel.ERROR)
    write(scene, fence, [f"frame {n}" for n in range(50, 100)], 52)
    async with watched(client) as top:
        await top.sees("searched")
        await top.press("l")
        await top.sees("frame 99")
        await top.press("slash")
        await top.type("psnr [")
        await top.press("enter")
        await top.sees("PSNR [low]", "1 of 1")
        await top.press("slash", *["backspace"] * 6)
        await top.type("frame 9")
        await top.press("enter")
        await top.sees("11 of 11")
        await top.press("n")
        await top.sees("1 of 11", "frame 9 ")
        await top.press("N")
        await top.sees("11 of 11")
        await top.press("E")
        await top.sees("PSNR [low]")


@pytest.mark.parametrize("lines", [0, 1, 2, 299, 300, 301, 7_000])
def test_the_end_of_a_log_is_found(client: Client, scene: Scene, lines: int) -> None:
    fence = scene.start()
    for first in range(1, lines + 1, 300):
        write(scene, fence, ["x"] * min(300, lines - first + 1), first)
    reads = Counted(client)
    assert tailing.last_number(reads, fence.job_id) == lines  # type: ignore[arg-type]
    assert reads.number <= 20


class Counted:
    """A client that counts how often a log was read."""

    def __init__(self, client: Client) -> None:
        self._client, self.number = client, 0

    def logs(self, job_id: UUID, *, from_line: int) -> object:
        self.number += 1
        return self._client.logs(job_id, from_line=from_line)


async def test_what_was_seen_stays_when_the_connection_is_lost(
    database: Database, scene: Scene, tmp_path: Path
) -> None:
    job_id = scene.enqueue(title="still here")
    with ExitStack() as first:
        web = first.enter_context(served(database, tmp_path))
        key, port = web.key(), int(web.url.rpartition(":")[2])
        with RemoteClient(web.url, key, patience=timedelta(0)) as remote:
            async with watched(remote) as top:
                await top.sees("still here", "● live", "1 queued")
                first.close()
                await top.sees("◌ retrying", "as of", "still here", "1 queued")
                await top.press("y")
                assert top.app.clipboard == str(job_id)
                await top.press("c")
                await top.sees(f"Cancel job {short(job_id)}")
                await top.press("enter")
                await top.sees("cannot be reached", "○ QUEUED")
                with served(database, tmp_path, port=port):
                    await top.sees("● live", "○ QUEUED")


def test_the_program_in_a_terminal(jobtrail: Terminal, scene: Scene) -> None:
    job_id = scene.enqueue(title="in a terminal")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    argv = [sys.executable, "-m", "jobtrail", "top", "status:queued"]
    environment = jobtrail.environment | {"TERM": "xterm-256color"}
    process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    try:
        said = read_until(ours, b"in a terminal")
        assert b"\x1b[?1049h" in said  # the other screen of the terminal
        os.write(ours, b"y")
        assert base64.b64encode(str(job_id).encode()) in read_until(ours, b"\x1b]52;c;", b"\x07")
        os.write(ours, b":quit\r")
        assert b"\x1b[?1049l" in read_until(ours)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def read_until(terminal: int, *texts: bytes) -> bytes:
    """What a terminal was told, until it was told all of these in their order; without any, until its other end is closed."""
    said = b""
    pattern = re.compile(b".*".join(map(re.escape, texts)), re.DOTALL)
    while not (texts and pattern.search(said)):
        try:
            more = os.read(terminal, 65_536)
        except OSError:  # Linux says so that nobody is at the other end
            more = b""
        if not more:
            assert not texts, said
            break
        said += more
    return said
