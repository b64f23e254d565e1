"""Crashes of a worker, outages of a server, answers that never came: one render, and nothing declared lost too early."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
from nexrender.bed import Meanwhile, RenderBed, RenderDesk
from nexrender.fake_worker import FakeWorker
from nexrender.imitation import Imitation
from runners.pipelines import done, failed

from jobtrail.core.status import LogLevel


def rendered(node: FakeWorker, bed: RenderBed) -> Meanwhile:
    """A node that renders as soon as something is queued."""

    async def meanwhile(desk: RenderDesk) -> None:
        await desk.until(lambda: "queued" in desk.stages)
        await asyncio.to_thread(node.pick_up)
        await asyncio.to_thread(node.finish, bed.output)

    return meanwhile


def warned(desk: RenderDesk, about: str) -> bool:
    return any(about in line.message for _, line in desk.lines if line.level is LogLevel.WARN)


def first_post(then: tuple[int, bytes] | bool) -> Callable[[str, str], tuple[int, bytes] | bool | None]:
    """The first POST is answered like this; True: it is done, and the answer is lost."""
    left = [then]
    return lambda method, _: left.pop() if method == "POST" and left else None


def test_a_crash_after_the_render_was_handed_in_leaves_one_render(bed: RenderBed, node: FakeWorker) -> None:
    async def at_hand_in(desk: RenderDesk) -> None:
        await asyncio.to_thread(bed.server.until, lambda: bed.server.rows)

    bed.crashes(at_hand_in)
    done(bed.attempt(rendered(node, bed)))
    assert len(bed.server.rows) == 1
    assert bed.server.count("POST") == 1


def test_a_crash_while_a_node_renders_changes_nothing(bed: RenderBed, node: FakeWorker) -> None:
    async def while_rendering(desk: RenderDesk) -> None:
        await desk.until(lambda: "queued" in desk.stages)
        await asyncio.to_thread(node.pick_up)
        await asyncio.to_thread(node.reach, "render:dorender", 30)
        await desk.until(lambda: "rendering" in desk.stages)

    bed.crashes(while_rendering)

    async def finishes(desk: RenderDesk) -> None:
        await desk.until(lambda: "rendering" in desk.stages)
        await asyncio.to_thread(node.finish, bed.output)

    done(bed.attempt(finishes))
    assert bed.server.count("POST") == 1
    assert set(bed.sessions) == {f"{bed.memory.job_id}-1"}
    assert any("which an earlier attempt handed in" in line for line in bed.desk.printed())


def test_a_crash_after_the_output_was_kept_keeps_it_once(bed: RenderBed, node: FakeWorker) -> None:
    outcome = done(bed.attempt(rendered(node, bed)))
    first = bed.desk.kept
    again = done(bed.attempt())  # as if the end had not been written
    assert len(first) == 1
    assert bed.desk.kept == []
    assert isinstance(again.output, dict) and isinstance(outcome.output, dict)
    assert again.output["output"] == outcome.output["output"]


def test_a_hand_in_whose_answer_is_lost_is_not_sent_twice(bed: RenderBed, node: FakeWorker) -> None:
    bed.server.answer = first_post(True)
    done(bed.attempt(rendered(node, bed)))
    assert len(bed.server.rows) == 1
    assert bed.server.count("POST") == 1
    assert warned(bed.desk, "nobody knows whether the render was handed in")


def test_a_hand_in_that_was_not_taken_is_sent_again(bed: RenderBed, node: FakeWorker) -> None:
    bed.server.answer = first_post((503, b"Bad Gateway"))
    done(bed.attempt(rendered(node, bed)))
    assert len(bed.server.rows) == 1
    assert bed.server.count("POST") == 2


def test_a_document_that_arrives_twice_after_all_is_taken_out_once(bed: RenderBed, node: FakeWorker) -> None:
    posts = 0

    def late(method: str, path: str) -> tuple[int, bytes] | None:
        nonlocal posts
        if method != "POST":
            return None
        posts += 1
        if posts == 1:
            return 504, b"Gateway Timeout"  # it arrives only when the second one does
        document = {**bed.input["document"], "uid": bed.uid}
        bed.server.serve("POST", "/jobs", None, json.dumps(document).encode())
        return None

    bed.server.answer = late

    async def meanwhile(desk: RenderDesk) -> None:
        await desk.until(lambda: "queued" in desk.stages)
        assert len(bed.server.rows) == 1
        await asyncio.to_thread(node.pick_up)
        await asyncio.to_thread(node.finish, bed.output)

    done(bed.attempt(meanwhile))
    assert warned(bed.desk, "arrived twice")


def test_what_a_lost_worker_had_still_on_its_way_is_taken_out(bed: RenderBed, node: FakeWorker) -> None:
    """The worker of the first attempt is cut off while it hands in; the render arrives together with the second's."""
    bed.number = 1

    def late(method: str, path: str) -> tuple[int, bytes] | None:
        if method == "POST":
            bed.server.serve("POST", "/jobs", None, json.dumps({**bed.input["document"], "uid": bed.uid}).encode())
        return None

    bed.server.answer = late
    done(bed.attempt(rendered(node, bed)))
    assert len(bed.server.rows) == 1


def test_a_server_that_is_away_for_a_while_is_waited_for(bed: RenderBed, node: FakeWorker) -> None:
    async def meanwhile(desk: RenderDesk) -> None:
        await desk.until(lambda: "queued" in desk.stages)
        bed.server.away = True
        await desk.until(lambda: warned(desk, "the render server is away"))
        signs = desk.signs_of_life
        await asyncio.sleep(0)
        assert desk.signs_of_life == signs  # an idle timeout counts on
        bed.server.away = False
        await asyncio.to_thread(node.pick_up)
        await asyncio.to_thread(node.finish, bed.output)

    done(bed.attempt(meanwhile))
    assert any("answers again" in line for line in bed.desk.printed())
    assert bed.server.count("POST") == 1


def test_a_server_that_stays_away_fails_the_attempt_and_the_next_finds_the_same_render(
    bed: RenderBed, node: FakeWorker
) -> None:
    time = [0.0]

    async def goes(desk: RenderDesk) -> None:
        await desk.until(lambda: "queued" in desk.stages)
        bed.server.away = True
        await desk.until(lambda: warned(desk, "the render server is away"))
        time[0] = 15 * 60

    outcome = failed(bed.attempt(goes, now=lambda: time[0]))
    assert (outcome.code, outcome.final) == ("server_unreachable", False)
    bed.server.away = False
    done(bed.attempt(rendered(node, bed)))
    assert bed.server.count("POST") == 1


def test_a_render_that_the_server_has_lost_is_handed_in_once_more(bed: RenderBed, node: FakeWorker) -> None:
    async def meanwhile(desk: RenderDesk) -> None:
        await desk.until(lambda: "queued" in desk.stages)
        bed.server.rows.clear()
        await desk.until(lambda: warned(desk, "the server has lost the render"))
        await asyncio.to_thread(bed.server.until, lambda: bed.server.rows)
        await asyncio.to_thread(node.pick_up)
        await asyncio.to_thread(node.finish, bed.output)

    done(bed.attempt(meanwhile))
    assert bed.server.count("POST") == 2
    assert bed.server.only()["uid"] == bed.uid


def test_a_render_that_is_lost_again_fails(bed: RenderBed) -> None:
    async def meanwhile(desk: RenderDesk) -> None:
        await desk.until(lambda: "queued" in desk.stages)
        for _ in range(2):
            await asyncio.to_thread(bed.server.until, lambda: bed.server.rows)
            bed.server.rows.clear()

    outcome = failed(bed.attempt(meanwhile))
    assert outcome.code == "render_lost"
    assert bed.server.count("POST") == 2


ODD_ANSWERS = [
    (500, b"Internal Server Error"),
    (502, b"<html>Bad Gateway</html>"),
    (200, b"<html>maintenance</html>"),
    (200, b'{"uid": "x"'),
    (200, b"[]"),
    (204, b""),
    (403, b"Wrong or no authentication secret provided."),
    (404, b"not found"),
]


@pytest.mark.parametrize("odd", ODD_ANSWERS)
def test_an_odd_answer_is_no_news_of_the_render(
    server: Imitation, bed: RenderBed, node: FakeWorker, odd: tuple[int, bytes]
) -> None:
    """As of a proxy before a server that is starting: it answers everything like this, health too."""

    async def meanwhile(desk: RenderDesk) -> None:
        await desk.until(lambda: "queued" in desk.stages)
        server.answer = lambda _, __: odd
        await desk.until(lambda: warned(desk, "the render server is away"))
        server.answer = lambda _, __: None
        await asyncio.to_thread(node.pick_up)
        await asyncio.to_thread(node.finish, bed.output)

    done(bed.attempt(meanwhile))
    assert server.count("POST") == 1


def test_a_status_in_trouble_is_read_from_the_render_itself(bed: RenderBed, node: FakeWorker) -> None:
    bed.server.answer = lambda _, path: (500, b"oops") if path.endswith("/status") else None
    done(bed.attempt(rendered(node, bed)))
    assert bed.server.count("POST") == 1
