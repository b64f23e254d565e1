"""Stop means stop: nothing of a program or its tools is left, what is known of its cost is kept, and the why is the job's."""

from __future__ import annotations

import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
from claude.studio import Studio, wait_until


def living(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def at_work(studio: Studio, *events: dict[str, Any], **turn: Any) -> Path:
    """An agent with a tool that lives in a session of its own; the file has its number."""
    file = studio.folder / "pid"
    grandchild = {"grandchild": 86_400, "pid_file": str(file)}
    studio.play([{"events": [{"say": "I begin"}, grandchild, *events, {"silent": 1}], **turn}])
    return file


def test_a_cancel_leaves_nothing_running_also_not_what_left_the_group(studio: Studio) -> None:
    file = at_work(studio)
    job = studio.enqueue()
    with studio.work():
        wait_until(file.exists, "the tool runs")
        studio.client.cancel(job, "enough")
        ended = studio.ends(job)
    assert (ended.status, ended.cancel_reason) == ("CANCELLED", "enough")
    assert not living(int(file.read_text()))
    assert not living(studio.fake.calls[0]["pid"])
    assert {step.status for step in studio.steps(job)} == {"FAILED"}


def test_a_program_that_is_deaf_to_sigterm_is_killed(studio: Studio) -> None:
    file = at_work(studio, ignore_sigterm=True, ignore_sigint=True)
    job = studio.enqueue()
    with studio.work():
        wait_until(file.exists, "the tool runs")
        studio.client.cancel(job)
        assert studio.ends(job).status == "CANCELLED"
    assert not living(int(file.read_text())) and not living(studio.fake.calls[0]["pid"])


def test_a_stop_asks_by_sigint_first_so_that_the_cost_is_told(studio: Studio) -> None:
    """The real program ends its tools and prints its result on SIGINT, and does neither on SIGTERM."""
    file = at_work(studio, on_sigint={"usage": {"cost": "0.5"}})
    job = studio.enqueue()
    with studio.work():
        wait_until(file.exists, "the tool runs")
        studio.client.cancel(job)
        assert studio.ends(job).status == "CANCELLED"
    assert [row.cost_usd for row in studio.usage(job)] == [Decimal("0.5")]
    assert any('"terminal_reason": "aborted_tools"' in line for line in studio.raw(job))


def test_what_a_stopped_program_cost_is_unknown_if_it_does_not_tell(studio: Studio) -> None:
    file = at_work(studio)
    job = studio.enqueue()
    with studio.work():
        wait_until(file.exists, "the tool runs")
        wait_until(lambda: "I begin" in studio.messages(job), "it was heard")
        studio.client.cancel(job)
        studio.ends(job)
    (row,) = studio.usage(job)
    assert (row.cost_usd, row.price_source) == (None, "no result line")


def test_what_was_asked_and_never_answered_has_a_price_that_nobody_knows(studio: Studio) -> None:
    studio.play([{"events": [{"silent": 1}]}])
    job = studio.enqueue()
    with studio.work():
        wait_until(lambda: any(line.startswith("session ") for line in studio.messages(job)), "the model is asked")
        studio.client.cancel(job)
        studio.ends(job)
    (row,) = studio.usage(job)
    assert (row.cost_usd, row.input_tokens, row.price_source) == (None, 0, "no result line")


def test_a_limit_of_time_stops_it_too(studio: Studio) -> None:
    file = at_work(studio)
    job = studio.enqueue(timeout_seconds=6.0)
    with studio.work():
        ended = studio.ends(job)
    assert (ended.status, ended.error_code) == ("FAILED", "timeout")
    assert studio.attempts(job)[0].status == "TIMED_OUT"
    assert not living(int(file.read_text()))


def test_a_success_that_came_before_the_stop_is_not_taken_back(studio: Studio) -> None:
    """Told to stop while it hangs after its result: the job is cancelled, for its end was not there yet."""
    studio.play([{"hang": True}])
    job = studio.enqueue({"result_grace": "10m"})
    with studio.work():
        wait_until(lambda: any(line["operation"] == "result" for line in studio.log(job)), "its result is there")
        studio.client.cancel(job)
        ended = studio.ends(job)
    assert ended.status == "CANCELLED"
    assert [row.cost_usd for row in studio.usage(job)] == [Decimal("0.00062085")]


def test_a_tool_that_holds_the_pipe_does_not_keep_the_job_from_its_end(studio: Studio) -> None:
    file = studio.folder / "pid"
    studio.play([{"events": [{"grandchild": 86_400, "pid_file": str(file)}]}])
    job = studio.run()
    assert job.status == "COMPLETED"
    assert not living(int(file.read_text()))


def test_a_program_that_somebody_kills_is_a_failure_with_the_signal(studio: Studio) -> None:
    file = at_work(studio)
    job = studio.enqueue()
    with studio.work():
        wait_until(file.exists, "the tool runs")
        psutil.Process(studio.fake.calls[0]["pid"]).send_signal(signal.SIGKILL)
        ended = studio.ends(job)
    assert (ended.status, ended.error_code) == ("FAILED", "signal")
    assert "SIGKILL" in (ended.error_message or "")
    assert not living(int(file.read_text()))


def test_a_tool_may_be_silent_for_longer_than_the_program(studio: Studio) -> None:
    studio.play([{"events": [{"tool": "Bash", "run": "sleep 4"}]}])
    assert studio.run({"idle_timeout": "2500ms"}).status == "COMPLETED"
