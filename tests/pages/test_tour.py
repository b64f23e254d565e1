"""What people do with a dashboard, done in a browser while real workers work: hand a job in, watch it, see it survive its worker,
decide, stop, mend, look back. And the main path with a keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from database import Database
from pages.browser import PATIENCE_MS, Chromium, Heard
from pages.conftest import UNHURRIED
from pages.tour import Tour, tour
from playwright.sync_api import Locator, Page, expect
from serving import Served, served

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[Served]:
    """A dashboard in which nothing is yet."""
    with served(database, tmp_path / "web", local=True, **UNHURRIED) as running:
        yield running


@pytest.fixture
def trip(database: Database, tmp_path: Path) -> Iterator[Tour]:
    """The app, and workers that a test starts."""
    with tour(database, tmp_path / "app") as one:
        yield one


@pytest.fixture
def heard(browser: Chromium, web: Served) -> Iterator[tuple[Page, Heard]]:
    """A page, and what it complains of, which must be nothing."""
    with browser.context(web.url) as (context, heard):
        yield context.new_page(), heard
        assert heard.loud() == []


@pytest.fixture
def page(heard: tuple[Page, Heard]) -> Page:
    """The page."""
    return heard[0]


def at(web: Served, path: str) -> str:
    return f"{web.url}/w/default{path}"


def id_of(page: Page) -> UUID:
    """The job whose page this is."""
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]{36}"))
    found = re.search(r"/jobs/([0-9a-f-]{36})", page.url)
    assert found is not None
    return UUID(found[1])


def status(page: Page) -> Locator:
    """The status in the head of a job's page."""
    return page.locator("#head .status").first


def hand_in(page: Page, web: Served, type: str, **fields: str) -> UUID:
    """A job from the form, as a person fills it in."""
    page.goto(at(web, "/types"))
    page.goto(at(web, f"/new?type={type}"))
    for label, value in fields.items():
        page.locator("#input-fields").get_by_label(label, exact=False).first.fill(value)
    page.get_by_role("button", name="Enqueue").click()
    return id_of(page)


def test_a_job_is_handed_in_survives_its_worker_is_approved_and_completes(web: Served, trip: Tour, page: Page) -> None:
    with trip.working(1):
        id = hand_in(page, web, "clip.render", title="trailer")
        expect(status(page)).to_contain_text("RUNNING")
        timeline = page.locator("#timeline")
        expect(timeline).to_contain_text("encode")
        expect(page.locator("#head progress")).to_have_attribute("value", "30.0")
        trip.start()
        first = trip.kill_holder(id)
        expect(page.locator("#head")).to_contain_text("attempt 2")
        expect(page.locator("#head")).to_contain_text("1 loss")
        expect(timeline).to_contain_text("remembered")
        assert first not in {worker.process_id for worker in trip.client.workers() if worker.running}
        trip.say("encode")
        page.get_by_role("link", name="Decide").click()
        card = page.locator("article.gate")
        expect(card).to_contain_text("Publish it?")
        card.get_by_label("Note").fill("it looks good")
        card.get_by_role("button", name="Approve").click()
        expect(page.locator("#waiting")).to_contain_text(re.compile("APPROVED|Nothing waits"))
        page.goto(at(web, f"/jobs/{id}"))
        expect(status(page)).to_contain_text("COMPLETED")
        assert next(iter(trip.client.attempts(id))).status == "LOST"
        page.goto(at(web, "/approvals?show=decided"))
        expect(page.locator("#decided")).to_contain_text("it looks good")
        page.goto(at(web, f"/jobs/{id}/logs"))
        expect(page.locator("main")).to_contain_text("fetched")


def test_time_is_turned_back_and_the_trail_is_verified(web: Served, trip: Tour, page: Page) -> None:
    trip.say("encode")
    with trip.working(1):
        id = hand_in(page, web, "clip.render", title="trailer")
        trip.until(id, "PENDING")
        page.goto(at(web, f"/jobs/{id}/events"))
        slider = page.get_by_role("slider", name="As of which event")
        slider.focus()
        slider.press("Home")
        page.wait_for_url(re.compile(r"[?&]at="))
        expect(page.locator("#then")).to_contain_text("State then: QUEUED")
        expect(page.locator("#head")).to_contain_text("read only")
        slider.focus()
        slider.press("ArrowRight")
        expect(page.locator("#then")).to_contain_text("State then: RUNNING")
        page.reload()
        expect(page.locator("#then")).to_contain_text("State then: RUNNING")
        page.get_by_role("link", name="Now").click()
        expect(page.locator("#then")).to_have_count(0)
        page.get_by_role("link", name="Verify the trail").click()
        expect(page.locator("#verdict")).to_contain_text("trail verified")


def test_a_failed_job_is_rerun_with_edits(web: Served, trip: Tour, page: Page) -> None:
    with trip.working(1):
        id = hand_in(page, web, "clip.check", pages="0")
        expect(status(page)).to_contain_text("FAILED")
        expect(page.locator("#failure")).to_contain_text("there are no pages")
        page.get_by_role("link", name="Rerun with edits").click()
        page.wait_for_url(re.compile("/(data|rerun)"))
        if "/rerun" not in page.url:
            page.locator("#rerun a").click()
        page.locator("#input-fields").get_by_label("pages").fill("7")
        expect(page.locator("#changes")).to_contain_text("7")
        page.get_by_role("button", name="Rerun").click()
        page.wait_for_url(lambda url: str(id) not in url and "/jobs/" in url)
        expect(status(page)).to_contain_text("COMPLETED")
        again = trip.client.get(id_of(page))
        assert (again.rerun_of, again.input) == (id, {"pages": 7})


def test_a_job_is_cancelled_for_a_reason(web: Served, trip: Tour, page: Page) -> None:
    with trip.working(1):
        id = hand_in(page, web, "clip.endless")
        expect(status(page)).to_contain_text("RUNNING")
        page.get_by_role("button", name="Cancel…").click()
        dialog = page.locator("#cancel")
        dialog.get_by_label("Why").fill("too dear")
        dialog.get_by_role("button", name="Cancel the job").click()
        expect(status(page)).to_contain_text("CANCELLED")
        assert trip.client.get(id).cancel_reason == "too dear"


def test_all_that_failed_is_retried_at_once_and_the_operation_gives_its_account(
    web: Served, trip: Tour, page: Page
) -> None:
    with trip.working(1):
        ids = [hand_in(page, web, "clip.check", pages="0") for _ in range(3)]
        for id in ids:
            trip.until(id, "FAILED")
        page.goto(at(web, "/jobs?q=status:FAILED"))
        page.get_by_role("button", name="All that match").click()
        page.locator('[data-bulk="retry"]').click()
        dialog = page.locator("#bulk")
        expect(dialog.locator("#bulk-says")).to_contain_text("3")
        dialog.locator("#bulk-go").click()
        page.wait_for_url(re.compile("/operations/"))
        expect(page.locator("#operation .status").first).to_contain_text("COMPLETED")
        expect(page.locator("#operation .big").first).to_have_text("3")
    assert {trip.client.get(id).generation for id in ids} == {2}


def test_the_main_path_goes_by_the_keyboard_alone(web: Served, trip: Tour, page: Page) -> None:
    """Nothing here is clicked, nothing is looked up by a mouse's place: keys as the sheet tells them."""
    trip.say("encode")
    with trip.working(1):
        page.goto(at(web, "/"))
        keys = page.keyboard
        keys.press("g")
        keys.press("y")
        page.wait_for_url(re.compile("/types"))
        page.goto(at(web, "/new?type=clip.render"))
        tab_to(page, "#input-fields input")
        keys.type("by keys")
        keys.press("Control+Enter")
        id = id_of(page)
        expect(status(page)).to_contain_text("PENDING")
        keys.press("g")
        keys.press("a")
        page.wait_for_url(re.compile("/approvals"))
        tab_to(page, "article.gate button[value=approve]")
        keys.press("Enter")
        expect(page.locator("#waiting")).to_contain_text("Nothing waits")
        keys.press("g")
        keys.press("j")
        page.wait_for_url(re.compile(r"/jobs$"))
        keys.press("j")
        keys.press("Enter")
        assert id_of(page) == id
        expect(status(page)).to_contain_text("COMPLETED")
        keys.press("3")
        page.wait_for_url(re.compile("/events"))
        keys.press("?")
        expect(page.locator("#keys")).to_be_visible()
        keys.press("Escape")
        expect(page.locator("#keys")).to_be_hidden()
        keys.press("Control+k")
        expect(page.locator("#palette")).to_be_visible()
        keys.type("queues")
        keys.press("Enter")
        page.wait_for_url(re.compile("/queues"))


def tab_to(page: Page, selector: str) -> None:
    """Goes on with Tab until something is focused, which must be seen to be."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert ring != "none", f"nobody sees that {selector} is focused"
            return
    raise AssertionError(f"no number of tabs leads to {selector}")
