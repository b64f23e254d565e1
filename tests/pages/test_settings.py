"""Settings: what is told once is told once, what is for good asks first, and what was wrong is said where it was wrong."""

from __future__ import annotations

import pytest
from pages.browser import Heard
from pages.conftest import Ui
from playwright.sync_api import Page, expect


def test_a_key_is_shown_once_and_works(browser_page: Page, ui: Ui) -> None:
    browser_page.goto(ui.at("/settings/keys"))
    browser_page.get_by_role("button", name="Make a key").click()
    dialog = browser_page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("deploys of ana")
    dialog.get_by_label("With all that a role may").select_option("OPERATOR")
    dialog.get_by_role("button", name="Make", exact=True).click()
    told = browser_page.get_by_role("dialog", name="Told this once")
    key = told.locator("pre").inner_text()
    assert ui.served.client(key).get("/api/v1/me").json()["actor_type"] == "api_key"
    told.get_by_role("button", name="I have it").click()
    expect(browser_page.get_by_text("deploys of ana")).to_be_visible()
    assert key not in browser_page.content()


def test_a_key_is_revoked_only_by_who_is_sure(browser_page: Page, ui: Ui) -> None:
    made = ui.served.client().post("/api/v1/api-keys", json={"name": "to be revoked", "role": "VIEWER"}).json()
    browser_page.goto(ui.at("/settings/keys"))
    row = browser_page.get_by_role("row", name="to be revoked")
    row.get_by_role("button", name="Revoke").click()
    browser_page.get_by_role("button", name="Not now").click()
    assert ui.served.client(made["key"]).get("/api/v1/me").status_code == 200
    row.get_by_role("button", name="Revoke").click()
    browser_page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row.get_by_text("revoked", exact=True)).to_be_visible()
    assert ui.served.client(made["key"]).get("/api/v1/me").status_code == 401


def test_a_workspace_that_got_another_name_is_found_under_it(browser_page: Page, ui: Ui) -> None:
    browser_page.goto(ui.at("/settings"))
    browser_page.get_by_label("Name").fill("studio one")
    browser_page.get_by_role("button", name="Rename").click()
    browser_page.wait_for_url("**/w/studio%20one/settings", timeout=15_000)
    expect(browser_page.get_by_label("Name")).to_have_value("studio one")


def test_what_is_wrong_is_said_at_the_field(browser_page: Page, ui: Ui, heard: Heard) -> None:
    heard.excuse("422")
    browser_page.goto(ui.at("/settings/webhooks"))
    browser_page.get_by_role("button", name="Make a webhook").click()
    dialog = browser_page.get_by_role("dialog")
    dialog.get_by_label("URL").fill("ftp://example.com/")
    dialog.get_by_role("button", name="Make", exact=True).click()
    expect(dialog.locator(".field[data-wrong]")).to_contain_text("http")
    expect(dialog.get_by_label("URL")).to_be_focused()


def test_a_policy_that_is_no_json_is_not_sent(browser_page: Page, ui: Ui) -> None:
    browser_page.goto(ui.at("/settings/policy"))
    browser_page.get_by_label("Policy, as JSON").fill('{"http": ')
    browser_page.get_by_role("button", name="Set").click()
    expect(browser_page.locator(".field[data-wrong]")).to_contain_text("not JSON")
    browser_page.get_by_label("Policy, as JSON").fill('{"http": {"hosts": ["example.com"]}}')
    browser_page.get_by_role("button", name="Set").click()
    expect(browser_page.locator("#toasts")).to_contain_text("Done")
    found = ui.served.client().get("/api/v1/workspace/policy").json()
    assert found == {"policy": {"http": {"hosts": ["example.com"]}}}


def test_a_role_is_changed_where_it_stands(browser_page: Page, ui: Ui) -> None:
    client = ui.served.client()
    assert client.post("/api/v1/members", json={"email": "new@example.org", "role": "VIEWER"}).status_code == 204
    browser_page.goto(ui.at("/settings/members"))
    row = browser_page.get_by_role("row", name="new@example.org")
    row.get_by_label("Role of new@example.org").select_option("ADMIN")
    row.get_by_role("button", name="Set role").click()
    expect(browser_page.locator("#toasts")).to_contain_text("Done")
    members = {one["email"]: one["role"] for one in client.get("/api/v1/members").json()["items"]}
    assert members["new@example.org"] == "ADMIN"


@pytest.mark.parametrize("tab", ["", "/members", "/keys", "/webhooks", "/policy", "/record"])
def test_each_tab_is_marked_as_the_one_that_is_open(looked_at: Ui, tab: str) -> None:
    text = looked_at.served.client("").get(f"/w/default/settings{tab}").text
    assert f'href="/w/default/settings{tab}" aria-current="page"' in text
