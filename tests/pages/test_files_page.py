"""Files: shown where that is harmless, found by name and type, told apart when they have one name, and never run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx2
import pytest
from database import TestServer
from pages.acting import on
from pages.browser import PATIENCE_MS, Chromium, Heard
from pages.conftest import Staged, Ui, shown
from pages.stuff import FILES, png
from playwright.sync_api import Locator, Page, expect
from scene import ME, Scene
from service.people import ALL as EVERYTHING
from service.people import PASSWORD, person

from jobtrail.core.scopes import Role
from jobtrail.service import memberships

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def http(ui: Ui) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=ui.url, timeout=30) as client:
        yield client


def names(raw: str) -> list[str]:
    return [unescape(name) for name in re.findall(r'<li class="file [^>]*? data-name="([^"]*)"', raw)]


def tile(page: Page, name: str) -> Locator:
    return page.locator(f'.file[data-name="{name}"]')


def files_of(ui: Ui) -> str:
    return f"/w/default/jobs/{ui.stage.jobs['COMPLETED']}/files"


def test_each_file_is_shown_as_what_may_be_shown(ui: Ui, http: httpx2.Client) -> None:
    raw = http.get(files_of(ui)).text
    looks = {
        unescape(name): look
        for name, look in re.findall(r'<li class="file [^>]*? data-name="([^"]*)"[^>]*? data-look="(\w+)"', raw)
    }
    wanted = {"frame.png": "image", "photo.jpg": "image", "preview.mp4": "video", "voice.wav": "audio", "pages.csv": "csv",
              "data.json": "text", "page.html": "text", "drawing.svg": "text", "report.pdf": "other", "data.bin": "other"}  # fmt: skip
    assert {name: looks[name] for name in wanted} == wanted
    assert set(looks) == set(FILES)
    assert "<iframe" not in raw and "<object" not in raw and "<embed" not in raw
    assert "made by render, attempt 1" in raw


def test_the_newest_comes_first_and_the_list_goes_on(ui: Ui, http: httpx2.Client) -> None:
    stage = on(ui)
    job = stage.begun("many files")
    made = [f"frame-{n:02}.png" for n in range(50)]
    for name in made:
        stage.tell(job, "assets", name.encode(), name=name, media_type="image/png")
    first = http.get(f"/w/default/jobs/{job['job_id']}/files").text
    more = re.search(r'rel="next" href="([^"]+)"', first)
    assert more is not None
    second = http.get(unescape(more[1])).text
    assert names(first) + names(second) == made[::-1] and len(names(first)) == 48


def test_files_are_found_by_a_part_of_their_name_and_by_type(http: httpx2.Client) -> None:
    assert set(names(http.get("/w/default/files", params={"name": "FRAME"}).text)) == {"frame.png"}
    assert set(names(http.get("/w/default/files", params={"media": "video"}).text)) == {"preview.mp4"}
    assert set(names(http.get("/w/default/files", params={"media": "pdf", "name": "report"}).text)) == {"report.pdf"}
    assert "data.json" in names(http.get("/w/default/files", params={"media": "text"}).text)
    assert names(http.get("/w/default/files", params={"name": "100%_"}).text) == []
    assert "No file like that" in http.get("/w/default/files", params={"name": "nothing"}).text
    assert http.get("/w/default/files", params={"media": "nonsense"}).status_code == 422


def test_the_files_of_a_job_as_of_a_time_are_those_that_were_there(ui: Ui, http: httpx2.Client) -> None:
    stage = on(ui)
    job = stage.begun("files over time")
    first = stage.tell(job, "assets", b"1", name="one.txt", media_type="text/plain")
    stage.tell(job, "assets", b"2", name="two.txt", media_type="text/plain")
    path = f"/w/default/jobs/{job['job_id']}/files"
    assert names(http.get(path).text) == ["two.txt", "one.txt"]
    assert names(
        http.get(path, params={"at": stage.http.get(f"/api/v1/assets/{first['id']}").json()["created_at"]}).text
    ) == ["one.txt"]


def test_a_large_file_is_not_shown_by_itself(ui: Ui, http: httpx2.Client) -> None:
    with ui.served.database.as_owner() as owner:
        owner.execute("alter table jobtrail.assets disable trigger user")
        owner.execute("update jobtrail.assets set byte_size = 60000000 where name = 'preview.mp4'")
    raw = http.get(files_of(ui)).text
    assert "too large to be shown by itself" in raw and "<video" not in raw


def test_a_table_is_read_from_the_first_bytes_of_a_csv(browser_page: Page, ui: Ui) -> None:
    browser_page.goto(f"{ui.url}{files_of(ui)}")
    tile(browser_page, "pages.csv").get_by_role("button", name="Open pages.csv").click()
    box = browser_page.get_by_role("dialog")
    expect(box.get_by_role("columnheader")).to_have_text(["page", "frames", "note"])
    expect(box.get_by_role("cell", name='a, quoted "note"').first).to_be_visible()
    expect(box.get_by_text("sha", exact=False).first).to_be_visible()


def test_pictures_are_leafed_through(browser_page: Page, ui: Ui) -> None:
    browser_page.goto(f"{ui.url}{files_of(ui)}?media=image")
    tile(browser_page, "photo.jpg").get_by_role("button", name="Open photo.jpg").click()
    box = browser_page.get_by_role("dialog")
    expect(box.get_by_role("heading")).to_have_text("photo.jpg")
    expect(box.get_by_text(re.compile(r"\d+ \S \d+ · 768 B"))).to_be_visible()
    browser_page.keyboard.press("ArrowRight")
    expect(box.get_by_role("heading")).to_have_text("frame.png")
    expect(box.get_by_role("button", name="Next file")).to_be_disabled()
    browser_page.keyboard.press("Escape")
    expect(box).to_be_hidden()


def test_film_and_sound_can_be_played(browser_page: Page, ui: Ui) -> None:
    browser_page.goto(f"{ui.url}{files_of(ui)}")
    for name in ("preview.mp4", "voice.wav"):
        media = tile(browser_page, name).locator("video, audio")
        expect(media).to_have_js_property("error", None)
        browser_page.wait_for_function("(one) => one.readyState > 0 && one.duration > 0", arg=media.element_handle())


def test_what_a_file_holds_is_text_and_never_runs(browser_page: Page, ui: Ui, heard: Heard) -> None:
    browser_page.goto(f"{ui.url}{files_of(ui)}")
    for name in ("page.html", "drawing.svg"):
        expect(tile(browser_page, name).locator("[data-text]")).to_contain_text("window.ran = 1")
        tile(browser_page, name).get_by_role("button", name=f"Open {name}").click()
        expect(browser_page.get_by_role("dialog").locator("pre")).to_contain_text("window.ran = 1")
        browser_page.keyboard.press("Escape")
    assert browser_page.evaluate("window.ran") is None
    assert heard.loud() == []


def test_files_of_one_name_are_laid_side_by_side(browser_page: Page, ui: Ui) -> None:
    stage = on(ui)
    job = stage.begun("made twice")
    stage.tell(job, "assets", png(colour=(200, 0, 0)), name="cover.png", media_type="image/png")
    stage.tell(job, "fail", {"message": "no", "retry": True, "retry_in_seconds": 0})
    stage.made(f"jobs/{job['job_id']}/start", 200)
    again = stage.taken(job["job_id"])
    stage.tell(again, "assets", png(colour=(0, 200, 0)), name="cover.png", media_type="image/png")
    browser_page.goto(f"{ui.url}/w/default/jobs/{job['job_id']}/files")
    browser_page.get_by_role("button", name="Compare 2 files named cover.png").first.click()
    box = browser_page.get_by_role("dialog")
    expect(box.locator("figcaption")).to_have_text([re.compile("attempt 1"), re.compile("attempt 2")])
    expect(box.locator("img")).to_have_count(2)
    expect(box.get_by_text("They differ.")).to_be_visible()


def test_what_was_made_since_the_page_opened_is_marked(browser_page: Page, ui: Ui) -> None:
    stage = on(ui)
    job = stage.begun("makes files")
    stage.tell(job, "assets", b"1", name="before.txt", media_type="text/plain")
    browser_page.goto(f"{ui.url}/w/default/jobs/{job['job_id']}/files")
    expect(browser_page.locator("#pill")).to_have_attribute("data-state", "live")
    stage.tell(job, "assets", b"2", name="after.txt", media_type="text/plain")
    expect(tile(browser_page, "after.txt").get_by_text("new", exact=True)).to_be_visible()
    expect(tile(browser_page, "before.txt").get_by_text("new", exact=True)).to_be_hidden()
    expect(tile(browser_page, "before.txt").locator("[data-text]")).to_have_text("1")


def test_somebody_of_two_workspaces_sees_the_files_of_each(browser: Chromium, guarded: Ui) -> None:
    served = guarded.served
    other = served.workspace("second")
    key = served.key(workspace=other)
    with served.database.connect() as conn:
        scene = Scene(conn)
        both = person(scene, "both", Role.OWNER)
        scene.do(memberships.add(other, both, Role.OWNER, ME, EVERYTHING))
    for name, content in (("here.png", png()), ("here.txt", b"of the second")):
        made = served.client(key).post("/api/v1/assets", params={"name": name}, content=content)
        assert made.status_code == 201
    with browser.context(guarded.url) as (context, heard):
        page = context.new_page()
        page.goto(f"{guarded.url}/login?next=/w/second/files")
        page.get_by_label("E-mail").fill("both@example.org")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/w/second/files")
        expect(tile(page, "here.txt").locator("[data-text]")).to_have_text("of the second")
        picture = tile(page, "here.png").locator("img")
        page.wait_for_function("(one) => one.naturalWidth > 0", arg=picture.element_handle())
        assert heard.loud() == []


def test_files_are_shown_under_a_prefix_too(
    browser: Chromium, database_server: TestServer, staged: Staged, tmp_path: Path
) -> None:
    with (
        shown(database_server, staged, tmp_path, local=True, path_prefix="/trail") as ui,
        browser.context(ui.url.removesuffix("/trail")) as (context, heard),
    ):
        page = context.new_page()
        page.goto(f"{ui.url}/w/default/jobs/{ui.stage.jobs['COMPLETED']}/files")
        page.wait_for_function(
            "(one) => one.naturalWidth > 0", arg=tile(page, "frame.png").locator("img").element_handle()
        )
        expect(tile(page, "captions.txt").locator("[data-text]")).to_contain_text("Gr")
        page.goto(f"{ui.url}/w/default/approvals")
        one = page.locator(f'[id="gate-{ui.stage.ids["plain gate"]}"]')
        one.get_by_role("button", name="Approve").click()
        expect(one).to_have_count(0)
        assert heard.loud() == []
