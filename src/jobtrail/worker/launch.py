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

from jobtrail.core.errors import Invalid
from jobtrail.worker.census import exit_handle
from jobtrail.worker.lines import Source
from jobtrail.worker.marks import brand_of, marked, set_brand

# RLIMIT_DATA, not RLIMIT_AS: Node, Go and Java reserve far more addresses than they ever fill. It stops, in one
# process, what grows too fast to be seen by the meter, so it is wider than the limit that the whole tree is held to.
BACKSTOP_BYTES = 256 * 1024 * 1024


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
    by_setpriv: bool

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
) -> Child:
    """Start it; raises NotStarted with a sentence for the person who wrote the command."""
    _check(argv, cwd, env)
    prefix = die_with_parent()
    with ExitStack() as theirs, ExitStack() as ours:
        stdout, stdout_theirs = _pipe(ours, theirs)
        stderr, stderr_theirs = _pipe(ours, theirs)
        stdin_theirs, stdin = _pipe(theirs, ours) if with_input else (subprocess.DEVNULL, None)
        try:
            popen = subprocess.Popen(
                [*prefix, *argv],
                cwd=cwd,
                env=marked(env, attempt, worker),
                stdin=stdin_theirs,
                stdout=stdout_theirs,
                stderr=stderr_theirs,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise NotStarted(f"{argv[0]!r} could not be started: {error}") from error
        set_brand(popen.pid, brand_of(attempt, worker))
        _set_backstop(popen.pid, memory_limit)
        ended = _ended_fd(popen.pid)
        ours.pop_all()
    return Child(
        popen=popen,
        outputs={Source.STDOUT: stdout, Source.STDERR: stderr},
        input=stdin,
        ended=ended,
        by_setpriv=bool(prefix),
    )


def _pipe(reads: ExitStack, writes: ExitStack) -> tuple[int, int]:
    read_end, write_end = os.pipe()
    reads.callback(os.close, read_end)
    writes.callback(os.close, write_end)
    return read_end, write_end


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


@cache
def die_with_parent() -> tuple[str, ...]:
    """What to put before a command so that the kernel kills it when we die; nothing where there is no such program."""
    program = shutil.which("setpriv") if sys.platform == "linux" else None
    if program is None:
        return ()
    prefix = (program, "--pdeathsig", "KILL", "--")  # unknown to the setpriv of BusyBox
    tried = subprocess.run([*prefix, program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return prefix if tried.returncode == 0 else ()


def _set_backstop(pid: int, memory_limit: int | None) -> None:
    if sys.platform != "linux" or memory_limit is None:
        return
    most = max(memory_limit * 2, memory_limit + BACKSTOP_BYTES)
    with suppress(OSError, ValueError):  # gone already, or a lower hard limit is in force anyway
        resource.prlimit(pid, resource.RLIMIT_DATA, (most, most))


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
