"""The dashboard of `jobtrail demo`: pictures come as they are drawn, ⚡ kills the worker, and the job goes on before one's eyes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx2
import pytest
from cli.terminal import Terminal, until
from pages.browser import Chromium, chromium
from pages.test_axe import violations
from playwright.sync_api import Page, expect

from jobtrail.cli.demo_app import HARD_FRAME


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    """A browser that waits as long as a slow machine may take."""
    expect.set_options(timeout=60_000)
    with chromium() as one:
        yield one
    expect.set_options(timeout=5_000)


@pytest.mark.timeout(300)  # a whole demo with somebody before it
def test_a_worker_is_killed_on_the_page_and_the_page_tells_what_became_of_its_job(
    own: Terminal, browser: Chromium
) -> None:
    with own.started("demo", "--pace", "0.1", "--no-kill", "--no-approve", "--stay") as demo:
        url = demo.says("✓ Dashboard").split()[2]
        base, job = url.partition("/w/")[0], url.rpartition("/")[2]
        with browser.context(base) as (context, heard):
            page = context.new_page()
            page.goto(url)
            expect(page.locator("#strip img").first).to_be_visible()
            assert violations(page) == []  # the button is there already
            _kill_in(page, f"frame {HARD_FRAME}")
            toast = page.locator(".toast").first
            expect(toast).to_contain_text("Nothing that had finished was done again.")
            assert re.search(r"▚ w-\S+ is gone\. w-\S+ took over in \d+\.\d s", toast.inner_text())
            expect(page.get_by_role("link", name="Decide: Use this cover?")).to_be_visible()
            assert page.get_by_role("button", name="kill -9").count() == 0  # nobody runs it while people are asked
            _approve(base, job)
            expect(page.get_by_role("heading", name="What just happened?")).to_be_visible()
            expect(page.locator("#strip img")).to_have_count(14)  # twelve frames, the cover, and all of them in motion
            until(lambda: all(page.locator("#strip img").evaluate_all("all => all.map(one => one.naturalWidth > 0)")))
            assert violations(page) == []
            page.get_by_role("link", name="Replay").click()
            page.wait_for_url(re.compile(r"\?at="))
            expect(page.locator("#head")).to_contain_text("read only")
            expect(page.locator("#travel output")).to_have_text(
                re.compile(r"event ([4-9]|\d\d) of")
            )  # it moves by itself
            assert page.locator("#strip img").count() < 14
            assert heard.loud() == []
        demo.interrupt()
        ran = demo.ends()
    assert ran.code == 0 and "1 worker lost" in ran.out and "none of them ran twice" in ran.out


def _kill_in(page: Page, step: str) -> None:
    """Presses ⚡ once a step is under way."""
    expect(page.locator(".tl-row", has_text=step)).to_be_visible()
    page.get_by_role("button", name=re.compile("kill -9 worker w-")).click()


def _approve(base: str, job: str) -> None:
    (gate,) = httpx2.get(f"{base}/api/v1/gates").json()["items"]
    answer = httpx2.post(f"{base}/api/v1/jobs/{job}/gates/{gate['id']}/approve", json={})
    assert answer.status_code == 200, answer.text
