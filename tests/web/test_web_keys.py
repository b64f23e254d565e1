"""Keys, members and logins over HTTP: who gets in, how far, and that it ends."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from database import Clock, Database
from serving import ADMIN, EVERYTHING, Served, served

from jobtrail.client import DEFAULT_WORKSPACE
from jobtrail.core import passwords
from jobtrail.core.scopes import ApiScope, Role
from jobtrail.service import memberships, users
from jobtrail.store.db import ALL, Scope, run
from jobtrail.store.identity import new_id, new_secret

PASSWORD = "correct horse battery"


@pytest.fixture
def ann(web: Served) -> UUID:
    """An operator of the default workspace who has a password."""
    with closing(web.database.connect()) as conn:
        hashed = passwords.hash_password(PASSWORD, new_secret(passwords.SALT_BYTES))
        person = run(conn, users.create(new_id(), "ann@example.org", "Ann", hashed, ADMIN), Scope.of(ALL))
        run(conn, memberships.add(DEFAULT_WORKSPACE, person.id, Role.OPERATOR, ADMIN, EVERYTHING), Scope.of(ALL))
    return person.id


def test_a_key_is_shown_once_and_opens_what_its_scopes_say(web: Served, http: httpx2.Client) -> None:
    made = http.post("/api/v1/api-keys", json={"name": "reader", "scopes": ["jobs:read"]})
    assert made.status_code == 201
    text, key_id = made.json()["key"], made.json()["api_key"]["id"]
    assert text.split("_", 2)[2] not in http.get("/api/v1/api-keys").text
    reader = web.client(text)
    assert reader.get("/api/v1/jobs").status_code == 200
    assert reader.get("/api/v1/api-keys").status_code == 403
    assert reader.get("/api/v1/me").json()["scopes"] == ["jobs:read"]
    assert http.post(f"/api/v1/api-keys/{key_id}/revoke").status_code == 204
    assert reader.get("/api/v1/jobs").status_code == 401
    assert http.get(f"/api/v1/api-keys/{key_id}").json()["revoked_at"] is not None


def test_nobody_makes_a_key_that_may_more_than_they_do(web: Served) -> None:
    maker = web.client(web.key(scopes=[ApiScope.KEYS_WRITE, ApiScope.JOBS_READ]))
    assert maker.post("/api/v1/api-keys", json={"name": "more", "role": "OWNER"}).status_code == 403
    assert maker.post("/api/v1/api-keys", json={"name": "same", "scopes": ["jobs:read"]}).status_code == 201


def test_a_key_that_has_expired_opens_nothing(web: Served, http: httpx2.Client, clock: Clock) -> None:
    late = {"name": "late", "scopes": ["jobs:read"], "expires_at": "2020-01-01T00:00:00Z"}
    assert http.post("/api/v1/api-keys", json=late).status_code == 422
    soon = {**late, "expires_at": (clock.now() + timedelta(hours=1)).isoformat()}
    key = http.post("/api/v1/api-keys", json=soon).json()["key"]
    clock.advance(hours=2)
    refused = web.client(key).get("/api/v1/jobs")
    assert (refused.status_code, "has expired" in refused.json()["detail"]) == (401, True)


def test_what_a_persons_key_makes_ends_with_their_membership(web: Served, ann: UUID) -> None:
    with closing(web.database.connect()) as conn:
        scope = Scope.of(ALL)
        run(conn, memberships.change_role(DEFAULT_WORKSPACE, ann, Role.ADMIN, ADMIN, EVERYTHING), scope)
        hers = web.client(web.key(user_id=ann))
        made = hers.post("/api/v1/api-keys", json={"name": "second", "scopes": ["jobs:read"]})
        assert made.json()["api_key"]["user_id"] == str(ann)
        run(conn, memberships.remove(DEFAULT_WORKSPACE, ann, ADMIN, EVERYTHING), scope)
    assert web.client(made.json()["key"]).get("/api/v1/jobs").status_code == 401


def test_wrong_keys_are_slowed_down(web: Served) -> None:
    stranger = web.client(f"jt_{new_id().hex}_{'A' * 43}")
    codes = {stranger.get("/api/v1/jobs").status_code for _ in range(40)}
    assert codes == {401, 429}
    refused = stranger.get("/api/v1/jobs")
    assert int(refused.headers["retry-after"]) >= 1


def test_too_many_requests_of_a_key_are_told_when_to_come_again(web: Served, http: httpx2.Client) -> None:
    busy = web.client()
    answers = [busy.get("/api/v1/me") for _ in range(30)]
    assert {answer.status_code for answer in answers} == {200}
    web.server.web.door.limit(per_key=1.0, per_workspace=0.0)
    answers = [busy.get("/api/v1/me") for _ in range(10)]
    assert answers[-1].status_code == 429
    assert answers[-1].json()["code"] == "too_often"
    assert http.get("/health").status_code == 200


@pytest.mark.usefixtures("ann")
def test_a_person_signs_in_and_out(web: Served) -> None:
    browser = web.client("")
    wrong = browser.post("/api/v1/login", json={"email": "ann@example.org", "password": "wrong"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "unauthenticated")
    entered = browser.post("/api/v1/login", json={"email": "Ann@Example.org", "password": PASSWORD})
    assert entered.status_code == 200
    assert "HttpOnly" in entered.headers["set-cookie"]
    assert "SameSite=Lax" in entered.headers["set-cookie"]
    assert browser.get("/api/v1/me").json()["actor_id"] == "ann@example.org"
    form = {"X-CSRF-Token": entered.json()["csrf_token"]}
    assert browser.post("/api/v1/jobs", json={"type": "a"}).status_code == 403
    assert browser.post("/api/v1/jobs", json={"type": "a"}, headers=form).status_code == 201
    elsewhere = {**form, "Sec-Fetch-Site": "cross-site"}
    assert browser.post("/api/v1/jobs", json={"type": "a"}, headers=elsewhere).status_code == 403
    assert browser.get("/api/v1/api-keys").status_code == 403
    cookie = browser.cookies["jobtrail"]
    assert browser.delete("/api/v1/login", headers=form).status_code == 204
    stolen = web.client("")
    stolen.cookies.set("jobtrail", cookie)
    assert stolen.get("/api/v1/me").status_code == 401


@pytest.mark.usefixtures("ann")
def test_whoever_signs_in_anew_leaves_no_login_behind(web: Served) -> None:
    browser, body = web.client(""), {"email": "ann@example.org", "password": PASSWORD}
    assert browser.post("/api/v1/login", json=body).status_code == 200
    before = browser.cookies["jobtrail"]
    assert browser.post("/api/v1/login", json={**body, "password": "wrong"}).status_code == 401
    assert browser.get("/api/v1/me").status_code == 200
    assert browser.post("/api/v1/login", json=body).status_code == 200
    assert browser.get("/api/v1/me").status_code == 200
    left = web.client("")
    left.cookies.set("jobtrail", before)
    assert left.get("/api/v1/me").status_code == 401


@pytest.mark.usefixtures("ann")
def test_guessing_passwords_is_slowed_down(web: Served) -> None:
    browser = web.client("")
    body = {"email": "ann@example.org", "password": "wrong"}
    codes = [browser.post("/api/v1/login", json=body).status_code for _ in range(8)]
    assert codes[0] == 401
    assert codes[-1] == 429


def test_members_come_and_go_but_an_owner_stays(http: httpx2.Client) -> None:
    assert http.post("/api/v1/members", json={"email": "bob@example.org", "role": "OWNER"}).status_code == 204
    (bob,) = http.get("/api/v1/members").json()["items"]
    assert (bob["email"], bob["role"]) == ("bob@example.org", "OWNER")
    place = f"/api/v1/members/{bob['user_id']}"
    assert http.delete(place).status_code == 409
    assert http.patch(place, json={"role": "VIEWER"}).status_code == 409
    assert http.post("/api/v1/members", json={"email": "eve@example.org", "role": "OWNER"}).status_code == 204
    assert http.patch(place, json={"role": "VIEWER"}).status_code == 204
    assert http.delete(place).status_code == 204
    told = [line["type"] for line in http.get("/api/v1/administration").json()["items"]]
    assert told[:2] == ["member.removed", "member.role_changed"]


def test_without_a_key_only_this_machine_gets_in_and_no_page_of_elsewhere(database: Database, tmp_path: Path) -> None:
    with served(database, tmp_path, local=True) as here:
        http = here.client("")
        assert http.get("/api/v1/me").json()["actor_type"] == "user"
        assert http.post("/api/v1/jobs", json={"type": "a"}).status_code == 201
        assert http.get("/api/v1/me", headers={"Host": "evil.example"}).status_code == 403
        assert http.get("/api/v1/me", headers={"Origin": "https://evil.example"}).status_code == 403
        sent = {"Sec-Fetch-Site": "cross-site"}
        assert http.post("/api/v1/jobs", json={"type": "a"}, headers=sent).status_code == 403
