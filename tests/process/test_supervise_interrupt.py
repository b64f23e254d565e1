"""A stop that begins with SIGINT: for programs that tidy up after the one signal, and not after the other."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from uuid import uuid4

from jobtrail.process.supervise import Ended, Reason, Source, Spec, run

PYTHON = (sys.executable, "-I", "-S", "-c")
TELLS = """
import os, signal, sys, time
def tell(number, frame):
    os.write(1, signal.Signals(number).name.encode() + b"\\n")  # print may be what it interrupts
    if number == signal.SIG{ends}: sys.exit(0)
signal.signal(signal.SIGINT, tell)
signal.signal(signal.SIGTERM, tell)
print("ready", flush=True)
while True: time.sleep(0.01)
"""


async def stopped(ends: str, interrupt: timedelta | None) -> tuple[Ended, str]:
    """Starts a program that ends at one signal only, and stops it once it is ready; what it printed."""
    printed, stop = bytearray(), asyncio.Event()

    def take(source: Source, data: bytes) -> None:
        printed.extend(data)
        if b"ready" in printed:
            stop.set()

    code = TELLS.replace("{ends}", ends)
    spec = Spec(argv=[*PYTHON, code], env={}, marker=str(uuid4()), interrupt=interrupt, grace=timedelta(seconds=30))
    return await run(spec, on_output=take, cancelled=stop), printed.decode()


async def test_sigint_comes_first_and_is_enough_where_it_is_heeded() -> None:
    ended, printed = await stopped("INT", timedelta(seconds=30))
    assert (ended.reason, ended.exit_code, ended.survivors) == (Reason.CANCELLED, 0, 0)
    assert printed.split() == ["ready", "SIGINT"]


async def test_sigterm_follows_where_it_is_not() -> None:
    ended, printed = await stopped("TERM", timedelta(seconds=0.2))
    assert (ended.reason, ended.exit_code) == (Reason.CANCELLED, 0)
    assert printed.split() == ["ready", "SIGINT", "SIGTERM"]


async def test_without_it_nothing_has_changed() -> None:
    ended, printed = await stopped("TERM", None)
    assert (ended.exit_code, printed.split()) == (0, ["ready", "SIGTERM"])
