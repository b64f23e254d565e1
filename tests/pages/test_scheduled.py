"""What waits for its time is listed in the order of the time, and can be started at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from pages.acting import on
from pages.browser import PATIENCE_MS
from pages.conftest import Ui
from pages.test_job_page import seen
from playwright.sync_api import Page, expect

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def http(ui: Ui) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=ui.url, timeout=30) as client:
        yield client


def jobs_of(raw: str) -> list[str]:
    return re.findall(r'<tr data-row id="job-([\w-]+)"', raw)


def test_the_next_comes_first_whatever_was_enqueued_first(ui: Ui, http: httpx2.Client) -> None:
    stage = on(ui)
    now = datetime.now(UTC)
    later = stage.job("later", scheduled_at=(now + timedelta(hours=2)).isoformat())
    sooner = stage.job("sooner", scheduled_at=(now + timedelta(hours=1)).isoformat())
    assert jobs_of(http.get("/w/default/scheduled").text)[:2] == [sooner, later]


def test_it_says_what_each_waits_for(ui: Ui, http: httpx2.Client) -> None:
    raw = http.get("/w/default/scheduled").text
    listed = jobs_of(raw)
    wanted = {"PENDING for SCHEDULE", "PENDING for RETRY", "PENDING for QUOTA", "snoozed"}
    assert {ui.stage.jobs[shows] for shows in wanted} == set(listed)
    said = seen(http, "/w/default/scheduled")
    assert "another try attempt 2" in said and "a quota" in said and "its time" in said
    assert "TimeoutError: upload took > 30 s" in said
    assert "is among the schedules" in said


def test_the_list_goes_on_where_it_stopped(ui: Ui, http: httpx2.Client) -> None:
    stage = on(ui)
    at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    made = {stage.job(f"at once {n}", scheduled_at=at) for n in range(52)}
    first = http.get("/w/default/scheduled").text
    more = re.search(r'rel="next" href="([^"]+)"', first)
    assert more is not None
    second = http.get(more[1].replace("&amp;", "&")).text
    found = jobs_of(first) + jobs_of(second)
    assert len(found) == len(set(found)) == 56 and made <= set(found)


def test_half_a_place_is_no_place(http: httpx2.Client) -> None:
    assert http.get("/w/default/scheduled", params={"job": "00000000-0000-7000-8000-000000000000"}).status_code == 422


def test_a_job_is_started_now(browser_page: Page, ui: Ui) -> None:
    browser_page.goto(ui.at("/scheduled"))
    id = ui.stage.jobs["PENDING for SCHEDULE"]
    row = browser_page.locator(f'[id="job-{id}"]')
    row.get_by_role("button", name="Start now").click()
    expect(row).to_have_count(0)
    assert ui.served.client().get(f"/api/v1/jobs/{id}").json()["job"]["status"] == "QUEUED"
