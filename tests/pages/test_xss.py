"""Whatever strangers and jobs write, it is shown and never run: on every screen nothing of it becomes an element, a handler, a
link that runs, a request to elsewhere or a message of the content policy."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from urllib.parse import quote

import pytest
from database import TestServer
from pages.browser import Chromium, Heard
from pages.conftest import UNHURRIED, Ui, sign_in
from pages.screens import INSIDE, addresses, query_names
from pages.stage import Stage
from pages.strange import PAYLOADS, Stranger
from playwright.sync_api import Error, Page
from serving import served

from jobtrail.web.routing import Route

ROUNDS = len(PAYLOADS) if os.environ.get("JOBTRAIL_DEEP") else 3
TOUCHED = """
() => {
  const found = [];
  if (window.ran || window.parent.ran || ({}).ran) found.push("something ran");
  for (const frame of document.querySelectorAll("iframe")) {
    try { if (frame.contentWindow.ran) found.push("something ran in a frame"); } catch { /* kept apart, as it should be */ }
  }
  for (const one of document.querySelectorAll("*")) {
    for (const name of one.getAttributeNames()) {
      const value = one.getAttribute(name).trim().toLowerCase();
      if (name.startsWith("on") || name === "pwned" || name === "srcdoc" || /^(data-)?hx-(on|get|post|vals)/.test(name)
          || (["href", "src", "action", "formaction", "xlink:href", "poster", "data"].includes(name)
              && /^[^a-z]*(j\\s*a\\s*v\\s*a\\s*s|vbscript|data:text)/.test(value))
          || (["href", "action"].includes(name) && one.tagName !== "A" && /^([a-z]+:)?\\/\\//.test(value)))
        found.push(`${one.tagName} ${name}=${value.slice(0, 80)}`);
    }
  }
  return found;
}
"""
POKE = """
() => { for (const one of document.querySelectorAll("*"))
  for (const type of ["mouseover", "focus", "mouseenter", "pointerover", "animationstart", "error", "load"])
    one.dispatchEvent(new Event(type, { bubbles: false })); }
"""
ROUND = pytest.mark.parametrize("number", range(ROUNDS))


def look(page: Page, url: str, heard: Heard) -> list[str]:
    """What became of strange words on a page, also after somebody has touched all of it."""
    answer = page.goto(url)
    assert answer is not None and answer.status < 500, url
    page.evaluate(POKE)
    found: list[str] = page.evaluate(TOUCHED)
    assert page.url.startswith(heard.origin), page.url
    return found + heard.loud()


@ROUND
def test_what_strangers_wrote_is_only_shown(
    browser: Chromium, database_server: TestServer, tmp_path: Path, number: int
) -> None:
    with database_server.database() as database, served(database, tmp_path, local=True, **UNHURRIED) as web:
        stage = Stage(web, say=Stranger(number))
        stage.fill()
        found = {}
        with browser.context(web.url) as (context, heard):
            heard.excuse("404", "422")  # what cannot be asked for is said in words
            page = context.new_page()
            for route in INSIDE:
                for address in addresses(route, stage):
                    found[str(address)] = look(page, f"{web.url}{address}", heard)
        assert {where: what for where, what in found.items() if what} == {}


@pytest.mark.parametrize("route", INSIDE, ids=lambda route: route.path)
def test_what_strangers_write_into_addresses_is_only_shown(browser: Chromium, looked_at: Ui, route: Route) -> None:
    address = next(addresses(route, looked_at.stage))
    names = query_names(route)
    found = {}
    with browser.context(looked_at.url) as (context, heard):
        heard.excuse("422", "404")
        page = context.new_page()
        for n, payload in enumerate(PAYLOADS[:: 1 if ROUNDS > 3 else 5]):
            query = "&".join(f"{name}={quote(payload, safe='')}" for name in (*names[n % 3 :: 3], "x"))
            url = f"{looked_at.url}{address.path.partition('?')[0]}?{query}#{quote(payload, safe='')}"
            found[url] = look(page, url, heard)
    assert {where: what for where, what in found.items() if what} == {}


MARKUP = [
    payload
    for payload in PAYLOADS
    if "<" in payload and "pwned" in payload and not payload.startswith(("<math", "\\u003c"))
]


@pytest.mark.parametrize("payload", MARKUP)
def test_markup_that_came_through_would_be_seen(browser: Chromium, payload: str) -> None:
    """Without our escaping, and without any policy."""
    origin = "http://127.0.0.1:9"
    page_of = f"<!doctype html><title>x</title><p title='{payload}'>{payload}</p><p title=\"{payload}\">"
    with browser.context(origin) as (context, heard):
        context.route("**/*", lambda route: route.fulfill(body=page_of, content_type="text/html; charset=utf-8"))
        page = context.new_page()
        page.goto(f"{origin}/", wait_until="domcontentloaded")
        seen: list[str] = []
        with contextlib.suppress(Error):  # it may have led the page elsewhere by now
            seen = page.evaluate(TOUCHED)
        assert seen or heard.loud()


NEXTS = ("javascript:window.ran=1", "//elsewhere.example/", "https://elsewhere.example/", "/\\elsewhere.example/", "\\\\elsewhere.example",
         "/%2f/elsewhere.example", "\t//elsewhere.example", "data:text/html,x", "/w/default/jobs@elsewhere.example", "///elsewhere.example",
         "http:elsewhere.example", '"><img pwned src=x onerror=window.ran=1>')  # fmt: skip


@pytest.mark.parametrize("next", NEXTS)
def test_after_the_login_one_stays_here(browser: Chromium, guarded: Ui, next: str) -> None:
    with browser.context(guarded.url) as (context, heard):
        heard.excuse("401", "404")
        page = context.new_page()
        page.goto(f"{guarded.url}/login?next={quote(next, safe='')}")
        assert page.evaluate(TOUCHED) == []
        sign_in(page, guarded, next=next)
        assert page.url.startswith(f"{guarded.url}/")
        assert page.evaluate(TOUCHED) == []
        assert heard.loud() == []
