"""Approvals: whoever looks has what it takes to answer, an answer carries what was filled in, and who was slower is told."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx2
import pytest
from pages.acting import on
from pages.browser import PATIENCE_MS, Chromium, Heard
from pages.conftest import Ui, sign_in
from pages.test_job_page import seen
from playwright.sync_api import BrowserContext, Page, expect

from jobtrail.core.scopes import ApiScope, Role

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def http(looked_at: Ui) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=looked_at.url, timeout=30) as client:
        yield client


def path_of(ui: Ui, shows: str) -> str:
    return f"/api/v1/jobs/{ui.stage.jobs[shows]}/gates/{ui.stage.ids[shows]}"


def test_a_card_says_who_asks_and_what_becomes_of_each_answer(looked_at: Ui, http: httpx2.Client) -> None:
    said = seen(http, f"/w/default/approvals/{looked_at.stage.ids['gate with a form']}")
    assert "gate with a form: publish to the channel?" in said
    assert "asked by gate with a form: trailer.mov → 1080p" in said and "video.render" in said
    assert "If yes the job goes on where it stopped." in said
    assert "If no the job is told, and ends as CANCELLED" in said
    assert re.search(r"If nobody answers it expires in (2 h|1\d\d min) , which counts as a no", said)
    assert "https://example.org/trailer.mov" in said
    raw = http.get(f"/w/default/approvals/{looked_at.stage.ids['gate with a form']}").text
    assert re.search(r'<img src="/api/v1/assets/[\w-]+/content" alt="frame.png" loading="lazy"', raw)


def test_the_form_of_a_gate_has_a_field_for_each_of_its_properties(looked_at: Ui, http: httpx2.Client) -> None:
    raw = http.get(f"/w/default/approvals/{looked_at.stage.ids['gate with a form']}").text
    found = re.findall(r'<(input|select|textarea)[^>]* name="(form[^"]*)"[^>]*', raw)
    assert sorted(found) == [
        ("input", "form.copies"),
        ("input", "form.loud"),
        ("input", "form.title"),
        ("select", "form.when"),
    ]
    assert 'data-as="json"' not in raw


def test_who_is_not_asked_is_told_who_is(looked_at: Ui, http: httpx2.Client) -> None:
    id = looked_at.stage.ids["gate with approvers"]
    said = seen(http, f"/w/default/approvals/{id}")
    assert "Only ben@example.org, me may decide this." in said and "0 of 2 have approved" in said
    assert "data-decide" not in http.get(f"/w/default/approvals/{id}").text
    assert id not in http.get("/w/default/approvals", params={"mine": "true"}).text
    assert id in http.get("/w/default/approvals").text


def test_decided_questions_say_who_decided_and_why(looked_at: Ui, http: httpx2.Client) -> None:
    said = seen(http, "/w/default/approvals?show=decided")
    assert "✓ APPROVED Send it?" in said and "✗ REJECTED Send it?" in said
    assert said.count("“fine”") == 2 and "key " in said
    assert "publish to the channel" not in said


def test_decided_questions_go_on_before_a_place(ui: Ui) -> None:
    stage = on(ui)
    with httpx2.Client(base_url=ui.url, timeout=30) as http:
        made = [stage.begun(f"more {n}") for n in range(31)]
        for job in made:
            gate = stage.tell(job, "gates", {"question": f"Is {job['job_id']} good?"})["gate_id"]
            stage.made(f"jobs/{job['job_id']}/gates/{gate}/reject", 200)
        first = http.get("/w/default/approvals?show=decided").text
        older = re.search(r'href="([^"]+before=[^"]+)"', first)
        assert older is not None
        second = http.get(older[1].replace("&amp;", "&")).text
        asked = [re.findall(r"Is ([\w-]+) good\?", page) for page in (first, second)]
        assert asked[0] + asked[1] == [job["job_id"] for job in reversed(made)] and asked[1]


def test_a_gate_of_elsewhere_is_not_there(ui: Ui) -> None:
    other = ui.served.workspace("elsewhere")
    key = ui.served.key(workspace=other)
    for path in (
        f"/w/elsewhere/approvals/{ui.stage.ids['plain gate']}",
        f"/api/v1/gates/{ui.stage.ids['plain gate']}/decisions",
    ):
        assert ui.served.client(key).get(path).status_code == 404, path


def test_a_viewer_sees_the_question_and_cannot_press(browser: Chromium, guarded: Ui) -> None:
    with browser.context(guarded.url) as (context, heard):
        page = context.new_page()
        sign_in(page, guarded, Role.VIEWER)
        page.goto(guarded.at("/approvals"))
        one = page.locator(f'[id="gate-{guarded.stage.ids["plain gate"]}"]')
        expect(one.get_by_role("button", name="Approve")).to_be_disabled()
        expect(one.get_by_role("button", name="Reject")).to_be_disabled()
        assert heard.loud() == []


def test_an_approval_with_changes_carries_what_was_filled_in(browser_page: Page, ui: Ui) -> None:
    stage = on(ui)
    browser_page.goto(ui.at("/approvals"))
    expect(browser_page).to_have_title(re.compile(r"^\(3\) Approvals"))
    one = browser_page.locator(f'[id="gate-{ui.stage.ids["gate with a form"]}"]')
    expect(one.get_by_role("button", name="Approve", exact=True)).to_be_visible()
    one.get_by_label("Title").fill("Heat pumps, it's explained")
    one.get_by_label("when").select_option("tomorrow")
    one.get_by_label("loud").check()
    one.get_by_label("copies").fill("2")
    one.get_by_label("Note").fill("go")
    twin = one.locator("[data-cli-shown]")
    expect(twin).to_contain_text("title='Heat pumps, it'\\''s explained'")
    expect(twin).to_contain_text("copies:=2")
    one.get_by_role("button", name="Approve with changes").click()
    expect(one).to_have_count(0)
    expect(browser_page).to_have_title(re.compile(r"^\(2\) Approvals"))
    (said,) = stage.http.get(f"/api/v1/gates/{ui.stage.ids['gate with a form']}/decisions").json()["items"]
    assert said["form"] == {"title": "Heat pumps, it's explained", "when": "tomorrow", "loud": True, "copies": 2}
    assert (said["approved"], said["comment"]) == (True, "go")


def test_a_rejection_needs_no_form(browser_page: Page, ui: Ui) -> None:
    stage = on(ui)
    browser_page.goto(ui.at("/approvals"))
    one = browser_page.locator(f'[id="gate-{ui.stage.ids["gate with a form"]}"]')
    one.get_by_label("Title").fill("")
    one.get_by_label("Note").fill("not today")
    one.get_by_role("button", name="Reject").click()
    expect(one).to_have_count(0)
    (said,) = stage.http.get(f"/api/v1/gates/{ui.stage.ids['gate with a form']}/decisions").json()["items"]
    assert (said["approved"], said["comment"], said["form"]) == (False, "not today", None)


def test_who_was_slower_is_told_who_was_faster(browser_page: Page, ui: Ui, heard: Heard) -> None:
    stage = on(ui)
    heard.excuse("409")
    browser_page.goto(ui.at("/approvals"))
    one = browser_page.locator(f'[id="gate-{ui.stage.ids["plain gate"]}"]')
    browser_page.locator("#pill").click()  # so that nothing tells this page meanwhile
    expect(browser_page.locator("#pill")).to_have_attribute("data-state", "paused")
    answer = stage.http.post(f"{path_of(ui, 'plain gate')}/reject", json={})
    assert answer.status_code == 200
    one.get_by_role("button", name="Approve").click()
    expect(browser_page.get_by_text("was faster: it is rejected already.")).to_be_visible()
    expect(one.get_by_role("alert")).to_be_hidden()
    browser_page.locator("#pill").click()
    expect(one).to_have_count(0)


def test_what_is_being_written_stays_while_the_page_goes_on(browser_page: Page, ui: Ui) -> None:
    stage = on(ui)
    browser_page.goto(ui.at("/approvals"))
    expect(browser_page.locator("#pill")).to_have_attribute("data-state", "live")
    one = browser_page.locator(f'[id="gate-{ui.stage.ids["gate with a form"]}"]')
    one.get_by_label("Title").fill("half a sent")
    one.get_by_label("loud").check()
    browser_page.get_by_role("heading", name="Approvals").click()
    job = stage.begun("another that asks")
    stage.tell(job, "gates", {"question": "And this one?"})
    expect(browser_page.get_by_role("heading", name="And this one?")).to_be_visible()
    expect(one.get_by_label("Title")).to_have_value("half a sent")
    expect(one.get_by_label("loud")).to_be_checked()
    expect(one.get_by_role("button", name="Approve with changes")).to_be_visible()


def test_a_gate_that_needs_two_says_who_has_approved(browser_page: Page, ui: Ui) -> None:
    stage = on(ui)
    job = stage.begun("two must")
    gate = stage.tell(job, "gates", {"question": "Both of you?", "needed": 2})["gate_id"]
    browser_page.goto(ui.at("/approvals"))
    one = browser_page.locator(f'[id="gate-{gate}"]')
    one.get_by_role("button", name="Approve").click()
    expect(browser_page.get_by_text("Approved; more must approve.")).to_be_visible()
    expect(one.get_by_text("You have approved it; 1 more must approve.")).to_be_visible()
    expect(one.get_by_text("1 of 2 have approved")).to_be_visible()
    assert stage.http.get(f"/api/v1/gates/{gate}").json()["status"] == "WAITING"


def test_what_was_said_is_taken_back_on_the_card(browser_page: Page, ui: Ui) -> None:
    stage = on(ui)
    job = stage.begun("two must")
    gate = stage.tell(job, "gates", {"question": "Both of you?", "needed": 2, "comment_required": True})["gate_id"]
    browser_page.goto(ui.at(f"/approvals/{gate}"))
    one = browser_page.locator(f'[id="gate-{gate}"]')
    one.get_by_role("button", name="Approve").click()
    assert stage.http.get(f"/api/v1/gates/{gate}/decisions").json()["items"] == [], (
        "the browser asks for the note first"
    )
    one.get_by_label("Note").fill("as agreed")
    one.get_by_role("button", name="Approve").click()
    one.get_by_role("button", name="Take it back").click()
    expect(one.get_by_role("button", name="Approve")).to_be_visible()
    assert stage.http.get(f"/api/v1/gates/{gate}/decisions").json()["items"] == []


def test_who_asked_for_a_job_is_told_that_somebody_else_must_decide(ui: Ui) -> None:
    stage = on(ui)
    said = {"question": "My own?", "no_self_approval": True, "escalate_to": ["role:OWNER"], "escalate_after_seconds": 60,
            "approvers": ["role:VIEWER"], "expires_in_seconds": 600, "on_expire": "FAIL"}  # fmt: skip
    with httpx2.Client(base_url=ui.url, timeout=30) as local:
        id = local.post("/api/v1/jobs", json={"type": stage.type, "queue": stage.media, "priority": 10}).json()["id"]
        gate = stage.tell(stage.taken(id), "gates", said)["gate_id"]
        own = seen(local, f"/w/default/approvals/{gate}")
        assert "You asked for this job yourself, so somebody else must decide." in own
        theirs = stage.tell(stage.begun("of a key"), "gates", said)["gate_id"]
        others = seen(local, f"/w/default/approvals/{theirs}")
    assert "yourself" not in others and "Approve" in others
    assert "role:VIEWER, but not who enqueued the job" in others
    assert "role:OWNER may decide as well" in others and "and the job fails." in others


def test_word_of_new_questions_is_given_to_who_asks_for_it_only(browsing: tuple[BrowserContext, Heard], ui: Ui) -> None:
    context = browsing[0]
    context.grant_permissions(["notifications"], origin=ui.url)
    page = context.new_page()
    page.goto(ui.at("/approvals"))
    page.get_by_role("button", name="Notify me of new questions").click()
    button = page.get_by_role("button", name="Stop notifying me")
    expect(button).to_have_attribute("aria-pressed", "true")
    page.reload()
    button.click()
    expect(page.get_by_role("button", name="Notify me of new questions")).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize(
    ("path", "scopes"),
    [
        ("approvals", {ApiScope.GATES_READ, ApiScope.ASSETS_READ, ApiScope.JOBS_READ}),
        ("files", {ApiScope.ASSETS_READ, ApiScope.JOBS_READ}),
        ("workers", {ApiScope.WORKERS_READ, ApiScope.JOBS_READ}),
        ("tasks", {ApiScope.TASKS_READ, ApiScope.PROJECTS_READ}),
    ],
)
def test_a_page_tells_nothing_that_its_reader_may_not_read(ui: Ui, path: str, scopes: set[ApiScope]) -> None:
    whole = ui.served.client(ui.served.key(scopes=scopes))
    assert whole.get(f"/w/default/{path}").status_code == 200
    for missing in scopes:
        part = ui.served.client(ui.served.key(scopes=scopes - {missing}))
        assert part.get(f"/w/default/{path}").status_code == 403, missing
