"""Lines of a log are found by number, from both ends, by attempt, step, level and source, and by their text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scene import Scene, ids

from jobtrail.core.fence import Fence
from jobtrail.core.loglines import Extent, holds, line_of
from jobtrail.core.status import LogLevel, LogSource
from jobtrail.runners.protocol import LogLine
from jobtrail.service import logs
from jobtrail.service.logs import EVERY_LINE, Wanted
from jobtrail.worker.journal import Book, chunks_of, written

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
PIECES = st.sampled_from(
    ["Error", "error", "%", "_", "\\", '"', "'", "\n", "\t", "\x1b[31m", "ß", "É", "\u2028", "{", "a"]
)
MESSAGES = st.lists(st.lists(PIECES, max_size=6).map("".join) | ANY_TEXT, min_size=1, max_size=12)


def write(
    scene: Scene, fence: Fence, *lines: LogLine, book: Book | None = None, step: Any = None, since: datetime = NOON
) -> Book:
    """Lines as a worker stores them, a tenth of a second apart, in chunks of three."""
    book = book or Book(fence)
    for at in range(0, len(lines), 3):
        rows = [
            written(line, step, lambda text: text, since + timedelta(seconds=0.1 * (book.next_line + n)))
            for n, line in enumerate(lines[at : at + 3])
        ]
        assert scene.do(logs.append(chunks_of(book, rows))) == {fence.attempt_id}
    return book


def said(*texts: str, level: LogLevel = LogLevel.INFO, source: LogSource = LogSource.STDOUT) -> list[LogLine]:
    """Plain lines."""
    return [LogLine(text, level, source) for text in texts]


def found(scene: Scene, fence: Fence, first: int = 1, end: int = 1_000, limit: int = 1_000, **wanted: Any) -> list[int]:
    """The numbers of the lines that fit, read from both ends."""
    which = Wanted(**wanted)
    ask = {"first": first, "end": end, "limit": limit}
    forth = [line.number for line in scene.do(logs.lines(scene.workspace, fence.job_id, which, **ask))]
    ask["limit"] = 1_000
    back = [line.number for line in scene.do(logs.lines_back(scene.workspace, fence.job_id, which, **ask))]
    assert back[::-1][:limit] == forth
    return forth


@pytest.fixture
def fence(scene: Scene) -> Fence:
    return scene.start()


def test_a_window_begins_and_ends_in_the_middle_of_chunks(scene: Scene, fence: Fence) -> None:
    write(scene, fence, *said(*(f"line {n}" for n in range(1, 21))))
    assert found(scene, fence, 5, 9) == [5, 6, 7, 8]
    assert found(scene, fence, 5, 9, limit=2) == [5, 6]
    assert found(scene, fence, 20, 90) == [20]
    assert found(scene, fence, 21, 90) == []
    last = scene.do(logs.lines_back(scene.workspace, fence.job_id, EVERY_LINE, first=1, end=21, limit=2))
    assert [line_of(line).message for line in last] == ["line 20", "line 19"]


def test_the_last_lines_that_fit_are_found_however_far_back_they_are(scene: Scene, fence: Fence) -> None:
    many = [*said("a", level=LogLevel.ERROR), *said(*(f"line {n}" for n in range(1_500)))]
    rows = [written(line, None, lambda text: text, NOON) for line in many]
    scene.do(logs.append(chunks_of(Book(fence), rows)))

    def last(count: int, **wanted: Any) -> list[int]:
        return [line.number for line in scene.do(logs.last(scene.workspace, fence.job_id, Wanted(**wanted), count))]

    assert last(2) == [1_500, 1_501]
    assert last(2, levels=(LogLevel.ERROR,)) == [1]
    assert last(0) == []
    assert len(last(5_000)) == 1_501


def test_the_extent_of_a_log_is_known_without_reading_it(scene: Scene, fence: Fence) -> None:
    assert scene.do(logs.extent(scene.workspace, fence.job_id)) == Extent(1, 1)
    write(scene, fence, *said("a", "b", "c", "d"))
    assert scene.do(logs.extent(scene.workspace, fence.job_id)) == Extent(1, 5)
    assert scene.do(logs.next_line(scene.workspace, fence.job_id)) == 5
    assert scene.do(logs.extent(scene.workspace, ids.new())) == Extent(1, 1)


def test_lines_are_chosen_by_attempt_step_level_and_source(scene: Scene, fence: Fence) -> None:
    step = scene.step(fence, "render")
    book = write(scene, fence, *said("a", "b"), *said("c", level=LogLevel.ERROR, source=LogSource.STDERR))
    write(scene, fence, *said("d"), *said("e", level=LogLevel.ERROR), book=book, step=step)
    assert found(scene, fence, levels=(LogLevel.ERROR, LogLevel.FATAL)) == [3, 5]
    assert found(scene, fence, levels=(LogLevel.WARN,)) == []
    assert found(scene, fence, sources=(LogSource.STDERR,)) == [3]
    assert found(scene, fence, step_id=step) == [4, 5]
    assert found(scene, fence, attempt_id=fence.attempt_id, step_id=step, levels=(LogLevel.ERROR,)) == [5]
    assert found(scene, fence, attempt_id=ids.new()) == []


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("psnr", [1, 2]),
        ("PSNR below", [1]),
        ("100%", [3]),
        ("%_", [3]),
        ('"quoted"', [4]),
        ("a\\b", [4]),
        ("two\nlines", [5]),
        ("level", []),
        ("STDOUT", []),
        ("2026-05", []),
        ("message", []),
        ("rows", [6]),
        ("1204", [6]),
        ("ffmpeg", [6]),
        ("é", [7]),
        ("frame 7", [8]),
        ("31m", []),
    ],
)
def test_a_text_is_found_where_people_see_it_and_nowhere_else(
    scene: Scene, fence: Fence, text: str, numbers: list[int]
) -> None:
    beside = LogLine("wrote", component="ffmpeg", details={"rows": 1204})
    lines = ["psnr below target", "the Psnr", "100%_done", 'it said "quoted" a\\b', "two\nlines"]
    write(scene, fence, *said(*lines), beside, *said("caf\u00e9", "\x1b[31mframe 7\x1b[0m"))
    rows = scene.do(logs.lines(scene.workspace, fence.job_id, Wanted(text=text), first=1, end=100, limit=100))
    assert [line.number for line in map(line_of, rows) if holds(line, text)] == numbers


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MESSAGES, ANY_TEXT.filter(bool) | PIECES)
@example(["A"], "a")
@example(["x\\u001b", "\x1b"], "\\u001b")
def test_the_database_misses_no_line_that_has_the_text(scene: Scene, messages: list[str], text: str) -> None:
    """What Python finds letter by letter, the database has answered, whatever the letters mean in JSON or in a pattern."""
    fence = scene.start()
    write(scene, fence, *said(*messages))
    rows = scene.do(logs.lines(scene.workspace, fence.job_id, Wanted(text=text), first=1, end=100, limit=100))
    answered = {line.number for line in rows}
    assert {number for number, message in enumerate(messages, 1) if text in message} <= answered
    scene.complete(fence)


def test_the_last_line_by_a_time_is_found_between_the_lines_of_a_chunk(scene: Scene, fence: Fence) -> None:
    begun = datetime.now(UTC) - timedelta(seconds=5)
    write(scene, fence, *said(*"abcdefgh"), since=begun)

    def line_at(seconds: float) -> int | None:
        return scene.do(logs.line_at(scene.workspace, fence.job_id, begun + timedelta(seconds=seconds)))

    assert [line_at(0.05), line_at(0.1), line_at(0.45), line_at(0.8), line_at(1_000)] == [None, 1, 4, 8, 8]
    assert scene.do(logs.line_at(scene.workspace, ids.new(), begun)) is None
