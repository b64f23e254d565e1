"""Every screen, in both themes, with all its dialogs: axe finds nothing that keeps anybody out, and telephones show it whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages.browser import Chromium, screens_fit
from pages.conftest import Ui
from pages.screens import INSIDE, NO_SCREENS, addresses
from playwright.sync_api import Page

from jobtrail.web.pages.table import SCREENS
from jobtrail.web.routing import HTML, Route

AXE = (Path(__file__).parent / "vendor/axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOK = "async (tags) => (await axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})).violations"
EVERY = pytest.mark.parametrize("route", INSIDE, ids=lambda route: route.path)


def violations(page: Page) -> list[str]:
    """What axe has against a page as it stands."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found: list[dict[str, Any]] = page.evaluate(LOOK, RULES)
    return [
        f"{one['id']} ({one['impact']}): {node['target']} {node['html'][:160]} — {node['failureSummary'].splitlines()[-1].strip()}"
        for one in found
        for node in one["nodes"][:5]
    ]


def in_dialogs(page: Page) -> Iterator[tuple[str, list[str]]]:
    """The same with each dialog open."""
    for id in page.evaluate("[...document.querySelectorAll('dialog[id]')].map((one) => one.id)"):
        page.evaluate("(id) => document.getElementById(id).showModal()", id)
        yield id, violations(page)
        page.evaluate("(id) => document.getElementById(id).close()", id)


def test_every_route_of_the_table_is_a_screen_or_known_to_be_none() -> None:
    assert {route.path for route in SCREENS if route.gives != HTML} == NO_SCREENS
    assert INSIDE


@EVERY
def test_every_screen_has_addresses(looked_at: Ui, route: Route) -> None:
    assert list(addresses(route, looked_at.stage)), route.path


@pytest.mark.parametrize("theme", ["light", "dark"])
@EVERY
def test_axe_finds_nothing(browser: Chromium, looked_at: Ui, route: Route, theme: str) -> None:
    found: dict[str, list[str]] = {}
    with browser.context(looked_at.url, color_scheme=theme) as (context, heard):
        page = context.new_page()
        for address in addresses(route, looked_at.stage):
            page.goto(f"{looked_at.url}{address}")
            assert page.locator("html").get_attribute("data-theme") == theme
            assert page.locator("h1").count() == 1, f"{address} has no headline, or several"
            found[str(address)] = violations(page)
            found |= {f"{address} #{dialog}": said for dialog, said in in_dialogs(page)}
        assert {where: said for where, said in found.items() if said} == {}
        assert heard.loud() == []


@EVERY
def test_a_telephone_shows_it_without_scrolling_sideways(browser: Chromium, looked_at: Ui, route: Route) -> None:
    wider = {}
    for width in (390, 360):
        with browser.context(looked_at.url, viewport={"width": width, "height": 844}) as (context, heard):
            page = context.new_page()
            for address in addresses(route, looked_at.stage):
                page.goto(f"{looked_at.url}{address}")
                wider[f"{address} at {width} px"] = screens_fit(page)
            assert heard.loud() == []
    assert {where: by for where, by in wider.items() if by > 0} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_login_keeps_nobody_out(browser: Chromium, guarded: Ui, theme: str) -> None:
    narrow = {"width": 360, "height": 740}
    with browser.context(guarded.url, color_scheme=theme, viewport=narrow) as (context, heard):
        page = context.new_page()
        page.goto(guarded.at("/jobs"))
        assert "/login?next=" in page.url
        assert violations(page) == []
        assert screens_fit(page) == 0
        assert heard.loud() == []


@pytest.mark.parametrize(
    "path", ["/w/default/nowhere", "/w/nobody/jobs", "/w/default/jobs/01a20113-c28b-7274-9d0c-ef649e7c3971"]
)
def test_a_page_that_is_not_there_keeps_nobody_out(browser: Chromium, looked_at: Ui, path: str) -> None:
    with browser.context(looked_at.url) as (context, heard):
        heard.excuse("404")
        page = context.new_page()
        page.goto(looked_at.url + path)
        assert violations(page) == []
        assert heard.loud() == []
