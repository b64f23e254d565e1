"""What child processes run in the tests of `isolation="process"`: a child must import its function."""
# ruff: noqa: T201  (jobs print)

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import jobtrail as jt
from jobtrail.runners.context import current


def double(n: int) -> int:
    print("doubling", n)
    print("to stderr", file=sys.stderr)
    os.write(1, b"raw \xff\x00\n")
    logging.getLogger("mine").info("a record")
    return n * 2


def fetch(name: str) -> list[str]:
    current.get().log.info("fetching", name=name)
    return [name, str(os.getpid())]


def everything(ctx: jt.SyncContext, folder: str) -> dict[str, Any]:
    ctx.log.info("hello", pid=os.getpid())
    first = ctx.step("fetch", fetch, "a")
    again = ctx.step("fetch", fetch, "b")
    with ctx.phase("VALIDATION"):
        ctx.step("check", len, first)
    ctx.progress(50, "halfway")
    path = Path(folder) / "made.txt"
    path.write_text("by path")
    by_path = ctx.asset("made.txt", path)
    by_bytes = ctx.asset("bytes.bin", b"by bytes", role="raw")
    ctx.usage(jt.ModelCall(provider="p", model="m", input_tokens=3))
    ctx.metric("loss", 0.5, "nats")
    ctx.metric("inf", float("inf"))
    return {"steps": [first[0], again[0]], "sizes": [by_path.byte_size, by_bytes.byte_size], "pid": int(first[1])}


async def later(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def asynchronous(ctx: jt.Context, n: int) -> list[int]:
    async def chunks() -> Any:
        yield b"a"
        yield b"b"

    await ctx.asset("stream.bin", chunks())
    made = await asyncio.gather(*(ctx.step(f"part {i}", later, i) for i in range(n)))
    assert threading.current_thread() is threading.main_thread()
    return list(made)


def raises(word: str) -> None:
    raise LookupError(word)


def exits(code: int) -> None:
    sys.exit(code)


def exits_at_once(code: int) -> None:
    print("last words")
    os._exit(code)


def crashes() -> None:
    ctypes.string_at(0)


def poison(what: str) -> Any:
    deep: Any = []
    for _ in range(200):
        deep = [deep]
    return {
        "nan": float("nan"),
        "nul": "a\0b",
        "surrogate": "\ud800",
        "deep": deep,
        "big": "x" * (2 << 20),
        "unpicklable": threading.Lock(),
        "int": 10**80,
    }[what]


def answers(what: str) -> Any:
    match what:
        case "snooze":
            return jt.Snooze("1h", "not yet")
        case "cancel":
            raise jt.Cancel("no need \ud800")
        case "retry":
            return jt.Retry(delay="1h", max_attempts=3)
        case "fail":
            return jt.Fail("mine", "so it is", final=True, output={"left": 3})
        case _:
            return jt.Done({"a": 1}, summary="well done")


def waits_for_people(ctx: jt.SyncContext, folder: str) -> str:
    ctx.step("draft", count_runs, folder, "draft")
    try:
        decision = ctx.gate("publish?", form={"type": "object"})
    finally:
        count_runs(folder, "unwound")
    return f"approved by {decision.by[0]}: {decision.form}"


def count_runs(folder: str, name: str) -> int:
    path = Path(folder) / name
    path.write_text(path.read_text() + "x" if path.exists() else "x")
    return len(path.read_text())


def holds_on(ctx: jt.SyncContext, folder: str, *, stubborn: bool = False) -> None:
    """Runs until it is stopped, with a child of its own in a session of its own."""
    helper = subprocess.Popen(["sleep", "600"], start_new_session=True)
    if stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (Path(folder) / "pids").write_text(f"{os.getpid()} {helper.pid}")
    ctx.log.info("started")
    try:
        while True:
            time.sleep(0.01)
    finally:
        (Path(folder) / "cleaned up").write_text(str(ctx.cancelled))


async def waits(ctx: jt.Context, folder: str) -> None:
    (Path(folder) / "pids").write_text(f"{os.getpid()} {os.getpid()}")
    try:
        await asyncio.sleep(600)
    finally:
        (Path(folder) / "cleaned up").write_text(str(ctx.cancelled))


async def cancels_itself() -> None:
    task = asyncio.create_task(asyncio.sleep(600))
    task.cancel()
    await task


def blocks(ctx: jt.SyncContext, folder: str) -> str:
    """Says that it began, and goes on when it is told so by a file."""
    (Path(folder) / "began").write_text("x")
    while not (Path(folder) / "go").exists():
        time.sleep(0.01)
    return ctx.step("finish", str, "done")


def leaves_a_thread() -> str:
    """Returns, but its process would not end by itself."""
    threading.Thread(target=time.sleep, args=(600,)).start()
    return "returned"


def uses(megabytes: int) -> int:
    end = time.process_time() + 0.3
    held = bytearray(os.urandom(1 << 20) * megabytes)
    while time.process_time() < end:
        pass
    return len(held)


def environment(names: list[str]) -> dict[str, str | None]:
    return {name: os.environ.get(name) for name in names}


def open_files() -> list[str]:
    return [
        os.readlink(f"/proc/self/fd/{fd}")
        for fd in os.listdir("/proc/self/fd")
        if os.path.exists(f"/proc/self/fd/{fd}")
    ]


def tells_a_secret(ctx: jt.SyncContext) -> str:
    value = current.get().desk.secret("MY_SECRET")
    print("the secret is", value)
    return value


def reads_stdin() -> str:
    return sys.stdin.read()


def talks_badly() -> str:
    """Stands for code that writes into the connection by mistake: every descriptor that is a socket."""
    for fd in range(3, 64):
        try:
            if os.readlink(f"/proc/self/fd/{fd}").startswith("socket:"):
                os.write(fd, b"garbage\n")
        except OSError:
            continue
    time.sleep(600)
    return "never"


def steps_then_dies(ctx: jt.SyncContext, folder: str) -> int:
    counted = ctx.step("count", count_runs, folder, "count")
    if ctx.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return counted
