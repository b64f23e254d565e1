"""The page of one job: its state first, what ran when, its trail, and the way back in time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx2
import pytest
from pages.browser import PATIENCE_MS, Chromium
from pages.conftest import Ui, sign_in
from pages.test_axe import violations
from playwright.sync_api import Page, expect
from scene import SERVES_ALL

from jobtrail.core.export import verify_export
from jobtrail.core.ids import short
from jobtrail.core.scopes import Role
from jobtrail.service import headlines
from jobtrail.store.db import Scope, run

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def http(looked_at: Ui) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=looked_at.url, timeout=30) as client:
        yield client


def seen(http: httpx2.Client, path: str, *regions: str) -> str:
    """What stands on a page, without its markup; of a part that is asked for alone, this."""
    answer = http.get(path, headers={"Jobtrail-Region": " ".join(regions)} if regions else {})
    assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:500]}"
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def of(ui: Ui, shows: str, more: str = "") -> str:
    return f"/w/default/jobs/{ui.stage.jobs[shows]}{more}"


def events(http: httpx2.Client, id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = http.get(f"/api/v1/jobs/{id}/events", params={"limit": 1000}).json()["items"]
    return found


def test_a_failed_job_shows_first_where_it_failed(looked_at: Ui, http: httpx2.Client) -> None:
    said = seen(http, of(looked_at, "FAILED after three attempts"))
    assert said.index("Step “upload” failed, attempt 4") < said.index("ERROR: no answer") < said.index("Timeline Logs")
    assert "TimeoutError: upload took > 30 s" in said and "Stack trace" in said
    assert "It failed 2 times" in said and "▚ 1 loss" in said
    raw = http.get(of(looked_at, "FAILED after three attempts")).text
    assert re.search(r'<details class="card failure" id="failure" open>', raw)
    assert not re.search(
        r'<details class="card failure" id="failure" open>',
        http.get(of(looked_at, "FAILED after three attempts", "/events")).text,
    )


def test_a_lost_attempt_differs_from_a_failed_one_in_word_and_texture(looked_at: Ui, http: httpx2.Client) -> None:
    raw = http.get(of(looked_at, "FAILED after three attempts")).text
    rows = dict(re.findall(r'id="(attempt-\d)".*?<rect class="([\w-]+)"', raw, re.DOTALL))
    assert rows == {"attempt-1": "t-cut", "attempt-2": "t-lost", "attempt-3": "t-failed", "attempt-4": "t-failed"}
    said = seen(http, of(looked_at, "FAILED after three attempts"), "timeline")
    assert "LOST its worker process is gone" in said and "remembered in attempt 2 to 4" in said


def test_every_job_of_the_scene_has_its_pages(looked_at: Ui, http: httpx2.Client) -> None:
    for shows, id in looked_at.stage.jobs.items():
        last = events(http, id)[-1]["at"]
        for tab in ("", "?view=table", "/events", f"?at={quote(last)}", f"/events?at={quote(last)}"):
            raw = http.get(of(looked_at, shows, tab))
            assert raw.status_code == 200, f"{shows}{tab}: {raw.text[:400]}"
            assert raw.text.count("<h1") == 1 and not re.search(r'\sstyle=|\son\w+="', raw.text)


def test_the_table_twin_has_each_bar_with_its_times(looked_at: Ui, http: httpx2.Client) -> None:
    raw = http.get(of(looked_at, "FAILED after three attempts", "?view=table")).text
    cells = [
        re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        for row in re.findall(r"<tr>(.*?)</tr>", raw, re.DOTALL)
    ]
    found = [(row[0], row[2], row[3]) for row in cells[1:] if row[0] in ("upload", "attempt 2")]
    assert found == [("attempt 2", "2", "▚ lost"), ("upload", "3", "✗ failed"), ("upload", "4", "✗ failed")]
    assert "<svg" not in raw[raw.index('id="timeline"') : raw.index("</main>")]


def test_failed_only_leaves_out_what_went_well(looked_at: Ui, http: httpx2.Client) -> None:
    said = seen(http, of(looked_at, "FAILED after three attempts", "?failed=true"), "timeline")
    assert "upload" in said and "download" not in said and "Show all" in said


def test_cleanup_is_drawn_below_a_rule(looked_at: Ui, http: httpx2.Client) -> None:
    raw = http.get(of(looked_at, "COMPLETED")).text
    assert raw.index('class="tl-below"') < raw.index('id="phase-CLEANUP"') and raw.index("cleanup first") > raw.index(
        "tl-below"
    )
    assert raw.index('id="phase-VALIDATION"') < raw.index("tl-below")


@pytest.mark.parametrize(
    ("shows", "there", "absent"),
    [
        ("RUNNING", {"Cancel…", "Rerun"}, {"Retry", "Start now", "Signal…", "Priority…"}),
        ("FAILED otherwise", {"Retry", "Rerun"}, {"Cancel…", "Start now"}),
        ("COMPLETED", {"Rerun"}, {"Retry", "Cancel…"}),
        ("PENDING for SCHEDULE", {"Start now", "Cancel…", "Priority…"}, {"Retry"}),
        ("PENDING for SIGNAL", {"Signal…"}, {"Start now", "Retry"}),
        ("operation", set(), {"Rerun", "Rerun with edits…", "Retry"}),
        ("plain gate", {"Decide: plain gate: publish to the channel?"}, {"Retry"}),
    ],
)
def test_the_buttons_are_what_may_be_done(
    looked_at: Ui, http: httpx2.Client, shows: str, there: set[str], absent: set[str]
) -> None:
    raw = http.get(of(looked_at, shows)).text
    acts = unescape(re.sub(r"<[^>]+>", "|", raw[raw.index("job-acts") : raw.index('class="tabs"')]))
    labels = {label.strip() for label in acts.split("|")}
    assert there <= labels and not absent & labels


def test_a_viewer_sees_the_buttons_but_cannot_press_them(guarded: Ui, browser: Chromium) -> None:
    with browser.context(guarded.url) as (context, _):
        page = context.new_page()
        sign_in(page, guarded, Role.VIEWER)
        page.goto(guarded.at(f"/jobs/{guarded.stage.jobs['RUNNING']}"))
        expect(page.get_by_role("button", name="Cancel…")).to_be_disabled()
        expect(page.get_by_role("button", name="Rerun", exact=True)).to_be_disabled()


def test_going_back_shows_the_job_as_it_was_and_lets_nobody_act(looked_at: Ui, http: httpx2.Client) -> None:
    id = looked_at.stage.jobs["FAILED after three attempts"]
    trail = events(http, id)
    lost = next(event for event in trail if event["type"] == "job.lost")
    before = trail[trail.index(lost) - 1]
    said = seen(http, of(looked_at, "FAILED after three attempts", f"?at={quote(before['at'])}"))
    assert "State then: RUNNING , attempt 2" in said and "It ran on worker w-3f2, in attempt 2." in said
    assert "upload" not in said.partition("Timeline 1")[2] and "failed, attempt" not in said
    assert "Retry" not in said and "Rerun" not in said and "read only" in said
    after = seen(http, of(looked_at, "FAILED after three attempts", f"?at={quote(lost['at'])}"))
    assert "State then: QUEUED" in after and "It was ready and waited in queue" in after
    tabs = http.get(of(looked_at, "FAILED after three attempts", f"?at={quote(before['at'])}")).text
    assert len(re.findall(rf"/jobs/{id}(?:/\w+)?\?at=", tabs)) >= 6


def test_the_events_of_the_past_end_with_it(looked_at: Ui, http: httpx2.Client) -> None:
    id = looked_at.stage.jobs["FAILED after three attempts"]
    trail = events(http, id)
    raw = http.get(f"/w/default/jobs/{id}/events", params={"at": trail[4]["at"]}).text
    assert re.findall(r'id="event-(\d+)"', raw) == ["1", "2", "3", "4", "5"]


def test_events_are_narrowed_by_kind_and_go_on_page_by_page(looked_at: Ui, http: httpx2.Client) -> None:
    id = looked_at.stage.jobs["FAILED after three attempts"]
    trail = events(http, id)

    def shown(**query: str | int) -> list[int]:
        raw = http.get(f"/w/default/jobs/{id}/events", params=query).text
        return [int(seq) for seq in re.findall(r'id="event-(\d+)"', raw)]

    assert shown() == [event["seq"] for event in trail]
    assert shown(kind="step") == [event["seq"] for event in trail if event["type"].startswith("step.")]
    assert shown(kind="step,gate", before=10) == [
        e["seq"] for e in trail if e["type"].startswith("step.") and e["seq"] < 10
    ]
    assert shown(after=12) == [13, 14, 15, 16] and shown(before=3) == [1, 2]
    assert http.get(f"/w/default/jobs/{id}/events", params={"kind": "nonsense"}).status_code == 422
    assert "No event of this kind" in seen(http, f"/w/default/jobs/{id}/events?kind=budget")


def test_a_trail_is_verified_when_asked_for(ui: Ui) -> None:
    http, id = ui.served.client(""), ui.stage.jobs["COMPLETED"]
    assert "trail verified" in seen(http, of(ui, "COMPLETED", "/events?verify=true"))
    found = http.get(f"/api/v1/jobs/{id}/verify").json()
    assert found["ok"] and found["events"] == len(events(http, id)) and found["findings"] == []
    with closing(ui.served.database.as_admin()) as admin:
        admin.execute("set session_replication_role = replica")
        admin.execute('update jobtrail.events set payload = \'{"step": "other"}\' where job_id = %s and seq = 3', (id,))
    said = seen(http, of(ui, "COMPLETED", "/events?verify=true"))
    assert "trail was changed" in said and "event 3 is not the one that was written" in said
    assert not http.get(f"/api/v1/jobs/{id}/verify").json()["ok"]
    assert http.get(f"/api/v1/jobs/{UUID(int=7)}/verify").status_code == 404


def test_an_exported_trail_can_be_verified_elsewhere(looked_at: Ui, http: httpx2.Client) -> None:
    answer = http.get(f"/api/v1/jobs/{looked_at.stage.jobs['COMPLETED']}/trail")
    assert answer.headers["content-disposition"].endswith('.trail.jsonl"')
    lines = answer.text.splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert verify_export(lines, [], []).ok
    lines[-3] = lines[-3].replace("job.", "jab.")
    assert not verify_export(lines, [], []).ok


def test_reruns_and_what_a_job_started_are_linked_both_ways(looked_at: Ui, http: httpx2.Client) -> None:
    first, again = looked_at.stage.jobs["COMPLETED"], looked_at.stage.jobs["rerun"]
    assert f"/jobs/{again}" in http.get(of(looked_at, "COMPLETED")).text
    assert f"/jobs/{first}" in http.get(of(looked_at, "rerun")).text and "rerun of" in seen(
        http, of(looked_at, "rerun")
    )
    assert f"/jobs/{looked_at.stage.jobs['child']}" in http.get(of(looked_at, "RUNNING")).text
    assert "started by" in seen(http, of(looked_at, "child"))


def test_a_short_link_finds_the_job(looked_at: Ui, http: httpx2.Client) -> None:
    id = looked_at.stage.jobs["COMPLETED"]
    for said in (id, short(UUID(id)), id.replace("-", "")):
        answer = http.get(f"/j/{said}", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/w/default/jobs/{id}"), said
    for wrong in (str(UUID(int=9)), "nothing", "%25", "ab"):
        assert http.get(f"/j/{wrong}", follow_redirects=False).status_code == 404, wrong


def test_a_job_of_nobody_is_not_found(looked_at: Ui, http: httpx2.Client) -> None:
    answer = http.get(f"/w/default/jobs/{UUID(int=5)}")
    assert answer.status_code == 404 and "There is nothing here" in answer.text
    assert http.get("/w/default/jobs/no-id").status_code == 422


def test_a_part_is_drawn_without_the_rest(looked_at: Ui, http: httpx2.Client) -> None:
    answer = http.get(of(looked_at, "RUNNING"), headers={"Jobtrail-Region": "head"}).text
    assert 'id="head"' in answer and 'id="timeline"' not in answer
    both = http.get(of(looked_at, "RUNNING"), headers={"Jobtrail-Region": "head timeline"}).text
    assert 'id="head"' in both and 'id="timeline"' in both and "<html" not in both
    for block in ("main", "tab", "strip", "travel", "nothing"):
        assert http.get(of(looked_at, "RUNNING"), headers={"Jobtrail-Region": block}).status_code == 200, block
        assert http.get(of(looked_at, "RUNNING", "/events"), headers={"Jobtrail-Region": block}).status_code == 200, (
            block
        )


def test_a_silent_worker_is_called_silent(ui: Ui) -> None:
    http, worker = ui.served.client(""), ui.stage.ids["worker_id"]
    with closing(ui.served.database.as_owner()) as owner:  # no verb lets time pass
        owner.execute("update jobtrail.workers set beat_at = beat_at - interval '250 s', "
                      "lease_until = jobtrail.clock() + interval '40 s' where id = %s", (worker,))  # fmt: skip
    said = seen(http, of(ui, "RUNNING"), "head")
    assert re.search(r"Its worker w-91c has been silent for \d{3} s; the job moves to another worker in \d+ s", said)


def test_the_usual_time_is_that_of_the_newest_completed(ui: Ui) -> None:
    with closing(ui.served.database.connect()) as conn:
        found = run(conn, headlines.usual(ui.stage.workspace, ui.stage.type), SERVES_ALL)
        nobody = run(conn, headlines.usual(ui.stage.workspace, "nobody.runs.this"), SERVES_ALL)
        other = run(conn, headlines.usual(UUID(int=1), ui.stage.type), Scope.of(UUID(int=1)))
    assert found is not None and found.jobs >= 2 and found.low <= found.middle <= found.high  # type: ignore[operator]
    assert nobody is not None and (nobody.jobs, nobody.middle) == (0, None) and other is not None and other.jobs == 0


# In a browser.


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_has_nothing_against_the_other_views(looked_at: Ui, browser: Chromium, theme: str) -> None:
    last = {shows: quote(when(looked_at, shows)) for shows in ("RUNNING", "FAILED after three attempts")}
    found = {}
    with browser.context(looked_at.url, color_scheme=theme) as (context, _):
        page = context.new_page()
        for shows, at in last.items():
            for more in (
                "?view=table",
                "?failed=true",
                f"?at={at}",
                f"/events?at={at}",
                "/events?verify=true",
                "/events?kind=budget",
            ):
                open_job(page, looked_at, shows, more)
                if wrong := violations(page):
                    found[shows + more] = wrong
    assert found == {}


def when(ui: Ui, shows: str) -> str:
    with httpx2.Client(base_url=ui.url, timeout=30) as client:
        return str(events(client, ui.stage.jobs[shows])[-2]["at"])


def open_job(page: Page, ui: Ui, shows: str, more: str = "") -> None:
    page.goto(ui.at(f"/jobs/{ui.stage.jobs[shows]}{more}"))


def test_the_tab_carries_the_state_of_the_job(ui: Ui, browser_page: Page) -> None:
    open_job(browser_page, ui, "FAILED otherwise")
    expect(browser_page).to_have_title(re.compile("^✗ FAILED otherwise"))
    assert browser_page.locator("#favicon").get_attribute("href").startswith("data:image/svg+xml")  # type: ignore[union-attr]


def test_a_running_job_is_seen_to_end_without_a_reload(ui: Ui, browser_page: Page) -> None:
    open_job(browser_page, ui, "RUNNING")
    expect(browser_page.locator("#head .status").first).to_contain_text("RUNNING")
    expect(browser_page.locator("#pill")).to_contain_text("live")
    said = {"job_id": ui.stage.ids["job_id"], "worker_id": ui.stage.ids["worker_id"]}
    ended = ui.served.client().post(f"/api/v1/attempts/{ui.stage.ids['attempt_id']}/complete", params=said, json={})
    assert ended.status_code == 200, ended.text
    expect(browser_page.locator("#head .status").first).to_contain_text("COMPLETED")
    expect(browser_page.locator("#attempt-1 rect").first).to_have_class("t-done")
    expect(browser_page).to_have_title(re.compile("^✓"))


def test_a_running_bar_grows_between_refreshes(ui: Ui, browser_page: Page) -> None:
    open_job(browser_page, ui, "RUNNING")
    wide = "() => parseFloat(document.querySelector('#attempt-1 rect[data-open]').getAttribute('width'))"
    was = browser_page.evaluate(wide)
    assert 50 < was < 100
    browser_page.wait_for_function(f"was => ({wide})() > was", arg=was)


def test_what_was_opened_stays_open_while_the_trail_goes_on(ui: Ui, browser_page: Page) -> None:
    open_job(browser_page, ui, "RUNNING", "/events")
    rows = browser_page.locator(".events tbody tr")
    before = len(events(ui.served.client(""), ui.stage.jobs["RUNNING"]))
    expect(rows).to_have_count(before)
    expect(browser_page.locator("#pill")).to_contain_text("live")
    browser_page.locator("#event-1 summary").click()
    expect(browser_page.locator("#event-1 pre")).to_be_visible()
    whose = {"job_id": ui.stage.ids["job_id"], "worker_id": ui.stage.ids["worker_id"]}
    told = ui.served.client().post(
        f"/api/v1/attempts/{ui.stage.ids['attempt_id']}/progress", params=whose, json={"percent": 90}
    )
    assert told.status_code == 200, told.text
    expect(rows).to_have_count(before + 1)
    expect(browser_page.locator("#event-1 pre")).to_be_visible()
    expect(browser_page.locator("#travel-range")).to_have_attribute("data-version", str(before + 1))


def test_a_job_is_cancelled_with_a_reason_from_its_page(ui: Ui, browser_page: Page) -> None:
    open_job(browser_page, ui, "PENDING for SCHEDULE")
    browser_page.get_by_role("button", name="Cancel…").click()
    browser_page.get_by_label("Why").fill("no longer wanted")
    browser_page.get_by_role("button", name="Cancel the job").click()
    expect(browser_page.locator("#head .status").first).to_contain_text("CANCELLED")
    job = ui.served.client().get(f"/api/v1/jobs/{ui.stage.jobs['PENDING for SCHEDULE']}").json()["job"]
    assert job["cancel_reason"] == "no longer wanted"


def test_brushing_zooms_and_the_address_says_so(ui: Ui, browser_page: Page) -> None:
    open_job(browser_page, ui, "COMPLETED")
    box = browser_page.locator("#attempt-1 .tl-bars").bounding_box()
    assert box is not None
    browser_page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 8)
    browser_page.mouse.down()
    browser_page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 8, steps=4)
    browser_page.mouse.up()
    expect(browser_page).to_have_url(re.compile(r"zoom=2\d\d\.\d-(49|50)\d\.\d"))
    wide = browser_page.locator("#attempt-1 svg").evaluate("svg => svg.getBoundingClientRect().width")
    assert 3.5 < wide / box["width"] < 4.5
    browser_page.reload()
    expect(browser_page.locator("#fit")).to_be_visible()
    browser_page.keyboard.press("0")
    expect(browser_page.locator("#fit")).to_be_hidden()
    expect(browser_page).not_to_have_url(re.compile("zoom="))


def test_a_phase_folds_and_stays_folded(ui: Ui, browser_page: Page) -> None:
    open_job(browser_page, ui, "COMPLETED")
    fold = browser_page.get_by_role("button", name="Setup")
    fold.click()
    expect(fold).to_have_attribute("aria-expanded", "false")
    step = browser_page.get_by_role("link", name="setup first")
    expect(step).to_be_hidden()
    fold.click()
    expect(step).to_be_visible()


def test_the_range_goes_back_and_the_page_follows(ui: Ui, browser_page: Page) -> None:
    open_job(browser_page, ui, "FAILED after three attempts", "/events")
    browser_page.locator("#travel [data-step='-1']").click()
    expect(browser_page.locator("#then")).to_contain_text("RUNNING, attempt 4")
    expect(browser_page.locator(".events tbody tr")).to_have_count(15)
    browser_page.locator("#travel [data-step='-1']").click()
    expect(browser_page.locator(".events tbody tr")).to_have_count(14)
    expect(browser_page).to_have_url(re.compile(r"[?&]at="))
    browser_page.locator("#travel-range").focus()
    browser_page.keyboard.press("Home")
    expect(browser_page.locator("#then")).to_contain_text("QUEUED")
    expect(browser_page.locator(".events tbody tr")).to_have_count(1)
    browser_page.locator("[data-now]").click()
    expect(browser_page.locator(".events tbody tr")).to_have_count(16)


def test_the_past_is_played_to_its_end(ui: Ui, browser_page: Page) -> None:
    open_job(browser_page, ui, "retried", "/events")
    browser_page.locator("#travel-play").click()
    expect(browser_page.locator("#travel output")).to_contain_text("event 1 of")
    last = len(events(ui.served.client(""), ui.stage.jobs["retried"]))
    expect(browser_page.locator("#travel output")).to_contain_text(f"event {last} of")
    expect(browser_page.locator("#then")).to_contain_text("COMPLETED")
