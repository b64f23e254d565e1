"""Chromium for tests: one browser a test process, a fresh context a test, and an ear for whatever a page complains of."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    Response,
    sync_playwright,
)

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]  # fmt: skip
PATIENCE_MS = 30_000
"""How long anything may take; the machines that run this are slow."""

WATCHED = """
addEventListener("securitypolicyviolation", (e) =>
  console.error(`CSP refused ${e.blockedURI || "inline"} by ${e.violatedDirective} (${e.sourceFile}:${e.lineNumber})`));
"""


@dataclass
class Heard:
    """What pages of a context complained of. `excused`: beginnings or parts of complaints that a test has asked for."""

    origin: str
    complaints: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)

    def listen(self, context: BrowserContext) -> None:
        context.on("console", self._said)
        context.on("weberror", lambda error: self._note(f"error: {error.error}"))
        context.on("request", self._asked)
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)
        context.on("dialog", self._dialog)

    def excuse(self, *parts: str) -> None:
        """Complaints that contain one of these are wanted."""
        self.excused += parts

    def loud(self) -> list[str]:
        """What was complained of without excuse."""
        found = [said for said in self.complaints if not any(part in said for part in self.excused)]
        return (
            found + [f"asked elsewhere: {url}" for url in self.elsewhere] + [f"dialog: {one}" for one in self.dialogs]
        )

    def _note(self, said: str) -> None:
        self.complaints.append(said)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self._note(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about") and f"{parts.scheme}://{parts.netloc}" != self.origin:
            self.elsewhere.append(request.url)

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # a page that goes on to another one drops what it had asked for
            self._note(f"failed: {request.method} {request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self._note(f"{response.status}: {response.request.method} {response.url}")

    def _dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(f"{dialog.type}: {dialog.message}")
        dialog.dismiss()


class Chromium:
    """The browser of this test process. Its event loop stands still, and is nobody's, while no test uses it: then tests
    that are coroutines have the thread to themselves."""

    def __init__(self, browser: Browser, loop: asyncio.AbstractEventLoop) -> None:
        self.browser = browser
        self._loop = loop

    @contextmanager
    def context(self, origin: str, **options: Any) -> Iterator[tuple[BrowserContext, Heard]]:
        """A context without any past, for the length of a block."""
        with self.awake():
            wanted = {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce", **options}
            context = self.browser.new_context(**wanted)
            context.set_default_timeout(PATIENCE_MS)
            context.add_init_script(WATCHED)
            heard = Heard(origin)
            heard.listen(context)
            try:
                yield context, heard
            finally:
                context.close()

    @contextmanager
    def awake(self) -> Iterator[None]:
        """The loop is this thread's for the length of a block."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self._loop)
        try:
            yield
        finally:
            asyncio._set_running_loop(before)


@contextmanager
def chromium() -> Iterator[Chromium]:
    """A browser for the length of a block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        loop = asyncio.get_running_loop()
        one = Chromium(browser, loop)
        asyncio._set_running_loop(None)
        try:
            yield one
        finally:
            with one.awake():
                browser.close()
            asyncio._set_running_loop(loop)  # Playwright takes it away itself
    asyncio._set_running_loop(None)


def screens_fit(page: Page) -> int:
    """By how many pixels a page is wider than its window."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider
