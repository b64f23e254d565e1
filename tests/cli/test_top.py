"""`jobtrail top`, the lists: what is shown stays where it is, is found by a filter, and is acted on by keys that ask."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from cli.terminal import Terminal
from cli.watching import watched, write
from database import Database
from scene import ME, Scene
from textual import events

from jobtrail.cli.tui.counts import Figures
from jobtrail.client import Client
from jobtrail.core.ids import short
from jobtrail.core.model import StatusCount
from jobtrail.core.status import JobStatus
from jobtrail.service import jobs, queues

HOSTILE = "[bold red]pay[/] [link=file:///etc/passwd]me[/link] \x1b[31m\x1b]0;owned\x07 a\nb"


@pytest.fixture
def client(database: Database) -> Iterator[Client]:
    with Client(database.app_url) as client:
        yield client


async def test_jobs_are_listed_with_what_is_not_theirs_to_say(client: Client, scene: Scene) -> None:
    scene.enqueue(title=HOSTILE)
    async with watched(client) as top:
        await top.sees("[bold red]pay[/] [link=file:///etc/passwd]me[/link]", "○ QUEUED", "1 queued")
        assert "\x1b" not in top.text and "\x07" not in top.text
        assert "a b" in top.row("[bold red]pay")


async def test_what_a_job_says_anywhere_is_shown_as_it_is(client: Client, scene: Scene) -> None:
    fence = scene.start(title="[blink]x[/blink]", input=b'{"to": "[red]y"}')
    write(scene, fence, ["[green]done[/green] \x1b[2J gone"])
    scene.step(fence, "[u]step[/u]")
    async with watched(client, size=(120, 60)) as top:
        await top.sees("[blink]x[/blink]")
        await top.press("enter")
        await top.sees('"to": "[red]y"', "[green]done[/green] \\x1b[2J gone", "[u]step[/u]")
        await top.press("c")
        await top.sees("[blink]x[/blink] (RUNNING)?")


async def test_rows_stay_and_what_came_since_is_counted_until_it_is_asked_for(client: Client, scene: Scene) -> None:
    scene.enqueue(title="the first")
    scene.enqueue(title="the second")
    async with watched(client) as top:
        await top.sees("the first", "the second")
        before = top.lines[4:6]
        scene.enqueue_many(3, title="a new one")
        await top.sees("↑ 3 new")
        assert [line[:40] for line in top.lines[4:6]] == [line[:40] for line in before]
        await top.press("home")
        await top.sees("a new one")
        assert "a new one" in top.lines[4] and "↑" not in top.text


async def test_a_job_that_no_longer_fits_the_filter_is_shown_as_it_is_now(client: Client, scene: Scene) -> None:
    job_id = scene.enqueue(title="changes")
    async with watched(client, search="status:queued") as top:
        await top.sees("○ QUEUED")
        scene.do(jobs.cancel(scene.workspace, job_id, ME, "not now"))
        await top.sees("⊘ CANCELLED", "changes · not now")
        await top.press("home")
        await top.sees("no job fits this filter")


async def test_a_filter_that_cannot_be_read_says_where(client: Client, scene: Scene) -> None:
    scene.enqueue(title="one")
    scene.do(jobs.cancel(scene.workspace, scene.enqueue(title="two"), ME))
    async with watched(client) as top:
        await top.sees("one", "two")
        await top.press("slash")
        await top.type("status:queued stat:x")
        await top.press("enter")
        await top.sees("at character 15: there is no 'stat' to search by; did you mean state?")
        typed = next(number for number, line in enumerate(top.lines) if "/ status:queued stat:x" in line)
        assert top.lines[typed + 1].index("^") == top.lines[typed].index("stat:x")
        await top.press(*["backspace"] * 6, "enter")
        await top.sees("status:QUEUED")
        await top.sees_no("two")
        await top.press("escape")
        await top.sees("two", "all, newest first")


async def test_older_jobs_are_read_when_the_end_is_reached(client: Client, scene: Scene) -> None:
    scene.enqueue(title="the oldest")
    scene.enqueue_many(120)
    async with watched(client) as top:
        await top.sees("100+ jobs")
        await top.press("end")
        await top.sees("121 jobs")
        await top.press("end")
        await top.sees("the oldest")


async def test_retry_of_those_that_are_marked_asks_and_accounts_for_what_it_left_out(
    client: Client, scene: Scene
) -> None:
    failed = [scene.start(title=f"failed {n}") for n in range(2)]
    for fence in failed:
        scene.fail(fence)
    waits = scene.enqueue(title="waits")
    async with watched(client) as top:
        await top.sees("failed 0", "failed 1", "waits")
        await top.press("asterisk")
        await top.sees("3 marked")
        await top.press("r")
        await top.sees("Retry the 3 marked jobs?")
        await top.press("y")
        await top.sees("2 jobs done, 1 skipped", short(waits))
        assert "QUEUED" in top.row(short(waits))
        await top.press("escape")
        await top.sees_no("marked")
    assert {scene.job(fence.job_id).status for fence in failed} == {JobStatus.QUEUED}


async def test_leaving_the_question_does_nothing(client: Client, scene: Scene) -> None:
    scene.fail(scene.start(title="the left"))
    scene.fail(scene.start(title="the right"))
    async with watched(client) as top:
        await top.sees("the left", "the right")
        await top.press("space", "space", "r")
        await top.sees("Retry the 2 marked jobs?")
        await top.press("escape")
        await top.sees("2 marked")
        await top.press("R")
        await top.sees("Rerun the 2 marked jobs?")
        await top.press("n")
        await top.sees("2 marked")
    assert [job.status for job in client.list_jobs()] == [JobStatus.FAILED] * 2


async def test_cancel_asks_and_keeps_the_reason(client: Client, scene: Scene) -> None:
    job_id = scene.enqueue(title="unwanted")
    async with watched(client) as top:
        await top.sees("unwanted")
        await top.press("c")
        await top.sees(f"Cancel job {short(job_id)} unwanted (QUEUED)?")
        await top.press("escape")
        await top.sees("○ QUEUED")
        await top.press("c")
        await top.sees("reason")
        await top.type("too late")
        await top.press("enter")
        await top.sees("⊘ CANCELLED")
    assert scene.job(job_id).cancel_reason == "too late"


async def test_keys_that_were_typed_ahead_are_meant_for_the_line_that_opens(client: Client, scene: Scene) -> None:
    scene.fail(scene.start(title="untouched"))
    async with watched(client) as top:
        await top.sees("untouched")
        for key, letter in (("slash", "/"), ("r", "r"), ("c", "c"), ("colon", ":"), ("j", "j")):
            top.app.post_message(events.Key(key, letter))
        await top.sees("/ rc:j")
    assert [job.status for job in client.list_jobs()] == [JobStatus.FAILED]


async def test_retry_and_rerun_of_the_job_under_the_cursor(client: Client, scene: Scene) -> None:
    fence = scene.start(title="again")
    scene.fail(fence)
    async with watched(client) as top:
        await top.sees("✗ FAILED")
        await top.press("r")
        await top.sees("finished steps are kept", "○ QUEUED")
        await top.press("R")
        await top.sees("Rerun job")
        await top.press("y")
        await top.sees("↑ 1 new")
    assert client.list_jobs()[0].rerun_of == fence.job_id


async def test_what_cannot_be_done_is_said(client: Client, scene: Scene) -> None:
    scene.complete(scene.start(title="over"))
    async with watched(client) as top:
        await top.sees("✓ COMPLETED")
        await top.press("r")
        await top.sees("only FAILED and CANCELLED jobs are retried")
    assert [job.status for job in client.list_jobs()] == [JobStatus.COMPLETED]


async def test_ids_and_commands_are_copied(client: Client, scene: Scene) -> None:
    job_id = scene.enqueue(title="copy me")
    async with watched(client, search='type:demo "copy me"') as top:
        await top.sees("copy me", "1 job")
        await top.press("y")
        assert top.app.clipboard == str(job_id)
        await top.press("Y")
        assert top.app.clipboard == "jobtrail job list 'type:demo \"copy me\"'"
        await top.press("enter")
        await top.sees(str(job_id))
        await top.press("Y")
        assert top.app.clipboard == f"jobtrail job get {job_id}"


async def test_keys_and_commands_lead_to_the_tabs(client: Client, scene: Scene) -> None:
    job_id = scene.enqueue(title="somewhere")
    async with watched(client) as top:
        for key, said in (
            ("q", "READY"),
            ("w", "worker"),
            ("g", "nobody is asked"),
            ("e", "no job failed"),
            ("j", "MADE"),
        ):
            await top.press(key)
            await top.sees(said)
        await top.press("colon")
        await top.type("cats")
        await top.press("enter")
        await top.sees("there is no command :cats")
        await top.press(*["backspace"] * 4)
        await top.type("jobs status:failed")
        await top.press("enter")
        await top.sees("no job fits this filter")
        await top.press("colon")
        await top.type(f"job {short(job_id)}")
        await top.press("enter")
        await top.sees(str(job_id), "somewhere")
        await top.press("question_mark")
        await top.sees("Keys", "rerun: a new job")
        await top.press("escape", "colon")
        await top.type("quit")
        await top.press("enter")
        await top.until(lambda: not top.app.is_running or top.app._exit)


async def test_errors_that_are_alike_are_one_and_lead_to_their_jobs(client: Client, scene: Scene) -> None:
    for title in ("broken", "broken too"):
        scene.fail(scene.start(title=title), code="[red]TimeoutError")
    scene.enqueue(title="whole")
    async with watched(client, tab="errors") as top:
        await top.sees("[red]TimeoutError", "it went wrong", "NEW", "1 error")
        assert top.row("it went wrong").split()[2] == "2"
        await top.press("enter")
        await top.sees("broken · it went wrong", "broken too · it went wrong", "error:fp_")
        assert "whole" not in top.text


async def test_a_queue_is_paused_with_a_reason_and_let_go_on(client: Client, scene: Scene) -> None:
    scene.enqueue(queue="mail")
    async with watched(client, tab="queues") as top:
        await top.sees("mail", "no worker serves it")
        await top.press("p")
        await top.sees("Pause queue mail?", "1 ready")
        await top.type("SMTP down")
        await top.press("enter")
        await top.sees("‖ paused by", "SMTP down")
        assert [one.paused_reason for one in client.queues()] == ["SMTP down"]
        await top.press("p")
        await top.sees_no("‖ paused")
        assert [one.paused_at for one in client.queues()] == [None]
        await top.press("enter")
        await top.sees("queue:mail")


async def test_an_empty_queue_that_is_served_can_be_paused(client: Client, scene: Scene) -> None:
    scene.new_worker(queues=("render",))
    async with watched(client, tab="queues") as top:
        await top.sees("render", "● on")
        await top.press("p")
        await top.sees("Pause queue render?")
        await top.press("enter")
        await top.sees("‖ paused")
    assert scene.do(queues.get(scene.workspace, "render")) is not None


async def test_workers_say_how_they_stand(client: Client, scene: Scene) -> None:
    scene.start(worker=scene.new_worker())
    async with watched(client, tab="workers") as top:
        await top.sees("● working", "█ 1/1", "default", "1 live of 1")
        await top.press("enter")
        await top.sees("last sign", "types")


async def test_gates_are_decided_after_a_question_and_stay_where_they_were(client: Client, scene: Scene) -> None:
    first, second = scene.start(), scene.start()
    scene.ask(first, "first?")
    scene.ask(second, "second?")
    async with watched(client, tab="gates") as top:
        await top.sees("first? May it?", "second? May it?", "2 waiting")
        await top.press("a")
        await top.sees("Approve?", "first? May it?")
        await top.type("fine")
        await top.press("enter")
        await top.sees("✓ APPROVED", "1 waiting")
        assert top.lines.index(top.row("first? May it?")) < top.lines.index(top.row("second? May it?"))
        await top.press("down", "x")
        await top.sees("Reject?", "second? May it?")
        await top.press("enter")
        await top.sees("✗ REJECTED")
    told = [scene.told(fence.job_id) for fence in (first, second)]
    assert "gate.approved" in told[0] and "gate.rejected" in told[1]


async def test_the_screen_of_80_by_24(client: Client, scene: Scene) -> None:
    fence = scene.start(
        title="page 12 of an invoice with a rather long title",
        queue="media",
        worker=scene.new_worker(queues=("media",)),
    )
    scene.fail(fence, retry_in=timedelta(hours=1))
    scene.do(queues.pause(scene.workspace, "mail", ME, "SMTP down"))
    scene.enqueue(title="short", queue="mail")
    async with watched(client, size=(80, 24)) as top:
        await top.sees("● live", "○ 1", "page 12")
        assert len(top.lines) == 24 and {len(line) for line in top.lines} <= {79, 80}
        plain = [re.sub(r"\b[0-9a-f]{8}\b", "IDIDIDID", line).rstrip() for line in top.lines]
        assert plain[1] == " <j>obs  <q>ueues  <w>orkers  <g>ates  <e>rrors             <:>command  <?>help"
        assert plain[0] == " jobtrail default  ● live  ◌ 1 pending  ○ 1 queued"
        assert plain[2].startswith("jobs") and plain[2].endswith("all, newest first" + " " * 50 + "2 jobs")
        assert plain[3].split() == ["ID", "STATUS", "TYPE", "TITLE", "TRIES", "MADE"]
        assert plain[4].startswith("> IDIDIDID  ○ QUEUED") and "short" in plain[4]
        assert plain[5].startswith("  IDIDIDID  ◌ PENDING retry  demo  page 12 of an invoice")
        assert plain[23] == "<↵>open  <l>logs  <r>retry  <R>rerun  <c>cancel  <␣>mark  <y>copy  </>filter"


def test_figures_are_capped_and_give_way_where_there_is_no_room() -> None:
    counts = (StatusCount("QUEUED", 10_001, True), StatusCount("RUNNING", 14, False), StatusCount("FAILED", 0, False))
    figures = Figures(counts, gates=2)
    said = ["".join(text for text, _ in figures.line(room)) for room in (60, 45, 20)]
    assert said == [
        "○ 10k+ queued  ● 14 running  ◇ 2 gates  ✗ 0 failed  ",
        "○ 10k+ queued  ● 14 running  ◇ 2 gates  ",
        "○ 10k+  ● 14  ◇ 2  ✗ 0  ",
    ]


async def test_no_color_means_none(client: Client, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.fail(scene.start(title="red elsewhere"))
    monkeypatch.setenv("NO_COLOR", "1")
    async with watched(client) as top:
        await top.sees("✗ FAILED")
        styles = [part.style for strip in top.app.screen._compositor.render_strips() for part in strip if part.style]
        found = {color.get_truecolor() for style in styles for color in (style.color, style.bgcolor) if color}
        assert found and {color for color in found if len(set(color)) > 1} == set()


def test_without_textual_it_says_how_to_get_it(jobtrail: Terminal) -> None:
    code = "import sys; sys.modules['textual'] = None; from jobtrail.cli import main; sys.exit(main(['top']))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=jobtrail.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert 'fix: pip install "jobtrail[top]"' in done.stderr and "Traceback" not in done.stderr


def test_without_a_terminal_it_says_what_to_use_instead(jobtrail: Terminal) -> None:
    ran = jobtrail("top")
    assert ran.code == 2 and "jobtrail job list --watch" in ran.err


def test_a_filter_on_the_command_line_must_be_readable(jobtrail: Terminal) -> None:
    ran = jobtrail("top", "stat:x")
    assert ran.code == 2 and "at character 1" in ran.err
