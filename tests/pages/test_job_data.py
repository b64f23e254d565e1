"""What a job took in and made, whole up to a size, and the form that reruns it with edits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from database import Database
from pages.browser import PATIENCE_MS
from pages.conftest import Ui
from pages.test_axe import violations
from playwright.sync_api import Page, expect
from scene import Scene, fence_of
from serving import Served, served

from jobtrail.core.payload import HEAD_BYTES, differences, payload
from jobtrail.core.status import Phase, StepStatus, StepType
from jobtrail.service import steps
from jobtrail.store.identity import new_id

expect.set_options(timeout=PATIENCE_MS)
BIG = 2**60 + 1


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[Served]:
    with served(database, tmp_path, local=True) as running:
        yield running


def read(web: Served, id: UUID, more: str = "/data") -> str:
    answer = httpx2.get(f"{web.url}/w/default/jobs/{id}{more}")
    assert answer.status_code == 200, answer.text[:400]
    return unescape(answer.text)


def job(scene: Scene, input: Any, **more: Any) -> UUID:
    return scene.enqueue(input=json.dumps(input).encode(), **more)


# Values.


def test_numbers_keep_all_their_digits(web: Served, scene: Scene) -> None:
    id = job(scene, {"n": BIG, "list": [BIG]})
    assert read(web, id).count(str(BIG)) >= 2
    whole = httpx2.get(f"{web.url}/w/default/jobs/{id}/data/input")
    assert str(BIG) in whole.text and json.loads(whole.text) == {"n": BIG, "list": [BIG]}
    assert whole.headers["content-disposition"] == f'attachment; filename="{id}-input.json"'


def test_a_long_value_is_shown_as_its_shape_and_its_beginning(web: Served, scene: Scene) -> None:
    id = job(scene, {"frames": [{"n": n, "name": f"frame {n}"} for n in range(9_000)]})
    page = read(web, id)
    assert "{frames: [9000 of {n: number, name: text}]}" in page and "download all of it" in page
    assert len(page) < 4 * HEAD_BYTES
    assert len(json.loads(httpx2.get(f"{web.url}/w/default/jobs/{id}/data/input").text)["frames"]) == 9_000


def test_a_value_of_many_parts_is_long_however_few_its_bytes() -> None:
    few, many = payload(["x" * 200_000]), payload([0] * 25_000)
    assert few.is_whole and not many.is_whole
    assert many.shape == "[25000 of number]" and len(many.text) <= HEAD_BYTES


def test_differences_are_found_wherever_they_are() -> None:
    before = {"same": [1, {"a": None}], "gone": 1, "type": 1, "list": [1, 2, 3]}
    after = {"same": [1, {"a": None}], "type": True, "list": [1, 9], "new": {"x": []}}
    found = [(one.path, one.before, one.after) for one in differences(before, after)]
    assert found == [("gone", "1", None), ("list[1]", "2", "9"), ("list[2]", "3", None), ("new", None, '{"x": []}'),
                     ("type", "1", "true")]  # fmt: skip
    assert differences(before, before) == []
    assert differences(1, "1") != [] and differences([], {}) != []


def test_outputs_of_steps_are_shown_short_and_fetched_long(web: Served, scene: Scene) -> None:
    id = job(scene, {})
    fence = fence_of(scene.claim()[0], scene.worker)
    made = {}
    for name, output in (("short", {"x": 1}), ("long", "y" * 20_000)):
        made[name] = new_id()
        scene.do(steps.begin(fence, made[name], name, name, Phase.EXECUTION, StepType.COMMAND))
        scene.do(steps.finish(fence, made[name], StepStatus.COMPLETED, output=json.dumps(output)))
    page = read(web, id)
    assert '"x": 1' in page and "yyyy" not in page and "Show it" in page
    assert "yyyy" in read(web, id, f"/data?step={made['long']}")
    assert httpx2.get(f"{web.url}/w/default/jobs/{id}/data/{made['long']}").json() == "y" * 20_000
    assert httpx2.get(f"{web.url}/w/default/jobs/{id}/data/{new_id()}").status_code == 404
    assert httpx2.get(f"{web.url}/w/default/jobs/{id}/data/nonsense").status_code == 404


def test_a_result_is_not_there_before_its_time(looked_at: Ui) -> None:
    id = looked_at.stage.jobs["COMPLETED"]
    now = unescape(httpx2.get(looked_at.at(f"/jobs/{id}/data")).text)
    assert '"frames": 4812' in now and "setup first" in now
    began = httpx2.get(f"{looked_at.url}/api/v1/jobs/{id}/events").json()["items"][0]["at"]
    then = unescape(httpx2.get(looked_at.at(f"/jobs/{id}/data"), params={"at": began}).text)
    assert "4812" not in then and "It had none at that time." in then and "setup first" not in then
    assert "trailer.mov" in then and "Rerun with edits" not in then


def test_a_rerun_is_compared_with_what_it_was_rerun_from(ui: Ui) -> None:
    id = ui.stage.jobs["COMPLETED"]
    before = httpx2.get(f"{ui.url}/api/v1/jobs/{id}").json()["job"]["input"]
    again = httpx2.post(f"{ui.url}/api/v1/jobs/{id}/rerun", json={"input": before | {"quality": "720p"}}).json()["id"]
    page = unescape(httpx2.get(ui.at(f"/jobs/{again}/data")).text)
    assert '<code>quality</code><div class="was">\N{MINUS SIGN} "1080p"</div><div class="is">+ "720p"</div>' in page
    third = httpx2.post(f"{ui.url}/api/v1/jobs", json={"type": "mail", "input": {"url": "elsewhere"}}).json()["id"]
    other = unescape(httpx2.get(ui.at(f"/jobs/{again}/data?other={third}")).text)
    assert '<code>url</code><div class="was">\N{MINUS SIGN} "elsewhere"</div>' in other
    assert httpx2.get(ui.at(f"/jobs/{again}/data?other={new_id()}")).status_code == 404


def test_the_systems_own_jobs_are_not_rerun_by_hand(looked_at: Ui) -> None:
    page = httpx2.get(looked_at.at(f"/jobs/{looked_at.stage.jobs['operation']}/rerun")).text
    assert "not rerun by hand" in page and 'id="rerun"' not in page


def test_a_value_of_another_workspace_is_not_there(web: Served, scene: Scene) -> None:
    id = job(scene, {"secret": 1})
    other = web.client(web.key(workspace=web.workspace("other")))
    for more in ("/data", "/data/input", "/rerun"):
        assert other.get(f"/w/other/jobs/{id}{more}").status_code == 404


# In a browser.


def test_a_value_is_a_tree_that_opens_branch_by_branch(web: Served, scene: Scene, browser: Any) -> None:
    value = {"big": BIG, "many": list(range(350)), "picture": "data:image/png;base64,AAAA", "long": "z" * 3_000}
    id = job(scene, value)
    with browser.context(web.url) as (context, heard):
        page = context.new_page()
        page.goto(f"{web.url}/w/default/jobs/{id}/data")
        tree = page.locator(".tree").first
        expect(tree).to_contain_text(f"big: {BIG}")
        expect(tree).to_contain_text("data: image/png, 26 characters")
        branch = tree.locator("details", has_text="many: [350]").last
        branch.locator("summary").click()
        expect(branch.locator("ul > li")).to_have_count(101)
        branch.get_by_role("button", name="250 more").click()
        expect(branch.locator("ul > li")).to_have_count(201)
        page.get_by_role("button", name="As text").first.click()
        expect(page.locator("pre[data-tree]").first).to_be_visible()
        assert violations(page) == [] and heard.loud() == []


def test_edits_show_what_changes_and_make_a_new_job(ui: Ui, browser_page: Page) -> None:
    page = browser_page
    id = ui.stage.jobs["COMPLETED"]
    page.goto(ui.at(f"/jobs/{id}/rerun"))
    expect(page.locator("#changes")).to_have_text("Nothing: it is the same.")
    page.get_by_label("quality").select_option("720p")
    expect(page.locator("#changes .was")).to_have_text('\N{MINUS SIGN} "1080p"')
    expect(page.locator("#changes .is")).to_have_text('+ "720p"')
    expect(page.locator("#twin-cli")).to_have_text(f"jobtrail job rerun {id.replace('-', '')[-8:]} quality=720p")
    assert violations(page) == []
    page.get_by_role("button", name="Rerun", exact=True).click()
    page.wait_for_url(lambda url: "/rerun" not in url)
    new = httpx2.get(f"{ui.url}/api/v1/jobs/{page.url.rsplit('/', 1)[1]}").json()["job"]
    old = httpx2.get(f"{ui.url}/api/v1/jobs/{id}").json()["job"]
    assert new["rerun_of"] == id and new["id"] != id
    assert new["input"] == old["input"] | {"quality": "720p"}


def test_what_is_not_edited_stays_as_it_was_to_the_last_digit(ui: Ui, browser_page: Page) -> None:
    page = browser_page
    input = {"url": "x", "n": BIG, "strange": {"": [None, 1.5, BIG], "__proto__": 1}, "quality": "1080p"}
    id = httpx2.post(f"{ui.url}/api/v1/jobs", json={"type": "video.render", "input": input}).json()["id"]
    page.goto(ui.at(f"/jobs/{id}/rerun"))
    expect(page.locator("#changes")).to_have_text("Nothing: it is the same.")
    page.get_by_role("button", name="Rerun", exact=True).click()
    page.wait_for_url(lambda url: "/rerun" not in url)
    assert httpx2.get(f"{ui.url}/api/v1/jobs/{page.url.rsplit('/', 1)[1]}").json()["job"]["input"] == input
