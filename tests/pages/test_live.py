"""What keeps an open page true: which parts it asks for and when, what it misses of the stream, and how it ends."""

from __future__ import annotations

import re

import httpx2
from pages.acting import on
from pages.browser import Chromium
from pages.conftest import Ui, sign_in
from playwright.sync_api import Page, Request, expect
from service.people import PASSWORD

COUNTED = """
window.waits = [];
const real = window.setTimeout;
window.setTimeout = (does, ms, ...more) => { window.waits.push(ms); return real(does, ms, ...more); };
"""

STREAM = """async (address) => {
  const { serve } = await import(address);
  const made = [];
  self.EventSource = class {
    constructor() { this.does = new Map(); made.push(this); }
    addEventListener(name, does) { this.does.set(name, does); }
    close() { this.closed = true; }
    say(name, data) { this.does.get(name)({ data: JSON.stringify(data) }); }
  };
  const tab = (since) => {
    const { port1, port2 } = new MessageChannel();
    const heard = [];
    port1.onmessage = ({ data }) => heard.push(data);
    serve(port2);
    port1.postMessage({ join: "/live", since });
    return { heard, port: port1, until: async (fits) => { for (let n = 0; n < 2000 && !heard.some(fits); n += 1) await new Promise((go) => setTimeout(go, 5)); } };
  };
  const first = tab(Date.now());
  await first.until((one) => one.state === "connecting");
  made[0].say("stream.open", {});
  await first.until((one) => one.fresh);
  const opened = Date.now();
  while (Date.now() < opened + 5) await new Promise((go) => setTimeout(go, 1));
  const asked = Date.now();
  made[0].say("changes", { jobs: [["a", 1, "RUNNING", "job.started", "demo"]] });
  await first.until((one) => one.changes);
  const late = tab(asked);
  await late.until((one) => one.changes);
  const old = tab(opened - 60_000);
  await old.until((one) => one.state);
  const fresh = tab(Infinity);
  await fresh.until((one) => one.state);
  fresh.port.postMessage({ ask: true });
  await fresh.until((one) => !one.state);
  return { streams: made.length, late: late.heard, old: old.heard, fresh: fresh.heard };
}"""

BODY = """async (address) => {
  const { bodyOf } = await import(address);
  const form = document.createElement("form");
  const field = (name, value, as) => {
    const one = Object.assign(document.createElement("input"), { name, value });
    if (as) one.dataset.as = as;
    form.append(one);
  };
  field("form.size", "9007199254740993", "number");
  field("config", '{"id": 9007199254740993}', "json");
  field("__proto__.polluted", "yes");
  field("constructor.prototype.polluted", "yes");
  const said = JSON.stringify(bodyOf(form));
  field("huge", "1e999", "number");
  let wrong = null;
  try { bodyOf(form); } catch (error) { wrong = error.message; }
  return { said, wrong, polluted: {}.polluted ?? null };
}"""


def static(page: Page, file: str) -> str:
    """The address of a script as the page loads it."""
    return str(page.evaluate("document.documentElement.dataset.static")) + f"js/{file}"


def asked_for(request: Request) -> list[str]:
    """The parts that a request wants."""
    return request.headers.get("jobtrail-region", "").split()


def changed(page: Page, id: str) -> None:
    """A change of a job, as the stream tells it."""
    page.wait_for_selector("#pill[data-state=live]")
    with page.expect_request(lambda request: id in asked_for(request)):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_a_login_that_has_ended_leads_to_the_form(browser: Chromium, guarded: Ui) -> None:
    with browser.context(guarded.url) as (context, heard):
        heard.excuse("401")
        page = context.new_page()
        sign_in(page, guarded, next="/w/default/queues")
        page.wait_for_selector("#queues")
        [cookie] = context.cookies()
        with httpx2.Client(base_url=guarded.url, cookies={cookie["name"]: cookie["value"]}) as client:
            token = client.get("/api/v1/login").json()["csrf_token"]
            assert client.delete("/api/v1/login", headers={"X-CSRF-Token": token}).status_code < 300
        page.wait_for_url(re.compile(r"/login\?next=%2Fw%2Fdefault%2Fqueues"))


def test_a_slow_part_keeps_no_other_one_waiting(ui: Ui, browser_page: Page) -> None:
    browser_page.goto(ui.at("/jobs"))
    changed(browser_page, "rows")
    browser_page.evaluate(
        """() => {
          const slow = () => { document.getElementById("rows").dataset.pace = "3600000"; };
          slow();
          document.addEventListener("jobtrail:fresh", slow);
        }"""
    )
    acting = on(ui)
    with browser_page.expect_request(lambda request: "tabs" in asked_for(request)):
        acting.made("jobs", type="demo", input={})
    for _ in range(2):
        with browser_page.expect_request(lambda request: "nav" in asked_for(request)):
            pass


def test_a_part_in_which_somebody_writes_waits_by_one_clock(ui: Ui, browser_page: Page) -> None:
    browser_page.add_init_script(COUNTED)
    browser_page.goto(ui.at("/jobs"))
    changed(browser_page, "rows")
    browser_page.evaluate(
        """async () => {
          const box = Object.assign(document.createElement("textarea"), { id: "writes" });
          document.getElementById("rows").append(box);
          box.focus();
          window.waits.length = 0;
          for (let n = 0; n < 40; n += 1) {
            document.dispatchEvent(new Event("visibilitychange"));
            await new Promise((go) => setTimeout(go, 100));
          }
        }"""
    )
    with browser_page.expect_request(lambda request: "nav" in asked_for(request)) as asked:
        pass
    assert "rows" not in asked_for(asked.value)
    assert browser_page.evaluate("window.waits.filter((ms) => ms === 1500).length") < 10
    with browser_page.expect_request(lambda request: "rows" in asked_for(request)):
        browser_page.evaluate("document.getElementById('writes').blur()")


def test_who_pauses_is_asked_for_nothing(ui: Ui, browser_page: Page) -> None:
    browser_page.goto(ui.at("/jobs"))
    changed(browser_page, "rows")
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    browser_page.evaluate(
        """() => {
          document.getElementById("rows").dataset.pace = "4000";
          document.addEventListener("jobtrail:changes", () => document.body.classList.add("told"));
        }"""
    )
    on(ui).made("jobs", type="demo", input={})
    browser_page.wait_for_selector("body.told")  # so there is something to be asked for, a little later
    browser_page.keyboard.press("p")
    expect(browser_page.locator("#pill-text")).to_contain_text("paused")
    browser_page.on("request", note)
    on(ui).made("jobs", type="demo", input={})
    browser_page.evaluate("new Promise((go) => setTimeout(go, 6_000))")  # an "every" has passed
    assert asked == []
    with browser_page.expect_request(lambda request: "rows" in asked_for(request)):
        browser_page.keyboard.press("p")


def test_a_tab_hears_what_changed_while_it_was_loaded(ui: Ui, browser_page: Page) -> None:
    browser_page.goto(ui.at("/types"))
    said = browser_page.evaluate(STREAM, static(browser_page, "stream.js"))
    assert said["streams"] == 1
    assert [one["changes"]["jobs"][0][0] for one in said["late"] if "changes" in one] == ["a"]
    assert said["late"][0] == {"state": "live", "fresh": False}
    assert said["old"] == [{"state": "live", "fresh": True}]
    assert said["fresh"] == [{"state": "live", "fresh": False}, {}]


def test_what_a_form_says_keeps_its_digits_and_is_nothing_but_its_own(ui: Ui, browser_page: Page) -> None:
    browser_page.goto(ui.at("/types"))
    found = browser_page.evaluate(BODY, static(browser_page, "acts.js"))
    assert '"form":{"size":9007199254740993}' in found["said"]
    assert '"config":{"id":9007199254740993}' in found["said"]
    assert '"__proto__":{"polluted":"yes"}' in found["said"]
    assert found["polluted"] is None
    assert found["wrong"] == "this must be a number"


SIGNED_IN_ANEW = """async ([address, email, password]) => {
  const { ask } = await import(address);
  const act = () => ask("POST", "/api/v1/jobs", { type: "demo" }).then(() => "done", ({ detail }) => detail);
  const before = await act();
  const headers = { "Content-Type": "application/json" };
  await fetch("/api/v1/login", { method: "POST", headers, body: JSON.stringify({ email, password }) });
  return [before, await act()];
}"""


def test_a_page_of_an_earlier_login_changes_nothing_and_says_why(browser: Chromium, guarded: Ui) -> None:
    with browser.context(guarded.url) as (context, heard):
        heard.excuse("403")
        page = context.new_page()
        sign_in(page, guarded, next="/w/default/types")
        before, after = page.evaluate(SIGNED_IN_ANEW, [static(page, "here.js"), "viewer@example.org", PASSWORD])
        assert before == "done"
        assert after.startswith("Somebody has signed in anew in this browser")
