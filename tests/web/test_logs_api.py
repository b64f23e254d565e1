"""A log over HTTP: from the end, around a line, from a line on; a search over all of it; all of it as text."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from web.remote import Remote, enqueue

from jobtrail.core.errors import TooSlow
from jobtrail.store.pool import Database
from jobtrail.web import loglook

LINES = 1_200


@pytest.fixture
def log(http: httpx2.Client) -> Callable[..., httpx2.Response]:
    """Asks about a log of 1 200 lines in chunks of 100: each tenth is an error, each hundredth says `needle`."""
    id = enqueue(http)
    remote = Remote(http)
    job = remote.one()
    for start in range(1, LINES + 1, 100):
        lines = [
            {
                "message": f"\x1b[3{n % 8}mline {n}\x1b[0m" + (" Needle" if n % 100 == 0 else ""),
                "level": "ERROR" if n % 10 == 0 else "INFO",
                "source": "STDERR" if n % 10 == 0 else "STDOUT",
            }
            for n in range(start, start + 100)
        ]
        assert remote.tell(job, "logs", {"lines": lines}).status_code == 200

    def ask(what: str = "", **query: Any) -> httpx2.Response:
        return http.get(f"/api/v1/jobs/{id}/logs{what}", params=query)

    return ask


def numbers(answer: httpx2.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [line["number"] for line in answer.json()["items"]]


def test_the_last_lines_come_without_the_others(log: Callable[..., httpx2.Response]) -> None:
    assert numbers(log(tail=3)) == [1_198, 1_199, 1_200]
    assert numbers(log(tail=3, before_line=100)) == [97, 98, 99]
    assert numbers(log(tail=2, level="ERROR")) == [1_190, 1_200]
    assert numbers(log(tail=1_000, before_line=3)) == [1, 2]
    assert numbers(log(tail=2, text="NEEDLE", before_line=950)) == [800, 900]


def test_a_line_is_shown_with_those_around_it(log: Callable[..., httpx2.Response]) -> None:
    assert numbers(log(around=600, limit=5)) == [598, 599, 600, 601, 602]
    assert numbers(log(around=1, limit=4)) == [1, 2, 3, 4]
    assert numbers(log(around=600, limit=3, level="ERROR")) == [590, 600, 610]
    assert numbers(log(around=5_000, limit=4)) == [1_199, 1_200]


def test_pages_lead_through_the_whole_log(log: Callable[..., httpx2.Response]) -> None:
    seen: list[int] = []
    cursor: dict[str, str] = {}
    for _ in itertools.count():
        page = log(limit=500, **cursor)
        seen += numbers(page)
        if (further := page.json()["next_cursor"]) is None:
            break
        cursor = {"cursor": further}
    assert seen == list(range(1, LINES + 1))


def test_lines_are_chosen_by_level_and_source(log: Callable[..., httpx2.Response]) -> None:
    assert numbers(log(level="ERROR,FATAL", limit=3)) == [10, 20, 30]
    assert numbers(log(source="STDERR", from_line=11, limit=2)) == [20, 30]
    assert numbers(log(source="TOOL")) == []


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({"tail": 3, "from_line": 4}, "tail"),
        ({"around": 3, "tail": 4}, "around"),
        ({"before_line": 3}, "before_line"),
        ({"tail": 1_001}, "tail"),
    ],
)
def test_two_places_at_once_are_refused(log: Callable[..., httpx2.Response], query: dict[str, int], wrong: str) -> None:
    answer = log(**query)
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == [wrong]


def test_a_search_tells_where_a_text_stands_and_how_far_it_looked(log: Callable[..., httpx2.Response]) -> None:
    assert log("/search", text="needle").json() == {
        "count": 12,
        "capped": False,
        "lines": list(range(100, LINES + 1, 100)),
        "looked_to": LINES,
        "last_line": LINES,
        "complete": True,
    }
    some = log("/search", text="needle", limit=2).json()
    assert (some["count"], some["capped"], some["lines"], some["looked_to"]) == (2, True, [100, 200], 200)
    assert some["complete"] is False
    further = log("/search", text="needle", limit=2, from_line=some["looked_to"] + 1).json()
    assert further["lines"] == [300, 400]


def test_a_search_takes_the_filters_of_the_log(log: Callable[..., httpx2.Response]) -> None:
    assert log("/search", text="line 1", level="ERROR", limit=3).json()["lines"] == [10, 100, 110]
    assert log("/search", level="ERROR").json()["count"] == LINES // 10
    assert log("/search", text="31m").json()["count"] == 0, "what colours a line is no text of it"


def test_a_search_of_an_empty_log_is_complete(http: httpx2.Client) -> None:
    found = http.get(f"/api/v1/jobs/{enqueue(http)}/logs/search", params={"text": "x"}).json()
    assert found == {"count": 0, "capped": False, "lines": [], "looked_to": 0, "last_line": 0, "complete": True}


def test_a_look_that_takes_too_long_says_where_to_go_on(
    log: Callable[..., httpx2.Response], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loglook, "_FIRST_PIECE", 500)
    monkeypatch.setattr(loglook, "LOOK_SECONDS", 0.0)
    assert log("/search", text="needle").json() == {
        "count": 0, "capped": False, "lines": [], "looked_to": 0, "last_line": LINES, "complete": False,
    }  # fmt: skip
    page = log(text="needle").json()
    assert page["items"] == []
    assert page["next_cursor"] is not None


def test_what_the_database_cuts_short_is_asked_in_smaller_pieces(
    log: Callable[..., httpx2.Response], monkeypatch: pytest.MonkeyPatch
) -> None:
    read, asked = Database.arun, []

    async def slow(self: Database, work: Any, scope: Any) -> Any:
        if getattr(work, "name", "").startswith("reads/log_lines"):
            asked.append(work.params[3] - work.params[2])
            if asked[-1] > 600:
                raise TooSlow("too much at once")
        return await read(self, work, scope)

    monkeypatch.setattr(Database, "arun", slow)
    assert log("/search", text="needle").json()["count"] == 12
    assert min(asked) <= 600 < max(asked)
    assert numbers(log(text="needle", tail=2)) == [1_100, 1_200]


def test_the_whole_log_comes_as_text(log: Callable[..., httpx2.Response]) -> None:
    answer = log("/raw")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("inline;")
    lines = answer.text.splitlines()
    assert len(lines) == LINES
    assert (lines[0], lines[99]) == ("line 1", "line 100 Needle")


def test_the_text_of_a_log_is_as_it_was_asked_for(log: Callable[..., httpx2.Response]) -> None:
    assert log("/raw", from_line=3, to_line=4).text == "line 3\nline 4\n"
    assert log("/raw", from_line=1, to_line=1, colors=True).text == "\x1b[31mline 1\x1b[0m\n"
    assert log("/raw", level="ERROR", to_line=25, times=True).text.endswith("Z  ERROR  line 20\n")
    packed = log("/raw", gzip=True)
    assert packed.headers["content-type"] == "application/gzip"
    assert packed.headers["content-disposition"].startswith("attachment;")
    assert gzip.decompress(packed.content) == log("/raw").content
    assert log("/raw", from_line=5_000).text == ""


@pytest.mark.parametrize("what", ["", "/search", "/raw"])
def test_there_is_no_log_of_a_job_that_nobody_knows(http: httpx2.Client, what: str) -> None:
    assert http.get(f"/api/v1/jobs/019f0000-0000-7000-8000-000000000000/logs{what}").status_code == 404
