"""A browser, and a dashboard that has something of everything to show."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from database import Database, TestServer
from pages.browser import Chromium, Heard, chromium
from pages.stage import Stage
from playwright.sync_api import BrowserContext, Page
from scene import Scene
from service.people import PASSWORD, person
from serving import Served, served

from jobtrail.client import DEFAULT_WORKSPACE
from jobtrail.core.scopes import Role

UNHURRIED: dict[str, Any] = {"key_requests_per_second": 0, "workspace_requests_per_second": 0}


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    """The test process's browser."""
    with chromium() as one:
        yield one


@dataclass(frozen=True, slots=True)
class Staged:
    """A database that was filled once, which is copied for each test, and the folder of its files."""

    database: Database
    folder: Path
    stage: Stage


@pytest.fixture(scope="session")
def staged(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staged]:
    """The scene, with nobody on it."""
    folder = tmp_path_factory.mktemp("staged")
    with database_server.database() as database:
        with served(database, folder, **UNHURRIED) as web:
            stage = Stage(web)
            stage.fill()
        yield Staged(database, folder, stage)


@dataclass(frozen=True, slots=True)
class Ui:
    """A dashboard that is served. `stage` tells what is in it."""

    served: Served
    stage: Stage

    @property
    def url(self) -> str:
        """Where it begins."""
        return self.served.url

    def at(self, path: str = "", workspace: str | UUID = "default") -> str:
        """The address of a page of a workspace: `ui.at("/jobs?status=FAILED")`."""
        return f"{self.url}/w/{workspace}{path}"


AWAKE = """
update jobtrail.workers set beat_at = beat_at + (clock_timestamp() - last.beat), lease_until = clock_timestamp() + interval '1 h'
from (select max(beat_at) as beat from jobtrail.workers where stopped_at is null) last where stopped_at is null
"""
"""The scene may have been set minutes ago: its workers are as alive, or as silent, as they were then."""


@contextmanager
def shown(server: TestServer, staged: Staged, folder: Path, **settings: Any) -> Iterator[Ui]:
    """A copy of the scene, served for the length of a block."""
    shutil.copytree(staged.folder / "assets", folder / "assets")
    with server.database(template=staged.database.name) as database:
        with closing(database.as_admin()) as conn:
            conn.execute(AWAKE)
        with served(database, folder, **UNHURRIED, **settings) as web:
            yield Ui(web, staged.stage)


@pytest.fixture
def ui(database_server: TestServer, staged: Staged, tmp_path: Path) -> Iterator[Ui]:
    """A dashboard on this machine, open to whoever sits at it, with a scene of its own."""
    with shown(database_server, staged, tmp_path, local=True) as ui:
        yield ui


@pytest.fixture(scope="session")
def looked_at(database_server: TestServer, staged: Staged, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    """The same for tests that only look."""
    with shown(database_server, staged, tmp_path_factory.mktemp("looked-at"), local=True) as ui:
        yield ui


@pytest.fixture
def guarded(database_server: TestServer, staged: Staged, tmp_path: Path) -> Iterator[Ui]:
    """A dashboard behind a login: one person of each role (`owner@example.org` ...), with PASSWORD."""
    with shown(database_server, staged, tmp_path) as ui:
        with ui.served.database.connect() as conn:
            scene = Scene(conn)
            for role in Role:
                person(scene, role.lower(), role, DEFAULT_WORKSPACE)
        yield ui


@pytest.fixture
def browsing(browser: Chromium, ui: Ui) -> Iterator[tuple[BrowserContext, Heard]]:
    """A context of the browser at the dashboard. A test fails for whatever its pages complained of without excuse."""
    with browser.context(ui.url) as (context, heard):
        yield context, heard
        context.pages and context.pages[0].evaluate("0")  # what was said before this is heard
        assert heard.loud() == []


@pytest.fixture
def heard(browsing: tuple[BrowserContext, Heard]) -> Heard:
    """What pages complain of."""
    return browsing[1]


@pytest.fixture
def browser_page(browsing: tuple[BrowserContext, Heard]) -> Page:
    """A page of the browser, still empty: `browser_page.goto(ui.at("/jobs"))`."""
    return browsing[0].new_page()


def sign_in(page: Page, ui: Ui, role: Role = Role.OWNER, next: str | None = None) -> None:
    """Signs somebody of a role in, as they would: at the form, which leads to `next` afterwards."""
    page.goto(f"{ui.url}/login" + (f"?next={quote(next, safe='')}" if next is not None else ""))
    page.get_by_label("E-mail").fill(f"{role.lower()}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)
