"""What stands around every page: who gets in and where to, how parts are asked for, and the headers of all of it."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import httpx2
import pytest
from database import Database
from pages.browser import Chromium
from pages.conftest import Ui
from playwright.sync_api import expect
from service.people import PASSWORD
from serving import served

from jobtrail.client import DEFAULT_WORKSPACE


@pytest.fixture
def anybody(looked_at: Ui) -> httpx2.Client:
    """A browser without a cookie, at the dashboard of this machine."""
    return looked_at.served.client("")


@pytest.fixture
def stranger(guarded: Ui) -> httpx2.Client:
    """A browser without a cookie, at a dashboard that wants a login."""
    return guarded.served.client("")


def signed_in(ui: Ui, email: str) -> httpx2.Client:
    client = ui.served.client("")
    answer = client.post("/api/v1/login", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return client


def test_the_first_page_leads_to_the_workspace(anybody: httpx2.Client) -> None:
    answer = anybody.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/w/default/")


def test_whoever_has_not_signed_in_is_asked_to_and_comes_back(stranger: httpx2.Client, guarded: Ui) -> None:
    answer = stranger.get("/w/default/jobs?q=status:FAILED")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Fw%2Fdefault%2Fjobs%3Fq%3Dstatus%3AFAILED"
    assert 'data-next="/w/default/jobs?q=status:FAILED"' in stranger.get(answer.headers["location"]).text
    assert signed_in(guarded, "viewer@example.org").get("/w/default/jobs").status_code == 200


@pytest.mark.parametrize(
    "next", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "evil", "/a\nb"]
)
def test_a_login_leads_nowhere_else(stranger: httpx2.Client, next: str) -> None:
    assert 'data-next="/"' in stranger.get("/login", params={"next": next}).text


def test_another_workspace_is_not_there(stranger: httpx2.Client, guarded: Ui) -> None:
    guarded.served.workspace("secret-one")
    client = signed_in(guarded, "owner@example.org")
    for page in ("jobs", "settings", "live", ""):
        missing, theirs = client.get(f"/w/no-such/{page}"), client.get(f"/w/secret-one/{page}")
        assert missing.status_code == theirs.status_code == 404
        assert missing.text.replace("no-such", "secret-one") == theirs.text


def test_the_workspace_is_found_by_its_id_too(anybody: httpx2.Client) -> None:
    assert anybody.get(f"/w/{DEFAULT_WORKSPACE}/jobs").status_code == 200
    assert anybody.get("/w/another/jobs").status_code == 404


def test_what_a_role_may_not_see_is_said(guarded: Ui, stranger: httpx2.Client) -> None:
    answer = signed_in(guarded, "viewer@example.org").get("/w/default/settings/keys")
    assert answer.status_code == 403
    assert "keys:read" in answer.text


def test_a_part_comes_alone_and_only_where_it_is_known(anybody: httpx2.Client) -> None:
    answer = anybody.get("/w/default/settings/keys", headers={"Jobtrail-Region": "keys_list nav nothing"})
    assert re.findall(r'<hx-partial hx-target="#(\w+)"', answer.text) == ["keys_list", "nav"]
    assert "<html" not in answer.text
    assert '<div id="keys_list"' in answer.text


def test_a_page_may_load_nothing_of_elsewhere_and_run_nothing_of_its_own(anybody: httpx2.Client) -> None:
    answer = anybody.get("/w/default/jobs")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    assert "text/html" in answer.headers["content-type"]


def test_files_are_kept_for_ever_under_their_digest(anybody: httpx2.Client) -> None:
    [path] = set(re.findall(r'href="(/static/\w+/css/base\.css)"', anybody.get("/w/default/jobs").text))
    answer = anybody.get(path, headers={"Accept-Encoding": "gzip"})
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    assert anybody.get(path, headers={"Accept-Encoding": "identity"}).content == answer.content
    assert anybody.get(re.sub(r"/static/\w+/", "/static/old/", path)).headers["cache-control"] == "no-cache"
    assert anybody.get("/static/x/../../app.py").status_code == 404
    assert anybody.get("/static/x/js/nothing.js").status_code == 404


def test_a_page_is_packed_for_who_takes_it(looked_at: Ui) -> None:
    with httpx2.Client(base_url=looked_at.url) as client:
        with client.stream("GET", "/w/default/jobs", headers={"Accept-Encoding": "gzip"}) as answer:
            raw = b"".join(answer.iter_raw())
        assert gzip.decompress(raw).startswith(b"<!doctype html>")


def test_no_secret_stands_in_a_page(guarded: Ui, stranger: httpx2.Client) -> None:
    """Pages are packed, and what they answer can be steered: a token in them could be guessed by their lengths."""
    client = signed_in(guarded, "owner@example.org")
    token = client.get("/api/v1/login").json()["csrf_token"]
    assert token not in client.get("/w/default/settings").text


def test_an_error_is_a_page_and_says_no_more_than_it_must(anybody: httpx2.Client) -> None:
    answer = anybody.get("/w/default/jobs?q=status:nonsense&limit=x")
    assert answer.status_code == 422
    assert "<h1>This cannot be asked for</h1>" in answer.text
    assert anybody.get("/w/default/jobs/00000000-0000-7000-8000-00000000dead").status_code == 404


def test_pages_work_under_a_prefix(database: Database, tmp_path: Path) -> None:
    with served(database, tmp_path, local=True, path_prefix="/jobs") as web:
        client = web.client("")
        assert client.get("/").headers["location"] == "/jobs/w/default/"
        text = client.get("/w/default/settings").text
        addresses = re.findall(r'(?:href|src)="([^"#]*)"', text) + re.findall(r'data-api="\w+ ([^"]*)"', text)
        assert addresses and all(one.startswith("/jobs/") for one in addresses), addresses


def test_what_stands_around_a_page_is_asked_for_without_the_page(anybody: httpx2.Client) -> None:
    """The search is wrong, and the page would say so: nobody looked at it."""
    answer = anybody.get("/w/default/jobs?q=status:nonsense", headers={"Jobtrail-Region": "nav figures_of_frame"})
    assert answer.status_code == 200
    assert 'aria-current="page"' in answer.text


def test_new_errors_are_counted_beside_their_screen(looked_at: Ui, anybody: httpx2.Client) -> None:
    text = anybody.get("/w/default/types").text
    assert re.search(r'>Errors <span class="badge badge-bad">\d+<span class="sr"> new</span>', text)


def test_a_screen_that_is_open_is_in_sight_on_a_narrow_screen(browser: Chromium, looked_at: Ui) -> None:
    with browser.context(looked_at.served.url, viewport={"width": 360, "height": 740}) as (context, _):
        page = context.new_page()
        page.goto(looked_at.at("/settings"))
        expect(page.locator(".side [aria-current]")).to_be_in_viewport()


def test_whoever_may_not_open_a_screen_is_not_led_to_it(guarded: Ui) -> None:
    parts = [f"/w/default/{part}" for part in ("system", "settings/members", "settings/keys", "settings/record")]
    for email, sees in (("viewer@example.org", False), ("owner@example.org", True)):
        text = signed_in(guarded, email).get("/w/default/settings").text
        assert [f'href="{part}"' in text for part in parts] == [sees] * len(parts)


def test_nobody_is_shown_what_stands_around_the_pages_of_a_workspace(stranger: httpx2.Client) -> None:
    headers = {"Jobtrail-Region": "nav figures_of_frame"}
    assert "Sign in to Jobtrail" in stranger.get("/login", headers=headers).text
    assert stranger.get("/static/x/css/base.css", headers=headers).headers["content-type"].startswith("text/css")
    assert stranger.get("/w/default/jobs", headers=headers).status_code == 401
