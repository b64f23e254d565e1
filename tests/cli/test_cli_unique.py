"""Unique keys, deadlines and breakers from the command line."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from cli.terminal import Terminal
from scene import Scene


def enqueue(jobtrail: Terminal, *words: str) -> str:
    ran = jobtrail.ok("enqueue", "demo", "n:=1", "--no-check", *words, "-o", "json")
    id: str = ran.data["job"]["id"]
    return id


def test_a_key_follows_from_the_input(jobtrail: Terminal) -> None:
    assert enqueue(jobtrail, "--unique", "input") == enqueue(jobtrail, "--unique", "input")
    assert enqueue(jobtrail, "--unique", "n, m") != enqueue(jobtrail, "--unique", "n")


def test_a_job_takes_the_place_of_one_that_waits(jobtrail: Terminal, scene: Scene) -> None:
    first = enqueue(jobtrail, "--unique-key", "k", "--unique-scope", "any", "--unique-window", "1h")
    second = enqueue(jobtrail, "--unique-key", "k", "--on-conflict", "replace")
    assert first != second
    assert enqueue(jobtrail, "--unique-key", "k", "--throttle", "1h") == second
    third = enqueue(jobtrail, "--unique-key", "k", "--debounce", "5m", "--max-wait", "10m")
    assert jobtrail("enqueue", "demo", "--no-check", "--unique-key", "k", "--on-conflict", "refuse").code == 6
    assert third not in (first, second)


@pytest.mark.parametrize("words", [["--on-conflict", "replace"], ["--unique-key", "k", "--max-wait", "1h"]])
def test_words_that_do_not_go_together_are_refused(jobtrail: Terminal, words: list[str]) -> None:
    assert jobtrail("enqueue", "demo", "--no-check", *words).code == 2


def test_a_job_expires(jobtrail: Terminal, scene: Scene) -> None:
    job = scene.job(UUID(enqueue(jobtrail, "--expires", "2h")))
    assert job.cancel_at is not None
    assert abs(job.cancel_at - job.created_at - timedelta(hours=2)) < timedelta(seconds=10)


def test_a_breaker_from_the_command_line(jobtrail: Terminal) -> None:
    assert jobtrail("type", "breaker", "demo").code == 5
    made = jobtrail.ok("type", "breaker", "demo", "auto", "--failures", "5", "--open-for", "1m", "-o", "json")
    assert (made.data[0]["min_failures"], made.data[0]["open_seconds"]) == (5, 60)
    assert "OPEN" in jobtrail.ok("type", "breaker", "demo", "open", "--reason", "their deploy").out
    assert "their deploy" in jobtrail.ok("type", "breakers").out
    assert "CLOSED" in jobtrail.ok("type", "breaker", "demo", "close").out
    assert jobtrail("type", "breaker", "demo", "--failures", "5").code == 2
    jobtrail.ok("type", "breaker", "demo", "off")
    assert jobtrail("type", "breaker", "demo", "off").code == 5
