"""The page of a link to a gate, in a browser without a login: it keeps nobody out, shows no more than the question, and takes
one answer, also where scripts do not run."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from database import TestServer
from pages.acting import on
from pages.browser import PATIENCE_MS, Chromium, screens_fit
from pages.conftest import Staged, Ui, shown, sign_in
from pages.strange import PAYLOADS
from pages.test_axe import violations
from playwright.sync_api import expect

from jobtrail.core.scopes import Role

PWNED = "document.querySelector('[pwned]') !== null || window.ran === 1"
expect.set_options(timeout=PATIENCE_MS)


def made(ui: Ui, shows: str = "gate with a form", person: str = "ida@example.net") -> str:
    url: str = on(ui).made(f"gates/{ui.stage.ids[shows]}/links", person=person)["url"]
    return url


def decisions(ui: Ui, shows: str = "gate with a form") -> list[dict[str, object]]:
    found: list[dict[str, object]] = on(ui).http.get(f"/api/v1/gates/{ui.stage.ids[shows]}/decisions").json()["items"]
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("link", ["link", "link that was used", "none"])
def test_the_page_keeps_nobody_out(browser: Chromium, looked_at: Ui, theme: str, link: str) -> None:
    narrow = {"width": 360, "height": 740}
    with browser.context(looked_at.url, color_scheme=theme, viewport=narrow) as (context, heard):
        heard.excuse("404")
        heard.excuse("410")
        page = context.new_page()
        page.goto(f"{looked_at.url}/g/{looked_at.stage.ids.get(link, 'gl_x')}")
        assert page.locator("html").get_attribute("data-theme") == theme
        assert page.locator("h1").count() == 1
        assert violations(page) == []
        assert screens_fit(page) == 0
        assert heard.loud() == []


@pytest.mark.parametrize("scripts", [True, False])
def test_a_person_without_a_login_fills_in_the_form_and_answers(browser: Chromium, guarded: Ui, scripts: bool) -> None:
    url = made(guarded)
    with browser.context(guarded.url, java_script_enabled=scripts) as (context, heard):
        heard.excuse("422")
        heard.excuse("410")
        page = context.new_page()
        page.goto(url)
        expect(page.get_by_text("A question for ida@example.net")).to_be_visible()
        page.get_by_label("Title").fill("Pumps")
        page.get_by_label("copies").fill("2")
        page.get_by_label("Note").fill("<b>fine</b>")
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
        page.goto(url)
        expect(page.get_by_text("This link was used")).to_be_visible()
        assert heard.loud() == []
    (said,) = decisions(guarded)
    assert (said["actor_id"], said["comment"]) == ("link:ida@example.net", "<b>fine</b>")
    assert said["form"] == {"title": "Pumps", "copies": 2, "loud": False}


def test_what_does_not_fit_is_said_and_nothing_is_lost(browser: Chromium, guarded: Ui) -> None:
    url = made(guarded)
    with browser.context(guarded.url) as (context, heard):
        heard.excuse("422")
        page = context.new_page()
        page.goto(url)
        page.evaluate("document.querySelector('form').noValidate = true")
        page.get_by_label("copies").fill("0")
        page.get_by_label("Note").fill("soon")
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_role("alert")).to_contain_text("copies must be at least 1")
        assert page.get_by_label("Note").input_value() == "soon"
        assert page.get_by_label("copies").input_value() == "0"
        assert violations(page) == []
    assert decisions(guarded) == []


def test_the_page_shows_the_question_and_nothing_of_the_job(guarded: Ui) -> None:
    with httpx2.Client(timeout=30) as nobody:
        text = nobody.get(made(guarded)).text
    assert "publish to the channel?" in text and "asked by" not in text.lower().replace("asked by the job", "")
    for hidden in (guarded.stage.jobs["gate with a form"], guarded.stage.ids["gate with a form"], "example.org/trailer.mov",
                   "frame.png", "/api/v1/", "/w/"):  # fmt: skip
        assert hidden not in text


def test_strange_words_stay_words(browser: Chromium, guarded: Ui) -> None:
    stage, job = on(guarded), None
    ran = {}
    with browser.context(guarded.url) as (context, heard):
        heard.excuse("422")
        page = context.new_page()
        for n, payload in enumerate(PAYLOADS):
            job = stage.begun(f"strange {n}")
            field = {
                "type": "string",
                "title": payload,
                "description": payload,
                "default": payload,
                "enum": [payload, "b"],
            }
            form = {"type": "object", "title": payload, "properties": {"a": field, "b": {**field, "enum": None}}}
            gate = stage.tell(job, "gates", {"question": f"May it? {_printable(payload)}", "form": form})["gate_id"]
            answer = stage.http.post(
                f"/api/v1/gates/{gate}/links", json={"person": "".join(payload.split())[:200] or "x"}
            )
            assert answer.status_code in (201, 422), answer.text
            if answer.status_code == 201:
                page.goto(answer.json()["url"])
                before = page.evaluate(PWNED)
                page.get_by_label("Note").fill(payload)
                page.evaluate("document.querySelector('[name=token]').remove()")
                page.evaluate("document.querySelector('[value=approve]').value = 'maybe'")
                page.get_by_role("button", name="Approve").click()
                page.get_by_role("alert").wait_for()
                ran[payload] = before or page.evaluate(PWNED)
        assert heard.loud() == []
    assert len(ran) > len(PAYLOADS) // 2
    assert {payload for payload, did in ran.items() if did} == set()


def _printable(payload: str) -> str:
    return "".join(each if each.isprintable() else " " for each in payload)


def test_a_link_is_made_and_taken_back_on_the_page_of_the_question(browser: Chromium, guarded: Ui) -> None:
    with browser.context(guarded.url) as (context, heard):
        page = context.new_page()
        sign_in(page, guarded, Role.OPERATOR, f"/w/default/approvals/{guarded.stage.ids['plain gate']}")
        page.get_by_role("button", name="Make a link").click()
        page.get_by_label("For whom").fill("zoe@example.net")
        page.get_by_role("button", name="Make", exact=True).click()
        secret = page.get_by_text("/g/gl_")
        expect(secret).to_be_visible()
        url = secret.text_content() or ""
        page.keyboard.press("Escape")
        row = page.get_by_role("row", name="zoe@example.net")
        expect(row).to_be_visible()
        row.get_by_role("button", name="Take back").click()
        expect(row).to_contain_text("taken back")
        assert heard.loud() == []
    with httpx2.Client(timeout=30) as nobody:
        assert nobody.get(url.strip()).status_code == 410


def test_under_a_prefix_it_is_the_same(
    browser: Chromium, database_server: TestServer, staged: Staged, tmp_path: Path
) -> None:
    with shown(database_server, staged, tmp_path, path_prefix="/jobs") as ui:
        url = made(ui, "plain gate")
        with browser.context(ui.url.removesuffix("/jobs")) as (context, heard):
            page = context.new_page()
            page.goto(url)
            page.get_by_role("button", name="Reject").click()
            expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
            assert heard.loud() == []
        assert [one["approved"] for one in decisions(ui, "plain gate")] == [False]
