"""`jobtrail dev`: everything in one terminal, on a database that it makes itself."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack

import httpx2
import psutil
import pytest
from cli.sitting import sitting
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


def test_a_second_dev_in_the_same_folder_starts_nothing_and_looks_on(own: Terminal) -> None:
    own.write("app.py", APP)
    with own.started("dev") as first:
        address = first.says("✓ dashboard on ").split()[-1]
        first.says("command, endless, hello")
        with own.started("dev") as second:
            assert f"pid {first.process.pid}" in second.says("works in this folder already")
            assert second.says("✓ dashboard on ").split()[-1] == address
            ran = own.process("enqueue", "hello", "name=Ana", "--wait")
            assert ran.code == 0 and f"on the dashboard: {address}/j/" in ran.err
            page = ran.err.partition("on the dashboard: ")[2].split()[0]
            assert httpx2.get(page, follow_redirects=True).status_code == 200
            second.says("✓ COMPLETED")
            assert not psutil.Process(second.process.pid).children()
            second.interrupt()
            assert second.ends().code == 0
        assert httpx2.get(f"{address}/ready").status_code == 200
        with own.started("dev") as third:
            third.says("works in this folder already")
            first.interrupt()
            third.says("the other jobtrail dev has ended")
            assert third.ends().code == 0
        assert first.ends().code == 0
    assert "on the dashboard" not in own.process("enqueue", "hello", "name=Ana").err


def test_where_a_job_failed_dev_says_where_to_look(own: Terminal) -> None:
    own.write(
        "app.py",
        APP.replace('return f"Hello', 'raise ValueError("boom")\n    return f"Hello').replace(
            '"hello")', '"hello", retry=1)'
        ),
    )
    with own.started("dev") as dev:
        address = dev.says("✓ dashboard on ").split()[-1]
        dev.says("command, endless, hello")
        assert own.process("enqueue", "hello", "name=Ana", "--wait").code == 3
        dev.says("boom")
        assert dev.says("/j/").strip().startswith(f"{address}/j/")
        dev.interrupt()
        assert dev.ends().code == 0


def test_at_a_terminal_dev_opens_the_dashboard_and_hears_keys(own: Terminal) -> None:
    own.write("app.py", APP)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with sitting(own, "dev", JOBTRAIL_PORT=str(port)) as seat:
            seat.shows(f"port {port} is taken, so it is")
            address = seat.shows("✓ dashboard on ").split()[3]
            assert seat.opened() == address and "opening your browser" in seat.text
            seat.shows("k kill -9 a worker")
            seat.shows("command, endless, hello")
            (own.folder / "opened").unlink()
            seat.press("o")
            assert seat.opened() == address
            seat.press("k")
            seat.shows("was killed (signal 9); another one takes over")
            seat.press("r")
            seat.shows("new workers; what runs may end on the old")
            seat.press("q")
            seat.shows("everything is kept")
            assert seat.ends() == 0


def test_without_a_terminal_dev_opens_nothing(own: Terminal) -> None:
    with own.started("dev", "--no-open", BROWSER="/bin/false") as dev:
        assert "opening" not in dev.says("✓ dashboard on ")
        dev.says("API on ")
        dev.interrupt()
        ran = dev.ends()
    assert ran.code == 0 and "kill -9" not in ran.err


def _attempts(own: Terminal) -> list[str]:
    return [one["status"] for one in own.ok("job", "get", "-o", "json").data["attempts"]]
