"""What browsers, odd documents and uids that look like other jobs do to the routes of a nexrender server: nothing."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from database import Database
from serving import ADMIN, EVERYTHING, Served, served
from web.remote import enqueue
from web.test_compat_nexrender import BASE, DOCUMENT, Doc, Node

from jobtrail.client import DEFAULT_WORKSPACE
from jobtrail.core import passwords
from jobtrail.core.scopes import Role
from jobtrail.service import memberships, users
from jobtrail.store.db import ALL, Scope, run
from jobtrail.store.identity import new_id, new_secret

FROM_ELSEWHERE = {"sec-fetch-site": "cross-site"}


@pytest.mark.parametrize("kind", [[], {}, 5, None])
def test_an_asset_whose_type_is_no_text_is_refused(web: Served, kind: Any) -> None:
    answer = Node(web).ask("POST", "/jobs", DOCUMENT | {"assets": [{"type": kind, "src": "file:///a.png"}]})
    assert (answer.status_code, "assets[0]" in answer.text) == (400, True)


def test_a_page_of_elsewhere_takes_no_render_from_a_service_for_this_machine(
    database: Database, tmp_path: Path
) -> None:
    with served(database, tmp_path, local=True) as web:
        http = web.client("")
        assert http.post(f"{BASE}/jobs", json=DOCUMENT | {"uid": "r1"}).status_code == 200
        for path in ("/jobs/pickup", "/jobs/pickup/a"):
            assert http.get(f"{BASE}{path}", headers=FROM_ELSEWHERE).status_code == 403
        assert http.get(f"{BASE}/jobs/pickup").json()["uid"] == "r1", "programs get in as before"


def test_a_login_takes_no_render_for_its_cookie_goes_along_with_every_link(web: Served) -> None:
    with closing(web.database.connect()) as conn:
        hashed = passwords.hash_password("correct horse", new_secret(passwords.SALT_BYTES))
        ann = run(conn, users.create(new_id(), "ann@example.org", "Ann", hashed, ADMIN), Scope.of(ALL))
        run(conn, memberships.add(DEFAULT_WORKSPACE, ann.id, Role.OWNER, ADMIN, EVERYTHING), Scope.of(ALL))
    Node(web).create(uid="r1")
    browser = web.client("")
    entered = browser.post("/api/v1/login", json={"email": "ann@example.org", "password": "correct horse"})
    assert entered.status_code == 200
    assert browser.get(f"{BASE}/jobs/r1").status_code == 200, "looking is fine"
    assert browser.get(f"{BASE}/jobs/pickup").status_code == 403


def test_a_uid_that_is_the_id_of_a_removed_render_hears_nothing_of_its_worker(web: Served, http: httpx2.Client) -> None:
    node = Node(web, "box")
    node.create(uid="first")
    taken = node.begin()
    id = http.get("/api/v1/jobs", params={"type": "nexrender.render"}).json()["items"][0]["id"]
    other = {"uid": id, "tags": "a"}
    assert node.ask("POST", "/jobs", DOCUMENT | other).status_code == 409, "it is known by its id, too"
    node.ok("DELETE", "/jobs/first")
    node.create(**other)
    assert node.say(taken, "render:dorender", heard="by the first").status_code == 200
    assert "heard" not in node.ok("GET", f"/jobs/{id}")


def test_a_render_that_was_enqueued_as_any_job_keeps_its_id_as_its_uid(web: Served, http: httpx2.Client) -> None:
    id = enqueue(http, type="nexrender.render", queue="nexrender", input=DOCUMENT)
    node = Node(web, "box")
    assert node.ask("POST", "/jobs", DOCUMENT | {"uid": id}).status_code == 409
    assert node.pickup()["uid"] == id


def test_a_list_has_no_more_than_four_mebibytes_however_much_workers_said(web: Served) -> None:
    node = Node(web, "box")
    for number in range(6):
        node.create(uid=f"r{number}")
        taken = node.begin()
        assert node.say(taken, "render:dorender", more="x" * 1_000_000).status_code == 200
    answer = node.ask("GET", "/jobs")
    listed: list[Doc] = answer.json()
    assert [one["uid"] for one in listed] == ["r2", "r3", "r4", "r5"]
    assert len(answer.content) < 5 << 20
