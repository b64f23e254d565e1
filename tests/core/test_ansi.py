"""What programs print for terminals becomes spans: their text is the text without escapes, and nothing in them is markup."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobtrail.core import ansi
from jobtrail.core.ansi import Span

NAMES = re.compile(r"ansi-(?:(?:fg|bg)-(?:[0-9]{1,3}|ink|paper)|bold|dim|italic|underline|strike)")
PIECES = st.sampled_from(
    ["\x1b", "\x1b[", "\x9b", "\x1b]8;;", "\x1b]0;title", "\x1b\\", "\x07", "\x9c", "\x1bP", "\x9d", "m", "K", ";", ":",
     "31", "38;5;196", "48;2;1;2;3", "0", "\r", "\n", "\r\n", "\t", "\b", "http://", "https://a.example/b?c=d", " ",
     "javascript:alert(1)", "<b>", "&amp;", '"', "'", ")", ".", "é", "\u202e", "\x00", "\x7f"]
)  # fmt: skip
PRINTED = st.lists(PIECES | st.text(max_size=4), max_size=40).map("".join)
WORDS = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=30)


@given(PRINTED)
@example("\x1b[31")
@example("\x1b]8;;https://a.example\x07text")
@example("a\r\x1b[2K\rb")
def test_nothing_that_drives_a_terminal_is_left(text: str) -> None:
    shown = ansi.shown(text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown.text)
    assert shown.text == ansi.plain(text)
    assert all(span.text for span in shown.spans)


@given(st.lists(st.tuples(WORDS, st.integers(0, 120)), max_size=10))
def test_the_text_of_the_spans_is_the_text_without_the_escapes(parts: list[tuple[str, int]]) -> None:
    printed = "".join(f"\x1b[{code}m{word}" for word, code in parts)
    assert ansi.shown(printed).text == "".join(word for word, _ in parts)


@given(WORDS)
def test_a_text_without_escapes_stays_as_it_is(text: str) -> None:
    assert ansi.plain(text) == text
    assert ansi.shown(text).text == text


@given(PRINTED)
def test_classes_come_from_a_short_list_and_links_lead_to_the_web_only(text: str) -> None:
    for span in ansi.shown(text).spans:
        assert all(NAMES.fullmatch(name) for name in span.classes.split())
        if span.href is not None:
            assert re.match(r"https?://[^\s]", span.href, re.IGNORECASE)
            assert span.href.isprintable()


@given(st.lists(WORDS.filter(bool), min_size=1, max_size=60))
def test_of_what_was_drawn_over_only_the_last_state_stays(states: list[str]) -> None:
    shown = ansi.shown("\r".join(states), links=False)
    assert (shown.text, shown.folded) == (states[-1], len(states) - 1)
    assert ansi.plain("\r".join(states) + "\r") == states[-1]
    assert ansi.plain("first\r\n" + "\r".join(states)) == f"first\n{states[-1]}"


def test_a_colour_that_was_set_before_a_line_was_drawn_over_holds_on() -> None:
    assert ansi.shown("\x1b[32m10%\r20%").spans == (Span("20%", "ansi-fg-2"),)


@pytest.mark.parametrize(
    ("codes", "classes"),
    [
        ("31", "ansi-fg-1"),
        ("97;44", "ansi-fg-15 ansi-bg-4"),
        ("1;2;3;4;9", "ansi-bold ansi-dim ansi-italic ansi-underline ansi-strike"),
        ("38;5;208", "ansi-fg-208"),
        ("48;5;999", "ansi-bg-255"),
        ("38;2;255;0;0", "ansi-fg-196"),
        ("38:2::255:0:0", "ansi-fg-196"),
        ("38:2:255:0:0", "ansi-fg-196"),
        ("58;5;1;31", "ansi-fg-1"),
        ("4:3", "ansi-underline"),
        ("4;4:0", ""),
        ("31;7", "ansi-fg-paper ansi-bg-1"),
        ("7", "ansi-fg-paper ansi-bg-ink"),
        ("31;39", ""),
        ("41;49", ""),
        ("31;0", ""),
        ("31;", ""),
        ("8", ""),
        ("1;22", ""),
        ("?31", ""),
    ],
)
def test_colours_become_classes(codes: str, classes: str) -> None:
    assert ansi.shown(f"\x1b[{codes}mx").spans == (Span("x", classes),)


def test_of_the_true_colours_the_nearest_of_256_is_taken() -> None:
    for index in range(16, 232):
        at = index - 16
        steps = (0, 95, 135, 175, 215, 255)
        assert ansi.nearest(steps[at // 36], steps[at // 6 % 6], steps[at % 6]) == index
    assert ansi.nearest(18, 18, 18) == 233


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("see https://a.example/b.", "https://a.example/b"),
        ("(https://a.example/b)", "https://a.example/b"),
        ("https://a.example/b_(c)", "https://a.example/b_(c)"),
        ("<https://a.example/?q=1&r=2>", "https://a.example/?q=1&r=2"),
        ("HTTP://A.example", "HTTP://A.example"),
        ("https://a.exa\x1b[31mmple/b", "https://a.example/b"),
        ("\x1b]8;id=1;https://a.example/x\x1b\\here\x1b]8;;\x1b\\ not", "https://a.example/x"),
        ("javascript:alert(1)", None),
        ("\x1b]8;;javascript:alert(1)\x07here\x1b]8;;\x07", None),
        ("\x1b]8;;file:///etc/passwd\x07here\x1b]8;;\x07", None),
        ("\x1b]8;;https:\x07here\x1b]8;;\x07", None),
        ("https://", None),
        ("https://[nonsense", None),
        ("https://a.example/" + "x" * 2_000, None),
    ],
)
def test_addresses_become_links(text: str, link: str | None) -> None:
    found = {span.href for span in ansi.shown(text).spans if span.href}
    assert found == ({link} if link else set())


def test_a_link_ends_where_the_program_ended_it() -> None:
    first, second = ansi.shown("\x1b]8;;https://a.example/\x07here\x1b]8;;\x07 there").spans
    assert first == Span("here", "", "https://a.example/")
    assert second == Span(" there")


@pytest.mark.parametrize(
    "piece", ["\x1b]", "\x9d", "\x1bP", "\x90", "\x1b[", "\x1b[31mhttps://a.b/) ", "\r", "https://a.b/))"]
)
def test_a_long_line_of_nothing_but_pieces_of_escapes_is_read_to_its_end(piece: str) -> None:
    assert len(ansi.shown(piece * 4_000).text) <= len(piece) * 4_000


def test_a_line_of_nothing_but_looks_is_drawn_in_few_parts() -> None:
    loud = "".join(f"\x1b[3{number % 8}m{number % 10}" for number in range(4_000))
    found = ansi.shown(loud)
    assert len(found.spans) <= ansi.MOST_LOOKS + 1
    assert found.text == "".join(str(number % 10) for number in range(4_000))


def test_a_line_of_nothing_but_addresses_has_few_links() -> None:
    found = ansi.shown("https://a.example " * 1_000)
    assert sum(span.href is not None for span in found.spans) == ansi.MOST_LINKS
    assert found.text == "https://a.example " * 1_000
