"""The ear of the browser tests hears: whatever a page complains of, wherever it asks, whatever it would run."""

from __future__ import annotations

import asyncio

import pytest
from pages.browser import Chromium, Heard
from playwright.sync_api import BrowserContext

ORIGIN = "http://127.0.0.1:9"
STRICT = {"Content-Security-Policy": "default-src 'none'; script-src 'self'; img-src * data:; connect-src 'self'"}


def visit(context: BrowserContext, body: str, script: str = "") -> None:
    """A page of this body, at an origin where nothing else is."""

    def answer(route: object) -> None:
        url = route.request.url  # type: ignore[attr-defined]
        if url == f"{ORIGIN}/":
            route.fulfill(body=body, headers={**STRICT, "Content-Type": "text/html"})  # type: ignore[attr-defined]
        elif url == f"{ORIGIN}/x.js":
            route.fulfill(body=script, content_type="text/javascript")  # type: ignore[attr-defined]
        else:
            route.abort("connectionrefused") if "elsewhere" in url else route.fulfill(status=404)  # type: ignore[attr-defined]

    context.route("**/*", answer)
    page = context.new_page()
    page.goto(f"{ORIGIN}/")
    page.wait_for_load_state("networkidle")


LOUD = {
    "a script in the page": ('<script>window.x = 1</script><link rel="icon" href="data:,">', "", "CSP refused"),
    "a handler": ('<img src="data:," onerror="window.x = 1"><link rel="icon" href="data:,">', "", "CSP refused"),
    "a style": ('<p style="color: red">x</p><link rel="icon" href="data:,">', "", "CSP refused"),
    "a word on the console": ('<script src="/x.js"></script>', "console.error('broken')", "error: broken"),
    "an error": ('<script src="/x.js"></script>', "null.x", "error: "),
    "a promise that failed": ('<script src="/x.js"></script>', "Promise.reject(new Error('no'))", "error: "),
    "a dialog": ('<script src="/x.js"></script>', "alert(1)", "dialog: alert"),
    "a picture that is not there": ('<img src="/gone.png">', "", "404: GET"),
    "a request to elsewhere": ('<img src="http://elsewhere.example/x.png">', "", "asked elsewhere"),
}


@pytest.mark.parametrize("what", LOUD)
def test_a_page_that_does_what_it_should_not_is_heard(browser: Chromium, what: str) -> None:
    body, script, expected = LOUD[what]
    with browser.context(ORIGIN) as (context, heard):
        visit(context, f"<!doctype html><title>x</title>{body}", script)
        assert [said for said in heard.loud() if expected in said], heard.loud()


def test_a_quiet_page_is_heard_to_be_quiet(browser: Chromium) -> None:
    with browser.context(ORIGIN) as (context, heard):
        visit(
            context,
            '<!doctype html><title>x</title><link rel="icon" href="data:,"><script src="/x.js"></script>',
            "1 + 1",
        )
        assert heard.loud() == []
        assert heard.requests


def test_only_what_is_excused_is_excused() -> None:
    heard = Heard(ORIGIN, complaints=["404: GET /a", "error: no"])
    heard.excuse("404: GET /a")
    assert heard.loud() == ["error: no"]


def test_a_browser_that_waits_leaves_the_thread_to_others(browser: Chromium) -> None:
    with browser.context(ORIGIN) as (context, _):
        assert context.new_page().evaluate("1 + 1") == 2
    assert asyncio.run(asyncio.sleep(0, "free")) == "free"


async def test_a_coroutine_runs_while_a_browser_is_there(browser: Chromium) -> None:
    await asyncio.sleep(0)
    assert asyncio.get_running_loop().is_running()
