"""Following jobs: lines in a pipe, a picture on a terminal, and Ctrl-C that lets the job run on."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from uuid import UUID

import pytest
from cli.terminal import SECONDS, Terminal
from scene import Scene

from jobtrail.core.ids import short

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_a_terminal(jobtrail: Terminal, *argv: str, columns: int = 100, **environment: str) -> tuple[int, str]:
    """Runs a command whose stdin, stdout and stderr are a terminal; answers its exit code and all that was drawn."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "jobtrail", *argv], cwd=jobtrail.folder, stdin=theirs, stdout=theirs, stderr=theirs,
        env=jobtrail.environment | {"TERM": "xterm"} | environment, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    drawn = b""
    while True:
        try:
            some = os.read(ours, 65536)
        except OSError:  # the other end was closed
            break
        if not some:
            break
        drawn += some
    os.close(ours)
    return process.wait(SECONDS), drawn.decode()


@pytest.fixture
def ended(scene: Scene) -> UUID:
    fence = scene.start(title="A title that is long enough to be cut somewhere when the terminal is narrow")
    scene.finished_step(fence, "fetch")
    scene.complete(fence)
    return fence.job_id


def test_a_list_on_a_terminal_has_signs_short_ids_and_colours(jobtrail: Terminal, ended: UUID) -> None:
    code, drawn = on_a_terminal(jobtrail, "job", "list")
    assert code == 0 and "✓ COMPLETED" in drawn and short(ended) in drawn and str(ended) not in drawn
    assert "\x1b[" in drawn
    code, plain = on_a_terminal(jobtrail, "job", "list", NO_COLOR="1")
    assert code == 0 and "\x1b[3" not in plain and "COMPLETED" in plain
    assert "\x1b[3" not in on_a_terminal(jobtrail, "job", "list", "--color", "never")[1]


def test_a_narrow_terminal_loses_columns_and_never_wraps(jobtrail: Terminal, ended: UUID) -> None:
    for columns in (40, 70, 200):
        _, drawn = on_a_terminal(jobtrail, "job", "list", columns=columns)
        lines = _ESCAPES.sub("", drawn).splitlines()
        assert len(lines) == 2, drawn
        assert all(len(line) <= columns for line in lines), lines
        assert short(ended) in lines[1]


def test_a_job_that_is_watched_on_a_terminal_is_a_picture(jobtrail: Terminal, ended: UUID) -> None:
    code, drawn = on_a_terminal(jobtrail, "job", "watch", str(ended))
    assert code == 0 and "✓ fetch" in drawn and "✓ COMPLETED in" in drawn
    code, lines = on_a_terminal(jobtrail, "job", "watch", str(ended), "--no-progress")
    assert code == 0 and "\x1b[?25l" in drawn and "\x1b[?25l" not in lines


def test_what_a_job_says_cannot_drive_the_terminal(jobtrail: Terminal, scene: Scene) -> None:
    scene.enqueue(title="\x1b[2Jgone", type="x")
    for argv in (["job", "list"], ["job", "get"], ["job", "watch", "@last", "--timeout", "1ms"], ["job", "events"]):
        _, drawn = on_a_terminal(jobtrail, *argv)
        assert "\x1b[2J" not in drawn, argv


def test_ctrl_c_detaches_and_the_job_runs_on(jobtrail: Terminal, scene: Scene) -> None:
    fence = scene.start()
    scene.step(fence, "fetch")
    with jobtrail.started("job", "watch", str(fence.job_id)) as watch:
        watch.says("● fetch")
        watch.interrupt()
        ran = watch.ends()
    assert ran.code == 130 and f"detached; job {short(fence.job_id)} runs on" in ran.err and "Traceback" not in ran.err
    assert scene.job(fence.job_id).cancel_requested_at is None


def test_a_watch_tells_what_happens_while_it_looks(jobtrail: Terminal, scene: Scene) -> None:
    fence = scene.start(max_attempts=2)
    with jobtrail.started("job", "watch", str(fence.job_id)) as watch:
        watch.says("▶ on w-")
        step = scene.step(fence, "fetch")
        watch.says("● fetch")
        scene.ask(fence)
        watch.says("◇ publish? May it?")
        jobtrail.ok("gate", "approve", str(fence.job_id))
        watch.says("◆ approved by")
        scene.complete(scene.again(fence.job_id))
        ran = watch.ends()
    assert ran.code == 0 and "✓ COMPLETED" in ran.out and step is not None


def test_a_job_that_waits_says_why_and_only_once(jobtrail: Terminal, scene: Scene) -> None:
    id = scene.enqueue(queue="media")
    with jobtrail.started("job", "watch", str(id)) as watch:
        watch.says("No worker serves its queue media")
        jobtrail.ok("queue", "pause", "media", "-m", "new disks")
        watch.says("new disks")
        jobtrail.ok("job", "cancel", str(id))
        ran = watch.ends()
    assert ran.code == 7 and ran.out.count("No worker serves") == 1


def test_a_watched_list_shows_what_changed_until_ctrl_c(jobtrail: Terminal, scene: Scene) -> None:
    id = scene.enqueue()
    with jobtrail.started("job", "list", "--watch", "-o", "jsonl") as watch:
        watch.says('"QUEUED"')
        jobtrail.ok("job", "cancel", str(id))
        watch.says('"CANCELLED"')
        watch.interrupt()
        assert watch.ends().code == 130
