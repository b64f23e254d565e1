"""Errors: failed jobs in groups, what is new, what is the infrastructure's fault, how far was looked; and a group tried again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from database import Database
from pages.conftest import Ui
from playwright.sync_api import Page, expect
from scene import WORKSPACE, Scene
from serving import Served, served

from jobtrail.service import attempts, failures


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[Served]:
    with served(database, tmp_path, local=True) as running:
        yield running


def failed(scene: Scene, message: str, code: str = "boom") -> UUID:
    fence = scene.start()
    scene.do(attempts.fail(attempts.Failed(fence, code, message, retry_in=None)))
    return fence.job_id


def read(web: Served, path: str = "/errors", **query: str) -> httpx2.Response:
    return httpx2.get(f"{web.url}/w/default{path}", params=query)


def test_without_failures_it_is_good(web: Served) -> None:
    assert "Nothing failed in the last 24 h. Good." in read(web).text
    assert "Nothing has failed here. Good." in read(web, window="all").text


def test_what_failed_alike_is_one_line_with_its_acts(web: Served, scene: Scene) -> None:
    ids = [failed(scene, f"took {n} s\nsecret of the second line") for n in range(7)]
    page = " ".join(read(web).text.split())
    (group,) = scene.do(failures.groups(WORKSPACE)).items
    assert page.count('<details class="group"') == 1 and ">NEW<" in page and "Retry all of it" in page
    assert f"status%3AFAILED%20error%3A{group.fingerprint}" in page
    assert str(ids[-1]) in page and str(ids[0]) not in page
    assert "Grouped over all 7 failed jobs that there are." in page


def test_lost_workers_are_told_from_failures_of_the_code(web: Served, scene: Scene) -> None:
    failed(scene, "three workers were lost", code="quarantined")
    assert ">INFRASTRUCTURE<" in read(web).text


def test_a_look_that_ended_says_how_far_it_went(web: Served, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        failed(scene, f"took {n} s")
    bounded = failures.groups(WORKSPACE, looked_at=2)
    monkeypatch.setattr(failures, "groups", lambda *_, **__: bounded)
    assert "Grouped over the newest 2 failed jobs, of jobs made since" in read(web).text


def test_a_group_has_a_page_of_its_own(looked_at: Ui) -> None:
    page = read(looked_at.served, f"/errors/{looked_at.stage.ids['fingerprint']}")
    assert page.status_code == 200 and "Copy for an issue" in page.text
    assert read(looked_at.served, "/errors/fp_00000000").status_code == 404
    assert read(looked_at.served, window="never").status_code == 422


def test_an_error_unfolds_and_is_tried_again(browser_page: Page, ui: Ui) -> None:
    fingerprint = ui.stage.ids["fingerprint"]
    browser_page.goto(ui.at("/errors"))
    group = browser_page.locator(f"#{fingerprint}")
    group.locator("summary").first.click()
    expect(group.get_by_role("button", name="Copy for an issue")).to_be_visible()
    group.get_by_role("button", name="Retry all of it").click()
    browser_page.get_by_role("dialog").get_by_role("button", name="Retry all of it").click()
    browser_page.wait_for_url("**/operations/*-*")
    orders = ui.served.client().get("/api/v1/jobs", params={"type": "jobtrail.bulk", "limit": "1"}).json()["items"]
    assert fingerprint in str(orders[0]["input"])


ORDER = re.compile(r'data-body="([^"]*retry[^"]*error:[^"]*)".*?<button[^>]*>([^<]*)<', re.DOTALL)


def test_a_retry_of_an_error_says_that_it_takes_all_of_it_whatever_time_is_shown(looked_at: Ui) -> None:
    """The order names no time, so its button names no count of a time."""
    found = [
        one
        for path in ("/errors", "/errors?window=all", "/")
        for one in ORDER.findall(read(looked_at.served, path).text)
    ]
    assert found
    for body, button in found:
        assert "created_after" not in body and not re.search(r"\d|this one|these", button), button
