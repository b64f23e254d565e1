"""Jobs as people name them."""

from __future__ import annotations

from uuid import UUID

import pytest
from cli.terminal import Terminal
from scene import Scene

ONE = UUID("01890a5d-0000-7000-8000-0000aaaa1111")
TWO = UUID("01890a5d-0000-7000-8000-0000bbbb1111")


@pytest.fixture
def two(scene: Scene) -> None:
    scene.enqueue(id=ONE)
    scene.enqueue(id=TWO)


def meant(jobtrail: Terminal, ref: str) -> str:
    found: str = jobtrail.ok("job", "get", ref, "-o", "json").data["job"]["id"]
    return found


@pytest.mark.parametrize("ref", [str(ONE), ONE.hex, ONE.hex[-9:], ONE.hex[-9:].upper(), "aaaa1111", "00aaaa1111"])
def test_a_job_is_found_by_the_end_of_its_id(jobtrail: Terminal, two: None, ref: str) -> None:
    assert meant(jobtrail, ref) == str(ONE)


def test_a_job_is_found_by_the_start_of_its_id(jobtrail: Terminal, two: None, scene: Scene) -> None:
    other = UUID("02890a5d-0000-7000-8000-000000000000")
    scene.enqueue(id=other)
    assert meant(jobtrail, "0289") == meant(jobtrail, "02890a5d-0000") == str(other)


@pytest.mark.parametrize("ref", ["1111", "01890a5d"])
def test_what_means_several_lists_them(jobtrail: Terminal, two: None, ref: str) -> None:
    ran = jobtrail("job", "get", ref)
    assert ran.code == 2 and str(ONE) in ran.err and str(TWO) in ran.err and "demo QUEUED" in ran.err


@pytest.mark.parametrize("ref", ["111", "hello", "@first", "", "-", "01890a5d%"])
def test_what_names_no_job_is_wrong_usage(jobtrail: Terminal, two: None, ref: str) -> None:
    assert jobtrail("job", "get", "--", ref).code == 2


@pytest.mark.parametrize("ref", ["abcdef12", "01890a5d-0000-7000-8000-0000cccc1111"])
def test_what_is_not_there_is_not_found(jobtrail: Terminal, two: None, ref: str) -> None:
    assert jobtrail("job", "get", ref).code == 5


def test_last_and_failed(jobtrail: Terminal, scene: Scene) -> None:
    assert jobtrail("job", "get", "@last").code == jobtrail("job", "get", "@failed").code == 5
    first, second = scene.start(), scene.start(queue="b")
    for fence in (second, first):
        scene.fail(fence)
    newest = scene.enqueue(queue="c")
    assert meant(jobtrail, "@failed") == str(second.job_id)
    assert meant(jobtrail, "@last") == str(newest)
    assert jobtrail.ok("job", "get", "-o", "json").data["job"]["id"] == str(newest)
