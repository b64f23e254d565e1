"""Tasks and projects: written down, started in variants, laid side by side, changed, and removed while nothing hangs on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import httpx2
import pytest
from pages.acting import on
from pages.browser import PATIENCE_MS, Heard
from pages.conftest import Ui
from pages.test_job_page import seen
from playwright.sync_api import Page, expect

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def http(ui: Ui) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=ui.url, timeout=30) as client:
        yield client


def titles(raw: str) -> list[str]:
    return [unescape(one) for one in re.findall(r'<a href="/w/default/tasks/[\w-]+">([^<]+)</a>', raw)]


def test_tasks_are_found_by_status_words_and_project(ui: Ui, http: httpx2.Client) -> None:
    assert titles(http.get("/w/default/tasks").text) == ["An idea", "Research heat pumps"]
    assert titles(http.get("/w/default/tasks", params={"status": "IN_PROGRESS"}).text) == ["Research heat pumps"]
    assert titles(http.get("/w/default/tasks", params={"text": "PUMPS find"}).text) == ["Research heat pumps"]
    assert titles(http.get("/w/default/tasks", params={"text": "nothing"}).text) == []
    project = {"project_id": ui.stage.ids["project_id"]}
    assert titles(http.get("/w/default/tasks", params=project).text) == ["Research heat pumps"]


def test_the_list_of_tasks_goes_on(ui: Ui, http: httpx2.Client) -> None:
    stage = on(ui)
    for n in range(51):
        stage.made("tasks", title=f"task {n}", status="READY")
    first = http.get("/w/default/tasks", params={"status": "READY"}).text
    more = re.search(r'rel="next" href="([^"]+)"', first)
    assert more is not None
    second = http.get(unescape(more[1])).text
    assert titles(first) + titles(second) == [f"task {n}" for n in range(50, -1, -1)]


def test_the_jobs_of_a_task_stand_side_by_side_with_what_differs(ui: Ui, http: httpx2.Client) -> None:
    said = seen(http, f"/w/default/tasks/{ui.stage.ids['task_id']}")
    assert "Research heat pumps (topic=a)" in said and "topic a" in said and "topic b" in said
    assert "$0.21" in said and "model-a" in said and "in Launch" in said and "Be brief." in said
    assert re.search(r"topic b model-a — — — \S+ ms —", said), "an unknown cost is no zero"
    assert "jobtrail task compare" in said


def test_a_project_tells_what_lies_in_it_and_what_it_used(ui: Ui, http: httpx2.Client) -> None:
    said = seen(http, f"/w/default/projects/{ui.stage.ids['project_id']}")
    assert "Launch" in said and "Research heat pumps" in said and "$0.21+" in said and "2 calls" in said
    raw = http.get(f"/w/default/projects/{ui.stage.ids['project_id']}").text
    assert f'href="/w/default/jobs/{ui.stage.jobs["COMPLETED"]}"' in raw
    assert 'data-api="DELETE' not in raw


def test_a_task_of_elsewhere_is_not_there(ui: Ui) -> None:
    key = ui.served.key(workspace=ui.served.workspace("elsewhere"))
    for path in (f"tasks/{ui.stage.ids['task_id']}", f"projects/{ui.stage.ids['project_id']}"):
        assert ui.served.client(key).get(f"/w/elsewhere/{path}").status_code == 404


def test_a_task_is_written_down_and_started_in_variants(browser_page: Page, ui: Ui) -> None:
    browser_page.goto(ui.at("/tasks"))
    browser_page.get_by_role("button", name="New task").click()
    form = browser_page.get_by_role("dialog", name="New task")
    form.get_by_label("Title").fill("Compare two topics")
    form.get_by_label("Prompt").fill("Say it in a line.")
    form.get_by_label("Type of its jobs").fill("agent.research")
    form.get_by_label("Input of its jobs").fill("style=plain words\ndepth:=3")
    form.get_by_label("Tags").fill("one, two")
    form.get_by_label("Status").select_option("READY")
    form.get_by_role("button", name="Create").click()
    browser_page.wait_for_url("**/tasks/*")
    id = browser_page.url.rsplit("/", 1)[1]
    client = ui.served.client()
    task = client.get(f"/api/v1/tasks/{id}").json()
    assert task["config"] == {"type": "agent.research", "input": {"style": "plain words", "depth": 3}}
    assert (task["tags"], task["status"], task["prompt"]) == (["one", "two"], "READY", "Say it in a line.")

    browser_page.get_by_role("button", name="Start…").click()
    form = browser_page.get_by_role("dialog", name="Start")
    form.get_by_label("Variants").fill("topic='heat pumps' n:=1\ntopic=wells n:=2")
    form.get_by_role("button", name="Start", exact=True).click()
    expect(browser_page.get_by_role("link", name=re.compile("Compare two topics"))).to_have_count(2)
    jobs = client.get("/api/v1/jobs", params={"task_id": id}).json()["items"]
    inputs = [client.get(f"/api/v1/jobs/{job['id']}").json()["job"]["input"] for job in jobs]
    assert [(one["topic"], one["n"], one["style"]) for one in inputs] == [
        ("wells", 2, "plain words"),
        ("heat pumps", 1, "plain words"),
    ]


def test_a_line_that_is_no_pair_is_said_to_be_none(browser_page: Page, ui: Ui) -> None:
    browser_page.goto(ui.at(f"/tasks/{ui.stage.ids['task_id']}"))
    browser_page.get_by_role("button", name="Start…").click()
    form = browser_page.get_by_role("dialog", name="Start")
    form.get_by_label("Variants").fill("no pair at all")
    before = ui.served.client().get("/api/v1/jobs", params={"task_id": ui.stage.ids["task_id"]}).json()["items"]
    form.get_by_role("button", name="Start", exact=True).click()
    expect(form.get_by_label("Variants")).to_have_js_property(
        "validationMessage", "no is neither name=value nor name:=JSON"
    )
    expect(form).to_be_visible()
    assert ui.served.client().get("/api/v1/jobs", params={"task_id": ui.stage.ids["task_id"]}).json()["items"] == before


def test_a_task_is_changed(browser_page: Page, ui: Ui, heard: Heard) -> None:
    heard.excuse("422")
    browser_page.goto(ui.at(f"/tasks/{ui.stage.ids['task_id']}"))
    browser_page.get_by_role("button", name="Edit…").click()
    form = browser_page.get_by_role("dialog", name="Edit the task")
    expect(form.get_by_label("Title")).to_have_value("Research heat pumps")
    form.get_by_label("Status").select_option("DONE")
    form.get_by_label("Description").fill("")
    form.get_by_label("Config").fill("{ not json")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_text(re.compile("^not JSON"))).to_be_visible()
    form.get_by_label("Config").fill('{"type": "report"}')
    form.get_by_role("button", name="Save").click()
    expect(browser_page.get_by_text("✓ DONE")).to_be_visible()
    task = ui.served.client().get(f"/api/v1/tasks/{ui.stage.ids['task_id']}").json()
    assert (task["status"], task["description"], task["config"]) == ("DONE", "", {"type": "report"})
    expect(browser_page.get_by_role("button", name="Start…")).to_have_count(0)


def test_an_empty_task_is_removed_by_who_is_sure(browser_page: Page, ui: Ui) -> None:
    id = on(ui).made("tasks", title="to be removed")["id"]
    browser_page.goto(ui.at(f"/tasks/{id}"))
    browser_page.get_by_role("button", name="Remove").click()
    browser_page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    browser_page.wait_for_url("**/tasks")
    assert ui.served.client().get(f"/api/v1/tasks/{id}").status_code == 404


def test_a_project_is_made_and_renamed(browser_page: Page, ui: Ui) -> None:
    browser_page.goto(ui.at("/tasks"))
    browser_page.get_by_role("button", name="New project").click()
    form = browser_page.get_by_role("dialog", name="New project")
    form.get_by_label("Name").fill("Autumn")
    form.get_by_role("button", name="Create").click()
    browser_page.wait_for_url("**/projects/*")
    browser_page.get_by_role("button", name="Rename…").click()
    form = browser_page.get_by_role("dialog", name="Rename the project")
    form.get_by_label("Name").fill("Winter")
    form.get_by_role("button", name="Rename").click()
    expect(browser_page.get_by_role("heading", name="Winter")).to_be_visible()


def test_a_session_is_gone_on_with(browser_page: Page, ui: Ui) -> None:
    stage = on(ui)
    for spent in stage.http.get("/api/v1/budgets").json()["items"]:
        stage.http.delete(f"/api/v1/budgets/{spent['id']}")  # its type may use no more than the stage has used
    task = stage.made("tasks", title="Talk", prompt="Hello.", config={"type": "agent.research", "queue": "agents"})[
        "id"
    ]
    first = stage.taken(stage.made(f"tasks/{task}/start")["items"][0]["id"])
    stage.tell(first, "identity", {"session_id": "s-9"})
    stage.tell(first, "complete", {"output": "Hi."})
    browser_page.goto(ui.at(f"/tasks/{task}"))
    browser_page.get_by_role("button", name="Follow up…").click()
    form = browser_page.get_by_role("dialog", name="Follow up")
    form.get_by_label("Prompt").fill("And then?")
    form.get_by_role("button", name="Follow up").click()
    expect(browser_page.get_by_role("link", name="Talk")).to_have_count(2)
    newest = stage.http.get("/api/v1/jobs", params={"task_id": task}).json()["items"][0]["id"]
    said = stage.http.get(f"/api/v1/jobs/{newest}").json()["job"]["input"]
    assert (said["prompt"], said["resume"]) == ("And then?", "s-9")
