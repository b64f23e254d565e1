"""What a dead worker left behind is found by its marks and ended; nothing else is."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from jobtrail.process import census, launch, procfs, psprocs
from jobtrail.process.census import send
from jobtrail.process.cgroup import Cgroup, delegated, oom_kills_in
from jobtrail.process.marks import brand_of, read_brand
from jobtrail.process.procfs import Proc
from jobtrail.process.supervise import sweep, sweep_orphans
from jobtrail.process.warden import Warden


def unique() -> str:
    """An id that nobody else on this machine has given to a process."""
    return os.urandom(8).hex()


Start = Callable[..., "subprocess.Popen[bytes]"]


def living(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.005)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a process that waits, with these variables; whatever is left of them ends with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(**env: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(["sleep", "60"], env={"PATH": "/usr/bin:/bin", **env}, start_new_session=True)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("table", [procfs, psprocs] if sys.platform == "linux" else [psprocs])
def test_every_process_of_an_attempt_is_swept_and_no_other(
    start: Start, table: census.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(census, "TABLE", table)
    attempt, worker = unique(), unique()
    mine = [start(JOBTRAIL_ATTEMPT=attempt, JOBTRAIL_WORKER=worker) for _ in range(3)]
    others = [start(JOBTRAIL_ATTEMPT=unique(), JOBTRAIL_WORKER=worker), start(JOBTRAIL_ATTEMPT=f"{attempt}1"), start()]
    assert sweep(attempt) == 3
    assert not any(living(process.pid) for process in mine)
    assert all(living(process.pid) for process in others)
    assert sweep(attempt) == 0


def test_everything_of_a_worker_is_swept_by_the_workers_id(start: Start) -> None:
    worker = unique()
    mine = [start(JOBTRAIL_ATTEMPT=unique(), JOBTRAIL_WORKER=worker) for n in range(2)]
    other = start(JOBTRAIL_ATTEMPT=unique(), JOBTRAIL_WORKER=unique())
    assert sweep(worker) == 2
    assert not any(living(process.pid) for process in mine) and living(other.pid)


def test_the_attempts_that_are_over_are_swept_and_told(start: Start) -> None:
    ended, going = unique(), unique()
    over, running, unmarked = start(JOBTRAIL_ATTEMPT=ended), start(JOBTRAIL_ATTEMPT=going), start()
    asked: list[str] = []

    def alive(attempt: str) -> bool:
        asked.append(attempt)
        return attempt != ended

    assert sweep_orphans(alive) == [ended]
    assert not living(over.pid) and living(running.pid) and living(unmarked.pid)
    assert asked.count(ended) == asked.count(going) == 1


def test_a_sweep_spares_the_process_that_sweeps_and_those_that_it_runs_in() -> None:
    attempt = unique()
    script = f"from jobtrail.process.sweep import sweep; print(sweep('{attempt}'))"
    shell = f'"{sys.executable}" -c "{script}"; echo still here'
    done = subprocess.run(
        ["sh", "-c", shell], env={**os.environ, "JOBTRAIL_ATTEMPT": attempt}, capture_output=True, check=False
    )
    assert done.stdout.split(b"\n")[:2] == [b"0", b"still here"]


def test_an_empty_marker_sweeps_nothing() -> None:
    with pytest.raises(ValueError, match="empty marker"):
        sweep("")


@contextmanager
def launched(*argv: str, attempt: str = "a", worker: str = "w", memory_limit: int | None = None) -> Iterator[int]:
    child = launch.launch(
        argv, cwd=None, env={}, with_input=False, attempt=attempt, worker=worker, memory_limit=memory_limit
    )
    try:
        yield child.pid
    finally:
        with suppress(ProcessLookupError):  # a sweep has waited for it already
            os.killpg(child.pid, signal.SIGKILL)
        child.popen.wait()
        for fd in (*child.outputs.values(), child.ended):
            os.close(fd)


def test_the_brand_is_there_from_the_first_moment_and_outlives_the_environment() -> None:
    attempt, worker = unique(), unique()
    script = "import os; os.execve('/bin/sleep', ['sleep', '60'], {}) if not os.fork() else os.wait()"
    with launched(sys.executable, "-I", "-S", "-c", script, attempt=attempt, worker=worker) as pid:
        wait_until(lambda: [process.name() for process in psutil.Process(pid).children()] == ["sleep"])
        grandchild = psutil.Process(pid).children()[0]
        assert "JOBTRAIL_ATTEMPT" not in grandchild.environ()
        if sys.platform == "linux":
            assert read_brand(grandchild.pid) == read_brand(pid) == brand_of(attempt, worker)
            assert sweep(worker) == 2
            assert not living(grandchild.pid)


def test_without_the_program_that_sets_limits_they_are_set_right_after_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launch, "limit_setter", lambda: None)
    with launched("/bin/sleep", "60", memory_limit=300_000_000) as pid:
        if sys.platform == "linux":
            assert read_brand(pid) == brand_of("a", "w")
            assert resource.prlimit(pid, resource.RLIMIT_DATA) == (600_000_000, 600_000_000)


def test_a_long_list_of_children_is_read_to_its_end() -> None:
    script = (
        "import os, sys\nfor _ in range(1200):\n    if not os.fork(): os._exit(0)\nprint(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-I", "-S", "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"\n"
        assert len(set(census.TABLE.children(process.pid))) == 1200


def test_a_limit_that_we_may_not_set_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (5, 5))
    assert launch.limits_for(brand_of("a", "w"), 300_000_000) == []


def test_brands_of_different_attempts_and_workers_differ() -> None:
    assert len({brand_of(f"a{n}", f"w{n % 7}").attempt for n in range(5000)}) == 5000
    assert brand_of("a", "w").worker == brand_of("b", "w").worker
    assert all(brand_of(f"{n}", f"{n}").attempt < brand_of(f"{n}", f"{n}").worker for n in range(1000))
    assert read_brand(os.getpid()) is None


def test_a_number_that_was_given_out_again_is_not_signalled(start: Start) -> None:
    process = start()
    proc = census.TABLE.look(process.pid)
    assert proc is not None
    assert not send(proc._replace(born=proc.born - 1), signal.SIGKILL)
    assert living(process.pid)
    assert send(proc, signal.SIGKILL)
    process.wait()
    assert not send(proc, signal.SIGKILL)


def same(ours: Proc | None, theirs: Proc | None) -> bool:
    return ours is not None and theirs is not None and ours._replace(born=0) == theirs._replace(born=0)


def test_both_ways_to_read_the_process_table_see_the_same(start: Start) -> None:
    process = start(MARK="x")
    wait_until(lambda: psprocs.environ(process.pid).get("MARK") == "x")
    if sys.platform == "linux":
        wait_until(lambda: same(procfs.look(process.pid), psprocs.look(process.pid)))
        assert procfs.environ(process.pid) == psprocs.environ(process.pid)
        assert process.pid in procfs.children(os.getpid()) and process.pid in psprocs.children(os.getpid())
        assert procfs.memory_bytes(os.getpid()) == pytest.approx(psprocs.memory_bytes(os.getpid()), rel=0.1)
        assert procfs.held_bytes(os.getpid()) > 1_000_000 and psprocs.held_bytes(os.getpid()) > 1_000_000
        process.kill()
        wait_until(lambda: not living(process.pid))
        dead, too = procfs.look(process.pid), psprocs.look(process.pid)
        assert dead is not None and too is not None and dead.zombie and too.zombie
        process.wait()
        assert procfs.look(process.pid) is None and psprocs.look(process.pid) is None


WORKER = """
    import asyncio, os, sys
    from datetime import timedelta
    from jobtrail.process.supervise import Spec, become_subreaper, run
    from jobtrail.process.warden import Warden

    become_subreaper()
    warden = Warden(sys.argv[1]) if {warden} else None
    grandchild = "import os, signal; print('child', os.getpid(), flush=True); signal.pause()"
    script = "import os, sys, subprocess; print('child', os.getpid(), flush=True);" + (
        f"subprocess.Popen([sys.executable, '-I', '-S', '-c', {{grandchild!r}}], start_new_session=True, env={{{{}}}}).wait()"
    )
    what = Spec(
        argv=[sys.executable, "-I", "-S", "-c", script], env={{}}, marker="a5", worker=sys.argv[1], wall=timedelta(seconds=20)
    )
    print("warden", warden.pid if warden else 0, flush=True)
    asyncio.run(run(what, on_output=lambda _, data: os.write(1, data), cancelled=asyncio.Event()))
"""


def killed_worker(name: str, *, warden: bool) -> dict[str, list[int]]:
    """A worker that runs a command with a grandchild is killed; the numbers of all that it started."""
    script = textwrap.dedent(WORKER).format(warden=warden)
    with subprocess.Popen([sys.executable, "-c", script, name], stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        pids: dict[str, list[int]] = {}
        for _ in range(3):
            who, pid = worker.stdout.readline().split()
            pids.setdefault(who.decode(), []).append(int(pid))
        worker.send_signal(signal.SIGKILL)
    return pids


def test_nothing_is_left_of_a_killed_worker_that_had_a_warden() -> None:
    pids = killed_worker(unique(), warden=True)
    wait_until(lambda: not any(living(pid) for pid in pids["child"]))
    wait_until(lambda: not living(pids["warden"][0]))


def test_without_a_warden_the_kernel_ends_the_command_and_the_next_worker_the_rest() -> None:
    worker = unique()
    command, grandchild = killed_worker(worker, warden=False)["child"]
    if sys.platform == "linux":
        wait_until(lambda: not living(command))
        assert living(grandchild)
    assert sweep(worker) >= 1
    assert not living(command) and not living(grandchild)


def test_a_warden_ignores_polite_signals_and_ends_when_it_is_closed() -> None:
    warden = Warden(unique())
    ignored = sum(1 << (number - 1) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM))
    if sys.platform == "linux":
        status = Path(f"/proc/{warden.pid}/status")
        wait_until(lambda: int(status.read_text().split("SigIgn:")[1].split()[0], 16) & ignored == ignored)
        os.kill(warden.pid, signal.SIGTERM)
    assert warden.alive()
    warden.close()
    assert not warden.alive() and not living(warden.pid)


def test_a_cgroup_gets_its_limits_and_tells_who_is_inside(tmp_path: Path) -> None:
    for file in ("memory.swap.max", "cgroup.procs"):
        (tmp_path / file).touch()
    group = Cgroup(tmp_path, "a1", 1000)
    group.add(42)
    assert (group.path / "memory.max").read_text() == "1000"
    assert (group.path / "memory.oom.group").read_text() == "1"
    assert group.pids() == [42]
    assert group.oom_kills() == 0
    (group.path / "memory.events").write_text("low 0\noom 2\noom_kill 2\noom_group_kill 1\n")
    assert group.oom_kills() == 2
    group.kill()
    assert (group.path / "cgroup.kill").read_text() == "1"
    assert oom_kills_in(tmp_path / "none") == oom_kills_in(None) == 0


def test_no_folder_is_taken_for_cgroups_that_was_not_given_to_us() -> None:
    assert delegated() is None
