"""Log lines out of raw bytes: exact, whatever the bytes and however they were cut into chunks."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobtrail.process.lines import LIMIT, MARK, Line, LineSplitter, Source


def split(*chunks: bytes, limit: int = LIMIT) -> list[Line]:
    splitter = LineSplitter(Source.STDOUT, limit)
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    return lines + splitter.flush()


def texts(*chunks: bytes, limit: int = LIMIT) -> list[str]:
    return [line.text for line in split(*chunks, limit=limit)]


def by_the_book(data: bytes, limit: int) -> list[tuple[str, bool]]:
    """The rule again, slow and over the whole stream at once."""
    answer: list[tuple[str, bool]] = []
    lines = data.split(b"\n")
    for number, line in enumerate(lines):
        states = [state for state in line.split(b"\r") if state]
        if not states and number < len(lines) - 1:
            answer.append(("", False))
        for state in [state for state in states[:-1] if len(state) > limit] + states[-1:]:
            rest = state
            while len(rest) > limit:
                at = next((at for at in range(limit, limit - 4, -1) if rest[at] & 0xC0 != 0x80), limit)
                answer.append((rest[:at].decode("utf-8", "replace").replace("\0", "\ufffd"), True))
                rest = rest[at:]
            answer.append((rest.decode("utf-8", "replace").replace("\0", "\ufffd"), False))
    return answer


pieces = st.one_of(
    st.sampled_from(
        [b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xe2\x82", "€".encode(), "🦔".encode(), b"\x1b[31m", b"\x80" * 9]
    ),
    st.binary(max_size=12),
    st.text(max_size=12).map(str.encode),
)
streams = st.lists(pieces, max_size=25).map(b"".join)


@settings(max_examples=150, deadline=None)
@given(data=streams, cuts=st.lists(st.integers(0, 300), max_size=12), limit=st.sampled_from([4, 7, 16, LIMIT]))
def test_the_lines_do_not_depend_on_how_the_bytes_were_cut(data: bytes, cuts: list[int], limit: int) -> None:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    lines = split(*(data[a:b] for a, b in pairwise(edges)), limit=limit)
    assert [(line.text, line.more) for line in lines] == by_the_book(data, limit)


@settings(max_examples=100, deadline=None)
@given(data=streams)
def test_no_line_carries_what_the_database_would_refuse(data: bytes) -> None:
    for line in split(data, limit=16):
        assert "\0" not in line.text and "\n" not in line.text
        line.text.encode("utf-8")
        assert len(line.text) <= 16


def test_colours_stay_and_a_progress_bar_leaves_its_last_state() -> None:
    assert texts(b"\x1b[31mred\x1b[0m\n 1%\r50%\r", b"99%\r100%\r\ndone\r\n") == ["\x1b[31mred\x1b[0m", "100%", "done"]


def test_a_progress_bar_of_megabytes_without_a_line_end_takes_no_memory_and_one_line() -> None:
    splitter = LineSplitter(Source.STDERR)
    for percent in range(50_000):
        assert splitter.feed(b"%d frames encoded at a steady pace\r" % percent) == []
    assert splitter.flush() == [Line(Source.STDERR, "49999 frames encoded at a steady pace")]


def test_a_line_cut_into_parts_can_be_put_together_again() -> None:
    line = ("ü" * 40_000).encode()
    parts = split(line[:30_001], line[30_001:] + b"\nnext\n")
    assert [part.more for part in parts] == [True] * 4 + [False, False]
    assert "".join(part.text for part in parts[:5]).encode() == line
    assert all(len(part.text.encode()) <= LIMIT for part in parts)
    assert parts[0].shown.endswith(MARK) and parts[4].shown == parts[4].text


def test_invalid_bytes_and_nul_become_the_replacement_character() -> None:
    assert texts(b"a\xff\0b\xe2\x82\n\xc3", b"\xa9\n") == ["a\ufffd\ufffdb\ufffd", "é"]


def test_the_last_line_needs_no_line_end_and_only_line_ends_split() -> None:
    assert texts(b"a\x0bb\xe2\x80\xa8c\n\nlast") == ["a\x0bb\u2028c", "", "last"]
    assert texts(b"") == texts(b"\r\r") == []


def test_a_limit_without_room_for_a_character_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 4 bytes"):
        LineSplitter(Source.STDOUT, 3)
