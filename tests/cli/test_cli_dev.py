"""`jobtrail dev` and `jobtrail demo`: everything in one terminal, on a database that it makes itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack

import httpx2
import psutil
import pytest
from cli.terminal import Terminal, ended, until

from jobtrail.cli import hands
from jobtrail.cli.hands import Hand
from jobtrail.store import embedded

APP = """
import asyncio
import jobtrail as jt
app = jt.App()

@app.job("hello")
async def hello(ctx: jt.Context, name: str) -> str:
    return f"Hello, {name}!"

@app.job("endless")
async def endless(ctx: jt.Context) -> None:
    await ctx.step("wait", asyncio.sleep, 3600)
"""


def test_dev_makes_a_database_works_reloads_and_drains(own: Terminal) -> None:
    own.write("app.py", APP)
    with own.started("dev") as dev:
        dev.says("command, endless, hello")
        address = dev.says("API on ").partition("API on ")[2].partition("/api/v1")[0]
        assert httpx2.get(f"{address}/ready").json() == {"status": "ok"}
        assert own.process("enqueue", "hello", "name=Ana", "--wait").out == "Hello, Ana!\n"
        dev.says("✓ COMPLETED")

        own.write("app.py", APP.replace("Hello,", "Good day,"))
        dev.says("app.py changed")
        dev.says("command, endless, hello", times=2)
        assert own.process("enqueue", "hello", "name=Ana", "--wait").out == "Good day, Ana!\n"

        assert own.process("enqueue", "hello", "name=Ana", "-q", "media", "--wait").code == 0
        dev.says("media: a new queue with jobs")

        dev.interrupt()
        ran = dev.ends()
    assert ran.code == 0 and "everything is kept" in ran.err and "Traceback" not in ran.err
    assert embedded.status(own.folder / ".jobtrail") is None
    assert len(own.ok("job", "list", "-o", "json").data) == 3


def test_dev_replaces_a_worker_that_is_killed_and_stops_now_when_told_twice(own: Terminal) -> None:
    own.write("app.py", APP)
    with own.started("dev", "--drain-timeout", "30s") as dev:
        dev.says("command, endless, hello")
        assert own.process("enqueue", "endless", "-o", "json").code == 0
        dev.says("● RUNNING")
        (worker,) = (one for one in own.ok("worker", "list", "-o", "json").data if one["running"])
        os.kill(worker["process_id"], signal.SIGKILL)
        dev.says(f"pid {worker['process_id']} was killed (signal 9)")
        until(lambda: _attempts(own) == ["LOST", "RUNNING"])
        dev.interrupt()
        dev.says("draining")
        dev.interrupt()
        assert dev.ends().code == 0
    assert _attempts(own) == ["LOST", "INTERRUPTED"]


def test_workers_that_are_to_hurry_before_they_are_told_to_drain_are_told_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hands, "_LAST_PATIENCE", 60.0)
    program = "import signal; print('on', flush=True); print(sorted(signal.sigwait({2, 15}) for _ in range(2)))"
    begin = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, {2, 15});"
    process = subprocess.Popen([sys.executable, "-c", begin + program], stdout=subprocess.PIPE)
    hurry = threading.Event()
    hurry.set()
    with process, ExitStack() as stack:
        stack.callback(process.kill)
        assert process.stdout is not None and process.stdout.readline() == b"on\n"
        hands.end([Hand(process)], 600.0, hurry=hurry)
        assert process.stdout.read() == b"[<Signals.SIGINT: 2>, <Signals.SIGTERM: 15>]\n"
        assert process.returncode == 0


def test_dev_waits_for_code_that_can_be_imported(own: Terminal) -> None:
    own.write("app.py", "import jobtrail\nraise RuntimeError('broken')\n")
    with own.started("dev") as dev:
        dev.says("RuntimeError: broken")
        dev.says("starts again when a file changes")
        own.write("app.py", APP)
        dev.says("command, endless, hello")
        children = psutil.Process(dev.process.pid).children()
        pids = [child.pid for child in children if "worker" in child.cmdline()]
        assert pids
        dev.process.kill()
        dev.process.wait()
        until(lambda: all(ended(pid) for pid in pids))


def test_the_demo_survives_a_kill_and_proves_it(own: Terminal) -> None:
    ran = own.process("demo", "-o", "json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["good"] is True and told["repeated"] == [] and told["audit"]["findings"] == []
    (loss,) = told["losses"]
    assert loss["step"] in told["begun_again"] and 0 <= loss["resumed_seconds"] < 10
    assert f"kill -9 {loss['pid']}" in ran.err and "none of them ran twice" in ran.err
    files = [one["name"] for one in own.ok("file", "list", "-o", "json").data]
    assert {"cover.png", "book.html"} <= set(files) and len(set(files)) == 10
    drawn = own.ok("job", "timeline").out
    assert drawn.count(loss["step"]) == 2 and "▚ attempt 1" in drawn
    assert own.ok("audit", "verify").code == 0


def _attempts(own: Terminal) -> list[str]:
    return [one["status"] for one in own.ok("job", "get", "-o", "json").data["attempts"]]
