"""Types, and the form for a new job: it is made of the schema of the input, stands in its address, and says its twins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
import pytest
from database import Database
from pages.browser import PATIENCE_MS, Heard
from pages.conftest import Ui
from pages.test_axe import violations
from playwright.sync_api import Page, expect
from scene import Scene
from serving import Served, served
from web.remote import Remote

expect.set_options(timeout=PATIENCE_MS)

TYPE = "shop.order"
SCHEMA: dict[str, Any] = {
    "$ref": "#/$defs/Order",
    "$defs": {
        "Order": {
            "type": "object",
            "required": ["customer", "speed"],
            "properties": {
                "customer": {"type": "string", "description": "Who it is for.", "maxLength": 40},
                "speed": {"enum": ["slow", "fast"]},
                "count": {"type": "integer", "minimum": 1, "default": 2},
                "gift": {"type": "boolean", "default": False},
                "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
                "address": {"anyOf": [{"$ref": "#/$defs/Address"}, {"type": "null"}], "default": None},
                "extra": {},
            },
        },
        "Line": {
            "type": "object",
            "required": ["sku"],
            "properties": {"sku": {"type": "string"}, "price": {"type": "number"}},
        },
        "Address": {"type": "object", "properties": {"street": {"type": "string"}}},
    },
}


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[Served]:
    with served(database, tmp_path, local=True) as running:
        yield running


def read(web: Served, path: str) -> str:
    answer = httpx2.get(f"{web.url}/w/default{path}")
    assert answer.status_code == 200, answer.text[:400]
    return unescape(answer.text)


def offered(ui: Ui, schema: dict[str, Any] = SCHEMA) -> None:
    """A worker that knows the type."""
    about = {TYPE: {"description": "Takes an order.", "input_schema": schema}}
    with httpx2.Client(base_url=ui.url, timeout=30) as http:
        Remote(http, name="w-shop", queues=["shop"], slots=1, types=[TYPE], described=about, lease_seconds=300)


def newest(ui: Ui) -> dict[str, Any]:
    found: dict[str, Any] = httpx2.get(f"{ui.url}/api/v1/jobs", params={"type": TYPE, "limit": 1}).json()["items"][0]
    return found


# What the server says.


def test_types_say_who_runs_them_and_how_their_newest_jobs_went(looked_at: Ui) -> None:
    page = unescape(httpx2.get(looked_at.at("/types")).text)
    for said in ("video.render", "Renders a clip.", "built-in", "newest 200 jobs", "agent.research"):
        assert said in page
    one = unescape(httpx2.get(looked_at.at("/types/video.render")).text)
    assert "w-91c" in one and "quality" in one and "trailer.mov" in one


def test_a_type_that_no_worker_knows_is_told_with_what_to_do(web: Served, scene: Scene) -> None:
    scene.enqueue(type="lost.type", queue="media")
    page = read(web, "/types/lost.type")
    assert "No live worker knows" in page and "jobtrail worker start -q media" in page
    assert httpx2.get(f"{web.url}/w/default/types/nobody").status_code == 404


def test_an_input_in_the_address_that_is_no_json_is_told(web: Served) -> None:
    assert "cannot be read" in read(web, "/new?type=command&input=%7Boops")
    assert "12345678901234567890123" in read(web, "/new?type=command&input=" + quote('{"n":12345678901234567890123}'))


def test_a_type_that_nobody_knows_may_be_handed_in_all_the_same(web: Served) -> None:
    assert "Nothing here and no worker knows" in read(web, "/new?type=some.day")


# In a browser.


def test_a_filled_in_form_becomes_the_job_that_it_says(ui: Ui, browser_page: Page) -> None:
    offered(ui)
    page = browser_page
    page.goto(ui.at(f"/new?type={TYPE}"))
    page.get_by_label("customer").fill("c42")
    page.get_by_label("speed").select_option("fast")
    page.get_by_text("1 more fields").or_(page.get_by_text("more fields")).first.click()
    page.get_by_label("count").fill("9007199254740993")
    page.get_by_role("button", name="Add").click()
    page.get_by_label("sku").fill("a-1")
    page.get_by_label("price").fill("1.5")
    page.locator("summary", has_text="Options").click()
    page.get_by_label("Queue").fill("shop")
    page.get_by_label("Priority, 1 to 10").fill("8")
    page.get_by_label("Tags, with commas").fill("red, big")
    expect(page.locator("#twin-cli")).to_contain_text(
        "jobtrail enqueue shop.order customer=c42 speed=fast count:=9007199254740993"
    )
    expect(page.locator("#twin-python")).to_contain_text('jobtrail.enqueue("shop.order", customer="c42"')
    expect(page.locator("#twin-curl")).to_contain_text('"tags":["red","big"]')
    page.get_by_role("button", name="Enqueue").click()
    page.wait_for_url(lambda url: "/jobs/" in url)
    job = newest(ui)
    assert page.url.endswith(job["id"])
    assert job["input"] == {
        "customer": "c42",
        "speed": "fast",
        "count": 2**53 + 1,
        "lines": [{"sku": "a-1", "price": 1.5}],
    }
    assert (job["queue"], job["priority"], job["tags"]) == ("shop", 8, ["red", "big"])


def test_the_filled_form_stands_in_its_address(ui: Ui, browser_page: Page) -> None:
    offered(ui)
    page = browser_page
    page.goto(ui.at(f"/new?type={TYPE}"))
    page.get_by_label("customer").fill("c42")
    page.get_by_label("speed").select_option("slow")
    page.locator("summary", has_text="Options").click()
    page.get_by_label("Unique key").fill("one & only")
    page.goto(page.evaluate("location.href"))
    expect(page.get_by_label("customer")).to_have_value("c42")
    expect(page.get_by_label("speed")).to_have_value("0")
    expect(page.get_by_label("Unique key")).to_have_value("one & only")
    page.get_by_label("When another job has the key").select_option("REPLACE")
    expect(page.locator("#twin-cli")).to_contain_text("--unique-key 'one & only' --on-conflict replace")
    expect(page.locator("#twin-python")).to_contain_text('on_conflict="REPLACE"')
    expect(page.locator("#twin-curl")).to_contain_text('"on_conflict":"REPLACE"')


def test_what_is_missing_or_wrong_is_told_at_its_field(ui: Ui, browser_page: Page) -> None:
    offered(ui)
    page = browser_page
    page.goto(ui.at(f"/new?type={TYPE}"))
    page.get_by_role("button", name="Enqueue").click()
    expect(page.locator('[data-at="input.customer"] .wrong')).to_have_text("this is needed")
    page.get_by_label("customer").fill("c42")
    page.get_by_label("speed").select_option("slow")
    page.get_by_text("more fields").first.click()
    page.get_by_label("count").fill("many")
    page.get_by_role("button", name="Enqueue").click()
    expect(page.locator('[data-at="input.count"] .wrong')).to_have_text("this must be a whole number")
    page.get_by_label("count").fill("3")
    expect(page.locator('[data-at="input.count"] .wrong')).to_have_count(0)
    assert urlsplit(page.url).path.endswith("/new")


def test_what_the_api_refuses_is_told_at_its_field(ui: Ui, browser_page: Page, heard: Heard) -> None:
    heard.excuse("422")
    page = browser_page
    page.goto(ui.at("/new?type=free.form&input=%7B%7D&priority=77"))
    page.get_by_role("button", name="Enqueue").click()
    expect(page.locator('[data-at="priority"] .wrong')).to_be_visible()
    page.get_by_label("Priority, 1 to 10").fill("7")
    page.get_by_label("Start after").fill("soon")
    page.get_by_role("button", name="Enqueue").click()
    expect(page.locator('[data-at="scheduled_at"] .wrong')).to_have_text("write 90s, 5m or 1h30m")


def test_fields_and_json_are_two_ways_to_the_same_input(ui: Ui, browser_page: Page) -> None:
    offered(ui)
    page = browser_page
    said = {"customer": "c42", "speed": "fast", "strange": {"n": 2**60}}
    page.goto(ui.at(f"/new?type={TYPE}&input={quote(json.dumps(said))}"))
    page.get_by_label("Edit as JSON").check()
    area = page.get_by_label("Input as JSON")
    assert json.loads(area.input_value()) == said
    area.fill(json.dumps(said | {"customer": "c43"}))
    page.get_by_label("Edit as JSON").uncheck()
    expect(page.get_by_label("customer")).to_have_value("c43")
    page.get_by_role("button", name="Enqueue").click()
    page.wait_for_url(lambda url: "/jobs/" in url)
    assert newest(ui)["input"] == said | {"customer": "c43"}


def test_a_schema_that_is_wrong_or_hostile_breaks_nothing(ui: Ui, browser_page: Page) -> None:
    strange = {
        "type": "object",
        "properties": {
            "loop": {"$ref": "#/properties/loop"}, "__proto__": {"type": "string"}, "no": 7, "any": {"enum": []},
            "<b>x</b>": {"type": "string", "description": "<script>window.ran=1</script>"}, "deep": {"items": {"items": {"items": {}}}, "type": "array"},
        },
        "required": "all",
    }  # fmt: skip
    offered(ui, strange)
    page = browser_page
    page.goto(ui.at(f"/new?type={TYPE}"))
    expect(page.get_by_label("<b>x</b>")).to_be_visible()
    page.get_by_label("<b>x</b>").fill("y")
    page.get_by_role("button", name="Enqueue").click()
    page.wait_for_url(lambda url: "/jobs/" in url)
    assert newest(ui)["input"] == {"<b>x</b>": "y"}


def test_every_installed_type_has_a_form_that_helps_people_can_use(ui: Ui, browser_page: Page) -> None:
    page = browser_page
    for type in ("command", "claude", "http", "nexrender", "video.render"):
        page.goto(ui.at(f"/new?type={type}"))
        expect(page.locator("#input-fields .field").first).to_be_visible()
        for fold in page.locator("#new-job details").all():
            fold.evaluate("one => { one.open = true; }")
        assert violations(page) == [], type


def test_a_command_has_two_shapes(ui: Ui, browser_page: Page) -> None:
    page = browser_page
    page.goto(ui.at("/new?type=command"))
    shape = page.get_by_label("Shape", exact=True)
    expect(shape.locator("option")).to_have_count(2)
    shape.select_option(index=1)
    expect(page.locator('[data-at="input.steps"]')).to_be_visible()
