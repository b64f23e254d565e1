"""What the pages about agents show is what happens: their commands and their test are run as a reader would run them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from claude.studio import Studio
from cli.terminal import Terminal
from law.test_docs import DOCS, blocks
from law.test_docs_run import ON_ITS_OWN, the

from jobtrail.client import NewTask
from jobtrail.store.identity import new_id

TASKS, RECORDINGS = DOCS / "how-to/agent-tasks.md", DOCS / "how-to/recordings.md"


def commands(page: Path) -> list[list[str]]:
    """The commands of a page, in order, without the name of the program."""
    shown = "\n".join(blocks(page.read_text(), "console")).replace("\\\n", " ")
    return [shlex.split(line)[1:] for line in re.findall(r"^\$ (jobtrail .+)$", shown, re.MULTILINE)]


@pytest.fixture
def terminal(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    """A terminal in an empty folder, on the database of the studio."""
    for name in [name for name in os.environ if name.startswith("JOBTRAIL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("JOBTRAIL_DATABASE_URL", studio.scene.database.app_url)
    folder = tmp_path / "reader"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Terminal(folder, dict(os.environ), capsys)


def test_the_commands_about_tasks_work_from_first_to_last(studio: Studio, terminal: Terminal) -> None:
    wanted = commands(TASKS)
    assert ["task", "start", "@last", "--watch"] in wanted and len(wanted) >= 10
    with studio.work():
        for words in wanted:
            terminal.ok(*words)
    (task,) = studio.client.tasks.list()
    jobs = studio.client.tasks.compare(task.id)
    assert [job.status for job in jobs] == ["COMPLETED"] * 4
    assert [job.differs["model"] for job in jobs[1:]] == ["opus", "sonnet", "haiku"]
    assert jobs[0].session_id == jobs[1].session_id != jobs[2].session_id
    assert studio.client.get(jobs[0].id).rerun_of == jobs[1].id
    assert task.status == "DONE"


def test_a_fork_leaves_the_session_as_it_is(studio: Studio, terminal: Terminal) -> None:
    with studio.work():
        terminal.ok("task", "create", "t", "--prompt", "p")
        terminal.ok("task", "start", "@last", "--wait")
        terminal.ok("task", "follow-up", "@last", "and?", "--fork", "--wait")
    fork, first = studio.client.tasks.compare(studio.client.tasks.list()[0].id)
    assert fork.session_id not in (None, first.session_id)


def test_a_job_is_recorded_replayed_and_tested_with_as_the_page_says(
    studio: Studio, terminal: Terminal, tmp_path: Path
) -> None:
    studio.play([{"recording": "rec_ok.ndjson"}])
    studio.run()
    for words in commands(RECORDINGS):
        terminal.ok(*words, *(("--speed", "1000") if words[1] == "replay" else ()))
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "test_agent.py").write_text(the(RECORDINGS, "python", "fake_agent"))
    (folder / "run.ndjson").write_bytes((terminal.folder / "run.ndjson").read_bytes())
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"],
        cwd=folder, env=ON_ITS_OWN, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_program_that_tries_both_follows_the_better_one_up(studio: Studio) -> None:
    names: dict[str, Any] = {}
    exec(compile(the(TASKS, "python", "def try_both"), str(TASKS), "exec"), names)
    task = studio.client.tasks.create(NewTask(id=new_id(), title="t", prompt="p"))
    studio.play(
        [{"usage": {"input": 10, "output": 5, "cost": 0.5}}, {"usage": {"input": 10, "output": 5, "cost": 0.25}}, {}]
    )
    with studio.work(slots=1):
        done = names["try_both"](studio.client, task.id)
        studio.ends(done.ids[0])
    jobs = studio.client.tasks.compare(task.id)
    assert [job.status for job in jobs] == ["COMPLETED"] * 3
    cheaper = min(jobs[1:], key=lambda job: job.cost_usd or 0)
    assert studio.client.get(done.ids[0]).rerun_of == cheaper.id
