"""The list of jobs: what its address says, what stays when rows change, what is selected and done with it, and how far it looked."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from database import Database
from pages.browser import PATIENCE_MS
from pages.conftest import Ui, sign_in
from pages.test_axe import violations
from playwright.sync_api import Page, expect
from scene import ME, SERVES_ALL, WORKSPACE, Scene, ids
from serving import Served, served

from jobtrail.core import filter as filters
from jobtrail.core.bulk import Action, Order
from jobtrail.core.filter import Filter
from jobtrail.core.ids import short
from jobtrail.core.scopes import Role
from jobtrail.core.status import JobStatus
from jobtrail.service import bulk, jobs, lists
from jobtrail.store.db import run
from jobtrail.store.query import statement
from jobtrail.web.pages.search import JobsPageQuery, wanted
from jobtrail.web.pages.search import tabs as tabs_of

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[Served]:
    with served(database, tmp_path, local=True) as running:
        yield running


def read(web: Served, path: str = "/jobs", region: str = "", **query: object) -> str:
    """What a list's page answers, with its entities read."""
    headers = {"Jobtrail-Region": region} if region else {}
    answer = httpx2.get(f"{web.url}/w/default{path}", params={k: str(v) for k, v in query.items()}, headers=headers)
    assert answer.status_code == 200, answer.text[:500]
    return unescape(answer.text)


def rows(page: str) -> list[UUID]:
    return [UUID(id) for id in re.findall(r'data-row id="job-([0-9a-f-]{36})"', page)]


def link(page: str, name: str) -> dict[str, str]:
    """The query of a link whose text begins so."""
    found = re.search(rf'href="[^"]*?\?([^"]*)"[^>]*>(?:<span[^>]*>[^<]*</span>)?\s*{name}', page)
    assert found, name
    return dict(httpx2.QueryParams(found[1]))


# What the address says.


def test_parameters_of_other_screens_become_the_search(web: Served, scene: Scene) -> None:
    scene.enqueue(type="render", queue="media", tags=("a b",))
    scene.enqueue(type="mail")
    page = read(web, type="render", queue="media", tag="a b", status="QUEUED")
    assert 'value="status:QUEUED type:render queue:media tag:"a b""' in page
    assert len(rows(page)) == 1


def test_a_search_that_cannot_be_read_says_where_and_shows_the_rest(web: Served, scene: Scene) -> None:
    scene.enqueue(type="render")
    page = read(web, q="type:render statuss:failed")
    assert "at character 13: there is no 'statuss' to search by; did you mean status?" in page
    assert 'data-position="13"' in page and len(rows(page)) == 1


@pytest.mark.parametrize(
    ("t", "count"), [("-1h", 1), ("..2020-01-01T00:00Z", 0), ("2020-01-01T00:00Z..", 1), ("yesterday", 1), ("-9x", 1)]
)
def test_a_window_narrows_the_list_or_is_told_to_be_none(web: Served, scene: Scene, t: str, count: int) -> None:
    scene.enqueue()
    page = read(web, t=t)
    assert len(rows(page)) == count
    assert ("no window of time" in page or "not a length" in page) == (t in ("yesterday", "-9x"))


def test_tabs_replace_the_status_and_keep_the_rest(web: Served, scene: Scene) -> None:
    scene.enqueue(type="render")
    assert link(read(web, q="type:render status:QUEUED"), "FAILED") == {"q": "status:FAILED type:render"}
    assert link(read(web, q="status:QUEUED type:render", t="-1h"), "All</a>") == {"q": "type:render", "t": "-1h"}


def test_counts_stand_only_where_they_are_those_of_the_search() -> None:
    now = datetime.now(UTC)
    counted = [("FAILED", 9, False)]
    for query, told in ((JobsPageQuery(), 9), (JobsPageQuery(q="status:failed"), 9), (JobsPageQuery(q="type:x"), None),
                        (JobsPageQuery(t="-1h"), None), (JobsPageQuery(q="nonsense:"), None)):  # fmt: skip
        (failed,) = [tab for tab in tabs_of(wanted(query, now), counted) if tab.status == "FAILED"]
        assert failed.jobs == told


# Pages.


def test_older_and_newer_go_through_all_jobs_once_each_way(web: Served, scene: Scene) -> None:
    made = scene.enqueue_many(130)[::-1]
    first = read(web)
    second = read(web, **link(first, "Older"))
    third = read(web, **link(second, "Older"))
    assert rows(first) + rows(second) + rows(third) == made
    assert rows(read(web, **link(third, "Newer"))) == rows(second)
    assert rows(read(web, **link(read(web, **link(third, "Newer")), "Newer"))) == rows(first)
    assert 'rel="next"' not in third and 'rel="prev"' not in first


def test_the_page_above_a_job_holds_those_that_were_made_next(scene: Scene) -> None:
    made = scene.enqueue_many(40)
    some = scene.enqueue_many(40, type="render")
    for filter, known in ((Filter(), made + some), (Filter(types=("render",)), some), (Filter(text=("demo",)), made)):
        above = scene.do(lists.newer(WORKSPACE, filter, after=known[4], limit=10))
        assert [job.id for job in above] == known[5:15][::-1]


def test_upwards_is_the_list_turned_round() -> None:
    down, up = (statement(f"reads/{name}").decode().partition("select id")[2] for name in ("jobs", "jobs_upward"))
    assert re.sub(r"\bdesc\b", "asc", down) == up


def test_one_may_jump_to_a_time(web: Served, scene: Scene) -> None:
    made = scene.enqueue_many(3)
    assert rows(read(web, jump="2020-01-01T00:00:00Z")) == []
    assert rows(read(web, jump="2099-01-01T00:00:00Z")) == made[::-1]


def test_a_search_that_ended_before_its_time_says_how_far_it_looked(
    web: Served, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.enqueue(title="the needle")
    scene.enqueue_many(30)
    monkeypatch.setattr(lists, "SEARCHED", 20)
    page = read(web, q="needle")
    assert "No match in the newest" in page and not rows(page)
    further = read(web, **link(page, "Search further back"))
    assert "the needle" in further


def test_without_jobs_it_is_said_how_to_hand_one_in(web: Served) -> None:
    assert "Nothing has run here yet." in read(web) and "jobtrail enqueue" in read(web)


def test_without_matches_each_condition_may_be_taken_away(web: Served, scene: Scene) -> None:
    scene.enqueue(type="render")
    page = read(web, q="type:render tag:nobody")
    assert "No job matches" in page
    assert rows(read(web, **link(page, "Without <code>tag:nobody"))) != []


# Rows.


def test_a_row_says_what_matters_of_its_status(looked_at: Ui) -> None:
    page = unescape(httpx2.get(looked_at.at("/jobs")).text)
    for said in (
        "TimeoutError: upload took > 30 s",
        "waits to be tried again",
        "waits for a decision",
        "encoding",
        "71 %",
        "being cancelled",
        "silent",
    ):
        assert said in page, said
    assert "$0.21" in unescape(httpx2.get(looked_at.at("/jobs?q=type:agent.research")).text)
    assert "$0.00" not in page


def test_jobs_without_a_title_are_told_apart_by_their_input(web: Served, scene: Scene) -> None:
    scene.enqueue(input=json.dumps({"customer": "c42", "pages": 5, "deep": {"x": 1}, "note": "n" * 200}).encode())
    scene.enqueue(title="has a name", input=b'{"customer": "c43"}')
    scene.enqueue(input=json.dumps({"long": list(range(5000)), "zzz": "too much to be read"}).encode())
    scene.enqueue(input=b"{}")
    page = read(web)
    assert "customer=c42" in page and "pages=5" in page and "n" * 81 not in page
    assert "c43" not in page and "zzz" not in page


def test_all_that_match_may_be_done_only_what_their_status_allows(browser_page: Page, ui: Ui) -> None:
    browser_page.goto(ui.at("/jobs?q=status:FAILED"))
    browser_page.locator("#all-matching").click()
    expect(browser_page.get_by_role("button", name="Retry…")).to_be_visible()
    expect(browser_page.get_by_role("button", name="Cancel…")).to_be_hidden()
    browser_page.goto(ui.at("/jobs"))
    browser_page.locator("#all-matching").click()
    expect(browser_page.get_by_role("button", name="Cancel…")).to_be_visible()


@pytest.mark.parametrize(
    ("said", "offered"),
    [
        ("st", ["status:", "stage:"]),
        ("type:video.render status:fa", ["type:video.render status:FAILED"]),
        ("-status:FAILED,c", ["-status:FAILED,COMPLETED", "-status:FAILED,CANCELLED"]),
        ("wait:g", ["wait:GATE"]),
        ("type:video.r", ["type:video.render"]),
        ("queue:me", ["queue:media"]),
        ('"wait:g', []),
        ("nonsense:g", []),
        ("", []),
    ],
)
def test_a_search_that_was_begun_is_gone_on_with(browser_page: Page, ui: Ui, said: str, offered: list[str]) -> None:
    browser_page.goto(ui.at("/jobs"))
    with browser_page.expect_response("**/api/v1/queues"):
        browser_page.locator("#q").focus()
    browser_page.locator("#q").press_sequentially(said)
    expect(browser_page.locator("#q-offers option")).to_have_count(len(offered))
    values = "all => all.map(one => one.value)"
    assert browser_page.locator("#q-offers option").evaluate_all(values) == offered


def test_what_matches_is_exported_and_no_cell_is_a_formula(browser_page: Page, ui: Ui) -> None:
    with ui.served.client() as http:
        job = {"type": "exported", "input": {}}
        titles = ["=1+1", 'says "no", and\nmore', "plain"]
        http.post("/api/v1/jobs/batch", json={"jobs": [{**job, "title": title} for title in titles]}).raise_for_status()
        http.post("/api/v1/jobs/batch", json={"jobs": [job] * 600}).raise_for_status()
    browser_page.goto(ui.at("/jobs?q=type:exported"))
    with browser_page.expect_download() as download:
        browser_page.get_by_role("button", name="Export CSV").click()
    with download.value.path().open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len({line["id"] for line in lines}) == 603
    assert [line["title"] for line in lines[-3:]] == ["plain", 'says "no", and\nmore', "'=1+1"]
    assert {line["type"] for line in lines} == {"exported"}
    expect(browser_page.locator("#toasts")).to_contain_text("603 jobs")


# What browsers ask again.


def test_rows_that_are_shown_stay_and_say_that_they_no_longer_match(web: Served, scene: Scene) -> None:
    one, two = scene.enqueue_many(2, type="render")
    scene.do(jobs.cancel(WORKSPACE, one, ME))
    scene.enqueue(type="render")
    part = read(web, region="rows", q="status:QUEUED", ids=f"{two},{one}")
    assert rows(part) == [two, one]
    assert re.search(rf'id="job-{one}"[^>]* data-gone', part) and "no longer matches" in part
    assert not re.search(rf'id="job-{two}"[^>]* data-gone', part)


def test_new_matches_are_counted_and_not_shown(web: Served, scene: Scene) -> None:
    shown = scene.enqueue_many(2, type="render")
    scene.enqueue_many(7, type="render")
    scene.enqueue_many(5, type="other")
    named = ",".join(map(str, shown))
    assert "7 new" in read(web, region="fresh", q="type:render", ids=named)
    scene.enqueue_many(200, type="render")
    assert "100+ new" in read(web, region="fresh", q="type:render", ids=named)
    assert " new" not in read(web, region="fresh", q="type:render", ids=named, before=shown[1])


def test_an_older_job_that_comes_to_match_is_new_too(web: Served, scene: Scene) -> None:
    old, shown = scene.enqueue_many(2)
    for one in (shown, old):
        scene.do(jobs.cancel(WORKSPACE, one, ME))
    assert "1 new" in read(web, region="fresh", q="status:CANCELLED", ids=shown)


def test_a_list_full_of_rows_reads_its_rows_by_their_names(web: Served, scene: Scene) -> None:
    made = scene.enqueue_many(60)[::-1]
    page = read(web)
    asked = re.search(r'data-asks="ids=([^"]*)"', page)
    assert asked
    assert asked[1].split(",") == [str(id) for id in made[:50]]
    assert rows(read(web, region="rows", ids=asked[1])) == made[:50]


# By names.


def test_jobs_are_found_and_acted_on_by_their_names(scene: Scene) -> None:
    made = scene.enqueue_many(5)
    wanted = Filter(ids=(made[0], made[3], UUID(int=9)))
    assert [job.id for job in scene.do(lists.listed(WORKSPACE, wanted))] == [made[3], made[0]]
    counted = scene.do(bulk.count(WORKSPACE, Order(action=Action.CANCEL, filter=wanted)))
    assert (counted.matching, counted.changing, counted.capped) == (2, 2, False)
    both = filters.both(wanted, Filter(ids=(made[3],)))
    assert [job.id for job in scene.do(lists.listed(WORKSPACE, both))] == [made[3]]
    none = filters.both(wanted, Filter(ids=(made[1],)))
    assert scene.do(lists.listed(WORKSPACE, none)) == []


def test_a_bulk_operation_takes_the_jobs_that_are_named(web: Served, scene: Scene) -> None:
    made = scene.enqueue_many(3)
    http = web.client()
    body = {"action": "cancel", "filter": {"id": [str(made[0]), str(made[2])]}, "dry_run": True}
    answer = http.post("/api/v1/bulk", json=body).json()
    assert (answer["matching"], answer["changing"]) == (2, 2)
    too_many = {"action": "cancel", "filter": {"id": [str(made[0])] * 1_001}}
    assert http.post("/api/v1/bulk", json=too_many).status_code == 422


# An operation.


def test_an_operation_tells_what_was_left_out_and_why(looked_at: Ui) -> None:
    page = unescape(httpx2.get(looked_at.at(f"/operations/{looked_at.stage.jobs['operation']}")).text)
    assert "Change the priority of jobs to 6" in page and "it is COMPLETED" in page
    assert f"/jobs/{looked_at.stage.jobs['COMPLETED']}" in page
    assert httpx2.get(looked_at.at(f"/operations/{looked_at.stage.jobs['COMPLETED']}")).status_code == 404


def test_an_operation_that_waits_or_was_stopped_says_so(web: Served, scene: Scene) -> None:
    order = Order(action=Action.RETRY, filter=Filter(statuses=(JobStatus.FAILED,)))
    id = scene.do(bulk.enqueue(WORKSPACE, ids.new(), order, ME))
    page = read(web, f"/operations/{id}")
    assert "It waits for a worker" in page and "Stop" in page and "FAILED" in page
    scene.do(jobs.cancel(WORKSPACE, id, ME))
    page = read(web, f"/operations/{id}")
    assert "It was stopped" in page and "Go on" in page and ">Stop<" not in page


# In a browser.


def told(ui: Ui, path: str, **body: object) -> None:
    """What somebody else does meanwhile."""
    assert httpx2.post(f"{ui.url}/api/v1/{path}", json=body).is_success


def shown_row(page: Page, ui: Ui, shows: str) -> str:
    return f"#job-{ui.stage.jobs[shows]}"


def test_selected_rows_offer_only_what_can_be_done_with_one_of_them(ui: Ui, browser_page: Page) -> None:
    page = browser_page
    page.goto(ui.at("/jobs"))
    expect(page.locator("[data-bulk]:visible")).to_have_count(0)
    page.locator(shown_row(page, ui, "FAILED otherwise")).get_by_role("checkbox").check()
    expect(page.locator("#chosen")).to_have_text("1 selected")
    assert page.locator("[data-bulk]:visible").all_text_contents() == ["Retry…", "Rerun…"]
    page.locator(shown_row(page, ui, "QUEUED")).get_by_role("checkbox").check()
    assert page.locator("[data-bulk]:visible").all_text_contents() == ["Retry…", "Cancel…", "Rerun…", "Priority…"]


def test_a_bulk_action_says_its_scope_and_goes_to_its_account(ui: Ui, browser_page: Page) -> None:
    page = browser_page
    page.goto(ui.at("/jobs?q=status:FAILED"))
    for shows in ("FAILED otherwise", "FAILED alike 0"):
        page.locator(shown_row(page, ui, shows)).get_by_role("checkbox").check()
    page.get_by_role("button", name="Retry…").click()
    expect(page.locator("#bulk-says")).to_have_text("Retry 2 FAILED or CANCELLED jobs of those selected, in default.")
    page.locator("#bulk-go").click()
    page.wait_for_url(lambda url: "/operations/" in url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Retry jobs")
    with closing(ui.served.database.connect()) as conn:
        order = run(conn, jobs.get(WORKSPACE, UUID(page.url.rsplit("/", 1)[1])), SERVES_ALL)
    assert order is not None
    assert sorted(order.input["filter"]["ids"]) == sorted(
        ui.stage.jobs[shows] for shows in ("FAILED otherwise", "FAILED alike 0")
    )


def test_what_ends_many_jobs_wants_their_number_typed(ui: Ui, browser_page: Page) -> None:
    page = browser_page
    page.goto(ui.at("/jobs?q=status:PENDING"))
    page.get_by_role("button", name="All that match…").click()
    expect(page.locator("#chosen")).to_have_text("All 14 that match")
    page.get_by_role("button", name="Cancel…").click()
    go = page.locator("#bulk-go")
    expect(page.locator("#bulk-says")).to_contain_text("matching “status:PENDING”")
    expect(go).to_be_disabled()
    page.locator("#bulk-number").fill("1")
    expect(go).to_be_disabled()
    page.locator("#bulk-number").fill(page.locator("#bulk-count").text_content() or "")
    expect(go).to_be_enabled()


def test_a_selection_outlives_that_its_rows_are_drawn_anew(ui: Ui, browser_page: Page) -> None:
    page = browser_page
    page.goto(ui.at("/jobs?q=status:QUEUED"))
    row = page.locator(shown_row(page, ui, "QUEUED"))
    row.get_by_role("checkbox").check()
    before = [one.get_attribute("id") for one in page.locator("#rows [data-row]").all()]
    told(ui, f"jobs/{ui.stage.jobs['QUEUED']}/cancel")
    expect(row).to_have_attribute("data-gone", "")
    expect(row).to_contain_text("CANCELLED")
    expect(row.get_by_role("checkbox")).to_be_checked()
    assert [one.get_attribute("id") for one in page.locator("#rows [data-row]").all()] == before
    expect(page.get_by_role("button", name="Retry…")).to_be_visible()


def test_new_jobs_wait_behind_a_button_that_loads_them(ui: Ui, browser_page: Page) -> None:
    page = browser_page
    page.goto(ui.at("/jobs?q=type:fresh.one"))
    expect(page.locator("#rows")).to_contain_text("No job matches")
    told(ui, "jobs", type="fresh.one")
    expect(page.locator("#rows [data-row]")).to_have_count(1)  # an empty list has nothing that could jump
    page.reload()
    expect(page.locator("#pill")).to_have_attribute("data-state", "live")
    for _ in range(2):
        told(ui, "jobs", type="fresh.one")
    expect(page.locator("#fresh")).to_contain_text("2 new")
    expect(page.locator("#rows [data-row]")).to_have_count(1)
    page.locator("#fresh a").click()
    expect(page.locator("#rows [data-row]")).to_have_count(3)


def test_a_wrong_search_is_told_in_place_and_the_list_stays(ui: Ui, browser_page: Page, heard: object) -> None:
    heard.excuse("422")  # type: ignore[attr-defined]
    page = browser_page
    page.goto(ui.at("/jobs?q=status:FAILED"))
    count = page.locator("#rows [data-row]").count()
    page.locator("#q").fill("status:FAILED typ:render")
    page.locator("#q").press("Enter")
    expect(page.locator("#q-wrong")).to_contain_text("did you mean type?")
    assert page.url.endswith("q=status:FAILED")
    assert page.locator("#rows [data-row]").count() == count
    page.locator("#q").fill("status:FAILED type:video.render")
    page.locator("#q").press("Enter")
    page.wait_for_url(lambda url: url.endswith("type%3Avideo.render"))


def test_one_may_jump_to_a_time_of_ones_own_zone(ui: Ui, browser_page: Page) -> None:
    page = browser_page
    page.goto(ui.at("/jobs?q=type:video.render"))
    page.get_by_role("button", name="Jump to time…").click()
    page.get_by_label("Jobs created before").fill("2020-05-04T12:00:00")
    page.get_by_role("button", name="Jump", exact=True).click()
    page.wait_for_url(lambda url: "jump=2020-05-04T" in url and "q=type" in url)
    expect(page.locator("#rows")).to_contain_text("No job matches")
    page.get_by_role("link", name="Newest").click()
    expect(page.locator("#rows [data-row]").first).to_be_visible()


def test_taste_and_views_are_kept_in_the_browser(ui: Ui, browser_page: Page) -> None:
    page = browser_page
    page.goto(ui.at("/jobs?q=status:FAILED&t=-24h"))
    expect(page.locator("th.c-id")).to_be_hidden()
    page.locator("#columns-menu summary").click()
    page.get_by_label("Id", exact=True).check()
    expect(page.locator("th.c-id")).to_be_visible()
    page.locator("#views-menu summary").click()
    page.get_by_role("button", name="Save this view…").click()
    page.get_by_label("Name").fill("<b>mine</b>")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto(ui.at("/jobs"))
    expect(page.locator("th.c-id")).to_be_visible()
    page.locator("#views-menu summary").click()
    page.get_by_role("link", name="<b>mine</b>").click()
    page.wait_for_url(lambda url: url.endswith("q=status%3AFAILED&t=-24h"))


def test_what_one_may_not_do_is_shown_and_cannot_be_pressed(guarded: Ui, browser: object) -> None:
    with browser.context(guarded.url) as (context, _heard):  # type: ignore[attr-defined]
        page = context.new_page()
        sign_in(page, guarded, Role.VIEWER, next="/w/default/jobs?q=status:FAILED")
        page.locator("[data-box]").first.check()
        expect(page.get_by_role("button", name="Retry…")).to_be_disabled()


def test_dialogs_and_menus_meet_what_helps_people_rely_on(ui: Ui, browser_page: Page) -> None:
    page = browser_page
    page.goto(ui.at("/jobs"))
    page.locator("#box-all").check()
    page.get_by_role("button", name="Cancel…").click()
    expect(page.locator("#bulk-number")).to_be_visible()
    assert violations(page) == []


def test_the_short_id_of_a_row_is_that_of_the_job(ui: Ui) -> None:
    id = UUID(ui.stage.jobs["COMPLETED"])
    assert short(id) in unescape(httpx2.get(ui.at(f"/jobs?q=id:{short(id)}")).text)
