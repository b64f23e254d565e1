"""Starting a process: exactly this command, folder and environment, in a session of its own, dying with its worker.

Never through `preexec_fn`, which can deadlock in a process with threads, and always from the thread of the event loop:
the kernel's "die with your parent" means the thread that started it.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jobtrail.core.errors import Invalid
from jobtrail.process.census import exit_handle
from jobtrail.process.lines import Source
from jobtrail.process.marks import Brand, brand_of, marked
from jobtrail.process.pipes import widen

# RLIMIT_DATA, not RLIMIT_AS: Node, Go and Java reserve far more addresses than they ever fill. It stops, in one
# process, what grows too fast to be seen by the meter, so it is wider than the limit that the whole tree is held to.
BACKSTOP_BYTES = 256 * 1024 * 1024


class Limit(NamedTuple):
    """A limit of the kernel on one process and those that it starts."""

    name: str
    number: int
    soft: int
    hard: int


class NotStarted(Invalid):
    """The command could not be started; nothing ran."""

    code = "not_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A started process. Its number stays its own until `tree` waits for it."""

    popen: subprocess.Popen[bytes]
    outputs: Mapping[Source, int]
    input: int | None
    ended: int  # a descriptor that is readable once the process has ended
    wrapped: bool  # by programs that become the command, and speak in their own name if they cannot

    @property
    def pid(self) -> int:
        return self.popen.pid


def launch(
    argv: Sequence[str],
    *,
    cwd: Path | None,
    env: Mapping[str, str],
    with_input: bool,
    attempt: str,
    worker: str,
    memory_limit: int | None,
    hasty: bool = False,
) -> Child:
    """Start it; raises NotStarted with a sentence for the person who wrote the command. `hasty`: see `Spec`."""
    _check(argv, cwd, env)
    limits = limits_for(brand_of(attempt, worker), memory_limit)
    try:
        return _start(argv, cwd, marked(env, attempt, worker), limits, with_input=with_input, hasty=hasty)
    except (OSError, ValueError) as error:
        raise NotStarted(f"{argv[0]!r} could not be started: {error}") from error


def _start(
    argv: Sequence[str],
    cwd: Path | None,
    env: Mapping[str, str],
    limits: Sequence[Limit],
    *,
    with_input: bool,
    hasty: bool,
) -> Child:
    with ExitStack() as theirs, ExitStack() as ours:
        stdout, stdout_theirs = _pipe(ours, theirs)
        if hasty:
            widen(stdout)  # before it starts: it may say all that it has to say at once
        stderr, stderr_theirs = _pipe(ours, theirs)
        stdin_theirs, stdin = _pipe(theirs, ours) if with_input else (subprocess.DEVNULL, None)
        wrapper = _wrapper(limits)
        popen = subprocess.Popen(
            [*wrapper, *argv],
            cwd=cwd,
            env=env,
            stdin=stdin_theirs,
            stdout=stdout_theirs,
            stderr=stderr_theirs,
            start_new_session=True,
        )
        ours.callback(_undo, popen)
        if limit_setter() is None:
            _set_late(popen.pid, limits)
        ended = _ended_fd(popen.pid)
        ours.pop_all()
    outputs = {Source.STDOUT: stdout, Source.STDERR: stderr}
    return Child(popen=popen, outputs=outputs, input=stdin, ended=ended, wrapped=bool(wrapper))


def _undo(popen: subprocess.Popen[bytes]) -> None:
    """Nobody can watch it: no descriptor is left for that."""
    popen.kill()
    popen.wait()


def _pipe(reads: ExitStack, writes: ExitStack) -> tuple[int, int]:
    read_end, write_end = os.pipe()
    reads.callback(os.close, read_end)
    writes.callback(os.close, write_end)
    return read_end, write_end


def _wrapper(limits: Sequence[Limit]) -> list[str]:
    """What becomes the command: the same process, which first gets its limits and then is told to die with us."""
    setter = limit_setter()
    first = [setter, *(f"--{limit.name}={limit.soft}:{limit.hard}" for limit in limits), "--"] if setter else []
    return [*(first if limits else []), *die_with_parent()]


def _check(argv: Sequence[str], cwd: Path | None, env: Mapping[str, str]) -> None:
    """Find the usual mistakes before the start, where they can still be told apart."""
    if not argv or not argv[0]:
        raise NotStarted("the command is empty: name at least a program")
    if cwd is not None and not cwd.is_dir():
        what = "is not a folder" if cwd.exists() else "does not exist"
        raise NotStarted(f"the working directory {str(cwd)!r} {what}: create it first, or name another one")
    name = argv[0]
    folders = [""] if "/" in name else os.get_exec_path(env)
    files = [os.path.join(cwd or ".", folder, name) for folder in folders]
    files = [file for file in files if os.path.isfile(file)]
    if any(os.access(file, os.X_OK) for file in files):
        return
    if files:
        raise NotStarted(f"{name!r} may not be executed: make it executable (chmod +x), or name its interpreter first")
    if "/" in name:
        raise NotStarted(f"command not found: there is no file {name!r}; check the path, and the working directory")
    raise NotStarted(
        f"command not found: {name!r} is in no folder of PATH ({os.pathsep.join(folders)}); "
        "install it, name its full path, or set PATH in the environment of the command"
    )


def limits_for(brand: Brand, memory_limit: int | None) -> list[Limit]:
    """What limits tell of a process: whose it is, and how much memory it gets. Only what we have the right to set."""
    if sys.platform != "linux":
        return []
    limits = [Limit("rttime", resource.RLIMIT_RTTIME, brand.attempt, brand.worker)]
    if memory_limit is not None:
        most = max(memory_limit * 2, memory_limit + BACKSTOP_BYTES)
        limits.append(Limit("data", resource.RLIMIT_DATA, most, most))
    ours = {limit.name: resource.getrlimit(limit.number)[1] for limit in limits}
    return [limit for limit in limits if ours[limit.name] == resource.RLIM_INFINITY or limit.hard <= ours[limit.name]]


def _set_late(pid: int, limits: Sequence[Limit]) -> None:
    """Set limits after the start. What the process started before that does without them."""
    if sys.platform == "linux":
        for limit in limits:
            with suppress(OSError, ValueError):  # it is gone already
                resource.prlimit(pid, limit.number, (limit.soft, limit.hard))


@cache
def die_with_parent() -> tuple[str, ...]:
    """What to put before a command so that the kernel kills it when we die; nothing where there is no such program."""
    return _if_it_works("setpriv", "--pdeathsig", "KILL", "--")  # BusyBox has one that does not know this


@cache
def limit_setter() -> str | None:
    """The program that starts another one with limits, so that not even its first child comes before them."""
    works = _if_it_works("prlimit", f"--rttime={1 << 60}:{1 << 61}", "--")
    return works[0] if works else None


def _if_it_works(name: str, *options: str) -> tuple[str, ...]:
    program = shutil.which(name) if sys.platform == "linux" else None
    if program is None:
        return ()
    command = (program, *options)
    tried = subprocess.run([*command, program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return command if tried.returncode == 0 else ()


def _ended_fd(pid: int) -> int:
    """A descriptor that is readable once our child has ended; it is not waited for by that."""
    try:
        handle = exit_handle(pid)
        ended = False
    except ProcessLookupError:  # how macOS answers for one that has ended already
        handle, ended = None, True
    if handle is not None:
        return handle
    read_end, write_end = os.pipe()

    def wait() -> None:
        if not ended and sys.platform == "linux":
            with suppress(ChildProcessError):
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        os.close(write_end)

    threading.Thread(target=wait, name=f"wait-{pid}", daemon=True).start()
    return read_end
