"""Schedules: plain words and zones in the list, what comes and what came, and each action from its button to the database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx2
import pytest
from pages.acting import on
from pages.browser import PATIENCE_MS, Heard
from pages.conftest import Ui
from pages.test_job_page import seen
from playwright.sync_api import Page, expect

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def http(ui: Ui) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=ui.url, timeout=30) as client:
        yield client


def test_the_list_says_in_words_and_with_its_zone_when_each_is_due(ui: Ui, http: httpx2.Client) -> None:
    said = seen(http, "/w/default/schedules")
    assert re.search(r"Now \d\d:\d\d Europe/Berlin · \d\d:\d\d UTC", said)
    assert "Every day at 02:30 30 2 * * * Europe/Berlin" in said
    assert "Every 6 hours every 6h UTC" in said and "“the source is away”" in said
    assert "Weekdays at 09:00" in said and "no longer in the code of app:app" in said
    assert "cannot go on" in said and "last REFUSED" in said


def test_an_expression_is_tried_before_it_is_saved(http: httpx2.Client) -> None:
    said = seen(http, "/w/default/schedules?expression=0+9+*+*+MON-FRI&zone=Asia/Tokyo")
    assert "Weekdays at 09:00 Asia/Tokyo" in said and len(re.findall(r"09:00:00 \+0900", said)) == 10
    assert "jobtrail schedule next '0 9 * * MON-FRI' --zone Asia/Tokyo" in said
    assert "bad minute" in seen(http, "/w/default/schedules?expression=61+*+*+*+*")
    assert "no time zone" in seen(http, "/w/default/schedules?expression=@daily&zone=Nowhere")


def test_a_schedule_tells_what_comes_and_what_was_missed(ui: Ui, http: httpx2.Client) -> None:
    said = seen(http, f"/w/default/schedules/{ui.stage.ids['schedule']}")
    assert "Next 10" in said and len(re.findall(r"02:30:00 \+0[12]00", said)) >= 10
    assert "nobody made it in time; catch-up is LAST" in said and "the key is held" in said
    assert '"priority": 8' in said and "Cut of {tick.date}" in said
    broken = seen(http, f"/w/default/schedules/{ui.stage.ids['broken schedule']}")
    assert "It can make no job and was paused" in broken and "its project is gone" in broken


def test_the_ticks_go_on_where_the_page_stopped(ui: Ui, http: httpx2.Client) -> None:
    stage = on(ui)
    made = stage.made("schedules", name="often", type=stage.type, expression="@yearly")
    jobs = [stage.made(f"schedules/{made['id']}/run")["job_id"] for _ in range(52)]
    first = http.get(f"/w/default/schedules/{made['id']}").text
    more = re.search(r'rel="next" href="([^"]+)"', first)
    assert more is not None
    second = http.get(more[1].replace("&amp;", "&")).text
    found = re.findall(r'<a class="mono" href="/w/default/jobs/([\w-]+)"', first)
    found += re.findall(r'<a class="mono" href="/w/default/jobs/([\w-]+)"', second)
    assert found == jobs[::-1]


def test_a_schedule_of_elsewhere_is_not_there(ui: Ui) -> None:
    key = ui.served.key(workspace=ui.served.workspace("elsewhere"))
    path = f"/w/elsewhere/schedules/{ui.stage.ids['schedule']}"
    assert ui.served.client(key).get(path).status_code == 404


def test_a_schedule_is_made_run_paused_changed_and_deleted(browser_page: Page, ui: Ui, heard: Heard) -> None:
    heard.excuse("422")
    page, api = browser_page, ui.served.client()
    page.goto(ui.at("/schedules?expression=0+9+*+*+MON-FRI&zone=Europe/Berlin"))
    page.get_by_role("button", name="New schedule").click()
    form = page.get_by_role("dialog", name="New schedule")
    expect(form.get_by_label("Expression")).to_have_value("0 9 * * MON-FRI")
    form.get_by_label("Name").fill("morning")
    form.get_by_label("Type of its jobs").fill("nobody.knows")
    form.get_by_role("button", name="Create").click()
    expect(form.locator(".wrong")).to_contain_text("nobody knows")
    form.get_by_label("Type of its jobs").fill(ui.stage.type)
    form.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="morning", level=1)).to_be_visible()
    id = page.url.rpartition("/")[2]
    page.get_by_role("button", name="Pause…").click()
    dialog = page.get_by_role("dialog", name="Pause morning")
    dialog.get_by_label("Reason").fill("holidays")
    dialog.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("“holidays”")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("“holidays”")).to_have_count(0)
    page.get_by_role("button", name="Edit…").click()
    edit = page.get_by_role("dialog", name="Edit the schedule")
    edit.get_by_label("Expression").fill("every 3h")
    edit.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Every 3 hours")).to_be_visible()
    changed = api.get(f"/api/v1/schedules/{id}").json()
    assert (changed["expression"], changed["zone"], changed["input"]) == ("every 3h", "Europe/Berlin", {})
    page.get_by_role("button", name="Run now").click()
    expect(page).to_have_url(re.compile("/jobs/"))
    (tick,) = api.get(f"/api/v1/schedules/{id}/ticks").json()["items"]
    assert tick["manual"] and tick["job_id"] in page.url
    page.goto(ui.at(f"/schedules/{id}"))
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page).to_have_url(re.compile("/schedules$"))
    assert api.get(f"/api/v1/schedules/{id}").status_code == 404


def test_a_backfill_of_the_page_says_what_is_wrong_with_its_times(browser_page: Page, ui: Ui, heard: Heard) -> None:
    heard.excuse("422")
    page = browser_page
    page.goto(ui.at(f"/schedules/{ui.stage.ids['schedule']}"))
    page.get_by_role("button", name="Backfill…").click()
    form = page.get_by_role("dialog", name="Backfill")
    later = f"{datetime.now(UTC).year + 2}-01-01T00:00"
    form.get_by_label("From").fill(later)
    form.get_by_label("Before").fill(later)
    form.get_by_role("button", name="Make the jobs").click()
    expect(form.locator(".wrong")).to_contain_text("in the future")


def test_g_and_s_go_to_the_schedules(browser_page: Page, ui: Ui) -> None:
    browser_page.goto(ui.at("/jobs"))
    browser_page.keyboard.press("g")
    browser_page.keyboard.press("s")
    expect(browser_page).to_have_url(re.compile("/schedules$"))
