"""Queues: how each stands, pausing with a reason, charts of any window, and names with anything in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest
from database import Connection, Database
from pages.browser import Chromium
from pages.conftest import Ui
from playwright.sync_api import expect
from scene import ME, WORKSPACE, Scene
from serving import EVERYTHING, Served, served

from jobtrail.core.scopes import ApiScope
from jobtrail.service import queues

STRANGE = ["a/b", "a/b/pause", "50% <b>off</b>", 'ä ö, "ü"', "a b?c#d"]


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[Served]:
    with served(database, tmp_path, local=True) as running:
        yield running


def read(web: Served, path: str, **query: str) -> httpx2.Response:
    return httpx2.get(f"{web.url}/w/default{path}", params=query)


def at(name: str) -> str:
    return f"/queues/{quote(name)}"


def test_without_queues_it_is_said_how_to_get_one(web: Served) -> None:
    assert "There is no queue yet." in read(web, "/queues").text


def test_a_queue_without_a_worker_is_told_with_the_command_that_starts_one(web: Served, scene: Scene) -> None:
    scene.enqueue(queue="media")
    page = read(web, "/queues").text
    assert "no live worker serves it" in page and "jobtrail worker start -q media" in page
    scene.new_worker(queues=("media",))
    while "no live worker" in read(web, at("media")).text:  # how queues stand is read for all, once a second
        pass


@pytest.mark.parametrize("name", STRANGE)
def test_a_queue_may_have_any_name(web: Served, scene: Scene, name: str) -> None:
    scene.enqueue(queue=name, title="the one")
    listed = read(web, "/queues")
    assert f'href="/w/default/queues/{quote(name, safe="/:@")}"' in listed.text
    page = read(web, at(name))
    assert page.status_code == 200 and "the one" in page.text and "<b>off" not in page.text


def test_a_queue_that_nobody_used_is_not_found(web: Served) -> None:
    assert read(web, at("nobody's")).status_code == 404


@pytest.mark.parametrize("name", STRANGE)
def test_a_queue_is_paused_with_a_reason_and_resumed(browser: Chromium, web: Served, scene: Scene, name: str) -> None:
    scene.enqueue(queue=name)
    with browser.context(web.url) as (context, heard):
        page = context.new_page()
        page.goto(f"{web.url}/w/default{at(name)}")
        page.get_by_role("button", name="Pause…").click()
        page.get_by_label("Reason").fill("SMTP is down")
        page.get_by_role("button", name="Pause", exact=True).click()
        expect(page.locator("#state")).to_contain_text("“SMTP is down”")
        (paused,) = scene.do(queues.depths(WORKSPACE))
        assert (paused.queue, paused.paused_reason) == (name, "SMTP is down")
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_role("button", name="Pause…")).to_be_visible()
        assert heard.loud() == []


def test_who_may_not_pause_is_told_what_they_lack(database: Database, tmp_path: Path, scene: Scene) -> None:
    scene.enqueue()
    with served(database, tmp_path) as web:
        http = web.client(web.key(scopes=EVERYTHING - {ApiScope.QUEUES_PAUSE}))
        page = http.get("/w/default/queues")
        assert page.status_code == 200 and "needs the scope queues:pause" in page.text


@pytest.mark.parametrize("window", ["1h", "6h", "24h", "7d"])
def test_charts_have_windows(web: Served, admin: Connection, window: str) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    for minutes in (1, 200, 1_300, 9_000):
        admin.execute(
            "insert into jobtrail.queue_stats (workspace_id, queue, at, depth, oldest_age_seconds, jobs_in, jobs_out, failures, "
            "wait_p50_ms, wait_p95_ms) values (%s, 'io', %s, %s, 1, 1, 1, 0, 2, 5)",
            (WORKSPACE, now - timedelta(minutes=minutes), minutes),
        )
    page = read(web, at("io"), window=window).text
    seen = {minutes for minutes in (1, 200, 1_300, 9_000) if f"waiting {shown(minutes)}<" in page}
    assert seen == {"1h": {1}, "6h": {1, 200}, "24h": {1, 200, 1_300}, "7d": {1, 200, 1_300, 9_000}}[window]
    assert read(web, at("io"), window="2h").status_code == 422


def shown(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f")


def test_bars_lead_to_the_jobs_of_the_queue(web: Served, scene: Scene) -> None:
    scene.enqueue(queue="a, b")
    page = read(web, at("a, b")).text
    search = quote('queue:"a, b"', safe="")
    assert f"/w/default/jobs?q={search}&amp;t=20" in page


def test_charts_are_asked_for_alone(looked_at: Ui) -> None:
    path = f"/w/default/queues/{quote(looked_at.stage.media)}"
    answer = httpx2.get(f"{looked_at.url}{path}", headers={"Jobtrail-Region": "charts"})
    assert 'id="charts"' in answer.text and 'id="state"' not in answer.text


def test_nobody_sees_the_queues_of_another_workspace(web: Served, scene: Scene) -> None:
    other = web.workspace("other")
    with closing(web.database.connect()) as conn:
        theirs = Scene(conn, other)
        theirs.enqueue(queue="secret")
        theirs.do(queues.pause(other, "secret too", ME))
    assert "secret" not in read(web, "/queues").text
    assert read(web, at("secret")).status_code == 404
