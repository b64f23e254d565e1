"""What is written on a stream stays in its frame, and a cursor means the same after its way through a header."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from web.live.listening import frames_in

from jobtrail.service.streams import Chunk
from jobtrail.web.live import frame
from jobtrail.web.live.cursor import Cursor, read_cursor

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("break_", ["\n", "\r", "\r\n", "\n\n", "\r\r", " \n \n "])
def test_no_text_breaks_out_of_its_frame(break_: str) -> None:
    text = frame.framed(f"a{break_}b", f'["x",{break_}"y"]'.encode(), f"1{break_}2")
    found, rest = frames_in(text)
    assert (len(found), rest, b"\r" in text) == (1, b"", False)
    assert found[0].data == ["x", "y"]
    assert "\n" not in found[0].event + (found[0].id or "")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"message": "a\\nb", "level": "INFO"}', {"message": "a\nb", "level": "INFO"}),
        ('{"message": "\u2028\x85"}', {"message": "\u2028\x85"}),
        ("{}", {"message": "{}"}),
        ("no JSON", {"message": "no JSON"}),
        ("", {"message": ""}),
    ],
)
def test_a_log_line_keeps_its_fields_and_gets_its_number(line: str, told: dict[str, str]) -> None:
    job, attempt = uuid4(), uuid4()
    chunk = Chunk(uuid4(), job, 7, 2, attempt, None, AT, f'{{"message":"first"}}\n{line}')
    found, _ = frames_in(b"".join(frame.log_lines(chunk)))
    assert found[1].data == {"job_id": str(job), "number": 8, "attempt_id": str(attempt), "step_id": None, **told}
    assert [each.event for each in found] == ["log", "log"]


def test_a_cursor_fits_a_header_and_comes_back_as_it_was() -> None:
    cursor = Cursor("00ff10aa", ((1 << 62) + 5, uuid4(), (1 << 31) - 1), AT)
    text = cursor.text()
    assert (len(text), text.isascii(), set(text) & set(" \r\n,;")) == (48, True, set())
    assert read_cursor(text) == read_cursor(f" {text} ") == cursor


def test_numbers_that_the_database_could_not_read_are_no_cursor() -> None:
    good = Cursor("00ff10aa", (5, uuid4(), 5), AT)
    assert read_cursor(good._replace(place=((1 << 64) - 1, uuid4(), 5)).text()) is None
    assert read_cursor(good._replace(place=(5, uuid4(), (1 << 32) - 1)).text()) is None
