"""The first screen: a welcome where nothing ran, then how the workspace stands, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from database import Database
from pages.browser import Chromium
from pages.conftest import Ui
from playwright.sync_api import Page, expect
from scene import ME, Scene
from serving import Served, served
from web.remote import Remote

from jobtrail.service import queues

HELLO = {"hello": {"description": "Says hello", "input_schema": {"type": "object", "properties": {}}}}
PICKY = {"picky": {"description": "Wants much", "input_schema": {"type": "object", "required": ["name"]}}}


@pytest.fixture
def empty(database: Database, tmp_path: Path) -> Iterator[Served]:
    """A dashboard of a workspace in which nothing has run."""
    with served(database, tmp_path, local=True) as web:
        yield web


def read(web: Served, path: str = "/", **headers: str) -> httpx2.Response:
    return httpx2.get(f"{web.url}/w/default{path}", headers=headers)


def test_where_nothing_ran_a_welcome_says_how_to_begin(empty: Served) -> None:
    page = read(empty).text
    assert "Nothing has run here yet." in page and "jobtrail enqueue hello name=Ana --watch" in page
    assert "no worker yet" in page and "Run the sample job" not in page


def test_a_sample_job_is_offered_only_where_a_worker_runs_a_type_that_needs_nothing(empty: Served) -> None:
    with empty.client() as http:
        Remote(http, queues=["default"], types=["picky"], described=PICKY)
        page = read(empty).text
        assert "Run the sample job" not in page and "jobtrail enqueue picky name=NAME --watch" in page
        Remote(http, queues=["default"], types=["hello"], described=HELLO)
    page = read(empty).text
    while "Run the sample job" not in page:  # which types there are is read for all, every other second
        page = read(empty).text
    assert "jobtrail enqueue hello --watch" in page


def test_the_welcome_turns_into_the_overview_when_the_first_job_comes(empty: Served, scene: Scene) -> None:
    assert read(empty, **{"Jobtrail-Region": "welcome"}).status_code == 200
    scene.start(title="the very first")
    moved = read(empty, **{"Jobtrail-Region": "welcome"})
    while moved.status_code == 200:  # what was read for others a moment ago may be told once more
        moved = read(empty, **{"Jobtrail-Region": "welcome"})
    assert (moved.status_code, moved.headers["location"]) == (303, "/w/default/")
    page = read(empty).text
    assert "the very first" in page and "Nothing has run here yet." not in page


def test_a_browser_sees_the_welcome_turn(browser: Chromium, empty: Served, scene: Scene) -> None:
    with browser.context(empty.url) as (context, heard):
        page = context.new_page()
        page.goto(f"{empty.url}/w/default/")
        expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
        scene.start(title="the very first")
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        expect(page.get_by_role("link", name="the very first")).to_be_visible()
        assert heard.loud() == []


def test_the_overview_shows_what_needs_attention_with_what_to_do(looked_at: Ui) -> None:
    page = read(looked_at.served).text
    assert "no live worker serves it" in page and "jobtrail worker start -q nowhere" in page
    assert "vanished" in page and "Open job" in page
    assert f"/w/default/errors/{looked_at.stage.ids['fingerprint']}" in page
    assert "jobtrail error retry fp_" in page


def test_a_queue_in_attention_is_named_in_the_shell_as_it_must_be(empty: Served, scene: Scene) -> None:
    scene.enqueue(queue="a b/c; rm -rf")
    page = read(empty).text
    assert "jobtrail worker start -q &#39;a b/c; rm -rf&#39;" in page
    assert "/w/default/queues/a%20b/c%3B%20rm%20-rf" in page


def test_an_unknown_cost_is_never_zero(empty: Served, scene: Scene) -> None:
    scene.start()
    page = read(empty).text
    assert "$0" not in page and "—" in page


def test_a_part_is_asked_for_alone(looked_at: Ui) -> None:
    part = read(looked_at.served, **{"Jobtrail-Region": "running"}).text
    assert 'id="running"' in part and "<h1" not in part and 'id="figures"' not in part
    parts = read(looked_at.served, **{"Jobtrail-Region": "figures attention"}).text
    assert 'id="figures"' in parts and 'id="attention"' in parts and 'id="charts"' not in parts


def test_each_bar_of_a_chart_leads_to_the_jobs_of_its_time(looked_at: Ui) -> None:
    page = read(looked_at.served).text
    assert "/w/default/jobs?t=20" in page and "As a table" in page
    link = page.split('<a href="/w/default/jobs?t=20', 1)[1].split('"', 1)[0]
    assert httpx2.get(f"{looked_at.url}/w/default/jobs?t=20{link}").status_code == 200


def test_what_was_unfolded_stays_unfolded(browser_page: Page, ui: Ui) -> None:
    browser_page.goto(ui.at("/"))
    table = browser_page.locator("#twin-throughput")
    table.locator("summary").click()
    with browser_page.expect_response(lambda answer: "charts" in answer.request.headers.get("jobtrail-region", "")):
        pass
    expect(table).to_have_attribute("open", "")


def test_all_failed_alike_are_tried_again_from_here(browser_page: Page, ui: Ui) -> None:
    browser_page.goto(ui.at("/"))
    button = browser_page.locator("#attention form[data-api] button", has_text="Retry").first
    button.click()
    dialog = browser_page.get_by_role("dialog")
    expect(dialog).to_contain_text("Finished steps are kept")
    dialog.get_by_role("button", name="Retry").click()
    browser_page.wait_for_url("**/operations/*-*")
    expect(browser_page.get_by_role("heading", level=1)).to_have_text("Retry jobs")


def test_a_paused_queue_is_counted(empty: Served, scene: Scene) -> None:
    scene.enqueue()
    scene.do(queues.pause(scene.workspace, "default", ME, "SMTP down"))
    assert "queue paused" in " ".join(read(empty).text.split())
