"""Running one command: what it gets, what it says, how it ends, and what is told about it. Real processes throughout."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from jobtrail.process import census, launch
from jobtrail.process.supervise import Ended, Meter, Reason, Source, Spec, run

PATH = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
PYTHON = (sys.executable, "-I", "-S", "-c")


class Printed:
    """What a command printed, and a way to wait for it."""

    def __init__(self) -> None:
        self.bytes = {Source.STDOUT: bytearray(), Source.STDERR: bytearray()}
        self._news = asyncio.Event()

    def __call__(self, source: Source, data: bytes) -> None:
        self.bytes[source] += data
        self._news.set()

    @property
    def out(self) -> bytes:
        return bytes(self.bytes[Source.STDOUT])

    @property
    def err(self) -> bytes:
        return bytes(self.bytes[Source.STDERR])

    async def until(self, text: bytes) -> None:
        async with asyncio.timeout(60):
            while text not in self.out + self.err:
                self._news.clear()
                await self._news.wait()


def spec(argv: Sequence[str], **more: object) -> Spec:
    return Spec(**{"argv": argv, "env": PATH, "marker": os.urandom(8).hex(), **more})  # type: ignore[arg-type]


def go(
    what: Spec, while_it_runs: Callable[[Printed, asyncio.Event], Awaitable[None]] | None = None
) -> tuple[Ended, Printed]:
    async def main() -> tuple[Ended, Printed]:
        printed, cancelled = Printed(), asyncio.Event()
        running = asyncio.ensure_future(run(what, on_output=printed, cancelled=cancelled))
        if while_it_runs is not None:
            await while_it_runs(printed, cancelled)
        return await asyncio.wait_for(running, 60), printed

    return asyncio.run(main())


def living(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_exit_code_and_both_streams_are_told() -> None:
    begun = time.monotonic()
    ended, printed = go(spec(["sh", "-c", "echo out; echo err >&2; exit 3"]))
    took = timedelta(seconds=time.monotonic() - begun)
    assert (ended.reason, ended.exit_code, ended.signal) == (Reason.EXITED, 3, None)
    assert (printed.out, printed.err, ended.message) == (b"out\n", b"err\n", "exit code 3")
    assert ended.survivors == 0 and timedelta() < ended.duration <= took


def test_the_signal_that_it_died_of_is_told() -> None:
    ended, _ = go(spec(["sh", "-c", "kill -SEGV $$"]))
    assert (ended.reason, ended.exit_code, ended.signal) == (Reason.EXITED, None, signal.SIGSEGV)
    assert ended.message == "died of SIGSEGV"


def test_it_sees_the_environment_that_was_given_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_WORKER", "x")
    ended, printed = go(Spec(argv=["/usr/bin/env"], env={"A": "ä=1"}, marker="a1", worker="w1"))
    assert ended.exit_code == 0
    assert sorted(printed.out.decode().splitlines()) == ["A=ä=1", "JOBTRAIL_ATTEMPT=a1", "JOBTRAIL_WORKER=w1"]


def test_it_runs_in_its_folder_in_a_session_of_its_own(tmp_path: Path) -> None:
    started: list[int] = []

    async def main() -> tuple[Ended, Printed]:
        printed = Printed()
        what = spec([*PYTHON, "import os; print(os.getcwd(), os.getpid(), os.getpgid(0), os.getsid(0))"], cwd=tmp_path)
        return await run(what, on_output=printed, cancelled=asyncio.Event(), on_start=started.append), printed

    _, printed = asyncio.run(main())
    assert printed.out.decode().split() == [str(tmp_path), *[str(started[0])] * 3]


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize(
    ("argv", "cwd", "says"),
    [
        (["no-such-program"], None, "in no folder of PATH (/usr/local/bin:/usr/bin:/bin)"),
        (["./no-such-file"], None, "there is no file './no-such-file'"),
        (["./plain.txt"], None, "may not be executed"),
        (["./lost-interpreter"], None, "No such file or directory"),
        (["true", "a\0b"], None, "null byte"),
        ([], None, "the command is empty"),
        (["true"], "gone", "does not exist"),
        (["true"], "plain.txt", "is not a folder"),
    ],
)
def test_what_cannot_start_says_why(
    argv: list[str], cwd: str | None, says: str, wrapped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not wrapped:
        monkeypatch.setattr(launch, "die_with_parent", tuple)
        monkeypatch.setattr(launch, "limit_setter", lambda: None)
    (tmp_path / "plain.txt").write_text("no program")
    script = tmp_path / "lost-interpreter"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    ended, _ = go(spec(argv, cwd=tmp_path / (cwd or ".")))
    assert (ended.reason, ended.exit_code, ended.signal) == (Reason.NOT_STARTED, None, None)
    assert says in ended.message


@pytest.mark.parametrize("last", range(4))
def test_without_descriptors_nothing_is_started_and_nothing_is_left(last: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def few(real: Callable[..., object]) -> Callable[..., object]:
        def take(*args: object) -> object:
            nonlocal last
            last -= 1
            if last < 0:
                raise OSError(errno.EMFILE, "Too many open files")
            return real(*args)

        return take

    before, others = psutil.Process().num_fds(), psutil.Process().children()
    monkeypatch.setattr(launch, "_pipe", few(launch._pipe))
    monkeypatch.setattr(launch, "_ended_fd", few(launch._ended_fd))
    ended, _ = go(spec(["sleep", "60"], stdin=b"x"))
    assert (ended.reason, "Too many open files" in ended.message) == (Reason.NOT_STARTED, True)
    assert psutil.Process().num_fds() == before
    assert psutil.Process().children() == others


def test_what_cannot_start_is_understood_when_it_says_why_word_by_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = tmp_path / "heard"
    says = f"printf 'setpriv: '; until [ -e {heard} ]; do :; done; echo 'failed to execute true: gone'; exit 127"
    monkeypatch.setattr(launch, "die_with_parent", lambda: ("sh", "-c", f"exec >&2; {says}"))

    async def listen(printed: Printed, _: asyncio.Event) -> None:
        await printed.until(b"setpriv: ")
        heard.touch()

    ended, _ = go(spec(["true"]), listen)
    assert (ended.reason, ended.message) == (Reason.NOT_STARTED, "setpriv: failed to execute true: gone")


def test_a_command_may_exit_with_127_of_its_own() -> None:
    assert go(spec(["sh", "-c", "nothing-like-this"]))[0].exit_code == 127


def test_binary_output_arrives_byte_for_byte() -> None:
    data = bytes(range(256)) * 1000
    ended, printed = go(spec([*PYTHON, "import sys; sys.stdout.buffer.write(bytes(range(256)) * 1000)"]))
    assert ended.exit_code == 0
    assert printed.out == data


def test_fifty_megabytes_of_output_without_a_line_end_take_no_memory() -> None:
    size = 0

    def count(_source: Source, data: bytes) -> None:
        nonlocal size
        size += len(data)

    async def main() -> Ended:
        what = spec(["head", "-c", "50000000", "/dev/zero"])
        return await run(what, on_output=count, cancelled=asyncio.Event())

    tracemalloc.start()
    try:
        ended = asyncio.run(main())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (ended.exit_code, size) == (0, 50_000_000)
    assert peak < 4_000_000


def test_a_process_waits_for_a_slow_reader_instead_of_filling_its_memory() -> None:
    async def main() -> None:
        may_go, first = asyncio.Event(), asyncio.Event()
        asked: list[int] = []
        got: list[int] = []
        started: list[int] = []
        printed = Printed()

        async def store(data: bytes) -> None:
            await may_go.wait()
            got.append(len(data))

        def on_output(source: Source, data: bytes) -> Awaitable[None] | None:
            if source is Source.STDERR:
                printed(source, data)
                return None
            asked.append(len(data))
            first.set()
            return store(data)

        program = "head -c 3000000 /dev/zero; echo written >&2"
        what = spec(["sh", "-c", program], idle=timedelta(seconds=1))
        running = asyncio.ensure_future(
            run(what, on_output=on_output, cancelled=asyncio.Event(), on_start=started.append)
        )
        await first.wait()
        everyone = [psutil.Process(started[0]), *psutil.Process(started[0]).children()]
        blocked_since = time.monotonic()
        while time.monotonic() < blocked_since + 2:  # twice as long as it may be silent: it is we who are
            await asyncio.sleep(0.01)
            if any(process.status() != psutil.STATUS_SLEEPING for process in everyone):
                blocked_since = time.monotonic()
        assert (len(asked), printed.err) == (1, b"")
        may_go.set()
        assert (await running).exit_code == 0
        assert sum(got) == 3_000_000 and printed.err == b"written\n"

    asyncio.run(main())


def test_output_beyond_the_limit_is_read_and_counted_but_not_passed_on() -> None:
    ended, printed = go(spec(["head", "-c", "300000", "/dev/zero"], output_limit_bytes=100_000))
    assert (len(printed.out), ended.dropped_bytes, ended.exit_code) == (100_000, 200_000, 0)


def test_a_megabyte_of_input_goes_through() -> None:
    data = os.urandom(1_000_000)
    ended, printed = go(spec(["cat"], stdin=data))
    assert (ended.exit_code, printed.out == data) == (0, True)


def test_a_command_that_does_not_read_its_input_ends_all_the_same() -> None:
    ended, _ = go(spec(["true"], stdin=b"x" * 1_000_000))
    assert (ended.reason, ended.exit_code) == (Reason.EXITED, 0)


def test_without_input_it_reads_an_end_at_once() -> None:
    assert go(spec(["cat"]))[0].exit_code == 0


def test_it_is_stopped_when_its_time_is_over() -> None:
    ended, _ = go(spec(["sleep", "60"], wall=timedelta(seconds=0.2)))
    assert (ended.reason, ended.signal, ended.survivors) == (Reason.TIMED_OUT, signal.SIGTERM, 0)
    assert "longer than its limit of 0:00:00.2" in ended.message


def test_it_is_stopped_when_it_falls_silent_but_not_while_it_speaks() -> None:
    speak = "for n in 0 1 2 3 4 5 6 7; do echo $n; sleep 0.2; done; sleep 60"
    ended, printed = go(spec(["sh", "-c", speak], idle=timedelta(seconds=1.2)))
    assert ended.reason is Reason.IDLE
    assert printed.out.split() == [b"%d" % n for n in range(8)]
    assert ended.duration > timedelta(seconds=2.6)


def test_cancelled_before_its_start_it_never_runs(tmp_path: Path) -> None:
    async def main() -> Ended:
        cancelled = asyncio.Event()
        cancelled.set()
        return await run(spec(["touch", str(tmp_path / "x")]), on_output=Printed(), cancelled=cancelled)

    ended = asyncio.run(main())
    assert ended.reason is Reason.CANCELLED and not (tmp_path / "x").exists()


def test_it_ends_though_a_process_that_it_left_holds_the_pipe() -> None:
    ended, printed = go(spec(["sh", "-c", "sleep 60 & echo $!"]))
    assert (ended.reason, ended.exit_code, ended.survivors) == (Reason.EXITED, 0, 0)
    assert ended.duration < timedelta(seconds=30)
    assert not living(int(printed.out))


@pytest.mark.parametrize("how", ["callback", "task"])
def test_an_error_of_ours_leaves_no_process_behind(how: str) -> None:
    async def main() -> int:
        started: list[int] = []
        printed = Printed()

        def on_output(source: Source, data: bytes) -> None:
            printed(source, data)
            if how == "callback":
                raise RuntimeError("the disk is full")

        what = spec(["sh", "-c", "trap '' TERM; echo ready; sleep 60 & wait"])
        task = asyncio.ensure_future(run(what, on_output=on_output, cancelled=asyncio.Event(), on_start=started.append))
        await printed.until(b"ready")
        if how == "task":
            task.cancel()
        with pytest.raises(RuntimeError if how == "callback" else asyncio.CancelledError):
            await task
        return started[0]

    assert not living(asyncio.run(main()))


def test_no_descriptor_is_left_open() -> None:
    async def main() -> tuple[int, int]:
        async def some() -> None:
            runs = [spec(["cat"], stdin=b"x"), spec(["sleep", "9"], wall=timedelta(seconds=0.05)), spec(["nope"])]
            await asyncio.gather(*(run(what, on_output=Printed(), cancelled=asyncio.Event()) for what in runs))

        await some()
        before = psutil.Process().num_fds()
        await some()
        return before, psutil.Process().num_fds()

    before, after = asyncio.run(main())
    assert before == after


def test_what_it_used_is_told(tmp_path: Path) -> None:
    work = (
        "import os, time\nx = bytearray(80_000_000)\n"
        "with open(os.environ['TO'], 'wb') as f: f.write(x[:9_000_000]); os.fsync(f.fileno())\n"
        "while time.process_time() < 0.5: pass"
    )
    ended, _ = go(
        spec(
            ["sh", "-c", f'{sys.executable} -I -S -c "$WORK"; true'],
            env={**PATH, "WORK": work, "TO": str(tmp_path / "f")},
        )
    )
    assert ended.exit_code == 0
    assert 0.5 <= ended.usage.cpu_seconds < 5
    assert 80_000_000 <= ended.usage.memory_bytes < 160_000_000
    if sys.platform == "linux":  # others do not count it
        assert ended.usage.disk_bytes >= 9_000_000


def test_one_sampler_serves_all_commands() -> None:
    async def main() -> tuple[list[Ended], int]:
        meter, cancelled, outputs = Meter(), asyncio.Event(), [Printed() for _ in range(8)]
        wait = "import signal; x = bytearray(20_000_000); print('ready', flush=True); signal.pause()"
        runs = [run(spec([*PYTHON, wait]), on_output=out, cancelled=cancelled, meter=meter) for out in outputs]
        all_of_them = asyncio.gather(*runs)
        await asyncio.gather(*(out.until(b"ready") for out in outputs))
        samplers = sum(task.get_name() == "meter" for task in asyncio.all_tasks())
        cancelled.set()
        return await all_of_them, samplers

    ended, samplers = asyncio.run(main())
    assert samplers == 1
    assert all(one.reason is Reason.CANCELLED and one.usage.memory_bytes > 20_000_000 for one in ended)


def test_a_tree_above_its_memory_limit_is_killed_and_its_neighbour_is_not() -> None:
    async def main() -> tuple[Ended, Ended]:
        grow = "import time\nx = [b'x' * 2_000_000 for _ in range(85)]\ntime.sleep(60)"
        meter = Meter()
        greedy = run(
            spec([*PYTHON, grow], memory_limit_bytes=150_000_000),
            on_output=Printed(),
            cancelled=asyncio.Event(),
            meter=meter,
        )
        modest = run(
            spec(["sh", "-c", "sleep 0.3; exit 5"]), on_output=Printed(), cancelled=asyncio.Event(), meter=meter
        )
        first, second = await asyncio.gather(greedy, modest)
        return first, second

    greedy, modest = asyncio.run(main())
    assert (greedy.reason, greedy.signal) == (Reason.OOM, signal.SIGKILL)
    assert greedy.message.startswith("out of memory: killed because it held 1")
    assert (modest.reason, modest.exit_code) == (Reason.EXITED, 5)


def test_what_grows_too_fast_to_be_measured_gets_no_memory() -> None:
    at_once = [*PYTHON, "x = bytearray(1_000_000_000)"]
    ended, printed = go(spec(at_once, memory_limit_bytes=100_000_000))
    if sys.platform == "linux":
        assert (ended.exit_code, b"MemoryError" in printed.err) == (1, True)
    assert ended.usage.memory_bytes < 500_000_000


def test_the_memory_of_the_worker_is_not_taken_for_that_of_the_command() -> None:
    ours = b"x" * 200_000_000
    ended, _ = go(spec(["true"]))
    assert ended.usage.memory_bytes < len(ours) / 2


def test_it_is_waited_for_where_the_system_has_no_handles_on_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "exit_handle", lambda _: None)
    monkeypatch.setattr(census, "exit_handle", lambda _: None)
    ended, _ = go(spec(["sh", "-c", "sleep 60 >/dev/null 2>&1 & exit 3"]))
    assert (ended.reason, ended.exit_code, ended.survivors) == (Reason.EXITED, 3, 0)


def test_a_command_without_a_marker_is_refused() -> None:
    with pytest.raises(ValueError, match="marker"):
        Spec(argv=["true"], env={}, marker="")
