"""The page of a job's log: where it opens, what it shows of a line, and how its reader gets about in it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from contextlib import closing
from functools import partial
from importlib.resources import files
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from pages.browser import PATIENCE_MS, Heard
from pages.conftest import Ui
from playwright.sync_api import Page, Route, expect
from web.remote import Remote, enqueue

from jobtrail.client import DEFAULT_WORKSPACE
from jobtrail.store.db import Scope, run
from jobtrail.web.pages.logs import last_lines
from jobtrail.web.runtime import Call

LOGS = re.compile("/logs")
LONG = 3_000
TRACEBACK = "Traceback (most recent call last):\n" + "\n".join(f"  frame {n}" for n in range(12)) + "\nValueError: no"


class Writing:
    """A job that runs in a queue of its own, and whoever writes its log."""

    def __init__(self, ui: Ui, queue: str) -> None:
        self.ui, self.http = ui, ui.served.client("")
        self.id = enqueue(self.http, queue=queue, title=f"log of {queue}")
        self.remote = Remote(self.http, queues=[queue], lease_seconds=300)
        (self.job,) = self.remote.claim(queues=[queue])

    def tell(self, what: str, said: Any) -> Any:
        answer = self.remote.tell(self.job, what, said)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def write(self, lines: Iterable[Any], step: str | None = None) -> None:
        """Lines, a hundred at a time."""
        rows = list(lines)
        for at in range(0, len(rows), 100):
            self.tell("logs", {"lines": rows[at : at + 100], "step_id": step})

    def at(self, query: str = "") -> str:
        """The address of its log."""
        return self.ui.at(f"/jobs/{self.id}/logs{query}")

    def page(self, query: str = "", **headers: str) -> str:
        """The page, or the parts of it that the headers ask for."""
        answer = self.http.get(self.at(query), headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.fixture
def log(ui: Ui) -> Writing:
    return Writing(ui, "of-a-log")


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r'data-n="(\d+)"', text)]


def frames(count: int) -> Iterable[dict[str, str]]:
    for n in range(1, count + 1):
        level = "ERROR" if n % 1_000 == 500 else "WARN" if n % 100 == 0 else "INFO"
        yield {"message": f"frame {n}" + (" needle" if n % 700 == 0 else ""), "level": level, "source": "STDOUT"}


def test_a_running_job_opens_at_the_end_and_is_followed(log: Writing) -> None:
    log.write(frames(450))
    text = log.page()
    assert numbers(text) == list(range(251, 451))
    assert 'data-follows="yes"' in text


def test_a_completed_job_opens_at_the_start(log: Writing) -> None:
    log.write(frames(450))
    log.tell("complete", {})
    text = log.page()
    assert numbers(text) == list(range(1, 201))
    assert 'data-follows=""' in text


def test_a_failed_job_opens_at_the_first_error_of_the_step_that_failed(log: Writing) -> None:
    log.write([{"message": "an error before it", "level": "ERROR"}])
    step = log.tell("steps", {"name": "upload"})["step_id"]
    log.write(frames(480), step)
    log.write([{"message": TRACEBACK, "level": "ERROR"}, "later"], step)
    log.tell(f"steps/{step}/finish", {"status": "FAILED", "error": "no"})
    log.tell("fail", {"message": "no", "retry": False})
    text = log.page()
    assert 'data-target="482"' in text
    assert 482 in numbers(text)
    assert 2 not in numbers(text)
    assert "upload" in text


def test_a_window_is_asked_for_alone(log: Writing) -> None:
    log.write(frames(300))
    text = log.page("?first=120&limit=10", **{"Jobtrail-Region": "lines"})
    assert numbers(text) == list(range(120, 130))
    assert "<h1" not in text
    assert 'data-first="120" data-end="130" data-from="1" data-next="301"' in text
    assert numbers(log.page("?before=120&limit=3", **{"Jobtrail-Region": "lines"})) == [117, 118, 119]
    assert numbers(log.page("?level=WARN", **{"Jobtrail-Region": "lines"})) == [100, 200, 300]


def test_the_head_is_read_anew_without_the_lines(log: Writing) -> None:
    log.write(frames(10))
    text = log.page(**{"Jobtrail-Region": "head"})
    assert "log of of-a-log" in text
    assert numbers(text) == []
    assert numbers(log.page(**{"Jobtrail-Region": "head tab"})) == list(range(1, 11))


def test_lines_are_shown_as_they_were_meant_and_never_as_markup(log: Writing) -> None:
    log.write([
        {"message": "\x1b[31m<script>alert(1)</script>\x1b[0m https://a.example/?x=1&y=2"},
        {"message": "1 %\r2 %\r3 %"},
        {"message": TRACEBACK, "level": "ERROR"},
        {"message": "x" * 5_000},
        {"message": "wrote", "details": {"rows": 1204}, "component": "db"},
        {"message": "\x1b]8;;javascript:alert(1)\x07click\x1b]8;;\x07"},
    ])  # fmt: skip
    text = log.page()
    assert '<span class="ansi-fg-1">&lt;script&gt;alert(1)&lt;/script&gt;</span>' in text
    link = '<a href="https://a.example/?x=1&amp;y=2" target="_blank" rel="noopener noreferrer"'
    assert link in text
    assert "3 %" in text
    assert "1 %" not in text
    assert "2 updates folded" in text
    assert "+ 6 lines" in text
    assert "+ 2.9 KiB" in text
    assert '<span class="fact-name">rows</span>=1204' in text
    assert '<span class="fact-name">component</span>=db' in text
    assert "javascript:" not in text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?level=LOUD", 422),
        ("?line=0", 422),
        ("?line=a", 422),
        ("?attempt=7", 404),
        ("?limit=501", 422),
        ("?line=99999", 200),
    ],
)
def test_what_is_asked_for_is_checked(log: Writing, query: str, status: int) -> None:
    log.write(frames(3))
    assert log.http.get(log.at(query)).status_code == status


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "Nothing was written yet"),
        ("?level=ERROR", "No line fits"),
        ("?at=2020-01-01T00:00:00Z", "Nothing was written by then"),
    ],
)
def test_an_empty_log_says_why(log: Writing, query: str, words: str) -> None:
    assert words in log.page(query)


def test_as_of_a_time_only_what_was_written_by_then_is_shown(log: Writing) -> None:
    log.write(frames(5))
    last = log.http.get(f"/api/v1/jobs/{log.id}/logs", params={"tail": 1}).json()["items"][0]
    log.write([{"message": "later", "at": "2126-01-01T00:00:00Z"}])
    assert numbers(log.page(f"?at={last['at'].replace('+00:00', 'Z')}")) == [1, 2, 3, 4, 5]
    assert numbers(log.page(f"?at={last['at'].replace('+00:00', 'Z')}", **{"Jobtrail-Region": "lines"})) == [
        1,
        2,
        3,
        4,
        5,
    ]


def test_the_last_lines_of_a_step_are_there_for_other_pages(log: Writing) -> None:
    step = log.tell("steps", {"name": "upload"})["step_id"]
    log.write(frames(30), step)
    log.write(["after it"])
    call = cast(Call, SimpleNamespace(workspace=DEFAULT_WORKSPACE, read=partial(read, log)))
    found = asyncio.run(last_lines(call, UUID(log.id), 3, step_id=UUID(step)))
    assert [(row.number, row.spans[0].text) for row in found] == [(28, "frame 28"), (29, "frame 29"), (30, "frame 30")]


async def read(log: Writing, work: Any) -> Any:
    with closing(log.ui.served.database.connect()) as conn:
        return run(conn, work, Scope.of(DEFAULT_WORKSPACE))


def test_each_colour_that_a_line_may_have_is_in_the_style_sheet() -> None:
    rules = (files("jobtrail.web") / "static/css/ansi.css").read_text()
    kinds = ("fg", "bg")
    wanted = {f".ansi-{kind}-{colour} " for kind in kinds for colour in range(256)}
    wanted |= {".ansi-fg-paper ", ".ansi-bg-ink ", ".ansi-bold ", ".ansi-italic ", ".ansi-underline ", ".ansi-strike "}
    assert {rule for rule in wanted if rule not in rules} == set()


# In a browser.


def opened(browser_page: Page, log: Writing, query: str = "") -> Page:
    browser_page.goto(log.at(query))
    expect(browser_page.locator("#pill-text")).to_have_text("● live")
    return browser_page


def in_view(page: Page, line: int) -> None:
    """Waits until a line stands in the part of the box that is seen."""
    page.wait_for_function(
        """(line) => { const row = document.getElementById("L" + line); if (!row) return false;
        const [a, b] = [row.getBoundingClientRect(), document.getElementById("log").getBoundingClientRect()];
        return a.top >= b.top - 1 && a.top < b.bottom; }""",
        arg=line,
    )


def test_the_end_is_followed_until_the_reader_scrolls_up(browser_page: Page, log: Writing) -> None:
    log.write(frames(300))
    page = opened(browser_page, log)
    in_view(page, 300)
    log.write([{"message": "one more"}])
    in_view(page, 301)
    page.locator("#log").hover()
    page.mouse.wheel(0, -600)
    expect(page.locator("#log-follow")).to_have_attribute("aria-pressed", "false")
    log.write([{"message": "two more"}, {"message": "three more"}])
    expect(page.locator("#log-new")).to_have_text("↓ 2 new lines (follow)")
    page.locator("#log-new").click()
    in_view(page, 303)
    expect(page.locator("#log-follow")).to_have_attribute("aria-pressed", "true")


def test_what_ends_is_followed_to_its_last_line(browser_page: Page, log: Writing) -> None:
    log.write(frames(30))
    page = opened(browser_page, log)
    in_view(page, 30)
    log.write([{"message": "the last words"}])
    log.tell("complete", {})
    in_view(page, 31)
    expect(page.locator("#log-follow")).to_be_disabled()


def test_the_last_lines_come_after_the_server_was_away_too(browser_page: Page, heard: Heard, log: Writing) -> None:
    heard.excuse("ERR_FAILED")
    log.write(frames(20))
    page = opened(browser_page, log)

    def away(route: Route) -> None:
        """The lines cannot be asked for; all else can."""
        if route.request.headers.get("jobtrail-region") == "lines":
            route.abort()
        else:
            route.continue_()

    page.route(LOGS, away)
    log.write([{"message": "the very last", "level": "INFO", "source": "STDOUT"}])
    log.tell("complete", {})
    expect(page.locator("#head")).to_have_attribute("data-status", "COMPLETED")
    expect(page.locator("#log-note")).to_contain_text("What is here is kept")
    page.unroute(LOGS, away)
    expect(page.locator("#log-blocks")).to_contain_text("the very last", timeout=PATIENCE_MS)


def test_the_scrollbar_reaches_every_line(browser_page: Page, log: Writing) -> None:
    log.write(frames(LONG))
    log.tell("complete", {})
    page = opened(browser_page, log)
    in_view(page, 1)
    page.evaluate("() => { const log = document.getElementById('log'); log.scrollTop = log.scrollHeight / 2; }")
    page.wait_for_function(
        "() => { const at = Number(document.querySelector('.ln')?.dataset.n); return at > 600 && at < 2400; }"
    )
    page.evaluate("() => { const log = document.getElementById('log'); log.scrollTop = log.scrollHeight; }")
    page.wait_for_selector(f"#L{LONG}")
    page.locator("#log").focus()
    page.keyboard.press("End")
    in_view(page, LONG)
    page.keyboard.press("Home")
    in_view(page, 1)
    lines = page.evaluate("() => [...document.querySelectorAll('.ln')].map((row) => Number(row.dataset.n))")
    assert lines == sorted(set(lines))


def test_reading_on_line_by_line_leaves_no_line_out(browser_page: Page, log: Writing) -> None:
    log.write(frames(900))
    log.tell("complete", {})
    page = opened(browser_page, log)
    in_view(page, 1)
    page.locator("#log").hover()
    page.wait_for_function(
        """() => { const [log, blocks] = [document.getElementById("log"), document.getElementById("log-blocks")];
        if (blocks.getBoundingClientRect().bottom > log.getBoundingClientRect().bottom + 400) log.scrollBy(0, 400);
        return document.getElementById("L900") !== null; }"""
    )
    assert page.evaluate("() => [...document.querySelectorAll('.ln')].map((row) => Number(row.dataset.n))") == list(
        range(1, 901)
    )


def test_a_text_is_found_in_lines_that_are_not_shown(browser_page: Page, log: Writing) -> None:
    log.write(frames(LONG))
    log.tell("complete", {})
    page = opened(browser_page, log)
    page.keyboard.press("/")
    page.keyboard.type("NEEDLE")
    expect(page.locator("#log-count")).to_have_text("1 of 4")
    in_view(page, 700)
    page.keyboard.press("Enter")
    in_view(page, 1_400)
    page.keyboard.press("Escape")
    expect(page.locator("#log-q")).to_have_value("NEEDLE")
    page.keyboard.press("n")
    in_view(page, 2_100)
    page.keyboard.press("Shift+N")
    in_view(page, 1_400)
    expect(page.locator("#log-count")).to_have_text("2 of 4")
    assert "q=NEEDLE" in page.url
    assert "line=1400" in page.url
    page.goto(page.url)
    in_view(page, 1_400)
    expect(page.locator("#log-count")).to_have_text("2 of 4")
    expect(page.locator("#L1400")).to_have_class(re.compile("hit"))


def test_keys_go_from_error_to_error(browser_page: Page, log: Writing) -> None:
    log.write(frames(LONG))
    log.tell("complete", {})
    page = opened(browser_page, log)
    page.keyboard.press("e")
    in_view(page, 500)
    page.keyboard.press("e")
    in_view(page, 1_500)
    page.keyboard.press("Shift+E")
    in_view(page, 500)
    page.keyboard.press("Shift+E")
    expect(page.locator("#log-note")).to_have_text("No error before this line.")


def test_a_line_has_an_address(browser_page: Page, log: Writing) -> None:
    log.write(frames(LONG))
    page = opened(browser_page, log, "?line=1203-1210")
    in_view(page, 1_203)
    expect(page.locator("#L1210")).to_have_class(re.compile("chosen"))
    page.locator("#L1205 .no").click()
    assert page.url.endswith("?line=1205")
    page.locator("#L1207 .no").click(modifiers=["Shift"])
    assert page.url.endswith("?line=1205-1207")
    page.goto(log.at("#L2000"))
    in_view(page, 2_000)


def test_a_scope_is_chosen_and_taken_away(browser_page: Page, log: Writing) -> None:
    log.write(frames(LONG))
    log.tell("complete", {})
    page = opened(browser_page, log)
    page.get_by_label("Level").select_option("ERROR")
    page.wait_for_url("**/logs?level=ERROR")
    expect(page.locator(".ln")).to_have_count(3)
    page.get_by_label("Step").wait_for()
    page.get_by_role("link", name="Show all lines").click()
    in_view(page, 1)


def test_times_and_wrapping_are_a_matter_of_taste(browser_page: Page, log: Writing) -> None:
    log.write(frames(3))
    page = opened(browser_page, log)
    page.locator("#log-time").select_option("relative")
    expect(page.locator("#L1 time")).to_have_text(re.compile(r"^[+\u2212]\d+\.\d{3} s$"))
    page.keyboard.press("w")
    expect(page.locator("#log")).to_have_attribute("data-wrap", "off")
    page.reload()
    expect(page.locator("#L1 time")).to_have_text(re.compile(r"^[+\u2212]\d+\.\d{3} s$"))
    expect(page.locator("#log")).to_have_attribute("data-wrap", "off")
    page.locator("#log-time").select_option("off")
    expect(page.locator("#L1 time")).to_be_hidden()


def test_a_record_is_unfolded_and_copied_whole(browser_page: Page, log: Writing) -> None:
    log.write([{"message": TRACEBACK, "level": "ERROR"}])
    browser_page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = opened(browser_page, log)
    says = page.locator("#L1 .says")
    expect(says).to_contain_text("frame 6", use_inner_text=True)
    expect(says).not_to_contain_text("ValueError: no", use_inner_text=True)
    page.get_by_role("button", name="copy").first.click()
    page.wait_for_function("(text) => navigator.clipboard.readText().then((there) => there === text)", arg=TRACEBACK)
    page.get_by_text("+ 6 lines").click()
    expect(says).to_contain_text("ValueError: no", use_inner_text=True)
    page.get_by_text("fold", exact=True).click()
    expect(says).not_to_contain_text("ValueError: no", use_inner_text=True)


def test_what_was_said_beside_a_line_is_found_with_a_click(browser_page: Page, log: Writing) -> None:
    log.write([{"message": "wrote", "details": {"customer": "c42"}}, *frames(50), {"message": "again for c42"}])
    page = opened(browser_page, log)
    page.locator("#L1").scroll_into_view_if_needed()
    page.get_by_role("button", name="customer=c42").click()
    expect(page.locator("#log-count")).to_have_text(re.compile("of 2$"))
    expect(page.locator("#log-q")).to_have_value("c42")


def test_nothing_is_asked_for_while_updates_are_paused(browser_page: Page, log: Writing) -> None:
    log.write(frames(3))
    browser_page.clock.install()
    page = opened(browser_page, log)
    in_view(page, 3)
    page.keyboard.press("p")
    log.write([{"message": "unseen"}])
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(10_000)
    assert asked == []
    page.keyboard.press("p")
    in_view(page, 4)
