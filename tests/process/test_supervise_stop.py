"""Stopping a command: nothing that it ever started outlives it, however it tried to get away."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import psutil
import pytest

from jobtrail.process import census, ladder, launch, psprocs, supervise
from jobtrail.process.census import View
from jobtrail.process.procfs import Proc
from jobtrail.process.supervise import Ended, Reason, Source, Spec, become_subreaper, run
from jobtrail.process.tree import Tree

PATH = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
PYTHON = (sys.executable, "-I", "-S", "-c")

# Leaves parent, session, group and environment: what a daemon does, and more. Prints its own number last.
DAEMON = """
import os, signal, sys
if os.fork(): os.wait(); print("left", flush=True); signal.pause()
os.setsid()
if os.fork(): os._exit(0)
code = "import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(os.getpid(), flush=True); signal.pause()"
os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", code], {})
"""
LEFT_DAEMON = """
import os, sys
told, tells = os.pipe()
os.set_inheritable(tells, True)
if os.fork(): os.close(tells); os.wait(); os.read(told, 1); sys.exit(4)
os.setsid()
if os.fork(): os._exit(0)
code = (
    "import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    f"print(os.getpid(), flush=True); os.write({tells}, b'x'); signal.pause()"
)
os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", code], {})
"""
"""Its starter ends as soon as it is there."""

STUBBORN = "trap '' TERM; echo $$; while :; do sleep 1; done"


class Printed:
    """The output, and a way to wait until it has a number of lines."""

    def __init__(self) -> None:
        self.text = b""
        self._news = asyncio.Event()

    def __call__(self, source: Source, data: bytes) -> None:
        self.text += data if source is Source.STDOUT else b""
        self._news.set()

    def numbers(self) -> list[int]:
        return [int(word) for word in self.text.split() if word.isdigit()]

    async def lines(self, count: int) -> None:
        async with asyncio.timeout(60):
            while self.text.count(b"\n") < count:
                self._news.clear()
                await self._news.wait()


def living(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def cancel_after(
    lines: int, argv: Sequence[str], act: Callable[[int], None] = lambda _: None, **more: object
) -> tuple[Ended, Printed]:
    """Run it, wait until it printed so many lines, act on its process, cancel it."""

    async def main() -> tuple[Ended, Printed]:
        printed, cancelled = Printed(), asyncio.Event()
        started: list[int] = []
        what = Spec(**{"argv": argv, "env": PATH, "marker": os.urandom(8).hex(), **more})  # type: ignore[arg-type]
        running = asyncio.ensure_future(run(what, on_output=printed, cancelled=cancelled, on_start=started.append))
        await printed.lines(lines)
        act(started[0])
        cancelled.set()
        return await asyncio.wait_for(running, 60), printed

    return asyncio.run(main())


def no_subreaper() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)


@pytest.fixture
def start() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


@pytest.fixture(params=["orphans come to us", "orphans go to init", "psutil"])
def sight(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The three ways in which a worker may see the processes of its machine."""
    no_subreaper()
    monkeypatch.setattr(supervise, "DRAIN_SECONDS", 0.1)
    monkeypatch.setattr(ladder, "MANNERS_SECONDS", 0.1)
    if request.param == "orphans come to us":
        become_subreaper()
    if request.param == "psutil":
        monkeypatch.setattr(census, "TABLE", psprocs)
    yield request.param
    no_subreaper()


def test_a_stubborn_grandchild_in_its_own_session_is_gone_after_cancel(sight: str) -> None:
    parent = f"import os, subprocess; subprocess.Popen(['sh', '-c', {STUBBORN!r}], start_new_session=True).wait()"
    ended, printed = cancel_after(1, [*PYTHON, parent], grace=timedelta(seconds=30))
    assert (ended.reason, ended.signal, ended.survivors) == (Reason.CANCELLED, signal.SIGTERM, 0)
    assert len(printed.numbers()) == 1
    assert not any(living(pid) for pid in printed.numbers())


def test_a_daemon_that_left_everything_behind_is_gone_after_cancel(sight: str) -> None:
    ended, printed = cancel_after(2, [*PYTHON, DAEMON], grace=timedelta(seconds=0.1))
    assert (ended.reason, ended.survivors) == (Reason.CANCELLED, 0)
    assert len(printed.numbers()) == 1
    assert not any(living(pid) for pid in printed.numbers())


def test_a_daemon_is_gone_after_its_starter_has_ended_by_itself(sight: str) -> None:
    async def main() -> tuple[Ended, Printed]:
        printed = Printed()
        what = Spec(argv=[*PYTHON, LEFT_DAEMON], env=PATH, marker=os.urandom(8).hex(), grace=timedelta(seconds=0.2))
        return await run(what, on_output=printed, cancelled=asyncio.Event()), printed

    ended, printed = asyncio.run(main())
    assert (ended.reason, ended.exit_code, ended.survivors) == (Reason.EXITED, 4, 0)
    assert len(printed.numbers()) == 1
    assert not any(living(pid) for pid in printed.numbers())


def test_orphans_that_come_to_us_are_waited_for() -> None:
    become_subreaper()
    try:
        cancel_after(2, [*PYTHON, DAEMON], grace=timedelta(seconds=0.2))
        assert [child for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE] == []
    finally:
        no_subreaper()


def test_a_cancel_reaches_the_whole_group_within_a_second() -> None:
    script = (
        "import os, signal, sys, time\n"
        "def told(*_): os.write(1, f'{time.time():.3f}\\n'.encode()); os._exit(0)\n"  # print may be interrupted by it
        "signal.signal(signal.SIGTERM, told)\n"
        "pid = os.fork()\n"
        "print('ready', flush=True)\n"
        "while True: signal.pause()\n"
    )

    def slowest() -> float:
        told: list[float] = []
        ended, printed = cancel_after(2, [*PYTHON, script], act=lambda _: told.append(time.time()))
        assert (ended.reason, ended.exit_code) == (Reason.CANCELLED, 0)
        times = [float(word) for word in printed.text.split() if b"." in word]
        assert len(times) == 2
        return max(times) - told[0]

    assert any(slowest() < 1 for _ in range(5))  # the machine may have been slow, not we


def test_a_command_may_finish_its_work_in_the_grace_period() -> None:
    tidy = "trap 'echo tidied; exit 0' TERM; echo ready; while :; do sleep 0.02; done"
    ended, printed = cancel_after(1, ["sh", "-c", tidy], grace=timedelta(seconds=30))
    assert (ended.reason, ended.exit_code, printed.text) == (Reason.CANCELLED, 0, b"ready\ntidied\n")
    assert ended.duration < timedelta(seconds=30)


def test_the_group_has_the_grace_period_though_its_first_process_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "MANNERS_SECONDS", 0.01)
    worker = "trap 'sleep 0.2; echo saved; exit' TERM; echo ready; while :; do sleep 0.02; done"
    ended, printed = cancel_after(1, ["sh", "-c", 'sh -c "$0" & wait', worker], grace=timedelta(seconds=30))
    assert (ended.signal, printed.text) == (signal.SIGTERM, b"ready\nsaved\n")


def test_what_a_command_left_behind_is_asked_before_it_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "DRAIN_SECONDS", 0.1)
    monkeypatch.setattr(ladder, "MANNERS_SECONDS", 30.0)
    left = "trap 'echo tidied; exit' TERM; : > ready; while :; do sleep 0.02; done"

    async def main() -> tuple[Ended, Printed]:
        printed = Printed()
        argv = ["sh", "-c", 'sh -c "$0" & while ! test -e ready; do sleep 0.02; done; exit 3', left]
        what = Spec(argv=argv, env=PATH, marker=os.urandom(8).hex(), cwd=tmp_path)
        return await run(what, on_output=printed, cancelled=asyncio.Event()), printed

    ended, printed = asyncio.run(main())
    assert (ended.exit_code, ended.survivors, printed.text) == (3, 0, b"tidied\n")


def test_who_ignores_sigterm_is_killed_after_the_grace_period() -> None:
    ended, _ = cancel_after(1, ["sh", "-c", STUBBORN], grace=timedelta(seconds=0.3))
    assert (ended.reason, ended.signal, ended.survivors) == (Reason.CANCELLED, signal.SIGKILL, 0)
    assert timedelta(seconds=0.3) < ended.duration < timedelta(seconds=30)


def test_a_stopped_process_is_woken_to_be_told() -> None:
    tidy = "trap 'echo tidied; exit 0' TERM; echo ready; while :; do sleep 0.02; done"
    ended, printed = cancel_after(
        1, ["sh", "-c", tidy], act=lambda pid: os.kill(pid, signal.SIGSTOP), grace=timedelta(seconds=9)
    )
    assert (ended.exit_code, printed.text) == (0, b"ready\ntidied\n")


def test_twenty_children_that_start_children_are_all_gone(sight: str) -> None:
    bomb = (
        "import os, signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "for n in range(20):\n"
        "    if not os.fork():\n"
        "        if n % 2: os.setsid()\n"
        "        os.fork(); os.write(1, b'%d\\n' % os.getpid())\n"
        "        while True: signal.pause()\n"
        "while True: signal.pause()\n"
    )
    ended, printed = cancel_after(40, [*PYTHON, bomb], grace=timedelta(seconds=0.2))
    assert (ended.reason, ended.signal, ended.survivors) == (Reason.CANCELLED, signal.SIGKILL, 0)
    assert len(set(printed.numbers())) == 40
    assert not any(living(pid) for pid in printed.numbers())


@pytest.mark.parametrize(
    "leave",
    [
        pytest.param("if os.fork(): os._exit(0)\nos.execve(sys.executable, WAIT, {})", id="the group"),
        pytest.param("if os.fork(): os._exit(0)\nos.setsid(); os.execv(sys.executable, WAIT)", id="the environment"),
        pytest.param("os.setsid(); os.execve(sys.executable, WAIT, {})", id="an earlier look"),
    ],
)
def test_without_a_brand_other_evidence_is_enough(leave: str, sight: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "limits_for", lambda *_: [])
    wait = "import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(os.getpid(), flush=True); signal.pause()"
    script = (
        f"import os, signal, sys\nWAIT = [sys.executable, '-I', '-S', '-c', {wait!r}]\n"
        f"if os.fork(): print('left', flush=True); signal.pause()\n{leave}"
    )
    ended, printed = cancel_after(2, [*PYTHON, script], grace=timedelta(seconds=0.2))
    assert (ended.survivors, len(printed.numbers())) == (0, 1)
    assert not any(living(pid) for pid in printed.numbers())


def test_what_an_orphan_used_is_counted() -> None:
    burn = (
        "import os, time\n"
        "ours, theirs = os.pipe()\n"
        "if os.fork(): os.close(theirs); os.wait(); os.read(ours, 1); os._exit(0)\n"
        "os.setsid()\n"
        "if os.fork(): os._exit(0)\n"
        "while time.process_time() < 0.4: pass\n"
    )

    async def main() -> Ended:
        what = Spec(argv=[*PYTHON, burn], env=PATH, marker=os.urandom(8).hex())
        return await run(what, on_output=Printed(), cancelled=asyncio.Event())

    become_subreaper()
    try:
        used = asyncio.run(main()).usage.cpu_seconds
    finally:
        no_subreaper()
    if sys.platform == "linux":  # elsewhere it can only be sampled
        assert used >= 0.4


def test_a_process_that_moves_on_by_forking_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "DRAIN_SECONDS", 0.05)
    # Bounded: were it not caught, it would fill the process table of whoever runs this.
    hop = "import os\nfor _ in range(3000):\n    if os.fork(): os._exit(0)\n    os.setsid()"
    what = Spec(argv=[*PYTHON, hop], env=PATH, marker=os.urandom(8).hex(), grace=timedelta(seconds=0.05))
    others = psutil.Process().children()
    become_subreaper()
    try:
        ended = asyncio.run(run(what, on_output=Printed(), cancelled=asyncio.Event()))
        assert (ended.reason, ended.survivors) == (Reason.EXITED, 0)
        # Each of its moves would leave a dead child with us.
        assert [psutil.Process().children() for _ in range(50)] == [others] * 50
    finally:
        no_subreaper()


def test_a_look_that_sees_something_just_ended_is_not_the_last(
    start: subprocess.Popen[bytes],
) -> None:
    mover = census.TABLE.look(start.pid)
    assert mover is not None
    looks = [([], False), ([], True), ([], False), ([], True), ([mover], False), ([], True), ([], False), ([], False)]
    tree = SimpleNamespace(pid=0, restless=False)

    def look(_view: object) -> list[Proc]:
        found, tree.restless = looks.pop(0)
        return found

    tree.members = look
    climbing = ladder.Ladder(cast("Tree", tree), None, lambda: cast("View", None), 0)
    assert asyncio.run(climbing.clear(politely=False)) == 0
    assert looks == [] and start.wait() == -signal.SIGKILL


def test_a_tree_tells_whether_something_had_just_ended() -> None:
    with (
        subprocess.Popen(["sleep", "60"], process_group=0) as first,
        subprocess.Popen(["true"], process_group=first.pid) as second,
    ):
        os.waitid(os.P_PID, second.pid, os.WEXITED | os.WNOWAIT)
        tree = Tree(first.pid, "a")
        assert [proc.pid for proc in tree.members()] == [first.pid] and tree.restless
        assert [proc.pid for proc in tree.members()] == [first.pid] and not tree.restless
        first.kill()


def test_one_command_is_stopped_and_the_other_one_goes_on(sight: str) -> None:
    async def main() -> tuple[Ended, Ended, bool]:
        first, second = Printed(), Printed()
        stop, never = asyncio.Event(), asyncio.Event()
        one = Spec(
            argv=["sh", "-c", STUBBORN], env=PATH, marker=os.urandom(8).hex(), worker="w", grace=timedelta(seconds=0.1)
        )
        two = Spec(
            argv=[*PYTHON, DAEMON], env=PATH, marker=os.urandom(8).hex(), worker="w", grace=timedelta(seconds=0.1)
        )
        running = asyncio.ensure_future(run(one, on_output=first, cancelled=stop))
        other = asyncio.ensure_future(run(two, on_output=second, cancelled=never))
        await first.lines(1)
        await second.lines(2)
        stop.set()
        ended = await running
        still_there = living(second.numbers()[0]) and not other.done()
        never.set()
        return ended, await other, still_there

    ended, other, still_there = asyncio.run(main())
    assert still_there
    assert (ended.survivors, other.survivors) == (0, 0)
